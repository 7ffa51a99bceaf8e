# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema_rewriting import (
    renamed,
    with_properties,
    without_id,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import columns_of
from tests.unit.plugins.module_utils._core.cassandra.shop_schema import described_shop, find_in_shop


def test_a_table_made_anew_has_another_name_no_id_and_drops_what_was_dropped() -> None:
    made = renamed(
        with_properties(find_in_shop(schema.TABLE, "AuditLog"), {"comment": "'mine'"}),
        keyspace="Other",
        name='A"b',
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
    assert columns_of(again) == columns_of(find_in_shop(schema.TABLE, "AuditLog"))


def test_a_table_with_its_id_alone_loses_all_its_properties() -> None:
    made = with_properties(find_in_shop(schema.TABLE, "orders"), {})
    assert made.statements == ("CREATE TABLE shop.orders (id uuid PRIMARY KEY, v vector<float, 3>, n int)",)


def test_indexes_types_and_keyspaces_are_renamed_too() -> None:
    parsed = described_shop()
    indexes = [
        renamed(each, keyspace="k", name=f"{each.name}_x", table="t").statements
        for each in parsed.of_table(schema.INDEX, "shop", "orders")
    ]
    assert indexes == [
        ('CREATE INDEX IF NOT EXISTS "orders_n_x" ON "k"."t" (n)',),
        ("CREATE CUSTOM INDEX IF NOT EXISTS \"sai_x\" ON \"k\".\"t\" (v) USING 'sai' WITH OPTIONS = {'a': 'ON b'}",),
    ]
    (person,) = parsed.types_of("shop")
    assert renamed(person, keyspace="k").statements[0].startswith('CREATE TYPE IF NOT EXISTS "k"."Person" (')
    keyspace = parsed.find(schema.KEYSPACE, "shop")
    assert keyspace is not None
    assert renamed(keyspace, keyspace="k").statements[0].startswith('CREATE KEYSPACE IF NOT EXISTS "k" WITH')


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
    assert without_id(view).statements == (made + left,)
    (text,) = renamed(without_id(view), keyspace="b", name="w", table="t").statements
    assert text.startswith('CREATE MATERIALIZED VIEW IF NOT EXISTS "b"."w" AS SELECT a, id FROM "b"."t" WHERE')
