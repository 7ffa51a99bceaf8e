# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster whose commit log is archived, with a base, clients that write throughout, and moments to go back to."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import typing as t
from pathlib import Path

from cassandra import ConsistencyLevel, ReadFailure
from cassandra.cluster import Session

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from lab.archiving import prepare_archiving, wait_until_covered
from lab.checker import CheckResult, check
from lab.cluster import Cluster
from lab.inventory import Repository, write_inventory
from lab.leftovers import destroy_at_the_end
from lab.playbook import PlaybookRun, run_playbook
from lab.processes import wait_until
from lab.s3 import S3Server
from lab.truth import now_us, read_truth, wait_until_grown
from lab.writer import Writer, load
from tests.lab.staging_history import Truth, after_moment, before_base, tables_of, until_moment

BUCKET = "moment-backups"
PREFIX = "moments"
BASE = "the_base"
_CERTIFICATES = 600
_MORE_TRUTH_BYTES = 60_000
# Enough that there is always a write under way; how many more there are, only a processor would tell.
_WRITES_PER_SECOND = 20.0
_DAY_US = 86_400_000_000


@dataclasses.dataclass(frozen=True)
class KnownMoment:
    """A moment, and what the tables that no writer touches held then."""

    us: int
    tables: Truth

    def __str__(self) -> str:
        """As an operator writes it."""
        return format_us(self.us)


class MomentHistory:
    """Archiving is on, a base is taken, and clients write all the time."""

    def __init__(self, *, root: Path, version: str, nodes: int, ending: contextlib.ExitStack) -> None:
        self.root = root
        self.directory = root / "ansible"
        self.truth_path = root / "truth.jsonl"
        self._ending = ending
        server = S3Server.start(root=root)
        ending.callback(server.destroy)
        server.create_bucket(BUCKET)
        self.repository = Repository(server=server, bucket=BUCKET, prefix=PREFIX)
        self._version = version
        self._nodes = nodes
        self.cluster = self.new_cluster("source")
        prepare_archiving(self.cluster)
        self.cluster.start()
        self.play("enable_archiving", self.cluster, archive_interval_seconds=2).require_success()
        load(cluster=self.cluster, truth_path=self.truth_path, certificates=_CERTIFICATES)
        with self.session() as session:
            before_base(session, replicas=nodes)
            _before_base(session, replicas=nodes)
        self.writer = Writer.start(
            root=root, cluster=self.cluster, truth_path=self.truth_path, writes_per_second=_WRITES_PER_SECOND
        )
        ending.callback(self.writer.kill)
        self.play("backup", self.cluster, backup_tag=BASE).require_success()
        self.base_us = now_us()

    def live_on(self) -> tuple[KnownMoment, KnownMoment]:
        """Change schema and data while clients write: two moments, the second at random, both before the end."""
        nodes = len(self.cluster.nodes)
        with self.session() as session:
            until_moment(session, replicas=nodes)
            _until_moment(session)
            self.write_more()
            first = KnownMoment(us=now_us(), tables=tables_of(session))
            self.write_more()
            after_moment(session, replicas=nodes)
            quiet_us = now_us()
            self.write_more()
            second = KnownMoment(us=random.SystemRandom().randrange(quiet_us, now_us()), tables=tables_of(session))
        wait_until_covered(self.cluster, now_us())
        return first, second

    def write_with_own_timestamps(self) -> int:
        """Write what says that it is of tomorrow, and then what says that it is of the base's time; when in between."""
        with self.session() as session:
            _insert_stamped(session, "of_tomorrow", timestamp_us=now_us() + _DAY_US)
            wait_until_covered(self.cluster, now_us())
            between_us = now_us()
            _insert_stamped(session, "of_the_base", timestamp_us=self.base_us)
        wait_until_covered(self.cluster, now_us())
        return between_us

    def lose(self) -> None:
        """End everything at once, as it is, and the disks with it."""
        self.cluster.lose()
        self.writer.kill()

    def new_cluster(self, name: str) -> Cluster:
        """Nodes that were never started, as many as there were and of the same version."""
        cluster = Cluster.create(
            root=self.root, name=name, version=self._version, nodes=self._nodes, cluster_name=name.title()
        )
        destroy_at_the_end(cluster, self._ending)
        return cluster

    def session(self, cluster: Cluster | None = None) -> contextlib.AbstractContextManager[Session]:
        """One for statements that all nodes have to acknowledge."""
        return (cluster or self.cluster).session(consistency=ConsistencyLevel.ALL)

    def play(self, name: str, cluster: Cluster, arguments: t.Sequence[str] = (), **variables: t.Any) -> PlaybookRun:
        """Run a playbook on a cluster to its end."""
        inventory = write_inventory(
            path=self.root / f"{cluster.name}.yml", clusters=[cluster], repository=self.repository
        )
        return run_playbook(
            name, inventory=inventory, directory=self.directory, variables=variables, arguments=arguments
        )

    def write_more(self) -> None:
        """Return when clients have written some more."""
        wait_until_grown(self.truth_path, more_bytes=_MORE_TRUTH_BYTES)

    def gap_causes(self) -> list[str]:
        """Why the logs in the repository have the gaps that they have."""
        client = self.repository.server.client()
        listed = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/commitlogs/").get("Contents", [])
        bodies = [
            client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
            for entry in listed
            # What shows only that one may be recorded has no suffix.
            if "/gaps/" in entry["Key"] and entry["Key"].endswith(".json")
        ]
        return sorted(json.loads(body)["cause"] for body in bodies)

    def check(self, cluster: Cluster, moment: KnownMoment) -> CheckResult:
        """Compare what clients wrote with what a cluster holds: exactly what has a timestamp up to the moment."""
        truth = read_truth(self.truth_path)
        assert any(write.timestamp_us > moment.us for write in truth), "nothing was written after the moment"
        assert any(self.base_us < write.timestamp_us <= moment.us for write in truth), "nothing since the base"
        with self.session(cluster) as session:
            return check(session, truth, until_us=moment.us, exact=True)

    def tables(self, cluster: Cluster) -> Truth:
        """What the tables that no writer touches hold."""
        with self.session(cluster) as session:
            return tables_of(session)


def destroy(cluster: Cluster) -> None:
    """End a cluster, unless that has been done."""
    if cluster.directory.exists():
        cluster.destroy()


def _before_base(session: Session, *, replicas: int) -> None:
    # Apart from the tables that are compared with what they held at a moment, since its writes belong to other moments.
    session.execute(
        f"CREATE KEYSPACE stamps WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': {replicas}}}"
    )
    session.execute("CREATE TABLE stamps.stamped (k text PRIMARY KEY)")
    session.execute("CREATE TABLE app.indexed_since (k int PRIMARY KEY, v text)")
    for k in range(20):
        session.execute("INSERT INTO app.indexed_since (k, v) VALUES (%s, 'base')", (k,))


def _insert_stamped(session: Session, key: str, *, timestamp_us: int) -> None:
    session.execute("INSERT INTO stamps.stamped (k) VALUES (%s) USING TIMESTAMP %s", (key, timestamp_us))


def stamped_rows(session: Session) -> set[str]:
    """What there is of :meth:`MomentHistory.write_with_own_timestamps`."""
    return {row.k for row in session.execute("SELECT k FROM stamps.stamped")}


def _until_moment(session: Session) -> None:
    """An index that the base's SSTables have no files of."""
    session.execute("CREATE INDEX indexed_since_v ON app.indexed_since (v)")
    for k in range(5):
        session.execute("INSERT INTO app.indexed_since (k, v) VALUES (%s, 'since')", (k,))
    wait_until(lambda: _is_built(session), timeout_seconds=120, what="the index to be built")


def _is_built(session: Session) -> bool:
    try:
        return len(found_by_index(session, "base")) == 15 and len(found_by_index(session, "since")) == 5
    except ReadFailure:
        # What a node answers while it builds.
        return False


def found_by_index(session: Session, value: str) -> list[int]:
    """The keys that the index finds which was made after the base."""
    rows = session.execute("SELECT k FROM app.indexed_since WHERE v = %s", (value,))
    return sorted(row.k for row in rows)
