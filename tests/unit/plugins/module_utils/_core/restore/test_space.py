# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stays free of a file system for the Cassandra that serves."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import (
    DEFAULT_RESERVE,
    Reserve,
    parse_reserve,
    reserve_reached,
)

_GIB = 1 << 30


@pytest.mark.parametrize(
    ("text", "reserve"),
    [
        ("5%", Reserve(percent=5)),
        ("12.5 %", Reserve(percent=12.5)),
        ("20GiB", Reserve(size=20 * _GIB)),
        ("1048576", Reserve(size=1 << 20)),
        (" 3% , 1.5 GiB,2GiB", Reserve(size=2 * _GIB, percent=3)),
        ("0", Reserve()),
        ("", Reserve()),
    ],
)
def test_it_is_said_in_percents_and_sizes(text: str, reserve: Reserve) -> None:
    assert parse_reserve(text) == reserve


@pytest.mark.parametrize("text", ["much", "5 percent", "100%", "-1", "1 GB", "5%,", "nan%"])
def test_what_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="Write reserve as 5%, 20GiB"):
        parse_reserve(text)


def test_by_default_it_is_the_larger_of_5_percent_and_a_gibibyte() -> None:
    reserve = parse_reserve(DEFAULT_RESERVE)
    assert reserve.of(0) == reserve.of(10 * _GIB) == _GIB
    assert reserve.of(1000 * _GIB) == 50 * _GIB


def test_what_is_to_be_freed_is_enough_to_go_on() -> None:
    error = reserve_reached("node1", below="/d", kept=2 * _GIB, free=_GIB, to_come=3 * _GIB, done="It stays.")
    assert error.message.endswith("3.0 GiB are still to come. It stays.")
    assert error.next_step.startswith("Free 4.0 GiB, then run it again")
