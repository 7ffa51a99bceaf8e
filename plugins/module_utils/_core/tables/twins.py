# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables as a node serves them, made again under other names in an instance that has those of the backup. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import quoted
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema_rewriting import (
    renamed,
    with_properties,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import table_properties
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore

#: How an instance, which is alone, replicates a keyspace; as CQL writes it.
ONE_REPLICA = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
_KEYSPACE = "revive_verification"
# Ids in the form of random ones, which no table of a backup has.
_TABLE_ID = "7e711e00-0000-4000-8000-{number:012x}"


@dataclasses.dataclass(frozen=True)
class Twin:
    """A table of the same columns, types and properties as the one that is served.

    :param restored: the one that is served.
    :param statements: that make it, with the keyspace and the types that are not there.
    """

    restored: TableRestore
    keyspace: str
    name: str
    table_id: str
    statements: tuple[str, ...]

    @property
    def directory(self) -> str:
        """Where its SSTables lie below a data directory; those that lie there when it is made are opened."""
        return f"{self.keyspace}/{self.name}-{self.table_id.replace('-', '')}"


def twins_of(tables: t.Sequence[TableRestore], *, schema: cql.Schema) -> tuple[Twin, ...]:
    """A twin of each table, by the schema that the cluster has now.

    :raises NodeError: if it does not have one of them.
    """
    keyspaces = sorted({table.keyspace for table in tables})
    return tuple(
        _twin(table, schema=schema, keyspace=f"{_KEYSPACE}_{keyspaces.index(table.keyspace)}", number=number)
        for number, table in enumerate(tables)
    )


def _twin(table: TableRestore, *, schema: cql.Schema, keyspace: str, number: int) -> Twin:
    served = schema.find(cql.TABLE, table.keyspace, table.table)
    if served is None:
        raise NodeError(
            f"The table {table} is gone.",
            subject=str(table),
            next_step="Somebody has dropped it since it was restored. Run the same again: it makes the table again.",
        )
    name, table_id = f"t{number}", _TABLE_ID.format(number=number)
    # The instance archives no changes, and refuses tables that would.
    changes = {"cdc": "false"} if "cdc" in table_properties(served) else {}
    made = renamed(with_properties(served, {**changes, "comment": "''"}), keyspace=keyspace, name=name)
    created, *altered = made.statements
    types = [renamed(each, keyspace=keyspace) for each in schema.types_of(table.keyspace)]
    statements = [
        f"CREATE KEYSPACE IF NOT EXISTS {quoted(keyspace)} WITH replication = {ONE_REPLICA}",
        *(statement for each in types for statement in each.statements),
        f"{created} AND id = {table_id}",
        *altered,
    ]
    return Twin(restored=table, keyspace=keyspace, name=name, table_id=table_id, statements=tuple(statements))
