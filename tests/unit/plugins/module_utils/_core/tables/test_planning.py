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
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
    TableSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import TableSize
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import LogPart, MomentPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import DataPlace, TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    BESIDE,
    MERGE,
    REPLACE,
    Contents,
    Selection,
    StagedTables,
    TablesPlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.planning import (
    choose_tables,
    contents_at,
    plan_fetch,
    plan_rest,
    plan_tables,
    ring_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.wording import tables_plan_lines

KEYSPACE = "CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'}"
TYPES = ("CREATE TYPE shop.town (name text)", "CREATE TYPE shop.place (town frozen<town>)")
ORDERS = (
    "CREATE TABLE shop.orders (id int PRIMARY KEY, place frozen<place>) "
    "WITH ID = 5f0c1d3e AND comment = 'ours' AND compaction = {'class': 'S'}"
)
INDEX = "CREATE INDEX orders_place ON shop.orders (place)"
VIEW = "CREATE MATERIALIZED VIEW shop.by_place AS SELECT * FROM shop.orders PRIMARY KEY (place, id)"
COUNTS = 'CREATE TABLE shop."Counts" (k int PRIMARY KEY, n counter)'
THEN = schema.parse_schema([KEYSPACE, *TYPES, ORDERS, INDEX, COUNTS, VIEW])
NAMES = ("orders", "Counts", "by_place")


def _identity(number: int) -> NodeIdentity:
    return NodeIdentity(
        host_id=f"00000000-0000-0000-0000-{number:012d}",
        name=f"n{number}",
        address=f"10.0.0.{number}",
        datacenter="dc1",
        rack="r1",
        tokens=(str(number), str(-number)),
        release_version="5.0.8",
        partitioner="Murmur3Partitioner",
        cluster_name="Shop",
    )


def _table(name: str, keyspace: str = "shop") -> TableRef:
    return TableRef(keyspace=keyspace, table=name, id="0" * 31 + str(len(name) % 10))


MANIFEST = ClusterManifest(
    tag="t",
    cluster_id="c",
    cluster_name="Shop",
    began_us=0,
    completed_us=9,
    keyspaces=(),
    tables_asked=(),
    nodes=tuple(
        NodeSummary(
            node=_identity(number),
            manifest_key="k",
            manifest_sha256="0" * 64,
            manifest_size=10,
            totals=Totals(),
            data_directory_sizes=(100,),
            snapshot_began_us=1_795_372_931_000_000,
            snapshot_ended_us=1_795_372_932_000_000,
            upload_began_us=3,
            upload_ended_us=4,
        )
        for number in (1, 2)
    ),
    tables=(
        *(TableSummary(table=_table(name), files=2, size=10, rows=rows) for name, rows in zip(NAMES, (7, None, 3))),
        TableSummary(table=_table("roles", "system_auth"), files=1, size=1),
    ),
    totals=Totals(),
    schema_cql=(),
    tool_version="1",
)


def _target(number: int, **changes: t.Any) -> TargetNode:
    target = TargetNode(
        name=f"n{number}",
        running=True,
        identity=_identity(number),
        identity_stale=False,
        release_version="5.0.8",
        cluster_name="Shop",
        address=f"10.0.0.{number}",
        is_seed=True,
        seeds=(),
        num_tokens=2,
        datacenter="dc1",
        rack="r1",
        partitioner="Murmur3Partitioner",
        data_directories=(DataPlace(path="/data", device=1, free_bytes=1000),),
        local_system=None,
        holds_data=True,
        has_system_local=True,
        pending=None,
    )
    return dataclasses.replace(target, **changes)


def _contents(*, size: int = 100) -> Contents:
    sizes = {_identity(number).host_id: Totals(files=2, size=size, stored_size=size) for number in (1, 2)}
    return Contents(
        name="the backup t",
        as_of_us=MANIFEST.snapshot_began_us,
        schema=THEN,
        tables=MANIFEST.tables,
        sizes=sizes,
        directory_sizes=dict.fromkeys(sizes, (size,)),
    )


def _plan(*now: str, targets: t.Sequence[TargetNode] | None = None, size: int = 100, **selection: t.Any) -> TablesPlan:
    wanted = Selection(**{"tables": ("shop.orders",), **selection})
    return plan_tables(
        manifest=MANIFEST,
        contents=_contents(size=size),
        chosen=choose_tables(_contents(), selection=wanted),
        fetched=(),
        now=schema.parse_schema(now or [each for item in THEN.objects for each in item.statements]),
        selection=wanted,
        targets=targets if targets is not None else (_target(1), _target(2)),
    )


def _reasons(*now: str, **changes: t.Any) -> str:
    with pytest.raises(PlanRefusedError) as refused:
        _plan(*now, **changes)
    return str(refused.value)


def test_beside_makes_a_table_of_its_own_and_nothing_else() -> None:
    plan = _plan()
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
    plan = _plan("CREATE KEYSPACE other WITH replication = {}", mode=REPLACE, tables=("shop.*",))
    kinds = [statement.split(" IF")[0] for statement in plan.before_cql]
    assert kinds == ["CREATE KEYSPACE", "CREATE TABLE", "CREATE TYPE", "CREATE TYPE", "CREATE TABLE"]
    types = [statement for statement in plan.before_cql if "TYPE" in statement]
    assert '"town"' in types[0]
    assert '"place"' in types[1]
    assert {str(table) for table in plan.tables} == {'shop."Counts"', "shop.orders"}
    assert not any(table.replaces for table in plan.tables)


def test_into_another_keyspace_names_stay_and_its_replication_is_taken_over() -> None:
    plan = _plan(KEYSPACE, into_keyspace="shop_then")
    assert [str(table) for table in plan.tables] == ["shop_then.orders"]
    assert plan.before_cql[0].startswith('CREATE KEYSPACE IF NOT EXISTS "shop_then" WITH replication')
    assert plan.after_cql[-2].startswith('CREATE INDEX IF NOT EXISTS "orders_place" ON "shop_then"."orders"')
    assert plan.after_cql[-1].startswith('CREATE MATERIALIZED VIEW IF NOT EXISTS "shop_then"."by_place" AS')
    assert 'FROM "shop_then"."orders"' in plan.after_cql[-1]


def test_names_that_would_be_too_long_are_cut() -> None:
    plan = _plan(suffix="_" + "x" * 44)
    assert len(plan.tables[0].table) == 48


def test_a_table_that_is_there_is_taken_for_this_restores_only_by_its_mark() -> None:
    made = _plan().before_cql
    assert "a table" in _reasons(KEYSPACE, *TYPES, f"{made[0]}".replace(_plan().restore.restore_id, "other"))
    again = _plan(KEYSPACE, *TYPES, *made)
    assert again.before_cql == made


@pytest.mark.parametrize("mode", [REPLACE, MERGE])
def test_what_is_there_is_taken_as_it_is_and_its_indexes_are_rebuilt(mode: str) -> None:
    plan = _plan(KEYSPACE, *TYPES, ORDERS, INDEX, mode=mode)
    (table,) = plan.tables
    assert (table.table, table.is_new, table.replaces) == ("orders", False, mode == REPLACE)
    assert (plan.before_cql, plan.after_cql, plan.indexes) == ((), (), ("shop.orders.orders_place",))
    says = "is emptied" if mode == REPLACE else "does not come back"
    assert any(says in warning for warning in plan.restore.warnings)


def test_counters_are_warned_of() -> None:
    plan = _plan(KEYSPACE, COUNTS, mode=REPLACE, tables=("shop.Counts",))
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
        ((), {"targets": (_target(1),)}, "No node has the tokens of n2"),
        ((), {"targets": (_target(1), _target(2), _target(3))}, "n3 has tokens that no node of the backup had"),
        ((), {"targets": (_target(1), _target(2, running=False))}, "n2 does not run"),
        ((), {"targets": (_target(1), _target(2, release_version="4.1.0"))}, "the backup was made by 5.0.8"),
    ],
)
def test_what_cannot_be_is_refused(now: tuple[str, ...], changes: dict[str, t.Any], says: str) -> None:
    assert says in _reasons(*now, **changes)


@pytest.mark.parametrize("pattern", ["shop.none", "system_auth.roles", "shop.by_place", "nowhere.*"])
def test_a_pattern_that_means_nothing_is_refused_and_says_what_there_is(pattern: str) -> None:
    with pytest.raises(PlanRefusedError, match=r"It has shop\.Counts, shop\.orders"):
        choose_tables(_contents(), selection=Selection(tables=(pattern,)))


def test_a_keyspace_means_all_its_tables_but_views() -> None:
    chosen = choose_tables(_contents(), selection=Selection(keyspaces=("sh?p",), tables=('shop."Counts"',)))
    assert [table.table for table in chosen] == ["Counts", "orders"]
    with pytest.raises(PlanRefusedError, match="No table was named"):
        choose_tables(_contents(), selection=Selection())


def test_a_plan_travels_as_plain_values_and_is_told_in_lines() -> None:
    plan = _plan()
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
            source_host_id=_identity(number).host_id,
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
        contents=_contents(size=size),
        moment=MOMENT,
        fetched=("shop/orders-1", "system_schema/tables-2"),
        selection=Selection(**{"tables": ("shop.orders",), **selection}),
        targets=(_target(1), _target(2)),
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
    assert any("has no table shop.new. If it was made after" in line for line in tables_plan_lines(first))
    with pytest.raises(
        PlanRefusedError, match=r"The moment .* has no table shop\.new .* It has shop\.Counts, shop\.orders"
    ):
        _second_plan(first, staged=_staged("n1", "n2"))


def test_the_second_plan_is_of_what_was_staged() -> None:
    first = _first_plan()
    plan = _second_plan(first, staged=_staged("n1", "n2"))
    assert (plan.restore.restore_id, plan.fetched) == (first.restore.restore_id, first.fetched)
    (table,) = plan.tables
    assert (table.source, table.files, table.size, table.rows) == (f"shop/orders-{'a' * 32}", 6, 80, None)
    assert table.table == "orders_restored_20261122184312"
    assert "6 files, 80 B are on the nodes. Cassandra keeps serving." in tables_plan_lines(plan)


def test_every_node_has_to_have_staged_its_part() -> None:
    with pytest.raises(InputError, match="n2 has not staged its part"):
        _second_plan(_first_plan(), staged=_staged("n1"))


def test_what_differs_from_the_moment_is_refused() -> None:
    now = (KEYSPACE, *TYPES, ORDERS.replace("id int", "id text"))
    with pytest.raises(PlanRefusedError, match="differs from the table in the moment 2026-11-22T18:43:12"):
        _second_plan(_first_plan(mode=REPLACE), staged=_staged("n1", "n2"), now=now)


def test_views_of_a_table_that_is_there_are_made_anew() -> None:
    plan = _plan(
        KEYSPACE, *TYPES, ORDERS, INDEX, VIEW.replace("KEY (place, id)", "KEY (place, id) WITH ID = 1-2"), mode=MERGE
    )
    assert plan.views == (
        "CREATE MATERIALIZED VIEW shop.by_place AS SELECT * FROM shop.orders PRIMARY KEY (place, id)",
    )
    assert any("dropped, and made again" in warning for warning in plan.restore.warnings)


def test_in_another_shape_each_node_gets_what_all_had() -> None:
    targets = [_target(number, identity=_identity(number + 10)) for number in (1, 2, 3)]
    plan = _plan("CREATE KEYSPACE other WITH replication = {}", targets=targets, mode=REPLACE, reshape=True)
    assert plan.restore.target_names == ("n1", "n2", "n3")
    assert len(plan.restore.assignments) == 6
    parts = plan.restore.parts_of("n2")
    assert [part.restore_id for part in parts] == [f"{plan.restore.restore_id}.{number}" for number in (1, 2)]
    assert [part.assignment_of("n2").source_name for part in parts] == ["n1", "n2"]
    assert any("each node fetches what all nodes had" in line for line in tables_plan_lines(plan))
    assert TablesPlan.from_result(json.loads(json.dumps(plan.to_result()))) == plan


def test_in_the_same_shape_a_nodes_part_is_the_plan_itself() -> None:
    restore = _plan().restore
    assert restore.parts_of("n1")[0].restore_id == restore.restore_id
    with pytest.raises(InputError, match="no node n9"):
        restore.parts_of("n9")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": 300}, "needs"),
        ({"reshape": False}, "pass reshape=true"),
        ({"reshape": False, "datacenters": (("dc1", "dc2"),)}, "Pass reshape=true too"),
        ({"replication": (("dc2", 3),)}, "is replicated in the datacenter dc2, and the cluster has dc1"),
        (
            {"targets": [_target(1, identity=dataclasses.replace(_identity(11), partitioner="a.RandomPartitioner"))]},
            "n1 has the partitioner RandomPartitioner, the backup's is Murmur3Partitioner",
        ),
    ],
)
def test_what_another_shape_does_not_allow_is_refused(changes: dict[str, t.Any], says: str) -> None:
    targets = [_target(number, identity=_identity(number + 10)) for number in (1, 2, 3)]
    options = {"targets": targets, "mode": REPLACE, "reshape": True, **changes}
    assert says in _reasons("CREATE KEYSPACE other WITH replication = {}", **options)


def test_replicas_that_there_are_no_nodes_for_are_left_out_with_a_word() -> None:
    targets = [
        _target(number, identity=dataclasses.replace(_identity(number + 10), datacenter="dc9")) for number in (1, 2)
    ]
    plan = _plan(
        "CREATE KEYSPACE other WITH replication = {}",
        targets=targets,
        mode=REPLACE,
        reshape=True,
        datacenters=(("dc1", "dc9"),),
    )
    assert "{'class': 'NetworkTopologyStrategy', 'dc9': '2'}" in plan.before_cql[0]
    assert any("had 3 replicas and gets 2, since dc9 has 2 nodes" in warning for warning in plan.restore.warnings)


def test_what_is_there_in_another_cluster_is_touched_only_if_it_is_named() -> None:
    targets = [_target(number, cluster_name="Other") for number in (1, 2)]
    options = {"targets": targets, "mode": MERGE}
    now = (KEYSPACE, *TYPES, ORDERS)
    assert "pass confirm_cluster=Other" in _reasons(*now, **options)
    assert _plan(*now, **options, confirm_cluster="Other").tables
    assert _plan(*now, targets=targets).tables


def test_a_node_of_the_ring_that_is_not_named_is_missed() -> None:
    targets = (_target(1), _target(2))
    assert not list(ring_reasons(targets, ring=(1, -1, 2, -2)))
    (reason,) = ring_reasons(targets, ring=(1, -1, 2, -2, 3))
    assert "1 of its 5 tokens are theirs" in str(reason)


ROLES = "CREATE TABLE system_auth.roles (role text PRIMARY KEY, salted_hash text)"


@pytest.mark.parametrize("mode", [BESIDE, REPLACE, MERGE])
def test_roles_go_over_those_that_there_are_if_they_are_asked_for(mode: str) -> None:
    now = (KEYSPACE, *TYPES, ORDERS, ROLES)
    assert [str(table) for table in _plan(*now, mode=mode, keyspaces=("*",)).tables if "auth" in str(table)] == []
    plan = _plan(*now, mode=mode, tables=(), roles=True)
    (table,) = plan.tables
    assert (str(table), table.is_new, table.replaces) == ("system_auth.roles", False, False)
    assert (plan.before_cql, plan.after_cql, plan.restore.restore_auth) == ((), (), True)
    assert sum("of each the newest stays" in warning for warning in plan.restore.warnings) == 1
    affected = "nothing that exists is affected except roles" in tables_plan_lines(plan)[0]
    assert affected == (mode == BESIDE)
    other = [_target(number, cluster_name="Other") for number in (1, 2)]
    assert "system_auth.roles would be touched" in _reasons(*now, targets=other, tables=(), roles=True)


def test_roles_that_cassandra_keeps_otherwise_are_refused() -> None:
    assert "The table system_auth.roles is not here" in _reasons(KEYSPACE, tables=(), roles=True)
