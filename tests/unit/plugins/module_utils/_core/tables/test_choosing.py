# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tables are meant."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.choosing import choose_tables, holds
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Selection
from tests.unit.plugins.module_utils._core.tables.shop_backup import MANIFEST, contents


@pytest.mark.parametrize("pattern", ["shop.none", "system_auth.roles", "shop.by_place", "nowhere.*"])
def test_a_pattern_that_means_nothing_is_refused_and_says_what_there_is(pattern: str) -> None:
    with pytest.raises(PlanRefusedError, match=r"It has shop\.Counts, shop\.orders"):
        choose_tables(contents(), selection=Selection(tables=(pattern,)))


def test_a_keyspace_means_all_its_tables_but_views() -> None:
    chosen = choose_tables(contents(), selection=Selection(keyspaces=("sh?p",), tables=('shop."Counts"',)))
    assert [table.table for table in chosen] == ["Counts", "orders"]
    with pytest.raises(PlanRefusedError, match="No table was named"):
        choose_tables(contents(), selection=Selection())


@pytest.mark.parametrize(
    ("asked", "selection", "held"),
    [
        ({}, Selection(keyspaces=("sh*",), tables=("*.orders",), roles=True), True),
        ({"keyspaces": ("shop",)}, Selection(keyspaces=("shop",)), True),
        ({"keyspaces": ("shop",)}, Selection(tables=("shop.ord*", 'shop."Counts"')), True),
        ({"keyspaces": ("shop",)}, Selection(keyspaces=("sh*",)), False),
        ({"keyspaces": ("shop",)}, Selection(keyspaces=("shop", "other")), False),
        ({"keyspaces": ("shop",)}, Selection(keyspaces=("shop",), roles=True), False),
        ({"tables_asked": ("shop.orders",)}, Selection(tables=("shop.orders",)), True),
        ({"tables_asked": ("shop.orders",)}, Selection(tables=("shop.ord*",)), False),
        ({"tables_asked": ("shop.orders",)}, Selection(keyspaces=("shop",)), False),
    ],
)
def test_a_backup_holds_what_is_selected_only_if_all_of_that_was_asked_for(
    *, asked: dict[str, tuple[str, ...]], selection: Selection, held: bool
) -> None:
    assert holds(dataclasses.replace(MANIFEST, **t.cast("dict[str, t.Any]", asked)), selection=selection) is held


def test_a_table_that_was_dropped_before_a_backup_is_not_in_it() -> None:
    dropped = Selection(tables=("shop.dropped",))
    assert holds(MANIFEST, selection=dropped)
    assert not holds(MANIFEST, selection=dropped, there=True)
    assert holds(MANIFEST, selection=Selection(tables=("shop.orders",)), there=True)
