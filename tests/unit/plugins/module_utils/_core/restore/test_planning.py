# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan maps every source node to one target, or names every reason why it cannot."""

from __future__ import annotations

import dataclasses
import json
import random
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
    TableSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.matching import natural
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.planning import plan_restore
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import (
    DataPlace,
    FetchedBytes,
    KeptRestore,
    Obstacle,
    PendingRestore,
    TargetNode,
)

_GIB = 1024**3


def _identity(number: int, *, rack: str = "", datacenter: str = "dc1", prefix: str = "old") -> NodeIdentity:
    return NodeIdentity(
        host_id=f"00000000-0000-0000-0000-{number:012d}",
        name=f"{prefix}-{number}",
        address=f"10.0.0.{number}",
        datacenter=datacenter,
        rack=rack or f"r{number}",
        tokens=(str(number), str(-number)),
        release_version="5.0.8",
        partitioner="org.apache.cassandra.dht.Murmur3Partitioner",
        cluster_name="Old",
    )


def _summary(identity: NodeIdentity, *, sizes: tuple[int, ...] = (_GIB,)) -> NodeSummary:
    return NodeSummary(
        node=identity,
        manifest_key=f"backups/t/nodes/{identity.host_id}.jsonl",
        manifest_sha256="0" * 64,
        manifest_size=10,
        totals=Totals(files=9, size=sum(sizes), objects=2, stored_size=sum(sizes), new_objects=2),
        data_directory_sizes=sizes,
        snapshot_began_us=1,
        snapshot_ended_us=2,
        upload_began_us=3,
        upload_ended_us=4,
    )


def _manifest(*identities: NodeIdentity, sizes: tuple[int, ...] = (_GIB,), **changes: t.Any) -> ClusterManifest:
    values: dict[str, t.Any] = {
        "tag": "t",
        "cluster_id": "c",
        "cluster_name": "Old",
        "began_us": 0,
        "completed_us": 9,
        "keyspaces": (),
        "tables_asked": (),
        "nodes": tuple(_summary(identity, sizes=sizes) for identity in identities),
        "tables": (TableSummary(table=TableRef("system_schema", "tables", "0" * 32), files=1, size=1),),
        "totals": Totals(),
        "schema_cql": (),
        "tool_version": "1",
    }
    return ClusterManifest(**{**values, **changes})


def _target(number: int, *, identity: NodeIdentity | None = None, **changes: t.Any) -> TargetNode:
    value = TargetNode(
        name=f"new-{number}",
        running=False,
        identity=identity,
        identity_stale=False,
        release_version="5.0.8",
        cluster_name="New",
        address=f"10.1.0.{number}",
        is_seed=number == 2,
        seeds=("10.1.0.2",),
        num_tokens=2,
        datacenter="dc1",
        rack=f"r{number}",
        partitioner="",
        data_directories=(DataPlace(path="/data", device=1, free_bytes=10 * _GIB),),
        local_system=None,
        holds_data=False,
        has_system_local=False,
        pending=None,
    )
    return dataclasses.replace(value, **changes)


def _same(number: int, **changes: t.Any) -> TargetNode:
    """The node of the backup itself, running and confirmed."""
    values = {
        "running": True,
        "has_system_local": True,
        "address": f"10.0.0.{number}",
        "cluster_name": "Old",
        **changes,
    }
    return _target(number, **{"identity": _identity(number), "name": f"old-{number}", **values})


def _plan(manifest: ClusterManifest, *targets: TargetNode, **changes: t.Any) -> RestorePlan:
    values: dict[str, t.Any] = {"new_cluster": True, "confirm_cluster": None, "restore_auth": True, **changes}
    return plan_restore(manifest=manifest, targets=targets, **values)


def _reasons(manifest: ClusterManifest, *targets: TargetNode, **changes: t.Any) -> list[str]:
    with pytest.raises(PlanRefusedError) as caught:
        _plan(manifest, *targets, **changes)
    return [str(reason) for reason in caught.value.reasons]


_THREE = _manifest(*(_identity(number) for number in (1, 2, 3)))


def test_a_new_cluster_maps_racks_by_name_and_starts_seeds_first() -> None:
    plan = _plan(_THREE, *(_target(number) for number in (3, 1, 2)))
    assert [(each.target_name, each.source_name) for each in plan.assignments] == [
        ("new-2", "old-2"),
        ("new-1", "old-1"),
        ("new-3", "old-3"),
    ]
    assert plan.assignments[0].tokens == ("2", "-2")
    assert plan.mode == "new_cluster"
    assert RestorePlan.from_result(json.loads(json.dumps(plan.to_result()))) == plan


def test_the_id_is_the_same_for_the_same_backup_and_mode() -> None:
    targets = [_target(number) for number in (1, 2, 3)]
    in_place = [_same(number) for number in (1, 2, 3)]
    assert _plan(_THREE, *targets).restore_id == _plan(_THREE, *reversed(targets)).restore_id
    assert _plan(_THREE, *targets).restore_id != _plan(_THREE, *in_place, new_cluster=False).restore_id


def test_the_same_once_more_gets_a_name_of_its_own_where_some_node_keeps_the_first() -> None:
    nodes = [_same(number) for number in (1, 2, 3)]
    first = _plan(_THREE, *nodes, new_cluster=False).restore_id
    nodes[1] = dataclasses.replace(nodes[1], kept=(KeptRestore(first, "finished"),))
    second = _plan(_THREE, *nodes, new_cluster=False).restore_id
    assert second == f"{first}-2"
    nodes[0] = dataclasses.replace(nodes[0], kept=(KeptRestore(f"{first}-2", "undone"),))
    assert _plan(_THREE, *nodes, new_cluster=False).restore_id == f"{first}-3"
    nodes[0] = dataclasses.replace(nodes[0], kept=(), pending=PendingRestore(second, "switched"))
    assert _plan(_THREE, *nodes, new_cluster=False).restore_id == second


def test_racks_of_other_names_and_equal_sizes_map_one_to_one() -> None:
    manifest = _manifest(*(_identity(number, rack="a" if number < 3 else "b") for number in (1, 2, 3)))
    targets = [_target(number, rack="x" if number < 2 else "y") for number in (1, 2, 3)]
    plan = _plan(manifest, *targets)
    assert plan.assignment_of("new-1").source_name == "old-3"
    assert any("b becomes x" in warning for warning in plan.warnings)


def test_racks_that_do_not_fit_are_refused() -> None:
    targets = [_target(number, rack="r1") for number in (1, 2, 3)]
    assert any("racks of datacenter dc1 do not match" in text for text in _reasons(_THREE, *targets))


def test_all_reasons_are_told_at_once() -> None:
    texts = _reasons(
        _THREE,
        _target(1, release_version="4.1.10"),
        _target(2, holds_data=True, is_seed=False),
        _target(3, release_version=None),
        _target(4, rack="r3", pending=PendingRestore(restore_id="other", phase="switched")),
    )
    for part in (
        "3 nodes",
        "Cassandra 4.1.10",
        "pass confirm_cluster=New",
        "cannot be found out",
        "another restore, other",
        "None of the targets is a seed",
    ):
        assert any(part in text for text in texts), part


def test_other_datacenters_are_refused() -> None:
    texts = _reasons(_THREE, *(_target(number, datacenter="dc9") for number in (1, 2, 3)))
    assert any("dc1 is not among the targets" in text for text in texts)
    assert any("dc9 is not in the backup" in text for text in texts)


def test_data_that_was_confirmed_by_its_clusters_name_may_be_replaced() -> None:
    targets = [_target(number, holds_data=True) for number in (1, 2, 3)]
    assert _plan(_THREE, *targets, confirm_cluster="New").assignments
    assert any("confirm_cluster is 'Old'" in text for text in _reasons(_THREE, *targets, confirm_cluster="Old"))


def test_in_place_every_node_gets_its_own() -> None:
    plan = _plan(_THREE, *(_same(number) for number in (2, 3, 1)), new_cluster=False)
    assert {each.target_name: each.source_name for each in plan.assignments} == {
        f"old-{n}": f"old-{n}" for n in (1, 2, 3)
    }


def test_in_place_a_node_that_never_said_who_it_is_is_known_by_its_address() -> None:
    plan = _plan(_THREE, _same(1), _same(2), _same(3, identity=None, running=False), new_cluster=False)
    assert any("recognized by its address" in warning for warning in plan.warnings)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"identity": dataclasses.replace(_identity(3), host_id="x")}, "is not among the targets"),
        ({"identity": dataclasses.replace(_identity(3), tokens=("7",))}, "other tokens"),
        ({"has_system_local": False}, "Pass new_cluster=true"),
        ({"datacenter": "dc2"}, "is in datacenter dc2"),
    ],
)
def test_in_place_another_node_is_refused(changes: dict[str, t.Any], says: str) -> None:
    texts = _reasons(_THREE, _same(1), _same(2), _same(3, **changes), new_cluster=False)
    assert any(says in text for text in texts), texts


def test_space_is_added_up_over_directories_of_one_file_system() -> None:
    manifest = _manifest(_identity(2), sizes=(_GIB, _GIB))

    def places(*devices: int, free: int, fetched: tuple[FetchedBytes, ...] = ()) -> tuple[DataPlace, ...]:
        return tuple(
            DataPlace(path=f"/d{number}", device=device, free_bytes=free, fetched=fetched)
            for number, device in enumerate(devices)
        )

    free = int(2.9 * _GIB)
    plan = _plan(manifest, _target(2, data_directories=places(1, 2, free=free)))
    texts = _reasons(manifest, _target(2, data_directories=places(1, 1, free=free)))
    assert any("/d0, /d1" in text and "needs 2.0 GiB" in text for text in texts)
    mine, another = (FetchedBytes(restore_id, _GIB // 2) for restore_id in (plan.restore_id, "another"))
    assert _plan(manifest, _target(2, data_directories=places(1, 1, free=free, fetched=(another, mine))))
    assert _reasons(manifest, _target(2, data_directories=places(1, 1, free=free, fetched=(another,))))
    assert _plan(manifest, _target(2, data_directories=places(1, free=3 * _GIB)))


def test_what_has_to_stay_free_of_a_file_system_is_left_alone() -> None:
    manifest = _manifest(_identity(2), sizes=(_GIB,))

    def place(free: int) -> TargetNode:
        where = DataPlace(path="/d", device=1, free_bytes=free, file_system_bytes=40 * _GIB)
        return _target(2, data_directories=(where,))

    assert _plan(manifest, place(3 * _GIB)).reserve == "5%,1GiB"
    (text,) = _reasons(manifest, place(3 * _GIB - 1))
    assert "needs 1.0 GiB below /d, where 2.0 GiB have to stay free for Cassandra, and has 3.0 GiB free" in text
    assert "reserve says how much" in text
    assert _plan(manifest, place(_GIB), reserve="0").reserve == "0"
    assert _reasons(manifest, place(4 * _GIB), reserve="3.5 GiB, 1%")


def test_a_mapping_by_hand_is_followed_and_checked() -> None:
    manifest = _manifest(*(_identity(number, rack="r") for number in (1, 2, 3)))
    targets = [_target(number, rack="r") for number in (1, 2, 3)]
    plan = _plan(manifest, *targets, node_mapping={"old-1": "new-3", _identity(3).host_id: "new-1"})
    assert {each.source_name: each.target_name for each in plan.assignments} == {
        "old-1": "new-3",
        "old-2": "new-2",
        "old-3": "new-1",
    }
    texts = _reasons(manifest, *targets, node_mapping={"nobody": "new-1", "old-1": "nowhere"})
    assert any("nobody" in text for text in texts)
    assert any("nowhere" in text for text in texts)


def test_seeds_of_the_old_cluster_are_refused_and_its_name_warned_of() -> None:
    texts = _reasons(_THREE, *(_target(number, seeds=("10.1.0.2", "10.0.0.1")) for number in (1, 2, 3)))
    assert any("10.0.0.1" in text and "seeds" in text for text in texts)
    plan = _plan(_THREE, *(_target(number, cluster_name="Old") for number in (1, 2, 3)))
    assert any("the two would mix" in warning for warning in plan.warnings)


def test_a_backup_of_some_keyspaces_is_no_restore_in_place() -> None:
    manifest = dataclasses.replace(_THREE, keyspaces=("shop",))
    texts = _reasons(manifest, *(_same(number) for number in (1, 2, 3)), new_cluster=False)
    assert any("would be lost" in text for text in texts)
    assert any("come back empty" in text for text in _plan(manifest, *(_target(n) for n in (1, 2, 3))).warnings)


def test_facts_travel_as_plain_values() -> None:
    target = _same(
        1,
        pending=PendingRestore(restore_id="r", phase="p"),
        kept=(KeptRestore(restore_id="k", phase="finished"),),
        local_system=DataPlace("/l", 1, 2, (FetchedBytes("r", 3),)),
    )
    assert TargetNode.from_result(json.loads(json.dumps(target.to_result()))) == target
    with pytest.raises(InputError):
        TargetNode.from_result({"name": "x"})


@pytest.mark.parametrize("seed", range(60))
def test_any_cluster_whose_racks_fit_is_mapped_one_to_one_rack_by_rack(seed: int) -> None:
    choose = random.Random(seed)
    sources: list[NodeIdentity] = []
    targets: list[TargetNode] = []
    for datacenter in ("dc1", "dc2")[: choose.randint(1, 2)]:
        sizes = [choose.randint(1, 4) for _rack in range(choose.randint(1, 4))]
        names = [f"r{number}" for number in range(len(sizes))]
        renamed = choose.sample([*names, "x", "y"], len(sizes))
        for size, old, new in zip(sizes, names, renamed):
            for _node in range(size):
                number = len(sources) + 1
                sources.append(_identity(number, rack=old, datacenter=datacenter))
                targets.append(_target(number, rack=new, datacenter=datacenter))
    choose.shuffle(targets)
    plan = _plan(_manifest(*sources), *targets[:]) if any(each.is_seed for each in targets) else None
    if plan is None:
        return
    by_id = {each.host_id: each for each in sources}
    by_name = {each.name: each for each in targets}
    assert sorted(each.source_host_id for each in plan.assignments) == sorted(by_id)
    assert sorted(each.target_name for each in plan.assignments) == sorted(by_name)
    racks = {
        (by_id[each.source_host_id].datacenter, by_id[each.source_host_id].rack, by_name[each.target_name].rack)
        for each in plan.assignments
    }
    assert len({(datacenter, old) for datacenter, old, _new in racks}) == len(racks)
    assert len({(datacenter, new) for datacenter, _old, new in racks}) == len(racks)
    assert all(
        by_name[each.target_name].datacenter == by_id[each.source_host_id].datacenter for each in plan.assignments
    )


@pytest.mark.parametrize(
    ("older", "newer"), [("4.0.19", "4.1.0"), ("5.0.7", "5.0.8"), ("5.0-beta1", "5.0.1"), ("4.9", "4.10")]
)
def test_any_older_version_is_refused_and_a_newer_one_warned_of(older: str, newer: str) -> None:
    manifest = _manifest(dataclasses.replace(_identity(2), release_version=newer))
    assert any(f"Cassandra {older}" in text for text in _reasons(manifest, _target(2, release_version=older)))
    manifest = _manifest(dataclasses.replace(_identity(2), release_version=older))
    assert any("newer" in warning for warning in _plan(manifest, _target(2, release_version=newer)).warnings)


def test_names_are_ordered_as_people_count() -> None:
    assert sorted(["n10", "n9", "m"], key=natural) == ["m", "n9", "n10"]


def test_what_a_switch_would_fail_by_is_told_before_anything_is_stopped() -> None:
    """A mount point, a file that cannot be changed, somebody's own directory with a keyspace's name."""
    mount = Obstacle(message="/data/shop is a mount point.", subject="/data/shop", next_step="Unmount it.")
    config = Obstacle(message="x.yaml cannot be changed.", subject="x.yaml", next_step="Write it.", new_cluster=True)
    place = DataPlace(path="/data", device=1, free_bytes=10 * _GIB, strangers=("scripts", "shop"))
    tables = tuple(
        TableSummary(table=TableRef(each, "t", "0" * 32), files=1, size=1) for each in ("system_schema", "shop")
    )
    manifest = _manifest(_identity(1), tables=tables)
    found = {"obstacles": (mount, config), "data_directories": (place,), "is_seed": True, "seeds": ("10.1.0.1",)}
    told = ["new-1: /data/shop is a mount point. Unmount it.", "new-1: x.yaml cannot be changed. Write it."]
    stranger = (
        "/data/shop has the name of a keyspace that is to be restored, and holds something else. "
        "Move it out of Cassandra's data directory."
    )
    assert _reasons(manifest, _target(1, **found)) == [*told, f"new-1: {stranger}"]
    in_place = _reasons(manifest, _same(1, **found), new_cluster=False, confirm_cluster="Old")
    assert in_place == [told[0].replace("new-1", "old-1"), f"old-1: {stranger}"]


def test_what_stands_in_the_way_travels_between_hosts_as_plain_values() -> None:
    obstacle = Obstacle(message="m", subject="s", next_step="n", new_cluster=True)
    place = DataPlace(path="/data", device=1, free_bytes=1, strangers=("scripts",))
    target = _target(1, obstacles=(obstacle,), data_directories=(place,))
    assert TargetNode.from_result(target.to_result()) == target
