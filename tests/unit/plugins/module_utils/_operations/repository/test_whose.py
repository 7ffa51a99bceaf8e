# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of machines are kept out of the repository of the original; years of replaced nodes are not."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import NodeStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import WrongClusterError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.whose import of_members
from tests.unit.plugins.module_utils._core.tables.shop_backup import MANIFEST
from tests.unit.plugins.module_utils._operations.node_on_disk import host_id

IDENTITY = dataclasses.replace(MANIFEST.nodes[0].node, cluster_name="one")
#: A node's number, and the last part of its address.
Members = t.Mapping[int, int]


@pytest.fixture(name="store")
def _store() -> ObjectStore:
    store = open_memory_store(prefix="p/")
    ensure_repository(store, cluster_name="one", host_ids=[host_id(1)], check_mode=False, now_us=5)
    return store


def back_up(store: ObjectStore, tag: str, members: Members) -> None:
    template = MANIFEST.nodes[0]
    nodes = [
        dataclasses.replace(template.node, host_id=host_id(number), name=f"n{number}", address=f"10.0.0.{last}")
        for number, last in members.items()
    ]
    for node in nodes:
        store.put(f"backups/{tag}/nodes/{node.host_id}.jsonl.zst", b"")
    summaries = tuple(dataclasses.replace(template, node=node) for node in nodes)
    store.put(
        f"backups/{tag}/manifest.json", CLUSTER_MANIFEST.encode(dataclasses.replace(MANIFEST, tag=tag, nodes=summaries))
    )


def ask(
    store: ObjectStore,
    members: Members,
    *,
    network: str = "10.0.0",
    moved_from: str | None = None,
) -> bool:
    """Whether a cluster of these nodes gets in."""
    found = of_members(
        store,
        IDENTITY,
        [NodeStatus("UN", f"{network}.{last}", host_id(number), "dc1", "r1") for number, last in members.items()],
        moved_from=moved_from,
    )
    return found is not None


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({1: 1, 2: 2, 3: 3}, id="the same"),
        pytest.param({1: 1, 2: 2, 3: 3, 4: 4, 5: 5}, id="grown"),
        pytest.param({2: 2}, id="shrunk to one"),
        pytest.param({1: 1, 8: 2, 9: 3}, id="all but one replaced since"),
        pytest.param({1: 11, 2: 12, 3: 3}, id="all but one moved"),
        pytest.param({1: 1, 2: 12, 8: 3}, id="one moved, one replaced"),
    ],
)
def test_a_cluster_that_changed_since_its_last_backup_gets_in(store: ObjectStore, members: Members) -> None:
    back_up(store, "b1", {1: 1, 2: 2, 3: 3})
    assert ask(store, members)


def test_five_years_of_replaced_nodes_get_in_at_every_step(store: ObjectStore) -> None:
    members = {1: 1, 2: 2, 3: 3}
    for year in range(5):
        for place in (1, 2, 3):
            back_up(store, f"b{year}{place}", members)
            # Always the oldest goes; its address is given to the next one at times, or to nobody.
            members = {number: last for number, last in members.items() if number != min(members)}
            members[max(members) + 1] = place if year % 2 else max(members.values()) + 1
            assert ask(store, members)


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({1: 1}, id="a copy of one node"),
        pytest.param({1: 1, 8: 8, 9: 9}, id="a copy of one with new nodes beside it"),
        pytest.param({1: 1, 2: 2}, id="copies of some"),
        pytest.param({1: 1, 2: 2, 3: 3}, id="copies of all"),
    ],
)
def test_copies_are_refused_with_who_they_were_and_the_way_on(store: ObjectStore, members: Members) -> None:
    back_up(store, "b1", {1: 1, 2: 2, 3: 3})
    with pytest.raises(WrongClusterError) as refused:
        ask(store, members, network="10.9.0")
    assert f"{host_id(1)}, now at 10.9.0.1, was n1 at 10.0.0.1 in b1" in str(refused.value)
    assert "a prefix of its own" in refused.value.next_step
    assert "repository.moved_from=10.0.0.1" in str(refused.value)
    assert ask(store, members, network="10.9.0", moved_from="10.0.0.1")
    with pytest.raises(WrongClusterError):
        ask(store, members, network="10.9.0", moved_from="10.9.0.1")


def test_what_was_said_of_a_move_says_nothing_of_copies_that_are_made_later(store: ObjectStore) -> None:
    back_up(store, "a", {1: 1, 2: 2})
    back_up(store, "b", {1: 11, 2: 12})
    assert ask(store, {1: 11, 2: 12}, moved_from="10.0.0.1")
    with pytest.raises(WrongClusterError, match=r"was n1 at 10\.0\.0\.11 in b"):
        ask(store, {1: 31, 2: 32}, moved_from="10.0.0.1")


def test_without_a_backup_that_can_be_read_host_ids_alone_count(store: ObjectStore) -> None:
    assert ask(store, {1: 77})
    store.put(f"backups/b1/nodes/{host_id(1)}.jsonl.zst", b"")
    assert ask(store, {1: 77}), "it was only begun"
    store.put("backups/b1/manifest.json", b"{")
    assert ask(store, {1: 77})


def test_an_address_is_the_same_in_all_its_spellings(store: ObjectStore) -> None:
    template = MANIFEST.nodes[0]
    node = dataclasses.replace(template.node, host_id=host_id(1), address="2001:db8:0:0::1")
    store.put(f"backups/b1/nodes/{host_id(1)}.jsonl.zst", b"")
    manifest = dataclasses.replace(MANIFEST, tag="b1", nodes=(dataclasses.replace(template, node=node),))
    store.put("backups/b1/manifest.json", CLUSTER_MANIFEST.encode(manifest))
    assert of_members(store, IDENTITY, [NodeStatus("UN", "2001:db8::1", host_id(1), "dc1", "r1")])
