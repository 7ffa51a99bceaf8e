# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore of a table to a moment that is killed in each of its phases: run again, it converges."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from lab.distribution import CASSANDRA_5_0
from tests.lab.live_tables import ROWS, Live, importing, notes_of, rows_of
from tests.lab.rehearsal import fetched_bytes, kill_a_module, kill_the_controller, play_and

pytestmark = pytest.mark.lab

_MODULE = "cassandra_table_restore"
_SLOW_BYTES_PER_SECOND = 20_000


@dataclasses.dataclass(frozen=True)
class Killed:
    """A cluster with a moment before rows of a table were deleted.

    :ivar then: what the table held at the moment, and ``now`` what it holds.
    """

    live: Live
    moment_us: int
    then: list[str]
    now: list[str]

    def variables(self, **more: t.Any) -> dict[str, t.Any]:
        """What an operator passes."""
        return {
            "restore_point": format_us(self.moment_us),
            "restore_tables": "quiet.Orders",
            "restore_mode": "replace",
            **more,
        }

    def rows(self) -> list[str]:
        """What the table holds."""
        with self.live.session() as session:
            return rows_of(session, 'quiet."Orders"')

    def kill_modules(self, is_time: t.Callable[[], bool], **more: t.Any) -> str:
        """Restore until it is time; what the play said then."""
        run = kill_a_module(
            "restore_tables",
            module=_MODULE,
            is_time=is_time,
            inventory=self.live.inventory,
            directory=self.live.directory,
            variables=self.variables(**more),
        )
        assert run.exit_status != 0, run.output
        return run.output


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Killed]:
    with contextlib.ExitStack() as ending:
        live = Live(root=tmp_path_factory.mktemp("kills"), version=CASSANDRA_5_0, ending=ending, archive=True)
        live.writer.stop()
        with live.session() as session:
            session.execute("INSERT INTO quiet.\"Orders\" (k, c) VALUES (700, 'since the backup')")
            then = rows_of(session, 'quiet."Orders"')
        moment_us = live.moment(write_more=False)
        with live.session() as session:
            session.execute('DELETE FROM quiet."Orders" WHERE k = 7')
            now = rows_of(session, 'quiet."Orders"')
        yield Killed(live=live, moment_us=moment_us, then=then, now=now)


def test_killed_while_it_fetches_nothing_is_touched(killed: Killed) -> None:
    said = killed.kill_modules(
        lambda: fetched_bytes(killed.live.directory) > 0, restore_max_bytes_per_second=_SLOW_BYTES_PER_SECOND
    )
    assert "No table has been touched" in said
    assert killed.rows() == killed.now


def test_killed_while_it_replays_nothing_is_touched_and_no_instance_is_left(killed: Killed) -> None:
    said = killed.kill_modules(lambda: bool(_instances(killed.live)))
    assert "has been touched" in said
    assert killed.rows() == killed.now
    assert not _instances(killed.live), "a staging instance outlived its module"


def test_a_controller_that_dies_while_the_table_is_empty_and_runs_again_converges(killed: Killed) -> None:
    live = killed.live
    kill_the_controller(
        "restore_tables",
        is_time=lambda: any(notes["saved_ms"] for notes in notes_of(live)) and not killed.rows(),
        inventory=live.inventory,
        directory=live.directory,
        variables=killed.variables(),
    )
    live.restore(**killed.variables()).require_success()
    assert killed.rows() == killed.then
    # What it held before the first attempt is kept.
    for node in live.cluster.nodes:
        assert "-replace-" in node.nodetool("listsnapshots")


def test_killed_while_it_imports_what_was_there_comes_back(killed: Killed) -> None:
    live = killed.live
    with live.session() as session:
        session.execute("INSERT INTO quiet.\"Orders\" (k, c) VALUES (800, 'before the kill')")
    before = killed.rows()
    said = killed.kill_modules(lambda: importing(live))
    assert "What the tables held before is in them again" in said
    assert killed.rows() == before
    live.restore(**killed.variables()).require_success()
    assert killed.rows() == killed.then


def test_a_node_that_dies_while_it_imports_is_started_and_the_same_run_again(killed: Killed) -> None:
    live = killed.live
    (dying,) = live.cluster.nodes[1:2]
    run = play_and(
        dying.kill,
        playbook="restore_tables",
        is_time=lambda: any(notes["import_began_ms"] for notes in notes_of(live, nodes=[dying])),
        inventory=live.inventory,
        directory=live.directory,
        variables=killed.variables(),
    )
    assert run.exit_status != 0, run.output
    assert "It could not be put back everywhere" in run.output
    assert "When all nodes run, run the same again" in run.output
    dying.start()
    live.cluster.wait_until_settled()
    live.restore(**killed.variables()).require_success()
    assert killed.rows() == killed.then


def test_killed_while_it_compares_rows_it_is_not_called_done_and_the_same_goes_on(killed: Killed) -> None:
    live = killed.live
    more = {"restore_mode": "beside", "restore_suffix": "_compared"}
    said = killed.kill_modules(lambda: bool(_instances(live, of="verification")), **more)
    assert "it is not shown that they hold what the backup holds" in said
    assert not _instances(live, of="verification"), "an instance outlived its module"
    again = live.restore(**killed.variables(**more)).require_success()
    assert "rows compared with the backup's" in again.output
    assert not list(notes_of(live))
    for node in live.cluster.nodes:
        assert "-verification" not in node.nodetool("listsnapshots"), f"{node.name} keeps what was compared"
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders_compared"') == killed.then


def test_a_new_table_whose_controller_dies_before_it_is_complete_is_completed(killed: Killed) -> None:
    live = killed.live
    more = {"restore_mode": "beside", "restore_suffix": "_beside"}
    kill_the_controller(
        "restore_tables",
        is_time=lambda: any(notes["imported"] for notes in notes_of(live)),
        inventory=live.inventory,
        directory=live.directory,
        variables=killed.variables(**more),
    )
    live.restore(**killed.variables(**more)).require_success()
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders_beside"') == killed.then
        found = {row.k for row in session.execute("SELECT k FROM quiet.\"Orders_beside\" WHERE tags CONTAINS 'x'")}
        assert found == set(range(ROWS))


def _instances(live: Live, *, of: str = "staging") -> list[int]:
    """Instances of one step, beside the cluster's nodes, that run."""
    marks = (b"CassandraDaemon", f"/{of}/conf".encode(), os.fsencode(live.cluster.directory))
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes()
                found += [int(entry.name)] if all(mark in command for mark in marks) else []
    return found
