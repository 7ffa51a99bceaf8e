# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads that work side by side, with results that come back in order."""

from __future__ import annotations

import collections
import concurrent.futures
import threading
import types
import typing as t

_Item = t.TypeVar("_Item")
_Result = t.TypeVar("_Result")


class Workers:
    """A pool whose first failure ends it: the other workers stop where they call :meth:`check`.

    To be used in a ``with`` statement, after which no thread is left.

    :param count: of threads.
    :param ahead: how many items are queued ahead for each; memory depends only on these two.
    :param name: what the threads are called.
    """

    def __init__(self, count: int, *, ahead: int, name: str) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(max_workers=count, thread_name_prefix=name)
        self._most_under_way = count * ahead
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._failure: BaseException | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if error is not None:
            self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=error is not None)

    def check(self) -> None:
        """End work that is no longer wanted; to be called by whatever works for long."""
        if self._stopping.is_set():
            raise _StoppedError

    def in_order(self, work: t.Callable[[_Item], _Result], items: t.Iterable[_Item]) -> t.Iterator[_Result]:
        """Do the work on each item, and return the results in the order of the items.

        :raises BaseException: the first failure of any worker, unchanged; nothing is started after it.
        """
        under_way: collections.deque[concurrent.futures.Future[_Result]] = collections.deque()
        try:
            for item in items:
                self.check()
                under_way.append(self._pool.submit(self._do, work, item))
                while len(under_way) >= self._most_under_way or (under_way and under_way[0].done()):
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        except _StoppedError:
            with self._lock:
                failure = self._failure
            raise failure or AssertionError("the workers were stopped, but none has failed") from None

    def _do(self, work: t.Callable[[_Item], _Result], item: _Item) -> _Result:
        self.check()
        try:
            return work(item)
        except _StoppedError:
            raise
        except BaseException as error:
            with self._lock:
                self._failure = self._failure or error
            self._stopping.set()
            raise


class _StoppedError(Exception):
    """Another worker has failed, and that failure is the one to report."""
