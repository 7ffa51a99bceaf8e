# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the clocks of nodes, controller and store are apart, and what that makes untrue. Pure.

Each reading is between two of who asks, so an offset is a range: as wide as the answer took, and certain. Only what is
certain is said.
"""

from __future__ import annotations

import dataclasses
import statistics
import typing as t

#: From here on a clock is worth a warning. Cassandra decides by timestamps which of two writes is the newer.
WARN_US = 1_000_000
#: From here on moments are wrong: log is fetched for so long beyond a moment, for writes that come later than their
#: timestamps say.
MOMENTS_US = 120_000_000
CONTROLLER = "the controller"


@dataclasses.dataclass(frozen=True)
class Offset:
    """How far a clock is ahead of another, in microseconds; negative if it is behind. It is between the two."""

    least_us: int
    most_us: int

    def __sub__(self, other: Offset) -> Offset:
        return Offset(self.least_us - other.most_us, self.most_us - other.least_us)

    @property
    def middle_us(self) -> int:
        """The most likely."""
        return (self.least_us + self.most_us) // 2

    @property
    def certain_us(self) -> int:
        """How far it is off for sure, whatever the direction."""
        return max(0, self.least_us, -self.most_us)

    def of(self, whose: str) -> str:
        """It in words, against that clock."""
        about, error = abs(self.middle_us) / 1e6, (self.most_us - self.least_us) / 2e6
        return f"{about:.1f} s {'ahead of' if self.middle_us >= 0 else 'behind'} {whose} (to within {error:.1f} s)"


@dataclasses.dataclass(frozen=True)
class ClockReading:
    """A node's clock when it began and ended an answer, and the controller's when it asked and had the answer."""

    began_us: int
    ended_us: int
    asked_us: int
    answered_us: int

    @property
    def offset(self) -> Offset:
        """How far the node's clock is ahead of the controller's."""
        # The controller had asked when it began, and had no answer before it ended.
        return Offset(self.ended_us - self.answered_us, self.began_us - self.asked_us)


def stored_offset(*, before_us: int, after_us: int, stored_us: int) -> Offset:
    """How far a clock is ahead of the store's, which says in whole seconds when it stored something.

    :param before_us: when storing began by that clock, and ``after_us`` when it had ended.
    """
    return Offset(before_us - stored_us - 1_000_000, after_us - stored_us)


def skewed(readings: t.Mapping[str, ClockReading], *, limit_us: int = WARN_US) -> dict[str, Offset]:
    """Whose clock is further off the others' than the limit, for sure, and how far; the controller is one of them.

    The others' time is the middle of all clocks. Where there are only two, it is the controller's.
    """
    offsets = {CONTROLLER: Offset(0, 0), **{name: reading.offset for name, reading in readings.items()}}
    reference = offsets[CONTROLLER]
    if len(offsets) > 2:
        middle = statistics.median_low(sorted(offset.middle_us for offset in offsets.values()))
        reference = next(offset for offset in offsets.values() if offset.middle_us == middle)
    off = {name: offset - reference for name, offset in offsets.items() if offset != reference}
    return {name: offset for name, offset in off.items() if offset.certain_us > limit_us}


def clock_warnings(readings: t.Mapping[str, ClockReading]) -> list[str]:
    """What is to be said of clocks that are off, by name."""
    others = "the other clocks" if len(readings) > 1 else f"that of {CONTROLLER}"
    return [f"The clock of {name} is {offset.of(others)}. {_WARNING}" for name, offset in skewed(readings).items()]


def clock_problems(readings: t.Mapping[str, ClockReading]) -> list[str]:
    """Which nodes' clocks are so far off each other that moments would be wrong. The controller's does not matter."""
    if len(readings) < 2:
        return []
    offsets = {name: reading.offset for name, reading in readings.items()}
    middle = statistics.median_low(sorted(offset.middle_us for offset in offsets.values()))
    reference = next(offset for offset in offsets.values() if offset.middle_us == middle)
    return [
        f"the clock of {name} is {(offset - reference).of('those of the other nodes')}. Moments go by write "
        f"timestamps, and log is read for {MOMENTS_US // 1_000_000} s beyond a moment: set it right first (chronyc "
        "tracking, or timedatectl)"
        for name, offset in offsets.items()
        if (offset - reference).certain_us > MOMENTS_US
    ]


def store_warning(offset: Offset, *, name: str) -> str:
    """What is to be said of a node whose clock is off the store's; empty if it is not."""
    if offset.certain_us <= WARN_US:
        return ""
    return (
        f"The clock of {name} is {offset.of('that of the store')}. Backups are ordered by the store's time, and a "
        "store refuses requests from 15 minutes on: set the node's clock right."
    )


_WARNING = (
    "Cassandra decides by timestamps which write is the newer, and times in backups and moments are those of the "
    "nodes: set it right (chronyc tracking, or timedatectl)."
)
