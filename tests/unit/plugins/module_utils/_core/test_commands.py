# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is printed to be pasted; that Ansible reads it so is shown with the playbooks."""

from __future__ import annotations

import json
import shlex

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.commands import extra_variable, playbook


@pytest.mark.parametrize("value", ["Test Cluster", 'it\'s "ours"', "Zürich", "$HOME `id`", "", "a=b"])
def test_a_value_that_is_not_plain_is_json_that_a_shell_leaves_alone(value: str) -> None:
    flag, argument = shlex.split(extra_variable("x", value))
    assert flag == "-e"
    assert json.loads(argument) == {"x": value}


def test_a_playbook_stands_with_its_variables() -> None:
    assert playbook("backup", {}) == "revive.cassandra.backup"
    assert playbook("undo", {"a": "b", "c": "d e"}) == 'revive.cassandra.undo -e a=b -e \'{"c": "d e"}\''
