# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report compares every table and says how long it took and what point was reached."""

from __future__ import annotations

import json

from ansible_collections.revive.cassandra.plugins.module_utils._core.model import ClusterManifest, TableSummary, Totals
from ansible_collections.revive.cassandra.plugins.module_utils._core.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.planning import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.report import NodeResult, restore_report

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
_PLAN = RestorePlan(
    restore_id="t-new-cluster",
    tag="t",
    mode="new_cluster",
    restore_auth=True,
    cluster_id="c",
    source_cluster_name="Old",
    target_cluster_name="New",
    snapshot_began_us=1_700_000_000_000_000,
    snapshot_ended_us=1_700_000_002_500_000,
    assignments=(),
    warnings=("mind the gap",),
    files=4,
    size=4,
    stored_size=4,
)


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
