# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A keyspace's directory is known by what is in it; what an administrator keeps beside it is none."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import mounts
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.keyspace_directories import (
    keyspaces_in,
    strangers_in,
)

_TABLE = "orders-0123456789abcdef0123456789abcdef"


def test_keyspaces_are_told_from_directories_of_somebody_elses(tmp_path: pathlib.Path) -> None:
    for path in (
        f"shop/{_TABLE}",
        f"with_snapshots_only/{_TABLE}/snapshots/s",
        "dropped",
        "system",
        "system_auth/roles",
        "exports/2026",
        "copy_of_shop/shop/orders",
        ".revive/x",
        "lost+found",
    ):
        (tmp_path / path).mkdir(parents=True)
    for path in ("before_2_1/t/nb-1-big-Data.db", "notes/readme.txt", "exports/2026/a.csv", "a_file"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "shop")
    assert keyspaces_in(str(tmp_path)) == [
        "before_2_1",
        "dropped",
        "elsewhere",
        "shop",
        "system",
        "system_auth",
        "with_snapshots_only",
    ]
    assert strangers_in(str(tmp_path)) == ["copy_of_shop", "exports", "notes"]
    assert keyspaces_in(str(tmp_path / "nowhere")) == []
    assert strangers_in(str(tmp_path / "nowhere")) == []


def test_what_may_not_be_read_is_not_cassandras_and_stops_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private" / "x").mkdir(parents=True)
    (tmp_path / "shop" / _TABLE).mkdir(parents=True)
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "private" not in str(path) and allowed(path, mode))
    assert (keyspaces_in(str(tmp_path)), strangers_in(str(tmp_path))) == (["shop"], ["private"])


def test_a_mount_is_found_where_it_is_and_below_also_of_the_same_file_system(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "mountinfo"
    listed.write_text(
        "22 27 0:21 / / rw - ext4 /dev/a rw\n"
        "23 27 0:21 /x /data/my\\040ks rw - ext4 /dev/a rw\n"
        "24 27 0:21 /x /data/shop/t-1 rw - ext4 /dev/a rw\n"
        "25 27 0:21 /x /data/shopping rw - ext4 /dev/a rw\n"
    )
    monkeypatch.setattr(mounts, "_MOUNTS", listed)
    assert mounts.mount_points_in("/data/shop") == ["/data/shop/t-1"]
    assert mounts.mount_points_in("/data/my ks") == ["/data/my ks"]
    assert mounts.mount_points_in("/data/other") == []
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "not there")
    assert mounts.mount_points_in("/data/shop") == []
    assert mounts.mount_points_in("/proc") == ["/proc"]
