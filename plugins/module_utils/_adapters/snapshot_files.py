# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots as they lie in a node's data directories.

``<data directory>/<keyspace>/<table>-<id>/snapshots/<tag>/``; components of an old secondary index lie there in
``.<index>/``, those of SAI beside the table's own. ``manifest.json`` and ``schema.cql`` are Cassandra's notes, not
data.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import posixpath
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    local_error,
    names_in,
    read_if_there,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    TableRef,
    parse_table_directory,
    split_component,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.packing import SnapshotFile

_SNAPSHOTS = "snapshots"
_NOTES = frozenset({"manifest.json", "schema.cql"})


class _Directories(t.Protocol):
    """The part of ``cassandra.yaml`` that says where tables are."""

    @property
    def data_file_directories(self) -> tuple[str, ...]: ...

    @property
    def local_system_data_file_directory(self) -> str | None: ...


@dataclasses.dataclass(frozen=True)
class TableSnapshot:
    """One table's part of a snapshot, in one data directory.

    :param path: the directory that has the tag as its name.
    """

    table: TableRef
    data_directory: int
    path: str


def data_directories(config: _Directories) -> tuple[str, ...]:
    """All directories with tables, numbered as in backups: the data directories, then the one for system tables."""
    directories = config.data_file_directories
    local = config.local_system_data_file_directory
    return directories if local is None or local in directories else (*directories, local)


def snapshot_tags(directories: t.Sequence[str]) -> t.Mapping[str, float]:
    """All snapshots on the node, whoever made them, each with when its newest part was made (seconds since the epoch).

    :raises LocalFilesError: if a directory cannot be read.
    """
    tags: dict[str, float] = {}
    for _table, _number, path in _tables(directories):
        parent = os.path.join(path, _SNAPSHOTS)
        for tag in names_in(parent):
            made = _made(os.path.join(parent, tag))
            if made is not None:
                tags[tag] = max(made, tags.get(tag, made))
    return tags


def table_snapshots(directories: t.Sequence[str], *, tag: str) -> t.Iterator[TableSnapshot]:
    """The tables that a snapshot has, in the order of tables, then of data directories.

    :raises LocalFilesError: if a directory cannot be read.
    """
    for table, number, path in _tables(directories):
        snapshot = os.path.join(path, _SNAPSHOTS, tag)
        if os.path.isdir(snapshot):
            yield TableSnapshot(table=table, data_directory=number, path=snapshot)


def schema_cql(snapshot: TableSnapshot) -> str:
    """The statement that Cassandra noted to make the table again; empty if there is none, as for system tables."""
    return (read_if_there(os.path.join(snapshot.path, "schema.cql")) or b"").decode("utf-8", "replace")


def sstable_files(snapshot: TableSnapshot) -> t.Iterator[tuple[SnapshotFile, ...]]:
    """The files of one SSTable after the other, in a fixed order; only names are held for the whole table.

    :raises LocalFilesError: if a file or directory cannot be read, or is gone.
    """
    # The files of an SSTable have a prefix in common, so they are neighbours in the order of paths; a key for sorting
    # would take several times the memory of the names.
    for _sstable, members in itertools.groupby(sorted(_paths(snapshot.path)), key=_sstable_of):
        yield tuple(_file(snapshot, path) for path in members)


def same_file(source: str, *, size: int, inode_key: tuple[int, int, int]) -> bool:
    """Whether the file is still the one that was listed."""
    try:
        found = os.stat(source)
    except OSError:
        return False
    return found.st_size == size and (found.st_dev, found.st_ino, found.st_mtime_ns) == inode_key


def _tables(directories: t.Sequence[str]) -> t.Iterator[tuple[TableRef, int, str]]:
    keyspaces = sorted({name for directory in directories for name in names_in(directory)})
    for keyspace in keyspaces:
        found: list[tuple[TableRef, int, str]] = []
        for number, directory in enumerate(directories):
            parent = os.path.join(directory, keyspace)
            for name in names_in(parent):
                table = parse_table_directory(keyspace, name)
                if table:
                    found.append((table, number, os.path.join(parent, name)))
        yield from sorted(found)


def _paths(directory: str, prefix: str = "") -> t.Iterator[str]:
    try:
        with os.scandir(os.path.join(directory, prefix)) as entries:
            for entry in entries:
                path = posixpath.join(prefix, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    yield from _paths(directory, path)
                elif prefix or entry.name not in _NOTES:
                    yield path
    except FileNotFoundError as error:
        raise _gone(directory) from error
    except OSError as error:
        raise local_error(error, doing="read the directory", path=os.path.join(directory, prefix)) from error


def _sstable_of(path: str) -> tuple[str, str]:
    folder, name = posixpath.split(path)
    parts = split_component(name)
    return folder, parts[0] if parts else name


def _file(snapshot: TableSnapshot, path: str) -> SnapshotFile:
    source = os.path.join(snapshot.path, path)
    try:
        found = os.stat(source)
    except FileNotFoundError as error:
        raise _gone(snapshot.path) from error
    except OSError as error:
        raise local_error(error, doing="read", path=source) from error
    return SnapshotFile(
        path=path, source=source, size=found.st_size, inode_key=(found.st_dev, found.st_ino, found.st_mtime_ns)
    )


def _made(path: str) -> float | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime if os.path.isdir(path) else None


def _gone(path: str) -> LocalFilesError:
    return LocalFilesError(
        f"The snapshot in {path} disappeared while it was being read.",
        subject=path,
        next_step="Somebody cleared it, or its time to live is over: take a new one.",
    )
