# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of a snapshot go into which object. Pure.

An SSTable is two objects: its Data component, and a tar of the small ones. Any other component over 1 MiB is an object
of its own too. Requests, not bytes, are what a small cluster pays for, and a Data component never changes, while the
small ones can (``Statistics.db``, ``Summary.db``).
"""

from __future__ import annotations

import dataclasses
import itertools
import posixpath
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef, split_component

#: Components larger than this are objects of their own.
PACK_LIMIT_BYTES = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class SnapshotFile:
    """A file in a table's snapshot directory.

    :param path: relative to the snapshot, as in ``FileEntry``.
    :param source: where it can be read.
    :param inode_key: ``(device, inode, mtime in ns)``: with the size, the same as long as the content is the same.
    """

    path: str
    source: str
    size: int
    inode_key: tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class ObjectPlan:
    """The files that make one object; several of them, or a single small one, are packed into a tar."""

    table: TableRef
    data_directory: int
    packed: bool
    files: tuple[SnapshotFile, ...]

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(file.size for file in self.files)


def plan_objects(table: TableRef, *, data_directory: int, files: t.Iterable[SnapshotFile]) -> t.Iterator[ObjectPlan]:
    """The objects of one table in one data directory, SSTable by SSTable, in the order of paths.

    :param files: of one table's snapshot in one data directory, in any order; files that belong to no SSTable are
        treated as an SSTable of their own.
    """

    def sstable_of(file: SnapshotFile) -> tuple[str, str]:
        folder, name = posixpath.split(file.path)
        parts = split_component(name)
        return (folder, parts[0] if parts else name)

    ordered = sorted(files, key=lambda file: (sstable_of(file), file.path))
    for _sstable, members in itertools.groupby(ordered, key=sstable_of):
        small: list[SnapshotFile] = []
        for file in members:
            parts = split_component(posixpath.basename(file.path))
            if file.size > PACK_LIMIT_BYTES or (parts is not None and parts[1] == "Data.db"):
                yield ObjectPlan(table=table, data_directory=data_directory, packed=False, files=(file,))
            else:
                small.append(file)
        if small:
            yield ObjectPlan(table=table, data_directory=data_directory, packed=True, files=tuple(small))
