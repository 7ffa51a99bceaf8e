# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked for and planned when tables are brought into a cluster that serves. Pure."""

from __future__ import annotations

import dataclasses
import fnmatch
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    AUTH_KEYSPACE,
    SCHEMA_KEYSPACE,
    SYSTEM_KEYSPACES,
    TableRef,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build, plain
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import TableSummary, Totals
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan, TableSize

BESIDE = "beside"
REPLACE = "replace"
MERGE = "merge"
MODES = (BESIDE, REPLACE, MERGE)
#: The longest name that every supported Cassandra takes for a table or an index.
MAX_NAME_LENGTH = 48
#: What the comment of a table begins with that a restore has made and not completed.
UNFINISHED = "Being restored by revive.cassandra: "

_Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Selection:
    """What an operator asked for.

    :param mode: ``BESIDE`` for new tables, ``REPLACE`` for the data instead of what is there, ``MERGE`` for over it.
    :param keyspaces: patterns of keyspaces, all of whose tables are meant, and ``tables`` of ``keyspace.table``; ``*``,
        ``?`` and ``[...]`` as in file names.
    :param into_keyspace: where new tables go; empty for the keyspace that each was in.
    :param suffix: behind the names of new tables; ``None`` for one that tells the restore point, or for none where
        ``into_keyspace`` is another keyspace.
    :param roles: whether roles, passwords and rights come too, merged into those that there are.
    :param reshape: whether the cluster may have other nodes, tokens, racks and datacenters than when it was backed up.
    :param datacenters: what the datacenters of the backup are called now, for keyspaces that are made; others keep
        their name.
    :param replication: of keyspaces that are made the replicas in each datacenter; empty for those that they had.
    :param past_gc_grace: whether it is known that nothing was deleted that ``MERGE`` would bring back.
    :param confirm_cluster: the cluster's name, for what is there to be touched in another cluster than the backup's.
    """

    keyspaces: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    mode: str = BESIDE
    into_keyspace: str = ""
    suffix: str | None = None
    roles: bool = False
    reshape: bool = False
    datacenters: tuple[tuple[str, str], ...] = ()
    replication: tuple[tuple[str, int], ...] = ()
    confirm_cluster: str = ""
    past_gc_grace: bool = False

    def wants(self, table: TableRef) -> bool:
        """Whether a table is meant; never one that Cassandra keeps for itself, except roles if they are meant."""
        if table.keyspace == AUTH_KEYSPACE:
            return self.roles
        return table.keyspace not in SYSTEM_KEYSPACES and any(_matches(each, table) for each in self._patterns())

    def wants_name(self, name: str) -> bool:
        """The same of ``keyspace.table``."""
        keyspace, _dot, table = name.partition(".")
        return self.wants(TableRef(keyspace=keyspace, table=table, id=""))

    def names(self, table: TableRef) -> bool:
        """Whether exactly this table was asked for, not only by a pattern of many."""
        return any(each.replace('"', "") == f"{table.keyspace}.{table.table}" for each in self.tables)

    @property
    def patterns(self) -> tuple[str, ...]:
        """All of them, as ``keyspace.table``."""
        return (
            *(f"{each}.*" for each in self.keyspaces),
            *self.tables,
            *([f"{AUTH_KEYSPACE}.*"] if self.roles else []),
        )

    def unmatched(self, tables: t.Iterable[TableRef]) -> tuple[str, ...]:
        """The patterns that mean none of these tables, each with its kind before it."""
        known = [table for table in tables if table.keyspace not in SYSTEM_KEYSPACES]
        return tuple(
            f"{'keyspace' if each.whole else 'table'} {each.text}"
            for each in self._patterns()
            if not any(_matches(each, table) for table in known)
        )

    def _patterns(self) -> tuple[_Pattern, ...]:
        return (
            *(_Pattern(text, whole=True) for text in self.keyspaces),
            *(_Pattern(text, whole=False) for text in self.tables),
        )


@dataclasses.dataclass(frozen=True)
class _Pattern:
    text: str
    whole: bool


def _matches(pattern: _Pattern, table: TableRef) -> bool:
    name = table.keyspace if pattern.whole else f"{table.keyspace}.{table.table}"
    return fnmatch.fnmatchcase(name, pattern.text.replace('"', ""))


@dataclasses.dataclass(frozen=True)
class Contents:
    """What tables are restored from: a backup, or what the nodes have made of one for a moment.

    :param name: as it is called in messages, ``the backup ...`` or ``the moment ...``.
    :param as_of_us: what was written by then is in it.
    :param schema: as it was then.
    :param tables: all of them that users had made, or those that were staged, with what they have on all nodes.
    :param sizes: by host id of the backup's nodes, of what is fetched.
    :param directory_sizes: the same, by data directory.
    """

    name: str
    as_of_us: int
    schema: cql.Schema
    tables: tuple[TableSummary, ...]
    sizes: t.Mapping[str, Totals]
    directory_sizes: t.Mapping[str, tuple[int, ...]]

    @property
    def title(self) -> str:
        """The name at the beginning of a sentence."""
        return self.name[:1].upper() + self.name[1:]


@dataclasses.dataclass(frozen=True)
class StagedTables:
    """What one node has made of a backup for a moment.

    :param name: of the node, as the plan calls it.
    :param sizes: of the tables that were asked for.
    """

    name: str
    schema_cql: tuple[str, ...]
    sizes: tuple[TableSize, ...]

    @classmethod
    def from_result(cls, name: str, value: t.Mapping[str, t.Any]) -> StagedTables:
        """From what staging returned on a node.

        :raises InputError: if the values are something else.
        """
        try:
            return build(cls, {**value, "name": name})
        except PlainValueError as error:
            raise InputError(
                f"This is not what {name} has staged: {error}.",
                subject=name,
                next_step="Give what staging returned on each node.",
            ) from error


@dataclasses.dataclass(frozen=True)
class TableRestore:
    """One table: whose data goes where.

    :param source: ``<keyspace>/<table>-<id>``, as the backup has it.
    :param is_new: whether the restore makes the table that it goes into.
    :param replaces: whether what that table holds is put aside first.
    :param rows: in the backup, as they were counted; ``None`` if they were not.
    :param files: on all nodes together, with ``size`` bytes.
    :param compaction: of a new table, as CQL writes it, once it has its data; empty if it is made with it.
    :param comment: of a new table, as CQL writes it, once its restore has ended; until then it names that.
    :param is_compact: whether it was made WITH COMPACT STORAGE.
    """

    source: str
    source_keyspace: str
    source_table: str
    keyspace: str
    table: str
    is_new: bool
    replaces: bool
    rows: int | None
    files: int
    size: int
    compaction: str = ""
    comment: str = ""
    is_compact: bool = False

    @property
    def is_own(self) -> bool:
        """Whether nobody but the restore should write to it: it was made, and under a name of its own."""
        return self.is_new and (self.keyspace, self.table) != (self.source_keyspace, self.source_table)

    @property
    def from_import(self) -> bool:
        """Whether nothing is in it before the import, so whatever it lacks afterwards is lost, or was deleted since."""
        return self.is_new or self.replaces

    @property
    def is_comparable(self) -> bool:
        """Whether its rows can be compared with the backup's.

        Not those of roles, which go over others that stay, nor of tables that Cassandra does not describe in full.
        """
        return self.source_keyspace != AUTH_KEYSPACE and not self.is_compact

    def __str__(self) -> str:
        return shown_name(self.keyspace, self.table)


@dataclasses.dataclass(frozen=True)
class TablesPlan:
    """A restore of tables that can go well, as far as can be seen beforehand.

    :param restore: who fetches what.
    :param selection: what was asked for.
    :param fetched: ``<keyspace>/<table>-<id>`` of what is fetched of the backup; Cassandra's own schema too.
    :param tables: none before the moment has been staged.
    :param before_cql: statements that make what is missing, before anything is imported.
    :param after_cql: statements that complete what was made, once everything is imported.
    :param indexes: ``keyspace.table.index`` to be rebuilt on every node, since an import passes them by.
    :param views: statements of the views of tables that are there; an import passes them by too, and so they are
        dropped and made again once everything is imported.
    :param unmatched: what was asked for and is not in the backup; it may be in the logs.
    """

    restore: RestorePlan
    selection: Selection
    fetched: tuple[str, ...]
    tables: tuple[TableRestore, ...] = ()
    before_cql: tuple[str, ...] = ()
    after_cql: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()

    @property
    def comparable(self) -> bool:
        """Whether rows can be compared: of some table, and with the schema that the backup itself holds."""
        has_schema = any(source.startswith(f"{SCHEMA_KEYSPACE}/") for source in self.fetched)
        return has_schema and (not self.tables or any(table.is_comparable for table in self.tables))

    @property
    def is_look(self) -> bool:
        """Whether everything goes into tables of its own, so nothing that was there is concerned."""
        return bool(self.tables) and all(table.is_own for table in self.tables)

    @property
    def as_of_us(self) -> int:
        """What was written by then comes back."""
        moment = self.restore.moment
        return moment.moment_us if moment else self.restore.snapshot_began_us

    def to_result(self) -> _Json:
        """The plan as plain values."""
        return t.cast(_Json, plain(self))

    @classmethod
    def from_result(cls, value: t.Mapping[str, t.Any]) -> TablesPlan:
        """The plan from :meth:`to_result`.

        :raises InputError: if the values are something else.
        """
        try:
            return build(cls, value)
        except PlainValueError as error:
            raise InputError(
                f"This is not the plan of a restore of tables: {error}.",
                next_step="Give what planning returned.",
            ) from error
