# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays that something happens to at an instant that nobody chose; each can be had again by its seed."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import secrets
import signal
import time
import typing as t
from pathlib import Path

from lab.playbook import PlaybookRun, finish_playbook, start_playbook
from lab.processes import ProcessIdentity, wait_until
from tests.lab.rehearsal import modules_at_work, signal_modules

_SEED_VARIABLE = "REVIVE_LAB_SEED"
_PLAY_SECONDS = 900.0
# A module whose controller died goes on until its lease has ended.
_ORPHAN_SECONDS = 600.0

Act = t.Callable[[int], None]


def seeded_random() -> random.Random:
    """Random numbers of a seed that is printed, or that an earlier run printed: ``REVIVE_LAB_SEED``."""
    seed = os.environ.get(_SEED_VARIABLE) or secrets.token_hex(4)
    print(f"{_SEED_VARIABLE}={seed}")
    return random.Random(seed)


def play_and_at(
    instant: t.Callable[[], bool],
    act: Act,
    *,
    playbook: str,
    inventory: Path,
    directory: Path,
    variables: t.Mapping[str, t.Any],
) -> PlaybookRun:
    """Run a playbook, and do something once at an instant, or at its end if it has ended before.

    Returns when nothing of the play is at work any more: a module may outlive its controller.

    :param act: is given the process group of the play.
    """
    began = time.monotonic()
    process = start_playbook(
        playbook,
        inventory=inventory,
        directory=directory,
        # So that a module that is at work is known by its file.
        variables={**variables, "ansible_pipelining": False},
        new_session=True,
    )
    try:
        wait_until(
            lambda: instant() or process.poll() is not None,
            timeout_seconds=_PLAY_SECONDS,
            what=f"the instant in {playbook}",
            interval_seconds=0.002,
        )
        state = "at work" if process.poll() is None else "over"
        print(f"{playbook} after {time.monotonic() - began:.3f} s: {state}")
        act(process.pid)
    finally:
        run = finish_playbook(playbook, process=process, began=began)
        print(run.output)
        wait_until(
            lambda: not modules_at_work(directory),
            timeout_seconds=_ORPHAN_SECONDS,
            what=f"the modules of {playbook} to end",
        )
    return run


def after(seconds: float) -> t.Callable[[], bool]:
    """An instant so long after the first time that it is asked for."""
    first = functools.cache(time.monotonic)
    return lambda: time.monotonic() - first() >= seconds


def kill_controller(group: int) -> None:
    """End Ansible and its workers with SIGKILL."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def killing_modules(directory: Path) -> Act:
    """End whatever module is at work with SIGKILL, or the next one that is."""

    def act(group: int) -> None:
        def killed_or_over() -> bool:
            return bool(signal_modules(directory, number=signal.SIGKILL)) or ProcessIdentity.of(pid=group) is None

        wait_until(killed_or_over, timeout_seconds=_PLAY_SECONDS, what="a module to be at work", interval_seconds=0.005)

    return act
