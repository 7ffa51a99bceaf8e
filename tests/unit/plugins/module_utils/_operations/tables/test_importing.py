# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node imports, by what it hands to Cassandra; what comes of it is shown on nodes."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import file_sha256
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError, StoreDeniedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    IMPORTS_PREFIX,
    parse_import_key,
    parse_look_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import IMPORT
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import importing, snapshots
from tests.unit.plugins.module_utils._operations.tables.node_with_tables import RESTORE_ID, SAVED_MS, World


def test_cassandra_gets_links_without_other_indexes_and_what_was_fetched_stays(world: World) -> None:
    store = open_memory_store(prefix="p/")
    outcome = importing.import_tables(world.part(), check_mode=False, store=store)
    assert (outcome.changed, outcome.tables, outcome.sstables, outcome.held) == (True, 1, 2, 2)
    assert world.live() == {
        f"{place} {name}" for place in world.disk.data_directories for name in ("Data.db", "TOC.txt", "Filter.db")
    }
    for place in world.disk.data_directories:
        assert (world.staged(place) / "nb-1-big-Data.db").stat().st_nlink == 2
        assert (world.staged(place) / "nb-1-big-TOC.txt").stat().st_nlink == 1
        assert not (place / ".revive" / RESTORE_ID / "import" / "0").is_dir() or not any(
            path.is_file() for path in (place / ".revive" / RESTORE_ID / "import").rglob("*")
        )
    told = [parse_import_key(info.key) for info in store.list(IMPORTS_PREFIX)]
    assert told == [SAVED_MS * 1000], "the repository is not told when"


def test_nothing_is_fetched_by_who_may_not_record_the_import(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_store: object, *, host_id: str) -> None:
        raise StoreDeniedError(f"not for {host_id}", subject="imports/")

    monkeypatch.setattr(importing.rights, "require_may_record_import", refuse)
    monkeypatch.setattr(importing.steps, "fetch_part", lambda *_args, **_options: pytest.fail("it fetches"))
    with pytest.raises(StoreDeniedError, match="not for"):
        importing.fetch_tables(
            world.part(),
            open_memory_store(),
            repository=t.cast(t.Any, None),
            transfer=t.cast(t.Any, None),
            progress=t.cast(t.Any, None),
        )


def test_the_repository_is_told_whether_only_tables_of_its_own_were_given_data(world: World) -> None:
    store = open_memory_store(prefix="p/")
    part = world.part()
    own = dataclasses.replace(part.plan.tables[0], source_table="orders_before")
    plan = dataclasses.replace(part.plan, tables=(own,))
    importing.import_tables(dataclasses.replace(part, plan=plan), check_mode=False, store=store)
    (key,) = [info.key for info in store.list(IMPORTS_PREFIX)]
    assert parse_import_key(key) is None, "a look ends a window"
    assert parse_look_key(key) == (SAVED_MS * 1000, IMPORT.decode(store.get(key), subject=key).host_id)
    assert IMPORT.decode(store.get(key), subject=key).tables == ("shop.orders",)


def test_what_is_imported_is_not_imported_again_and_what_failed_is(world: World) -> None:
    world.fails = "import"
    with pytest.raises(NodeError, match="refused"):
        importing.import_tables(world.part(), check_mode=False)
    world.fails = ""
    assert importing.import_tables(world.part(), check_mode=True).changed
    assert importing.import_tables(world.part(), check_mode=False).changed
    count = len(world.calls)
    again = importing.import_tables(world.part(), check_mode=False)
    assert (again.changed, again.held) == (False, 2)
    assert len(world.calls) == count


def test_what_cassandra_does_not_take_is_told_with_where_the_cause_is(world: World) -> None:
    world.fails, world.names_directory = "import", True
    with pytest.raises(
        NodeError, match=r"On node1 Cassandra did not take the SSTables of shop.orders in /.*/import/1/"
    ) as told:
        importing.import_tables(world.part(), check_mode=False)
    assert "Failed verifying" in told.value.next_step


def test_keys_of_other_nodes_that_a_pending_cleanup_left_are_taken_and_cleaned_up(world: World) -> None:
    world.has_foreign_keys = True
    outcome = importing.import_tables(world.part(), check_mode=False)
    assert (outcome.sstables, outcome.held) == (2, 2)
    did = [words[0] + (" --no-tokens" if "--no-tokens" in words else "") for words in world.calls]
    assert did == ["import", "describering", "import --no-tokens", "cleanup"]


def test_keys_of_other_nodes_are_not_taken_once_the_ring_is_another(world: World) -> None:
    world.has_foreign_keys, world.ring = True, (1, 2)
    with pytest.raises(NodeError, match="tokens are not those that the restore was planned with"):
        importing.import_tables(world.part(), check_mode=False)
    assert "cleanup" not in [words[0] for words in world.calls]
    assert world.live() == set()


def test_a_new_table_without_all_of_its_files_is_told(world: World) -> None:
    world.compacts = True
    with pytest.raises(NodeError, match="2 of 2 SSTables are not in"):
        importing.import_tables(world.part(), check_mode=False)


def test_what_cassandra_compacts_in_a_table_that_was_there_is_not_counted(world: World) -> None:
    world.compacts = True
    outcome = importing.import_tables(world.part(is_new=False), check_mode=False)
    assert (outcome.sstables, outcome.held) == (2, 0)


def test_what_cassandra_copied_is_known_by_its_content_unless_it_has_compacted_it_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.copies = True
    assert importing.import_tables(world.part(), check_mode=False).held == 2
    hashed: list[str] = []

    def compacted(path: str) -> str:
        if f"{os.sep}.revive{os.sep}" not in path and not hashed:
            hashed.append(path)
            pathlib.Path(path).unlink()
        return file_sha256(path)

    monkeypatch.setattr(importing, "file_sha256", compacted)
    importing.finish_tables(world.part(), check_mode=False)
    for path in [path for path in world.disk.table("orders", keyspace="shop").iterdir() if path.is_file()]:
        path.unlink()
    world.be_fetched(RESTORE_ID)
    assert importing.import_tables(world.part(is_new=False), check_mode=False).held == 1
    assert hashed


@pytest.mark.parametrize("is_new", [True, False])
def test_what_cassandra_passes_by_is_told(world: World, monkeypatch: pytest.MonkeyPatch, *, is_new: bool) -> None:
    monkeypatch.setattr(world, "run", lambda *words: world.calls.append(words))
    with pytest.raises(NodeError, match=r"has skipped 2 SSTables of shop\.orders, such as nb-1-big-Data\.db"):
        importing.import_tables(world.part(is_new=is_new), check_mode=False)


def test_indexes_of_a_table_that_was_there_are_rebuilt(world: World) -> None:
    part = world.part(is_new=False, indexes=("shop.orders.by_state",))
    importing.import_tables(part, check_mode=False)
    assert world.calls[-1] == ("rebuild_index", "shop", "orders", "by_state")


def test_finished_nothing_is_left_but_the_tables(world: World) -> None:
    part = world.part()
    importing.import_tables(part, check_mode=False)
    assert importing.finish_tables(part, check_mode=True) == 0
    assert importing.finish_tables(part, check_mode=False)
    assert importing.finish_tables(part, check_mode=False) is None
    assert not any((place / ".revive").exists() for place in world.disk.data_directories)
    assert world.live()


def test_a_snapshot_that_a_killed_comparison_left_goes_with_the_rest(world: World) -> None:
    part = world.part()
    name = snapshots.verification_snapshot(RESTORE_ID)
    (world.disk.table("orders", keyspace="shop") / "snapshots" / name).mkdir(parents=True)
    importing.finish_tables(part, check_mode=True)
    assert world.calls == []
    importing.finish_tables(part, check_mode=False)
    assert world.calls == [("clearsnapshot", "-t", name)]


def test_in_another_shape_a_node_takes_what_all_had_and_drops_what_is_not_its_own(world: World) -> None:
    for number in (1, 2):
        world.be_fetched(f"{RESTORE_ID}.{number}")
    part = world.part(sources=("n1", "n2"))
    outcome = importing.import_tables(part, check_mode=False)
    assert outcome.sstables == 4
    assert world.live() == {
        f"{place}{source} {name}"
        for place in world.disk.data_directories
        for source in (".1", ".2")
        for name in ("Data.db", "TOC.txt", "Filter.db")
    }
    assert world.calls[0][:4] == ("import", "--no-tokens", "shop", "orders")
    assert world.calls[1] == ("cleanup", "shop", "orders")
    assert importing.finish_tables(part, check_mode=False)
    assert not any((place / ".revive").exists() for place in world.disk.data_directories)
    assert not list((world.disk.root / "state" / "restores").iterdir())


def test_what_cassandra_copied_to_another_file_system_is_known_by_its_content(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.run

    def copy(*words: str) -> str:
        for directory in map(pathlib.Path, words[3:]):
            for path in list(directory.iterdir()):
                text = path.read_text()
                path.unlink()
                path.write_text(text)
        return run(*words)

    monkeypatch.setattr(world, "run", copy)
    assert importing.import_tables(world.part(), check_mode=False).changed
