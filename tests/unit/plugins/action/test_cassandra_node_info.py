# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's clock is noted on both sides of the node's, and filters read it."""

from __future__ import annotations

import time
import types
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible.plugins.action import ActionBase

from ansible_collections.revive.cassandra.plugins.action.cassandra_node_info import ActionModule
from ansible_collections.revive.cassandra.plugins.filter import clocks


def _run(monkeypatch: pytest.MonkeyPatch, answer: dict[str, t.Any]) -> dict[str, t.Any]:
    action = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(async_val=0)
    action._connection = types.SimpleNamespace(has_native_async=False)
    monkeypatch.setattr(ActionBase, "run", lambda *_args, **_more: {})
    monkeypatch.setattr(action, "_execute_module", lambda **_more: answer)
    return action.run(task_vars={})


def test_when_it_was_asked_and_had_the_answer_stand_beside_the_nodes_times(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns() // 1000
    result = _run(
        monkeypatch, {"changed": False, "clock": {"began_us": now - 40_000_000, "ended_us": now - 39_000_000}}
    )
    assert now <= result["clock"]["asked_us"] <= result["clock"]["answered_us"]
    (warning,) = clocks.clock_warnings({"n1": result["clock"], "n2": None})
    assert warning.startswith("The clock of n1 is")
    assert clocks.clock_problems({"n1": result["clock"]}) == []


def test_a_failure_goes_through_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(monkeypatch, {"failed": True, "msg": "no"}) == {"failed": True, "msg": "no"}


def test_what_is_no_reading_is_an_error_of_the_filter() -> None:
    with pytest.raises(AnsibleFilterError, match="asked_us"):
        clocks.clock_warnings({"n1": {"began_us": 1, "ended_us": 2}})
