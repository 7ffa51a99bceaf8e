# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores that nodes have begun, seen over all nodes."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import begun


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By their names."""
        return {
            "restored_by": begun.restored_by,
            "remove_problems": begun.remove_problems,
            "restore_lines": begun.restore_lines,
            "switched_hosts": begun.switched_hosts,
            "unknown_restore": begun.unknown_restore,
            "undo_problems": begun.undo_problems,
            "ways_to_go_on": begun.ways_to_go_on,
        }
