# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab raises when it cannot do what it was asked."""

from __future__ import annotations


class LabError(Exception):
    """A sentence for the person at the terminal: what failed, and what to do next."""
