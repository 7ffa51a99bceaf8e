# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import programs


def test_what_a_program_printed_and_how_it_ended_is_told() -> None:
    done = programs.run(
        ["sh", "-c", 'echo "$GREETING"; echo sorry >&2; cat; exit 3'],
        timeout_seconds=60,
        environment={**os.environ, "GREETING": "hello"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"hello\n", b"sorry\n")


def test_a_program_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        programs.run(["/no/such/program"], timeout_seconds=60)


def test_a_program_that_takes_too_long_ends_with_all_that_it_started(tmp_path: pathlib.Path) -> None:
    # As nodetool is: a script that waits for what it has started, which holds a pipe that nobody else writes to.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            programs.run(["sh", "-c", f"exec 3>{pipe}; sleep 600 & echo started; wait"], timeout_seconds=1)
        os.set_blocking(reader, True)
        assert os.read(reader, 1) == b"", "it lives: the pipe has not ended"
    finally:
        os.close(reader)
