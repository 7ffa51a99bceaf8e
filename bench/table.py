# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing one table back into a cluster of three nodes with three replicas, beside what one would do by hand.

In turn, from the same S3 server and of the same data, until the table can be read on all nodes:

- the playbook ``restore_tables``, into a new table, with its plan and its counting, while the cluster serves;
- the same until every replica has been compared with the backup row by row, which no other way does;
- the first as into a cluster of another shape: each node fetches what all nodes had, and drops what is not its own;
- ``sstableloader``: each node's files are downloaded with boto3 and streamed to all replicas, while the cluster serves;
- as Medusa does: each node is stopped, its files are downloaded with boto3 and moved into the table's directory, the
  commit log is wiped, and the node is started; all nodes at once, so that nothing serves meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cassandra import ConsistencyLevel
from cassandra.concurrent import execute_concurrent_with_args

from lab.cluster import Cluster
from lab.distribution import CASSANDRA_5_0
from lab.inventory import Repository, write_inventory
from lab.node import Node
from lab.playbook import run_playbook
from lab.s3 import S3Server

VALUE_BYTES = 20_000
BUCKET = "bench-tables"
_TAG = "whole"
_KEYSPACE, _TABLE = "bench", "filled"
_WORKERS = 4
# Filling it and compacting meanwhile is more than the lab's nodes are made for.
_HEAP_MIB = 1024


@dataclasses.dataclass(frozen=True)
class Source:
    """A cluster with a table, a backup of it, and the same files as plain objects."""

    root: Path
    cluster: Cluster
    server: S3Server
    rows: int
    stored_mib: float

    @property
    def inventory(self) -> Path:
        """For playbooks."""
        repository = Repository(server=self.server, bucket=BUCKET, prefix="backups")
        return write_inventory(path=self.root / "inventory.yml", clusters=[self.cluster], repository=repository)


def fill(root: Path, *, version: str, mib: int, ending: contextlib.ExitStack) -> Source:
    """So many MiB in each replica, backed up."""
    server = S3Server.start(root=root)
    ending.callback(server.destroy)
    server.create_bucket(BUCKET)
    cluster = Cluster.create(root=root, name="tables", version=version, nodes=3, heap_mib=_HEAP_MIB)
    ending.callback(cluster.destroy)
    cluster.start()
    rows = mib * 2**20 // VALUE_BYTES
    with cluster.session(consistency=ConsistencyLevel.ALL) as session:
        _make(session, _KEYSPACE)
        insert = session.prepare(f"INSERT INTO {_KEYSPACE}.{_TABLE} (k, v) VALUES (?, ?)")
        values = ((k, os.urandom(VALUE_BYTES)) for k in range(rows))
        execute_concurrent_with_args(session, insert, values, concurrency=16)
    source = Source(root=root, cluster=cluster, server=server, rows=rows, stored_mib=0.0)
    run_playbook(
        "backup", inventory=source.inventory, directory=root / "ansible", variables={"backup_tag": _TAG}
    ).require_success()
    stored = 0
    for node in cluster.nodes:
        node.nodetool("snapshot", "-t", "plain", _KEYSPACE)
        for path in _files(node, snapshot="plain"):
            server.client().upload_file(str(path), BUCKET, f"plain/{node.name}/{path.name}")
            stored += path.stat().st_size
        node.nodetool("clearsnapshot", "--all")
    return dataclasses.replace(source, stored_mib=stored / 2**20)


def by_playbook(
    source: Source, *, keyspace: str = "by_playbook", reshape: bool = False, verify: str = "files"
) -> float:
    """Seconds of the collection's own way."""
    run = run_playbook(
        "restore_tables",
        inventory=source.inventory,
        directory=source.root / "ansible",
        variables={
            "restore_point": _TAG,
            "restore_tables": f"{_KEYSPACE}.{_TABLE}",
            "restore_into_keyspace": keyspace,
            "restore_reshape": reshape,
            "restore_verify": verify,
        },
    ).require_success()
    _require_rows(source, keyspace)
    return run.seconds


def reshaped(source: Source) -> float:
    """Seconds of the collection's way into another shape."""
    return by_playbook(source, keyspace="reshaped", reshape=True)


def compared(source: Source) -> float:
    """Seconds of the collection's own way with everything that it verifies."""
    return by_playbook(source, keyspace="compared", verify="rows")


def by_loader(source: Source) -> float:
    """Seconds of a download and of sstableloader, one node's files after the other's."""
    cluster = source.cluster
    with cluster.session(consistency=ConsistencyLevel.ALL) as session:
        _make(session, "by_loader")
    began = time.monotonic()
    addresses = ",".join(node.address for node in cluster.nodes)
    for node in cluster.nodes:
        directory = source.root / "downloads" / node.name / "by_loader" / _TABLE
        _download(source, node, into=directory)
        command: list[str | Path] = [node.command_path(name="sstableloader"), "-d", addresses]
        command += ["-p", str(node.native_port), "-sp", str(node.storage_port)]
        command += ["-u", cluster.superuser.username, "-pw", cluster.superuser.password, directory]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"sstableloader ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    seconds = time.monotonic() - began
    shutil.rmtree(source.root / "downloads")
    _require_rows(source, "by_loader")
    return seconds


def as_medusa(source: Source) -> float:
    """Seconds of stopping every node, exchanging its files, wiping its commit log and starting it."""
    cluster = source.cluster
    with cluster.session(consistency=ConsistencyLevel.ALL) as session:
        session.execute(f"TRUNCATE {_KEYSPACE}.{_TABLE}")
    for node in cluster.nodes:
        node.nodetool("clearsnapshot", "--all")
    began = time.monotonic()

    def exchange(node: Node) -> None:
        node.stop()
        # Cassandra knows which disk each SSTable belongs on; to one of them all may go.
        (directory,) = node.data_directories[0].glob(f"{_KEYSPACE}/{_TABLE}-*")
        _download(source, node, into=directory)
        shutil.rmtree(node.commitlog_directory)
        node.commitlog_directory.mkdir(mode=0o750)

    with ThreadPoolExecutor(max_workers=len(cluster.nodes)) as pool:
        list(pool.map(exchange, cluster.nodes))
    cluster.start()
    seconds = time.monotonic() - began
    _require_rows(source, _KEYSPACE)
    return seconds


WAYS: t.Mapping[str, t.Callable[[Source], float]] = {
    "restore_tables": by_playbook,
    "restore_tables, compared": compared,
    "restore_tables, reshaped": reshaped,
    "sstableloader": by_loader,
    "as Medusa, nothing serves": as_medusa,
}


def main(arguments: t.Sequence[str]) -> int:
    """Measure each way once, on the same data."""
    parser = argparse.ArgumentParser(prog="bench table", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="of the table, in each replica (default: %(default)s)")
    parser.add_argument("--version", default=CASSANDRA_5_0, help="of Cassandra (default: %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-table-") as directory, contextlib.ExitStack() as ending:
        source = fill(Path(directory), version=options.version, mib=options.mib, ending=ending)
        print(f"Cassandra {options.version}; {source.rows} rows, {source.stored_mib:.0f} MiB on three nodes together")
        seconds = {name: way(source) for name, way in WAYS.items()}
    ours = seconds["restore_tables"]
    for name, each in seconds.items():
        print(
            f"{name:26} {each:7.1f} s  {source.stored_mib / each:7.1f} MiB/s  {each / ours:5.2f} times restore_tables"
        )
    return 0


def _make(session: t.Any, keyspace: str) -> None:
    session.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': 3}}")
    session.execute(f"CREATE TABLE {keyspace}.{_TABLE} (k int PRIMARY KEY, v blob)")


def _files(node: Node, *, snapshot: str) -> list[Path]:
    """A snapshot's components; its names are unique on a node, which numbers its SSTables by table."""
    pattern = f"{_KEYSPACE}/{_TABLE}-*/snapshots/{snapshot}/*-*-big-*"
    return sorted(path for directory in node.data_directories for path in directory.glob(pattern))


def _download(source: Source, node: Node, *, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    prefix = f"plain/{node.name}/"
    client = source.server.client()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        list(pool.map(lambda key: client.download_file(BUCKET, key, str(into / key[len(prefix) :])), keys))


def _require_rows(source: Source, keyspace: str) -> None:
    with source.cluster.session(consistency=ConsistencyLevel.ALL) as session:
        found = sum(1 for _row in session.execute(f"SELECT k FROM {keyspace}.{_TABLE}", timeout=600))
    if found != source.rows:
        raise SystemExit(f"{keyspace}.{_TABLE} has {found} rows of {source.rows}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
