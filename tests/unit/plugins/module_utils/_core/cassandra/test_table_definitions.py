# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import (
    CLUSTERING,
    PARTITION_KEY,
    STATIC,
    Column,
    columns_of,
    table_differences,
    table_properties,
    type_differences,
)
from tests.unit.plugins.module_utils._core.cassandra.shop_schema import find_in_shop


def test_columns_are_those_that_are_left_after_drops() -> None:
    assert columns_of(find_in_shop(schema.TABLE, "AuditLog")) == (
        Column("Day", "text", PARTITION_KEY),
        Column("Sequence", "bigint", CLUSTERING, descending=True),
        Column("extra", "map<text,frozen<list<int>>>"),
        Column("who", 'frozen<"Person">', STATIC),
        Column("old", "bigint"),
    )
    assert [column.type for column in columns_of(find_in_shop(schema.TABLE, "orders"))] == [
        "uuid",
        "vector<float,3>",
        "int",
    ]


def test_properties_are_read_with_what_is_in_their_texts() -> None:
    assert table_properties(find_in_shop(schema.TABLE, "AuditLog")) == {
        "id": "0da138a0-e6fd-11f1-8426-4d7eca3dfb9d",
        "clustering order by": '("Sequence" DESC)',
        "comment": "'it''s; AND ours'",
        "compaction": "{'class': 'X', 'min_threshold': '4'}",
        "gc_grace_seconds": "864000",
    }


def _table(text: str) -> schema.SchemaObject:
    (table,) = schema.parse_schema([f"CREATE TABLE a.b ({text})"]).objects
    return table


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("k int PRIMARY KEY, a text, b int, c int", None),
        ("k int PRIMARY KEY, b int", "it has no column a (text) any more"),
        ("k int PRIMARY KEY, a blob, b int", "its column a was text and is blob"),
        ("k bigint PRIMARY KEY, a text, b int", "its partition key was (k int) and is (k bigint)"),
        ("k int, c int, a text, b int, PRIMARY KEY (k, c)", "its clustering key was () and is (c int)"),
        ("k int, c int, a text static, b int, PRIMARY KEY (k, c)", "its column a was text and is text static"),
    ],
)
def test_what_keeps_data_from_going_into_a_table_is_said(now: str, reason: str | None) -> None:
    differences = table_differences(_table("k int PRIMARY KEY, a text, b int"), _table(now))
    assert (reason in differences) if reason else not differences


def test_a_column_that_was_dropped_since_and_added_again_hides_what_it_held() -> None:
    made = "CREATE TABLE a.b (k int PRIMARY KEY, v text)"
    drop, add = "ALTER TABLE a.b DROP v USING TIMESTAMP 1700000000000000", "ALTER TABLE a.b ADD v text"
    (then,) = schema.parse_schema([made]).objects
    (since,) = schema.parse_schema([f"{made};\n{drop};\n{add};"]).objects
    (reason,) = table_differences(then, since)
    assert reason == (
        "its column v was dropped at 2023-11-14T22:13:20.000000Z and added again, which hides what it held before that"
    )
    assert not table_differences(since, since)


def test_a_type_may_have_got_fields_at_its_end() -> None:
    old, more, other = (
        schema.parse_schema([f"CREATE TYPE a.t ({fields})"]).objects[0]
        for fields in ("x int, y text", "x int, y text, z int", "x int, y blob")
    )
    assert not type_differences(old, more)
    assert type_differences(old, other) == ("it was (x int, y text) and is (x int, y blob)",)
    assert type_differences(more, old)
