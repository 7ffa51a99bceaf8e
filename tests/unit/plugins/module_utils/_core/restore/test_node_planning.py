# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node that was lost with its disk comes back as itself, or every reason is named why it cannot."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import NodeStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
    TableSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import ONE_NODE, RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.node_planning import Ring, plan_node
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import Obstacle, TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.wording import plan_lines
from tests.unit.plugins.module_utils._core.restore.shop_nodes import identity, serving

BEGAN_US = 1_795_372_931_000_000
DAY_US = 86_400_000_000


def _manifest(*tables: str) -> ClusterManifest:
    return ClusterManifest(
        tag="t",
        cluster_id="c",
        cluster_name="Shop",
        began_us=0,
        completed_us=9,
        keyspaces=(),
        tables_asked=(),
        nodes=tuple(
            NodeSummary(
                node=identity(number),
                manifest_key="k",
                manifest_sha256="0" * 64,
                manifest_size=10,
                totals=Totals(files=3, size=100),
                data_directory_sizes=(100,),
                snapshot_began_us=BEGAN_US,
                snapshot_ended_us=BEGAN_US,
                upload_began_us=3,
                upload_ended_us=4,
            )
            for number in (1, 2, 3)
        ),
        tables=(TableSummary(table=TableRef("system_schema", "tables", "0" * 32), files=1, size=1),),
        totals=Totals(),
        schema_cql=tables,
        tool_version="1",
    )


def _lost(**changes: t.Any) -> TargetNode:
    return serving(2, **{"running": False, "identity": None, "has_system_local": False, **changes})


def _ring(**states: str) -> Ring:
    members = tuple(
        NodeStatus(
            state=states.get(f"n{number}", "DN" if number == 2 else "UN"),
            address=f"10.0.0.{number}",
            host_id=identity(number).host_id,
            datacenter="dc1",
            rack="r1",
        )
        for number in (1, 2, 3)
    )
    return Ring(others=(serving(1), serving(3)), members=members)


def _plan(*tables: str, target: TargetNode | None = None, ring: Ring | None = None, **options: t.Any) -> RestorePlan:
    given: dict[str, t.Any] = {"now_us": BEGAN_US + DAY_US, **options}
    return plan_node(manifest=_manifest(*tables), target=target or _lost(), ring=ring or _ring(), **given)


def test_a_lost_node_gets_its_own_and_is_to_be_repaired() -> None:
    plan = _plan()
    (assignment,) = plan.assignments
    assert (plan.mode, assignment.source_name, assignment.tokens) == (ONE_NODE, "n2", ("2", "-2"))
    lines = plan_lines(plan)
    assert lines[0] == "Restore t of cluster Shop for n2 alone, into the cluster Shop."
    assert any("Until the repair that follows is over" in line for line in lines)
    assert RestorePlan.from_result(plan.to_result()) == plan


def test_another_machine_is_known_by_its_name_or_as_it_is_mapped() -> None:
    by_name = _plan(target=_lost(address="10.0.0.9"))
    assert by_name.assignments[0].source_name == "n2"
    assert any("had the address 10.0.0.2 and now gets 10.0.0.9" in warning for warning in by_name.warnings)
    other = _lost(name="spare", address="10.0.0.9")
    assert _plan(target=other, node_mapping={"n2": "spare"}).assignments[0].source_name == "n2"


GRACE = "CREATE TABLE shop.orders (k int PRIMARY KEY) WITH gc_grace_seconds = 3600"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"target": _lost(running=True)}, "n2 runs, so it is not lost"),
        ({"target": _lost(holds_data=True)}, "confirm_cluster is not set"),
        ({"target": _lost(num_tokens=16)}, "configured with num_tokens 16, and the lost node had 2 tokens"),
        ({"target": _lost(obstacles=(Obstacle("/d is a mount point.", "/d", ""),))}, "n2: /d is a mount point"),
        ({"target": _lost(rack="r9")}, "is in rack r9, the node was in r1"),
        ({"target": _lost(name="spare", address="10.0.0.9")}, "has no node called spare or with the address 10.0.0.9"),
        ({"target": serving(3, running=False, identity=None)}, "n3 has the host id of n3"),
        ({"ring": Ring(others=(), members=())}, "No other node of the cluster is known"),
        ({"ring": Ring(others=(serving(1, running=False),), members=())}, "n1 does not run either"),
        ({"ring": Ring(others=(serving(1),), members=())}, "None of the other nodes has shown the ring"),
        ({"ring": dataclasses.replace(_ring(), members=_ring().members[:1])}, "does not know n2"),
        ({"ring": _ring(n2="UN")}, "The others see n2 (10.0.0.2) up"),
        ({"now_us": BEGAN_US + 11 * DAY_US}, "which is more than gc_grace_seconds of shop.plain"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(PlanRefusedError) as refused:
        _plan("CREATE TABLE shop.plain (k int PRIMARY KEY)", **options)
    assert says in str(refused.value)


def test_what_is_older_than_tombstones_are_kept_comes_only_if_it_is_meant() -> None:
    with pytest.raises(PlanRefusedError, match=r"is 24:00:00 old, which is more than gc_grace_seconds of shop\.orders"):
        _plan(GRACE)
    plan = _plan(GRACE, past_gc_grace=True)
    assert any("Rows of shop.orders that were deleted" in warning for warning in plan.warnings)


def test_a_node_with_counters_comes_back_only_when_nobody_counts() -> None:
    counters = "CREATE TABLE shop.counts (k int PRIMARY KEY, n counter)"
    with pytest.raises(
        PlanRefusedError, match=r"shop\.counts have counters: if the node counts before .* counters_quiet=true"
    ):
        _plan(counters)
    plan = _plan(counters, counters_quiet=True)
    assert any("Nobody may increment counters in shop.counts" in warning for warning in plan.warnings)
