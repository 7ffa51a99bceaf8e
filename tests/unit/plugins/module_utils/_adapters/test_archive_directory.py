# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent's own way into the spool, also across the border of a file system or of a sandbox's mounts."""

from __future__ import annotations

import errno
import os
import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.archive_directory import (
    ArchiveDirectory,
    SegmentGoneError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName

NAME = SegmentName(id=5, version=7)


@pytest.fixture(name="files")
def _files(tmp_path: pathlib.Path) -> ArchiveDirectory:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / str(NAME)).write_bytes(os.urandom(3_000_000))
    return ArchiveDirectory(log_directory=str(tmp_path / "log"), root=str(tmp_path / "root"))


def test_a_segment_is_linked_and_once_only(files: ArchiveDirectory, tmp_path: pathlib.Path) -> None:
    for _twice in range(2):
        files.link_into_spool(NAME)
    assert os.path.samefile(tmp_path / "log" / str(NAME), tmp_path / "root" / "spool" / str(NAME))
    with pytest.raises(SegmentGoneError):
        files.link_into_spool(SegmentName(id=6, version=7))


def test_where_links_do_not_reach_it_is_copied(
    files: ArchiveDirectory, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: str, target: str) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), target)

    monkeypatch.setattr("os.link", refuse)
    files.link_into_spool(NAME)
    copy = tmp_path / "root" / "spool" / str(NAME)
    assert copy.read_bytes() == (tmp_path / "log" / str(NAME)).read_bytes()
    assert os.listdir(copy.parent) == [str(NAME)]
    with pytest.raises(SegmentGoneError):
        files.link_into_spool(SegmentName(id=6, version=7))
    assert files.spooled() == (NAME,)
