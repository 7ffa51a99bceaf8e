# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a restore, the members of the ring are compared with the plan."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.members import member_problems
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import Assignment, RestorePlan


def _assignment(number: int) -> Assignment:
    return Assignment(
        target_name=f"n{number}",
        source_host_id=f"host-{number}",
        source_name=f"old-{number}",
        source_address=f"10.0.0.{number}",
        target_address=f"10.1.0.{number}",
        datacenter="dc1",
        rack=f"r{number}",
        tokens=(str(number), str(-number)),
        files=1,
        size=1,
        stored_size=1,
        is_seed=True,
        manifest_key="k",
        manifest_sha256="s",
        manifest_size=1,
    )


def _plan(mode: str, *numbers: int) -> RestorePlan:
    return RestorePlan(
        restore_id="r",
        tag="b",
        mode=mode,
        restore_auth=True,
        cluster_id="c",
        source_cluster_name="a",
        target_cluster_name="a",
        snapshot_began_us=1,
        snapshot_ended_us=2,
        assignments=tuple(map(_assignment, numbers)),
        warnings=(),
        files=1,
        size=1,
        stored_size=1,
    )


def _member(number: int, **changes: t.Any) -> dict[str, t.Any]:
    return {
        "address": f"10.1.0.{number}",
        "host_id": f"host-{number}",
        "datacenter": "dc1",
        "rack": f"r{number}",
        "tokens": [str(-number), str(number)],
        "schema_version": "v",
        **changes,
    }


@pytest.mark.parametrize("mode", ["in_place", "new_cluster"])
def test_members_as_planned_are_right_whatever_their_order(mode: str) -> None:
    changes = {"host_id": "new"} if mode == "new_cluster" else {}
    assert member_problems(_plan(mode, 1, 2), [_member(2), _member(1, **changes)]) == []


@pytest.mark.parametrize(
    ("mode", "changes", "problem"),
    [
        ("in_place", {"host_id": "other"}, "n2: no member of the ring has the host id host-2"),
        ("in_place", {"tokens": ["2"]}, "n2 has other tokens than were planned"),
        ("in_place", {"datacenter": "dc2"}, "n2 is in datacenter dc2, planned was dc1"),
        ("in_place", {"rack": ""}, "n2 is in rack , planned was r2"),
        ("in_place", {"address": "10.1.0.9"}, "n2 is at 10.1.0.9, planned was 10.1.0.2"),
        ("in_place", {"schema_version": "w"}, "The nodes do not have the same schema: there are 2 versions of it"),
        ("new_cluster", {"tokens": ["2", "-3"]}, "n2: no member of the ring has its tokens"),
        ("new_cluster", {"rack": "r1"}, "n2 is in rack r1, planned was r2"),
    ],
)
def test_what_is_otherwise_is_named(mode: str, changes: dict[str, t.Any], problem: str) -> None:
    assert problem in member_problems(_plan(mode, 1, 2), [_member(1), _member(2, **changes)])


def test_a_member_that_is_not_in_the_plan_is_named_unless_one_node_alone_comes_back() -> None:
    members = [_member(1), _member(2), _member(3)]
    stranger = "10.1.0.3 (host-3, dc1) is in the ring and not in the plan"
    assert member_problems(_plan("in_place", 1, 2), members) == [stranger]
    assert member_problems(_plan("one_node", 2), members) == []
    down = [_member(1, schema_version="older"), _member(2), _member(3)]
    assert member_problems(_plan("one_node", 2), down) == []
    behind = [_member(1), _member(2, schema_version="older"), _member(3)]
    assert member_problems(_plan("one_node", 2), behind) == ["The node does not have the schema of any other"]
    assert member_problems(_plan("in_place", 1, 2), []) == [
        "n1: no member of the ring has the host id host-1",
        "n2: no member of the ring has the host id host-2",
    ]


def test_a_name_in_the_plan_is_no_other_address_and_two_ways_to_write_one_are_the_same() -> None:
    plan = _plan("in_place", 1)
    for address in ("localhost", "10.1.0.1", ""):
        assignment = dataclasses.replace(plan.assignments[0], target_address=address)
        assert member_problems(dataclasses.replace(plan, assignments=(assignment,)), [_member(1)]) == []
    six = dataclasses.replace(plan.assignments[0], target_address="2001:db8::1")
    member = _member(1, address="2001:db8:0:0:0:0:0:1")
    assert member_problems(dataclasses.replace(plan, assignments=(six,)), [member]) == []
