# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A limit in bytes per second over all workers of a transfer."""

from __future__ import annotations

import threading
import time
import typing as t


class RateLimit:
    """A token bucket; safe to use from several threads.

    A taker may overdraw the bucket and then waits until the debt is paid, so a chunk larger than one second's
    allowance passes too and the mean over time holds.

    :param max_bytes_per_second: ``None`` for no limit.
    """

    def __init__(
        self,
        *,
        max_bytes_per_second: int | None,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = max_bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = clock()

    def take(self, size: int) -> None:
        """Wait until ``size`` bytes may pass."""
        if self._rate is None:
            return
        with self._lock:
            begin = max(self._free_at, self._clock())
            self._free_at = begin + size / self._rate
        # In slices, so nobody sleeps past the end of the operation.
        while True:
            wait = begin - self._clock()
            if wait <= 0:
                return
            self._sleep(min(wait, 1.0))
