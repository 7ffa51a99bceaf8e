# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counting rows and reading the schema over CQL.

A table is counted range by range, many at a time, so each request reads only a small part of a node; a range
that takes too long is split in half and tried again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import Cql, TableKey, connect
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import full_name, quoted
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    DESCRIBE_SCHEMA,
    SYSTEM_KEYSPACES,
    TableRef,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import TABLE, VIEW, parse_schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.token_ranges import (
    TokenRange,
    ring_ranges,
    split,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings

_CONCURRENCY = 16
_RANGES_AT_LEAST = 64
#: How often a range may be halved before its error counts: down to a 64th.
_HALVINGS = 6

_Connect = t.Callable[[CqlSettings], t.ContextManager[Cql]]


@dataclasses.dataclass(frozen=True)
class TableCount:
    """How many rows a table has.

    :param counted_us: when the count ended, in microseconds since the epoch.
    """

    keyspace: str
    table: str
    rows: int
    seconds: float
    counted_us: int


def count_rows(
    cql: CqlSettings,
    *,
    tables: t.Sequence[str] | None,
    keyspaces: t.Sequence[str] | None = None,
    max_concurrency: int = _CONCURRENCY,
    connect: _Connect = connect,
) -> tuple[TableCount, ...]:
    """The rows of tables, at the consistency of ``cql``.

    :param tables: as ``keyspace.table``; all but the system tables if ``None``. Views are left out.
    :param keyspaces: only tables of these keyspaces.
    :param max_concurrency: requests in flight at once.
    :raises InputError: if there is no such table.
    :raises NodeUnreachableError: if the cluster does not answer.
    :raises NodeError: if a part of a table cannot be read at that consistency.
    """
    with connect(cql) as session:
        known = {f"{key.keyspace}.{key.table}": key for key in session.tables()}
        wanted = [name for name, key in known.items() if key.keyspace not in SYSTEM_KEYSPACES]
        if keyspaces is not None:
            wanted = [name for name in wanted if known[name].keyspace in keyspaces]
        if tables is not None:
            unknown = [name for name in tables if name not in known]
            if unknown:
                raise InputError(
                    f"There is no table {', '.join(unknown)}.",
                    subject=unknown[0],
                    next_step="Give tables as keyspace.table, as the schema names them.",
                )
            wanted = list(dict.fromkeys(tables))
        ranges = ring_ranges(session.tokens(), at_least=_RANGES_AT_LEAST) if wanted else ()
        return tuple(_count(session, known[name], ranges=ranges, concurrency=max_concurrency) for name in wanted)


def describe_schema(cql: CqlSettings, *, connect: _Connect = connect) -> tuple[str, ...]:
    """The statements that make the schema, in order, with the ids of tables; Cassandra 4.0 and newer.

    :raises NodeUnreachableError: if the cluster does not answer.
    """
    with connect(cql) as session:
        return tuple(str(row[-1]) for row in session.rows(DESCRIBE_SCHEMA))


@dataclasses.dataclass(frozen=True)
class Member:
    """A member of the ring, as the node that was asked knows it.

    :param address: under which the other nodes reach it.
    :param schema_version: of the schema that it has; empty if that is not known yet.
    """

    address: str
    host_id: str
    datacenter: str
    rack: str
    tokens: tuple[str, ...]
    schema_version: str


class Seen(t.NamedTuple):
    """What a node tells over CQL."""

    counts: tuple[TableCount, ...]
    schema: tuple[str, ...]
    members: tuple[Member, ...]


def read_tables(
    cql: CqlSettings,
    *,
    tables: t.Sequence[str] | None,
    keyspaces: t.Sequence[str] | None,
    count: bool,
    connect: _Connect = connect,
) -> Seen:
    """What :func:`count_rows` and :func:`describe_schema` return, and who is in the ring, in one session.

    :param count: without it, there are no counts.
    """
    with connect(cql) as session:

        def same(_cql: CqlSettings) -> t.ContextManager[Cql]:
            return contextlib.nullcontext(session)

        # First: it is short, and counting may fail.
        schema = describe_schema(cql, connect=same)
        counts = count_rows(cql, tables=tables, keyspaces=keyspaces, connect=same) if count else ()
        return Seen(counts=counts, schema=schema, members=tuple(_members(session)))


def _members(session: Cql) -> t.Iterator[Member]:
    columns = "host_id, data_center, rack, tokens, schema_version"
    for table, address in (("system.local", "broadcast_address"), ("system.peers_v2", "peer")):
        for found in session.rows(f"SELECT {address}, {columns} FROM {table}"):
            where, host_id, datacenter, rack, tokens, version = found
            yield Member(
                address=str(where),
                host_id=str(host_id or ""),
                datacenter=str(datacenter or ""),
                rack=str(rack or ""),
                tokens=tuple(sorted(tokens or (), key=int)),
                schema_version=str(version or ""),
            )


def tables_of(schema_cql: t.Sequence[str]) -> list[str]:
    """The tables and views that a schema makes, without Cassandra's own, as ``keyspace/table-id``, sorted."""
    tables = (
        TableRef(keyspace=each.keyspace, table=each.name, id=each.id)
        for each in parse_schema(schema_cql).objects
        if each.kind in (TABLE, VIEW) and each.keyspace not in SYSTEM_KEYSPACES
    )
    return sorted(f"{each.keyspace}/{each.directory}" for each in tables)


def ring_tokens(cql: CqlSettings, *, connect: _Connect = connect) -> tuple[int, ...]:
    """All tokens of the ring, sorted.

    :raises NodeError: for a partitioner other than Murmur3.
    :raises NodeUnreachableError: if the cluster does not answer.
    """
    with connect(cql) as session:
        return session.tokens()


def _count(session: Cql, key: TableKey, *, ranges: t.Sequence[TokenRange], concurrency: int) -> TableCount:
    began = time.monotonic()
    columns = ", ".join(quoted(name) for name in key.partition_key)
    statement = (
        f"SELECT count(*) FROM {full_name(key.keyspace, key.table)} "
        f"WHERE token({columns}) > ? AND token({columns}) <= ?"
    )
    rows = 0
    for _attempt in range(_HALVINGS + 1):
        answers = session.count(((statement, each) for each in ranges), concurrency=concurrency)
        slow: list[TokenRange] = []
        for token_range, answer in zip(ranges, answers):
            if answer is None:
                slow.append(token_range)
            else:
                rows += answer
        if not slow:
            break
        ranges = [half for token_range in slow for half in split(token_range)]
    else:
        raise NodeError(
            f"{key.keyspace}.{key.table} cannot be counted: even small ranges of it time out.",
            subject=f"{key.keyspace}.{key.table}",
            next_step="Check that all replicas are up, allow more time, or count at a lower consistency.",
        )
    return TableCount(
        keyspace=key.keyspace,
        table=key.table,
        rows=rows,
        seconds=time.monotonic() - began,
        counted_us=now_us(),
    )
