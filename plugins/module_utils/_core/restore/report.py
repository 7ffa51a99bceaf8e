# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore has brought back, in plain values and in lines that people read. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import SYSTEM_KEYSPACES
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import RowEstimate
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import (
    format_duration,
    format_size,
    format_us,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.afterwards import after_lines, time_lines
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    IN_PLACE,
    NEW_CLUSTER,
    ONE_NODE,
    RestorePlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment_report import (
    NodeReplay,
    moment_report,
    moment_report_lines,
)

EQUAL = "equal"
DIFFERS = "differs"
NOT_COUNTED = "not_counted"
#: Of both, or of one, only about how many rows there are is known.
ABOUT = "about"
#: The table has hardly any of the rows that it had.
DOUBTFUL = "doubtful"
#: Fewer than this part of what was there is doubtful.
_HARDLY = 0.5
#: Of fewer rows nothing is concluded, unless all of them have to be there: rows expire, and are deleted.
_MANY = 1000
#: At a moment there are other rows than in the backup it was reached from.
COUNTED = "counted"


@dataclasses.dataclass(frozen=True)
class NodeResult:
    """One target's part of a restore.

    :param fetched_bytes: of objects as they are stored; ``seconds`` is how long fetching took.
    """

    name: str
    files: int
    size: int
    fetched_bytes: int
    reused_bytes: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class TableComparison:
    """A table's rows in the backup and now; ``None`` where they were not counted.

    :param at_moment: whether it is of a moment later than the backup, so equal numbers are not to be expected.
    :param estimate: from the files of the backup.
    :param about_rows: there now, if there was no time to count all.
    """

    keyspace: str
    table: str
    backed_up_rows: int | None
    rows: int | None
    at_moment: bool = False
    estimate: RowEstimate | None = None
    about_rows: int | None = None

    @property
    def outcome(self) -> str:
        """``equal``, ``differs``, ``about``, ``doubtful`` or ``not_counted``; ``counted`` at a moment."""
        if self.at_moment:
            return NOT_COUNTED if self.rows is None else COUNTED
        if self.backed_up_rows is None and self.estimate is None:
            return NOT_COUNTED
        if self.rows is None:
            return NOT_COUNTED if self.about_rows is None else ABOUT
        if self._doubtful(self.rows):
            return DOUBTFUL
        if self.backed_up_rows is None:
            return ABOUT
        return EQUAL if self.backed_up_rows == self.rows else DIFFERS

    def _doubtful(self, now: int) -> bool:
        """Whether so few are there that somebody has to look. Parts of a table show nothing: a row may be elsewhere."""
        must = self.estimate.at_least if self.estimate else 0
        if must and (now == 0 or now < _HARDLY * must):
            # None of its files deletes anything, so all of this has to be there.
            return True
        # Not by what its files hold at most: what has expired, or another file deletes, is rightly gone, and an emptied
        # queue is no lost table.
        counted = self.backed_up_rows or 0
        return counted >= _MANY and now < _HARDLY * counted


def compare_tables(
    manifest: ClusterManifest, *, rows: t.Mapping[str, int | None], about: t.Mapping[str, int | None]
) -> tuple[TableComparison, ...]:
    """Each table that users made, in the backup and now.

    :param rows: now, by ``keyspace.table``, and ``about`` how many where not all were counted.
    """
    return tuple(
        TableComparison(
            keyspace=summary.table.keyspace,
            table=summary.table.table,
            backed_up_rows=summary.rows,
            rows=rows.get(str(summary.table)),
            estimate=summary.estimate,
            about_rows=about.get(str(summary.table)),
        )
        for summary in manifest.tables
        if summary.table.keyspace not in SYSTEM_KEYSPACES
    )


def compare_moment(
    manifest: ClusterManifest, *, tables: t.Iterable[str], rows: t.Mapping[str, int | None]
) -> tuple[TableComparison, ...]:
    """Each table that users had made by a moment.

    :param tables: ``keyspace.table`` of them, and ``rows`` now by the same.
    """
    before = {str(summary.table): summary.rows for summary in manifest.tables}
    return tuple(
        TableComparison(
            keyspace=name.partition(".")[0],
            table=name.partition(".")[2],
            backed_up_rows=before.get(name),
            rows=rows.get(name),
            at_moment=True,
        )
        for name in sorted(tables)
    )


def restore_report(
    *,
    plan: RestorePlan,
    manifest: ClusterManifest,
    nodes: t.Sequence[NodeResult],
    rows: t.Mapping[str, int | None],
    began_us: int,
    ended_us: int,
    about: t.Mapping[str, int | None] | None = None,
    replays: t.Sequence[NodeReplay] = (),
    stopped_us: int | None = None,
    removed_old: bool = False,
) -> dict[str, t.Any]:
    """The report of a restore.

    The recovery point of a backup is when the first snapshot began: what had been written by then is in all of them. A
    count differs without fault where rows expired since, or were written while the backup's were counted.

    :param rows: now, by ``keyspace.table``; a table that is not there has not been counted.
    :param about: how many there are about, of those that were not counted to the end.
    :param began_us: when the restore began, in microseconds since the epoch, and ``ended_us`` when all nodes served.
    :param replays: of a restore to a moment, what was replayed on each node.
    :param stopped_us: when nodes that ran were stopped; ``None`` if none ran, or nobody noted it.
    :param removed_old: whether what was there before is deleted.
    :returns: plain values, and in ``lines`` the text.
    """
    moment = moment_report(plan, replays=replays)
    if moment:
        tables = compare_moment(manifest, tables=replays[0].tables if replays else (), rows=rows)
    else:
        tables = compare_tables(manifest, rows=rows, about=about or {})
    doubtful = [_table_line(table) for table in tables if table.outcome == DOUBTFUL]
    reached_us = moment["reached_us"] if moment else plan.snapshot_began_us
    fetched = sum(node.fetched_bytes for node in nodes)
    slowest = max((node.seconds for node in nodes), default=0.0)
    value: dict[str, t.Any] = {
        "restore_id": plan.restore_id,
        "tag": plan.tag,
        "signed": plan.signed,
        "mode": plan.mode,
        "source_cluster": plan.source_cluster_name,
        "target_cluster": plan.target_cluster_name,
        "rto_seconds": (ended_us - began_us) / 1e6,
        "began": format_us(began_us),
        "stopped": None if stopped_us is None else format_us(stopped_us),
        "served": format_us(ended_us),
        "downtime_seconds": None if stopped_us is None else (ended_us - stopped_us) / 1e6,
        "recovery_point_us": reached_us,
        "recovery_point": format_us(reached_us),
        "moment": moment,
        "snapshot_window_seconds": (plan.snapshot_ended_us - plan.snapshot_began_us) / 1e6,
        "files": sum(node.files for node in nodes),
        "size": sum(node.size for node in nodes),
        "fetched_bytes": fetched,
        "reused_bytes": sum(node.reused_bytes for node in nodes),
        "fetch_seconds": slowest,
        "bytes_per_second": fetched / slowest if slowest else 0.0,
        "nodes": [dataclasses.asdict(node) for node in nodes],
        "tables": [_table(table) for table in tables],
        "equal": sum(table.outcome == EQUAL for table in tables),
        "different": [f"{table.keyspace}.{table.table}" for table in tables if table.outcome == DIFFERS],
        "about": [f"{table.keyspace}.{table.table}" for table in tables if table.outcome == ABOUT],
        "not_counted": [f"{table.keyspace}.{table.table}" for table in tables if table.outcome == NOT_COUNTED],
        "repaired": [each.target_name for each in plan.assignments if each.schema_of],
        "doubtful": doubtful,
        "warnings": list(plan.warnings),
        # What rows seem to be missing of is kept.
        "afterwards": after_lines(plan, stopped_us=stopped_us, removed_old=removed_old and not doubtful),
    }
    return {**value, "lines": _lines(value, tables=tables, nodes=nodes)}


def _table(table: TableComparison) -> dict[str, t.Any]:
    return {
        "keyspace": table.keyspace,
        "table": table.table,
        "backed_up_rows": table.backed_up_rows,
        "rows": table.rows,
        "estimated_backed_up_rows": table.estimate.at_most if table.estimate else None,
        "estimated_rows": table.about_rows,
        "outcome": table.outcome,
    }


def _lines(
    value: t.Mapping[str, t.Any], *, tables: t.Sequence[TableComparison], nodes: t.Sequence[NodeResult]
) -> list[str]:
    point = f"{value['moment']['asked']} from {value['tag']}" if value["moment"] else value["tag"]
    how = {
        NEW_CLUSTER: f"as the new cluster {value['target_cluster']}",
        IN_PLACE: f"in place, on cluster {value['target_cluster']}",
        ONE_NODE: f"for {', '.join(node.name for node in nodes)} alone, into the cluster {value['target_cluster']}",
    }[value["mode"]]
    lines = [
        f"Restored {point} of cluster {value['source_cluster']} {how}.",
        *time_lines(value),
        f"Recovery point (RPO) {value['recovery_point']}: everything written by then is there.",
        *(moment_report_lines(value["moment"]) if value["moment"] else ()),
        f"The snapshots of all nodes took {value['snapshot_window_seconds']:.1f} s.",
        f"{value['files']} files, {format_size(value['size'])}.",
        _rate_line(value),
        *([value["signed"]] if value["signed"] else ()),
    ]
    lines += [
        f"  {node.name}: {node.files} files, {format_size(node.size)}, {format_size(node.fetched_bytes)} fetched, "
        f"{format_size(node.reused_bytes)} were there already"
        for node in nodes
    ]
    if value["repaired"]:
        lines.append(f"Repaired from the others, since the backup has nothing of them: {', '.join(value['repaired'])}.")
    if value["moment"]:
        lines.append(f"Tables at the moment: {len(tables)}, {len(value['not_counted'])} of them not counted.")
    else:
        doubtful = len(value["doubtful"])
        lines.append(
            f"Tables: {value['equal']} equal, {len(value['different'])} different, "
            f"{len(value['about'])} estimated and not counted, {len(value['not_counted'])} not looked at"
            f"{f', {doubtful} WITH HARDLY ANY OF THEIR ROWS' if doubtful else ''}."
        )
    lines += [f"  {_table_line(table)}" for table in tables]
    lines += [f"Warning: {warning}" for warning in value["warnings"]]
    return lines + list(value["afterwards"])


def _rate_line(value: t.Mapping[str, t.Any]) -> str:
    return (
        f"{format_size(value['fetched_bytes'])} fetched in {format_duration(value['fetch_seconds'])}, "
        f"{format_size(value['bytes_per_second'])}/s over all nodes."
    )


def _table_line(table: TableComparison) -> str:
    name = f"{table.keyspace}.{table.table}"
    there = f"{table.rows} rows" if table.rows is not None else "not counted"
    if table.about_rows is not None and table.rows is None:
        there = f"about {table.about_rows} rows"
    if table.at_moment:
        before = "not counted or not there" if table.backed_up_rows is None else str(table.backed_up_rows)
        return f"{name}: {there}; in the backup {before}"
    if table.outcome == EQUAL:
        return f"{name}: {there}, as in the backup"
    if table.backed_up_rows is None and table.estimate is not None:
        return f"{name}: {there}; estimated in the backup, not counted: {_estimated(table.estimate)}"
    if table.backed_up_rows is None:
        return f"{name}: {there}; the backup did not count"
    return f"{name}: {there}, {table.backed_up_rows} in the backup"


def _estimated(estimate: RowEstimate) -> str:
    if estimate.at_most == estimate.at_least and not estimate.deletions:
        return str(estimate.at_most)
    if not estimate.deletions:
        return f"between {estimate.at_least} and {estimate.at_most}"
    return f"up to {estimate.at_most}, some of them deleted or expired"
