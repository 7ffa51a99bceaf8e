# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases of a node among processes, some of which are killed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import signal
import stat
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import leases as adapter
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.leases import NodeLeases, instant
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BusyError, LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.lease import Instant, Owner

FIRST = Owner(id="first", operation="backup", works_on="backup_1", started_by="ops@control", quiet_seconds=7200)
SECOND = Owner(id="second", operation="restore", works_on="shop-1", started_by="eve@other", quiet_seconds=7200)
BY_HAND = Owner(id="hand", operation="cassandra_snapshot")
#: Takes the node, says so, and works until its standard input ends.
WORKER = """
import sys
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.leases import NodeLeases
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BusyError
from ansible_collections.revive.cassandra.plugins.module_utils._core.lease import Owner
directory, owner_id, quiet = sys.argv[1:]
leases = NodeLeases(directory, node="n1")
sys.stdin.readline()
try:
    with leases.taken(Owner(id=owner_id, operation="backup", quiet_seconds=int(quiet))):
        print("taken", flush=True)
        sys.stdin.readline()
except BusyError:
    print("refused", flush=True)
"""


class Clock:
    """A node's time that a test moves."""

    def __init__(self) -> None:
        self.minutes = 0

    def __call__(self) -> Instant:
        real = instant()
        ahead_us = self.minutes * 60_000_000
        return dataclasses.replace(real, wall_us=real.wall_us + ahead_us, uptime_us=real.uptime_us + ahead_us)


@contextlib.contextmanager
def worker(directory: pathlib.Path, owner_id: str, *, quiet: int = 7200) -> t.Iterator[subprocess.Popen[str]]:
    """A process that takes the node when it gets a line, and ends with the next one."""
    command = [sys.executable, "-c", WORKER, str(directory), owner_id, str(quiet)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def go_on(process: subprocess.Popen[str]) -> None:
    """Give a worker a line."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def answer(process: subprocess.Popen[str]) -> str:
    """What a worker says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_lease_outlives_the_process_that_took_it_and_is_given_back_once(tmp_path: pathlib.Path) -> None:
    leases = NodeLeases(str(tmp_path), node="n1")
    with leases.taken(FIRST) as found:
        assert found is None
    with pytest.raises(BusyError, match="n1 is taken by backup backup_1, started by ops@control"), leases.taken(SECOND):
        pass
    with leases.taken(FIRST) as found:
        assert found is not None

    assert not leases.give_back("second")
    assert leases.give_back("first")
    assert not leases.give_back("first")
    assert leases.look() is None
    with leases.taken(SECOND):
        pass


def test_looking_at_a_node_makes_nothing_there(tmp_path: pathlib.Path) -> None:
    leases = NodeLeases(str(tmp_path / "state"), node="n1")
    with leases.kept("first"):
        assert leases.look() is None

    assert not leases.give_back("first")
    assert list(tmp_path.iterdir()) == []


def test_what_is_noted_is_for_the_owner_of_the_directory_only(tmp_path: pathlib.Path) -> None:
    with NodeLeases(str(tmp_path / "state"), node="n1").taken(FIRST):
        modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (tmp_path / "state").rglob("*")}
    assert modes == {0}


def test_each_step_is_a_sign_of_life(tmp_path: pathlib.Path) -> None:
    clock = Clock()
    leases = NodeLeases(str(tmp_path), node="n1", now=clock)
    with leases.taken(FIRST):
        clock.minutes = 300
    clock.minutes = 419
    with leases.kept("first"), leases.kept("another"):
        pass
    clock.minutes = 538
    with pytest.raises(BusyError), leases.taken(SECOND):
        pass
    clock.minutes = 540
    with leases.taken(SECOND) as found:
        assert found is not None
        assert found.lease.owner == FIRST


def test_a_process_that_works_keeps_the_lease_and_one_that_is_killed_does_not(tmp_path: pathlib.Path) -> None:
    clock = Clock()
    leases = NodeLeases(str(tmp_path), node="n1", now=clock)
    with worker(tmp_path, "first") as process:
        go_on(process)
        assert answer(process) == "taken"
        clock.minutes = 60 * 24
        with pytest.raises(BusyError, match=f"its process {process.pid} works"), leases.taken(SECOND):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with leases.taken(SECOND) as found:
            assert found is not None
            assert found.working == 0


def test_a_module_by_hand_that_is_killed_leaves_the_node_free_at_once(tmp_path: pathlib.Path) -> None:
    with worker(tmp_path, "another", quiet=0) as process:
        go_on(process)
        assert answer(process) == "taken"
        with pytest.raises(BusyError), NodeLeases(str(tmp_path), node="n1").taken(BY_HAND):
            pass
        process.kill()
        process.wait()
    with NodeLeases(str(tmp_path), node="n1").taken(BY_HAND) as found:
        assert found is not None


def test_of_two_that_come_at_once_one_has_the_node(tmp_path: pathlib.Path) -> None:
    for turn in range(5):
        directory = tmp_path / str(turn)
        with worker(directory, "first") as first, worker(directory, "second") as second:
            go_on(first)
            go_on(second)
            answers = {"first": answer(first), "second": answer(second)}
            assert sorted(answers.values()) == ["refused", "taken"]
            found = NodeLeases(str(directory), node="n1").look()
            assert found is not None
            assert answers[found.lease.owner.id] == "taken"


def test_two_steps_of_one_play_may_work_at_once(tmp_path: pathlib.Path) -> None:
    leases = NodeLeases(str(tmp_path), node="n1")
    with worker(tmp_path, "first") as process:
        go_on(process)
        assert answer(process) == "taken"
        with leases.taken(FIRST):
            pass
        with pytest.raises(BusyError, match="works"), leases.taken(SECOND):
            pass


def test_who_takes_over_waits_for_the_process_of_the_other_to_end(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = NodeLeases(str(tmp_path), node="n1")
    with worker(tmp_path, "first") as process:
        go_on(process)
        assert answer(process) == "taken"
        monkeypatch.setattr(adapter, "ENDS_SECONDS", 0.2)
        with pytest.raises(BusyError, match="does not end"), leases.taken(SECOND, given_up=("first",)):
            pass
        assert leases.is_of("first"), "a process works, and nothing keeps others out"
        monkeypatch.setattr(adapter, "ENDS_SECONDS", 60.0)
        go_on(process)
        process.wait()
    with leases.taken(SECOND, given_up=("first",)):
        # What the other says at its end is not for this lease.
        leases.renew("first")
        assert leases.is_of("second")
    with pytest.raises(BusyError, match="This play had it, and it was taken over"), leases.taken(FIRST):
        pass


def test_a_process_that_has_ended_while_it_is_waited_for_is_no_obstacle(tmp_path: pathlib.Path) -> None:
    with worker(tmp_path, "first") as process:
        go_on(process)
        assert answer(process) == "taken"
        os.kill(process.pid, signal.SIGTERM)
        with NodeLeases(str(tmp_path), node="n1").taken(SECOND, given_up=("first",)) as found:
            assert found is not None
    assert not (tmp_path / "lease" / "first.working").exists()


def test_a_note_that_cannot_be_read_stops_everybody_and_says_which_it_is(tmp_path: pathlib.Path) -> None:
    leases = NodeLeases(str(tmp_path), node="n1")
    with leases.taken(FIRST):
        pass
    (tmp_path / "lease" / "lease.json").write_text("{")
    with pytest.raises(LocalFilesError, match=r"lease\.json cannot be read"), leases.taken(SECOND):
        pass
    leases.renew("first")
