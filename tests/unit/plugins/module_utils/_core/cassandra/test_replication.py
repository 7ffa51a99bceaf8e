# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a keyspace is replicated where there are other datacenters and fewer nodes."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import replication, schema


def _keyspace(text: str) -> schema.SchemaObject:
    (made,) = schema.parse_schema(
        [f"CREATE KEYSPACE shop WITH replication = {{{text}}} AND durable_writes = true"]
    ).objects
    return made


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("'class': 'NetworkTopologyStrategy', 'dc1': '3'", "'dc1': 3, 'class': 'NetworkTopologyStrategy'"),
        (
            "'class': 'SimpleStrategy', 'replication_factor': 1",
            "'class' : 'a.b.SimpleStrategy','replication_factor':'1'",
        ),
    ],
)
def test_the_same_replication_is_the_same_however_it_is_written(one: str, other: str) -> None:
    assert replication.replication_of(_keyspace(one)) == replication.replication_of(_keyspace(other))


@pytest.mark.parametrize(
    ("was", "options", "becomes"),
    [
        ("'class': 'NetworkTopologyStrategy', 'dc1': '2'", {}, "NetworkTopologyStrategy, dc1 2"),
        ("'class': 'NetworkTopologyStrategy', 'dc1': '3/1'", {}, "NetworkTopologyStrategy, dc1 3/1"),
        ("'class': 'NetworkTopologyStrategy', 'dc1': '5'", {}, "NetworkTopologyStrategy, dc1 3"),
        (
            "'class': 'NetworkTopologyStrategy', 'a': '1', 'b': '1'",
            {"datacenters": {"a": "dc1", "b": "dc2"}},
            "NetworkTopologyStrategy, dc1 1, dc2 1",
        ),
        ("'class': 'SimpleStrategy', 'replication_factor': '9'", {}, "SimpleStrategy, replication_factor 4"),
        (
            "'class': 'SimpleStrategy', 'replication_factor': '3'",
            {"replication": {"dc2": 1}},
            "NetworkTopologyStrategy, dc2 1",
        ),
        ("'class': 'EverywhereStrategy'", {}, "EverywhereStrategy"),
    ],
)
def test_a_keyspace_fits_where_it_is_made(was: str, options: dict[str, t.Any], becomes: str) -> None:
    given = {"datacenters": {}, "replication": {}, **options}
    found = replication.adapted(_keyspace(was), nodes={"dc1": 3, "dc2": 1}, **given)
    assert str(found.replication) == becomes
    assert not found.reasons
    less = any(number in was for number in ("'5'", "'9'"))
    assert bool(found.warnings) == less
    again = replication.with_replication(_keyspace(was), found.replication)
    assert replication.replication_of(again) == found.replication
    assert again.statements[0].endswith("AND durable_writes = true")


def test_a_datacenter_that_is_not_there_is_named() -> None:
    keyspace = _keyspace("'class': 'NetworkTopologyStrategy', 'old': '3'")
    (reason,) = replication.adapted(keyspace, nodes={"dc1": 3}, datacenters={}, replication={}).reasons
    assert "replicated in the datacenter old, and the cluster has dc1" in str(reason)


def test_of_datacenters_that_have_become_one_it_has_the_most_replicas() -> None:
    keyspace = _keyspace("'class': 'NetworkTopologyStrategy', 'a': '1', 'b': '9', 'c': '1'")
    found = replication.adapted(
        keyspace, nodes={"dc1": 12, "dc2": 1}, datacenters={"a": "dc1", "b": "dc1", "c": "dc2"}, replication={}
    )
    assert str(found.replication) == "NetworkTopologyStrategy, dc1 9, dc2 1"
    (warning,) = found.warnings
    assert "had 1 in a and 9 in b as replicas, which are dc1 now, and gets 9 there" in warning
