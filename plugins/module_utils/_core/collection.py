# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which release of this collection runs. Pure."""

from __future__ import annotations

#: The same as in galaxy.yml. Manifests and ledger heads say with it what wrote them.
COLLECTION_VERSION = "0.1.0"
