# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables that were made beside others end no window, and whoever restores a later moment is told of them."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.looks import look_warnings
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import IMPORTS_PREFIX
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import TableImport
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.bases import bases_of
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import record_import
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.looks import (
    looks_between,
    warnings_at,
)
from tests.unit.plugins.module_utils._operations.archive.test_bases import back_up
from tests.unit.plugins.module_utils._operations.node_on_disk import DiskNode

LOOK = "shop.orders_restored_1"
OTHER = "11111111-1111-1111-1111-111111111111"


@pytest.fixture(name="store")
def _store() -> ObjectStore:
    return open_memory_store(prefix="p/")


def looked(store: ObjectStore, *, host_id: str, at_us: int, tables: tuple[str, ...] = (LOOK,)) -> None:
    record_import(store, host_id=host_id, at_us=at_us, detail="t-beside-1", tables=tables, look=True)


def test_a_look_ends_no_window_and_an_import_into_other_tables_does(store: ObjectStore, tmp_path: pathlib.Path) -> None:
    node = DiskNode(tmp_path / "node")
    node.sstable(node.table("certificates"), 1)
    ended_us = back_up(store, node, "first").snapshot_ended_us
    looked(store, host_id=node.identity.host_id, at_us=ended_us + 5)
    assert bases_of(store)[0].imported_us is None
    record_import(store, host_id=node.identity.host_id, at_us=ended_us + 9, detail="t-merge-1")
    assert bases_of(store)[0].imported_us == ended_us + 9
    (warning,) = warnings_at(store, tag="first", moment_us=ended_us + 7)
    assert LOOK in warning
    assert warnings_at(store, tag="first", moment_us=ended_us + 4) == ()


def test_one_node_s_records_are_read_since_each_node_writes_them(store: ObjectStore) -> None:
    for host_id, at_us in ((OTHER, 11), (OTHER.replace("1", "2"), 12), (OTHER.replace("1", "2"), 13)):
        looked(store, host_id=host_id, at_us=at_us)
    store.put(f"{IMPORTS_PREFIX}something else", b"")
    assert [look.at_us for look in looks_between(store, from_us=10, until_us=20)] == [12, 13]
    assert [look.tables for look in looks_between(store, from_us=10, until_us=11)] == [(LOOK,)]
    assert looks_between(store, from_us=1, until_us=10) == ()


def test_who_restores_a_later_moment_is_told_which_tables_lack_what_was_imported() -> None:
    looks = [
        TableImport(host_id=OTHER, at_us=at_us, detail=detail, tables=(table,))
        for at_us, detail, table in ((30, "second", "shop.b"), (20, "first", "shop.a"), (25, "first", "shop.a"))
    ]
    (warning,) = look_warnings(looks, moment_us=30)
    assert "shop.a (by first at 1970-01-01T00:00:00.000020Z), shop.b (by second at" in warning
    assert "shop.b" not in look_warnings(looks, moment_us=29)[0]
    assert look_warnings(looks, moment_us=30, wants=lambda name: name == "shop.c") == ()
    many = [TableImport(host_id=OTHER, at_us=1, detail="x", tables=tuple(f"shop.t{n:02}" for n in range(12)))]
    assert "shop.t09 (by x at 1970-01-01T00:00:00.000001Z) and 2 more." in look_warnings(many, moment_us=1)[0]
