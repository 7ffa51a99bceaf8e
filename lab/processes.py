# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that the lab started, known by id *and* start time, so that a reused id is never mistaken for one."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
import typing as t
from pathlib import Path

from lab.errors import LabError


@dataclasses.dataclass(frozen=True)
class ProcessIdentity:
    """A process, for ever: its id and the clock ticks since boot at which it began (field 22 of /proc/PID/stat)."""

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, *, pid: int) -> ProcessIdentity | None:
        """Return the identity of a running process, None for one that is gone or a zombie."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else cls(pid=pid, start_ticks=int(fields[19]))

    @classmethod
    def read(cls, *, path: Path) -> ProcessIdentity | None:
        """Return the identity in a file of the form ``PID START_TICKS``, None if there is no such file."""
        try:
            pid, start_ticks = path.read_text(encoding="utf-8").split()
        except (FileNotFoundError, ValueError):
            return None
        return cls(pid=int(pid), start_ticks=int(start_ticks))

    def write(self, *, path: Path) -> None:
        """Record the identity in a file, as :meth:`read` and the nodes' shell commands read it."""
        path.write_text(f"{self.pid} {self.start_ticks}\n", encoding="utf-8")

    def is_running(self) -> bool:
        """Tell whether this very process still runs."""
        return ProcessIdentity.of(pid=self.pid) == self

    def end(self, *, signal_number: signal.Signals, timeout_seconds: float) -> None:
        """Send a signal and wait until the process is gone; nothing to do if it is gone already.

        :raises LabError: it still ran after `timeout_seconds`.
        """
        if self.is_running():
            os.kill(self.pid, signal_number)
        wait_until(
            lambda: not self.is_running(),
            timeout_seconds=timeout_seconds,
            what=f"process {self.pid} to end after {signal_number.name}",
        )


def wait_until(
    condition: t.Callable[[], bool],
    *,
    timeout_seconds: float,
    what: str,
    interval_seconds: float = 0.1,
) -> None:
    """Poll until `condition` holds.

    :raises LabError: it did not within `timeout_seconds`; the message says `what` was waited for.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout_seconds:.0f} s in vain for {what}")
        time.sleep(interval_seconds)
