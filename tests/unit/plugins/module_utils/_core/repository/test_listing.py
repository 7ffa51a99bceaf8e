# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backup is the newest: by the store's clock, of what is asked for, and never by passing one over unsaid."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BackupMissingError,
    NewestUnknownError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.listing import (
    BackupInfo,
    Newest,
    newest,
    newest_first,
)
from tests.unit.plugins.module_utils._core.tables.shop_backup import MANIFEST

_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE


def backup(
    tag: str, stored_us: int, *, completed_us: int | None = None, ended_us: int = 0, **asked: tuple[str, ...]
) -> BackupInfo:
    """A backup that can be read."""
    manifest = dataclasses.replace(
        MANIFEST,
        tag=tag,
        completed_us=stored_us if completed_us is None else completed_us,
        nodes=tuple(dataclasses.replace(each, snapshot_ended_us=ended_us) for each in MANIFEST.nodes),
        **t.cast("dict[str, t.Any]", asked),
    )
    return BackupInfo(tag=tag, complete=True, node_host_ids=(), stored_us=stored_us, manifest=manifest)


def unread(tag: str, stored_us: int) -> BackupInfo:
    """A backup that is complete and cannot be read."""
    return BackupInfo(tag=tag, complete=True, node_host_ids=(), stored_us=stored_us, problem="It is damaged. Mend it.")


def newest_whole(*infos: BackupInfo) -> Newest:
    return newest(infos, location="s3://b/", fits=[lambda manifest: manifest.whole], wanted="everything")


def test_the_order_goes_by_the_stores_clock_and_not_by_the_nodes() -> None:
    fast = backup("fast_clock", _DAY, ended_us=9 * _DAY)
    slow = backup("slow_clock", _DAY + _MINUTE, ended_us=5)
    assert [info.tag for info in newest_first([fast, slow])] == ["slow_clock", "fast_clock"]
    assert newest_whole(fast, slow).manifest.tag == "slow_clock"


def test_the_tag_breaks_ties() -> None:
    assert newest_whole(backup("b", _DAY), backup("c", _DAY), backup("a", _DAY)).manifest.tag == "c"


def test_what_was_copied_with_its_repository_goes_by_what_is_in_it() -> None:
    # Copied in any order, long after.
    old = backup("old", 9 * _DAY + _MINUTE, completed_us=_DAY)
    new = backup("new", 9 * _DAY, completed_us=2 * _DAY)
    assert newest_whole(old, new).manifest.tag == "new"
    # An old one that was brought back is not the newest.
    assert newest_whole(old, backup("in_its_place", 3 * _DAY)).manifest.tag == "in_its_place"


def test_a_backup_of_a_part_is_not_the_latest_and_that_is_said() -> None:
    whole = backup("whole", _DAY)
    found = newest_whole(
        whole,
        backup("a_table", 2 * _DAY, tables_asked=("shop.orders",)),
        backup("a_keyspace", 3 * _DAY, keyspaces=("shop",)),
    )
    assert found.manifest == whole.manifest
    (warning,) = found.warnings
    assert warning.startswith("latest is whole, the newest backup with everything.")
    assert warning.endswith("Newer, and without: a_keyspace of shop, a_table of shop.orders.")
    assert not newest_whole(whole).warnings


def test_only_backups_of_parts_are_no_latest() -> None:
    with pytest.raises(BackupMissingError, match=r"has everything. There is a_table of shop.orders. Give another"):
        newest_whole(backup("a_table", _DAY, tables_asked=("shop.orders",)))


def test_one_that_may_be_newer_and_cannot_be_read_is_an_error_that_names_the_way_on() -> None:
    readable = backup("readable", 2 * _DAY, ended_us=1_795_372_932_000_000)
    with pytest.raises(NewestUnknownError) as refused:
        newest_whole(readable, unread("newer", 3 * _DAY), unread("older", _DAY))
    error = refused.value
    assert error.subject == "newer"
    assert "newer, stored 1970-01-04T00:00:00.000000Z: It is damaged. Mend it." in str(error)
    assert "older" not in str(error)
    assert "is of 2026-11-22T18:42:12.000000Z: restore_point=readable." in str(error)


def test_of_two_in_the_same_second_the_one_that_cannot_be_read_may_be_newer() -> None:
    with pytest.raises(NewestUnknownError, match="an_unread_one"):
        newest_whole(backup("readable", _DAY), unread("an_unread_one", _DAY))


def test_one_that_is_older_and_cannot_be_read_does_not_matter() -> None:
    assert newest_whole(backup("readable", 2 * _DAY), unread("older", _DAY)).manifest.tag == "readable"


def test_of_a_copy_any_that_cannot_be_read_may_be_the_newest() -> None:
    copied = backup("copied", 9 * _DAY, completed_us=2 * _DAY)
    with pytest.raises(NewestUnknownError, match="copied_too"):
        newest_whole(copied, unread("copied_too", 9 * _DAY - _MINUTE))


def test_many_that_cannot_be_read_are_counted() -> None:
    with pytest.raises(NewestUnknownError, match=r"u4.*u3.*u2.*and 2 more\. Give another restore_point"):
        newest_whole(*(unread(f"u{number}", number * _DAY) for number in range(5)))


def test_nothing_but_what_was_begun_is_said() -> None:
    with pytest.raises(BackupMissingError, match=r"no complete backup in s3://b/\. 1 were begun"):
        newest_whole(BackupInfo(tag="begun", complete=False, node_host_ids=()))
