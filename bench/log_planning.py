# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning a recovery to a moment over much archived log, from a real S3 server.

Only names, sizes and small records are read, so the objects here hold one byte each and their names say the rest: what
a three-node cluster leaves that has written so and so many GiB, in segments of 32 MiB that were shipped in pieces. The
cost of listing the same objects with boto3 alone stands beside it.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import pathlib
import sys
import tempfile
import time
import typing as t

import boto3

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import Base, plan_moment
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    COMMIT_LOGS_PREFIX,
    piece_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Piece
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import load_logs
from lab.s3 import S3Server

BUCKET = "bench"
HOST_IDS = tuple(f"6d194555-f6eb-41d0-c000-00000000000{number}" for number in (1, 2, 3))
SEGMENT_BYTES = 32 * 2**20
FIRST_ID = 1_700_000_000_000
BEGAN_US = FIRST_ID * 1000
INTERVAL_US = 5_000_000


def keys_of(host_id: str, *, segments: int, pieces: int) -> t.Iterator[str]:
    """The names of all pieces of a node's log."""
    now_us = BEGAN_US
    for number in range(segments):
        for part in range(pieces):
            now_us += INTERVAL_US
            piece = Piece(
                segment=SegmentName(id=FIRST_ID + number, version=7),
                start=SEGMENT_BYTES * part // pieces,
                end=SEGMENT_BYTES * (part + 1) // pieces,
                read_us=now_us,
                covered_us=now_us,
                final=part == pieces - 1,
                sha256=f"{number:032x}{part:032x}",
            )
            yield piece_key(host_id, piece)


def measure(store: ObjectStore, *, moment_us: int) -> tuple[float, float, int]:
    """Seconds to load, seconds to plan, and how many pieces the plan has."""
    position = CommitLogPosition(segments=(FIRST_ID,), active_segment=FIRST_ID, active_position=1)
    base = Base(tag="backup_bench", ended_us=BEGAN_US + INTERVAL_US, positions=dict.fromkeys(HOST_IDS, position))
    began = time.monotonic()
    logs = load_logs(store, host_ids=HOST_IDS)
    loaded = time.monotonic()
    plan = plan_moment(moment_us, bases=[base], logs=logs)
    planned = time.monotonic()
    pieces = sum(len(segment.pieces) for node in plan.nodes for segment in node.segments)
    return loaded - began, planned - loaded, pieces


def list_with_boto3(settings: RepositorySettings) -> tuple[float, int]:
    """Seconds to list the same objects, and how many there are."""
    client = boto3.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.region,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
    )
    began = time.monotonic()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=COMMIT_LOGS_PREFIX)
    count = sum(len(page["Contents"]) for page in pages)
    return time.monotonic() - began, count


def main(arguments: t.Sequence[str]) -> int:
    """Measure and print; 0 when the plan has every piece."""
    parser = argparse.ArgumentParser(prog="bench log-planning", description=__doc__)
    parser.add_argument("--gib", type=int, default=30, help="of archived log, of all three nodes")
    parser.add_argument("--pieces", type=int, default=6, help="a segment")
    options = parser.parse_args(arguments)
    segments = options.gib * 2**30 // SEGMENT_BYTES // len(HOST_IDS)
    with tempfile.TemporaryDirectory(prefix="revive-bench-") as directory:
        server = S3Server.start(root=pathlib.Path(directory), name="bench")
        try:
            server.create_bucket(BUCKET)
            settings = RepositorySettings(
                bucket=BUCKET,
                endpoint_url=server.endpoint_url,
                region=server.region,
                access_key_id=server.access_key_id,
                secret_access_key=server.secret_access_key,
            )
            store = open_store(settings)
            keys = [key for host in HOST_IDS for key in keys_of(host, segments=segments, pieces=options.pieces)]
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda key: store.put(key, b"x"), keys))
            loading, planning, planned = measure(store, moment_us=BEGAN_US + segments * options.pieces * INTERVAL_US)
            listing, listed = list_with_boto3(settings)
        finally:
            server.stop()
    print(
        f"{options.gib} GiB of log in {3 * segments} segments and {len(keys)} pieces of three nodes, versitygw beside"
    )
    print(f"names and sizes read in {loading:.2f} s ({listing:.2f} s by boto3), planned in {planning:.2f} s")
    return 0 if planned == listed == len(keys) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
