# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which restores that were begun may be gone on with, and what is told of all."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.begun import (
    remove_problems,
    restore_lines,
    switched_hosts,
    undo_problems,
    unknown_restore,
    ways_to_go_on,
)

A, B = "a-in-place-01234567", "b-at-20260301T140506123456Z-in-place-01234567"


def test_the_way_to_go_on_is_what_an_operator_gives() -> None:
    one = "c-at-20260301T140506123456Z-arrival-one-node-01234567"
    assert ways_to_go_on([f"{A}-2", B, one]) == [
        "restore_point=a in revive.cassandra.disaster_recovery",
        "restore_point=2026-03-01T14:05:06.123456Z in revive.cassandra.disaster_recovery",
        "restore_point=2026-03-01T14:05:06.123456Z and restore_cut=by_arrival in revive.cassandra.restore_node",
    ]


def _nodes(*phases: str | None) -> dict[str, t.Any]:
    """Nodes n1, n2, ... on which the restore is in these phases."""
    over = ("finished", "undone", "removing")
    states = [None if phase is None else {"restore_id": A, "phase": phase} for phase in phases]
    return {
        f"n{number}": {
            "pending": state if state and state["phase"] not in over else None,
            "kept": [state] if state and state["phase"] in over else [],
        }
        for number, state in enumerate(states, start=1)
    }


@pytest.mark.parametrize(
    ("phases", "undo", "remove"),
    [
        (("finished", "finished"), [], []),
        (("undone", "undone"), [], []),
        (("switched", None), [], ["n1 has not finished it (switched)"]),
        (("finished", "switched"), [], ["n2 has not finished it (switched)"]),
        (
            ("finished", None),
            ["n2 has nothing of it: it was removed there, or the node has come since"],
            [],
        ),
        (("finished", "removing"), ["n2 is removing what was there before it"], []),
        (
            ("finished", "undone"),
            [],
            ["n2 went back, the others did not; undo it again, which goes on with these"],
        ),
        (("undone", "taking_out_new"), [], ["n2 has not finished it (taking_out_new)"]),
        (("removing", None), [], []),
    ],
)
def test_what_nodes_are_not_at_one_about_is_told(
    phases: tuple[str | None, ...], undo: list[str], remove: list[str]
) -> None:
    assert undo_problems(_nodes(*phases), A) == undo
    assert remove_problems(_nodes(*phases), A) == remove


@pytest.mark.parametrize(
    ("node", "switched"),
    [
        ({"pending": {"restore_id": A, "phase": "switched"}, "kept": []}, True),
        ({"pending": None, "kept": [{"restore_id": A, "phase": "finished"}]}, True),
        ({"pending": {"restore_id": A, "phase": "moving_new"}, "kept": []}, False),
        ({"pending": None, "kept": [{"restore_id": A, "phase": "undone"}]}, False),
        ({"pending": {"restore_id": B, "phase": "switched"}, "kept": [{"restore_id": f"{A}-2", "phase": "x"}]}, False),
        ({"pending": None}, False),
        (None, False),
    ],
)
def test_a_node_has_the_data_of_a_restore_once_it_is_switched_and_until_it_goes_back(
    node: t.Any, *, switched: bool
) -> None:
    assert switched_hosts({"n1": node}, A) == (["n1"] if switched else [])


def test_what_there_is_is_told_by_restore_and_host() -> None:
    def of(name: str, phase: str, **sizes: int) -> dict[str, t.Any]:
        return {"restore_id": name, "phase": phase, "fetched_bytes": 0, "old_bytes": 0, "new_bytes": 0, **sizes}

    found = {
        "n1": [of(A, "finished", old_bytes=2048), of(B, "fetched", fetched_bytes=1024)],
        "n2": [of(A, "undone", new_bytes=10)],
        "n3": [],
        "n4": None,
    }
    assert restore_lines(found) == [
        f"{A} restores a:",
        "  n1: finished, 2.0 KiB from before it, put aside",
        "  n2: undone, 10 B of what it restored, taken out",
        "  n3: nothing",
        f"{B} restores 2026-03-01T14:05:06.123456Z:",
        "  n1: fetched, 1.0 KiB fetched",
        "  n2: nothing",
        "  n3: nothing",
        "Not known of n4.",
    ]
    assert restore_lines({"n1": []}) == ["No node has anything of a restore."]


def test_a_restore_that_no_node_has_is_told_with_those_that_there_are() -> None:
    there = {"n1": [{"restore_id": A}], "n2": [], "n3": None}
    assert unknown_restore(there, A) == []
    (said,) = unknown_restore(there, A.replace("place", "palce"))
    assert said.endswith(f"Did you mean {A}? They have {A}.")
    assert unknown_restore({"n1": []}, "nonsense") == [
        "no node has anything of a restore nonsense. They have nothing of any restore."
    ]
