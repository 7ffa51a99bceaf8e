# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that is off is named with how far, as far as that is certain; nothing else is said."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core import clocks
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import DEFAULT_SLACK_US

_S = 1_000_000
_NOW = 1_795_372_923 * _S


def _reading(
    ahead_us: int, *, there_us: int = _S // 2, back_us: int = _S // 10, works_us: int = 2 * _S
) -> clocks.ClockReading:
    """A node whose clock is so far ahead; the way there and back takes a while."""
    began = _NOW + there_us
    ended = began + works_us
    return clocks.ClockReading(
        began_us=began + ahead_us, ended_us=ended + ahead_us, asked_us=_NOW, answered_us=ended + back_us
    )


@pytest.mark.parametrize("ahead", [0, 40 * _S, -40 * _S])
def test_the_offset_lies_between_the_way_there_and_the_way_back(ahead: int) -> None:
    offset = _reading(ahead).offset
    assert offset == clocks.Offset(ahead - _S // 10, ahead + _S // 2)


def test_the_node_that_is_off_is_named_with_how_far() -> None:
    readings = {"n1": _reading(0), "n2": _reading(-40 * _S), "n3": _reading(_S // 2)}
    (warning,) = clocks.clock_warnings(readings)
    assert warning.startswith("The clock of n2 is 39.8 s behind the other clocks (to within 0.3 s).")
    assert "chronyc" in warning


def test_a_controller_that_is_off_is_named_and_not_every_node() -> None:
    readings = {f"n{number}": _reading(300 * _S + number) for number in range(5)}
    (warning,) = clocks.clock_warnings(readings)
    assert warning.startswith("The clock of the controller is 300.")
    assert "behind" in warning
    assert clocks.clock_problems(readings) == []


def test_of_two_clocks_the_nodes_is_named() -> None:
    (warning,) = clocks.clock_warnings({"n1": _reading(7 * _S)})
    assert warning.startswith("The clock of n1 is 7.")
    assert "that of the controller" in warning


def test_what_a_slow_answer_could_be_is_not_said() -> None:
    readings = {"n1": _reading(0), "n2": _reading(5 * _S, there_us=30 * _S, back_us=30 * _S), "n3": _reading(0)}
    assert clocks.clock_warnings(readings) == []
    assert clocks.clock_warnings({}) == []


def test_nodes_that_are_further_apart_than_log_is_read_beyond_a_moment_are_a_problem() -> None:
    assert clocks.MOMENTS_US == DEFAULT_SLACK_US
    good = {"n1": _reading(0), "n2": _reading(100 * _S), "n3": _reading(_S)}
    assert clocks.clock_problems(good) == []
    (problem,) = clocks.clock_problems({**good, "n2": _reading(-130 * _S)})
    assert problem.startswith("the clock of n2 is 130.0 s behind those of the other nodes (to within 0.6 s).")
    assert clocks.clock_problems({"n1": _reading(500 * _S)}) == []


@pytest.mark.parametrize(("ahead", "said"), [(0, False), (-_S, False), (5 * _S, True), (-5 * _S, True)])
def test_a_store_tells_whole_seconds_and_only_more_than_that_is_said(*, ahead: int, said: bool) -> None:
    stored = _NOW // _S * _S
    offset = clocks.stored_offset(before_us=_NOW + ahead, after_us=_NOW + ahead + _S // 5, stored_us=stored)
    assert offset.least_us <= ahead <= offset.most_us
    assert bool(clocks.store_warning(offset, name="n1")) == said
