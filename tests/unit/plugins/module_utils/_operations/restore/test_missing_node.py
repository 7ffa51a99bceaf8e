# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node gets of a backup that was taken while it was down, although it has data of its own by now."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import MomentRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.degraded import (
    Degraded,
    KeyspaceCoverage,
    MissingNode,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import cluster_manifest_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import steps, switch
from tests.unit.formats.cluster import TAG, Node, load, write_repository
from tests.unit.formats.writing import MOMENT, fetch, plan, targets


@pytest.fixture
def store(tmp_path: pathlib.Path) -> ObjectStore:
    """A repository whose only backup lacks the second node, which was down."""
    write_repository(tmp_path, encrypted=False)
    whole, degraded, key = load(tmp_path / "bucket"), open_memory_store(), cluster_manifest_key(TAG)
    manifest = CLUSTER_MANIFEST.decode(whole.get(key), subject=key)
    first, second = manifest.nodes
    told = ("host_id", "name", "address", "datacenter", "rack", "tokens")
    missing = MissingNode(**{name: getattr(second.node, name) for name in told})
    shop = KeyspaceCoverage("shop", "dc1 2", 2, 1, (), ((1, 4),))
    changed = dataclasses.replace(manifest, nodes=(first,), degraded=Degraded((missing,), (shop,)))
    for info in whole.list(""):
        body = CLUSTER_MANIFEST.encode(changed) if info.key == key else whole.get(info.key)
        degraded.put(info.key, body)
    return degraded


def test_it_gets_the_schema_and_its_own_data_is_put_aside(store: ObjectStore, tmp_path: pathlib.Path) -> None:
    nodes = targets(tmp_path)
    planned = plan(store, nodes, point=TAG)
    whole, missing = nodes

    assert fetch(whole, store, planned).files > fetch(missing, store, planned).files > 0
    for node in nodes:
        part = steps.Part(node.settings, planned, owner=None, group=None)
        switch.switch_node(
            node.settings,
            restore_id=planned.restore_id,
            mode=planned.mode,
            tokens=planned.assignment_of(part.node.name).tokens,
            restore_auth=planned.restore_auth,
            owner=None,
            group=None,
            is_running=lambda: False,
        )

    there = {path.relative_to(missing.data_directories[0]).parts[0] for path in _data_of(missing)}
    assert there == {"system", "system_schema"}
    assert {path.parts[-3] for path in _data_of(whole)} >= {"shop", "system_schema"}


def test_no_moment_is_planned_from_it(store: ObjectStore, tmp_path: pathlib.Path) -> None:
    with pytest.raises(MomentRefusedError, match="it was taken without node2"):
        plan(store, targets(tmp_path), point=MOMENT)


def test_only_the_node_without_data_is_to_be_repaired(
    store: ObjectStore, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = targets(tmp_path)
    planned = plan(store, nodes, point=TAG)
    monkeypatch.setattr(steps.switch, "settle_configuration", lambda *_node, **_options: False)
    for node in nodes:
        fetch(node, store, planned)

    serving = [steps.serve(node.settings, restore_id=planned.restore_id, check_mode=False) for node in nodes]

    assert [each.needs_repair for each in serving] == [False, True]


def _data_of(node: Node) -> list[pathlib.Path]:
    return [path for path in node.root.glob("data*/*/*/*-Data.db") if ".revive" not in path.parts]
