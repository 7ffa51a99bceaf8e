# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nodetool printed on real nodes, read back."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import nodetool_output, versions
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import SYSTEM_KEYSPACES
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError

RECORDED = pathlib.Path(__file__).parent / "nodetool"
VERSIONS = sorted(path.name for path in RECORDED.iterdir())


def recorded(version: str, command: str) -> str:
    return (RECORDED / version / f"{command}.txt").read_text()


@pytest.mark.parametrize("version", VERSIONS)
def test_all_recorded_versions_are_read(version: str) -> None:
    assert nodetool_output.parse_version(recorded(version, "version")) == version
    info = nodetool_output.parse_info(recorded(version, "info"))
    assert len(info.host_id) == 36
    assert (info.datacenter, info.rack) == ("dc1", "r1")
    # That of 4.0.19 was recorded while it was starting.
    assert info.gossip_active == info.native_transport_active == (version != "4.0.19")
    assert len(info.tokens) == 8
    assert (info.uptime_seconds or 0) > 0
    assert 10_000 < (info.load_bytes or 0) < 1024**3
    assert all(int(token) for token in info.tokens)
    cluster = nodetool_output.parse_describecluster(recorded(version, "describecluster"))
    assert cluster.partitioner == "org.apache.cassandra.dht.Murmur3Partitioner"
    assert len(cluster.schema_versions) == 1
    nodes = nodetool_output.parse_status(recorded(version, "status"))
    itself = next(node for node in nodes if node.host_id == info.host_id)
    assert (itself.state, itself.rack, itself.datacenter) == ("UN", "r1", "dc1")
    assert cluster.release_of(itself.address) == version
    assert cluster.release_of("127.0.0.250") is None
    assert {"system", "system_auth", "system_schema"} <= cluster.keyspaces
    # That of 4.0.19 was recorded before there was any other.
    assert (cluster.keyspaces - SYSTEM_KEYSPACES != frozenset()) == (version != "4.0.19")


def test_a_node_that_is_down_is_seen_in_both_places() -> None:
    nodes = nodetool_output.parse_status(recorded("5.0.8", "status"))
    down = [node.address for node in nodes if node.state == "DN"]
    assert len(nodes) == 3
    assert down == list(nodetool_output.parse_describecluster(recorded("5.0.8", "describecluster")).unreachable)


def test_schemas_that_differ_are_seen() -> None:
    text = recorded("4.0.19", "describecluster").replace("[127.40.1.3, ", "[127.40.1.3]\n\n\t\tother: [")
    cluster = nodetool_output.parse_describecluster(text)
    assert len(cluster.schema_versions) == 2
    assert cluster.schema_versions["other"] == ("127.40.1.2", "127.40.1.1")


@pytest.mark.parametrize("version", ["4.0.19", "4.1.10", "5.0.8"])
def test_tables_are_listed_without_their_indexes(version: str) -> None:
    tables = nodetool_output.parse_tablestats(recorded(version, "tablestats"))
    assert tables["cm"] == {"certs", "empty", "AuditLog"}
    assert "local" in tables["system"]


def test_without_virtual_nodes_the_rack_stands_behind_the_token() -> None:
    text = (
        "Datacenter: dc 1\n===============\nStatus=Up/Down\n|/ State=Normal/Leaving/Joining/Moving\n"
        "--  Address    Load       Owns (effective)  Host ID                               Token     Rack\n"
        "UJ  127.0.0.1  ?          ?                 6cf2d7eb-aac4-41ce-901b-7f1c00e43ed6  -92233    rack 1\n"
    )
    (node,) = nodetool_output.parse_status(text)
    assert (node.state, node.rack, node.datacenter) == ("UJ", "rack 1", "dc 1")


@pytest.mark.parametrize(
    "parse",
    [
        nodetool_output.parse_version,
        nodetool_output.parse_info,
        nodetool_output.parse_describecluster,
        nodetool_output.parse_status,
    ],
)
def test_something_else_is_an_error_and_no_surprise(parse: object) -> None:
    for text in ("", "error: Something\n-- StackTrace --\n\tat x.y(Z.java:1)\n"):
        with pytest.raises(NodeError):
            parse(text)  # type: ignore[operator]


@pytest.mark.parametrize("version", ["4.0.19", "4.1.10", "5.0.8"])
@pytest.mark.parametrize(
    ("failure", "why"),
    [
        ("unknown_keyspace.fail", "Keyspace nokeyspace does not exist"),
        ("unknown_table.fail", "Unknown keyspace/cf pair (cm.nope)"),
        ("unknown_command.fail", "Found unexpected parameters: [nonsense]"),
        ("down.fail", "Connection refused"),
    ],
)
def test_of_a_failure_the_line_that_says_why_is_found(version: str, failure: str, why: str) -> None:
    assert why in nodetool_output.last_useful_line(recorded(version, failure))


def test_releases_are_compared_as_numbers() -> None:
    assert versions.release_of("4.1.10") > versions.release_of("4.0.19")
    assert versions.release_of("10.0-beta1") > versions.release_of("5.0.8")


def test_the_ring_s_ranges_have_their_replicas() -> None:
    ranges = nodetool_output.parse_describering(recorded("5.0.8", "describering"))
    assert len(ranges) == len({start for start, _end, _replicas in ranges}) == 24
    assert {start for start, _end, _replicas in ranges} == {end for _start, end, _replicas in ranges}
    assert sum(start >= end for start, end, _replicas in ranges) == 1
    assert {len(replicas) for _start, _end, replicas in ranges} == {2}
    assert ranges[0] == (-4635431607221331734, -4543025316392631313, ("127.40.2.1", "127.40.2.3"))
    with pytest.raises(NodeError, match="describering"):
        nodetool_output.parse_describering("Schema Version:x\n")
