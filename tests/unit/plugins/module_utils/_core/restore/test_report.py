# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report compares every table and says how long it took and what point was reached."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import RowEstimate
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    TableSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import Assignment
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import LogPart, MomentPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment_report import NodeReplay
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.report import NodeResult, restore_report
from tests.unit.plugins.module_utils._core.restore.plans import restore_plan

_MIB = 1024 * 1024


def _table(name: str, rows: int | None, keyspace: str = "shop") -> TableSummary:
    return TableSummary(table=TableRef(keyspace, name, "0" * 32), files=1, size=1, rows=rows)


_MANIFEST = ClusterManifest(
    tag="t",
    cluster_id="c",
    cluster_name="Old",
    began_us=0,
    completed_us=9,
    keyspaces=(),
    tables_asked=(),
    nodes=(),
    tables=(_table("a", 5), _table("b", 6), _table("c", None), _table("d", 4), _table("roles", None, "system_auth")),
    totals=Totals(),
    schema_cql=(),
    tool_version="1",
)
_PLAN = restore_plan(
    restore_id="t-new-cluster",
    mode="new_cluster",
    restore_auth=True,
    source_cluster_name="Old",
    target_cluster_name="New",
    snapshot_began_us=1_700_000_000_000_000,
    snapshot_ended_us=1_700_000_002_500_000,
    warnings=("mind the gap",),
    files=4,
    size=4,
    stored_size=4,
)


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        ("new_cluster", "Restored t of cluster Old as the new cluster New."),
        ("in_place", "Restored t of cluster Old in place, on cluster New."),
        ("one_node", "Restored t of cluster Old for n1 alone, into the cluster New."),
    ],
)
def test_a_report_says_what_kind_of_restore_it_was(mode: str, line: str) -> None:
    node = NodeResult(name="n1", files=1, size=1, fetched_bytes=1, reused_bytes=0, seconds=1.0)
    plan = dataclasses.replace(_PLAN, mode=mode)
    report = restore_report(plan=plan, manifest=_MANIFEST, nodes=[node], rows={}, began_us=0, ended_us=1)
    assert report["lines"][0] == line


def test_a_report_has_plain_values_and_lines_for_people() -> None:
    nodes = [
        NodeResult(name="n1", files=2, size=30 * _MIB, fetched_bytes=20 * _MIB, reused_bytes=0, seconds=4.0),
        NodeResult(name="n2", files=2, size=30 * _MIB, fetched_bytes=20 * _MIB, reused_bytes=5, seconds=2.0),
    ]
    report = restore_report(
        plan=_PLAN,
        manifest=_MANIFEST,
        nodes=nodes,
        rows={"shop.a": 5, "shop.b": 7, "shop.c": 1},
        began_us=0,
        ended_us=83_000_000,
    )
    assert json.loads(json.dumps(report)) == report
    assert (report["equal"], report["different"], report["not_counted"]) == (1, ["shop.b"], ["shop.c", "shop.d"])
    assert report["bytes_per_second"] == 10 * _MIB
    text = "\n".join(report["lines"])
    for part in (
        "RTO) 1:23",
        "RPO) 2023-11-14T22:13:20.000000Z",
        "took 2.5 s",
        "40.0 MiB fetched in 0:04, 10.0 MiB/s",
        "shop.a: 5 rows, as in the backup",
        "shop.b: 7 rows, 6 in the backup",
        "shop.d: not counted, 4 in the backup",
        "Warning: mind the gap",
    ):
        assert part in text, part
    assert "system_auth" not in text


def _compared(
    rows: int | None, now: int | None, *, estimate: RowEstimate | None = None, about: int | None = None
) -> t.Any:
    table = TableSummary(TableRef("shop", "a", "0" * 32), files=1, size=1, rows=rows, estimate=estimate)
    manifest = dataclasses.replace(_MANIFEST, tables=(table,))
    report = restore_report(
        plan=_PLAN,
        manifest=manifest,
        nodes=[],
        rows={"shop.a": now},
        about={"shop.a": about},
        began_us=0,
        ended_us=1,
    )
    return report["tables"][0]["outcome"], report["doubtful"], "\n".join(report["lines"])


def test_estimates_are_compared_loosely_and_called_that() -> None:
    outcome, doubtful, text = _compared(None, 96, estimate=RowEstimate(110, 100))
    assert (outcome, doubtful) == ("about", [])
    assert "Tables: 0 equal, 0 different, 1 estimated and not counted, 0 not looked at." in text
    assert "shop.a: 96 rows; estimated in the backup, not counted: between 100 and 110" in text
    assert "up to 5, some of them deleted" in _compared(None, 1, estimate=RowEstimate(5, 0, deletions=True))[2]


@pytest.mark.parametrize(
    ("rows", "now", "estimate", "doubtful"),
    [
        # A queue that is empty, or sessions that have expired since.
        (None, 0, RowEstimate(3_000_000, 0, deletions=True), False),
        (None, 1, RowEstimate(3_000_000, 0, deletions=True), False),
        (None, 0, RowEstimate(999, 0, deletions=True), False),
        # Nothing was deleted in its files: all of them have to be there.
        (None, 0, RowEstimate(3, 3), True),
        (None, 49, RowEstimate(500, 100), True),
        (None, 50, RowEstimate(500, 100), False),
        (None, 900, RowEstimate(500, 100), False),
        (3_000_000, 0, None, True),
        (3_000_000, 1_400_000, RowEstimate(9_000_000, 0, deletions=True), True),
        (3_000_000, 2_900_000, RowEstimate(9_000_000, 0, deletions=True), False),
        (7, 0, None, False),
    ],
)
def test_a_table_with_hardly_any_of_its_rows_is_named(
    *, rows: int | None, now: int, estimate: RowEstimate | None, doubtful: bool
) -> None:
    outcome, told, text = _compared(rows, now, estimate=estimate)
    assert (outcome == "doubtful", bool(told)) == (doubtful, doubtful)
    assert all(line.startswith(f"shop.a: {now} rows") for line in told)
    assert ("1 WITH HARDLY ANY OF THEIR ROWS" in text) == doubtful


def test_what_was_there_before_is_not_called_removed_where_rows_seem_to_be_missing() -> None:
    arguments: dict[str, t.Any] = {"plan": _PLAN, "nodes": (), "began_us": 0, "ended_us": 1, "removed_old": True}
    counted = [dataclasses.replace(table, rows=3_000_000) for table in _MANIFEST.tables]
    manifest = dataclasses.replace(_MANIFEST, tables=tuple(counted))
    for now, removed in ((0, False), (3_000_000, True)):
        rows = {str(table.table): now for table in counted}
        report = restore_report(manifest=manifest, rows=rows, **arguments)
        assert ("cannot be undone" in "\n".join(report["afterwards"])) == removed


def test_what_there_was_no_time_to_count_is_no_reason_for_doubt() -> None:
    outcome, doubtful, text = _compared(None, None, estimate=RowEstimate(3_000_000, 2_000_000), about=0)
    assert (outcome, doubtful) == ("about", [])
    assert "shop.a: about 0 rows" in text
    assert _compared(None, None, estimate=RowEstimate(1, 1))[0] == "not_counted"


def test_a_moments_report_says_what_was_asked_reached_and_replayed() -> None:
    asked = 1_700_000_000_500_000
    parts = [
        LogPart(f"h{number}", f"old-{number}", 1, 2, 50, 2, 1024, 512, asked + 9, asked - 250_000 * number)
        for number in (1, 2)
    ]
    values: dict[str, t.Any] = {field.name: 0 for field in dataclasses.fields(Assignment)}
    plan = dataclasses.replace(
        _PLAN,
        moment=MomentPlan(moment_us=asked, cut="by_arrival", until_us=asked, parts=tuple(parts)),
        assignments=tuple(
            Assignment(**{**values, "target_name": f"n{number}", "source_host_id": f"h{number}"}) for number in (1, 2)
        ),
    )
    tables = ("shop.a", "shop.b", "shop.new")
    replays = [NodeReplay(f"n{number}", 2, 1024, 70, 5, 1, 1, 2, tables, 61.0) for number in (1, 2)]
    report = restore_report(
        plan=plan,
        manifest=_MANIFEST,
        nodes=[],
        rows={"shop.a": 4, "shop.new": 9},
        began_us=0,
        ended_us=83_000_000,
        replays=replays,
    )
    assert json.loads(json.dumps(report)) == report
    assert report["moment"]["rpo_seconds"] == 0.5
    assert report["recovery_point_us"] == report["moment"]["reached_us"] == asked - 500_000
    assert [node["reached_us"] for node in report["moment"]["nodes"]] == [asked - 250_000, asked - 500_000]
    assert (report["equal"], report["different"], report["not_counted"]) == (0, [], ["shop.b"])
    text = "\n".join(report["lines"])
    for part in (
        "Restored 2023-11-14T22:13:20.500000Z from t of cluster Old",
        "asked for 2023-11-14T22:13:20.500000Z, reached 2023-11-14T22:13:20.000000Z: 0.500000 s before it",
        "140 updates replayed in 1:01",
        "10 mutations of tables that did not exist at the moment, 2 of a later schema",
        "n2: reached 2023-11-14T22:13:20.000000Z; 2 segments, 1.0 KiB; 70 replayed",
        "5 and 1 left out; 1 table truncated by then; 2 tables dropped by then",
        "shop.a: 4 rows; in the backup 5",
        "shop.new: 9 rows; in the backup not counted or not there",
        "Tables at the moment: 3, 1 of them not counted.",
    ):
        assert part in text, part
    assert "shop.d" not in text
    quiet = [dataclasses.replace(each, truncated_tables=0, dropped_tables=0) for each in replays]
    report = restore_report(
        plan=plan, manifest=_MANIFEST, nodes=[], rows={}, began_us=0, ended_us=1, replays=quiet, stopped_us=0
    )
    assert "by then" not in "\n".join(report["lines"]).replace("everything written by then", "")
    assert report["downtime_seconds"] == 1e-6
