# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore makes of a backup that was taken while a node was down."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import Base, plan_moment
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import MomentRefusedError, PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.degraded import (
    DatacenterCoverage,
    Degraded,
    KeyspaceCoverage,
    MissingNode,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.wording import backup_line
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.planning import plan_restore
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.report import restore_report
from tests.unit.plugins.module_utils._core.restore.test_planning import _identity, _manifest, _same, _target

LOST = MissingNode("00000000-0000-0000-0000-000000000003", "old-3", "10.0.0.3", "dc1", "r3", ("3", "-3"))
SHOP = KeyspaceCoverage("shop", "dc1 3", 3, 2, (DatacenterCoverage("dc1", 3, 2),), ((2, 6),))
ROLES = KeyspaceCoverage("system_auth", "1", 1, 0, (DatacenterCoverage("", 1, 0),), ((0, 2), (1, 4)), ((2, 3),))


def _plan(*covered: KeyspaceCoverage, in_place: bool = False, **options: t.Any) -> RestorePlan:
    manifest = _manifest(_identity(1), _identity(2), degraded=Degraded((LOST,), covered or (SHOP,)), **options)
    targets = [_same(number) if in_place else _target(number) for number in (1, 2, 3)]
    return plan_restore(
        manifest=manifest,
        targets=targets,
        new_cluster=not in_place,
        confirm_cluster=None,
        restore_auth=True,
    )


@pytest.mark.parametrize("in_place", [False, True])
def test_the_missing_node_gets_its_place_and_the_schema_and_nothing_else(*, in_place: bool) -> None:
    plan = _plan(in_place=in_place)

    last = next(each for each in plan.assignments if each.source_name == "old-3")
    assert (last.tokens, last.files, last.size) == (("3", "-3"), 0, 0)
    assert (last.fetched_from, last.only_tables) == (_identity(1).host_id, ("system_schema/tables-" + "0" * 32,))
    assert last.manifest_key == f"backups/t/nodes/{_identity(1).host_id}.jsonl"
    assert [each.fetched_from == each.source_host_id for each in plan.assignments if each is not last] == [True, True]
    assert RestorePlan.from_result(plan.to_result()) == plan


def test_the_plan_and_the_report_say_so() -> None:
    plan = _plan()

    assert plan.warnings[0] == "DEGRADED: taken without old-3 (10.0.0.3), which was down."
    assert any("The backup has no data for new-3" in warning for warning in plan.warnings)
    manifest = _manifest(_identity(1), degraded=Degraded((LOST,), (SHOP,)))
    report = restore_report(plan=plan, manifest=manifest, nodes=(), rows={}, began_us=0, ended_us=1)
    assert report["repaired"] == ["new-3"]
    assert "Repaired from the others, since the backup has nothing of them: new-3." in report["lines"]
    assert "t: DEGRADED, without old-3 (10.0.0.3), " in backup_line(manifest)


def test_roles_that_only_the_missing_node_had_are_not_brought_back_without_a_word() -> None:
    with pytest.raises(PlanRefusedError, match=r"nobody had them but old-3 .*restore_auth=false"):
        _plan(SHOP, ROLES)


def test_in_place_counters_are_left_alone_until_the_repair_is_over() -> None:
    schema = ("CREATE TABLE shop.hits (k int PRIMARY KEY, n counter);",)

    in_place = _plan(in_place=True, schema_cql=schema)

    assert any("Nobody may increment counters in shop.hits" in warning for warning in in_place.warnings)
    assert not any("counters" in warning for warning in _plan(schema_cql=schema).warnings)


def test_what_the_others_send_has_to_fit() -> None:
    manifest = _manifest(_identity(1), _identity(2), degraded=Degraded((LOST,), (SHOP,)))
    targets = [_target(number) for number in (1, 2, 3)]
    places = tuple(dataclasses.replace(each, free_bytes=1000) for each in targets[2].data_directories)
    small = dataclasses.replace(targets[2], data_directories=places)

    with pytest.raises(PlanRefusedError, match=r"new-3 needs 1\.0 GiB"):
        plan_restore(
            manifest=manifest,
            targets=[*targets[:2], small],
            new_cluster=True,
            confirm_cluster=None,
            restore_auth=True,
        )


def test_no_moment_is_reached_from_it() -> None:
    base = Base(tag="t", ended_us=1, positions={}, missing="old-3")

    with pytest.raises(MomentRefusedError, match="it was taken without old-3"):
        plan_moment(5, bases=[base], logs=[])
