# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m bench``: all measurements."""

from __future__ import annotations

import sys

from bench import transfer

if __name__ == "__main__":
    sys.exit(transfer.main(sys.argv[1:]))
