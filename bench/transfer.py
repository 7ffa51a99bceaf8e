# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upload and download of the same SSTables: this collection, the raw engine below it, and boto3 as one would use it.

Every run is a process of its own, so that its peak memory is its own. The ways take turns, so that whatever else the
machine does hits all of them; compare the ratios, not the seconds. The collection does more than the others: it hashes
every file, packs small ones, and writes a manifest; its download keeps a journal, checks every hash, unpacks, and makes
every file durable, which the others leave to the kernel.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
import uuid

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import (
    CommitLogPosition,
    NodeIdentity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import parse_node_manifest_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import SnapshotRecord
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import FetchHeader
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import Reserve
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings, TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot import record_snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.upload import upload_snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch import fetch_backup
from lab.s3 import S3Server

TAG = "backup_bench"
HOST_ID = "6d194555-f6eb-41d0-c000-000000000001"
TABLE = "certificates-5a1c395e7ed911ef8b0a0f1c8ee0d9c1"
BUCKET = "bench"
WORKERS = 4
#: What small components of an SSTable usually take, in bytes.
SMALL = {
    "CompressionInfo.db": 2_000,
    "Digest.crc32": 10,
    "Filter.db": 24_000,
    "Index.db": 180_000,
    "Statistics.db": 9_000,
    "Summary.db": 1_500,
    "TOC.txt": 92,
    "SAI+aa+by_owner+Meta.db": 1_200,
}
WAYS = ("revive", "obstore", "boto3")


@dataclasses.dataclass(frozen=True)
class Run:
    """What one process measured."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


class _Quiet:
    def begin(self, *, activity: str, total_bytes: int, total_files: int) -> None: ...

    def advance(self, *, transferred_bytes: int = 0, files: int = 0) -> None: ...


def make_node(root: pathlib.Path, *, total_mib: int, sstables: int) -> None:
    """A node with one table's snapshot: SSTables whose sizes grow as after compaction, contents at random."""
    snapshot = root / "data" / "certificate_manager" / TABLE / "snapshots" / TAG
    snapshot.mkdir(parents=True)
    weights = [1.07**number for number in range(sstables)]
    for number, weight in enumerate(weights):
        source = random.Random(number)
        sizes = {"Data.db": int(total_mib * 2**20 * weight / sum(weights)), **SMALL}
        for component, size in sizes.items():
            with (snapshot / f"nb-{number}-big-{component}").open("wb") as file:
                for start in range(0, size, 2**20):
                    file.write(source.randbytes(min(2**20, size - start)))
    write_config(root)
    identity = NodeIdentity(
        host_id=HOST_ID,
        name="bench",
        address="127.0.0.1",
        datacenter="dc1",
        rack="r1",
        tokens=("0",),
        release_version="5.0.8",
        partitioner="x",
        cluster_name="bench",
    )
    record = SnapshotRecord(
        tag=TAG,
        began_us=1,
        ended_us=2,
        node=identity,
        commit_log=CommitLogPosition(segments=(), active_segment=0, active_position=0),
        keyspaces=(),
        tables=(),
    )
    data = sorted(path.name for path in snapshot.glob("*-Data.db"))
    (snapshot / "manifest.json").write_text(json.dumps({"files": data}))
    record_snapshot(node_settings(root), record, directories=[str(root / "data")])


def node_settings(root: pathlib.Path) -> NodeSettings:
    """The node whose files are below ``root``."""
    return NodeSettings(name="bench", config_file=str(root / "cassandra.yaml"), state_directory=str(root / "state"))


def write_config(root: pathlib.Path) -> pathlib.Path:
    """A cassandra.yaml whose directories are below ``root``; the data directory is there afterwards."""
    (root / "data").mkdir(exist_ok=True)
    lines = ["cluster_name: bench", "data_file_directories:", f"    - {root / 'data'}", "partitioner: x"]
    lines += [f"{name}_directory: {root / name}" for name in ("commitlog", "hints", "saved_caches", "cdc_raw")]
    lines += ["seed_provider:", "    - class_name: x", "      parameters:", "          - seeds: 127.0.0.1"]
    path = root / "cassandra.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def files_of(root: pathlib.Path) -> list[pathlib.Path]:
    """The files to move, in order."""
    return sorted((root / "data" / "certificate_manager" / TABLE / "snapshots" / TAG).iterdir())


def upload_revive(root: pathlib.Path, settings: RepositorySettings) -> None:
    """As the module does, from a state directory without a cache."""
    store = open_store(settings)
    state = ensure_repository(store, cluster_name="bench", host_ids=[HOST_ID], check_mode=False, now_us=1)
    upload_snapshot(
        node_settings(root),
        store,
        marker=state.marker,
        settings=settings,
        tag=TAG,
        transfer=TransferSettings(workers=WORKERS),
        progress=_Quiet(),
        now=lambda: time.time_ns() // 1000,
    )


def download_revive(target: pathlib.Path, settings: RepositorySettings) -> None:
    """As the module does: journal, staging area, every hash compared, packs unpacked, every file made durable."""
    store = open_store(settings)
    key = next(entry.key for entry in store.list(f"backups/{TAG}/nodes/"))
    parsed = parse_node_manifest_key(key)
    assert parsed
    text = b"".join(decode(store.get_stream(key), parsed[2]))
    fetch_backup(
        node_settings(write_config(target).parent),
        store,
        settings=settings,
        wanted=FetchHeader(
            restore_id="bench",
            tag=TAG,
            source_host_id=HOST_ID,
            manifest_sha256=hashlib.sha256(text).hexdigest(),
            restore_auth=True,
        ),
        manifest_key=key,
        owner=None,
        group=None,
        transfer=TransferSettings(workers=WORKERS),
        reserve=Reserve(),
        progress=_Quiet(),
    )


def _obstore(settings: RepositorySettings) -> t.Any:
    from obstore.store import S3Store

    return S3Store(
        settings.bucket,
        prefix=settings.prefix,
        config={
            "endpoint": settings.endpoint_url or "",
            "region": settings.region or "",
            "access_key_id": settings.access_key_id or "",
            "secret_access_key": settings.secret_access_key or "",
        },
        client_options={"allow_http": True},
    )


def upload_obstore(root: pathlib.Path, settings: RepositorySettings) -> None:
    """Every file under its name, nothing else."""
    import obstore

    store = _obstore(settings)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda path: obstore.put(store, path.name, path), files_of(root)))


def download_obstore(target: pathlib.Path, settings: RepositorySettings) -> None:
    """Every file as it is, nothing checked."""
    import obstore

    store = _obstore(settings)

    def fetch(name: str) -> None:
        with (target / name).open("wb") as file:
            for chunk in obstore.get(store, name).stream(min_chunk_size=4 * 2**20):
                file.write(chunk)

    names = [meta["path"] for batch in obstore.list(store) for meta in batch]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(fetch, names))


def _boto3(settings: RepositorySettings) -> t.Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.region,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
    )


def upload_boto3(root: pathlib.Path, settings: RepositorySettings) -> None:
    """upload_file for every file, four at a time."""
    client = _boto3(settings)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda p: client.upload_file(str(p), settings.bucket, settings.prefix + p.name), files_of(root)))


def download_boto3(target: pathlib.Path, settings: RepositorySettings) -> None:
    """download_file for every object, four at a time."""
    client = _boto3(settings)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=settings.bucket, Prefix=settings.prefix)
    keys = [entry["Key"] for page in pages for entry in page["Contents"]]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda k: client.download_file(settings.bucket, k, str(target / k.rpartition("/")[2])), keys))


def measure(direction: str, way: str, place: pathlib.Path, settings: RepositorySettings) -> Run:
    """One way, one direction, in a process of its own."""
    request = json.dumps({"direction": direction, "way": way, "place": str(place), **dataclasses.asdict(settings)})
    done = subprocess.run(
        [sys.executable, "-m", "bench.transfer", "--one"], input=request.encode(), stdout=subprocess.PIPE, check=True
    )
    return Run(**json.loads(done.stdout))


def run_one(request: dict[str, t.Any]) -> Run:
    """What the process of :func:`measure` does."""
    direction, way, place = request.pop("direction"), request.pop("way"), pathlib.Path(request.pop("place"))
    settings = RepositorySettings(**{**request, "recipients": tuple(request["recipients"])})
    action = globals()[f"{direction}_{way}"]
    began, cpu = time.monotonic(), time.process_time()
    action(place, settings)
    return Run(
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - cpu,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def rounds(root: pathlib.Path, server: S3Server, *, count: int) -> dict[tuple[str, str], list[Run]]:
    """All ways in turn, each round with a prefix of its own."""
    runs: dict[tuple[str, str], list[Run]] = {}
    for number in range(count):
        for way in WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]:
            settings = RepositorySettings(
                bucket=BUCKET,
                prefix=f"{uuid.uuid4()}/",
                endpoint_url=server.endpoint_url,
                region=server.region,
                access_key_id=server.access_key_id,
                secret_access_key=server.secret_access_key,
            )
            _forget(root)
            runs.setdefault(("upload", way), []).append(measure("upload", way, root, settings))
            with tempfile.TemporaryDirectory(dir=root) as target:
                run = measure("download", way, pathlib.Path(target), settings)
                _check(root, pathlib.Path(target))
            runs.setdefault(("download", way), []).append(run)
            shutil.rmtree(server.directory / "buckets" / BUCKET / settings.prefix.rstrip("/"))
    return runs


def _forget(root: pathlib.Path) -> None:
    """The node knows nothing of earlier uploads."""
    for path in (root / "state").iterdir():
        if path.name.startswith("hashes"):
            path.unlink()
        elif path.name == "uploads":
            shutil.rmtree(path)


def _check(root: pathlib.Path, target: pathlib.Path) -> None:
    """What came back is what went: by names and sizes here; the collection's way has checked every hash."""
    sent = {path.name: path.stat().st_size for path in files_of(root)}
    place = target / "data" if (target / "data").is_dir() else target
    came = {path.name: path.stat().st_size for path in place.rglob("*") if path.is_file()}
    if sent != came:
        raise SystemExit(f"{len(sent)} files went, {len(came)} came back, or with other sizes")


def table(runs: t.Mapping[tuple[str, str], t.Sequence[Run]], *, mib: float) -> str:
    """Medians, and what the collection does beside the others in the same rounds."""
    lines = [f"{'':10}{'':10}{'s':>8}{'MiB/s':>8}{'CPU s':>8}{'peak MiB':>10}{'revive is':>12}"]
    for (direction, way), these in sorted(
        runs.items(), key=lambda item: (item[0][0] != "upload", WAYS.index(item[0][1]))
    ):
        seconds = statistics.median(run.seconds for run in these)
        cpu = statistics.median(run.cpu_seconds for run in these)
        ours = runs[(direction, "revive")]
        ratio = statistics.median(other.seconds / our.seconds for our, other in zip(ours, these))
        said = "" if way == "revive" else f"{ratio:.2f} x as fast"
        peak = max(run.peak_mib for run in these)
        lines.append(f"{direction:10}{way:10}{seconds:8.2f}{mib / seconds:8.0f}{cpu:8.2f}{peak:10.0f}  {said}")
    return "\n".join(lines)


def main(arguments: t.Sequence[str]) -> int:
    """Measure and print; 0 when all came back as it went."""
    parser = argparse.ArgumentParser(prog="bench.transfer", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="of Data components")
    parser.add_argument("--sstables", type=int, default=72, help="each has nine files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(dataclasses.asdict(run_one(json.load(sys.stdin)))))
        return 0
    with tempfile.TemporaryDirectory(prefix="revive-bench-") as directory:
        root = pathlib.Path(directory)
        make_node(root, total_mib=options.mib, sstables=options.sstables)
        files = files_of(root)
        mib = sum(path.stat().st_size for path in files) / 2**20
        print(
            f"{len(files)} files, {mib:.0f} MiB, {WORKERS} workers, {os.cpu_count()} cores, versitygw beside, "
            f"medians of {options.rounds} rounds"
        )
        server = S3Server.start(root=root, name="bench")
        try:
            server.create_bucket(BUCKET)
            print(table(rounds(root, server, count=options.rounds), mib=mib))
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
