# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeUnreachableError
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot import (
    ClearOutcome,
    SnapshotOutcome,
)

NAME = "cassandra_snapshot"


def test_a_snapshot_is_taken_with_what_was_asked(run_module: t.Any, replace_operation: t.Any) -> None:
    outcome = SnapshotOutcome(changed=True, record=None, before=("old",), after=("new", "old"))
    calls = replace_operation("backup.snapshot.take_snapshot", outcome)

    result = run_module(NAME, tag="new", keyspaces=["ks"], ttl="2d", nodetool_command="/opt/c/nodetool -p 7299")

    assert result["changed"] is True
    assert (calls[0]["tag"], calls[0]["keyspaces"], calls[0]["ttl"]) == ("new", ("ks",), "2d")
    assert calls[0]["positional"][0].nodetool_command == ("/opt/c/nodetool", "-p", "7299")


def test_the_difference_is_told_only_when_it_is_asked_for(run_module: t.Any, replace_operation: t.Any) -> None:
    outcome = SnapshotOutcome(changed=True, record=None, before=("old",), after=("new", "old"))
    replace_operation("backup.snapshot.take_snapshot", outcome)

    assert "diff" not in run_module(NAME, tag="new")
    assert run_module(NAME, tag="new", diff=True)["diff"] == {"before": ["old"], "after": ["new", "old"]}


def test_check_mode_reaches_the_operation(run_module: t.Any, replace_operation: t.Any) -> None:
    calls = replace_operation("backup.snapshot.clear_snapshots", ClearOutcome(changed=True, cleared=("old",)))

    result = run_module(NAME, state="absent", older_than_seconds=60, check_mode=True)

    assert result["cleared"] == ["old"]
    assert calls[0]["check_mode"] is True


def test_an_error_keeps_its_code_and_says_what_to_do(run_module: t.Any, replace_operation: t.Any) -> None:
    error = NodeUnreachableError("nodetool does not answer.", subject="n1", next_step="Start it.")
    replace_operation("backup.snapshot.take_snapshot", error=error)

    result = run_module(NAME, tag="new")

    assert result["failed"] is True
    assert result["msg"] == "nodetool does not answer. Start it."
    assert result["error"] == {
        "code": "node_unreachable",
        "message": "nodetool does not answer.",
        "subject": "n1",
        "next_step": "Start it.",
        "marked": "nodetool does not answer. Start it.",
    }


def test_a_tag_is_needed_to_take_one(run_module: t.Any) -> None:
    assert "tag" in run_module(NAME)["msg"]


def test_a_command_that_is_quoted_badly_is_refused(run_module: t.Any) -> None:
    assert run_module(NAME, tag="x", nodetool_command="'")["error"]["code"] == "invalid_input"
