# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError
from tests.unit.plugins.module_utils._core.cassandra.shop_schema import AUDIT, SESSIONS, TEXTS, described_shop


def test_everything_that_is_made_is_found_by_kind_and_name() -> None:
    assert [(each.kind, str(each), each.table) for each in described_shop().objects] == [
        ("keyspace", "shop", ""),
        ("type", "shop.Person", ""),
        ("table", "shop.AuditLog", ""),
        ("table", "shop.orders", ""),
        ("index", "shop.orders_n", "orders"),
        ("index", "shop.sai", "orders"),
        ("view", "shop.by_n", "orders"),
        ("function", "shop.f(int)", ""),
    ]


def test_what_only_the_snapshots_noted_is_added() -> None:
    described = schema.parse_schema(TEXTS[:2])
    noted = schema.parse_schema(["CREATE TYPE IF NOT EXISTS shop.t (a int);\n" + AUDIT])
    both = described.with_missing(noted)
    assert [each.kind for each in both.objects] == ["keyspace", "type", "table"]


def test_a_statement_that_cannot_be_understood_is_named() -> None:
    with pytest.raises(ManifestError, match="CREATE TABLE nowhere"):
        schema.parse_schema(["CREATE TABLE nowhere"])


def test_a_table_with_compact_storage_is_known_though_it_is_described_in_a_comment() -> None:
    (table,) = schema.parse_schema([SESSIONS]).objects
    assert (str(table), table.id, table.is_compact) == ("legacy.sessions", "06dd4f00ecec11f18fa9494fbe0e64b9", True)
    assert not any(each.is_compact for each in described_shop().objects)


def test_functions_are_told_apart_by_what_they_are_called_with() -> None:
    texts = [
        "CREATE FUNCTION shop.f(s tuple<int, int>, v int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS $$ ; $$",
        "CREATE FUNCTION shop.f() CALLED ON NULL INPUT RETURNS int LANGUAGE java AS ' ; '",
        "CREATE OR REPLACE AGGREGATE shop.spread(int) SFUNC f STYPE int INITCOND 0",
    ]
    found = schema.parse_schema([";\n".join(texts)]).objects
    assert [each.name for each in found] == ["f(tuple<int,int>, int)", "f()", "spread(int)"]
    assert [each.plain_name for each in found] == ["f", "f", "spread"]
