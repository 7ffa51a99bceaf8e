# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backup tables are restored from."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NewestUnknownError, PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import cluster_manifest_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Selection
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.plan import make_tables_plan
from tests.unit.plugins.module_utils._core.tables.shop_backup import MANIFEST


def put(store: ObjectStore, tag: str, *, completed_us: int, **changes: t.Any) -> None:
    """Put a backup there of which no node's part can be read, which plans say."""
    nodes = tuple(dataclasses.replace(each, manifest_key=f"part-of-{tag}") for each in MANIFEST.nodes)
    manifest = dataclasses.replace(MANIFEST, tag=tag, completed_us=completed_us, nodes=nodes, **changes)
    store.put(cluster_manifest_key(tag), CLUSTER_MANIFEST.encode(manifest))


def refusal(store: ObjectStore, selection: Selection) -> str:
    with pytest.raises(PlanRefusedError) as refused:
        make_tables_plan(
            store,
            restore_point="latest",
            selection=selection,
            targets=[],
            cql_settings=CqlSettings(address="127.0.0.1"),
            describe=lambda _settings: [],
        )
    return str(refused.value)


def test_the_latest_for_tables_is_the_newest_backup_that_has_all_of_them() -> None:
    store = open_memory_store()
    put(store, "whole", completed_us=1)
    put(store, "one_table", completed_us=2, tables_asked=("shop.orders",))
    put(store, "after_a_drop", completed_us=3, tables=MANIFEST.tables[1:])
    assert "part-of-one_table" in refusal(store, Selection(tables=("shop.orders",)))
    assert "part-of-whole" in refusal(store, Selection(tables=("shop.orders", "shop.Counts")))
    assert "part-of-after_a_drop" in refusal(store, Selection(keyspaces=("shop",)))
    # What no backup has is missed where it would be.
    assert "The backup after_a_drop has no table shop.never" in refusal(store, Selection(tables=("shop.never",)))
    store.put(cluster_manifest_key("broken"), b"{")
    with pytest.raises(NewestUnknownError, match="restore_point=one_table"):
        make_tables_plan(
            store,
            restore_point="latest",
            selection=Selection(tables=("shop.orders",)),
            targets=[],
            cql_settings=CqlSettings(address="127.0.0.1"),
        )
