# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows are counted range by range, each token once, and a range that takes too long is halved."""

from __future__ import annotations

import contextlib
import typing as t
import uuid

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import TableKey
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.token_ranges import (
    MAX_TOKEN,
    MIN_TOKEN,
    cut,
    merged,
    ring_ranges,
    unwrapped,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    NodeUnreachableError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra import counting

_SETTINGS = CqlSettings(address="127.0.0.1")


class FakeCql:
    """A table whose rows lie at given tokens; ranges wider than ``too_wide`` take too long."""

    def __init__(self, tokens: t.Sequence[int], *, too_wide: int = 2**70) -> None:
        self._rows = tokens
        self._too_wide = too_wide
        self.statements: list[str] = []

    def rows(self, statement: str, parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        if statement.startswith("DESCRIBE"):
            return [("shop", "keyspace", "shop", "CREATE KEYSPACE shop;")]
        local = ("10.0.0.1", uuid.UUID(int=1), "dc1", "r1", {"5", "-7"}, uuid.UUID(int=9))
        return [local] if statement.endswith("system.local") else [("10.0.0.2", None, None, None, None, None)]

    def tokens(self) -> tuple[int, ...]:
        return (-5, 7, 2**60)

    def tables(self) -> tuple[TableKey, ...]:
        return (TableKey("shop", "Orders", ("a", "B")), TableKey("system_auth", "roles", ("role",)))

    def count(
        self, statements: t.Iterable[tuple[str, tuple[t.Any, ...]]], *, concurrency: int
    ) -> t.Iterator[int | None]:
        for statement, (start, end) in statements:
            self.statements.append(statement)
            yield None if end - start > self._too_wide else sum(start < token <= end for token in self._rows)

    @contextlib.contextmanager
    def connect(self, _settings: CqlSettings) -> t.Iterator[FakeCql]:
        yield self


@pytest.mark.parametrize("tokens", [[], [0], [-5, 7, MIN_TOKEN, MAX_TOKEN], list(range(-(2**62), 2**62, 2**57))])
@pytest.mark.parametrize("at_least", [1, 3, 64])
def test_ranges_are_the_whole_ring_without_overlap(tokens: list[int], at_least: int) -> None:
    ranges = ring_ranges(tokens, at_least=at_least)
    assert (ranges[0][0], ranges[-1][1]) == (MIN_TOKEN, MAX_TOKEN)
    assert all(before[1] == after[0] for before, after in zip(ranges, ranges[1:]))
    assert all(start < end for start, end in ranges)
    assert len(ranges) >= at_least
    assert not set(tokens) - {bound for each in ranges for bound in each}


def test_ranges_that_go_over_the_end_are_cut_there_and_those_that_meet_are_one() -> None:
    ring = [(100, -100), (-100, 0), (0, 50)]
    flat = [each for start, end in ring for each in unwrapped(start, end)]
    assert merged(flat) == ((MIN_TOKEN, 50), (100, MAX_TOKEN))
    assert unwrapped(7, 7) == ((7, MAX_TOKEN), (MIN_TOKEN, 7))
    assert unwrapped(7, MIN_TOKEN) == ((7, MAX_TOKEN),)
    pieces = cut(merged(flat), at_least=10)
    assert len(pieces) >= 10
    assert merged(pieces) == merged(flat)


@pytest.mark.parametrize("too_wide", [2**70, 2**56])
def test_every_row_is_counted_once_also_where_ranges_have_to_be_halved(too_wide: int) -> None:
    fake = FakeCql([MIN_TOKEN + 1, -5, -4, 0, 7, 8, 2**60, MAX_TOKEN], too_wide=too_wide)
    (count,) = counting.count_rows(_SETTINGS, tables=None, connect=fake.connect)
    assert (count.keyspace, count.table, count.rows) == ("shop", "Orders", 8)
    assert 'FROM "shop"."Orders" WHERE token("a", "B") > ?' in fake.statements[0]


def test_a_table_that_is_never_read_in_time_is_named() -> None:
    with pytest.raises(NodeError, match=r"shop\.Orders cannot be counted"):
        counting.count_rows(_SETTINGS, tables=["shop.Orders"], connect=FakeCql([], too_wide=0).connect)


class _Seconds:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_a_count_ends_in_time_and_says_what_it_saw_of_each_table() -> None:
    fake = FakeCql(list(range(-(2**63) + 1, 2**63 - 1, 2**53)))
    both = ["shop.Orders", "system_auth.roles"]
    limits = counting.Limits(seconds=60)
    counts = counting.count_rows(_SETTINGS, tables=both, limits=limits, connect=fake.connect, clock=_Seconds())
    assert [(each.table, each.rows) for each in counts] == [("Orders", None), ("roles", None)]
    assert all(each.estimated_rows and abs(each.estimated_rows - 2048) < 200 for each in counts)
    assert 40 < len(fake.statements) <= 62
    # The first has left the other its share.
    assert sum("system_auth" in each for each in fake.statements) >= 20


def test_a_count_with_time_enough_is_whole() -> None:
    fake = FakeCql([1, 2, 3], too_wide=2**56)
    (count,) = counting.count_rows(
        _SETTINGS, tables=["shop.Orders"], limits=counting.Limits(seconds=10_000), connect=fake.connect
    )
    assert (count.rows, count.estimated_rows, count.problem) == (3, None, "")


def test_a_table_for_which_no_time_is_left_has_neither_count_nor_estimate() -> None:
    fake = FakeCql([1, 2, 3])
    limits = counting.Limits(seconds=0)
    (count,) = counting.count_rows(_SETTINGS, tables=["shop.Orders"], limits=limits, connect=fake.connect)
    assert (count.rows, count.estimated_rows) == (None, None)
    assert fake.statements == []


def test_a_table_of_which_nothing_could_be_read_in_time_is_named_and_not_called_uncounted() -> None:
    class Stuck(FakeCql):
        def count(self, statements: t.Any, *, concurrency: int) -> t.Iterator[int | None]:
            for _answer in super().count(statements, concurrency=concurrency):
                yield None

    limits = counting.Limits(seconds=60)
    with pytest.raises(NodeError, match=r"shop\.Orders cannot be counted"):
        counting.count_rows(
            _SETTINGS, tables=["shop.Orders"], limits=limits, connect=Stuck([1]).connect, clock=_Seconds()
        )


def test_a_table_that_cannot_be_read_is_told_and_the_others_are_counted() -> None:
    class Broken(FakeCql):
        def count(self, statements: t.Any, *, concurrency: int) -> t.Iterator[int | None]:
            for number, answer in enumerate(super().count(statements, concurrency=concurrency)):
                if number == 9 and "shop" in self.statements[-1]:
                    raise NodeError("10.0.0.1 did not answer a statement: ReadFailure.")
                yield answer

    limits = counting.Limits(partial=True)
    both = ["shop.Orders", "system_auth.roles"]
    broken, counted = counting.count_rows(_SETTINGS, tables=both, limits=limits, connect=Broken([1, 2]).connect)
    assert (broken.rows, broken.estimated_rows) == (None, None)
    assert "ReadFailure" in broken.problem
    assert (counted.table, counted.rows, counted.problem) == ("roles", 2, "")
    with pytest.raises(NodeError, match="ReadFailure"):
        counting.count_rows(_SETTINGS, tables=both, connect=Broken([1, 2]).connect)


def test_tables_are_counted_as_asked_and_an_unknown_one_is_refused() -> None:
    fake = FakeCql([1])
    (count,) = counting.count_rows(_SETTINGS, tables=["system_auth.roles"], connect=fake.connect)
    assert count.table == "roles"
    with pytest.raises(InputError, match=r"shop\.orders"):
        counting.count_rows(_SETTINGS, tables=["shop.orders"], connect=fake.connect)


@pytest.mark.parametrize("count", [True, False])
def test_schema_and_members_are_read_from_one_node_and_rows_from_all(*, count: bool) -> None:
    # Of another node for each table of the members, one is missing and another there twice; seen on three real nodes.
    fake = FakeCql([1])
    sessions: list[CqlSettings] = []

    def connect(settings: CqlSettings) -> t.ContextManager[FakeCql]:
        sessions.append(settings)
        return fake.connect(settings)

    counts, schema, members = counting.read_tables(_SETTINGS, tables=None, keyspaces=None, count=count, connect=connect)
    assert [each.table for each in counts] == (["Orders"] if count else [])
    assert schema == ("CREATE KEYSPACE shop;",)
    assert members == (
        counting.Member("10.0.0.1", str(uuid.UUID(int=1)), "dc1", "r1", ("-7", "5"), str(uuid.UUID(int=9))),
        counting.Member("10.0.0.2", "", "", "", (), ""),
    )
    assert [each.only_this_address for each in sessions] == ([True, False] if count else [True])


def test_the_tokens_of_the_ring_are_read_from_one_node() -> None:
    fake = FakeCql([])
    sessions: list[CqlSettings] = []

    def connect(settings: CqlSettings) -> t.ContextManager[FakeCql]:
        sessions.append(settings)
        return fake.connect(settings)

    counting.ring_tokens(_SETTINGS, connect=connect)
    assert [each.only_this_address for each in sessions] == [True]


def test_the_schema_is_its_statements() -> None:
    assert counting.describe_schema(_SETTINGS, connect=FakeCql([]).connect) == ("CREATE KEYSPACE shop;",)


def test_the_tables_of_a_schema_are_those_that_users_made() -> None:
    statements = (
        "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy'};",
        'CREATE TABLE shop."Orders" (k int PRIMARY KEY) WITH ID = 5F0C1D3E-0f47-11f0-a3c1-b5d2e4f6a8c0 AND cdc = true;',
        'CREATE INDEX by_v ON shop."Orders" (v);',
        (
            'CREATE MATERIALIZED VIEW shop.by_day AS SELECT * FROM shop."Orders" WHERE k IS NOT NULL PRIMARY KEY (k) '
            "WITH ID = 6f0c1d3e-0f47-11f0-a3c1-b5d2e4f6a8c0;"
        ),
        "CREATE TYPE shop.money (cents int);",
        "CREATE TABLE system_auth.roles (role text PRIMARY KEY);",
    )
    assert counting.tables_of(statements) == [
        "shop/Orders-5f0c1d3e0f4711f0a3c1b5d2e4f6a8c0",
        "shop/by_day-6f0c1d3e0f4711f0a3c1b5d2e4f6a8c0",
    ]


def test_nobody_listening_is_an_error_that_names_the_address() -> None:
    with pytest.raises(NodeUnreachableError, match=r"127\.0\.0\.1:1"):
        counting.describe_schema(CqlSettings(address="127.0.0.1", port=1, timeout_seconds=2))
