# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before a restore in place it is said what goes away and how the present is reached again; then, the ways back."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.afterwards import after_lines, time_lines
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.present import (
    Present,
    leaving_lines,
    present_lines,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.wording import plan_lines
from tests.unit.plugins.module_utils._core.restore.plans import restore_plan

NOW_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000


@pytest.mark.parametrize(
    ("before_us", "said"),
    [(4.7 * MINUTE_US, "4:42 min"), (184 * MINUTE_US, "3:04:00 h"), (3600 * MINUTE_US, "2.5 days"), (-5, "0:00 min")],
)
def test_what_goes_away_is_told_with_its_time_and_what_clients_would_do(before_us: float, said: str) -> None:
    first, clients = leaving_lines(until_us=NOW_US - int(before_us), now_us=NOW_US)
    assert first.endswith(f"leaves the cluster: {said} of writes.")
    assert "stop the clients" in clients


@pytest.mark.parametrize(
    ("present", "warned", "told"),
    [
        (Present("b", NOW_US - 90 * MINUTE_US, NOW_US - 4_000_000), "", "2023-11-14T22:13:16.000000Z"),
        (Present("b", NOW_US - 90 * MINUTE_US, NOW_US - 5 * MINUTE_US), "5:00 min behind", "T22:08:20"),
        (
            Present("b", NOW_US - 90 * MINUTE_US),
            "newest backup, b, is of 2023-11-14T20:43:20.000000Z, 1:30:00 h ago",
            "",
        ),
        (Present(), "No backup in the repository has the present", ""),
    ],
)
def test_whether_the_repository_reaches_the_present_is_told(present: Present, warned: str, told: str) -> None:
    lines, warnings = present_lines(present, restore_id="r", now_us=NOW_US)
    assert told in "".join(lines)
    assert bool(warned) == bool(warnings)
    assert warned in "".join(warnings)
    assert "brings it back" in lines[0]


def test_a_plan_tells_them_before_its_figures() -> None:
    lines = plan_lines(restore_plan(mode="in_place", notes=("note",)))
    assert lines[2] == "note"


def test_a_report_tells_the_times_and_the_downtime() -> None:
    value = {
        "mode": "in_place",
        "began": "A",
        "stopped": "B",
        "served": "C",
        "rto_seconds": 105.0,
        "downtime_seconds": 67.0,
    }
    assert time_lines(value) == [
        "Begun A, served C: recovery time (RTO) 1:45.",
        "Cassandra stopped serving B, and served again C: down for 1:07.",
    ]
    assert time_lines({**value, "mode": "one_node"})[1].startswith("The node stopped serving B")
    assert len(time_lines({**value, "stopped": None})) == 1


def test_a_report_ends_with_the_ways_back_to_be_pasted() -> None:
    plan = restore_plan(mode="in_place", restore_id="t-in-place-0123abcd", target_cluster_name="Test Cluster")
    text = "\n".join(after_lines(plan, stopped_us=NOW_US, removed_old=False))
    for part in (
        "revive.cassandra.disaster_recovery -e restore_action=undo -e restore_id=t-in-place-0123abcd",
        "revive.cassandra.disaster_recovery -e restore_action=remove_old -e restore_id=t-in-place-0123abcd",
        '-e restore_point=2023-11-14T22:13:19.000000Z -e \'{"restore_confirm_cluster": "Test Cluster"}\'',
        "Take one: revive.cassandra.backup",
    ):
        assert part in text, part
    text = "\n".join(after_lines(plan, stopped_us=None, removed_old=True))
    assert "cannot be undone" in text
    assert "restore_action" not in text
    text = "\n".join(after_lines(restore_plan(mode="new_cluster"), stopped_us=NOW_US, removed_old=False))
    assert "restore_action=undo" not in text
    assert "backup_prefix" in text
