# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery works with, kept as plain files: a snapshot as a restore fetches it, and all segments of the log."""

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

from lab.node import Node


def archive_into(node: Node, directory: Path) -> None:
    """Have a node that is not started yet keep its segments, sealed ones as links."""
    directory.mkdir()
    (node.conf_directory / "commitlog_archiving.properties").write_text(
        f"archive_command=/bin/ln -f %path {directory}/%name\n", encoding="utf-8"
    )


def segments_in(directory: Path) -> list[Path]:
    """The segments of a directory, in the order of their names."""
    return sorted(directory.glob("CommitLog-*.log"))


def keep_segments(places: t.Sequence[Path], *, into: Path) -> tuple[Path, ...]:
    """Copy the segments of all places; of one that several have, the first place's."""
    into.mkdir()
    for place in places:
        for path in segments_in(place):
            if not (into / path.name).exists():
                shutil.copyfile(path, into / path.name)
    return tuple(segments_in(into))


def keep_snapshot(node: Node, *, tag: str, into: Path) -> tuple[str, ...]:
    """The files of a snapshot as a restore fetches them: a directory for each data directory, ``system`` left out."""
    directories = []
    for number, data in enumerate(node.data_directories):
        directory = into / f"new{number}"
        directory.mkdir(parents=True)
        directories.append(str(directory))
        for snapshot in sorted(data.glob(f"*/*/snapshots/{tag}")):
            table = snapshot.parent.parent
            if table.parent.name != "system":
                shutil.copytree(
                    snapshot,
                    directory / table.parent.name / table.name,
                    ignore=shutil.ignore_patterns("manifest.json", "schema.cql"),
                )
    return tuple(directories)
