# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress port of a module that runs on a node: a small file that the controller reads while the module works.

Beside the file lies its lease, ``<progress file>.lease``. Whoever reads the progress touches the lease each time. When
the lease is there at the start and nobody touches it any more, or it is taken away, the operator is gone: the operation
ends by itself, so a controller that died leaves nothing behind that works for ever.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core import progress
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import OperatorGoneError

WRITE_SECONDS = 1.0
LEASE_LOOK_SECONDS = 5.0
LEASE_SECONDS = 180.0


class NoProgress:
    """For a module that nobody watches."""

    def begin(self, *, activity: str, total_bytes: int, total_files: int) -> None:
        """Say nothing."""

    def advance(self, *, transferred_bytes: int = 0, files: int = 0) -> None:
        """Say nothing."""


class Lease:
    """Whether somebody still asks for the operation; told by changes, so a clock that jumps does no harm."""

    def __init__(self, path: str, *, clock: t.Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._touched_ns = self._read()
        self._held = self._touched_ns is not None
        self._seen_at = self._looked_at = clock()

    def check(self) -> None:
        """Look at the lease now and then.

        :raises OperatorGoneError: if it was there and is not touched any more.
        """
        now = self._clock()
        if not self._held or now - self._looked_at < LEASE_LOOK_SECONDS:
            return
        self._looked_at = now
        touched_ns = self._read()
        if touched_ns is not None and touched_ns != self._touched_ns:
            self._touched_ns, self._seen_at = touched_ns, now
        elif touched_ns is None or now - self._seen_at > LEASE_SECONDS:
            raise OperatorGoneError(
                "Nobody was waiting for this operation any more, so it stopped by itself.",
                subject=self._path,
                next_step="Run the same again: it goes on where it was.",
            )

    def _read(self) -> int | None:
        try:
            return os.stat(self._path).st_mtime_ns
        except FileNotFoundError:
            return None


class FileProgress:
    """Keeps how far the operation is in a file, replaced at most once a second; safe from several threads."""

    def __init__(self, path: str, *, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._lease = Lease(f"{path}.lease", clock=clock)
        self._state = progress.begin(now=clock(), activity=progress.PREPARING, total_bytes=0, total_files=0)
        self._write(clock())

    def begin(self, *, activity: str, total_bytes: int, total_files: int) -> None:
        """Say what begins and how much there is."""
        with self._lock:
            now = self._clock()
            self._state = progress.begin(now=now, activity=activity, total_bytes=total_bytes, total_files=total_files)
            self._write(now)

    def advance(self, *, transferred_bytes: int = 0, files: int = 0) -> None:
        """Say what has been done since the last call.

        :raises OperatorGoneError: when nobody has asked for this operation for a while.
        """
        with self._lock:
            now = self._clock()
            self._state = self._state.advanced(now=now, transferred_bytes=transferred_bytes, files=files)
            whole = self._state.done_files >= self._state.total_files > 0
            # What comes after the last file may take long, and is not to look as if nothing had been done.
            if whole or now - self._written_at >= WRITE_SECONDS:
                self._write(now)
            self._lease.check()

    def _write(self, now: float) -> None:
        self._written_at = now
        text = progress.encode_report(progress.report(self._state, now=now, pid=os.getpid()))
        fresh = f"{self._path}.new"
        # Progress is for the eyes: a full disk must not end the transfer.
        with contextlib.suppress(OSError):
            with open(fresh, "wb") as file:
                file.write(text)
            os.replace(fresh, self._path)
