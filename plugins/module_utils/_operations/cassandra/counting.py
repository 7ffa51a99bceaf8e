# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counting rows and reading the schema over CQL.

A table is counted range by range, many at a time, so each request reads only a small part of a node; a range
that takes too long is split in half and tried again. Within a limit of time each table has its share of it, in
ranges from all over the ring: what there was no time for is estimated from them.
"""

from __future__ import annotations

import dataclasses
import random
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
    MAX_TOKEN,
    MIN_TOKEN,
    TokenRange,
    ring_ranges,
    split,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    NodeUnreachableError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings

_CONCURRENCY = 16
_RANGES_AT_LEAST = 64
#: How often a range may be halved before its error counts: down to a 64th.
_HALVINGS = 6
#: Tokens that ranges of the whole ring cover.
_RING = MAX_TOKEN - MIN_TOKEN

_Connect = t.Callable[[CqlSettings], t.ContextManager[Cql]]


@dataclasses.dataclass(frozen=True)
class TableCount:
    """How many rows a table has.

    :param rows: all of them; ``None`` if there was no time to count all, or the table could not be read.
    :param counted_us: when the count ended, in microseconds since the epoch.
    :param estimated_rows: from the part of the ring that was counted, if not all was; ``None`` without any.
    :param problem: why the table could not be read; empty if it could.
    """

    keyspace: str
    table: str
    rows: int | None
    seconds: float
    counted_us: int
    estimated_rows: int | None = None
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How far counting goes.

    :param seconds: for all tables together; what has been asked by then is still waited for. ``None`` is no limit.
    :param partial: a table that cannot be read is told, instead of raised.
    """

    seconds: int | None = None
    partial: bool = False


NO_LIMITS = Limits()


def count_rows(
    cql: CqlSettings,
    *,
    tables: t.Sequence[str] | None,
    keyspaces: t.Sequence[str] | None = None,
    max_concurrency: int = _CONCURRENCY,
    limits: Limits = NO_LIMITS,
    connect: _Connect = connect,
    clock: t.Callable[[], float] = time.monotonic,
) -> tuple[TableCount, ...]:
    """The rows of tables, at the consistency of ``cql``.

    :param clock: seconds, from whenever.
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
        counter = _Counter(session, ranges, concurrency=max_concurrency, clock=clock, limits=limits)
        return tuple(counter.count(known[name], left=len(wanted) - number) for number, name in enumerate(wanted))


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
    limits: Limits = NO_LIMITS,
    connect: _Connect = connect,
) -> Seen:
    """What :func:`count_rows` and :func:`describe_schema` return, and who is in the ring.

    :param count: without it, there are no counts.
    """
    # First: it is short, and counting may fail. All of it from one node: what each knows of itself is in another table
    # than what it knows of the others.
    with connect(dataclasses.replace(cql, only_this_address=True)) as session:
        schema = tuple(str(row[-1]) for row in session.rows(DESCRIBE_SCHEMA))
        members = tuple(_members(session))
    counts = count_rows(cql, tables=tables, keyspaces=keyspaces, limits=limits, connect=connect) if count else ()
    return Seen(counts=counts, schema=schema, members=members)


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
    # Of one node: what each knows of itself is in another table than what it knows of the others.
    with connect(dataclasses.replace(cql, only_this_address=True)) as session:
        return session.tokens()


class _Counter:
    """Counts one table after the other."""

    def __init__(
        self,
        session: Cql,
        ranges: t.Sequence[TokenRange],
        *,
        concurrency: int,
        clock: t.Callable[[], float],
        limits: Limits,
    ) -> None:
        self._session = session
        self._ranges = ranges
        self._concurrency = concurrency
        self._clock = clock
        self._limits = limits
        self._ends = None if limits.seconds is None else clock() + limits.seconds

    def count(self, key: TableKey, *, left: int) -> TableCount:
        """The rows of a table.

        :param left: how many tables share what is left of the time, with this one.
        """
        began = self._clock()
        until = None if self._ends is None else began + (self._ends - began) / left
        # In the order of the ring, a part would be of a few nodes only.
        ranges = self._ranges if until is None else random.sample(self._ranges, len(self._ranges))
        rows = counted = 0
        problem = ""
        try:
            for token_range, answer in self._answers(key, ranges, until=until):
                rows += answer
                counted += token_range[1] - token_range[0]
        except NodeUnreachableError:
            raise
        except NodeError as error:
            if not self._limits.partial:
                raise
            problem = str(error)
        whole = not problem and counted == _RING
        return TableCount(
            keyspace=key.keyspace,
            table=key.table,
            rows=rows if whole else None,
            seconds=self._clock() - began,
            counted_us=now_us(),
            estimated_rows=round(rows * _RING / counted) if counted and not whole and not problem else None,
            problem=problem,
        )

    def _answers(
        self, key: TableKey, ranges: t.Sequence[TokenRange], *, until: float | None
    ) -> t.Iterator[tuple[TokenRange, int]]:
        """The ranges that could be counted in time, each once, with their rows."""
        columns = ", ".join(quoted(name) for name in key.partition_key)
        statement = (
            f"SELECT count(*) FROM {full_name(key.keyspace, key.table)} "
            f"WHERE token({columns}) > ? AND token({columns}) <= ?"
        )
        asked = answered = False
        slow: list[TokenRange] = []
        for _attempt in range(_HALVINGS + 1):
            statements = ((statement, each) for each in self._in_time(ranges, until=until))
            slow = []
            for token_range, answer in zip(ranges, self._session.count(statements, concurrency=self._concurrency)):
                asked = True
                if answer is None:
                    slow.append(token_range)
                else:
                    answered = True
                    yield token_range, answer
            if not slow:
                break
            ranges = [half for token_range in slow for half in split(token_range)]
        if slow if until is None else asked and not answered:
            raise NodeError(
                f"{key.keyspace}.{key.table} cannot be counted: even small ranges of it time out.",
                subject=f"{key.keyspace}.{key.table}",
                next_step="Check that all replicas are up, allow more time, or count at a lower consistency.",
            )

    def _in_time(self, ranges: t.Sequence[TokenRange], *, until: float | None) -> t.Iterator[TokenRange]:
        for each in ranges:
            if until is not None and self._clock() >= until:
                return
            yield each
