# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore's name tells what it restores, and whether two are the same."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import (
    is_same,
    restore_point_of,
    whole_restore_id,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.point import Moment, parse_restore_point

_TAGS = ("backup_20260101_020000", "before-in-place-upgrade", "2026.at-last", "a-at-20260101T000000000000Z-b")
_MOMENT: t.Any = types.SimpleNamespace(label="at-20260301T140506123456Z")


@pytest.mark.parametrize("mode", ["in_place", "new_cluster", "one_node"])
@pytest.mark.parametrize("tag", _TAGS)
def test_a_name_says_what_is_restored(tag: str, mode: str) -> None:
    first = whole_restore_id(tag=tag, cluster_id="c", mode=mode)
    again = whole_restore_id(tag=tag, cluster_id="c", mode=mode, kept={first})
    assert (restore_point_of(first), restore_point_of(again)) == (tag, tag)
    moment = whole_restore_id(tag=tag, cluster_id="c", mode=mode, moment=_MOMENT)
    told = restore_point_of(moment)
    assert told == "2026-03-01T14:05:06.123456Z"
    assert isinstance(parse_restore_point(told), Moment)
    assert restore_point_of(f"{moment.replace('Z-', 'Z-arrival-', 1)}") is not None
    names = {first, again, moment}
    assert [is_same(first, each) for each in (first, again, moment)] == [True, True, False]
    assert len(names) == 3


@pytest.mark.parametrize("name", ["spool", "archived", "", "backup_1-beside-0123abcd", "backup_1-in-place-0123"])
def test_another_name_says_nothing(name: str) -> None:
    assert restore_point_of(name) is None
