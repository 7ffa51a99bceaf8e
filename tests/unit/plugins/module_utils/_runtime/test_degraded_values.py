# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a role hands to publishing to what a degraded backup's manifest and list say."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BackupIncompleteError, InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    NodeSummary,
    RepositoryMarker,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.publish import publish_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import list_backups
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import backup_values
from tests.unit.formats.cluster import PLAIN, TAG, Clock, Node, make_repository, upload

MISSING = {
    "host_id": "gone",
    "name": "n2",
    "address": "10.0.0.2",
    "datacenter": "dc1",
    "rack": "rack2",
    "reason": "Cassandra does not answer.",
}
SCHEMA = "CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '%d'};"


def params(node: Node, *, replicas: int = 2, **changes: t.Any) -> dict[str, t.Any]:
    """The options of publishing a backup of one of two nodes."""
    own = {"host_id": node.identity.host_id, "datacenter": "dc1", "rack": "rack1", "tokens": list(node.identity.tokens)}
    return {
        "missing": [MISSING],
        "missing_nodes": "covered",
        "members": [own, {**MISSING, "tokens": ["0"], "schema_version": "1"}],
        "schema_cql": [SCHEMA % replicas],
        "keyspaces": [],
        "tables": [],
        **changes,
    }


@pytest.fixture
def node(tmp_path: pathlib.Path) -> Node:
    """A node with a snapshot."""
    node = Node(tmp_path / "node1", number=1).sstables()
    node.record_snapshot(TAG, began_us=Clock()())
    return node


def _summary(node: Node, *, store: ObjectStore, marker: RepositoryMarker) -> NodeSummary:
    return upload(node, store, tag=TAG, clock=Clock(), settings=PLAIN, marker=marker).summary


def test_a_degraded_backup_is_published_listed_and_says_what_it_lacks(node: Node) -> None:
    store = open_memory_store()
    marker = make_repository(store, [node])
    summary = _summary(node, store=store, marker=marker)
    degraded = backup_values.degraded(params(node), present=[summary])

    publish_backup(
        store,
        marker=marker,
        tag=TAG,
        node_summaries=[summary],
        began_us=1,
        keyspaces=(),
        tables_asked=(),
        schema_cql=[SCHEMA % 2],
        degraded=degraded,
        tool_version="t",
        now=Clock(),
    )

    (info,) = list_backups(store)
    assert info.manifest
    assert info.manifest.degraded == degraded
    told = backup_values.backup(info.manifest)
    assert (told["degraded"], told["missing_nodes"]) == (True, ["n2"])
    assert told["degraded_lines"][0] == "DEGRADED: taken without n2 (10.0.0.2), which was down."
    assert told["degraded_lines"][1].startswith(
        "Of the replicas of shop it has 1 of 2 in dc1: what was acknowledged at"
    )


@pytest.mark.parametrize(
    ("changes", "error", "saying"),
    [
        ({"replicas": 1}, BackupIncompleteError, "ranges of shop .* would have no replica in it"),
        ({"members": []}, BackupIncompleteError, "is not a member of the ring"),
        ({"members": [{"host_id": "x"}]}, InputError, "These are not members of a ring"),
        ({"missing": [{"name": "n2"}]}, InputError, "These are not missing nodes"),
    ],
)
def test_what_cannot_be_is_refused(node: Node, changes: dict[str, t.Any], error: type[Exception], saying: str) -> None:
    store = open_memory_store()
    summary = _summary(node, store=store, marker=make_repository(store, [node]))

    with pytest.raises(error, match=saying):
        backup_values.degraded(params(node, **changes), present=[summary])


def test_with_no_node_missing_nothing_is_degraded(node: Node) -> None:
    assert backup_values.degraded(params(node, missing=[], members=[]), present=[]) is None
