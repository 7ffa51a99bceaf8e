# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node as its disk shows it, without Cassandra: data directories, a configuration, snapshots made of hard links."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import random
import threading
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import (
    CommitLogPosition,
    NodeIdentity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import SnapshotRecord
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot import record_snapshot

MIB = 1024 * 1024
TABLE_ID = "5a1c395e7ed911ef8b0a0f1c8ee0d9c1"
SMALL_COMPONENTS = {"CompressionInfo.db": 43, "Filter.db": 900, "Statistics.db": 4_700, "TOC.txt": 92, "Rows.db": 0}


def host_id(number: int) -> str:
    return f"6d194555-f6eb-41d0-c000-{number:012d}"


@dataclasses.dataclass
class DiskNode:
    """A node of a cluster; files have contents that only depend on their names and on ``seed``."""

    root: pathlib.Path
    number: int = 1
    directories: int = 1
    cluster_name: str = "lab"
    began_us: int = 1_700_000_000_000_000

    def __post_init__(self) -> None:
        for directory in self.data_directories:
            directory.mkdir(parents=True)
        for name in ("commitlog", "hints", "saved_caches", "cdc_raw"):
            (self.root / name).mkdir()
        lines = ["cluster_name: " + self.cluster_name, "data_file_directories:"]
        lines += [f"    - {directory}" for directory in self.data_directories]
        for name in ("commitlog", "hints", "saved_caches"):
            lines.append(f"{name}_directory: {self.root / name}")
        lines += [f"cdc_raw_directory: {self.root / 'cdc_raw'}", "partitioner: x"]
        lines += ["seed_provider:", "    - class_name: x", "      parameters:", "          - seeds: 127.0.0.1"]
        lines += ["listen_address: 127.0.0.1", "storage_port: 1", "native_transport_port: 1"]
        lines += [f"broadcast_address: 127.0.0.{self.number}"]
        (self.root / "cassandra.yaml").write_text("\n".join(lines) + "\n")

    @property
    def data_directories(self) -> list[pathlib.Path]:
        return [self.root / f"data{number}" for number in range(self.directories)]

    @property
    def settings(self) -> NodeSettings:
        return NodeSettings(
            name=f"node{self.number}",
            config_file=str(self.root / "cassandra.yaml"),
            state_directory=str(self.root / "state"),
            nodetool_command=("/no/such/nodetool",),
        )

    @property
    def identity(self) -> NodeIdentity:
        return NodeIdentity(
            host_id=host_id(self.number),
            name=f"node{self.number}",
            address=f"127.0.0.{self.number}",
            datacenter="dc1",
            rack=f"rack{self.number}",
            tokens=("-100", "200"),
            release_version="5.0.8",
            partitioner="org.apache.cassandra.dht.Murmur3Partitioner",
            cluster_name=self.cluster_name,
        )

    def be_remembered(self) -> None:
        """Leave the note of who the node is that an earlier backup leaves."""
        note = {"version": 1, "identity": dataclasses.asdict(self.identity)}
        state = self.root / "state"
        state.mkdir(exist_ok=True)
        (state / "node.json").write_text(json.dumps(note))

    def table(self, name: str, *, directory: int = 0, keyspace: str = "certificate_manager") -> pathlib.Path:
        path = self.data_directories[directory] / keyspace / f"{name}-{TABLE_ID}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def sstable(self, table: pathlib.Path, generation: int, *, data_bytes: int = 2_000, folder: str = "") -> None:
        """Write the components of one SSTable."""
        where = table / folder
        where.mkdir(exist_ok=True)
        for component, size in {"Data.db": data_bytes, **SMALL_COMPONENTS}.items():
            content = random.Random(f"{self.number}/{table.name}/{folder}/{generation}/{component}").randbytes(size)
            (where / f"nb-{generation}-big-{component}").write_bytes(content)

    def snapshot(self, tag: str, *, record: bool = True) -> SnapshotRecord:
        """Link all tables' files into a snapshot, as Cassandra does."""
        for table in sorted(path for directory in self.data_directories for path in directory.glob("*/*")):
            target = table / "snapshots" / tag
            target.mkdir(parents=True)
            (target / "schema.cql").write_text(
                f"CREATE TABLE {table.parent.name}.{table.name.partition('-')[0]} (k int);"
            )
            for source in table.rglob("*"):
                path = source.relative_to(table)
                if source.is_file() and path.parts[0] != "snapshots":
                    (target / path).parent.mkdir(exist_ok=True)
                    os.link(source, target / path)
            data = [str(path.relative_to(target)) for path in target.rglob("*-Data.db")]
            (target / "manifest.json").write_text(json.dumps({"files": data}))
        taken = SnapshotRecord(
            tag=tag,
            began_us=self.began_us,
            ended_us=self.began_us + 1_000_000,
            node=self.identity,
            commit_log=CommitLogPosition(segments=(1,), active_segment=1, active_position=100),
            keyspaces=(),
            tables=(),
        )
        if record:
            return record_snapshot(self.settings, taken, directories=list(map(str, self.data_directories)))
        return taken


class CountingProgress:
    """Keeps what it was told."""

    def __init__(self, *, fail_after: int | None = None, error: Exception | None = None) -> None:
        self.total_bytes = self.total_files = self.transferred_bytes = self.files = self.calls = 0
        self._fail_after = fail_after
        self._error = error or RuntimeError("told to fail")
        self._lock = threading.Lock()

    def begin(self, *, activity: str, total_bytes: int, total_files: int) -> None:
        self.total_bytes, self.total_files = total_bytes, total_files

    def advance(self, *, transferred_bytes: int = 0, files: int = 0) -> None:
        with self._lock:
            self.calls += 1
            self.transferred_bytes += transferred_bytes
            self.files += files
            if self._fail_after is not None and self.calls > self._fail_after:
                raise self._error


def ticking(start_us: int = 1_700_000_100_000_000) -> t.Callable[[], int]:
    """A clock that goes on by a millisecond whenever it is read."""
    moments = iter(range(start_us, start_us + 10**12, 1000))
    return lambda: next(moments)
