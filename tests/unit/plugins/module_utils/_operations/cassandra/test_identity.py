# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NotInRingError
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra import identity as operation
from tests.unit.plugins.module_utils._operations.node_on_disk import DiskNode

_RECORDED = pathlib.Path(__file__).parents[2] / "_core" / "cassandra" / "nodetool"
_EVERYTHING = ["info", "describecluster", "status"]


class Process:
    """A Cassandra, and what nodetool was asked of it."""

    def __init__(self, disk: DiskNode, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = disk.settings
        self.texts = {path.stem: path.read_text() for path in (_RECORDED / version).glob("*.txt")}
        self.calls: list[str] = []
        process = self

        class FakeNodetool:
            def __init__(self, _settings: object) -> None:
                pass

            def run(self, name: str, *_arguments: str) -> str:
                process.calls.append(name)
                return process.texts[name]

        monkeypatch.setattr(operation, "Nodetool", FakeNodetool)

    def now_says(self, name: str, value: str) -> None:
        text, count = re.subn(f"(?m)^({name} *): .*", rf"\1: {value}", self.texts["info"])
        assert count
        self.texts["info"] = text

    def read(self) -> tuple[t.Any, list[str]]:
        """Who it is, and what was asked for that."""
        self.calls.clear()
        identity = operation.read_identity(self.settings)
        return identity, sorted(self.calls, key=[*_EVERYTHING, "version"].index)


@pytest.fixture(name="process", params=["4.1.10", "5.0.8"])
def _process(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Process:
    return Process(DiskNode(tmp_path), request.param, monkeypatch)


def test_one_process_is_asked_in_full_once(process: Process) -> None:
    identity, asked = process.read()
    assert asked[:3] == _EVERYTHING
    assert operation.remembered_identity(process.settings) == identity
    process.now_says("Uptime \\(seconds\\)", "7200")
    assert process.read() == (identity, ["info"])


def test_the_name_is_the_one_that_is_given(process: Process) -> None:
    process.read()
    process.settings = dataclasses.replace(process.settings, name="renamed")
    identity, asked = process.read()
    assert (identity.name, asked) == ("renamed", ["info"])


def test_a_process_that_began_later_is_asked_in_full(process: Process) -> None:
    before, _asked = process.read()
    process.now_says("Generation No", "1895374220")
    process.texts["status"] = process.texts["status"].replace(before.address, "127.99.0.7")
    identity, asked = process.read()
    assert asked[:3] == _EVERYTHING
    assert identity.address == "127.99.0.7"


@pytest.mark.parametrize(
    ("name", "value"), [("Gossip active", "false"), ("Data Center", "dc7"), ("Rack", "r7"), ("Token", "7")]
)
def test_a_process_that_says_something_else_is_asked_in_full(process: Process, name: str, value: str) -> None:
    process.read()
    process.now_says(name, value)
    assert process.read()[1][:3] == _EVERYTHING


def test_another_node_in_its_place_is_not_taken_for_it(process: Process) -> None:
    process.read()
    process.now_says("ID", "00000000-0000-0000-0000-000000000000")
    with pytest.raises(NotInRingError):
        process.read()


def test_a_node_that_does_not_gossip_is_asked_in_full_every_time(process: Process) -> None:
    process.now_says("Generation No", "0")
    assert process.read() == process.read()
    assert process.read()[1][:3] == _EVERYTHING


def test_a_note_of_an_earlier_version_or_a_damaged_one_is_no_answer(process: Process) -> None:
    identity, asked = process.read()
    note = next(pathlib.Path(process.settings.state_directory).glob("node.json"))
    whole = json.loads(note.read_text())
    note.write_text(json.dumps({"version": 1, "identity": whole["identity"]}))
    assert operation.remembered_identity(process.settings) == identity
    assert process.read() == (identity, asked)
    note.write_text("[]")
    assert operation.remembered_identity(process.settings) is None
    assert process.read() == (identity, asked)
