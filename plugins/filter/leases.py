# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who works on the nodes of a play."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import in_words
from ansible_collections.revive.cassandra.plugins.plugin_utils._play_process import has_ended
from ansible_collections.revive.cassandra.plugins.plugin_utils._role_words import role_variables

Values = t.Mapping[str, t.Any]


def lease_of_play(lease: Values, seen: t.Any = None) -> dict[str, t.Any]:
    """The lease of a play as a node is given it: with those of plays that have ended on this controller."""
    found = seen.get("lease") if isinstance(seen, t.Mapping) else None
    ended = [found["id"]] if found and has_ended(found.get("controller")) else []
    return {**lease, "ended": ended}


def lease_problems(seen: t.Mapping[str, Values | None], role: str = "", taken_over: t.Any = ()) -> list[str]:
    """Who works on which node, other than plays that are over; with the ways on."""
    words = role_variables(role)
    given_up = taken_over if isinstance(taken_over, (list, tuple)) else str(taken_over).split(",")
    return [
        in_words(str(found["marked"]), words)
        for found in seen.values()
        if found
        and not (found["over"] or has_ended(found.get("controller")))
        and found["id"] not in {str(each).strip() for each in given_up}
    ]


def lease_lines(seen: t.Mapping[str, Values | None]) -> list[str]:
    """Who works on the nodes, a line each."""
    return [f"{found['summary']}{' It is over.' if found['over'] else ''}" for found in seen.values() if found] or [
        "Nobody works on these nodes."
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By their names."""
        return {"lease_lines": lease_lines, "lease_of_play": lease_of_play, "lease_problems": lease_problems}
