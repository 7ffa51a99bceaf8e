# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots as they lie in a node's data directories.

``<data directory>/<keyspace>/<table>-<id>/snapshots/<tag>/``; components of an old secondary index lie there in
``.<index>/``, those of SAI beside the table's own. ``manifest.json`` and ``schema.cql`` are Cassandra's notes, not
data. Each table of a snapshot has one ``manifest.json``, also an empty one, which lists the ``Data.db`` of its SSTables
in all data directories, with those of old secondary indexes (seen with 4.0, 4.1 and 5.0).
"""

from __future__ import annotations

import dataclasses
import itertools
import json
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
    is_backed_up,
    parse_table_directory,
    split_component,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import (
    MAX_BYTES,
    RowEstimator,
    SSTableRows,
    is_statistics,
    parse_statistics,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import (
    TableContents,
    TableCounter,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.packing import SnapshotFile

_SNAPSHOTS = "snapshots"
_MANIFEST = "manifest.json"
_NOTES = frozenset({_MANIFEST, "schema.cql"})


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

    :raises LocalFilesError: if a directory cannot be read, or is of a table that it does not name.
    """
    for table, number, path in _tables(directories, tag=tag):
        snapshot = os.path.join(path, _SNAPSHOTS, tag)
        if os.path.isdir(snapshot):
            yield TableSnapshot(table=table, data_directory=number, path=snapshot)


def backed_up_tables(
    directories: t.Sequence[str], *, tag: str
) -> t.Iterator[tuple[TableRef, tuple[TableSnapshot, ...]]]:
    """The tables of a snapshot that a backup holds, each with its parts, as :func:`table_snapshots`."""
    parts = (part for part in table_snapshots(directories, tag=tag) if is_backed_up(part.table))
    for table, members in itertools.groupby(parts, key=lambda part: part.table):
        yield table, tuple(members)


def table_contents(table: TableRef, parts: t.Sequence[TableSnapshot]) -> TableContents:
    """What a snapshot holds of a table now, after a look whether that is all that Cassandra put there.

    :raises LocalFilesError: if it is not, or if that cannot be told.
    """
    counter, rows = TableCounter(table), RowEstimator()
    missing = set(_listed(table, parts))
    for part in parts:
        for file in itertools.chain.from_iterable(sstable_files(part)):
            counter.add(data_directory=part.data_directory, path=file.path, size=file.size)
            missing.discard(file.path)
            if is_statistics(file.path):
                rows.add(_rows_of(file))
    if missing:
        raise LocalFilesError(
            f"The snapshot of {table} in {parts[0].path} lacks {len(missing)} of the files that Cassandra lists for it,"
            f" such as {min(missing)}.",
            subject=parts[0].path,
            next_step="If Cassandra has a data directory that its configuration file does not name, restart it; "
            "otherwise somebody clears snapshots: take a new one.",
        )
    return dataclasses.replace(counter.contents(), rows=rows.estimate())


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


def _rows_of(file: SnapshotFile) -> SSTableRows | None:
    """What an SSTable tells of its rows. It is only an estimate: whatever keeps it from being read is found later."""
    if file.size > MAX_BYTES:
        return None
    try:
        body = read_if_there(file.source)
    except LocalFilesError:
        return None
    return None if body is None else parse_statistics(body, name=file.path)


def _listed(table: TableRef, parts: t.Sequence[TableSnapshot]) -> t.Iterator[str]:
    """The files that Cassandra's own note lists."""
    paths = [os.path.join(part.path, _MANIFEST) for part in parts]
    texts = [(path, text) for path, text in ((path, read_if_there(path)) for path in paths) if text is not None]
    if not texts:
        raise _gone(parts[0].path, of=f" of {table}")
    for path, text in texts:
        try:
            files = json.loads(text)["files"]
        except (ValueError, TypeError, KeyError) as error:
            raise LocalFilesError(
                f"{path} is not the list of files that Cassandra writes.",
                subject=path,
                next_step="Take a new snapshot.",
            ) from error
        yield from map(str, files)


def _tables(directories: t.Sequence[str], *, tag: str = "") -> t.Iterator[tuple[TableRef, int, str]]:
    """All tables' directories; one without a table's id must not be part of the snapshot of that tag."""
    keyspaces = sorted({name for directory in directories for name in names_in(directory)})
    for keyspace in keyspaces:
        found: list[tuple[TableRef, int, str]] = []
        for number, directory in enumerate(directories):
            parent = os.path.join(directory, keyspace)
            for name in names_in(parent):
                table = parse_table_directory(keyspace, name)
                if table:
                    found.append((table, number, os.path.join(parent, name)))
                elif (
                    is_backed_up(TableRef(keyspace, name, ""))
                    and tag
                    and os.path.isdir(os.path.join(parent, name, _SNAPSHOTS, tag))
                ):
                    raise _nameless(os.path.join(parent, name))
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


def _nameless(path: str) -> LocalFilesError:
    return LocalFilesError(
        f"{path} is a table's directory without the table's id, as Cassandra made them before 2.1, and cannot be backed"
        " up.",
        subject=path,
        next_step="Stop the node, rename the directory to NAME-ID, where ID is the table's in system_schema.tables "
        "without dashes, and start it; or copy the table's rows into a new one and drop it.",
    )


def _gone(path: str, *, of: str = "") -> LocalFilesError:
    return LocalFilesError(
        f"The snapshot{of} in {path} disappeared while it was being read.",
        subject=path,
        next_step="Somebody cleared it, or its time to live is over: take a new one.",
    )
