# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster whose commit logs are archived, or are about to be, and what its repository has of them."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.report import ClusterArchive
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.bases import bases_of
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import read_archive
from lab.archiving import agent_status, ship_now
from lab.cluster import Cluster
from lab.inventory import Repository, write_inventory
from lab.leftovers import destroy_at_the_end
from lab.node import Node
from lab.playbook import PlaybookRun, run_playbook
from lab.processes import wait_until
from lab.s3 import S3Server
from lab.truth import now_us
from tests.lab.marks import Mark, Marker, Shipped

INTERVAL_SECONDS = 3
SEGMENT_MIB = 4
BUCKET = "archive"
PREFIX = "lab"


class Archive:
    """A cluster that archives, or is about to."""

    def __init__(self, root: Path, ending: contextlib.ExitStack, *, nodes: int) -> None:
        """Make the cluster and its store; nothing is done for archiving yet, and no node has been started."""
        self.directory = root / "ansible"
        self.server = S3Server.start(root=root)
        ending.callback(self.server.destroy)
        self.server.create_bucket(BUCKET)
        self.cluster = Cluster.create(root=root, name="archive", nodes=nodes)
        destroy_at_the_end(self.cluster, ending)
        for node in self.cluster.nodes:
            with (node.conf_directory / "cassandra.yaml").open("a", encoding="utf-8") as file:
                file.write(f"commitlog_segment_size: {SEGMENT_MIB}MiB\n")
        self.repository = Repository(server=self.server, bucket=BUCKET, prefix=PREFIX)
        self.inventory = write_inventory(
            path=root / "inventory.yml", clusters=[self.cluster], repository=self.repository
        )
        self.marker = Marker(self.cluster)
        ending.callback(self.marker.stop)

    def start(self) -> None:
        """Start the cluster, and make the table that is written to."""
        self.cluster.start()
        self.marker.set_up()

    def play(self, name: str, *arguments: str, **variables: t.Any) -> PlaybookRun:
        """Run a playbook to its end."""
        return run_playbook(
            name,
            inventory=self.inventory,
            directory=self.directory,
            variables={"archive_interval_seconds": INTERVAL_SECONDS, **variables},
            arguments=arguments,
        )

    def ship(self) -> None:
        """Have everything covered that was written before, as an operator does."""
        self.play("ship_commitlogs").require_success()

    def cover(self) -> None:
        """Have everything covered that was written before, without a playbook."""
        ship_now(self.cluster)

    def shipped(self) -> dict[bytes, list[int]]:
        """When each mark was in the bucket, by node."""
        return Shipped(self.repository).since()

    def report(self) -> ClusterArchive:
        """How the archive stands."""
        store = Shipped(self.repository).store
        return read_archive(store, bases_of(store), now_us=now_us())

    def seal_segments(self, count: int) -> list[Mark]:
        """Write until every node has filled so many segments, and flush, so that Cassandra deletes what it archived."""
        marks = self.marker.write(count * SEGMENT_MIB * 8, filler_bytes=150_000)
        for node in self.cluster.nodes:
            node.nodetool("flush")
        return marks

    def spooled(self, node: Node) -> list[Path]:
        """The segments in a node's spool, that Cassandra itself has no more."""
        spool = node.commitlog_directory / ".revive" / "spool"
        return sorted(path for path in spool.glob("CommitLog-*") if not (node.commitlog_directory / path.name).exists())

    def spooled_with(self, node: Node, marks: t.Sequence[Mark]) -> list[Path]:
        """Those of them that have such a write."""
        return [path for path in self.spooled(node) if any(mark.text in path.read_bytes() for mark in marks)]

    @contextlib.contextmanager
    def store_away(self) -> t.Iterator[None]:
        """Have the store answer with errors, and then not at all."""
        bucket = self.server.directory / "buckets" / BUCKET
        aside = bucket.with_name("aside")
        bucket.rename(aside)
        try:
            self._wait_until_failing()
            self.server.stop()
            yield
        finally:
            aside.rename(bucket)
            S3Server.start(root=self.server.directory.parent.parent)

    def _wait_until_failing(self) -> None:
        def failing() -> bool:
            return all(agent_status(node)["failing"] == "ship" for node in self.cluster.nodes)

        wait_until(failing, timeout_seconds=120, what="every agent to say that it cannot ship")
