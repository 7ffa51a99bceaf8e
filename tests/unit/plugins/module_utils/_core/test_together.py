# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core import together

MEMBER = {"state": "UN", "address": "10.0.0.1", "host_id": "a", "datacenter": "dc1", "rack": "r1"}


def test_all_that_have_the_evidence_are_done() -> None:
    assert together.problems({"n1": {"node": {"x": 1}}, "n2": {"node": {"x": 2}}}, evidence="node") == []


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ({"failed": True, "msg": "no space"}, "n1: no space"),
        ({"failed": True, "node": {"x": 1}, "msg": "late"}, "n1: late"),
        ({"unreachable": True, "msg": "timed out"}, "n1: cannot be reached: timed out"),
        ({"skipped": True}, "n1: was not reached by this step"),
        (None, "n1: was not reached by this step"),
        ({"failed": False, "msg": "MODULE FAILURE"}, "n1: MODULE FAILURE"),
        ({"node": ""}, "n1: gave no reason"),
    ],
)
def test_whoever_lacks_the_evidence_has_a_problem(outcome: t.Any, sentence: str) -> None:
    assert together.problems({"n1": outcome}, evidence="node") == [sentence]


@pytest.mark.parametrize(
    ("outcome", "sentences"),
    [
        ({"repository": {"uri": "s3://b"}}, []),
        ({"failed": True, "msg": "The store refuses."}, ["The store refuses."]),
        ({"unreachable": True, "msg": "timed out"}, ["The node cannot be reached: timed out"]),
        ({"skipped": True}, ["No node did it."]),
        (None, ["No node did it."]),
        ({"failed": False}, ["gave no reason"]),
    ],
)
def test_what_one_node_did_for_all_names_no_node(outcome: t.Any, sentences: list[str]) -> None:
    assert together.problems_of_one(outcome, evidence="repository") == sentences


def test_a_whole_ring_of_the_hosts_of_the_play_has_no_problem() -> None:
    assert together.ring_problems([MEMBER], host_ids={"n1": "a"}) == []


@pytest.mark.parametrize(("state", "what"), [("UJ", "joins"), ("DL", "leaves"), ("UM", "moves")])
@pytest.mark.parametrize(("host_ids", "who"), [({"n1": "a"}, "n1"), ({}, "a node")])
def test_a_node_that_comes_or_goes_is_told_as_that(state: str, what: str, host_ids: dict[str, str], who: str) -> None:
    (found,) = together.ring_problems([{**MEMBER, "state": state}], host_ids=host_ids)

    assert found.startswith(f"{who} {what}: 10.0.0.1 (a, dc1, r1); until that is over")


def test_a_node_that_is_down_is_named() -> None:
    found = together.ring_problems([{**MEMBER, "state": "DN"}], host_ids={"n1": "a"})

    assert found == ["n1 is DN, not UN: 10.0.0.1 (a, dc1, r1)"]


def test_a_node_of_the_ring_that_is_not_in_the_play_is_named() -> None:
    other = {**MEMBER, "address": "10.0.0.2", "host_id": "b"}

    assert together.ring_problems([MEMBER, other], host_ids={"n1": "a"}) == [
        "10.0.0.2 (b, dc1, r1) is in the ring but not in this play"
    ]


@pytest.mark.parametrize("host_id", ["", "c"])
def test_a_host_of_the_play_that_is_not_in_the_ring_is_named(host_id: str) -> None:
    assert together.ring_problems([MEMBER], host_ids={"n1": "a", "n9": host_id}) == [
        "n9 is in this play but not in the ring"
    ]


def agent(*, running: bool = True, spool_bytes: int = 0, **status: t.Any) -> dict[str, t.Any]:
    return {"agent": {"running": running, "spool_bytes": spool_bytes, "status": status}}


@pytest.mark.parametrize(
    ("outcome", "sentences"),
    [
        (agent(), []),
        (agent(running=False), ["n1: its agent is not running; run enable_archiving, or start it"]),
        (agent(failing="ship", error="No bucket."), ["n1: its agent cannot ship: No bucket."]),
        (agent(spool_bytes=9, spool_limit_bytes=10), []),
        (agent(spool_bytes=10, spool_limit_bytes=10), ["n1: its spool is at its limit, with 10 of 10 bytes"]),
        ({"agent": {"running": True, "spool_bytes": 5, "status": None}}, []),
        ({"unreachable": True, "msg": "gone"}, ["n1: cannot be reached: gone"]),
    ],
)
def test_an_agent_that_does_not_do_its_work_is_named(outcome: t.Any, sentences: list[str]) -> None:
    assert together.agent_problems({"n1": outcome}) == sentences
