# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError
from tests.unit.plugins.module_utils._core.cassandra.shop_schema import AUDIT, TEXTS, described_shop


def test_everything_that_is_made_is_found_by_kind_and_name() -> None:
    assert [(each.kind, str(each), each.table) for each in described_shop().objects] == [
        ("keyspace", "shop", ""),
        ("type", "shop.Person", ""),
        ("table", "shop.AuditLog", ""),
        ("table", "shop.orders", ""),
        ("index", "shop.orders_n", "orders"),
        ("index", "shop.sai", "orders"),
        ("view", "shop.by_n", "orders"),
    ]


def test_what_only_the_snapshots_noted_is_added() -> None:
    described = schema.parse_schema(TEXTS[:2])
    noted = schema.parse_schema(["CREATE TYPE IF NOT EXISTS shop.t (a int);\n" + AUDIT])
    both = described.with_missing(noted)
    assert [each.kind for each in both.objects] == ["keyspace", "type", "table"]


def test_a_statement_that_cannot_be_understood_is_named() -> None:
    with pytest.raises(ManifestError, match="CREATE TABLE nowhere"):
        schema.parse_schema(["CREATE TABLE nowhere"])
