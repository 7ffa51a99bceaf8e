# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a staging instance is started with, and how it ends. That it replays is shown on real nodes."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_instance import (
    StagingInstance,
    StagingSettings,
    check_memory,
    free_port,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BusyError,
    InputError,
    LocalFilesError,
    NodeError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import SourceIdentity

IDENTITY = SourceIdentity(cluster_name="prod", datacenter="dc1", rack="r1", release_version="5.0.8")
# Says what it was given, logs as Cassandra does, and ends.
_PRETENDER = """\
#!/bin/sh
env > "$CASSANDRA_LOG_DIR/environment"
echo "ERROR [main] x - Unsupported commit log version 9 found" > "$CASSANDRA_LOG_DIR/system.log"
exit 3
"""


# Starts what calls itself Cassandra, with whatever configuration it likes.
_STUBBORN = """\
#!/bin/sh
touch "$0.began"
exec sh -c 'sleep 1; touch "$0.came_to_its_directories"; sleep 600' "$0" \
    -Dcassandra.config=file:///etc/cassandra/cassandra.yaml org.apache.cassandra.service.CassandraDaemon
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "cassandra.yaml").write_text("cluster_name: other\ncommitlog_segment_size: 16MiB\n")
    (conf / "cassandra-env.sh").write_text('JVM_OPTS="$JVM_OPTS -javaagent:/opt/exporter.jar=7070"\n')
    (conf / "commitlog_archiving.properties").write_text("archive_command=/bin/ln %path /spool/%name\n")
    return conf


def _instance(
    tmp_path: Path,
    conf: Path,
    *,
    directory: str = "staging",
    address: str = "127.0.0.254",
    script: str = _PRETENDER,
) -> StagingInstance:
    program = tmp_path / "cassandra"
    program.write_text(script)
    program.chmod(0o755)
    settings = StagingSettings(
        directory=str(tmp_path / directory),
        conf_directory=str(conf),
        launch_command=(str(program), "-f"),
        address=address,
    )
    return StagingInstance(settings, identity=IDENTITY)


def test_a_start_that_fails_says_why_and_leaves_nothing_running(tmp_path: Path, conf: Path) -> None:
    instance = _instance(tmp_path, conf)
    instance.prepare()
    with pytest.raises(NodeError, match="Unsupported commit log version 9"), instance.running(replay=(), moment_us=7):
        pass
    assert not (tmp_path / "staging" / "process").exists()
    environment = (tmp_path / "staging" / "logs" / "environment").read_text()
    assert f"CASSANDRA_CONF={tmp_path}/staging/conf\n" in environment
    assert "-Dcassandra.join_ring=false" in environment
    own = tmp_path / "staging" / "conf"
    assert json.loads((own / "cassandra.yaml").read_text())["commitlog_segment_size"] == "16MiB"
    assert (own / "cassandra-env.sh").read_text().startswith("#")
    archiving = (own / "commitlog_archiving.properties").read_text()
    assert "/spool" not in archiving
    assert "restore_point_in_time=1970:01:01 00:00:00.000007\n" in archiving
    assert "/spool" in (conf / "commitlog_archiving.properties").read_text(), "the node's own is as it was"


def test_a_cassandra_with_another_configuration_is_ended_before_it_touches_anything(tmp_path: Path, conf: Path) -> None:
    instance = _instance(tmp_path, conf, script=_STUBBORN)
    instance.prepare()
    with (
        pytest.raises(NodeError, match="without the configuration it was given"),
        instance.running(replay=(), moment_us=None),
    ):
        pass
    assert (tmp_path / "cassandra.began").exists()
    assert not (tmp_path / "cassandra.came_to_its_directories").exists()
    assert not (tmp_path / "staging" / "process").exists()


def test_segments_are_never_replayed_without_a_list(tmp_path: Path, conf: Path) -> None:
    instance = _instance(tmp_path, conf)
    instance.prepare()
    segment = tmp_path / "CommitLog-7-5.log"
    segment.write_bytes(b"x")
    instance.place_segments([str(segment)])
    with pytest.raises(InputError), instance.running(replay=(), moment_us=None):
        pass


def test_a_directory_of_somebody_else_is_left_alone(tmp_path: Path, conf: Path) -> None:
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging" / "precious").write_text("x")
    with pytest.raises(LocalFilesError):
        _instance(tmp_path, conf).prepare()
    assert (tmp_path / "staging" / "precious").exists()


def test_a_running_instance_is_left_alone(tmp_path: Path, conf: Path) -> None:
    instance = _instance(tmp_path, conf)
    instance.prepare()
    ticks = Path("/proc/self/stat").read_text().rpartition(") ")[2].split()[19]
    (tmp_path / "staging" / "process").write_text(f"{os.getpid()} {ticks}\n")
    with pytest.raises(BusyError):
        instance.prepare()
    with pytest.raises(BusyError), instance.running(replay=(), moment_us=None):
        pass


@pytest.mark.parametrize(("directory", "address"), [("with blank", "127.0.0.254"), ("staging", "10.0.0.1")])
def test_places_that_would_not_do_are_refused(tmp_path: Path, conf: Path, directory: str, address: str) -> None:
    with pytest.raises(InputError):
        _instance(tmp_path, conf, directory=directory, address=address)


def test_a_port_in_use_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.254", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(
            "ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_instance._PORTS",
            range(port, port + 1),
        )
        monkeypatch.setattr("random.SystemRandom.sample", lambda _self, ports, _count: list(ports))
        with pytest.raises(BusyError):
            free_port("127.0.0.254")


def test_an_instance_that_memory_is_too_short_for_is_refused(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       9999999 kB\nMemAvailable:   1048576 kB\n")
    check_memory(384, meminfo=str(meminfo))
    with pytest.raises(NodeError, match="may use 1026 MiB, and 1024 MiB of memory are available"):
        check_memory(385, meminfo=str(meminfo))
    check_memory(385, meminfo=str(tmp_path / "none"))
