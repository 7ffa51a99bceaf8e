# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore point is a tag, latest or a moment, and nothing is guessed."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.point import (
    Latest,
    Moment,
    TagPoint,
    parse_restore_point,
)


def test_latest_and_tags_are_told_apart() -> None:
    assert parse_restore_point(" latest ") == Latest()
    assert parse_restore_point("backup_20260101_000000") == TagPoint("backup_20260101_000000")
    assert parse_restore_point("2026-01-01") == TagPoint("2026-01-01")


@pytest.mark.parametrize(
    ("text", "moment_us"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01 00:00:01.5+00:00", 1_500_000),
        ("1970-01-01T02:00:00.000001+02:00", 1),
        ("1970-01-01T02:00:00,25+0200", 250_000),
        ("2026-03-01T14:05Z", 1_772_373_900_000_000),
        ("2026-03-01t14:05:06.123456z", 1_772_373_906_123_456),
    ],
)
def test_a_moment_is_read_to_the_microsecond(text: str, moment_us: int) -> None:
    assert parse_restore_point(text) == Moment(moment_us)


def test_a_moment_is_written_as_it_is_read() -> None:
    assert parse_restore_point(format_us(1_772_373_906_123_456)) == Moment(1_772_373_906_123_456)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-03-01T14:05:06", "no time zone"),
        ("2026-03-01T14:05:06.1234567Z", "finer than a microsecond"),
        ("2026-13-01T14:05:06Z", "not a moment"),
        ("2026-03-01T14:05:06 CET", "cannot be read|can be read"),
        ("14:05", "can be read"),
        ("../etc", "tag"),
        ("", "tag"),
    ],
)
def test_what_is_none_of_them_is_refused_with_the_way_to_write_it(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse_restore_point(text)
    assert caught.value.next_step
