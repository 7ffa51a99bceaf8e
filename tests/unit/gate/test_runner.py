# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands beside each other: what starts when, what is kept of each, and how all of it ends."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
import typing as t

import pytest

from gate.runner import EndedError, Outcome, Part, Room, fits, run_parts

_ROOM = Room(lanes={"lab": 2, "checks": 1}, nodes=8)


def part(name: str, script: str = ":", **settings: t.Any) -> Part:
    """A part that runs a shell script."""
    return Part(**{"name": name, "command": ("sh", "-c", script), "lane": "lab", **settings})


def run(parts: t.Sequence[Part], directory: pathlib.Path, *, room: Room = _ROOM) -> dict[str, Outcome]:
    """Run parts; how each ended, in the order in which they did."""
    seen: list[Outcome] = []
    outcomes = run_parts(parts, room=room, directory=directory, ended=seen.append)
    assert list(outcomes) == seen
    return {outcome.part.name: outcome for outcome in outcomes}


def test_each_one_says_how_it_ended_and_its_output_is_kept(tmp_path: pathlib.Path) -> None:
    outcomes = run([part("good", "echo out; echo err >&2"), part("bad", "echo why; exit 3")], tmp_path)
    assert {name: outcome.verdict for name, outcome in outcomes.items()} == {"good": "passed", "bad": "FAILED (3)"}
    assert outcomes["good"].log.read_text() == "out\nerr\n"
    assert outcomes["bad"].log.read_text() == "why\n"


def test_one_that_fails_lets_the_others_finish(tmp_path: pathlib.Path) -> None:
    parts = [part("bad", "exit 1", minutes=9), *(part(f"good{number}") for number in range(4))]
    assert [outcome.exit_status for outcome in run(parts, tmp_path).values()].count(0) == 4


def test_one_that_a_signal_ends_has_failed(tmp_path: pathlib.Path) -> None:
    assert run([part("killed", "kill -KILL $$")], tmp_path)["killed"].exit_status == 128 + signal.SIGKILL


def test_those_that_take_longest_begin_first(tmp_path: pathlib.Path) -> None:
    parts = [part(f"takes{minutes}", minutes=minutes) for minutes in (1, 3, 2)]
    outcomes = run(parts, tmp_path, room=Room(lanes={"lab": 1}, nodes=8))
    assert list(outcomes) == ["takes3", "takes2", "takes1"]


def test_two_run_beside_each_other(tmp_path: pathlib.Path) -> None:
    """Each waits for what the other one makes."""
    script = "touch {}; until [ -e {} ]; do sleep 0.01; done"
    parts = [
        part("a", script.format(tmp_path / "a", tmp_path / "b")),
        part("b", script.format(tmp_path / "b", tmp_path / "a")),
    ]
    assert {outcome.exit_status for outcome in run(parts, tmp_path).values()} == {0}


@pytest.mark.parametrize(
    ("nodes", "running", "expected"),
    [
        (3, (), "starts"),
        (3, (5,), "starts"),
        (3, (6,), "waits"),
        (0, (8,), "starts"),
        (0, (1, 1), "waits"),
        (9, (), "starts"),
        (9, (1,), "waits"),
        (9, (0,), "starts"),
    ],
)
def test_lanes_and_memory_say_what_starts(nodes: int, running: tuple[int, ...], expected: str) -> None:
    beside = [part(str(number), nodes=each) for number, each in enumerate(running)]
    assert fits(part("next", nodes=nodes), running=beside, room=_ROOM) == (expected == "starts")


def test_a_lane_is_not_full_of_what_runs_in_another() -> None:
    beside = [part("a"), part("b")]
    assert fits(part("next", lane="checks"), running=beside, room=_ROOM)
    assert not fits(part("next", lane="lab"), running=beside, room=_ROOM)


_WAITS = """
import pathlib, signal, subprocess, sys, time
def end(number, frame):
    time.sleep(0.2)
    pathlib.Path(sys.argv[1] + ".ended").touch()
    sys.exit(1)
signal.signal(signal.SIGTERM, end)
child = subprocess.Popen(["sleep", "600"])
pathlib.Path(sys.argv[1] + ".child").write_text(str(child.pid))
pathlib.Path(sys.argv[1] + ".child").rename(sys.argv[1])
signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_that_was_started_and_starts_no_more(tmp_path: pathlib.Path, number: signal.Signals) -> None:
    """Sent twice, as to a process group and by whoever waits; the part's own clean-up is waited for."""
    program = textwrap.dedent(_WAITS)
    waits = [
        part(name, minutes=9, command=(sys.executable, "-c", program, str(tmp_path / name))) for name in ("one", "two")
    ]
    later = part("later", f"touch {tmp_path / 'later'}")

    def interrupt() -> None:
        while not all((tmp_path / name).exists() for name in ("one", "two")):
            time.sleep(0.01)
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(EndedError) as ended:
        run([*waits, later], tmp_path)
    thread.join()
    assert ended.value.signal_number == number
    for name in ("one", "two"):
        assert (tmp_path / f"{name}.ended").exists()
        pid = (tmp_path / name).read_text()
        state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout
        assert state.strip()[:1] in ("", "Z"), f"a child of {name} still runs"
    assert not (tmp_path / "later").exists()
