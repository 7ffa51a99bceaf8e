# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a staging instance finds in its directory, and that nobody else's is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_directory import StagingDirectory
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import SourceIdentity

IDENTITY = SourceIdentity(cluster_name="prod", datacenter="dc1", rack="r1", release_version="5.0.8")


@pytest.fixture
def directory(tmp_path: Path) -> StagingDirectory:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "cassandra.yaml").write_text("cluster_name: other\n")
    return StagingDirectory(
        str(tmp_path / "staging"), conf_directory=str(conf), address="127.0.0.254", identity=IDENTITY
    )


def test_segments_are_linked_and_stay(tmp_path: Path, directory: StagingDirectory) -> None:
    directory.make()
    segment = tmp_path / "CommitLog-7-5.log"
    segment.write_bytes(b"x")
    directory.place_segments([str(segment)])
    placed = Path(directory.paths.commitlog) / segment.name
    assert placed.samefile(segment)
    placed.unlink()
    assert segment.read_bytes() == b"x"


@pytest.mark.parametrize("names", [["x.log"], ["CommitLog-7-5.log", "CommitLog-6-5.log"]])
def test_files_that_are_no_segments_or_one_twice_are_refused(
    tmp_path: Path, directory: StagingDirectory, names: list[str]
) -> None:
    directory.make()
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError):
        directory.place_segments([str(tmp_path / name) for name in names])


def test_a_directory_of_somebody_else_is_left_alone(tmp_path: Path, directory: StagingDirectory) -> None:
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging" / "precious").write_text("x")
    with pytest.raises(LocalFilesError):
        directory.make()
    assert (tmp_path / "staging" / "precious").exists()
