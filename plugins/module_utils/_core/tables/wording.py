# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore of tables will do, for people. Pure."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import (
    format_ago,
    format_size,
    format_us,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import moment_plan_lines
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    BESIDE,
    REPLACE,
    TablesPlan,
)


def number_of_tables(plan: TablesPlan) -> str:
    """In words, of a plan that knows them."""
    return f"{len(plan.tables)} tables" if len(plan.tables) != 1 else "1 table"


def tables_plan_lines(plan: TablesPlan, *, now_us: int | None = None) -> list[str]:
    """What a restore of tables will do, to be read before it begins.

    :param now_us: this moment, to say how much goes away.
    """
    restore = plan.restore
    what = number_of_tables(plan) if plan.tables else f"the tables {', '.join(plan.selection.patterns)}"
    lines = [
        f"Restore {what} of {restore.tag} of cluster {restore.source_cluster_name} {_how(plan)}.",
        *(
            f"Warning: the backup {restore.tag} has no {text} If it was made after the backup and before the moment, "
            "it is in the logs; if the name is mistyped, the restore is refused once they have been replayed."
            for text in plan.unmatched
        ),
        f"This is the restore {restore.restore_id}; if it is interrupted, run the same again: it goes on where it was.",
        *([restore.signed] if restore.signed else ()),
    ]
    if restore.moment:
        lines += moment_plan_lines(restore.moment, tag=restore.tag)
    else:
        lines.append(f"As of {format_us(plan.as_of_us)}: what was written later is not in the backup.")
    if plan.tables and restore.moment:
        lines.append(f"{restore.files} files, {format_size(restore.size)} are on the nodes. Cassandra keeps serving.")
    else:
        lines.append(
            f"{restore.files} files, {format_size(restore.size)}; at most {format_size(restore.stored_size)} to fetch. "
            "Cassandra keeps serving."
        )
    lines += [*consequence_lines(plan, now_us=now_us), *_who_gets_what(plan)]
    if plan.selection.reshape:
        lines.append(
            "The cluster may have another shape: each node fetches what all nodes had, and drops what is not its own. "
            "Nothing is streamed between nodes, and no repair is needed."
        )
    if not plan.tables:
        lines.append(
            "Which tables there were at the moment is known once the logs have been replayed beside Cassandra. The "
            "rest of the plan is made then, before any table is touched."
        )
    if any(table.is_comparable for table in plan.tables) and not plan.comparable:
        lines.append(
            "The backup holds some tables only, without Cassandra's own schema: afterwards files are compared with it, "
            "rows are not."
        )
    lines += [f"Before: {_shown(statement)}" for statement in plan.before_cql]
    lines += [f"Then: {_shown(statement)}" for statement in plan.after_cql]
    lines += [f"Then: rebuild the index {index}" for index in plan.indexes]
    lines += [f"Then, again: {_shown(statement)}" for statement in plan.views]
    return lines + [f"Warning: {warning}" for warning in restore.warnings]


def consequence_lines(plan: TablesPlan, *, now_us: int | None = None) -> list[str]:
    """What goes away, how it is reached again, and what becomes of the windows of moments."""
    restore = plan.restore
    as_of = format_us(plan.as_of_us)
    emptied = [str(table) for table in plan.tables if table.replaces]
    writes = "" if now_us is None else f" ({format_ago(plan.as_of_us, now_us=now_us)})"
    lines = []
    if emptied or (restore.mode == REPLACE and not plan.tables):
        which = ", ".join(emptied) or "the tables that are there"
        lines += [
            f"{REPLACE}: everything written after {as_of}{writes} leaves {which}.",
            f"The way back: what they hold is kept in the snapshots {restore.restore_id}-* on each node.",
            (
                "Stop the clients that write to them first, or take away their right to write: they would update rows "
                "that they know of and that are not there any more, which leaves halves of rows."
            ),
        ]
    return [*lines, window_line(plan)]


def window_line(plan: TablesPlan) -> str:
    """Whether moments can still be restored afterwards."""
    if plan.is_look or (not plan.tables and plan.restore.mode == BESIDE and not plan.selection.roles):
        return (
            "No window of moments ends by this. Only the new tables are in no commit log: at a later moment they come "
            "back without what is imported now."
        )
    return (
        "This ends the window of moments of the whole cluster, if its commit logs are archived: no log has what is "
        "imported. Until a backup is taken afterwards (revive.cassandra.backup), neither the cluster nor these tables "
        "can be restored to a moment after it; other tables alone can."
    )


def _how(plan: TablesPlan) -> str:
    if plan.restore.mode == BESIDE:
        roles = " except roles, passwords and permissions" if plan.selection.roles else ""
        return f"into new tables; nothing that exists is affected{roles}"
    if plan.tables and all(table.is_new for table in plan.tables):
        one = len(plan.tables) == 1
        return "as it was: it is gone, and is made first" if one else "as they were: they are gone, and are made first"
    return "in place of what the tables hold" if plan.restore.mode == REPLACE else "over what the tables hold"


def _shown(statement: str) -> str:
    return textwrap.shorten(statement, width=160, placeholder=" ...")


def _who_gets_what(plan: TablesPlan) -> t.Iterator[str]:
    """Each table, then each node."""
    restore = plan.restore
    for table in plan.tables:
        rows = "rows not counted" if table.rows is None else f"{table.rows} rows"
        source = shown_name(table.source_keyspace, table.source_table)
        new = "a new table" if table.is_new else "which is emptied first" if table.replaces else "which exists"
        yield f"{source} goes to {table}, {new}: {table.files} files, {format_size(table.size)}, {rows}"
    # What is imported of a moment is not what was fetched, so those figures would not add up.
    staged = bool(plan.tables and restore.moment)
    if plan.tables and not staged and restore.files > sum(table.files for table in plan.tables):
        yield "What nodes fetch beyond that is Cassandra's own schema, to compare with, or copies of the same files."
    for each in restore.assignments:
        who = f"{each.target_name} ({each.target_address}) imports what {each.source_name} had"
        yield who if staged else f"{who}: {each.files} files, {format_size(each.size)}"
