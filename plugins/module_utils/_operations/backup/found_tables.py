# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the node manifests of a backup together say about its tables."""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    TableRef,
    parse_table_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replication import (
    replicas_among,
    replication_of,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import (
    KEYSPACE,
    TABLE,
    parse_schema,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import RowEstimate
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import (
    NodeManifestRecord,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    NodeManifestFooter,
    NodeManifestHeader,
    NodeSummary,
    TableEntry,
    TableSummary,
)


class FoundTables:
    """What all node manifests together say about tables."""

    def __init__(self) -> None:
        self.tables_of_node: list[TableRef] = []
        self._files: dict[TableRef, int] = {}
        self._sizes: dict[TableRef, int] = {}
        self._schema: dict[TableRef, str] = {}
        self._rows: dict[TableRef, RowEstimate] = {}
        self._rows_of_node: dict[TableRef, RowEstimate | None] = {}
        # With files that do not tell how many rows are in them.
        self._untold: set[TableRef] = set()

    def take(self, record: NodeManifestRecord) -> None:
        """Add a record."""
        if isinstance(record, NodeManifestHeader):
            self.tables_of_node = []
            self._rows_of_node = {}
        elif isinstance(record, TableEntry):
            self.tables_of_node.append(record.table)
            self._files.setdefault(record.table, 0)
            self._sizes.setdefault(record.table, 0)
            self._rows_of_node[record.table] = record.rows
            if record.schema_cql:
                self._schema.setdefault(record.table, record.schema_cql)
        elif isinstance(record, BackedUpObject):
            self._files[record.table] = self._files.get(record.table, 0) + len(record.files)
            self._sizes[record.table] = self._sizes.get(record.table, 0) + sum(file.size for file in record.files)
            if self._rows_of_node[record.table] is None:
                self._untold.add(record.table)
        elif isinstance(record, NodeManifestFooter):
            for table, rows in self._rows_of_node.items():
                self._rows[table] = self._rows.get(table, RowEstimate()) + (rows or RowEstimate())

    def table_summaries(
        self, row_counts: t.Mapping[str, tuple[int, int]], *, replicas: t.Mapping[str, int]
    ) -> tuple[TableSummary, ...]:
        """All tables, in order.

        :param replicas: how many nodes have each row, by ``keyspace.table``.
        """
        return tuple(
            TableSummary(
                table=table,
                files=self._files[table],
                size=self._sizes[table],
                rows=row_counts[str(table)][0] if str(table) in row_counts else None,
                rows_counted_us=row_counts[str(table)][1] if str(table) in row_counts else None,
                estimate=self._estimate(table, replicas=replicas.get(str(table), 0)),
            )
            for table in sorted(self._files)
        )

    def _estimate(self, table: TableRef, *, replicas: int) -> RowEstimate | None:
        rows = self._rows.get(table)
        return rows.of_replicas(replicas) if rows and replicas and table not in self._untold else None

    def schema(self) -> tuple[str, ...]:
        """The statements that the snapshots recorded to make their tables, in the order of tables."""
        return tuple(self._schema[table] for table in sorted(self._schema))


def replicas_of_tables(schema_cql: t.Sequence[str], node_summaries: t.Sequence[NodeSummary]) -> dict[str, int]:
    """How many nodes have each row of a table; 0 if that is not known. Views are not counted, either."""
    nodes = collections.Counter(summary.node.datacenter for summary in node_summaries)
    objects = parse_schema(schema_cql).objects
    of_keyspace = {
        each.name: replicas_among(replication_of(each), nodes=nodes) for each in objects if each.kind == KEYSPACE
    }
    return {str(each): of_keyspace.get(each.keyspace, 0) for each in objects if each.kind == TABLE}


def asked_for(directories: t.Sequence[str], *, keyspaces: t.Sequence[str], tables: t.Sequence[str]) -> set[TableRef]:
    """The tables of these directories that belong to the backup."""
    everything = not keyspaces and not tables
    found = (parse_table_directory(*each.split("/", 1)) for each in directories)
    return {table for table in found if table and (everything or table.keyspace in keyspaces or str(table) in tables)}
