# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import Column
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError

AUDIT = """CREATE TABLE shop."AuditLog" (
    "Day" text,
    "Sequence" bigint,
    extra map<text, frozen<list<int>>>,
    who frozen<"Person"> static,
    old int,
    gone text,
    PRIMARY KEY (("Day"), "Sequence")
) WITH ID = 0da138a0-e6fd-11f1-8426-4d7eca3dfb9d
    AND CLUSTERING ORDER BY ("Sequence" DESC)
    AND comment = 'it''s; AND ours'
    AND compaction = {'class': 'X', 'min_threshold': '4'}
    AND gc_grace_seconds = 864000;
ALTER TABLE shop."AuditLog" DROP gone USING TIMESTAMP 17;
ALTER TABLE shop."AuditLog" DROP old USING TIMESTAMP 18;
ALTER TABLE shop."AuditLog" ADD old bigint;"""

TEXTS = (
    "/* Warning: a virtual table\nCREATE TABLE system_views.x (a int PRIMARY KEY); */",
    "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'};",
    'CREATE TYPE shop."Person" (\n    name text,\n    born date\n);',
    AUDIT,
    "CREATE TABLE shop.orders (id uuid PRIMARY KEY, v vector<float, 3>, n int) WITH ID = 0da138a0-e6fd-11f1;",
    "CREATE INDEX orders_n ON shop.orders (n);",
    "CREATE CUSTOM INDEX sai ON shop.orders (v) USING 'sai' WITH OPTIONS = {'a': 'ON b'};",
    "CREATE MATERIALIZED VIEW shop.by_n AS SELECT * FROM shop.orders WHERE n IS NOT NULL PRIMARY KEY (n, id);",
    "CREATE FUNCTION shop.f (a int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS $$ return a; /* ; */ $$;",
)


def _parsed() -> schema.Schema:
    return schema.parse_schema(TEXTS)


def _find(kind: str, name: str) -> schema.SchemaObject:
    found = _parsed().find(kind, "shop", name)
    assert found is not None
    return found


def test_everything_that_is_made_is_found_by_kind_and_name() -> None:
    assert [(each.kind, str(each), each.table) for each in _parsed().objects] == [
        ("keyspace", "shop", ""),
        ("type", "shop.Person", ""),
        ("table", "shop.AuditLog", ""),
        ("table", "shop.orders", ""),
        ("index", "shop.orders_n", "orders"),
        ("index", "shop.sai", "orders"),
        ("view", "shop.by_n", "orders"),
    ]


def test_columns_are_those_that_are_left_after_drops() -> None:
    assert schema.columns_of(_find(schema.TABLE, "AuditLog")) == (
        Column("Day", "text", schema.PARTITION_KEY),
        Column("Sequence", "bigint", schema.CLUSTERING, descending=True),
        Column("extra", "map<text,frozen<list<int>>>"),
        Column("who", 'frozen<"Person">', schema.STATIC),
        Column("old", "bigint"),
    )
    assert [column.type for column in schema.columns_of(_find(schema.TABLE, "orders"))] == [
        "uuid",
        "vector<float,3>",
        "int",
    ]


def test_properties_are_read_with_what_is_in_their_texts() -> None:
    assert schema.table_properties(_find(schema.TABLE, "AuditLog")) == {
        "id": "0da138a0-e6fd-11f1-8426-4d7eca3dfb9d",
        "clustering order by": '("Sequence" DESC)',
        "comment": "'it''s; AND ours'",
        "compaction": "{'class': 'X', 'min_threshold': '4'}",
        "gc_grace_seconds": "864000",
    }


def test_a_table_made_anew_has_another_name_no_id_and_drops_what_was_dropped() -> None:
    made = schema.renamed(
        schema.with_properties(_find(schema.TABLE, "AuditLog"), {"comment": "'mine'"}), keyspace="Other", name='A"b'
    )
    first, *rest = made.statements
    assert first.startswith('CREATE TABLE IF NOT EXISTS "Other"."A""b" (')
    assert "WITH CLUSTERING ORDER BY (\"Sequence\" DESC) AND comment = 'mine' AND compaction = {" in first
    assert "0da138a0" not in first
    assert rest == [
        'ALTER TABLE "Other"."A""b" DROP gone USING TIMESTAMP 17',
        'ALTER TABLE "Other"."A""b" DROP old USING TIMESTAMP 18',
        'ALTER TABLE "Other"."A""b" ADD old bigint',
    ]
    (again,) = schema.parse_schema([";\n".join(made.statements)]).objects
    assert (again.keyspace, again.name) == ("Other", 'A"b')
    assert schema.columns_of(again) == schema.columns_of(_find(schema.TABLE, "AuditLog"))


def test_a_table_with_its_id_alone_loses_all_its_properties() -> None:
    made = schema.with_properties(_find(schema.TABLE, "orders"), {})
    assert made.statements == ("CREATE TABLE shop.orders (id uuid PRIMARY KEY, v vector<float, 3>, n int)",)


def test_indexes_types_and_keyspaces_are_renamed_too() -> None:
    parsed = _parsed()
    indexes = [
        schema.renamed(each, keyspace="k", name=f"{each.name}_x", table="t").statements
        for each in parsed.of_table(schema.INDEX, "shop", "orders")
    ]
    assert indexes == [
        ('CREATE INDEX IF NOT EXISTS "orders_n_x" ON "k"."t" (n)',),
        ("CREATE CUSTOM INDEX IF NOT EXISTS \"sai_x\" ON \"k\".\"t\" (v) USING 'sai' WITH OPTIONS = {'a': 'ON b'}",),
    ]
    (person,) = parsed.types_of("shop")
    assert schema.renamed(person, keyspace="k").statements[0].startswith('CREATE TYPE IF NOT EXISTS "k"."Person" (')
    keyspace = parsed.find(schema.KEYSPACE, "shop")
    assert keyspace is not None
    assert schema.renamed(keyspace, keyspace="k").statements[0].startswith('CREATE KEYSPACE IF NOT EXISTS "k" WITH')


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
    differences = schema.table_differences(_table("k int PRIMARY KEY, a text, b int"), _table(now))
    assert (reason in differences) if reason else not differences


def test_a_column_that_was_dropped_since_and_added_again_hides_what_it_held() -> None:
    made = "CREATE TABLE a.b (k int PRIMARY KEY, v text)"
    drop, add = "ALTER TABLE a.b DROP v USING TIMESTAMP 1700000000000000", "ALTER TABLE a.b ADD v text"
    (then,) = schema.parse_schema([made]).objects
    (since,) = schema.parse_schema([f"{made};\n{drop};\n{add};"]).objects
    (reason,) = schema.table_differences(then, since)
    assert reason == (
        "its column v was dropped at 2023-11-14T22:13:20.000000Z and added again, which hides what it held before that"
    )
    assert not schema.table_differences(since, since)


@pytest.mark.parametrize(
    ("properties", "left"),
    [
        ("", ""),
        (" WITH ID = 5f0c-1d3e", ""),
        (" WITH ID = 5f0c-1d3e AND CLUSTERING ORDER BY (id ASC)", " WITH CLUSTERING ORDER BY (id ASC)"),
        (" WITH comment = 'a' AND ID = 5f0c", " WITH comment = 'a'"),
    ],
)
def test_a_view_that_is_made_anew_gets_an_id_of_its_own(properties: str, left: str) -> None:
    made = "CREATE MATERIALIZED VIEW shop.v AS SELECT a, id FROM shop.orders WHERE a IS NOT NULL PRIMARY KEY (a, id)"
    (view,) = schema.parse_schema([made + properties]).objects
    assert schema.without_id(view).statements == (made + left,)
    (text,) = schema.renamed(schema.without_id(view), keyspace="b", name="w", table="t").statements
    assert text.startswith('CREATE MATERIALIZED VIEW IF NOT EXISTS "b"."w" AS SELECT a, id FROM "b"."t" WHERE')


def test_a_type_may_have_got_fields_at_its_end() -> None:
    old, more, other = (
        schema.parse_schema([f"CREATE TYPE a.t ({fields})"]).objects[0]
        for fields in ("x int, y text", "x int, y text, z int", "x int, y blob")
    )
    assert not schema.type_differences(old, more)
    assert schema.type_differences(old, other) == ("it was (x int, y text) and is (x int, y blob)",)
    assert schema.type_differences(more, old)


def test_what_only_the_snapshots_noted_is_added() -> None:
    described = schema.parse_schema(TEXTS[:2])
    noted = schema.parse_schema(["CREATE TYPE IF NOT EXISTS shop.t (a int);\n" + AUDIT])
    both = described.with_missing(noted)
    assert [each.kind for each in both.objects] == ["keyspace", "type", "table"]


def test_a_statement_that_cannot_be_understood_is_named() -> None:
    with pytest.raises(ManifestError, match="CREATE TABLE nowhere"):
        schema.parse_schema(["CREATE TABLE nowhere"])
