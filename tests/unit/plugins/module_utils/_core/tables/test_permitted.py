# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's settings and a role's rights forbid is known before anything is dropped or emptied."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import BESIDE, MERGE, REPLACE
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.permitted import (
    Permitted,
    Rights,
    is_sasi,
    settings_of,
)
from tests.unit.plugins.module_utils._core.tables.shop_backup import (
    INDEX,
    KEYSPACE,
    ORDERS,
    TYPES,
    VIEW,
    plan_of_shop,
    reasons_against,
)

SASI = "CREATE CUSTOM INDEX o ON shop.orders (place) USING 'org.apache.cassandra.index.sasi.SASIIndex'"
DEFAULTS = Permitted(settings=settings_of({}))
NOW = (KEYSPACE, *TYPES, ORDERS, INDEX, VIEW)


def _may(*granted: tuple[str, str], is_superuser: bool = False, **settings: t.Any) -> Permitted:
    rights = Rights(role="app", is_superuser=is_superuser, granted=frozenset(granted))
    return Permitted(settings=settings_of({"materialized_views_enabled": "true", **settings}), rights=rights)


@pytest.mark.parametrize("mode", [REPLACE, MERGE])
@pytest.mark.parametrize("permitted", [DEFAULTS, Permitted(settings=None)])
def test_a_view_that_cannot_be_made_again_is_not_dropped(mode: str, permitted: Permitted) -> None:
    said = reasons_against(*NOW, mode=mode, permitted=permitted)
    assert "the view shop.by_place of shop.orders" in said
    assert "materialized_views_enabled" in said
    enabled = Permitted(settings=settings_of({"enable_materialized_views": True}))
    assert plan_of_shop(*NOW, mode=mode, permitted=enabled).views
    # A table without views may be restored whatever the setting is.
    assert plan_of_shop(*NOW[:-1], mode=mode, permitted=permitted).tables


def test_a_new_table_comes_without_what_may_not_be_made_and_that_is_told_with_its_statement() -> None:
    plan = plan_of_shop(*NOW, permitted=DEFAULTS)
    assert plan.tables[0].is_new
    assert [each.split(" ON ")[0] for each in plan.after_cql] == [
        'CREATE INDEX IF NOT EXISTS "orders_place_restored_20261122184211"'
    ]
    (told,) = (each for each in plan.restore.warnings if "by_place" in each)
    assert "materialized_views_enabled is false" in told
    assert 'CREATE MATERIALIZED VIEW IF NOT EXISTS "shop"."by_place_restored_20261122184211" AS SELECT' in told


def test_settings_are_known_by_the_names_of_every_version_and_by_their_defaults() -> None:
    older = {"enable_materialized_views": "true", "enable_sasi_indexes": "false"}
    assert settings_of(older)["materialized_views_enabled"]
    assert not settings_of({"materialized_views_enabled": "false", **older})["materialized_views_enabled"]
    assert not settings_of({})["materialized_views_enabled"]
    assert settings_of({})["drop_truncate_table_enabled"]
    (sasi, other) = schema.parse_schema([SASI, INDEX]).objects
    assert (is_sasi(sasi), is_sasi(other)) == (True, False)
    assert (DEFAULTS.why_not(sasi), DEFAULTS.why_not(other)) == ("sasi_indexes_enabled is false", "")


TABLE, SHOP = "<table shop.orders>", "<keyspace shop>"


@pytest.mark.parametrize(
    ("mode", "granted", "lacks"),
    [
        (BESIDE, [], ["CREATE ON KEYSPACE"]),
        (BESIDE, [(SHOP, "CREATE")], []),
        (BESIDE, [("<all tables in shop>", "CREATE")], []),
        (MERGE, [], ["SELECT ON TABLE", "ALTER ON TABLE"]),
        (REPLACE, [(TABLE, "SELECT")], ["MODIFY ON TABLE", "ALTER ON TABLE"]),
        (REPLACE, [(TABLE, each) for each in ("SELECT", "MODIFY", "ALTER")], []),
        (REPLACE, [("<all keyspaces>", each) for each in ("SELECT", "MODIFY", "ALTER")], []),
    ],
)
def test_rights_that_the_role_lacks_are_reasons_each_with_its_grant(
    mode: str, granted: list[tuple[str, str]], lacks: list[str]
) -> None:
    if not lacks:
        assert plan_of_shop(*NOW, mode=mode, permitted=_may(*granted)).tables
        return
    said = reasons_against(*NOW, mode=mode, permitted=_may(*granted))
    for each in lacks:
        assert f"GRANT {each}" in said
    assert said.count("GRANT") == len(lacks)
    assert plan_of_shop(*NOW, mode=mode, permitted=_may(is_superuser=True)).tables


def test_a_keyspace_that_is_made_takes_its_right_and_gives_all_others() -> None:
    assert "GRANT CREATE ON ALL KEYSPACES" in reasons_against(KEYSPACE, into_keyspace="then", permitted=_may())
    assert plan_of_shop(KEYSPACE, into_keyspace="then", permitted=_may(("<all keyspaces>", "CREATE"))).tables


def test_a_guardrail_against_truncation_is_a_reason_except_for_superusers() -> None:
    granted = [(TABLE, each) for each in ("SELECT", "MODIFY", "ALTER")]
    off = {"drop_truncate_table_enabled": "false"}
    assert "shop.orders cannot be emptied" in reasons_against(*NOW, mode=REPLACE, permitted=_may(*granted, **off))
    assert plan_of_shop(*NOW, mode=MERGE, permitted=_may(*granted, **off)).tables
    assert plan_of_shop(*NOW, mode=REPLACE, permitted=_may(is_superuser=True, **off)).tables


def test_a_view_that_an_earlier_restore_dropped_is_made_again_or_told() -> None:
    gone = NOW[:-1]
    owed = Permitted(settings=settings_of({"materialized_views_enabled": "true"}), owed=(VIEW,))
    plan = plan_of_shop(*gone, mode=MERGE, permitted=owed)
    assert plan.views == (VIEW,)
    assert any("was dropped by an earlier restore" in each for each in plan.restore.warnings)
    # What is there has been made again by somebody; of what is not there nothing can be made.
    assert plan_of_shop(*NOW, tables=("shop.Counts",), permitted=owed).views == ()
    assert plan_of_shop(KEYSPACE, permitted=owed).views == ()
    forbidden = plan_of_shop(*gone, mode=MERGE, permitted=Permitted(settings=settings_of({}), owed=(VIEW,)))
    assert forbidden.views == ()
    assert any(f"Once it may be made: {VIEW}" in each for each in forbidden.restore.warnings)
