# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where replicas are, compared with what was worked out by hand from Cassandra's own rules."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import parse_describering
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replicas import (
    RingMember,
    replicas_of_ranges,
    why_unknown,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replication import Replication
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.token_ranges import MAX_TOKEN, MIN_TOKEN

RECORDED = pathlib.Path(__file__).parent / "nodetool" / "5.0.8"
A = RingMember("a", "dc1", "r1", (0, 300))
B = RingMember("b", "dc1", "r1", (100,))
C = RingMember("c", "dc1", "r2", (200,))
FAR = RingMember("far", "dc2", "r1", (50,))


def _placed(members: list[RingMember], replication: Replication) -> list[tuple[int, str]]:
    """The end of each range, and its replicas."""
    return [
        (each.ranges[-1][1], " ".join(host_id for host_ids in each.host_ids.values() for host_id in host_ids))
        for each in replicas_of_ranges(members, replication)
    ]


def test_simple_strategy_takes_the_next_nodes_each_once() -> None:
    replication = Replication("SimpleStrategy", (("replication_factor", "2"),))

    assert _placed([A, B, C], replication) == [(0, "a b"), (100, "b c"), (200, "c a"), (300, "a b")]


def test_a_rack_is_taken_twice_only_where_there_are_not_enough() -> None:
    two = Replication("NetworkTopologyStrategy", (("dc1", "2"),))
    three = Replication("NetworkTopologyStrategy", (("dc1", "3"),))

    assert _placed([A, B, C], two) == [(0, "a c"), (100, "b c"), (200, "c a"), (300, "a c")]
    assert _placed([A, B, C], three) == [(0, "a b c"), (100, "b c a"), (200, "c a b"), (300, "a b c")]


def test_each_datacenter_has_its_own_and_never_more_than_it_has_nodes() -> None:
    both = Replication("NetworkTopologyStrategy", (("dc1", "1"), ("dc2", "3"), ("gone", "2")))

    placed = _placed([A, B, C, FAR], both)

    assert placed == [(0, "a far"), (50, "b far"), (100, "b far"), (200, "c far"), (300, "a far")]


def test_the_range_over_the_end_of_the_ring_is_the_first_tokens() -> None:
    replication = Replication("SimpleStrategy", (("replication_factor", "1"),))

    first = next(replicas_of_ranges([A, B, C], replication))

    assert first.ranges == ((300, MAX_TOKEN), (MIN_TOKEN, 0))
    assert first.host_ids == {"": ("a",)}


def test_a_real_cluster_has_them_in_the_same_places() -> None:
    ring = parse_describering((RECORDED / "describering.txt").read_text(encoding="utf-8"))
    # The first replica of a range is who has its last token.
    tokens: dict[str, list[int]] = {}
    for _start, end, endpoints in ring:
        tokens.setdefault(endpoints[0], []).append(end)
    members = [RingMember(name, "dc1", f"r{name[-1]}", tuple(owned)) for name, owned in tokens.items()]

    placed = {
        (each.ranges[0][0], each.ranges[-1][1]): each.host_ids["dc1"]
        for each in replicas_of_ranges(members, Replication("NetworkTopologyStrategy", (("dc1", "2"),)))
    }

    assert placed == {(start, end): endpoints for start, end, endpoints in ring}
    assert len(placed) == 24


@pytest.mark.parametrize(
    ("strategy", "factor", "why"),
    [
        ("SimpleStrategy", "3", ""),
        ("NetworkTopologyStrategy", "3", ""),
        ("NetworkTopologyStrategy", "3/1", "transient"),
        ("EverywhereStrategy", "3", "not one of Cassandra's own"),
    ],
)
def test_what_cannot_be_told_is_said(strategy: str, factor: str, why: str) -> None:
    found = why_unknown(Replication(strategy, (("dc1", factor),)))

    assert why in found
    assert bool(found) == bool(why)
