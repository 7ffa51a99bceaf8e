# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's facts are the same kind of thing whether it runs, is stopped, or has never run."""

from __future__ import annotations

import dataclasses
import pathlib
import socket

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import NodeInfo
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    NodeError,
    NodeUnreachableError,
    NotInRingError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra import identity
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import target
from tests.unit.plugins.module_utils._operations.node_on_disk import DiskNode

INFO = NodeInfo(
    host_id="",
    datacenter="dc1",
    rack="rack1",
    gossip_active=True,
    native_transport_active=True,
    generation=1,
    tokens=(),
    uptime_seconds=60,
    load_bytes=1024,
)


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> DiskNode:
    return DiskNode(tmp_path, directories=2)


def _runs(monkeypatch: pytest.MonkeyPatch, disk: DiskNode, *, running: bool, in_ring: bool = True) -> None:
    def read_process(_settings: object) -> tuple[NodeIdentity, NodeInfo]:
        if not running:
            raise NodeUnreachableError("down")
        if not in_ring:
            raise NotInRingError("is not a member of its ring")
        disk.be_remembered()
        return disk.identity, INFO

    class FakeNodetool:
        def __init__(self, _settings: object) -> None:
            pass

        def run(self, *_arguments: str) -> str:
            return "ReleaseVersion: 5.0.8\n"

    monkeypatch.setattr(target, "Nodetool", FakeNodetool)
    monkeypatch.setattr(identity, "Nodetool", FakeNodetool)
    monkeypatch.setattr(identity, "read_process", read_process)


def test_a_running_node_says_who_it_is_and_is_remembered_when_it_stops(
    disk: DiskNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _runs(monkeypatch, disk, running=True)
    facts = target.read_node(disk.settings)
    assert (facts.running, facts.identity, facts.identity_stale) == (True, disk.identity, False)
    assert (facts.release_version, facts.datacenter, facts.rack) == ("5.0.8", "dc1", "rack1")
    assert facts.is_seed
    assert facts.load_bytes == 1024
    assert facts.started_us == pytest.approx(now_us() - 60_000_000, abs=5_000_000)
    _runs(monkeypatch, disk, running=False)
    facts = target.read_node(disk.settings)
    assert (facts.running, facts.identity, facts.identity_stale) == (False, disk.identity, True)
    assert (facts.load_bytes, facts.started_us) == (None, None)


def test_a_node_outside_its_ring_runs_and_is_none_of_those_that_were_backed_up(
    disk: DiskNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _runs(monkeypatch, disk, running=True, in_ring=False)
    facts = target.read_node(disk.settings)
    assert (facts.running, facts.identity, facts.release_version) == (True, None, "5.0.8")


def test_a_node_that_has_just_been_started_counts_as_running_and_is_who_it_was(
    disk: DiskNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _runs(monkeypatch, disk, running=True)
    target.read_node(disk.settings)
    monkeypatch.undo()
    # What nodetool of 5.0.8 says while Cassandra replays its commit log.
    said = "java.lang.IllegalArgumentException: Server is not initialized yet, cannot run nodetool."
    starting = dataclasses.replace(disk.settings, nodetool_command=("/bin/sh", "-c", f"echo '{said}' >&2; exit 1"))
    assert identity.is_running(starting)
    facts = target.read_node(starting)
    assert (facts.running, facts.identity) == (True, disk.identity)


def test_a_node_that_never_ran_is_described_by_its_files(disk: DiskNode, monkeypatch: pytest.MonkeyPatch) -> None:
    _runs(monkeypatch, disk, running=False)
    config = disk.root / "cassandra.yaml"
    config.write_text(
        config.read_text().replace("seeds: 127.0.0.1", "seeds: '[::1]:7000, 10.0.0.5:7001'")
        + "listen_address: 10.0.0.5\nbroadcast_address:\n"
    )
    (disk.root / "cassandra-rackdc.properties").write_text("# dc=no\ndc = east\nrack=r7\n")
    facts = target.read_node(dataclasses.replace(disk.settings, release_version="4.1.10"))
    assert (facts.identity, facts.release_version) == (None, "4.1.10")
    assert (facts.datacenter, facts.rack, facts.address) == ("east", "r7", "10.0.0.5")
    assert facts.seeds == ("::1", "10.0.0.5")
    assert facts.is_seed
    assert not facts.holds_data
    assert not facts.has_system_local
    assert len(facts.data_directories) == 2
    assert all(place.free_bytes > 0 for place in facts.data_directories)


def test_where_clients_reach_a_node_is_read_without_asking_it(disk: DiskNode, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(_settings: object) -> NodeIdentity:
        raise AssertionError("a node that is starting may not answer as it will later")

    monkeypatch.setattr(identity, "read_process", asked)
    config = disk.root / "cassandra.yaml"
    text = config.read_text()
    config.write_text(text + "listen_address: 10.0.0.5\nrpc_address: 0.0.0.0\nnative_transport_port: 9142\n")
    assert target.read_endpoint(disk.settings) == target.Endpoint(address="10.0.0.5", port=9142)
    config.write_text(text + "listen_address: 10.0.0.5\nrpc_address: 10.1.0.5\n")
    assert target.read_endpoint(disk.settings) == target.Endpoint(address="10.1.0.5", port=1)


def test_what_the_file_says_now_counts_more_than_what_a_stopped_node_said(
    disk: DiskNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _runs(monkeypatch, disk, running=True)
    assert target.read_node(disk.settings).address == "127.0.0.1"
    config = disk.root / "cassandra.yaml"
    config.write_text(
        config.read_text() + "listen_address: 10.0.0.5\nbroadcast_address:\nbroadcast_rpc_address: 203.0.113.9\n"
    )
    running = target.read_node(disk.settings)
    assert running.address == "127.0.0.1"
    _runs(monkeypatch, disk, running=False)
    facts = target.read_node(disk.settings)
    assert (facts.identity, facts.address, facts.cql_address) == (disk.identity, "10.0.0.5", "10.0.0.5")
    told = dataclasses.replace(disk.settings, listen_address="10.0.0.6")
    assert target.read_node(told).address == "10.0.0.6"


def test_a_node_without_an_address_in_its_file_has_that_of_its_name_else_what_it_said(
    disk: DiskNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _runs(monkeypatch, disk, running=False)
    config = disk.root / "cassandra.yaml"
    config.write_text(config.read_text() + "listen_address:\nbroadcast_address:\n")
    monkeypatch.setattr(socket, "gethostname", lambda: "localhost")
    assert target.read_node(disk.settings).address == "127.0.0.1"
    monkeypatch.setattr(socket, "gethostname", lambda: "no such name")
    assert target.read_node(disk.settings).address == "localhost"
    disk.be_remembered()
    assert target.read_node(disk.settings).address == disk.identity.address
    assert target.read_endpoint(disk.settings).address == disk.identity.address


def test_a_seed_is_one_by_its_name_too(disk: DiskNode, monkeypatch: pytest.MonkeyPatch) -> None:
    _runs(monkeypatch, disk, running=False)
    config = disk.root / "cassandra.yaml"
    config.write_text(
        config.read_text().replace("seeds: 127.0.0.1", "seeds: localhost") + "broadcast_address: 127.0.0.1\n"
    )
    assert target.read_node(disk.settings).is_seed
    config.write_text(
        config.read_text() + "broadcast_address: '::1'\nseed_provider: [{parameters: [{seeds: '[::1]:1'}]}]\n"
    )
    assert target.read_node(disk.settings).is_seed
    config.write_text(config.read_text() + "broadcast_address: 10.0.0.5\n")
    assert not target.read_node(disk.settings).is_seed


def test_data_and_who_the_node_was_are_found_on_disk(disk: DiskNode, monkeypatch: pytest.MonkeyPatch) -> None:
    _runs(monkeypatch, disk, running=False)
    disk.sstable(disk.table("local", keyspace="system"), 1)
    disk.sstable(disk.table("roles", keyspace="system_auth"), 1)
    facts = target.read_node(disk.settings)
    assert (facts.holds_data, facts.has_system_local) == (False, True)
    disk.sstable(disk.table("orders", keyspace="shop", directory=1), 1)
    assert target.read_node(disk.settings).holds_data


def test_what_an_earlier_run_fetched_is_measured_and_is_no_data_of_the_node(
    disk: DiskNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _runs(monkeypatch, disk, running=False)
    fetched = disk.data_directories[1] / ".revive" / "restore-1" / "new" / "shop" / "t-1"
    fetched.mkdir(parents=True)
    (fetched / "nb-1-big-Data.db").write_bytes(b"x" * 1234)
    facts = target.read_node(disk.settings)
    assert [place.fetched_bytes("restore-1") for place in facts.data_directories] == [0, 1234]
    assert [place.fetched_bytes("restore") for place in facts.data_directories] == [0, 0]
    assert not facts.holds_data


def test_what_a_switch_would_fail_by_is_found_while_the_node_runs(
    disk: DiskNode, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    _runs(monkeypatch, disk, running=True)
    assert target.read_node(disk.settings).obstacles == ()
    keyspace = disk.table("orders", keyspace="shop").parent
    stranger = disk.data_directories[1] / "scripts"
    (stranger / "old").mkdir(parents=True)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 27 0:21 / {keyspace} rw - ext4 /dev/x rw\n23 27 0:21 / {stranger} rw - ext4 /dev/x rw\n")
    monkeypatch.setattr("ansible_collections.revive.cassandra.plugins.module_utils._adapters.mounts._MOUNTS", mounts)
    config = disk.root / "cassandra.yaml"
    config.write_text(config.read_text() + "initial_token: [1, 2]\n")
    facts = target.read_node(disk.settings)
    assert [(each.subject, each.new_cluster) for each in facts.obstacles] == [
        (str(keyspace), False),
        (str(config), True),
    ]
    assert "is a mount point and cannot be put aside" in facts.obstacles[0].message
    assert "initial_token is a list" in facts.obstacles[1].message
    assert [place.strangers for place in facts.data_directories] == [(), ("scripts",)]
    config.write_text(
        config.read_text().replace(f"hints_directory: {disk.root / 'hints'}", "hints_directory: /h")
        + "saved_caches_directory: /h\ninitial_token: 1,\n  2\n"
    )
    assert [each.message for each in target.read_node(disk.settings).obstacles] == [
        "/h is used for two of Cassandra's directories."
    ]


def test_nodetool_that_is_not_let_in_is_no_stopped_node(disk: DiskNode, monkeypatch: pytest.MonkeyPatch) -> None:
    _runs(monkeypatch, disk, running=True)

    def denied(_settings: object) -> NodeIdentity:
        raise NodeError("Authentication failed")

    monkeypatch.setattr(identity, "read_process", denied)
    with pytest.raises(NodeError, match="Authentication"):
        target.read_node(disk.settings)
