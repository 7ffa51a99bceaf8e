# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made and completed in CQL, and what check mode says of it; what comes of it is shown on nodes."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.making import table_comment
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import keeping, making
from tests.unit.plugins.module_utils._operations.tables.node_with_tables import CQL, RESTORE_ID, World


def test_what_is_missing_is_made_and_what_was_cut_off_is_made_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = "k int PRIMARY KEY, v int, gone int, again int"
    made = (
        f'CREATE TABLE IF NOT EXISTS "shop"."x" ({columns}) WITH comment = {table_comment(RESTORE_ID)}',
        'ALTER TABLE "shop"."x" DROP gone USING TIMESTAMP 7',
        'ALTER TABLE "shop"."x" DROP again USING TIMESTAMP 8',
        'ALTER TABLE "shop"."x" ADD again bigint',
    )
    plan = dataclasses.replace(world.part().plan, before_cql=made)
    described: list[str] = []
    monkeypatch.setattr(making, "describe_schema", lambda *_arguments, **_named: tuple(described))

    def make() -> tuple[str, ...]:
        return making.make_tables(plan, cql=CQL, check_mode=False, connect=world.connect)

    assert make() == made
    described[:] = [made[0]]
    assert make() == ('DROP TABLE "shop"."x"', *made)
    for whole in (";".join(made), "CREATE TABLE shop.x (k int PRIMARY KEY, again bigint, v int)"):
        described[:] = [whole]
        assert make() == ()
    described[:] = ["CREATE TABLE shop.x (other int PRIMARY KEY)"]
    with pytest.raises(NodeError, match="this restore did not make it"):
        make()


def test_a_new_table_is_completed_once_and_says_whose_it_is_until_it_is_released(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = 'CREATE INDEX IF NOT EXISTS "i" ON "shop"."orders" (v)'
    plan = world.part().plan
    (table,) = plan.tables
    ended = dataclasses.replace(table, comment="'ours'", compaction="{'class': 'S'}")
    plan = dataclasses.replace(plan, tables=(ended,), after_cql=(index,))
    orders = "CREATE TABLE shop.orders (k int PRIMARY KEY, v int) WITH "
    mark = f"comment = {table_comment(RESTORE_ID)}"
    described = [f"{orders}{mark} AND compaction = {{'class': 'S', 'enabled': 'false'}}"]
    monkeypatch.setattr(making, "describe_schema", lambda *_arguments, **_named: tuple(described))

    def complete() -> tuple[str, ...]:
        return making.complete_tables(plan, cql=CQL, check_mode=False, connect=world.connect)

    def release() -> tuple[str, ...]:
        return making.release_tables(plan, cql=CQL, check_mode=False, connect=world.connect)

    assert complete() == ("ALTER TABLE \"shop\".\"orders\" WITH compaction = {'class': 'S'}", index)
    described[:] = [f"{orders}{mark} AND compaction = {{'class': 'S'}}", index]
    assert complete() == ()
    assert release() == ('ALTER TABLE "shop"."orders" WITH comment = \'ours\'',)
    described[:] = [f"{orders}comment = 'ours' AND compaction = {{'class': 'S'}}", index]
    assert release() == ()


@pytest.mark.parametrize(
    "step", [making.make_tables, keeping.empty_tables, making.complete_tables, making.release_tables]
)
def test_check_mode_says_which_statements_there_would_be(
    world: World, monkeypatch: pytest.MonkeyPatch, step: t.Callable[..., tuple[str, ...]]
) -> None:
    mark = f"comment = {table_comment(RESTORE_ID)}"
    described = [f"CREATE TABLE shop.orders (k int PRIMARY KEY) WITH {mark} AND compaction = {{'enabled': 'false'}}"]
    monkeypatch.setattr(making, "describe_schema", lambda *_arguments, **_named: tuple(described))
    plan = world.part(is_new=step is not keeping.empty_tables).plan
    (table,) = plan.tables
    plan = dataclasses.replace(
        plan,
        tables=(dataclasses.replace(table, comment="'ours'", compaction="{'class': 'S'}"),),
        before_cql=("CREATE TABLE IF NOT EXISTS shop.x (k int PRIMARY KEY)",),
    )

    would = step(plan, cql=CQL, check_mode=True, connect=world.connect)
    assert would
    assert world.statements == []
    assert step(plan, cql=CQL, check_mode=False, connect=world.connect) == would
    assert world.statements == list(would)
