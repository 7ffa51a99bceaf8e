# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recovering a node's data from its commit log, beside a plain start of Cassandra on the same segments.

One node lives through a base and many writes, all of whose segments are kept. Then, in turn: a wiped node with the
base gets the segments into its commit-log directory and is started, as one would by hand; and staging recovers the same
to its last microsecond. Staging starts three times, and reads the segments twice; the plain start replays the source's
``system`` keyspace along, knows no moment, and brings truncated rows back.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from cassandra import ConsistencyLevel
from cassandra.concurrent import execute_concurrent_with_args

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.commit_log_files import read_position
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_instance import StagingSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import parse_header, valid_end
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import SourceIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.staging import (
    FetchedBase,
    recover_to_moment,
)
from lab.cluster import Cluster
from lab.distribution import CASSANDRA_5_0
from lab.kept_log import archive_into, keep_segments, keep_snapshot, segments_in
from lab.node import Node
from lab.processes import wait_until
from lab.truth import now_us

VALUE_BYTES = 2000
HEAP_MIB = 512
_LAST = b"the last row of all"
_REPLAYED = re.compile(r"Log replay complete, (\d+) replayed mutations")


@dataclasses.dataclass(frozen=True)
class Source:
    """What is left of the node."""

    cluster: Cluster
    base: FetchedBase
    segments: tuple[Path, ...]

    @property
    def node(self) -> Node:
        """The only one."""
        return self.cluster.nodes[0]

    @property
    def log_mib(self) -> float:
        """Of the segments, up to where they are written."""
        return sum(_valid_bytes(path) for path in self.segments) / 2**20


@dataclasses.dataclass(frozen=True)
class Run:
    """One way, once."""

    seconds: float
    mutations: int


def live(root: Path, *, version: str, mib: int, ending: contextlib.ExitStack) -> Source:
    """A node that has written so many MiB behind its base, and is stopped."""
    cluster = Cluster.create(root=root / "lab", name="source", version=version, nodes=1)
    ending.callback(cluster.destroy)
    (node,) = cluster.nodes
    archive = root / "archive"
    archive_into(node, archive)
    cluster.start()
    with cluster.session(consistency=ConsistencyLevel.ONE) as session:
        session.execute("CREATE KEYSPACE app WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1}")
        session.execute("CREATE TABLE app.filled (k int PRIMARY KEY, v blob)")
        position = read_position(str(node.commitlog_directory))
        began_us = now_us()
        node.nodetool("snapshot", "-t", "base")
        directories = keep_snapshot(node, tag="base", into=root / "base")
        insert = session.prepare("INSERT INTO app.filled (k, v) VALUES (?, ?)")
        rows = ((k, os.urandom(VALUE_BYTES)) for k in range(mib * 2**20 // VALUE_BYTES))
        execute_concurrent_with_args(session, insert, rows, concurrency=64)
        session.execute(insert, (-1, _LAST))
    wait_until(
        lambda: any(_LAST in path.read_bytes()[: _valid_bytes(path)] for path in segments_in(node.commitlog_directory)),
        timeout_seconds=60,
        what="the sync marker behind the last row",
    )
    # Killed, so that nothing is flushed; what was archived is a link to the same file.
    cluster.kill()
    segments = keep_segments([archive, node.commitlog_directory], into=root / "segments")
    base = FetchedBase(
        directories=directories,
        snapshot_began_us=began_us,
        active_segment=position.active_segment,
        active_position=position.active_position,
    )
    return Source(cluster=cluster, base=base, segments=segments)


def plain(source: Source) -> Run:
    """The base and the segments on a wiped node, which is started."""
    node = source.node
    node.wipe()
    for directory, target in zip(source.base.directories, node.data_directories):
        shutil.copytree(directory, target, dirs_exist_ok=True)
    for path in source.segments:
        shutil.copyfile(path, node.commitlog_directory / path.name)
    before = node.log_path.stat().st_size if node.log_path.exists() else 0
    began = time.monotonic()
    node.start()
    seconds = time.monotonic() - began
    with node.log_path.open(encoding="utf-8", errors="replace") as log:
        log.seek(before)
        found = _REPLAYED.search(log.read())
    node.kill()
    if found is None:
        raise SystemExit("the plain start replayed nothing")
    return Run(seconds=seconds, mutations=int(found[1]))


def staged(source: Source, directory: Path) -> Run:
    """The same by a staging instance, to the last microsecond."""
    node = source.node
    began = time.monotonic()
    moment = recover_to_moment(
        settings=StagingSettings(
            directory=str(directory),
            conf_directory=str(node.conf_directory),
            launch_command=(str(node.command_path(name="cassandra")), "-f"),
            heap_mib=HEAP_MIB,
        ),
        identity=SourceIdentity(
            cluster_name=source.cluster.cluster_name,
            datacenter=source.cluster.datacenter,
            rack=node.rack,
            release_version=source.cluster.version,
        ),
        base=source.base,
        segments=[str(path) for path in source.segments if parse_header(path.read_bytes()[:4096])],
        moment_us=now_us(),
    )
    seconds = time.monotonic() - began
    return Run(seconds=seconds, mutations=moment.data_replay.replayed)


def _valid_bytes(path: Path) -> int:
    with path.open("rb") as file:

        def read_at(offset: int, size: int) -> bytes:
            file.seek(offset)
            return file.read(size)

        return valid_end(read_at, length=path.stat().st_size)


def main(arguments: t.Sequence[str]) -> int:
    """Measure and print; 0 when both ways replayed at least every row."""
    parser = argparse.ArgumentParser(prog="bench replay", description=__doc__)
    parser.add_argument("--mib", type=int, default=512, help="of values behind the base")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--version", default=CASSANDRA_5_0)
    options = parser.parse_args(arguments)
    rows = options.mib * 2**20 // VALUE_BYTES
    with tempfile.TemporaryDirectory(prefix="revive-bench-") as name, contextlib.ExitStack() as ending:
        root = Path(name)
        source = live(root, version=options.version, mib=options.mib, ending=ending)
        log_mib = source.log_mib
        runs: dict[str, list[Run]] = {"plain start": [], "staging": []}
        for number in range(options.rounds):
            runs["plain start"].append(plain(source))
            runs["staging"].append(staged(source, root / f"staging{number}"))
            shutil.rmtree(root / f"staging{number}")
    print(f"Cassandra {options.version}, {rows} rows of {VALUE_BYTES} bytes, {log_mib:.0f} MiB of log,")
    print(f"heap {HEAP_MIB} MiB, {os.cpu_count()} cores, medians of {options.rounds} rounds, starts included")
    for way, these in runs.items():
        seconds = statistics.median(run.seconds for run in these)
        mutations = min(run.mutations for run in these)
        print(
            f"{way:12}{seconds:8.1f} s{log_mib / seconds:8.1f} MiB/s{mutations / seconds:10.0f} mutations/s"
            f"{mutations:10} replayed"
        )
    ratio = statistics.median(mine.seconds / other.seconds for mine, other in zip(runs["staging"], runs["plain start"]))
    print(f"staging takes {ratio:.2f} times as long as the plain start")
    return 0 if all(run.mutations >= rows for these in runs.values() for run in these) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
