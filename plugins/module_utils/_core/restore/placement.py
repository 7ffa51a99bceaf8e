# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the files of a backup go on a node. Pure.

Names in a manifest become paths here, and nowhere else: what is not a plain name of a table's file is refused.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    AUTH_KEYSPACE,
    KEPT_SYSTEM_TABLES,
    SCHEMA_KEYSPACE,
    SYSTEM_KEYSPACE,
    TableRef,
    check_keyspace,
    is_restored,
    parse_table_directory,
    split_component,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import BackedUpObject

#: Kept by every node for itself, in one place, also where data is spread over several.
LOCAL_KEYSPACES = frozenset((SYSTEM_KEYSPACE, SCHEMA_KEYSPACE))

_FILE = re.compile(r"[A-Za-z0-9_][^/\0]{0,254}\Z")
_INDEX_DIRECTORY = re.compile(r"\.[A-Za-z0-9_][^/\0]{0,253}\Z")


@dataclasses.dataclass(frozen=True)
class Places:
    """The directories of a node that keyspaces go into.

    :param data: how many data directories there are; they are numbered from 0.
    :param local: the number of the one for the local system keyspaces: 0, or behind the data directories.
    """

    data: int
    local: int

    @property
    def count(self) -> int:
        """How many directories there are in all."""
        return max(self.data, self.local + 1)


def is_wanted(table: TableRef, *, restore_auth: bool, own_system: bool = False) -> bool:
    """Whether a restore lays a table down: roles and passwords only if asked for, and of ``system`` nothing.

    :param own_system: except what tells who the node was.
    """
    if own_system and table.keyspace == SYSTEM_KEYSPACE:
        return table.table in KEPT_SYSTEM_TABLES
    return is_restored(table) and (restore_auth or table.keyspace != AUTH_KEYSPACE)


def table_path(table: TableRef) -> str:
    """A table's directory below a data directory.

    :raises ManifestError: if keyspace, table or id could not be Cassandra's.
    """
    try:
        check_keyspace(table.keyspace)
    except Exception as error:
        raise _unsafe(table.keyspace) from error
    if parse_table_directory(table.keyspace, table.directory) != table:
        raise _unsafe(table.directory)
    return f"{table.keyspace}/{table.directory}"


def file_path(table: TableRef, path: str) -> str:
    """A file's path below a data directory.

    :raises ManifestError: if it is anything but a name, or a name in an index's hidden directory.
    """
    *folders, name = path.split("/")
    safe = _FILE.match(name) and len(folders) <= 1 and all(_INDEX_DIRECTORY.match(folder) for folder in folders)
    if not safe or ".." in path.split("/"):
        raise _unsafe(path)
    return f"{table_path(table)}/{path}"


def sstable_of(entry: BackedUpObject) -> tuple[str, str, str]:
    """What an object belongs to: the table's path, the index's directory, and the SSTable's name."""
    folder, name = posixpath.split(entry.files[0].path)
    parts = split_component(name)
    return (table_path(entry.table), folder, parts[0] if parts else name)


def is_of_an_index(entry: BackedUpObject) -> bool:
    """Whether an object belongs to an old secondary index, which has SSTables of its own below its table's."""
    return "/" in entry.files[0].path


def spread(entries: t.Iterable[BackedUpObject], *, places: Places) -> dict[tuple[str, str, str], int]:
    """For each SSTable a data directory, so they get about the same number of bytes; always the same for the same.

    Whole SSTables: Cassandra looks for the components of one in one directory.
    """
    sizes: dict[tuple[str, str, str], int] = {}
    for entry in entries:
        if entry.table.keyspace not in LOCAL_KEYSPACES:
            key = sstable_of(entry)
            sizes[key] = sizes.get(key, 0) + sum(file.size for file in entry.files)
    filled = [0] * places.data
    chosen = {}
    for key, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        chosen[key] = filled.index(min(filled))
        filled[chosen[key]] += size
    return chosen


def place_of(entry: BackedUpObject, *, places: Places, chosen: t.Mapping[tuple[str, str, str], int] | None) -> int:
    """The number of the directory that an object's files go into.

    :param chosen: from :func:`spread`; ``None`` if the source had as many directories, and each keeps its number.
    """
    if entry.table.keyspace in LOCAL_KEYSPACES:
        return places.local
    if chosen is not None:
        return chosen[sstable_of(entry)]
    return entry.data_directory


def _unsafe(name: str) -> ManifestError:
    return ManifestError(
        f"The manifest names {name!r}, which no Cassandra table has.",
        subject=name,
        next_step="Do not trust this backup; choose another.",
    )
