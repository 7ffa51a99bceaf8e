# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore of tables will do, for people. Pure."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_size, format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import moment_plan_lines
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    BESIDE,
    MERGE,
    REPLACE,
    TablesPlan,
)


def number_of_tables(plan: TablesPlan) -> str:
    """In words, of a plan that knows them."""
    return f"{len(plan.tables)} tables" if len(plan.tables) != 1 else "1 table"


def tables_plan_lines(plan: TablesPlan) -> list[str]:
    """What a restore of tables will do, to be read before it begins."""
    restore = plan.restore
    how = {
        BESIDE: "into new tables; nothing that exists is affected"
        + (" except roles, passwords and permissions" if plan.selection.roles else ""),
        REPLACE: "in place of what the tables hold",
        MERGE: "over what the tables hold",
    }[restore.mode]
    what = number_of_tables(plan) if plan.tables else f"the tables {', '.join(plan.selection.patterns)}"
    lines = [
        f"Restore {what} of {restore.tag} of cluster {restore.source_cluster_name} {how}.",
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
    for table in plan.tables:
        rows = "rows not counted" if table.rows is None else f"{table.rows} rows"
        source = shown_name(table.source_keyspace, table.source_table)
        new = "a new table" if table.is_new else "which is emptied first" if table.replaces else "which exists"
        lines.append(f"{source} goes to {table}, {new}: {table.files} files, {format_size(table.size)}, {rows}")
    lines += [
        f"{each.target_name} ({each.target_address}) imports what {each.source_name} had: {each.files} files, "
        f"{format_size(each.size)}"
        for each in restore.assignments
    ]
    if plan.selection.reshape:
        lines.append(
            "The cluster may have another shape: each node fetches what all nodes had, and drops what is not its own. "
            "Nothing is streamed between nodes, and no repair is needed."
        )
    if not plan.tables:
        lines += [
            f"The backup has no {pattern}. If it was made after the backup and before the moment, it is in the logs."
            for pattern in plan.unmatched
        ]
        lines.append(
            "Which tables there were at the moment is known once the logs have been replayed beside Cassandra. The "
            "rest of the plan is made then, before any table is touched."
        )
    if any(table.is_comparable for table in plan.tables) and not plan.comparable:
        lines.append(
            "The backup holds some tables only, without Cassandra's own schema: afterwards files are compared with it, "
            "rows are not."
        )
    lines += [f"Before: {' '.join(statement.split())[:160]}" for statement in plan.before_cql]
    lines += [f"Then: {' '.join(statement.split())[:160]}" for statement in plan.after_cql]
    lines += [f"Then: rebuild the index {index}" for index in plan.indexes]
    lines += [f"Then, again: {' '.join(statement.split())[:160]}" for statement in plan.views]
    return lines + [f"Warning: {warning}" for warning in restore.warnings]
