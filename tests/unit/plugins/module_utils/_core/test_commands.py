# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is printed can be pasted: a shell, and Ansible behind it, read the very value, whatever is in it."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv

from ansible_collections.revive.cassandra.plugins.module_utils._core.commands import extra_variable, playbook
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import RoleVariables, in_words, option

VALUES = (
    "Hosts",
    "Test Cluster",
    'it\'s "ours"',
    "Zürich ☃",
    "$HOME `id` $(id) \\ ! #1",
    "a=b; c&d | e > f",
    "{{ 7 * 7 }} {% raw %} {# x #}",
    "'",
    "-e x=y",
    "  two  ",
    "tab\tand\nline",
    "2026-11-22T15:05:06.123456+01:00",
)


def as_a_shell_reads_it(text: str) -> list[str]:
    """The arguments that a program is given."""
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {text}"], check=True, capture_output=True, env={"HOME": "/home/me"}
    )
    return done.stdout.decode().split("\0")[:-1]


def as_ansible_reads_it(argument: str) -> dict[str, object]:
    """As its ``-e`` is read."""
    return dict(DataLoader().load(argument)) if argument.startswith("{") else dict(parse_kv(argument))


@pytest.mark.parametrize("value", VALUES)
def test_a_shell_and_ansible_read_the_very_value(value: str) -> None:
    text = extra_variable("restore_confirm_cluster", value)
    assert as_a_shell_reads_it(text) == shlex.split(text)
    flag, argument = as_a_shell_reads_it(text)
    assert flag == "-e"
    read = as_ansible_reads_it(argument)
    assert read == {"restore_confirm_cluster": value}


def test_what_looks_like_a_template_is_not_one() -> None:
    text = extra_variable("x", "{{ 7 }}")
    assert "!unsafe" in text
    assert "!unsafe" not in extra_variable("x", "a { b")


@pytest.mark.parametrize("value", VALUES)
def test_an_option_in_a_message_is_read_the_same(value: str) -> None:
    variables = RoleVariables(role="restore", names=frozenset({"restore_confirm_cluster"}))
    text = in_words(option("confirm_cluster", value), variables)
    arguments = as_a_shell_reads_it(text)
    assert as_ansible_reads_it(arguments[-1]) == {"restore_confirm_cluster": value}


def test_a_playbook_is_named_with_all_of_its_variables() -> None:
    text = playbook("disaster_recovery", {"restore_action": "undo", "restore_id": "my backup"})
    assert text == 'revive.cassandra.disaster_recovery -e restore_action=undo -e \'{"restore_id": "my backup"}\''
