# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measurements. Run from the checkout; the collection is found in it under the path that Ansible imports it by."""

from __future__ import annotations

import pathlib
import sys

_COLLECTIONS = str(pathlib.Path(__file__).resolve().parent.parent / ".cache" / "collections")
if _COLLECTIONS not in sys.path:
    sys.path.insert(0, _COLLECTIONS)
