# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work side by side: order, bounds, and what becomes of the others when one fails."""

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.workers import Workers


def test_results_come_in_the_order_of_the_items_whoever_is_done_first() -> None:
    later = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert later.wait(30)
        else:
            later.set()
        return number * 2

    with Workers(2, ahead=2, name="test") as workers:
        assert list(workers.in_order(work, range(9))) == [number * 2 for number in range(9)]


def test_only_so_many_are_held_as_the_workers_can_do() -> None:
    taken: list[int] = []

    def items() -> t.Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with Workers(2, ahead=3, name="test") as workers:
        for done, _result in enumerate(workers.in_order(lambda number: number, items()), start=1):
            assert len(taken) - done < 2 * 3


def test_the_failure_of_one_stops_the_others_and_is_the_one_that_is_told() -> None:
    failing = threading.Event()
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number == 1:
            failing.set()
            raise OSError("the disk is gone")
        assert failing.wait(30)
        while True:
            workers.check()

    with pytest.raises(OSError, match="the disk is gone"), Workers(2, ahead=4, name="test") as workers:
        list(workers.in_order(work, range(100)))
    assert sorted(begun) == [0, 1]


def test_who_takes_the_results_may_fail_as_well_and_no_thread_is_left() -> None:
    waiting = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert waiting.wait(30)
            return number
        waiting.set()
        while True:
            workers.check()

    def take(results: t.Iterator[int]) -> None:
        raise ValueError(f"no more than {next(results)}")

    with pytest.raises(ValueError, match="no more than 0"), Workers(3, ahead=4, name="who-takes") as workers:
        take(workers.in_order(work, range(50)))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("who-takes")]


def test_what_the_items_come_from_may_fail() -> None:
    def items() -> t.Iterator[int]:
        yield 1
        raise KeyError("no second")

    with pytest.raises(KeyError, match="no second"), Workers(1, ahead=2, name="test") as workers:
        list(workers.in_order(lambda number: number, items()))
