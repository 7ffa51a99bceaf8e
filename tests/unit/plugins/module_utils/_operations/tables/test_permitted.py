# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a node about settings and rights before anything is touched."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError, NodeUnreachableError
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.permitted import read_permitted
from tests.unit.plugins.module_utils._operations.node_on_disk import DiskNode

CQL = CqlSettings(address="127.0.0.1", username="app")


class Node:
    """A node that answers some statements and refuses the others."""

    def __init__(self, *, error: type[NodeError] = NodeError, **answers: list[tuple[t.Any, ...]]) -> None:
        self._answers, self._error = answers, error

    @contextlib.contextmanager
    def connect(self, settings: CqlSettings) -> t.Iterator[t.Any]:
        assert settings.only_this_address
        yield self

    def rows(self, statement: str, _parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        for words, answer in self._answers.items():
            if words.replace("_", " ") in statement.replace("_", " "):
                return answer
        raise self._error("refused")


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> DiskNode:
    return DiskNode(tmp_path / "node")


def test_the_running_settings_count_and_not_the_file(disk: DiskNode) -> None:
    with pathlib.Path(disk.settings.config_file).open("a", encoding="utf-8") as file:
        file.write("materialized_views_enabled: true\n")
    running = Node(system_views=[("materialized_views_enabled", "false")])
    found = read_permitted(CQL, node=disk.settings, connect=running.connect)
    assert found.settings is not None
    assert not found.settings["materialized_views_enabled"]
    # A role that may not read them has the file.
    found = read_permitted(CQL, node=disk.settings, connect=Node().connect)
    assert found.settings is not None
    assert found.settings["materialized_views_enabled"]
    pathlib.Path(disk.settings.config_file).unlink()
    assert read_permitted(CQL, node=disk.settings, connect=Node().connect).settings is None


def test_rights_are_those_that_cassandra_lists(disk: DiskNode) -> None:
    node = Node(
        LIST_ROLES=[("app", False, True, {}, "ALL")], LIST_ALL_PERMISSIONS=[("app", "app", "<keyspace shop>", "CREATE")]
    )
    rights = read_permitted(CQL, node=disk.settings, connect=node.connect).rights
    assert rights is not None
    assert (rights.role, rights.is_superuser) == ("app", False)
    assert rights.granted == {("<keyspace shop>", "CREATE")}
    # Where everybody may do everything, nothing is listed.
    anybody = Node(LIST_ROLES=[("app", False, True, {}, "ALL")])
    assert read_permitted(CQL, node=disk.settings, connect=anybody.connect).rights is None


def test_a_node_that_does_not_answer_is_an_error(disk: DiskNode) -> None:
    with pytest.raises(NodeUnreachableError):
        read_permitted(CQL, node=disk.settings, connect=Node(error=NodeUnreachableError).connect)
