# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore of tables reports."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.report import NodeResult
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Selection, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.report import (
    NodeImport,
    NodeRows,
    tables_report,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.row_comparison import TableRows
from tests.unit.plugins.module_utils._core.restore.plans import restore_plan, table_restore

MIB = 2**20
_UNLESS_DELETED = (
    "which is only right if clients have deleted them since the import; some of their partitions have the tokens"
)
_THREE_OF_FIVE = "3 are in the tables byte for byte; Cassandra has compacted the others"

_AFTER_A_LOOK = [
    'When you do not need it any more: DROP TABLE shop."Orders_then";',
    (
        "No window of moments ends by this. Only the new tables are in no commit log: at a later moment they come back "
        "without what is imported now."
    ),
]
_AFTER_OTHERS = [
    (
        "To have back what the tables held before, if commit logs are archived; try it with --check: "
        "revive.cassandra.restore_tables -e restore_point=1970-01-01T00:00:05.000000Z -e restore_mode=replace "
        "-e restore_tables=shop.Orders"
    ),
    (
        "Neither the cluster nor these tables can be restored to a moment after this until there is a backup. "
        "Take one: revive.cassandra.backup"
    ),
]


def _plan(*, rows: int | None, is_new: bool) -> TablesPlan:
    table = table_restore("Orders", is_new=is_new, table="Orders_then" if is_new else "Orders", rows=rows)
    restore = restore_plan(tag="nightly", mode="beside", snapshot_began_us=1_000_000, warnings=("Look out.",))
    return TablesPlan(restore=restore, selection=Selection(), fetched=(), tables=(table,))


@pytest.mark.parametrize(
    ("rows", "now", "is_new", "said", "outcome"),
    [
        (7, 7, True, 'shop."Orders" in shop."Orders_then": 7 rows, as in the backup', "equal"),
        (7, 6, True, 'shop."Orders" in shop."Orders_then": 6 rows, 7 in the backup', "differs"),
        (7, 9, False, 'shop."Orders" in shop."Orders": 9 rows, 7 in the backup', "equal"),
        (None, 9, False, 'shop."Orders" in shop."Orders": 9 rows; not counted in the backup', "not_counted"),
    ],
)
def test_rows_are_told_beside_those_of_the_backup(
    rows: int | None, now: int, said: str, outcome: str, *, is_new: bool
) -> None:
    plan = _plan(rows=rows, is_new=is_new)
    report = tables_report(
        plan,
        fetched=[NodeResult(name="n1", files=8, size=MIB, fetched_bytes=MIB // 2, reused_bytes=MIB // 2, seconds=1.0)],
        imported=[
            NodeImport(name="n1", sstables=2, held=2, size=MIB, seconds=3.0),
            NodeImport(name="n2", sstables=5, held=3, size=MIB, seconds=4.0),
        ],
        rows={f"shop.{plan.tables[0].table}": now},
        began_us=0,
        ended_us=65_000_000,
        before_us=5_000_000,
    )
    assert report["tables"][0]["outcome"] == outcome
    assert report["lines"] == [
        "Restored 1 table of nightly in 1:05.",
        "Begun 1970-01-01T00:00:00.000000Z; the tables have had their data since 1970-01-01T00:01:05.000000Z.",
        "As of 1970-01-01T00:00:01.000000Z: what was written later is not in the backup.",
        "512.0 KiB fetched, 2.0 MiB imported.",
        "  n1: 2 SSTables, 1.0 MiB, in 0:03; all of them are in the tables, byte for byte",
        f"  n2: 5 SSTables, 1.0 MiB, in 0:04; {_THREE_OF_FIVE}",
        f"  {said}",
        "Warning: Look out.",
        *(_AFTER_A_LOOK if is_new else _AFTER_OTHERS),
    ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], []),
        ([TableRows(rows=4, same=4), TableRows(rows=3, same=3)], ["7 together: all are the same"]),
        (
            [TableRows(rows=4, same=2, newer=3), TableRows(rows=3, same=2, missing=1, examples=(-5,))],
            [
                "7 together: 4 are the same, 3 are newer than what the replica had",
                f"1 are not there, {_UNLESS_DELETED} -5",
            ],
        ),
    ],
)
def test_what_the_replicas_hold_is_told_for_all_together(found: list[TableRows], said: list[str]) -> None:
    plan = _plan(rows=7, is_new=False)
    report = tables_report(
        plan,
        fetched=[],
        imported=[],
        rows={"shop.Orders": 7},
        began_us=0,
        ended_us=1,
        compared=[
            NodeRows(name=f"n{number}", keyspace="shop", table="Orders", rows=rows) for number, rows in enumerate(found)
        ],
        compared_seconds=31.0,
    )
    lines = [line.replace("each replica's rows compared with the backup's, ", "") for line in report["lines"]]
    assert [line.strip() for line in lines if line.startswith("    ")] == said
    assert (report["tables"][0]["compared"] is None) == (not found)
    assert ("Rows were compared in 0:31, while the tables served." in report["lines"]) == bool(found)
    # When they held that is not known.
    assert not [line for line in lines if "what the tables held before" in line]
