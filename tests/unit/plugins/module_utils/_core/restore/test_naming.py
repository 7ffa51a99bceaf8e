# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore's name tells what it restores, and whether two are the same."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import BY_ARRIVAL, BY_TIMESTAMP
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import (
    is_asked_for,
    is_by_arrival,
    is_of_one_node,
    restore_point_of,
    whole_restore_id,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.point import (
    Moment,
    TagPoint,
    parse_restore_point,
)

_TAGS = ("backup_20260101_020000", "before-in-place-upgrade", "2026.at-last", "a-at-20260101T000000000000Z-b")
_MOMENT: t.Any = types.SimpleNamespace(label="at-20260301T140506123456Z")
_AT = Moment(1_772_373_906_123_456)


@pytest.mark.parametrize("mode", ["in_place", "new_cluster", "one_node"])
@pytest.mark.parametrize("tag", _TAGS)
def test_a_name_says_what_is_restored(tag: str, mode: str) -> None:
    first = whole_restore_id(tag=tag, cluster_id="c", mode=mode)
    again = whole_restore_id(tag=tag, cluster_id="c", mode=mode, kept={first})
    assert (restore_point_of(first), restore_point_of(again)) == (tag, tag)
    assert is_of_one_node(again) == (mode == "one_node")
    moment = whole_restore_id(tag=tag, cluster_id="c", mode=mode, moment=_MOMENT)
    arrival = moment.replace("Z-", "Z-arrival-") if "Z-b" not in tag else f"x-{_MOMENT.label}-arrival-in-place-01234567"
    assert restore_point_of(moment) == restore_point_of(arrival) == "2026-03-01T14:05:06.123456Z"
    assert parse_restore_point("2026-03-01T14:05:06.123456Z") == _AT
    assert (is_by_arrival(moment), is_by_arrival(arrival)) == (False, True)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"kept": True}, True),
        ({"cluster_id": None}, True),
        ({"cluster_id": "another"}, False),
        ({"mode": "new_cluster"}, False),
        ({"point": TagPoint("another")}, False),
        ({"point": _AT}, False),
    ],
)
def test_a_backup_that_is_asked_for_is_known_by_tag_mode_and_cluster(changes: dict[str, t.Any], *, same: bool) -> None:
    first = whole_restore_id(tag="b", cluster_id="c", mode="in_place")
    begun = whole_restore_id(tag="b", cluster_id="c", mode="in_place", kept={first} if changes.pop("kept", 0) else ())
    asked: dict[str, t.Any] = {"point": TagPoint("b"), "mode": "in_place", "cut": BY_TIMESTAMP, "cluster_id": "c"}
    assert is_asked_for(begun, **{**asked, **changes}) is same


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"cut": BY_ARRIVAL}, False),
        ({"point": Moment(_AT.us + 1)}, False),
        ({"point": TagPoint("b")}, False),
        ({"mode": "one_node"}, False),
    ],
)
def test_a_moment_that_is_asked_for_is_known_whatever_backup_it_was_reached_from(
    changes: dict[str, t.Any], *, same: bool
) -> None:
    begun = whole_restore_id(tag="b", cluster_id="c", mode="in_place", moment=_MOMENT)
    asked: dict[str, t.Any] = {"point": _AT, "mode": "in_place", "cut": BY_TIMESTAMP, "cluster_id": "c"}
    assert is_asked_for(begun, **{**asked, **changes}) is same


@pytest.mark.parametrize("name", ["spool", "archived", "", "backup_1-beside-0123abcd", "backup_1-in-place-0123"])
def test_another_name_says_nothing(name: str) -> None:
    assert restore_point_of(name) is None
    assert not is_asked_for(name, point=TagPoint(name), mode="in_place", cut=BY_TIMESTAMP)
