# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names: backup tags, keyspaces, table directories and the files of an SSTable. Pure."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError

SYSTEM_KEYSPACE = "system"
SCHEMA_KEYSPACE = "system_schema"
#: Roles, passwords and rights.
AUTH_KEYSPACE = "system_auth"
#: Keyspaces that Cassandra makes itself and that a restore brings back.
RESTORED_SYSTEM_KEYSPACES = (AUTH_KEYSPACE, "system_distributed", SCHEMA_KEYSPACE, "system_traces")
#: Everything that Cassandra makes itself, the virtual ones included.
SYSTEM_KEYSPACES = frozenset((SYSTEM_KEYSPACE, *RESTORED_SYSTEM_KEYSPACES, "system_views", "system_virtual_schema"))
#: Of ``system`` only what says who the node was; it is kept for reference and never restored.
KEPT_SYSTEM_TABLES = frozenset({"local"})

#: Makes the schema again with the ids of tables, a statement in the last column of each row; Cassandra 4.0 and newer.
DESCRIBE_SCHEMA = "DESCRIBE FULL SCHEMA WITH INTERNALS"

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
_TABLE_DIRECTORY = re.compile(r"(?P<table>\w{1,222})-(?P<id>[0-9a-f]{32})\Z", re.ASCII)
_KEYSPACE = re.compile(r"\w{1,222}\Z", re.ASCII)
# nb-1-big-Data.db, da-3gd4_1fzy_4rqps2lv3k1xrjq0a1-bti-Rows.db, oa-2-big-SAI+aa+idx+Meta.db
_COMPONENT = re.compile(r"(?P<sstable>[a-z]{2}-[0-9a-z_]+-[a-z]+)-(?P<component>.+)\Z")


@dataclasses.dataclass(frozen=True, order=True)
class TableRef:
    """A table as its directory names it.

    :param id: the table's id, 32 hexadecimal digits without dashes.
    """

    keyspace: str
    table: str
    id: str

    @property
    def directory(self) -> str:
        """The name of the table's directory, ``<table>-<id>``."""
        return f"{self.table}-{self.id}"

    def __str__(self) -> str:
        return f"{self.keyspace}.{self.table}"


def check_tag(tag: str) -> str:
    """``tag`` itself if it can be a snapshot's name, a directory's and a part of a key.

    :raises InputError: for anything else; ``latest`` is a restore point and so cannot be a tag.
    """
    if tag == "latest" or not _TAG.match(tag) or ".." in tag:
        raise InputError(
            f"{tag!r} cannot be a backup's tag.",
            subject=tag,
            next_step="Use at most 128 letters, digits, '_', '-' and '.', a letter or digit first; not 'latest'.",
        )
    return tag


def check_keyspace(name: str) -> str:
    """``name`` itself if Cassandra could have a keyspace of that name.

    :raises InputError: otherwise.
    """
    if not _KEYSPACE.match(name):
        raise InputError(f"{name!r} cannot be a keyspace.", subject=name, next_step="Give names without quotes.")
    return name


def parse_table_directory(keyspace: str, directory: str) -> TableRef | None:
    """The table that a directory below a keyspace belongs to; ``None`` if it is not a table's."""
    match = _TABLE_DIRECTORY.match(directory)
    return TableRef(keyspace=keyspace, table=match["table"], id=match["id"]) if match else None


def split_component(file_name: str) -> tuple[str, str] | None:
    """``("nb-1-big", "Data.db")`` of ``nb-1-big-Data.db``; ``None`` if it is not a component of an SSTable."""
    match = _COMPONENT.match(file_name)
    return (match["sstable"], match["component"]) if match else None


def is_backed_up(table: TableRef) -> bool:
    """Whether a backup holds this table: all but the node's own ``system`` tables and virtual keyspaces."""
    if table.keyspace == SYSTEM_KEYSPACE:
        return table.table in KEPT_SYSTEM_TABLES
    return table.keyspace not in ("system_views", "system_virtual_schema")


def is_restored(table: TableRef) -> bool:
    """Whether a restore of everything lays this table down: never one of ``system``."""
    return table.keyspace != SYSTEM_KEYSPACE


def renumbered(names: t.Iterable[str], *, taken: t.Iterable[str]) -> dict[str, str]:
    """New names for files of SSTables that join others: by its own name, each one's new name.

    Generations are numbers that each Cassandra counts by itself, or unique ids; only numbers change. All files of
    an SSTable keep the same one.

    :param taken: names of the files that are there.
    """
    used = [number for number in (_generation(name) for name in taken) if number is not None]
    following = max(used, default=0) + 1
    numbers: dict[tuple[str, int], int] = {}
    result: dict[str, str] = {}
    for name in sorted(names):
        generation, parts = _generation(name), split_component(name)
        if generation is None or parts is None:
            result[name] = name
            continue
        version, _old, kind = parts[0].split("-", 2)
        number = numbers.setdefault((f"{version}-{kind}", generation), following + len(numbers))
        result[name] = f"{version}-{number}-{kind}-{parts[1]}"
    return result


def _generation(name: str) -> int | None:
    parts = split_component(name)
    generation = parts[0].split("-", 2)[1] if parts else ""
    return int(generation) if generation.isdigit() else None
