# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of a backup into a cluster that serves and is written to: beside, in place of, and over what is there."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import typing as t

import pytest

from lab.checker import check
from lab.distribution import CASSANDRA_5_0
from lab.emptied import replaced
from lab.schema import AUDIT_LOG, CERTIFICATES, ISSUANCE_COUNTERS, KEYSPACE, OCSP_RESPONSES, TABLES
from tests.lab.live_tables import ROWS, TAG, Live, failed, importing, notes_of, rows_of
from tests.lab.rehearsal import kill_a_module, play_and

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Live]:
    with contextlib.ExitStack() as ending:
        yield Live(root=tmp_path_factory.mktemp("tables"), version=CASSANDRA_5_0, ending=ending)


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
    assert "Leave out restore_into_keyspace and restore_suffix" in into.output
    system = live.restore(restore_tables="system_auth.roles")
    assert system.exit_status != 0
    assert "that users made" in system.output


def test_beside_has_what_the_backup_had_while_clients_write(live: Live) -> None:
    """All tables into another keyspace, which is made for it; what they were restored from is not touched."""
    with live.session() as session:
        untouched = rows_of(session, "quiet.untouched")
    run = live.restore(restore_keyspaces=[KEYSPACE], restore_into_keyspace="restored")
    run.require_success()
    compared = re.findall(r"each replica's rows compared with the backup's, (\d+) together: (.*?)\\?\"", run.output)
    assert len(compared) == len(TABLES)
    assert all(int(rows) and said.startswith("all are the same") for rows, said in compared), compared
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
    assert "There is already a table restored.certificates" in run.output


def test_what_differs_from_the_backup_is_found_and_the_same_goes_on_from_there(live: Live) -> None:
    """Somebody changes restored rows before they are compared: one is gone, of one a collection is another."""
    variables = {
        "restore_point": TAG,
        "restore_tables": "quiet.Orders",
        "restore_into_keyspace": "apart",
    }

    def differ() -> None:
        with live.session() as session:
            session.execute('DELETE FROM apart."Orders" WHERE k = 1')
            session.execute("UPDATE apart.\"Orders\" SET tags = tags + {'other'} WHERE k = 2 AND c = 'a'")
            session.execute('UPDATE apart."Orders" SET shared = -1 WHERE k = 3')

    run = play_and(
        differ,
        playbook="restore_tables",
        is_time=lambda: sum(bool(notes["imported"]) for notes in notes_of(live)) == len(live.cluster.nodes),
        inventory=live.inventory,
        directory=live.directory,
        variables=variables,
    )

    found = (
        f'apart."Orders" on live-n1 does not hold what quiet.Orders held: of {ROWS} rows 1 are missing, and 1 '
        "differ although nobody has written them since"
    )
    assert run.exit_status != 0
    assert found in run.output
    again = live.restore(**variables)
    assert again.exit_status != 0
    assert found in again.output
    live.restore(**variables, restore_verify="files").require_success()
    assert not list(notes_of(live))


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
        assert found == set(range(ROWS))
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
    rule = replaced(live.cluster, CERTIFICATES, from_us=live.began_us, until_us=live.ended_us)
    with live.standing_still() as (session, truth):
        result = check(session, truth, tables=[CERTIFICATES], replaced=rule)
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
        assert found == set(range(ROWS))
    for node in live.cluster.nodes:
        assert f"{TAG}-replace-" in node.nodetool("listsnapshots")


def test_what_was_dropped_comes_back_with_its_types_and_indexes(live: Live) -> None:
    with live.session() as session:
        then = rows_of(session, 'quiet."Orders"')
        session.execute("DROP KEYSPACE quiet")
    live.restore(restore_keyspaces="q*t", restore_mode="replace").require_success()
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders"') == then
        assert len(rows_of(session, "quiet.untouched")) == ROWS
        found = {row.k for row in session.execute("SELECT k FROM quiet.\"Orders\" WHERE tags CONTAINS 'x'")}
        assert found == set(range(ROWS))
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
        is_time=lambda: importing(live),
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
        assert {row.k for row in session.execute('SELECT k FROM quiet."Orders"')} == set(range(ROWS))
