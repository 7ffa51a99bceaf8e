# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tables are meant."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.choosing import choose_tables
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Selection
from tests.unit.plugins.module_utils._core.tables.shop_backup import contents


@pytest.mark.parametrize("pattern", ["shop.none", "system_auth.roles", "shop.by_place", "nowhere.*"])
def test_a_pattern_that_means_nothing_is_refused_and_says_what_there_is(pattern: str) -> None:
    with pytest.raises(PlanRefusedError, match=r"It has shop\.Counts, shop\.orders"):
        choose_tables(contents(), selection=Selection(tables=(pattern,)))


def test_a_keyspace_means_all_its_tables_but_views() -> None:
    chosen = choose_tables(contents(), selection=Selection(keyspaces=("sh?p",), tables=('shop."Counts"',)))
    assert [table.table for table in chosen] == ["Counts", "orders"]
    with pytest.raises(PlanRefusedError, match="No table was named"):
        choose_tables(contents(), selection=Selection())
