# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a twin of a table that is served; that Cassandra opens its files is shown on nodes."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import Schema, parse_schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.twins import Twin, twins_of
from tests.unit.plugins.module_utils._core.restore.plans import table_restore

_ORDERS = (
    'CREATE TABLE shop."Orders" (id int PRIMARY KEY, place frozen<"Place">, gone int) '
    "WITH ID = 5f0c1d3e AND comment = 'ours' AND cdc = true AND gc_grace_seconds = 7;\n"
    'ALTER TABLE shop."Orders" DROP gone USING TIMESTAMP 5;'
)
_SCHEMA = parse_schema(
    [
        "CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'};",
        "CREATE KEYSPACE apart WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'};",
        'CREATE TYPE shop.town (name text);\nCREATE TYPE shop."Place" (town frozen<town>);',
        _ORDERS,
        "CREATE TABLE apart.visits (id int PRIMARY KEY) WITH ID = 6f0c1d3e AND comment = '';",
    ]
)


def _table(keyspace: str, table: str) -> TableRestore:
    return dataclasses.replace(table_restore(table, is_new=True), keyspace=keyspace, table=table)


def _twins(*tables: TableRestore, schema: Schema = _SCHEMA) -> tuple[Twin, ...]:
    return twins_of(tables, schema=schema)


def test_a_twin_is_made_as_what_is_served_under_an_id_of_its_own() -> None:
    visits, orders = _twins(_table("apart", "visits"), _table("shop", "Orders"))

    keyspace, *types, created, altered = orders.statements
    assert keyspace.startswith('CREATE KEYSPACE IF NOT EXISTS "revive_verification_1" WITH replication')
    assert types == [
        'CREATE TYPE IF NOT EXISTS "revive_verification_1"."town" (name text)',
        'CREATE TYPE IF NOT EXISTS "revive_verification_1"."Place" (town frozen<town>)',
    ]
    assert created == (
        'CREATE TABLE IF NOT EXISTS "revive_verification_1"."t1" (id int PRIMARY KEY, place frozen<"Place">, gone int) '
        f"WITH comment = '' AND cdc = false AND gc_grace_seconds = 7 AND id = {orders.table_id}"
    )
    assert altered == 'ALTER TABLE "revive_verification_1"."t1" DROP gone USING TIMESTAMP 5'
    assert orders.directory == f"revive_verification_1/t1-{orders.table_id.replace('-', '')}"
    assert (visits.keyspace, visits.name) == ("revive_verification_0", "t0")
    assert visits.table_id != orders.table_id
    assert "cdc" not in visits.statements[-1]


def test_a_table_that_is_gone_is_named() -> None:
    with pytest.raises(NodeError, match=r"The table shop\.orders is gone"):
        _twins(_table("shop", "orders"))
