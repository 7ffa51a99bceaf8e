# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an instance is told to replay, and what its log is taken to say."""

from __future__ import annotations

import json

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.archiving_properties import (
    archiving_properties,
    format_restore_point,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.mutation import parse_mutation_head
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import renumbered
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replay_log import (
    cannot_read_a_mutation,
    decisive_lines,
    parse_replay,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.truncation import (
    Truncation,
    parse_truncations,
    truncated_since,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.versions import (
    check_precision,
    data_replay_list,
    schema_replay_list,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import (
    InstancePaths,
    SourceIdentity,
    check_one_schema,
    jvm_options,
    schema_problems,
    settings_text,
    staging_settings,
    without_agents,
)

PLACES = InstancePaths(directory="/d/st", address="127.0.0.254", storage_port=1, native_port=2, jmx_port=3)
IDENTITY = SourceIdentity(cluster_name="prod", datacenter="dc1", rack="r1", release_version="5.0.8")


def test_nothing_of_the_node_is_shared_and_formats_stay() -> None:
    node = {
        "cluster_name": "other",
        "num_tokens": 16,
        "initial_token": "1,2",
        "listen_address": "10.0.0.1",
        "listen_interface": "eth0",
        "broadcast_rpc_address": "10.0.0.1",
        "data_file_directories": ["/var/lib/cassandra/data"],
        "local_system_data_file_directory": "/fast",
        "commitlog_directory": "/var/lib/cassandra/commitlog",
        "authenticator": {"class_name": "PasswordAuthenticator"},
        "audit_logging_options": {"enabled": True},
        "server_encryption_options": {"internode_encryption": "all"},
        "commitlog_segment_size": "64MiB",
        "commitlog_compression": [{"class_name": "LZ4Compressor"}],
        "sstable": {"selected_format": "bti"},
        "seed_provider": [{"class_name": "x", "parameters": [{"seeds": "10.0.0.1"}]}],
    }
    made = staging_settings(node, paths=PLACES, identity=IDENTITY)
    text = settings_text(made)
    assert "10.0.0.1" not in text
    assert "/var/lib" not in text
    assert "/fast" not in text
    assert not {"initial_token", "audit_logging_options", "server_encryption_options", "listen_interface"} & set(made)
    assert made["cluster_name"] == "prod"
    assert made["authenticator"] == "AllowAllAuthenticator"
    assert {name: made[name] for name in ("commitlog_segment_size", "commitlog_compression", "sstable")} == {
        name: node[name] for name in ("commitlog_segment_size", "commitlog_compression", "sstable")
    }
    assert json.loads(text) == made


def test_the_moment_is_written_in_utc_to_the_microsecond() -> None:
    assert format_restore_point(1_700_000_000_000_001) == "2023:11:14 22:13:20.000001"
    assert "restore_point_in_time=2023:11:14 22:13:20.000001\n" in archiving_properties(1_700_000_000_000_001)
    assert "restore_point_in_time=\n" in archiving_properties(None)


@pytest.mark.parametrize("version", ["4.0.1", "4.1.8", "5.0.1", "3.11.4"])
def test_a_version_that_would_round_the_moment_is_refused(version: str) -> None:
    check_precision(release_version=version, moment_us=5_000_000)
    with pytest.raises(InputError):
        check_precision(release_version=version, moment_us=5_000_001)


@pytest.mark.parametrize("version", ["4.0.19", "4.1.10", "5.0.8", "5.1.0", "5.0.6-SNAPSHOT"])
def test_a_version_that_knows_microseconds_is_not(version: str) -> None:
    check_precision(release_version=version, moment_us=5_000_001)


def test_old_versions_want_every_table_by_name() -> None:
    assert schema_replay_list("5.0.8") == ("system_schema", "system.local")
    assert "system_schema.columns" in schema_replay_list("4.1.10")
    tables = [("ks", "b"), ("ks", "a"), ("other", "c")]
    assert data_replay_list(release_version="5.0.8", tables=tables) == ("ks", "other")
    assert data_replay_list(release_version="4.1.10", tables=tables) == ("ks.a", "ks.b", "other.c")


def test_an_instance_never_compacts_joins_or_makes_a_superuser() -> None:
    options = jvm_options(paths=PLACES, replay=("a.b",), heap_mib=512)
    assert {
        "-Xmx512m",
        "-Dcassandra.join_ring=false",
        "-Dcassandra.autocompaction_on_startup_enabled=false",
        "-Dcassandra.superuser_setup_delay_ms=1000000000000",
        "-Dcassandra.replayList=a.b",
    } <= set(options)
    assert not any("ignorereplayerrors" in option for option in options)
    assert any(
        "ignorereplayerrors" in o for o in jvm_options(paths=PLACES, replay=(), heap_mib=1, tolerate_unreadable=True)
    )


def test_an_instance_that_is_read_from_has_every_row_and_waits_for_nobody() -> None:
    options = jvm_options(paths=PLACES, replay=(), heap_mib=512, owns_all=True)
    assert {"-Dcassandra.join_ring=true", "-Dcassandra.ring_delay_ms=0"} <= set(options)


def test_a_list_that_the_start_script_could_not_take_is_refused() -> None:
    with pytest.raises(InputError):
        jvm_options(paths=PLACES, replay=[f"keyspace.table_{n:06}" for n in range(10_000)], heap_mib=512)


def test_truncations_are_read_from_their_records() -> None:
    raw = (1795374517333).to_bytes(8, "big") + (2930).to_bytes(4, "big") + (1795374628272).to_bytes(8, "big")
    found = parse_truncations({"4ca37130-e6a8-11f1-96ff-7f22bed71b5e": "0x" + raw.hex()})
    assert found == (Truncation("4ca37130e6a811f196ff7f22bed71b5e", 1795374517333, 2930, 1795374628272),)
    assert parse_truncations(None) == ()
    with pytest.raises(NodeError):
        parse_truncations({"4ca37130-e6a8-11f1-96ff-7f22bed71b5e": "0x00"})


@pytest.mark.parametrize(
    ("at_ms", "place", "since"),
    [
        (999, (7, 100), False),
        (1001, (7, 100), True),
        # Of a table with nothing in memory the place is that of its last flush.
        (1001, (3, 5), True),
        # In the millisecond in which the snapshot began.
        (1000, (7, 100), True),
        # By a clock that has been set back since.
        (500, (9, 3), True),
    ],
)
def test_whether_a_table_was_truncated_since_its_base(at_ms: int, place: tuple[int, int], since: bool) -> None:  # noqa: FBT001
    truncation = Truncation("t", segment=place[0], position=place[1], at_ms=at_ms)
    assert truncated_since(truncation, snapshot_began_us=1_000_400, segment=8, position=50) is since


_LINE = "INFO  [main] 2026-11-22 19:14:36,070 CommitLog.java:210 - "
_SAVED = (
    "ERROR [main] 2026-11-22 19:14:34,655 CommitLogReplayer.java:538 - Ignoring commit log replay error\n"
    "org.apache.cassandra.db.commitlog.CommitLogReadHandler$CommitLogReadException: Unexpected error deserializing"
    " mutation; saved to /d/st/tmp/mutation17dat.  This may be caused by replaying a mutation against a table with the"
    " same name but incompatible schema.  Exception follows: java.lang.RuntimeException: Unknown column n\n"
)


def test_a_replay_is_counted() -> None:
    log = (
        f"{_LINE}Replaying /d/st/commitlog/CommitLog-7-1.log, /d/st/commitlog/CommitLog-7-2.log\n"
        "WARN  [main] 2026-11-22 19:14:34,662 CommitLogReplayer.java:247 - Skipped 20 mutations from unknown (probably"
        " removed) CF with id 494cf330-e6a8-11f1-96ff-7f22bed71b5e\n"
        f"{_SAVED}{_LINE}Log replay complete, 536 replayed mutations in 2308 ms\n"
    )
    report = parse_replay(log)
    assert (report.files, report.replayed, report.milliseconds) == (2, 536, 2308)
    assert report.unknown == {"494cf330e6a811f196ff7f22bed71b5e": 20}
    assert report.unreadable == ("/d/st/tmp/mutation17dat",)
    assert cannot_read_a_mutation(log)


def test_a_replay_that_passed_over_an_unexplained_error_is_none() -> None:
    done = f"{_LINE}Log replay complete, 5 replayed mutations\n"
    assert parse_replay(done).replayed == 5
    with pytest.raises(NodeError):
        parse_replay("ERROR [main] x C.java:1 - Ignoring commit log replay error\n" + done)
    with pytest.raises(NodeError):
        parse_replay(f"{_LINE}Replaying /d/CommitLog-7-1.log\n")


def test_the_lines_that_say_why_a_start_failed_are_found() -> None:
    log = "INFO  [main] x - fine\nERROR [main] x - Exiting due to error\n\tat a.b(C.java:1)\nINFO  [main] x - bye\n"
    assert decisive_lines(log) == "ERROR [main] x - Exiting due to error"
    assert decisive_lines("one\ntwo\n") == "one\ntwo"


def _mutation(timestamp_us: int, *, flags: int = 0) -> bytes:
    delta = timestamp_us - 1_442_880_000_000_000
    head = b"\x01" + bytes(range(16)) + b"\x04" + b"\x00\x00\x00\x07" + bytes([flags])
    return head + b"\xff" + delta.to_bytes(8, "big", signed=True) + b"rest"


def test_the_least_timestamp_of_a_mutation_is_read_without_its_schema() -> None:
    head = parse_mutation_head(_mutation(1_795_374_634_609_397))
    assert head.first_timestamp_us == 1_795_374_634_609_397
    assert (head.updates, head.table_id) == (1, "000102030405060708090a0b0c0d0e0f")
    assert parse_mutation_head(_mutation(1_000)).first_timestamp_us == 1_000, "before the epoch of messages"


@pytest.mark.parametrize("data", [b"", b"\x01", _mutation(1, flags=1), _mutation(1)[:25]])
def test_what_cannot_be_judged_is_not(data: bytes) -> None:
    with pytest.raises(NodeError):
        parse_mutation_head(data)


def test_files_of_an_sstable_keep_together_and_collide_with_nothing() -> None:
    names = ["nb-1-big-Data.db", "nb-1-big-TOC.txt", "nb-2-big-Data.db", "nb-3gd4_1fzy_4rqps2lv3k1xrjq0a1-big-Data.db"]
    taken = ["nb-7-big-Data.db", "nb-2-big-Data.db"]
    assert renumbered(names, taken=taken) == {
        "nb-1-big-Data.db": "nb-8-big-Data.db",
        "nb-1-big-TOC.txt": "nb-8-big-TOC.txt",
        "nb-2-big-Data.db": "nb-9-big-Data.db",
        "nb-3gd4_1fzy_4rqps2lv3k1xrjq0a1-big-Data.db": "nb-3gd4_1fzy_4rqps2lv3k1xrjq0a1-big-Data.db",
    }


def test_a_moment_in_the_middle_of_a_schema_change_is_refused() -> None:
    check_one_schema({"a": "1", "b": "1"}, moment_us=5)
    with pytest.raises(NodeError, match="c; a, b"):
        check_one_schema({"a": "1", "b": "1", "c": "2"}, moment_us=5)


def test_agents_of_the_node_are_not_started_twice() -> None:
    text = (
        'JVM_OPTS="$JVM_OPTS -javaagent:/opt/jmx_prometheus.jar=7070:/x.yml"\n'
        'JVM_OPTS="$JVM_OPTS -javaagent:$CASSANDRA_HOME/lib/jamm-0.4.0.jar"\n'
        "-agentlib:jdwp=transport=dt_socket,address=1414\n"
        "-ea\n"
    )
    lines = without_agents(text).splitlines()
    assert [line.startswith("#") for line in lines] == [True, False, True, False]


def test_one_schema_on_all_nodes_is_no_problem_and_others_are_named() -> None:
    assert schema_problems({"n1": "a", "n2": "a"}, moment_us=1) == []
    (problem,) = schema_problems({"n1": "a", "n2": "b", "n3": "a"}, moment_us=1_800_000_000_000_000)
    assert "The nodes' schemas differ at 2027-01-15T08:00:00.000000Z: n2; n1, n3." in problem
    assert "a few seconds earlier or later" in problem
