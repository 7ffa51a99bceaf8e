# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each node gets what the nodes with its tokens had, or what all had."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.matching import ring_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import REPLACE, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.wording import tables_plan_lines
from tests.unit.plugins.module_utils._core.restore.shop_nodes import identity
from tests.unit.plugins.module_utils._core.tables.shop_backup import plan_of_shop, reasons_against, target


def test_in_another_shape_each_node_gets_what_all_had() -> None:
    targets = [target(number, identity=identity(number + 10)) for number in (1, 2, 3)]
    plan = plan_of_shop("CREATE KEYSPACE other WITH replication = {}", targets=targets, mode=REPLACE, reshape=True)
    assert plan.restore.target_names == ("n1", "n2", "n3")
    assert len(plan.restore.assignments) == 6
    parts = plan.restore.parts_of("n2")
    assert [part.restore_id for part in parts] == [f"{plan.restore.restore_id}.{number}" for number in (1, 2)]
    assert [part.assignment_of("n2").source_name for part in parts] == ["n1", "n2"]
    assert any("each node fetches what all nodes had" in line for line in tables_plan_lines(plan))
    assert TablesPlan.from_result(json.loads(json.dumps(plan.to_result()))) == plan


def test_in_the_same_shape_a_nodes_part_is_the_plan_itself() -> None:
    restore = plan_of_shop().restore
    assert restore.parts_of("n1")[0].restore_id == restore.restore_id
    with pytest.raises(InputError, match="no node n9"):
        restore.parts_of("n9")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": 300}, "needs"),
        ({"reshape": False}, "pass reshape=true"),
        ({"reshape": False, "datacenters": (("dc1", "dc2"),)}, "Pass reshape=true too"),
        ({"replication": (("dc2", 3),)}, "is replicated in the datacenter dc2, and the cluster has dc1"),
        (
            {"targets": [target(1, identity=dataclasses.replace(identity(11), partitioner="a.RandomPartitioner"))]},
            "n1 has the partitioner RandomPartitioner, the backup's is Murmur3Partitioner",
        ),
    ],
)
def test_what_another_shape_does_not_allow_is_refused(changes: dict[str, t.Any], says: str) -> None:
    targets = [target(number, identity=identity(number + 10)) for number in (1, 2, 3)]
    options = {"targets": targets, "mode": REPLACE, "reshape": True, **changes}
    assert says in reasons_against("CREATE KEYSPACE other WITH replication = {}", **options)


def test_a_node_of_the_ring_that_is_not_named_is_missed() -> None:
    targets = (target(1), target(2))
    assert not list(ring_reasons(targets, ring=(1, -1, 2, -2)))
    (reason,) = ring_reasons(targets, ring=(1, -1, 2, -2, 3))
    assert "1 of its 5 tokens are theirs" in str(reason)
