# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options in texts: said as modules call them, or as a role does; and nothing else is touched."""

from __future__ import annotations

import json
import shlex

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core import together
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import RoleVariables, in_words, option

ROLE = RoleVariables(
    role="restore",
    names=frozenset(
        {
            "restore_mode",
            "restore_cut",
            "restore_confirm_cluster",
            "restore_id",
            "restore_action",
            "restore_identity_file",
            "backup_bucket",
            "cassandra_release_version",
            "target_cluster",
        }
    ),
)


@pytest.mark.parametrize(
    ("mark", "for_a_module", "for_a_role"),
    [
        (option("mode"), "mode", "restore_mode"),
        (option("mode", "beside"), "mode=beside", "restore_mode=beside"),
        (option("restore_cut", "by_arrival"), "restore_cut=by_arrival", "restore_cut=by_arrival"),
        (option("release_version"), "release_version", "cassandra_release_version"),
        (option("repository.bucket"), "repository.bucket", "backup_bucket"),
        (option("repository.identity_file"), "repository.identity_file", "restore_identity_file"),
        (option("new_cluster", "true"), "new_cluster=true", "target_cluster=true"),
        (option("keep_old", "false"), "keep_old=false", "restore_action=remove_old"),
        (option("state", "rolled_back"), "state=rolled_back", "restore_action=undo"),
        (option("state", "switched"), "state=switched", "state=switched"),
    ],
)
def test_a_mark_is_said_as_its_reader_calls_the_option(mark: str, for_a_module: str, for_a_role: str) -> None:
    assert in_words(f"Pass {mark}.") == f"Pass {for_a_module}."
    assert in_words(f"Pass {mark}.", ROLE) == f"Pass {for_a_role}."


@pytest.mark.parametrize("name", ["Test Cluster", "The operators' one", 'a "quoted" one', "odd) name", "O(mode)", ""])
def test_a_value_that_a_command_line_would_split_is_said_as_json(name: str) -> None:
    mark = option("confirm_cluster", name)

    assert in_words(mark) == f"confirm_cluster={json.dumps(name)}"
    dash_e, value = shlex.split(in_words(mark, ROLE))
    assert dash_e == "-e"
    assert json.loads(value) == {"restore_confirm_cluster": name}


@pytest.mark.parametrize("data", ["O(mode)", "O(mode=beside)", "mode", "confirm_cluster", "replication", "\x02O(mode)"])
def test_data_that_looks_like_a_mark_or_is_called_as_an_option_stays_as_it_is(data: str) -> None:
    text = f"Make the keyspace {data} again with {option('mode')}."

    assert in_words(text) == f"Make the keyspace {data} again with mode."
    assert in_words(text, ROLE) == f"Make the keyspace {data} again with restore_mode."


def test_an_error_is_said_in_the_words_of_modules_and_carries_what_a_role_needs() -> None:
    error = PlanRefusedError(
        [
            InputError("It holds data.", next_step=f"Pass {option('confirm_cluster', 'Test Cluster')}."),
            InputError("No."),
        ]
    )

    assert 'Pass confirm_cluster="Test Cluster".' in str(error)
    result = {"failed": True, "msg": str(error), "error": error.to_result()}
    assert "\x02" not in result["error"]["message"] + result["error"]["next_step"] + result["msg"]
    assert together.problems({"n1": result}, evidence="plan") == [f"n1: {error}"]
    (said,) = together.problems_of_one(result, evidence="plan", variables=ROLE)
    assert """Pass -e '{"restore_confirm_cluster": "Test Cluster"}'.""" in said
