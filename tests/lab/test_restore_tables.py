# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of a backup into a cluster that serves and is written to: beside, in place of, and over what is there."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import typing as t
from pathlib import Path

import pytest
from cassandra import ConsistencyLevel
from cassandra.cluster import Session

from lab.checker import Replaced, check
from lab.cluster import Cluster
from lab.inventory import Repository, write_inventory
from lab.playbook import PlaybookRun, run_playbook
from lab.s3 import S3Server
from lab.schema import AUDIT_LOG, CERTIFICATES, ISSUANCE_COUNTERS, KEYSPACE, OCSP_RESPONSES, TABLES
from lab.truth import Write, read_truth, wait_until_grown
from lab.writer import Writer, load
from tests.lab.rehearsal import kill_a_module

pytestmark = [pytest.mark.lab, pytest.mark.slow]

BUCKET = "table-backups"
PREFIX = "tables"
TAG = "before_the_deploy"
_CERTIFICATES = 500
_MORE_TRUTH_BYTES = 30_000
_ROWS = 60
_WRITES_PER_SECOND = 20.0


class Live:
    """A cluster with a backup, which clients go on writing to."""

    def __init__(self, *, root: Path, version: str, ending: contextlib.ExitStack) -> None:
        self.root = root
        self.directory = root / "ansible"
        self.truth_path = root / "truth.jsonl"
        server = S3Server.start(root=root)
        ending.callback(server.destroy)
        server.create_bucket(BUCKET)
        self.server = server
        self.cluster = Cluster.create(root=root, name="live", version=version, nodes=3)
        ending.callback(self.cluster.destroy)
        self.cluster.start()
        load(cluster=self.cluster, truth_path=self.truth_path, certificates=_CERTIFICATES)
        self.inventory = write_inventory(
            path=root / "inventory.yml",
            clusters=[self.cluster],
            repository=Repository(server=server, bucket=BUCKET, prefix=PREFIX),
        )
        with self.session() as session:
            _make_quiet_tables(session)
        self.writer = Writer.start(
            root=root, cluster=self.cluster, truth_path=self.truth_path, writes_per_second=_WRITES_PER_SECOND
        )
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
        self.writer = Writer.start(
            root=self.root, cluster=self.cluster, truth_path=self.truth_path, writes_per_second=_WRITES_PER_SECOND
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

    def restore(self, *arguments: str, **variables: t.Any) -> PlaybookRun:
        """Run ``restore_tables``, as of the backup."""
        return self.play("restore_tables", *arguments, **{"restore_point": TAG, **variables})

    def _manifest(self) -> dict[str, t.Any]:
        body = self.server.client().get_object(Bucket=BUCKET, Key=f"{PREFIX}/backups/{TAG}/manifest.json")["Body"]
        return t.cast("dict[str, t.Any]", json.loads(body.read()))


def _make_quiet_tables(session: Session) -> None:
    """Tables that no client writes to, so that what they hold is known."""
    session.execute(
        "CREATE KEYSPACE quiet WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3} "
        "AND durable_writes = true"
    )
    session.execute("CREATE TYPE quiet.place (street text, town text)")
    session.execute('CREATE TYPE quiet."Person" (name text, home frozen<place>)')
    session.execute(
        'CREATE TABLE quiet."Orders" (k int, c text, shared int static, who frozen<"Person">, tags set<text>, '
        "old text, PRIMARY KEY (k, c)) WITH CLUSTERING ORDER BY (c DESC)"
    )
    session.execute('CREATE INDEX "Orders_tags" ON quiet."Orders" (tags)')
    for k in range(_ROWS):
        session.execute(
            'INSERT INTO quiet."Orders" (k, c, shared, who, tags, old) VALUES '
            "(%s, 'a', %s, {name: 'n', home: {street: 's', town: 't'}}, {'x'}, 'gone')",
            (k, k),
        )
    session.execute('ALTER TABLE quiet."Orders" DROP old')
    session.execute("CREATE TABLE quiet.untouched (k int PRIMARY KEY, v text)")
    for k in range(_ROWS):
        session.execute("INSERT INTO quiet.untouched (k, v) VALUES (%s, 'v')", (k,))


def failed(truth: t.Sequence[Write]) -> list[Write]:
    """The writes that were not acknowledged."""
    return [write for write in truth if write.acknowledged_us is None]


def rows_of(session: Session, table: str) -> list[str]:
    """All rows of a table, in an order of its own."""
    return sorted(map(str, session.execute(f"SELECT * FROM {table}")))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Live]:
    with contextlib.ExitStack() as ending:
        yield Live(root=tmp_path_factory.mktemp("tables"), version="5.0.8", ending=ending)


def test_the_plan_says_what_would_be_done_and_nothing_is(live: Live) -> None:
    run = live.restore("--check", restore_tables="quiet.Orders").require_success()
    assert re.search(r'quiet.\\"Orders\\" goes to quiet.\\"Orders_restored_\d{14}\\", a new table', run.output)
    with live.session() as session:
        assert not [
            row for row in session.execute("SELECT table_name FROM system_schema.tables") if "restored" in row[0]
        ]


def test_wrong_names_and_modes_are_refused_and_what_is_possible_is_said(live: Live) -> None:
    unknown = live.restore(restore_tables="quiet.nothing,certificate_manager.*")
    assert unknown.exit_status != 0
    assert "has no table quiet.nothing" in unknown.output
    assert "quiet.untouched" in unknown.output
    mode = live.restore(restore_tables="quiet.untouched", restore_mode="overwrite")
    assert mode.exit_status != 0
    assert "beside" in mode.output
    into = live.restore(restore_tables="quiet.untouched", restore_mode="merge", restore_into_keyspace="elsewhere")
    assert into.exit_status != 0
    assert "Leave restore_into_keyspace and restore_suffix out" in into.output
    system = live.restore(restore_tables="system_auth.roles")
    assert system.exit_status != 0
    assert "that users made" in system.output


def test_beside_has_what_the_backup_had_while_clients_write(live: Live) -> None:
    """All tables into another keyspace, which is made for it; what they were restored from is not touched."""
    with live.session() as session:
        untouched = rows_of(session, "quiet.untouched")
    live.restore(restore_keyspaces=[KEYSPACE], restore_into_keyspace="restored").require_success()
    live.write_more()
    restored = [dataclasses.replace(table, keyspace="restored") for table in TABLES]
    with live.standing_still() as (session, truth):
        result = check(session, truth, until_us=live.began_us, tables=restored)
        print(result.summary())
        assert result.ok, result.summary()
        everything = check(session, truth, tables=restored)
        assert everything.missing, "writes from after the backup are in the restored tables"
        assert rows_of(session, "quiet.untouched") == untouched
        now = check(session, truth)
        assert now.ok, now.summary()
        assert not failed(truth), "a client's write failed"


def test_again_it_is_refused_since_the_tables_are_there(live: Live) -> None:
    run = live.restore(restore_keyspaces=KEYSPACE, restore_into_keyspace="restored")
    assert run.exit_status != 0
    assert "There is a table restored.certificates already" in run.output


def test_a_row_deleted_by_mistake_comes_back_beside_and_not_by_a_merge(live: Live) -> None:
    with live.session() as session:
        before = rows_of(session, 'quiet."Orders"')
        session.execute('DELETE FROM quiet."Orders" WHERE k = 7')
        session.execute("INSERT INTO quiet.\"Orders\" (k, c, tags) VALUES (1000, 'new', {'x'})")
        after = rows_of(session, 'quiet."Orders"')
    merged = live.restore("--check", restore_tables="quiet.Orders", restore_mode="merge").require_success()
    assert "a row that was deleted since does not come back" in merged.output
    live.restore(restore_tables='quiet."Orders"', restore_mode="merge").require_success()
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders"') == after
    live.restore(restore_tables='quiet."Orders"', restore_suffix="_then").require_success()
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders_then"') == before
        found = {row.k for row in session.execute("SELECT k FROM quiet.\"Orders_then\" WHERE tags CONTAINS 'x'")}
        assert found == set(range(_ROWS))
        comments = session.execute(
            "SELECT comment FROM system_schema.tables WHERE keyspace_name = 'quiet' AND table_name = 'Orders_then'"
        )
        assert comments.one().comment == ""


def test_replace_makes_a_table_what_it_was_while_clients_write_to_it(live: Live) -> None:
    with live.session() as session:
        untouched = rows_of(session, "quiet.untouched")
    run = live.restore(restore_tables="certificate_manager.certificates", restore_mode="replace").require_success()
    assert "is kept in the snapshots" in run.output
    live.write_more()
    emptied = [_truncated_us(live, node=node) for node in live.cluster.nodes]
    with live.standing_still() as (session, truth):
        replaced = Replaced(
            snapshot_began_us=live.began_us,
            snapshot_ended_us=live.ended_us,
            emptied_from_us=min(emptied) - 5_000_000,
            emptied_until_us=max(emptied) + 5_000_000,
        )
        result = check(session, truth, tables=[CERTIFICATES], replaced=replaced)
        print(result.summary())
        assert result.ok, result.summary()
        others = [AUDIT_LOG, OCSP_RESPONSES, ISSUANCE_COUNTERS]
        kept = check(session, truth, tables=others)
        assert kept.ok, kept.summary()
        assert rows_of(session, "quiet.untouched") == untouched
        assert not failed(truth), "a client's write failed"


def test_replace_brings_a_deleted_row_back_and_keeps_what_was_there_in_snapshots(live: Live) -> None:
    with live.session() as session:
        then = rows_of(session, 'quiet."Orders_then"')
        assert rows_of(session, 'quiet."Orders"') != then
    live.restore(restore_tables="quiet.Orders", restore_mode="replace").require_success()
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders"') == then
        found = {row.k for row in session.execute("SELECT k FROM quiet.\"Orders\" WHERE tags CONTAINS 'x'")}
        assert found == set(range(_ROWS))
    for node in live.cluster.nodes:
        assert f"{TAG}-replace-" in node.nodetool("listsnapshots")


def test_what_was_dropped_comes_back_with_its_types_and_indexes(live: Live) -> None:
    with live.session() as session:
        then = rows_of(session, 'quiet."Orders"')
        session.execute("DROP KEYSPACE quiet")
    live.restore(restore_keyspaces="q*t", restore_mode="replace").require_success()
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders"') == then
        assert len(rows_of(session, "quiet.untouched")) == _ROWS
        found = {row.k for row in session.execute("SELECT k FROM quiet.\"Orders\" WHERE tags CONTAINS 'x'")}
        assert found == set(range(_ROWS))
        session.execute("INSERT INTO quiet.\"Orders\" (k, c) VALUES (2000, 'x')")


def test_a_table_that_is_another_now_is_refused_with_the_difference(live: Live) -> None:
    with live.session() as session:
        session.execute("DROP TABLE quiet.untouched")
        session.execute("CREATE TABLE quiet.untouched (k int, v blob, PRIMARY KEY (k))")
    run = live.restore(restore_tables="quiet.untouched", restore_mode="replace")
    assert run.exit_status != 0
    assert "its column v was text and is blob" in run.output
    with live.session() as session:
        session.execute("DROP TABLE quiet.untouched")


def test_a_module_that_is_killed_while_it_imports_leaves_what_was_there(live: Live) -> None:
    with live.session() as session:
        session.execute("INSERT INTO quiet.\"Orders\" (k, c) VALUES (3000, 'before the kill')")
        before = rows_of(session, 'quiet."Orders"')
    run = kill_a_module(
        "restore_tables",
        module="cassandra_table_restore",
        is_time=lambda: any(_import_began(node) for node in live.cluster.nodes),
        inventory=live.inventory,
        directory=live.directory,
        variables={"restore_point": TAG, "restore_tables": "quiet.Orders", "restore_mode": "replace"},
    )
    assert run.exit_status != 0
    assert "What the tables held before is in them again" in run.output, run.output
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders"') == before
    live.restore(restore_tables="quiet.Orders", restore_mode="replace").require_success()
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders"') != before
        assert {row.k for row in session.execute('SELECT k FROM quiet."Orders"')} == set(range(_ROWS))


def _notes(node: t.Any) -> t.Iterator[dict[str, t.Any]]:
    for path in (node.directory / "revive" / "restores").glob("*.tables"):
        with contextlib.suppress(OSError, ValueError):
            yield json.loads(path.read_text(encoding="utf-8"))


def _import_began(node: t.Any) -> bool:
    return any(notes["import_began_ms"] and not notes["imported"] for notes in _notes(node))


def _truncated_us(live: Live, *, node: t.Any) -> int:
    """When a node truncated the certificates last, by its own memory of it."""
    with live.cluster.session(nodes=[node], consistency=ConsistencyLevel.ONE) as session:
        (table_id,) = session.execute(
            f"SELECT id FROM system_schema.tables WHERE keyspace_name = '{KEYSPACE}' AND table_name = 'certificates'"
        ).one()
        truncated = session.execute("SELECT truncated_at FROM system.local").one().truncated_at
    return int.from_bytes(truncated[table_id][12:20], "big") * 1000
