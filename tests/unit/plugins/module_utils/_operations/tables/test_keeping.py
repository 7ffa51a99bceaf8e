# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node keeps and puts back, by what it hands to Cassandra; what comes of it is shown on nodes."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import importing, keeping
from tests.unit.plugins.module_utils._operations.tables.node_with_tables import CQL, RESTORE_ID, SAVED_MS, World


def test_what_is_emptied_is_kept_once_before_and_known_by_the_nodes_own_memory(world: World) -> None:
    part = world.part(is_new=False)
    saved = keeping.save_tables(part, cql=CQL, again=False, check_mode=False, connect=world.connect)
    name = f"{RESTORE_ID}-{SAVED_MS}"
    assert (saved.changed, saved.emptied, saved.snapshots, saved.exact) == (True, False, (name,), True)
    assert world.calls == [("snapshot", "-t", name, "-kt", "shop.orders")]
    looked = keeping.save_tables(part, cql=CQL, again=False, check_mode=True, connect=world.connect)
    assert not looked.emptied
    assert keeping.empty_tables(part.plan, cql=CQL, check_mode=False, connect=world.connect) == (
        'TRUNCATE TABLE "shop"."orders"',
    )
    world.truncated_ms = SAVED_MS + 5
    again = keeping.save_tables(part, cql=CQL, again=False, check_mode=False, connect=world.connect)
    assert (again.changed, again.emptied) == (False, True)
    with (world.disk.root / "cassandra.yaml").open("a") as file:
        file.write("auto_snapshot: false\n")
    assert not keeping.save_tables(part, cql=CQL, again=False, check_mode=True, connect=world.connect).exact
    assert len(world.calls) == 1


def test_what_was_there_before_the_import_is_put_back_and_nothing_later(world: World) -> None:
    part = world.part(is_new=False)
    keeping.save_tables(part, cql=CQL, again=False, check_mode=False, connect=world.connect)
    table = world.disk.table("orders", keyspace="shop")
    for name, text in (
        (f"{RESTORE_ID}-{SAVED_MS}", "kept"),
        (f"truncated-{SAVED_MS + 5}-orders", "written between"),
        (f"truncated-{SAVED_MS - 5}-orders", "of long ago"),
        (f"truncated-{SAVED_MS + 90}-orders", "with what was imported"),
    ):
        (table / "snapshots" / name).mkdir(parents=True)
        (table / "snapshots" / name / "nb-1-big-Data.db").write_text(text)
    world.now_ms = SAVED_MS + 50
    importing.import_tables(part, check_mode=False)
    for path in [path for path in table.iterdir() if path.is_file()]:
        path.unlink()
    taken = keeping.put_tables_back(part)
    assert set(taken) == {f"{RESTORE_ID}-{SAVED_MS}", f"truncated-{SAVED_MS + 5}-orders"}
    assert world.live() == {"kept", "written between"}
    assert keeping.put_tables_back(part) == (), "an attempt that is over is put back again"
