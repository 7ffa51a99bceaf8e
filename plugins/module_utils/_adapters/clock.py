# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This machine's clock."""

from __future__ import annotations

import time


def now_us() -> int:
    """The time now, in microseconds since the epoch."""
    return time.time_ns() // 1000
