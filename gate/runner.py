# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs commands beside each other, as far as memory and lanes go; each one's output is kept, and shown if it fails."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import signal
import subprocess
import time
import types
import typing as t
from pathlib import Path

#: How long what was told to end may take for it: clusters are destroyed.
END_TIMEOUT_SECONDS = 120.0


@dataclasses.dataclass(frozen=True)
class Part:
    """A command that runs beside others.

    :ivar lane: what runs one after the other has the same; of lanes there are as many as :class:`Room` says.
    :ivar nodes: of Cassandra that it starts at most.
    :ivar minutes: about how long it takes: those that take longest begin first.
    """

    name: str
    command: tuple[str, ...]
    lane: str
    nodes: int = 0
    minutes: float = 1.0


@dataclasses.dataclass(frozen=True)
class Room:
    """How much may run at a time.

    :ivar lanes: how many parts of each lane.
    :ivar nodes: of Cassandra, in all lanes together; a part that needs more runs without others that need any.
    """

    lanes: t.Mapping[str, int]
    nodes: int


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a part ended."""

    part: Part
    exit_status: int
    seconds: float
    log: Path

    @property
    def verdict(self) -> str:
        """In a word, as in the table of timings."""
        return "passed" if self.exit_status == 0 else f"FAILED ({self.exit_status})"


class EndedError(Exception):
    """A signal came that asks to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"ended by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number


def run_parts(
    parts: t.Iterable[Part], *, room: Room, directory: Path, ended: t.Callable[[Outcome], None]
) -> tuple[Outcome, ...]:
    """Run all of them, also when one fails, and return how each ended.

    :param directory: of their output: ``<name>.log`` each.
    :param ended: called as each has ended.
    :raises EndedError: SIGTERM, SIGINT or SIGHUP came; all that was started has ended.
    """
    directory.mkdir(parents=True, exist_ok=True)
    waiting = sorted(parts, key=lambda part: -part.minutes)
    outcomes: list[Outcome] = []
    with _Signals() as signals, _Running(directory, signals=signals) as running:
        while waiting or running.parts:
            for part in tuple(waiting):
                # Each one that starts takes room from those behind it.
                if fits(part, running=running.parts, room=room):
                    running.start(part)
                    waiting.remove(part)
            for outcome in running.wait():
                outcomes.append(outcome)
                ended(outcome)
            if signals.came is not None:
                raise EndedError(signals.came)
    return tuple(outcomes)


def fits(part: Part, *, running: t.Sequence[Part], room: Room) -> bool:
    """Tell whether a part can start beside those that run."""
    if sum(other.lane == part.lane for other in running) >= room.lanes[part.lane]:
        return False
    nodes = sum(other.nodes for other in running)
    return part.nodes == 0 or nodes == 0 or nodes + part.nodes <= room.nodes


class _Signals:
    """Takes note of signals that ask to end, so that none of them comes between a start and its record.

    :ivar came: the first, None if there was none.
    :ivar wakes: a file that can be read once there was one.
    """

    _ASKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self) -> None:
        self.came: int | None = None
        self.wakes, self._sender = os.pipe()

    def __enter__(self) -> t.Self:
        self._before = {number: signal.signal(number, self._take_note) for number in self._ASKED}
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.wakes)
        os.close(self._sender)

    def _take_note(self, number: int, _frame: types.FrameType | None) -> None:
        if self.came is None:
            self.came = number
            os.write(self._sender, b"!")


class _Running:
    """The parts that run. Leaving its block ends them."""

    def __init__(self, directory: Path, *, signals: _Signals) -> None:
        self._directory = directory
        self._selector = selectors.DefaultSelector()
        self._signals = signals
        self._selector.register(signals.wakes, selectors.EVENT_READ)
        self._processes: dict[int, tuple[Part, subprocess.Popen[bytes], float]] = {}

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._selector.unregister(self._signals.wakes)
        self._end_all(signal.SIGTERM, timeout_seconds=END_TIMEOUT_SECONDS)
        self._end_all(signal.SIGKILL, timeout_seconds=None)
        self._selector.close()

    @property
    def parts(self) -> list[Part]:
        """Those that run now."""
        return [part for part, _process, _began in self._processes.values()]

    def start(self, part: Part) -> None:
        """Start one, as the leader of a process group of its own."""
        with self._log(part).open("wb") as output:
            process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        handle = os.pidfd_open(process.pid)
        self._processes[handle] = (part, process, time.monotonic())
        self._selector.register(handle, selectors.EVENT_READ)

    def wait(self, *, timeout_seconds: float | None = None) -> list[Outcome]:
        """Return when at least one has ended, a signal has come, or the time is over: those that have ended."""
        ready = [key.fd for key, _events in self._selector.select(timeout_seconds)]
        return [self._ended(handle) for handle in ready if handle in self._processes]

    def _ended(self, handle: int) -> Outcome:
        part, process, began = self._processes.pop(handle)
        self._selector.unregister(handle)
        os.close(handle)
        status = process.wait()
        return Outcome(
            part=part,
            # As a shell says it.
            exit_status=status if status >= 0 else 128 - status,
            seconds=time.monotonic() - began,
            log=self._log(part),
        )

    def _end_all(self, number: signal.Signals, *, timeout_seconds: float | None) -> None:
        for _part, process, _began in self._processes.values():
            # Not reaped yet, so its number is still its own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while self._processes:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            self.wait(timeout_seconds=left)

    def _log(self, part: Part) -> Path:
        return self._directory / f"{part.name}.log"
