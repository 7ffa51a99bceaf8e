# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is more than a plain table: made, or told, and nothing else is held back."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import TableSummary
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.making import Making
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    BESIDE,
    MERGE,
    REPLACE,
    Contents,
    Selection,
    TableRestore,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.permitted import (
    ANYTHING,
    Permitted,
    Rights,
    missing_rights,
    settings_of,
)
from tests.unit.plugins.module_utils._core.cassandra.shop_schema import SESSIONS
from tests.unit.plugins.module_utils._core.tables.shop_backup import plan_of_shop

SIMPLE = "{'class': 'SimpleStrategy', 'replication_factor': '1'}"
LEGACY = (
    f"CREATE KEYSPACE legacy WITH replication = {SIMPLE}",
    SESSIONS,
    "CREATE TABLE legacy.users (id uuid PRIMARY KEY, name text)",
)
MASKED = (
    "CREATE TABLE shop.people "
    "(id uuid PRIMARY KEY, name text MASKED WITH shop.hide(), phone text MASKED WITH system.m(1))"
)
STATE = (
    "CREATE FUNCTION shop.spread_state(s tuple<int, int>, v int) CALLED ON NULL INPUT RETURNS tuple<int, int> "
    "LANGUAGE java AS $$ return s; $$"
)
SHOP = (
    f"CREATE KEYSPACE shop WITH replication = {SIMPLE}",
    "CREATE TYPE shop.money (amount decimal, currency text)",
    MASKED,
    'CREATE FUNCTION shop.hide(v text) CALLED ON NULL INPUT RETURNS text LANGUAGE java AS $$ return "***"; $$',
    STATE,
    "CREATE AGGREGATE shop.spread(int) SFUNC spread_state STYPE tuple<int, int> INITCOND (0, 0)",
)
MAY = Permitted(
    settings=settings_of({"user_defined_functions_enabled": "true", "dynamic_data_masking_enabled": "true"})
)


def made(
    then: tuple[str, ...],
    now: tuple[str, ...],
    *,
    tables: tuple[str, ...] = (),
    permitted: Permitted = ANYTHING,
    mode: str = BESIDE,
    **selection: t.Any,
) -> tuple[Making, list[TableRestore]]:
    """What would be made for the tables of a backup, and where they go."""
    described = schema.parse_schema(then)
    found = tuple(
        TableSummary(table=TableRef(keyspace=each.keyspace, table=each.name, id="0" * 32), files=1, size=1)
        for each in described.objects
        if each.kind == schema.TABLE
    )
    making = Making(
        contents=Contents(
            name="the backup t", as_of_us=1, schema=described, tables=found, sizes={}, directory_sizes={}
        ),
        now=schema.parse_schema(now),
        selection=Selection(tables=tables or ("*.*",), mode=mode, **selection),
        restore_id="r",
        nodes={"dc1": 1},
        permitted=permitted,
    )
    named = [each.table for each in found if not tables or f"{each.table.keyspace}.{each.table.table}" in tables]
    restored = [making.table(each) for each in named]
    there = [each for each in restored if each is not None]
    making.tell_of_the_rest(there)
    return making, there


def test_a_compact_table_goes_over_itself_and_is_not_taken_for_one_that_is_gone() -> None:
    for mode in (MERGE, REPLACE):
        making, tables = made(LEGACY, LEGACY, mode=mode)
        assert not making.reasons
        assert [(each.table, each.is_new, each.is_compact) for each in tables] == [
            ("sessions", False, True),
            ("users", False, False),
        ]
        assert [each.is_comparable for each in tables] == [False, True]
        assert any("its rows are counted only" in each for each in making.warnings)
    other = (*LEGACY[:1], SESSIONS.replace("value blob", "value text"))
    making, _tables = made(LEGACY, other, mode=MERGE, tables=("legacy.sessions",))
    (reason,) = making.reasons
    assert "its columns were" in str(reason)


def test_a_compact_table_that_would_have_to_be_made_holds_nothing_else_back() -> None:
    making, tables = made(LEGACY, LEGACY)
    assert [each.source_table for each in tables] == ["users"]
    assert not making.reasons
    assert any("COMPACT STORAGE" in each and "It is left out" in each for each in making.warnings)
    # Asked for by its name, it is a reason.
    making, _tables = made(LEGACY, LEGACY, tables=("legacy.sessions",))
    (reason,) = making.reasons
    assert "COMPACT STORAGE" in str(reason)


def test_what_is_not_described_at_all_holds_nothing_else_back() -> None:
    plan = plan_of_shop(tables=("shop.*",))
    assert {each.source_table for each in plan.tables} == {"orders", "Counts"}


def test_a_keyspace_that_is_made_again_gets_its_types_functions_and_aggregates_first() -> None:
    making, _tables = made(SHOP, (), mode=REPLACE, permitted=MAY)
    kinds = [(each.kind, each.name) for each in schema.parse_schema([";".join(making.before)]).objects]
    assert kinds == [
        ("keyspace", "shop"),
        ("type", "money"),
        ("function", "hide(text)"),
        ("function", "spread_state(tuple<int,int>, int)"),
        ("aggregate", "spread(int)"),
        ("table", "people"),
    ]
    assert 'CREATE FUNCTION IF NOT EXISTS "shop"."hide"(v text)' in making.before[2]
    assert not making.reasons
    assert not [each for each in making.warnings if "spread" in each]


def test_functions_that_may_not_be_made_are_told_and_are_a_reason_only_for_a_table_that_needs_them() -> None:
    off = Permitted(settings=settings_of({"dynamic_data_masking_enabled": "true"}))
    making, _tables = made(SHOP, (), mode=REPLACE, permitted=off)
    (reason,) = making.reasons
    assert (
        "masks columns with the function hide(text), which cannot be made: user_defined_functions_enabled is false"
        in str(reason)
    )
    assert any("The aggregate shop.spread(int) is not made" in each and "SFUNC" in each for each in making.warnings)
    plain = tuple(each.replace(MASKED, "CREATE TABLE shop.people (id uuid PRIMARY KEY, name text)") for each in SHOP)
    making, tables = made(plain, (), mode=REPLACE, permitted=off)
    assert (len(tables), making.reasons) == (1, [])


def test_a_mask_goes_along_into_another_keyspace_and_the_rest_is_told() -> None:
    making, _tables = made(SHOP, SHOP, into_keyspace="then", permitted=MAY)
    (table,) = (each for each in making.before if "CREATE TABLE" in each)
    assert 'MASKED WITH "then".hide()' in table
    assert "MASKED WITH system.m(1)" in table
    assert any(each.startswith('CREATE FUNCTION IF NOT EXISTS "then"."hide"') for each in making.before)
    (told,) = (each for each in making.warnings if "also has" in each)
    assert "the type money" in told
    assert "the aggregate spread(int)" in told
    assert "hide" not in told
    # Where everything is there, there is nothing to tell.
    making, _tables = made(SHOP, SHOP, permitted=MAY)
    assert not [each for each in making.warnings if "also has" in each]


def test_masks_that_are_disabled_are_a_reason() -> None:
    off = Permitted(settings=settings_of({"user_defined_functions_enabled": "true"}))
    making, _tables = made(SHOP, SHOP, permitted=off)
    assert "dynamic_data_masking_enabled is false" in str(making.reasons[0])


def test_functions_take_a_right_of_their_own() -> None:
    rights = Rights(role="app", is_superuser=False, granted=frozenset({("<keyspace shop>", "CREATE")}))
    now = schema.parse_schema(SHOP[:1])
    (reason,) = missing_rights(Permitted(settings={}, rights=rights), before=SHOP[3:4], tables=(), views=(), now=now)
    assert "GRANT CREATE ON ALL FUNCTIONS IN KEYSPACE" in str(reason)


def test_triggers_are_told() -> None:
    permitted = Permitted(settings={}, triggers=(("legacy", "users", "audit"),))
    for mode, says in ((BESIDE, "does not get them"), (MERGE, "do not see what is imported")):
        making, _tables = made(LEGACY, LEGACY, mode=mode, tables=("legacy.users",), permitted=permitted)
        assert any("has the triggers audit" in each and says in each for each in making.warnings)
