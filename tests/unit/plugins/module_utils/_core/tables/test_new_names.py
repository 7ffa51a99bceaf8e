# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore makes has names of its own: never two alike, and never one that is taken."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import TableSummary
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.making import Making
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    BESIDE,
    REPLACE,
    Contents,
    Selection,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.new_names import suffixed
from tests.unit.plugins.module_utils._core.tables.shop_backup import KEYSPACE, ORDERS, TYPES, reasons_against

KEYSPACES = ("pki", "audit", "other")
LISTS = "certificate_revocation_list"
TABLE = f"CREATE TABLE pki.{LISTS} (id uuid PRIMARY KEY, issuer text, reason int, serial text) WITH ID = 5f0a"
INDEXES = tuple(f"CREATE INDEX {LISTS}_{column}_idx ON pki.{LISTS} ({column})" for column in ("issuer", "serial"))
SAI = f"CREATE CUSTOM INDEX {LISTS}_reason_idx ON pki.{LISTS} (reason) USING 'StorageAttachedIndex'"
VIEWS = tuple(
    f"CREATE MATERIALIZED VIEW pki.{LISTS}_by_{column} AS SELECT id, {column} FROM pki.{LISTS} "
    f"PRIMARY KEY ({column}, id)"
    for column in ("issuer", "serial")
)
THEN = (
    *(
        f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': '1'}}"
        for name in KEYSPACES
    ),
    TABLE,
    *INDEXES,
    SAI,
    *VIEWS,
)
TAKEN = (
    "CREATE TABLE audit.archive (id uuid PRIMARY KEY, serial text)",
    f"CREATE INDEX {LISTS}_serial_idx ON audit.archive (serial)",
)


def made(*now: str, mode: str = BESIDE, then: tuple[str, ...] = THEN, **selection: str) -> Making:
    """What would be made for all tables of the backup."""
    described = schema.parse_schema(then)
    tables = tuple(
        TableSummary(table=TableRef(keyspace=each.keyspace, table=each.name, id="0" * 32), files=1, size=1)
        for each in described.objects
        if each.kind == schema.TABLE
    )
    contents = Contents(name="the backup t", as_of_us=1, schema=described, tables=tables, sizes={}, directory_sizes={})
    making = Making(
        contents=contents,
        now=schema.parse_schema(now or then),
        selection=Selection(keyspaces=("*",), mode=mode, **selection),
        restore_id="r",
        nodes={"dc1": 1},
    )
    for each in tables:
        making.table(each.table)
    return making


def _names(making: Making, kind: str) -> list[str]:
    return [each.name for each in schema.parse_schema(making.after).objects if each.kind == kind]


def test_no_two_indexes_and_no_two_views_get_the_same_name() -> None:
    making = made()
    for kind, number in ((schema.INDEX, 3), (schema.VIEW, 2)):
        names = _names(making, kind)
        assert len(set(names)) == number
        assert max(map(len, names)) <= 48
    assert not making.reasons


def test_tables_of_alike_names_get_names_of_their_own() -> None:
    others = (*THEN, TABLE.replace(LISTS, f"{LISTS}_old"))
    tables = [each for each in schema.parse_schema(made(then=others).before).objects if each.kind == schema.TABLE]
    assert len({each.name for each in tables}) == 2


@pytest.mark.parametrize("name", ["short", "x" * 48, "x" * 47])
@pytest.mark.parametrize("suffix", ["", "_then", "_" + "x" * 30, "_" + "y" * 44, "_" + "z" * 47])
def test_a_name_is_no_longer_than_cassandra_takes_and_differs_where_names_differ(name: str, suffix: str) -> None:
    one, other = suffixed(f"{name[:-1]}a", suffix), suffixed(f"{name[:-1]}b", suffix)
    assert one != other
    assert max(len(one), len(other)) <= 48
    if len(name) + len(suffix) <= 48:
        assert one == f"{name[:-1]}a{suffix}"


def test_an_index_name_that_is_taken_in_another_keyspace_is_a_reason_and_a_suffix_helps() -> None:
    making = made(*THEN, *TAKEN, into_keyspace="audit")
    (reason,) = making.reasons
    assert "there is an index of that name, of audit.archive" in str(reason)
    assert f"{LISTS}_serial_idx" not in _names(making, schema.INDEX)
    helped = made(*THEN, *TAKEN, into_keyspace="audit", suffix="_then")
    assert not helped.reasons
    assert len(set(_names(helped, schema.INDEX))) == 3


def test_two_tables_of_two_keyspaces_do_not_share_an_index_name_in_a_third() -> None:
    second = ("CREATE TABLE other.t (k int PRIMARY KEY, v int)", f"CREATE INDEX {LISTS}_serial_idx ON other.t (v)")
    making = made(then=(*THEN, *second), into_keyspace="audit")
    (reason,) = making.reasons
    assert f"this restore makes another one of that name, of pki.{LISTS}" in str(reason)


def test_an_index_of_a_table_that_is_gone_whose_name_another_has_now_is_a_reason() -> None:
    now = (*THEN[:3], "CREATE TABLE pki.t (k int PRIMARY KEY, v int)", f"CREATE INDEX {LISTS}_serial_idx ON pki.t (v)")
    (reason,) = made(*now, mode=REPLACE).reasons
    assert "there is an index of that name, of pki.t" in str(reason)
    # What this restore has made itself before it was broken off is its own.
    again = made(*THEN[:3], *made(*THEN[:3]).before, *made(*THEN[:3]).after)
    assert not again.reasons


def test_a_table_is_not_called_as_a_view_is() -> None:
    view = "CREATE MATERIALIZED VIEW shop.orders_then AS SELECT * FROM shop.other PRIMARY KEY (place, id)"
    said = reasons_against(KEYSPACE, *TYPES, ORDERS, view, suffix="_then")
    assert "The table shop.orders_then cannot be made: there is a view of that name, of shop.other" in said
    gone = reasons_against(KEYSPACE, *TYPES, view.replace("orders_then", "orders"), mode=REPLACE)
    assert "The table shop.orders cannot be made" in gone
