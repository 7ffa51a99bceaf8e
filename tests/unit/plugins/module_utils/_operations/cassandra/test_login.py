# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a node lets somebody in is found out before anything is touched."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    CqlDeniedError,
    NodeUnreachableError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import in_words
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra import login as operation

_UNKNOWN: t.Any = None
_SERVING: t.Any = {"running": True, "address": "10.1.0.1", "port": 9142}
_SAID = CqlSettings(address=_UNKNOWN, port=_UNKNOWN, username="backup", password="secret")


class Nodes:
    """What is connected to, and what is answered."""

    def __init__(self, *answers: ReviveError | None) -> None:
        self.answers = list(answers)
        self.asked: list[CqlSettings] = []

    @contextlib.contextmanager
    def connect(self, settings: CqlSettings) -> t.Iterator[Nodes]:
        self.asked.append(settings)
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer
        yield self

    def rows(self, _statement: str) -> list[tuple[str]]:
        return [("a host id",)]


def _nodes(monkeypatch: pytest.MonkeyPatch, *answers: ReviveError | None) -> Nodes:
    nodes = Nodes(*answers)
    monkeypatch.setattr(operation, "connect", nodes.connect)
    return nodes


def test_the_node_itself_is_asked_where_it_says_it_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = _nodes(monkeypatch, None)
    assert operation.try_login(_SAID, **_SERVING) == operation.Login(tried=True)
    (asked,) = nodes.asked
    assert (asked.address, asked.port, asked.only_this_address, asked.username) == ("10.1.0.1", 9142, True, "backup")


def test_an_address_that_is_given_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = _nodes(monkeypatch, None)
    operation.try_login(CqlSettings(address="192.0.2.1", port=9999), **_SERVING)
    assert [(asked.address, asked.port) for asked in nodes.asked] == [("192.0.2.1", 9999)]


def test_a_node_that_does_not_let_in_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    _nodes(monkeypatch, CqlDeniedError("10.0.0.1:9042 does not let backup in.", next_step="Give another."))
    login = operation.try_login(_SAID, **_SERVING)
    assert (login.tried, login.code) == (True, "cql_denied")
    assert login.problem == "10.0.0.1:9042 does not let backup in. Give another."


def test_a_node_that_is_busy_for_a_moment_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = _nodes(monkeypatch, NodeUnreachableError("It does not answer."), None)
    assert operation.try_login(_SAID, **_SERVING) == operation.Login(tried=True)
    assert len(nodes.asked) == 2
    _nodes(monkeypatch, *[NodeUnreachableError("It does not answer.")] * 2)
    assert operation.try_login(_SAID, **_SERVING).code == "node_unreachable"


def test_of_a_node_that_does_not_run_the_files_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    nodes = _nodes(monkeypatch)
    node = {**_SERVING, "running": False}
    assert operation.try_login(_SAID, **node) == operation.Login(tried=False)
    missing = str(tmp_path / "ca.pem")
    login = operation.try_login(CqlSettings(address="10.0.0.1", ca_certificates=missing), **node)
    assert not login.tried
    assert login.code == "invalid_input"
    assert f"{missing} cannot be used as certificate authorities" in in_words(login.problem)
    assert nodes.asked == []
