# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore of tables says what it makes, and names every reason why it cannot."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import TableSize
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import LogPart, MomentPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    BESIDE,
    MERGE,
    REPLACE,
    Selection,
    StagedTables,
    TablesPlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.planning import (
    contents_at,
    plan_fetch,
    plan_rest,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.wording import (
    tables_plan_lines,
    window_line,
)
from tests.unit.plugins.module_utils._core.tables.shop_backup import (
    COUNTS,
    INDEX,
    KEYSPACE,
    MANIFEST,
    ORDERS,
    THEN,
    TYPES,
    VIEW,
    contents,
    identity,
    plan_of_shop,
    reasons_against,
    target,
)


def test_beside_makes_a_table_of_its_own_and_nothing_else() -> None:
    plan = plan_of_shop()
    (table,) = plan.tables
    assert (table.keyspace, table.table, table.is_new, table.replaces) == (
        "shop",
        "orders_restored_20261122184211",
        True,
        False,
    )
    (made,) = plan.before_cql
    assert made.startswith('CREATE TABLE IF NOT EXISTS "shop"."orders_restored_20261122184211" (')
    assert "'enabled': 'false'" in made
    assert f"comment = 'Being restored by revive.cassandra: {plan.restore.restore_id}'" in made
    new, view = (f'"shop"."{name}_restored_20261122184211"' for name in ("orders", "by_place"))
    assert (plan.tables[0].comment, plan.tables[0].compaction) == ("'ours'", "{'class': 'S'}")
    assert plan.after_cql == (
        f'CREATE INDEX IF NOT EXISTS "orders_place_restored_20261122184211" ON {new} (place)',
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {view} AS SELECT * FROM {new} PRIMARY KEY (place, id)",
    )
    assert plan.indexes == ()


def test_what_is_missing_is_made_with_the_types_that_are_used_in_their_order() -> None:
    plan = plan_of_shop("CREATE KEYSPACE other WITH replication = {}", mode=REPLACE, tables=("shop.*",))
    kinds = [statement.split(" IF")[0] for statement in plan.before_cql]
    assert kinds == ["CREATE KEYSPACE", "CREATE TYPE", "CREATE TYPE", "CREATE TABLE", "CREATE TABLE"]
    types = [statement for statement in plan.before_cql if "TYPE" in statement]
    assert '"town"' in types[0]
    assert '"place"' in types[1]
    assert {str(table) for table in plan.tables} == {'shop."Counts"', "shop.orders"}
    assert not any(table.replaces for table in plan.tables)


def test_into_another_keyspace_names_stay_and_its_replication_is_taken_over() -> None:
    plan = plan_of_shop(KEYSPACE, into_keyspace="shop_then")
    assert [str(table) for table in plan.tables] == ["shop_then.orders"]
    assert plan.before_cql[0].startswith('CREATE KEYSPACE IF NOT EXISTS "shop_then" WITH replication')
    assert plan.after_cql[-2].startswith('CREATE INDEX IF NOT EXISTS "orders_place" ON "shop_then"."orders"')
    assert plan.after_cql[-1].startswith('CREATE MATERIALIZED VIEW IF NOT EXISTS "shop_then"."by_place" AS')
    assert 'FROM "shop_then"."orders"' in plan.after_cql[-1]


def test_names_that_would_be_too_long_are_cut() -> None:
    plan = plan_of_shop(suffix="_" + "x" * 44)
    assert len(plan.tables[0].table) == 48


def test_a_table_that_is_there_is_taken_for_this_restores_only_by_its_mark() -> None:
    made = plan_of_shop().before_cql
    assert "a table" in reasons_against(
        KEYSPACE, *TYPES, f"{made[0]}".replace(plan_of_shop().restore.restore_id, "other")
    )
    again = plan_of_shop(KEYSPACE, *TYPES, *made)
    assert again.before_cql == made


@pytest.mark.parametrize("mode", [REPLACE, MERGE])
def test_what_is_there_is_taken_as_it_is_and_its_indexes_are_rebuilt(mode: str) -> None:
    plan = plan_of_shop(KEYSPACE, *TYPES, ORDERS, INDEX, mode=mode)
    (table,) = plan.tables
    assert (table.table, table.is_new, table.replaces) == ("orders", False, mode == REPLACE)
    assert (plan.before_cql, plan.after_cql, plan.indexes) == ((), (), ("shop.orders.orders_place",))
    says = "is emptied" if mode == REPLACE else "does not come back"
    assert any(says in warning for warning in plan.restore.warnings)


def test_counters_are_warned_of() -> None:
    plan = plan_of_shop(KEYSPACE, COUNTS, mode=REPLACE, tables=("shop.Counts",))
    assert any("Stop its writers" in warning for warning in plan.restore.warnings)


@pytest.mark.parametrize(
    ("now", "changes", "says"),
    [
        (
            (KEYSPACE.replace("3", "1"),),
            {},
            "is not replicated as shop was: NetworkTopologyStrategy, dc1 1",
        ),
        ((KEYSPACE, "CREATE TYPE shop.place (name int)"), {}, "The type shop.place differs"),
        ((KEYSPACE, ORDERS.replace("id int", "id text")), {"mode": MERGE}, "its partition key was (id int)"),
        ((), {"mode": "over"}, "'over' is not a mode"),
        ((), {"mode": MERGE, "suffix": "_x"}, "goes into the table that it came from"),
        ((), {"suffix": "; DROP"}, "cannot be a part of a name"),
        ((), {"into_keyspace": "system"}, "Cassandra's own"),
        ((), {"size": 2000}, "needs"),
        ((), {"targets": (target(1),)}, "No node has the tokens of n2"),
        ((), {"targets": (target(1), target(2), target(3))}, "n3 has tokens that no node of the backup had"),
        ((), {"targets": (target(1), target(2, running=False))}, "n2 does not run"),
        ((), {"targets": (target(1), target(2, release_version="4.1.0"))}, "the backup was made by 5.0.8"),
    ],
)
def test_what_cannot_be_is_refused(now: tuple[str, ...], changes: dict[str, t.Any], says: str) -> None:
    assert says in reasons_against(*now, **changes)


def test_a_plan_travels_as_plain_values_and_is_told_in_lines() -> None:
    plan = plan_of_shop()
    assert TablesPlan.from_result(json.loads(json.dumps(plan.to_result()))) == plan
    with pytest.raises(InputError, match="not the plan"):
        TablesPlan.from_result({"restore": {}})
    lines = tables_plan_lines(plan)
    assert "shop.orders goes to shop.orders_restored_20261122184211, a new table: 2 files, 10 B, 7 rows" in lines
    assert (
        f"This is the restore {plan.restore.restore_id}; if it is interrupted, run the same again: it goes on where it "
        "was."
    ) in lines
    assert plan.restore.mode == BESIDE


MOMENT_US = MANIFEST.snapshot_ended_us + 60_000_000
MOMENT = MomentPlan(
    moment_us=MOMENT_US,
    cut="by_timestamp",
    until_us=MOMENT_US,
    parts=tuple(
        LogPart(
            source_host_id=identity(number).host_id,
            name=f"n{number}",
            first_segment=1,
            last_segment=2,
            last_end=50,
            segments=2,
            log_bytes=100,
            stored_size=30,
            covered_us=MOMENT_US,
            reached_us=MOMENT_US,
        )
        for number in (1, 2)
    ),
)


def _first_plan(*, size: int = 100, **selection: t.Any) -> TablesPlan:
    return plan_fetch(
        manifest=MANIFEST,
        contents=contents(size=size),
        moment=MOMENT,
        fetched=("shop/orders-1", "system_schema/tables-2"),
        selection=Selection(**{"tables": ("shop.orders",), **selection}),
        targets=(target(1), target(2)),
    )


def _staged(*nodes: str, table: str = "orders") -> list[StagedTables]:
    size = TableSize(table=f"shop/{table}-{'a' * 32}", files=3, size=40)
    schema_cql = tuple(each for item in THEN.objects for each in item.statements)
    return [StagedTables(name=name, schema_cql=schema_cql, sizes=(size,)) for name in nodes]


def _second_plan(
    first: TablesPlan, *, staged: t.Sequence[StagedTables], now: t.Sequence[str] = (KEYSPACE,)
) -> TablesPlan:
    contents = contents_at(MOMENT, restore=first.restore, schema=THEN, staged=staged)
    return plan_rest(first, contents=contents, now=schema.parse_schema(now), nodes={"dc1": 2})


def test_for_a_moment_the_first_plan_says_what_is_fetched_and_replayed() -> None:
    first = _first_plan()
    assert first.tables == ()
    assert first.as_of_us == MOMENT_US
    assert "at-20261122T184312000000Z-beside-" in first.restore.restore_id
    assert TablesPlan.from_result(json.loads(json.dumps(first.to_result()))) == first
    lines = "\n".join(tables_plan_lines(first))
    assert "Restore the tables shop.orders of t" in lines
    assert "To the moment 2026-11-22T18:43:12.000000Z, from the backup t and the commit logs since." in lines
    assert "before any table is touched" in lines
    with pytest.raises(PlanRefusedError, match="needs"):
        # What the instance needs counts beside what is fetched.
        _first_plan(size=850)


def test_a_table_that_the_backup_has_not_may_be_in_the_logs() -> None:
    first = _first_plan(tables=("shop.new",))
    assert "has no table shop.new. If it was made after" in tables_plan_lines(first)[1]
    with pytest.raises(
        PlanRefusedError, match=r"The moment .* has no table shop\.new .* It has shop\.Counts, shop\.orders"
    ):
        _second_plan(first, staged=_staged("n1", "n2"))


def test_a_mistyped_table_is_told_in_the_first_lines_with_those_that_are_near() -> None:
    lines = tables_plan_lines(_first_plan(tables=("shop.ordesr",)))
    assert lines[1].startswith("Warning: the backup t has no table shop.ordesr. Did you mean shop.orders? If it was")


def test_what_becomes_of_the_windows_and_of_what_is_there_is_told() -> None:
    assert window_line(_first_plan()).startswith("No window of moments ends")
    assert window_line(plan_of_shop()).startswith("No window of moments ends")
    assert window_line(_first_plan(roles=True)).startswith("This ends the window")
    lines = "\n".join(tables_plan_lines(_first_plan(mode=REPLACE), now_us=MOMENT_US + 282_000_000))
    for part in (
        "everything written after 2026-11-22T18:43:12.000000Z (4:42 min) leaves the tables that are there",
        "kept in the snapshots t-at-20261122T184312000000Z-replace",
        "Stop the clients",
        "This ends the window",
    ):
        assert part in lines, part


def test_a_table_that_is_gone_is_not_said_to_be_replaced() -> None:
    plan = plan_of_shop(KEYSPACE, mode=REPLACE)
    lines = "\n".join(tables_plan_lines(plan))
    assert "as it was: it is gone, and is made first" in lines
    assert "leaves" not in lines


def test_statements_are_cut_between_words() -> None:
    lines = [line for line in tables_plan_lines(plan_of_shop()) if line.startswith("Before: ")]
    assert all(len(line) <= 170 for line in lines)
    assert lines[0].endswith(" ...")
    whole = " ".join(plan_of_shop().before_cql[0].split())
    assert f"{whole} ".startswith(f"{lines[0][len('Before: ') : -len(' ...')]} ")


def test_the_second_plan_is_of_what_was_staged() -> None:
    first = _first_plan()
    plan = _second_plan(first, staged=_staged("n1", "n2"))
    assert (plan.restore.restore_id, plan.fetched) == (first.restore.restore_id, first.fetched)
    (table,) = plan.tables
    assert (table.source, table.files, table.size, table.rows) == (f"shop/orders-{'a' * 32}", 6, 80, None)
    assert table.table == "orders_restored_20261122184312"
    lines = tables_plan_lines(plan)
    assert "6 files, 80 B are on the nodes. Cassandra keeps serving." in lines
    assert not any("imports what" in line and "files" in line for line in lines), "figures that do not add up"


def test_every_node_has_to_have_staged_its_part() -> None:
    with pytest.raises(InputError, match="n2 has not staged its part"):
        _second_plan(_first_plan(), staged=_staged("n1"))


def test_what_differs_from_the_moment_is_refused() -> None:
    now = (KEYSPACE, *TYPES, ORDERS.replace("id int", "id text"))
    with pytest.raises(PlanRefusedError, match="differs from the table in the moment 2026-11-22T18:43:12"):
        _second_plan(_first_plan(mode=REPLACE), staged=_staged("n1", "n2"), now=now)


def test_views_of_a_table_that_is_there_are_made_anew() -> None:
    plan = plan_of_shop(
        KEYSPACE, *TYPES, ORDERS, INDEX, VIEW.replace("KEY (place, id)", "KEY (place, id) WITH ID = 1-2"), mode=MERGE
    )
    assert plan.views == (
        "CREATE MATERIALIZED VIEW shop.by_place AS SELECT * FROM shop.orders PRIMARY KEY (place, id)",
    )
    assert any("dropped, and made again" in warning for warning in plan.restore.warnings)


def test_replicas_that_there_are_no_nodes_for_are_left_out_with_a_word() -> None:
    targets = [
        target(number, identity=dataclasses.replace(identity(number + 10), datacenter="dc9")) for number in (1, 2)
    ]
    plan = plan_of_shop(
        "CREATE KEYSPACE other WITH replication = {}",
        targets=targets,
        mode=REPLACE,
        reshape=True,
        datacenters=(("dc1", "dc9"),),
    )
    assert "{'class': 'NetworkTopologyStrategy', 'dc9': '2'}" in plan.before_cql[0]
    assert any("had 3 replicas and gets 2, since dc9 has 2 nodes" in warning for warning in plan.restore.warnings)


def test_what_is_there_in_another_cluster_is_touched_only_if_it_is_named() -> None:
    targets = [target(number, cluster_name="Other") for number in (1, 2)]
    options = {"targets": targets, "mode": MERGE}
    now = (KEYSPACE, *TYPES, ORDERS)
    assert "pass confirm_cluster=Other" in reasons_against(*now, **options)
    assert plan_of_shop(*now, **options, confirm_cluster="Other").tables
    assert plan_of_shop(*now, targets=targets).tables


ROLES = "CREATE TABLE system_auth.roles (role text PRIMARY KEY, salted_hash text)"


@pytest.mark.parametrize("mode", [BESIDE, REPLACE, MERGE])
def test_roles_go_over_those_that_there_are_if_they_are_asked_for(mode: str) -> None:
    now = (KEYSPACE, *TYPES, ORDERS, ROLES)
    assert [
        str(table) for table in plan_of_shop(*now, mode=mode, keyspaces=("*",)).tables if "auth" in str(table)
    ] == []
    plan = plan_of_shop(*now, mode=mode, tables=(), roles=True)
    (table,) = plan.tables
    assert (str(table), table.is_new, table.replaces) == ("system_auth.roles", False, False)
    assert (plan.before_cql, plan.after_cql, plan.restore.restore_auth) == ((), (), True)
    assert sum("of each the newest stays" in warning for warning in plan.restore.warnings) == 1
    affected = "nothing that exists is affected except roles" in tables_plan_lines(plan)[0]
    assert affected == (mode == BESIDE)
    other = [target(number, cluster_name="Other") for number in (1, 2)]
    assert "system_auth.roles would be touched" in reasons_against(*now, targets=other, tables=(), roles=True)


def test_roles_that_cassandra_keeps_otherwise_are_refused() -> None:
    assert "The table system_auth.roles is not here" in reasons_against(KEYSPACE, tables=(), roles=True)
