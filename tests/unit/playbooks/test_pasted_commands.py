# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is printed can be pasted: a shell, and Ansible behind it, read the very value, whatever is in it."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.splitter import parse_kv

from ansible_collections.revive.cassandra.plugins.module_utils._core.commands import extra_variable, playbook
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import RoleVariables, in_words, option

ROOT = pathlib.Path(__file__).resolve().parents[3]
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


def _commands() -> list[str]:
    """What the documents say to run, each in one line, and what they say to add to it."""
    found = []
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        found += re.findall(r"^ {4,}(ansible-playbook .+?)(?: +#.*)?$", text, re.MULTILINE)
        found += re.findall(r"`(-e [^`]+)`", text)
    return found


def test_what_the_documents_give_to_paste_is_read_as_it_is_written() -> None:
    commands = _commands()
    assert len(commands) > 20
    for command in commands:
        words = shlex.split(command)
        for flag, argument in zip(words, words[1:]):
            if flag == "-e" and not argument.startswith("@"):
                read = as_ansible_reads_it(argument)
                assert read, command
                assert "_raw_params" not in read, f"{command}: a blank splits {argument}"
        named = [word for word in words if "=" in word and not word.startswith("{")]
        assert all(words[words.index(word) - 1] in ("-e", "-a") for word in named), f"{command}: a blank splits a value"
