# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's command line, and what it shows."""

from __future__ import annotations

import pathlib

import pytest

from gate import __main__ as gate
from gate.groups import GROUPS
from gate.runner import Part


def part(name: str, script: str) -> Part:
    """A part of the checks that runs a shell script."""
    return Part(name=name, command=("sh", "-c", script), lane="checks")


def test_the_list_has_every_group_that_the_gate_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["list"]) == 0
    listed = capsys.readouterr().out
    for group in GROUPS:
        assert (f"  {group.name} " in listed) != group.gate
        assert (group.proves in listed) != group.gate


def test_a_group_that_there_is_not_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["group", "tables,nothing"]) == 2
    said = capsys.readouterr().err
    assert "There is no group nothing" in said
    assert "table-kills" in said


def test_what_passes_is_one_line_and_what_fails_is_shown_whole(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert gate.run([part("good", "echo fine"), part("bad", "echo first; echo last; exit 4")]) == 1
    said = capsys.readouterr().out
    assert "fine" not in said
    assert "first\nlast\n" in said
    assert [line.split()[:2] for line in said.splitlines() if line.endswith(" s")] == [
        ["good", "passed"],
        ["bad", "FAILED"],
    ]
    assert said.endswith("failed: bad\n")


def test_nothing_fails_where_all_pass(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert gate.run([part("good", ":")]) == 0
