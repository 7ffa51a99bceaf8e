# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No row that was deleted comes back unsaid."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.expired import expired_warnings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import BESIDE, MERGE, REPLACE
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.permitted import Permitted
from tests.unit.plugins.module_utils._core.tables.shop_backup import (
    KEYSPACE,
    MANIFEST,
    ORDERS,
    TYPES,
    plan_of_shop,
    reasons_against,
)

DAY_US = 24 * 3600 * 1_000_000
NOW = (KEYSPACE, *TYPES, ORDERS)


def after(days: float) -> Permitted:
    """So long after the backup."""
    return Permitted(settings={}, at_us=MANIFEST.snapshot_began_us + int(days * DAY_US))


def test_merge_keeps_deleted_rows_away_as_long_as_their_tombstones_are_kept() -> None:
    plan = plan_of_shop(*NOW, mode=MERGE, permitted=after(9))
    assert any("does not come back" in each for each in plan.restore.warnings)
    said = reasons_against(*NOW, mode=MERGE, permitted=after(11))
    assert "longer than shop.orders keeps its tombstones" in said
    assert "rows that were deleted since would come back" in said
    assert "past_gc_grace=true" in said


def test_each_table_has_its_own_grace_as_it_is_now() -> None:
    shorter = (*NOW[:-1], f"{ORDERS} AND gc_grace_seconds = 3600")
    assert "keeps its tombstones" in reasons_against(*shorter, mode=MERGE, permitted=after(0.1))
    longer = (*NOW[:-1], f"{ORDERS} AND gc_grace_seconds = 8640000")
    assert plan_of_shop(*longer, mode=MERGE, permitted=after(11)).tables


def test_whoever_knows_that_nothing_was_deleted_may_merge_and_is_told_what_it_means() -> None:
    plan = plan_of_shop(*NOW, mode=MERGE, permitted=after(11), past_gc_grace=True)
    assert any("deleted since may come back" in each for each in plan.restore.warnings)
    assert not any("does not come back" in each for each in plan.restore.warnings)
    # The restore has the same name, so one that was begun before this could be said is still known.
    assert plan.restore.restore_id == plan_of_shop(*NOW, mode=MERGE).restore.restore_id


@pytest.mark.parametrize("mode", [BESIDE, REPLACE])
def test_expired_tombstones_of_what_is_restored_are_told(mode: str) -> None:
    old, young = (plan_of_shop(*NOW, mode=mode, permitted=after(days)).restore.warnings for days in (11, 9))
    assert any("every tombstone in it has expired" in each for each in old)
    assert not any("tombstone" in each for each in young)


def test_a_whole_restore_of_an_old_backup_says_it_too() -> None:
    (said,) = expired_warnings(NOW, as_of_us=0, now_us=11 * DAY_US)
    assert "more than gc_grace_seconds of shop.orders: every tombstone in it has expired" in said
    assert not list(expired_warnings(NOW, as_of_us=0, now_us=9 * DAY_US))
    assert not list(expired_warnings(NOW, as_of_us=0, now_us=None))
