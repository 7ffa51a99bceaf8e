# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views of tables that are there: nothing is dropped before what makes it again is on the disk."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import (
    importing,
    keeping,
    making,
    views,
)
from tests.unit.plugins.module_utils._operations.tables.node_with_tables import CQL, World

VIEW = "CREATE MATERIALIZED VIEW shop.v AS SELECT * FROM shop.orders PRIMARY KEY (v, k)"
DROP = 'DROP MATERIALIZED VIEW IF EXISTS "shop"."v"'


def test_what_makes_a_view_is_on_the_disk_before_it_is_dropped_and_taken_up_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = [VIEW]
    monkeypatch.setattr(views, "describe_schema", lambda *_arguments, **_named: tuple(described))
    plan = dataclasses.replace(world.part(is_new=False).plan, views=(VIEW,))
    options: t.Any = {"node": world.disk.settings, "cql": CQL, "connect": world.connect}

    assert views.make_views_again(plan, check_mode=True, **options) == (DROP, VIEW)
    assert (world.statements, views.kept_views(world.disk.settings)) == ([], ())

    real = world.rows

    def refuse(statement: str, parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        assert views.kept_views(world.disk.settings) == (VIEW,)
        real(statement, parameters)
        if statement == VIEW:
            raise NodeError("Materialized views are disabled.")
        described.clear()
        return []

    monkeypatch.setattr(world, "rows", refuse)
    with pytest.raises(NodeError):
        views.make_views_again(plan, check_mode=False, **options)
    monkeypatch.setattr(world, "rows", real)
    assert views.kept_views(world.disk.settings) == (VIEW,)
    # The next run has it from there, and does not drop what is gone.
    assert views.make_views_again(plan, check_mode=False, **options) == (VIEW,)


def test_every_node_knows_what_makes_the_views_before_anything_is_imported(world: World) -> None:
    part = world.part(is_new=False)
    part = dataclasses.replace(part, plan=dataclasses.replace(part.plan, views=(VIEW,)))
    world.fails = "import"
    with pytest.raises(NodeError):
        importing.import_tables(part, check_mode=False)
    assert views.kept_views(world.disk.settings) == (VIEW,)
    keeping.put_tables_back(part)
    assert views.kept_views(world.disk.settings) == (VIEW,)
    importing.finish_tables(part, check_mode=False)
    assert views.kept_views(world.disk.settings) == ()


def test_new_tables_are_completed_before_views_are_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (making, views):
        monkeypatch.setattr(module, "describe_schema", lambda *_arguments, **_named: (VIEW,))
    index = 'CREATE INDEX IF NOT EXISTS "i" ON "shop"."orders" (v)'
    plan = dataclasses.replace(world.part().plan, views=(VIEW,), after_cql=(index,))
    done = views.complete_all(plan, node=world.disk.settings, cql=CQL, check_mode=False, connect=world.connect)
    assert done == (index, DROP, VIEW)
