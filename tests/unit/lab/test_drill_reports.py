# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drills read what they tell from a restore's report: it has to be worded as they look for it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment_report import moment_report_lines
from lab.drill_moment import REACHED, REPLAYED

_MOMENT: t.Final = {
    "asked": "2026-05-01T10:00:00.000001Z",
    "reached": "2026-05-01T10:00:00.000001Z",
    "cut": "timestamp",
    "rpo_seconds": 0.0,
    "covered_until": "2026-05-01T10:00:05.000000Z",
    "replayed": 17,
    "unknown": 2,
    "later_schema": 1,
    "replay_seconds": 75.5,
    "nodes": [],
}


def test_the_drill_of_a_moment_finds_what_was_reached_and_replayed() -> None:
    printed = json.dumps({"msg": moment_report_lines(_MOMENT)}, indent=4)
    reached, replayed = REACHED.search(printed), REPLAYED.search(printed)
    assert reached is not None
    assert (reached["asked"], reached["reached"], reached["seconds"]) == (
        _MOMENT["asked"],
        _MOMENT["reached"],
        "0.000000",
    )
    assert replayed is not None
    assert replayed[0].startswith("17 updates replayed in ")
    assert replayed[0].endswith("1 of a later schema")
