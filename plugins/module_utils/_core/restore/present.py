# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore in place leaves behind: what there is now, and how it is reached again. Pure."""

from __future__ import annotations

import dataclasses

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_ago, format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option

#: Agents ship every few seconds; what has not been shipped for longer is told as lacking.
_BEHIND_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Present:
    """What the repository has of the cluster as it is now.

    :param tag: the newest backup of everything; empty if there is none that can be read.
    :param backup_us: when its snapshots began.
    :param reached_us: up to when the archived logs lead on from it, on every node; ``None`` if they do not.
    """

    tag: str = ""
    backup_us: int = 0
    reached_us: int | None = None


def leaving_lines(*, until_us: int, now_us: int) -> list[str]:
    """What goes away, and what has to be done about clients before.

    :param until_us: the point that is restored.
    """
    gone = format_ago(until_us, now_us=now_us)
    return [
        f"Everything written after {format_us(until_us)} leaves the cluster: {gone} of writes.",
        (
            "Before you start it without --check: stop the clients, or take away their right to write, until you have "
            "looked at the data. Clients that go on update rows that they know of and that are not there any more, "
            "which leaves halves of rows."
        ),
    ]


def present_lines(present: Present, *, restore_id: str, now_us: int) -> tuple[list[str], list[str]]:
    """How the present is reached afterwards; and what to be warned of.

    :returns: lines, and warnings.
    """
    lines = [
        (
            "The way back: what is there now is put aside on each node and kept. As long as it is, "
            f"{option('state', 'rolled_back')} with {option('restore_id', restore_id)} brings it back."
        )
    ]
    only = "only what is put aside on the nodes has what was written since. Do not remove it before you are sure"
    if present.reached_us is not None:
        lines.append(
            f"In the repository, the present is reached up to {format_us(present.reached_us)}, as a restore point."
        )
        if (now_us - present.reached_us) / 1e6 <= _BEHIND_SECONDS:
            return lines, []
        behind = format_ago(present.reached_us, now_us=now_us)
        return lines, [
            (
                f"The archive of the commit logs is {behind} behind: {only}. If Cassandra runs, run "
                "revive.cassandra.ship_commitlogs first."
            )
        ]
    if not present.tag:
        return lines, [f"No backup in the repository has the present: {only}."]
    since = f"the newest backup, {present.tag}, is of {format_us(present.backup_us)}"
    return lines, [
        (
            f"The present is in no window of moments that is sure; {since}, "
            f"{format_ago(present.backup_us, now_us=now_us)} ago: {only}. "
            "If Cassandra runs, revive.cassandra.backup puts the present into the repository first."
        )
    ]
