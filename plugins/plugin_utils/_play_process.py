# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process of a play on the controller: named for others, and looked for later.

A number of a process alone proves nothing: it may be another's by now, of another start of the machine, or counted in
another container. With those, and the moment at which it started, its absence is proof that the play has ended.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import typing as t

_STARTED = 19
_ZOMBIE = b"Z"


def this_play() -> dict[str, t.Any] | None:
    """The process of the play that asks; ``None`` on a machine that does not say enough of its processes."""
    # Tasks are run, and their options put together, in forks.
    parent = multiprocessing.parent_process()
    pid = parent.pid if parent is not None and parent.pid else os.getpid()
    where, started = _here(), _started(pid)
    return {**where, "pid": pid, "started": started} if where and started else None


def is_orphan() -> bool:
    """Whether this fork has outlived its play, which was killed: nobody takes what it returns."""
    parent = multiprocessing.parent_process()
    return parent is not None and os.getppid() != parent.pid


def has_ended(controller: t.Mapping[str, t.Any] | None) -> bool:
    """Whether the play of that process has ended for certain. Not to be seen from elsewhere: ``False``."""
    where = _here()
    if not controller or not where or any(controller.get(name) != value for name, value in where.items()):
        return False
    return _started(int(controller["pid"])) != int(controller["started"])


def _here() -> dict[str, t.Any] | None:
    """What numbers of processes belong to here."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        return {"machine": platform.node(), "boot": boot, "processes": os.readlink("/proc/self/ns/pid")}
    except OSError:
        return None


def _started(pid: int) -> int:
    """When a process started, in ticks; 0 if it does not run."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name before may hold anything, brackets too.
            state, *numbers = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if state == _ZOMBIE else int(numbers[_STARTED - 1])
