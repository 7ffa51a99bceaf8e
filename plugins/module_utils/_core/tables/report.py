# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore of tables has brought back, in plain values and in lines that people read. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.commands import playbook
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import (
    format_duration,
    format_size,
    format_us,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import build, plain
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment_report import (
    NodeReplay,
    moment_report,
    moment_report_lines,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.report import (
    DIFFERS,
    EQUAL,
    NOT_COUNTED,
    NodeResult,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    REPLACE,
    TableRestore,
    TablesPlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.row_comparison import TableRows
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.wording import (
    number_of_tables,
    window_line,
)


@dataclasses.dataclass(frozen=True)
class NodeImport:
    """What one node took.

    :param held: of the SSTables those that were seen in the tables afterwards, byte for byte.
    :param size: bytes of all the files of ``sstables``; ``seconds`` is how long it took.
    """

    name: str
    sstables: int
    held: int
    size: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class NodeRows:
    """What one node found when it compared a table's rows with the backup's."""

    name: str
    keyspace: str
    table: str
    rows: TableRows

    @classmethod
    def all_of(cls, name: str, value: t.Mapping[str, t.Any]) -> list[NodeRows]:
        """From what verifying returned on a node."""
        return [build(cls, {**each, "name": name}) for each in value["tables"]]


def tables_report(
    plan: TablesPlan,
    *,
    fetched: t.Sequence[NodeResult],
    imported: t.Sequence[NodeImport],
    rows: t.Mapping[str, int],
    began_us: int,
    ended_us: int,
    before_us: int | None = None,
    replays: t.Sequence[NodeReplay] = (),
    compared: t.Sequence[NodeRows] = (),
    compared_seconds: float = 0.0,
) -> dict[str, t.Any]:
    """The report of a restore of tables.

    :param rows: now, by ``keyspace.table``.
    :param began_us: when the restore began, and ``ended_us`` when the tables could be read.
    :param before_us: a moment at which what is replaced was still there; ``None`` if that is not known.
    :param replays: for a moment what became of each node's log.
    :param compared: what each node found; nothing where rows were not compared. ``compared_seconds`` is how long the
        slowest took.
    :returns: plain values, and in ``lines`` the text.
    """
    restore = plan.restore
    sums = {str(table): _sum_of(table, compared) for table in plan.tables}
    tables = [
        {
            **dataclasses.asdict(table),
            "compared": plain(sums[str(table)]),
            "rows_now": rows.get(f"{table.keyspace}.{table.table}"),
            "outcome": _outcome(table, now=rows.get(f"{table.keyspace}.{table.table}")),
        }
        for table in plan.tables
    ]
    value: dict[str, t.Any] = {
        "restore_id": restore.restore_id,
        "tag": restore.tag,
        "signed": restore.signed,
        "mode": restore.mode,
        "recovery_point_us": plan.as_of_us,
        "recovery_point": format_us(plan.as_of_us),
        "moment": moment_report(restore, replays=replays),
        "began": format_us(began_us),
        "imported": format_us(ended_us),
        "seconds": (ended_us - began_us) / 1e6,
        "compared_seconds": compared_seconds,
        "fetched_bytes": sum(node.fetched_bytes for node in fetched),
        "size": sum(node.size for node in imported),
        "nodes": [dataclasses.asdict(node) for node in imported],
        "tables": tables,
        "warnings": list(restore.warnings),
        "afterwards": _after_lines(plan, before_us=before_us),
    }
    lines = _lines(value, plan=plan, imported=imported, sums=sums)
    return {**value, "lines": [*lines, *value["afterwards"]]}


def _lines(
    value: t.Mapping[str, t.Any],
    *,
    plan: TablesPlan,
    imported: t.Sequence[NodeImport],
    sums: t.Mapping[str, TableRows | None],
) -> list[str]:
    lines = [
        f"Restored {number_of_tables(plan)} of {plan.restore.tag} in {format_duration(value['seconds'])}.",
        f"Begun {value['began']}; the tables have had their data since {value['imported']}.",
        *(
            moment_report_lines(value["moment"])
            if value["moment"]
            else [f"As of {value['recovery_point']}: what was written later is not in the backup."]
        ),
        f"{format_size(value['fetched_bytes'])} fetched, {format_size(value['size'])} imported.",
    ]
    lines += [
        f"  {node.name}: {node.sstables} SSTables, {format_size(node.size)}, in {format_duration(node.seconds)}; "
        f"{_held(node)}"
        for node in imported
    ]
    for table, each in zip(plan.tables, value["tables"]):
        lines.append(f"  {_line(table, now=each['rows_now'])}")
        lines += [f"    {line}" for line in _compared_lines(table, sums[str(table)], moment=bool(plan.restore.moment))]
    if any(sums.values()):
        lines.append(f"Rows were compared in {format_duration(value['compared_seconds'])}, while the tables served.")
    lines += [*filter(None, [plan.restore.signed]), *(f"Warning: {warning}" for warning in value["warnings"])]
    return lines


def _after_lines(plan: TablesPlan, *, before_us: int | None) -> list[str]:
    """What has to follow, with what is to be pasted: statements for cqlsh, playbooks as after ``ansible-playbook``."""
    own = [table for table in plan.tables if table.is_own]
    lines = [f"When you do not need it any more: DROP TABLE {table};" for table in own]
    replaced = [f"{table.keyspace}.{table.table}" for table in plan.tables if table.replaces]
    if replaced and before_us is not None:
        before = {"restore_point": format_us(before_us), "restore_mode": REPLACE, "restore_tables": ",".join(replaced)}
        lines.append(
            "To have back what the tables held before, if commit logs are archived; try it with --check: "
            f"{playbook('restore_tables', before)}"
        )
    if plan.is_look:
        return [*lines, window_line(plan)]
    return [
        *lines,
        (
            "Neither the cluster nor these tables can be restored to a moment after this until there is a backup. "
            f"Take one: {playbook('backup', {})}"
        ),
    ]


def _sum_of(table: TableRestore, compared: t.Sequence[NodeRows]) -> TableRows | None:
    found = [each.rows for each in compared if (each.keyspace, each.table) == (table.keyspace, table.table)]
    return sum(found, TableRows()) if found else None


def _compared_lines(table: TableRestore, rows: TableRows | None, *, moment: bool) -> t.Iterator[str]:
    if rows is None:
        return
    same = "all are" if rows.same == rows.rows else f"{rows.same} are"
    newer = f", {rows.newer} are newer than what the replica had" if rows.newer else ""
    yield f"each replica's rows compared with the backup's, {rows.rows} together: {same} the same{newer}"
    if rows.early:
        yield (
            f"{rows.early} of the newer rows were written before the import began: another replica had them in the "
            "backup, or clients give write times of their own"
        )
    tokens = ", ".join(map(str, rows.examples))
    since = "since the import" if table.from_import else f"since the {'moment' if moment else 'backup'}"
    if rows.missing:
        yield (
            f"{rows.missing} are not there, which is only right if clients have deleted them {since}; some of their "
            f"partitions have the tokens {tokens}"
        )
    if rows.lacking:
        yield (
            f"{rows.lacking} lack a value that the backup has, which is only right if clients have deleted it {since}; "
            f"some of their partitions have the tokens {tokens}"
        )


def _held(node: NodeImport) -> str:
    if node.held == node.sstables:
        return "all of them are in the tables, byte for byte"
    return f"{node.held} are in the tables byte for byte; Cassandra has compacted the others"


def _outcome(table: TableRestore, *, now: int | None) -> str:
    """Of a table that was there, more than the backup had is as it should be."""
    if table.rows is None or now is None:
        return NOT_COUNTED
    return EQUAL if now == table.rows or (now > table.rows and not table.is_new) else DIFFERS


def _line(table: TableRestore, *, now: int | None) -> str:
    source = shown_name(table.source_keyspace, table.source_table)
    there = "not counted" if now is None else f"{now} rows"
    if table.rows is None:
        return f"{source} in {table}: {there}; not counted in the backup"
    same = table.is_new and now == table.rows
    return f"{source} in {table}: {there}, " + ("as in the backup" if same else f"{table.rows} in the backup")
