# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process of a play, and the proof that it has ended."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.plugin_utils import _play_process
from ansible_collections.revive.cassandra.plugins.plugin_utils._play_process import has_ended, this_play

ASK = (
    "import json\n"
    "from ansible_collections.revive.cassandra.plugins.plugin_utils._play_process import this_play\n"
    "print(json.dumps(this_play()), flush=True)\n"
    "input()\n"
)


@pytest.fixture
def other_play() -> t.Iterator[tuple[subprocess.Popen[str], dict[str, t.Any]]]:
    """A play that runs beside this one, and what it says of itself."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def test_a_fork_names_its_play() -> None:
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    fork = context.Process(target=lambda: answers.put(this_play()))
    fork.start()
    fork.join()

    assert answers.get() == this_play()
    assert (this_play() or {})["pid"] == os.getpid()


def test_a_play_that_runs_has_not_ended_and_one_that_was_killed_has(
    other_play: tuple[subprocess.Popen[str], dict[str, t.Any]],
) -> None:
    process, said = other_play
    assert not has_ended(said)

    process.kill()
    process.wait()

    assert has_ended(said)


def test_a_play_that_was_killed_and_not_waited_for_has_ended(
    other_play: tuple[subprocess.Popen[str], dict[str, t.Any]],
) -> None:
    process, said = other_play
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert has_ended(said)


def test_another_process_with_the_same_number_is_another() -> None:
    assert has_ended({**(this_play() or {}), "started": 1})


@pytest.mark.parametrize("name", ["machine", "boot", "processes"])
def test_nothing_is_known_of_a_play_elsewhere(name: str) -> None:
    assert not has_ended({**(this_play() or {}), "started": 1, name: "other"})


def test_a_fork_that_outlives_its_play_knows_it() -> None:
    program = (
        "import multiprocessing, os, sys\n"
        "from ansible_collections.revive.cassandra.plugins.plugin_utils._play_process import is_orphan\n"
        "def work():\n"
        "    print(is_orphan(), flush=True)\n"
        "    sys.stdin = open(0)\n"
        "    input()\n"
        "    print(is_orphan(), flush=True)\n"
        "fork = multiprocessing.get_context('fork').Process(target=work)\n"
        "fork.start()\n"
        "fork.join()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    inward, outward = os.pipe()
    with (
        os.fdopen(outward, "wb") as line,
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=inward, stdout=subprocess.PIPE, env=environment
        ) as play,
    ):
        os.close(inward)
        assert play.stdout is not None
        assert play.stdout.readline() == b"False\n"
        play.kill()
        play.wait()
        line.write(b"\n")
        line.flush()
        assert play.stdout.readline() == b"True\n"


def test_nothing_is_known_of_no_play() -> None:
    assert not has_ended(None)


def test_a_machine_that_does_not_tell_has_no_play(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_play_process, "_here", lambda: None)

    assert this_play() is None
    assert not has_ended({"pid": 1})
