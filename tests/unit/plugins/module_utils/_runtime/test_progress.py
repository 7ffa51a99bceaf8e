# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import OperatorGoneError
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "job.progress"


def touch(path: pathlib.Path, *, nanoseconds: int) -> None:
    os.utime(f"{path}.lease", ns=(nanoseconds, nanoseconds))


def test_the_file_is_there_from_the_start_with_the_process_that_works(path: pathlib.Path, clock: Clock) -> None:
    progress.FileProgress(str(path), clock=clock)

    assert json.loads(path.read_text())["pid"] == os.getpid()


def test_the_file_is_written_at_most_once_a_second(path: pathlib.Path, clock: Clock) -> None:
    watched = progress.FileProgress(str(path), clock=clock)
    watched.begin(activity="uploading", total_bytes=100, total_files=2)
    clock.now += 0.9
    watched.advance(transferred_bytes=10, files=1)
    assert json.loads(path.read_text())["done_bytes"] == 0

    clock.now += 0.2
    watched.advance(transferred_bytes=10, files=1)

    assert json.loads(path.read_text())["done_bytes"] == 20


def test_an_operation_whose_lease_is_renewed_goes_on(path: pathlib.Path, clock: Clock) -> None:
    pathlib.Path(f"{path}.lease").touch()
    watched = progress.FileProgress(str(path), clock=clock)

    for number in range(100):
        clock.now += 60
        touch(path, nanoseconds=10**9 * (number + 1))
        watched.advance(transferred_bytes=1)


def test_an_operation_that_nobody_asks_for_ends(path: pathlib.Path, clock: Clock) -> None:
    pathlib.Path(f"{path}.lease").touch()
    watched = progress.FileProgress(str(path), clock=clock)
    clock.now += progress.LEASE_SECONDS - 1
    watched.advance(transferred_bytes=1)
    clock.now += progress.LEASE_LOOK_SECONDS + 1

    with pytest.raises(OperatorGoneError) as raised:
        watched.advance(transferred_bytes=1)

    assert "goes on where it was" in raised.value.next_step


def test_taking_the_lease_away_ends_the_operation_at_the_next_look(path: pathlib.Path, clock: Clock) -> None:
    lease = pathlib.Path(f"{path}.lease")
    lease.touch()
    watched = progress.FileProgress(str(path), clock=clock)
    lease.unlink()
    clock.now += progress.LEASE_LOOK_SECONDS

    with pytest.raises(OperatorGoneError):
        watched.advance(transferred_bytes=1)


def test_without_a_lease_at_the_start_nobody_needs_to_ask(path: pathlib.Path, clock: Clock) -> None:
    watched = progress.FileProgress(str(path), clock=clock)
    clock.now += 100_000

    watched.advance(transferred_bytes=1)


def test_a_directory_that_is_gone_does_not_end_the_transfer(path: pathlib.Path, clock: Clock) -> None:
    watched = progress.FileProgress(str(path.parent / "gone" / "job.progress"), clock=clock)
    clock.now += 5

    watched.advance(transferred_bytes=1)
