# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who keeps a play from its nodes, as its controller sees it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.filter.leases import lease_lines, lease_of_play, lease_problems
from ansible_collections.revive.cassandra.plugins.lookup.lease import LookupModule
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.plugin_utils._play_process import this_play

ENDED = {**(this_play() or {}), "started": 1}


def seen(**others: t.Any) -> dict[str, t.Any]:
    """A lease as a node returns it."""
    return {
        "id": "first",
        "over": False,
        "controller": this_play(),
        "summary": "n1 is taken by backup b1.",
        "marked": f"n1 is taken by backup b1. Give {option('take_over_lease', 'first')}.",
        **others,
    }


def test_a_play_that_lives_keeps_others_out_in_the_words_of_their_role() -> None:
    said = lease_problems({"n1": seen(), "n2": None}, "backup")

    assert said == ["n1 is taken by backup b1. Give cassandra_take_over_lease=first."]


@pytest.mark.parametrize("others", [{"over": True}, {"controller": ENDED}])
def test_what_is_over_or_has_ended_here_keeps_nobody_out(others: dict[str, t.Any]) -> None:
    assert lease_problems({"n1": seen(**others)}) == []


@pytest.mark.parametrize("taken_over", ["first", "other, first", ["first"]])
def test_who_takes_a_lease_over_is_not_kept_out_by_it(taken_over: t.Any) -> None:
    assert lease_problems({"n1": seen()}, "restore", taken_over) == []
    assert lease_problems({"n1": seen(id="second")}, "restore", taken_over) != []


def test_a_lease_that_is_all_digits_may_come_as_a_number() -> None:
    assert lease_problems({"n1": seen(id="1234567890123456")}, "", 1234567890123456) == []


def test_a_node_is_told_which_lease_has_ended() -> None:
    lease = {"id": "mine", "operation": "backup"}

    assert lease_of_play(lease, {"lease": seen(controller=ENDED)}) == {**lease, "ended": ["first"]}
    assert lease_of_play(lease, {"lease": seen()}) == {**lease, "ended": []}
    assert lease_of_play(lease, {"lease": None}) == {**lease, "ended": []}
    assert lease_of_play(lease, {}) == {**lease, "ended": []}


def test_who_works_is_shown_by_node() -> None:
    assert lease_lines({"n1": seen(), "n2": seen(over=True), "n3": None}) == [
        "n1 is taken by backup b1.",
        "n1 is taken by backup b1. It is over.",
    ]
    assert lease_lines({"n1": None}) == ["Nobody works on these nodes."]


def test_a_play_says_who_has_started_it_and_has_an_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ops")
    monkeypatch.setattr("platform.node", lambda: "control")
    first, second = LookupModule().run(["backup", "backup"], {}, works_on="b1", lease_minutes="30")

    assert first["id"] != second["id"]
    assert (first["started_by"], first["job"], first["works_on"]) == ("ops@control", "", "b1")
    assert (first["lease_minutes"], first["controller"]) == (30, this_play())


def test_a_job_says_its_number_and_its_user() -> None:
    (lease,) = LookupModule().run(["backup"], {"awx_job_id": 42, "awx_user_name": "eve"})

    assert lease["started_by"].startswith("eve@")
    assert lease["job"] == "AWX job 42"
