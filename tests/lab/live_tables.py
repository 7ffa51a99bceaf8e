# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that serves and is written to throughout, with a backup, and tables of which some are to be restored."""

from __future__ import annotations

import contextlib
import json
import typing as t
from pathlib import Path

from cassandra import ConsistencyLevel
from cassandra.cluster import Session

from lab.archiving import prepare_archiving, wait_until_covered
from lab.cluster import Cluster
from lab.inventory import Repository, write_inventory
from lab.leftovers import destroy_at_the_end
from lab.node import Node
from lab.playbook import PlaybookRun, run_playbook
from lab.s3 import S3Server
from lab.truth import Write, now_us, read_truth, wait_until_grown
from lab.writer import Writer, load

BUCKET = "table-backups"
PREFIX = "tables"
TAG = "before_the_deploy"
ROWS = 60
_CERTIFICATES = 500
_MORE_TRUTH_BYTES = 30_000
_WRITES_PER_SECOND = 20.0


class Live:
    """A cluster with a backup, which clients go on writing to."""

    def __init__(
        self,
        *,
        root: Path,
        version: str,
        ending: contextlib.ExitStack,
        archive: bool = False,
        counting: bool = True,
        datacenters: t.Sequence[str] | None = None,
    ) -> None:
        self.root = root
        self._counting = counting
        self.directory = root / "ansible"
        self.truth_path = root / "truth.jsonl"
        server = S3Server.start(root=root)
        ending.callback(server.destroy)
        server.create_bucket(BUCKET)
        self.server = server
        self.cluster = Cluster.create(root=root, name="live", version=version, nodes=3, datacenters=datacenters)
        destroy_at_the_end(self.cluster, ending)
        if archive:
            prepare_archiving(self.cluster)
        self.cluster.start()
        load(cluster=self.cluster, truth_path=self.truth_path, certificates=_CERTIFICATES)
        self.repository = Repository(server=server, bucket=BUCKET, prefix=PREFIX)
        self.inventory = write_inventory(
            path=root / "inventory.yml",
            clusters=[self.cluster],
            repository=self.repository,
        )
        if archive:
            self.play("enable_archiving", archive_interval_seconds=2).require_success()
        with self.session() as session:
            _make_quiet_tables(session, replication=self.cluster.replication())
        self.writer = self._start_writing()
        ending.callback(self.end_writing)
        self.play("backup", backup_tag=TAG).require_success()
        manifest = self._manifest()
        self.began_us = min(node["snapshot_began_us"] for node in manifest["nodes"])
        self.ended_us = max(node["snapshot_ended_us"] for node in manifest["nodes"])
        self.write_more()

    def write_more(self) -> None:
        """Return when clients have written some more."""
        wait_until_grown(self.truth_path, more_bytes=_MORE_TRUTH_BYTES)

    @contextlib.contextmanager
    def standing_still(self) -> t.Iterator[tuple[Session, tuple[Write, ...]]]:
        """Nobody writes: a session, and all that clients have written; they go on afterwards."""
        self.writer.stop()
        with self.session() as session:
            yield session, read_truth(self.truth_path)
        self.writer = self._start_writing()

    def _start_writing(self) -> Writer:
        return Writer.start(
            root=self.root,
            cluster=self.cluster,
            truth_path=self.truth_path,
            writes_per_second=_WRITES_PER_SECOND,
            counting=self._counting,
        )

    def end_writing(self) -> None:
        """End whoever writes now."""
        self.writer.kill()

    def session(self) -> contextlib.AbstractContextManager[Session]:
        """One whose statements all nodes have to acknowledge."""
        return self.cluster.session(consistency=ConsistencyLevel.ALL)

    def play(self, name: str, *arguments: str, **variables: t.Any) -> PlaybookRun:
        """Run a playbook to its end."""
        return run_playbook(
            name, inventory=self.inventory, directory=self.directory, variables=variables, arguments=arguments
        )

    def play_on(self, cluster: Cluster, name: str, *, prefix: str = PREFIX, **variables: t.Any) -> PlaybookRun:
        """Run a playbook to its end on another cluster, with a repository in the same bucket."""
        repository = Repository(server=self.server, bucket=BUCKET, prefix=prefix)
        inventory = write_inventory(path=self.root / f"{cluster.name}.yml", clusters=[cluster], repository=repository)
        return run_playbook(name, inventory=inventory, directory=self.directory, variables=variables)

    def restore(self, *arguments: str, **variables: t.Any) -> PlaybookRun:
        """Run ``restore_tables``, as of the backup unless another restore point is given."""
        return self.play("restore_tables", *arguments, **{"restore_point": TAG, **variables})

    def moment(self, *, write_more: bool = True) -> int:
        """This moment, once the archive reaches it.

        :param write_more: whether clients do, and are to write something after it.
        """
        moment_us = now_us()
        if write_more:
            self.write_more()
        wait_until_covered(self.cluster, moment_us)
        return moment_us

    def _manifest(self) -> dict[str, t.Any]:
        body = self.server.client().get_object(Bucket=BUCKET, Key=f"{PREFIX}/backups/{TAG}/manifest.json")["Body"]
        return t.cast("dict[str, t.Any]", json.loads(body.read()))


def _make_quiet_tables(session: Session, *, replication: str) -> None:
    """Tables that no client writes to, so that what they hold is known."""
    session.execute(f"CREATE KEYSPACE quiet WITH replication = {replication} AND durable_writes = true")
    session.execute("CREATE TYPE quiet.place (street text, town text)")
    session.execute('CREATE TYPE quiet."Person" (name text, home frozen<place>)')
    session.execute(
        'CREATE TABLE quiet."Orders" (k int, c text, shared int static, who frozen<"Person">, tags set<text>, '
        "old text, PRIMARY KEY (k, c)) WITH CLUSTERING ORDER BY (c DESC)"
    )
    session.execute('CREATE INDEX "Orders_tags" ON quiet."Orders" (tags)')
    for k in range(ROWS):
        session.execute(
            'INSERT INTO quiet."Orders" (k, c, shared, who, tags, old) VALUES '
            "(%s, 'a', %s, {name: 'n', home: {street: 's', town: 't'}}, {'x'}, 'gone')",
            (k, k),
        )
    session.execute('ALTER TABLE quiet."Orders" DROP old')
    session.execute("CREATE TABLE quiet.untouched (k int PRIMARY KEY, v text)")
    for k in range(ROWS):
        session.execute("INSERT INTO quiet.untouched (k, v) VALUES (%s, 'v')", (k,))


def failed(truth: t.Sequence[Write]) -> list[Write]:
    """The writes that were not acknowledged."""
    return [write for write in truth if write.acknowledged_us is None]


def rows_of(session: Session, table: str) -> list[str]:
    """All rows of a table, in an order of its own."""
    return sorted(map(str, session.execute(f"SELECT * FROM {table}")))


def importing(live: Live) -> bool:
    """Whether a node has begun to import a restore's tables, and has not ended with one."""
    return any(notes["import_began_ms"] and not notes["imported"] for notes in notes_of(live))


def notes_of(live: Live, *, nodes: t.Sequence[Node] | None = None) -> t.Iterator[dict[str, t.Any]]:
    """What nodes, all or some, have written down about restores of tables."""
    for node in nodes or live.cluster.nodes:
        for path in (node.directory / "revive" / "restores").glob("*.tables"):
            with contextlib.suppress(OSError, ValueError):
                yield json.loads(path.read_text(encoding="utf-8"))
