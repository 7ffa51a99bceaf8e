# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel is asked about processes, and what it is told of a child."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import typing as t

_PR_SET_PDEATHSIG = 1


def commands_of(group: int) -> t.Iterator[list[str]]:
    """The command lines of all processes of a group, in words."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry)) == group:
                    with open(f"/proc/{entry}/cmdline", "rb") as file:
                        yield file.read().decode("utf-8", "replace").split("\0")


def start_ticks(pid: int) -> int:
    """When a process began, in ticks since boot: with its id, it is that process and no later one; -1 if it is gone."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else -1


def cpu_ticks(pid: int) -> int:
    """How long a process has used a CPU, in ticks; 0 if it is gone."""
    fields = _stat_fields(pid)
    return int(fields[11]) + int(fields[12]) if fields else 0


def dies_with_parent(parent: int, *, nice: int) -> t.Callable[[], None]:
    """What the child does before it becomes Cassandra: ask the kernel to be killed when its parent ends, however that
    happens; a script that ``exec``s Java hands that on."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def prepare() -> None:
        os.nice(nice)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def give_way(pid: int) -> None:
    """Have the kernel end this process before any other, should memory run out: beside it a node may serve."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def java_processes_using(directories: t.Sequence[str]) -> tuple[int, ...]:
    """Java processes that have a file open below one of the directories, as far as this user can see.

    Finds a Cassandra that is starting or stopping and does not answer.
    """
    prefixes = tuple(f"{os.path.realpath(directory)}{os.sep}" for directory in directories)
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit() and _is_java(name) and _opens_below(name, prefixes=prefixes):
            found.append(int(name))
    return tuple(sorted(found))


def _is_java(pid: str) -> bool:
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")).startswith("java")
    return False


def _opens_below(pid: str, *, prefixes: tuple[str, ...]) -> bool:
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{descriptor}").startswith(prefixes):
                    return True
    return False


def _stat_fields(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
