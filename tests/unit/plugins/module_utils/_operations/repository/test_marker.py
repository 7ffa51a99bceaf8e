# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The marker: one cluster, one repository."""

from __future__ import annotations

import pathlib
import threading

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import NodeStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import RepositoryError, WrongClusterError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import (
    RepositoryState,
    ensure_repository,
    find_repository,
    of_members,
    open_repository,
)
from tests.unit.plugins.module_utils._operations.node_on_disk import DiskNode, host_id


def ensure(store: ObjectStore, *numbers: int, name: str = "one", check_mode: bool = False) -> RepositoryState:
    return ensure_repository(
        store, cluster_name=name, host_ids=[host_id(number) for number in numbers], check_mode=check_mode, now_us=5
    )


@pytest.fixture
def store() -> ObjectStore:
    return open_memory_store(prefix="backups-of/one/")


def test_an_empty_prefix_becomes_a_repository_once(store: ObjectStore) -> None:
    first = ensure(store, 2, 1)
    assert first.created
    assert first.marker.host_ids == (host_id(1), host_id(2))
    assert first.marker.conditional_puts
    second = ensure(store, 1, 2)
    assert (second.created, second.marker) == (False, first.marker)
    assert open_repository(store) == first.marker


def test_check_mode_writes_nothing(store: ObjectStore) -> None:
    assert ensure(store, 1, check_mode=True).created
    assert list(store.list("")) == []
    ensure(store, 1)
    assert not ensure(store, 1, check_mode=True).created


def test_a_prefix_with_something_else_is_refused_and_says_what_lies_there(store: ObjectStore) -> None:
    store.put("photos/cat.jpg", b"")
    with pytest.raises(RepositoryError, match=r"photos/cat\.jpg") as caught:
        ensure(store, 1)
    assert "backups-of/one/" in caught.value.subject
    assert store.head("repository.json") is None


def test_a_run_that_died_before_the_marker_leaves_a_prefix_that_works(store: ObjectStore) -> None:
    store.refuses_second_put("probe/conditional-put")
    assert ensure(store, 1).created


def test_another_cluster_is_refused_whatever_its_name(store: ObjectStore) -> None:
    ensure(store, 1, 2)
    for name in ("one", "two"):
        with pytest.raises(WrongClusterError) as caught:
            ensure(store, 8, 9, name=name)
        assert host_id(1) in str(caught.value)
        assert host_id(8) in str(caught.value)
        assert "prefix" in caught.value.next_step


def test_a_cluster_whose_nodes_were_all_replaced_over_time_is_known_by_its_manifests(store: ObjectStore) -> None:
    ensure(store, 1, 2)
    store.put(f"backups/later/nodes/{host_id(3)}.jsonl.zst", b"")
    with pytest.raises(WrongClusterError):
        ensure(store, 3, 4)  # what was only begun does not count
    store.put("backups/later/manifest.json", b"")
    assert not ensure(store, 3, 4).created
    assert not ensure(store, 2, 9).created, "one known node is enough"


def test_of_many_creators_one_wins_and_the_others_are_checked_against_it(store: ObjectStore) -> None:
    states: list[RepositoryState] = []
    refused: list[WrongClusterError] = []

    def create(number: int) -> None:
        try:
            states.append(ensure(store, number % 2))
        except WrongClusterError as error:
            refused.append(error)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({state.marker.cluster_id for state in states}) == 1
    assert len([state for state in states if state.created]) == 1
    assert len(refused) == 5


def test_a_reader_is_told_that_there_is_no_repository(store: ObjectStore) -> None:
    with pytest.raises(RepositoryError, match="backups-of/one/"):
        open_repository(store)
    store.put("repository.json", b'{"format": "something else", "version": 1}')
    with pytest.raises(RepositoryError, match=r"is not a revive\.cassandra/repository"):
        open_repository(store)


def test_whose_a_repository_is_can_be_asked_without_making_one(store: ObjectStore) -> None:
    assert find_repository(store, cluster_name="one", host_ids=[host_id(1)]) is None
    assert list(store.list("")) == []
    made = ensure(store, 1, 2)
    assert find_repository(store, cluster_name="renamed", host_ids=[host_id(2), host_id(3)]) == made.marker
    with pytest.raises(WrongClusterError):
        find_repository(store, cluster_name="one", host_ids=[host_id(3)])


def member(number: int) -> NodeStatus:
    return NodeStatus(state="UN", address="10.0.0.1", host_id=host_id(number), datacenter="dc1", rack="r1")


def test_a_node_asks_by_the_members_that_it_sees(store: ObjectStore, tmp_path: pathlib.Path) -> None:
    made = ensure(store, 1, 2)
    identity = DiskNode(tmp_path, number=3, cluster_name="one").identity
    assert of_members(store, None, [member(1)]) is None
    assert of_members(store, identity, [member(2), member(3)]) == made.marker
    with pytest.raises(WrongClusterError):
        of_members(store, identity, [member(3)])
