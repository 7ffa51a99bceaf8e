# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes that can be found again, byte by byte, in what was shipped; and when each got there.

A mark is the key of a row. A commit log that is not compressed holds it as it is.
"""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import threading
import time
import typing as t
from pathlib import Path

from cassandra import ConsistencyLevel
from cassandra.policies import RetryPolicy

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import segment_chains
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ObjectCorruptError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import load_logs
from lab.cluster import Cluster
from lab.inventory import Repository
from lab.truth import now_us

_MARK = re.compile(rb"mark-\d{7}-[0-9a-f]{16}")


@dataclasses.dataclass(frozen=True)
class Mark:
    """A write that was acknowledged at QUORUM, at a time of this machine's clock."""

    text: bytes
    acknowledged_us: int


class Marker:
    """Writes marks at QUORUM, as a client does that may try another node."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._count = 0
        self.marks: list[Mark] = []
        self.errors: list[BaseException] = []

    def set_up(self) -> None:
        """Make the table, with three replicas."""
        with self._cluster.session() as session:
            session.execute(
                "CREATE KEYSPACE IF NOT EXISTS marks WITH replication = " + self._cluster.replication(at_most=3)
            )
            session.execute("CREATE TABLE IF NOT EXISTS marks.marks (mark text PRIMARY KEY, filler blob)")

    def write(self, count: int, *, filler_bytes: int = 100) -> list[Mark]:
        """Write so many and return them."""
        with self._cluster.session(consistency=ConsistencyLevel.QUORUM) as session:
            statement = self._prepare(session)
            return [self._write(session, statement, filler_bytes=filler_bytes) for _each in range(count)]

    def start(self, *, writes_per_second: float) -> None:
        """Keep writing, until :meth:`stop`."""
        self._stop.clear()
        thread = threading.Thread(target=self._keep_writing, args=(writes_per_second,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """End all writing."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
        self._threads.clear()

    def _keep_writing(self, writes_per_second: float) -> None:
        with self._cluster.session(consistency=ConsistencyLevel.QUORUM) as session:
            statement = self._prepare(session)
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    self._write(session, statement, filler_bytes=100)
                except Exception as error:
                    self.errors.append(error)
                self._stop.wait(max(0.0, 1 / writes_per_second - (time.monotonic() - began)))

    def _prepare(self, session: t.Any) -> t.Any:
        statement = session.prepare("INSERT INTO marks.marks (mark, filler) VALUES (?, ?)")
        statement.is_idempotent = True
        # The driver's own, which a client has: what a node that stops leaves open, or answers with an overload, as 5.0
        # does, goes to another node.
        statement.retry_policy = RetryPolicy()
        return statement

    def _write(self, session: t.Any, statement: t.Any, *, filler_bytes: int) -> Mark:
        with self._lock:
            self._count += 1
            text = f"mark-{self._count:07d}-{secrets.token_hex(8)}"
        session.execute(statement, (text, os.urandom(filler_bytes)), timeout=30)
        mark = Mark(text=text.encode(), acknowledged_us=now_us())
        with self._lock:
            self.marks.append(mark)
        return mark


class Shipped:
    """What the bucket has of the nodes' logs, and since when: by the change time of the server's own files.

    Pieces are never replaced, so what is there now and was there by an instant is what the bucket held at that instant.
    """

    def __init__(self, repository: Repository) -> None:
        self._directory = repository.server.directory / "buckets" / repository.bucket / repository.prefix
        self.store = store_of(repository)

    def since(self) -> dict[bytes, list[int]]:
        """When each mark was in the bucket, per node that has it, earliest first; in microseconds."""
        found: dict[bytes, list[int]] = {}
        for log in load_logs(self.store):
            times: dict[bytes, int] = {}
            for chain in segment_chains(log.pieces):
                data = bytearray()
                ends: list[tuple[int, int]] = []
                seen_us = 0
                for piece in chain.pieces:
                    key = piece_key(log.host_id, piece)
                    try:
                        body = b"".join(decode(self.store.get_stream(key), piece.codecs))
                    except ObjectCorruptError:
                        # It was damaged on purpose. What follows it in its segment is of no use.
                        break
                    data += body[len(data) - piece.start :]
                    # Of no use without those before it.
                    seen_us = max(seen_us, self._path(key).stat().st_ctime_ns // 1000)
                    ends.append((piece.end, seen_us))
                for match in _MARK.finditer(bytes(data)):
                    at_us = next(us for end, us in ends if end >= match.end())
                    times[match[0]] = min(at_us, times.get(match[0], at_us))
            for mark, at_us in times.items():
                found.setdefault(mark, []).append(at_us)
        return {mark: sorted(times_us) for mark, times_us in found.items()}

    def _path(self, key: str) -> Path:
        return self._directory / key


def store_of(repository: Repository) -> ObjectStore:
    """Open the repository as a restore would."""
    server = repository.server
    return open_store(
        RepositorySettings(
            bucket=repository.bucket,
            prefix=f"{repository.prefix}/",
            endpoint_url=server.endpoint_url,
            region=server.region,
            access_key_id=server.access_key_id,
            secret_access_key=server.secret_access_key,
        )
    )


def quorum_us(times_us: t.Sequence[int] | None) -> float:
    """Since when two of three nodes' logs have it in the bucket: since then a restored cluster reads it at QUORUM."""
    return times_us[1] if times_us is not None and len(times_us) >= 2 else float("inf")


def loss_us(marks: t.Sequence[Mark], since: t.Mapping[bytes, list[int]], *, at_us: int) -> int:
    """How much is lost with a cluster that is gone at an instant: since when writes that were acknowledged are."""
    lost = [
        mark.acknowledged_us
        for mark in marks
        if mark.acknowledged_us <= at_us and quorum_us(since.get(mark.text)) > at_us
    ]
    return at_us - min(lost) if lost else 0
