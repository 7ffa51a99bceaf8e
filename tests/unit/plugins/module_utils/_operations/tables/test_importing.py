# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node imports, keeps and puts back, by what it hands to Cassandra; what comes of it is shown on nodes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import file_sha256
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    IMPORTS_PREFIX,
    parse_import_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import Assignment
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.making import table_comment
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Selection, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import importing
from tests.unit.plugins.module_utils._core.restore.plans import restore_plan, table_restore
from tests.unit.plugins.module_utils._operations.node_on_disk import TABLE_ID, DiskNode

CQL = CqlSettings(address="127.0.0.1")
RESTORE_ID = "t-replace-0123abcd"
SAVED_MS = 1_700_000_000_000


def _assignment(source: str) -> Assignment:
    return Assignment(
        target_name="node1",
        source_host_id=source,
        source_name=source,
        source_address="10.0.0.1",
        target_address="10.0.0.1",
        datacenter="dc1",
        rack="r1",
        tokens=("1",),
        files=1,
        size=1,
        stored_size=1,
        is_seed=True,
        manifest_key="k",
        manifest_sha256="0",
        manifest_size=1,
    )


class World:
    """A node with fetched tables, a nodetool that does what Cassandra does to files, and what CQL would say."""

    def __init__(self, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.disk = DiskNode(root / "node", directories=2)
        self.disk.be_remembered()
        self.calls: list[tuple[str, ...]] = []
        self.fails = ""
        self.names_directory = False
        self.compacts = self.copies = False
        self.truncated_ms = 0
        self.statements: list[str] = []
        self.now_ms = SAVED_MS
        monkeypatch.setattr(importing, "Nodetool", lambda _settings: self)
        monkeypatch.setattr(importing, "now_us", lambda: self.now_ms * 1000)
        (root / "node" / "state" / "restores").mkdir(parents=True)
        self.be_fetched(RESTORE_ID)

    def be_fetched(self, restore_id: str) -> None:
        journal_path = self.disk.root / "state" / "restores" / f"{restore_id}.jsonl"
        header = journal.FetchHeader(
            restore_id=restore_id,
            tag="t",
            source_host_id="h",
            manifest_sha256="0",
            restore_auth=False,
            places=tuple(map(str, self.disk.data_directories)),
            tables=(f"shop/orders-{TABLE_ID}",),
        )
        complete = journal.FetchComplete(files=1, size=1, tables=1)
        journal_path.write_bytes(journal.FETCH.encode(header) + journal.FETCH.encode(complete))
        for place in self.disk.data_directories:
            staged = self.staged(place, restore_id)
            staged.mkdir(parents=True)
            for name in ("Data.db", "TOC.txt", "Filter.db"):
                (staged / f"nb-1-big-{name}").write_text(f"{place}{restore_id[len(RESTORE_ID) :]} {name}")
            (staged / "nb-1-big-SAI+aa+old_index+Meta.db").write_text("of another index")

    def staged(self, place: pathlib.Path, restore_id: str = RESTORE_ID) -> pathlib.Path:
        return place / ".revive" / restore_id / "new" / "shop" / f"orders-{TABLE_ID}"

    def part(
        self, *, is_new: bool = True, indexes: tuple[str, ...] = (), sources: tuple[str, ...] = ("n1",)
    ) -> importing.TablePart:
        table = table_restore("orders", is_new=is_new, table_id=TABLE_ID)
        restore = restore_plan(restore_id=RESTORE_ID, assignments=tuple(map(_assignment, sources)))
        selection = Selection(reshape=len(sources) > 1)
        plan = TablesPlan(restore=restore, selection=selection, fetched=(), tables=(table,), indexes=indexes)
        return importing.TablePart(node=self.disk.settings, plan=plan)

    def run(self, *words: str) -> str:
        """As nodetool: an import moves what it is given into the table's directory."""
        self.calls.append(words)
        if words[0] == self.fails:
            raise NodeError(
                f"nodetool {words[0]} on node n1 failed: {words[-1] if self.names_directory else 'refused'}."
            )
        if words[0] == "import":
            table = self.disk.table("orders", keyspace="shop")
            directories = [pathlib.Path(word) for word in words if word.startswith("/")]
            for number, directory in enumerate(directories):
                for path in directory.iterdir():
                    if self.compacts:
                        path.unlink()
                        continue
                    if self.copies:
                        shutil.copy(path, f"{path}.copy")
                        os.replace(f"{path}.copy", path)
                    shutil.move(str(path), table / path.name.replace("-1-", f"-{number + len(self.calls) * 10}-"))
        return ""

    @contextlib.contextmanager
    def connect(self, _settings: CqlSettings) -> t.Iterator[World]:
        yield self

    def rows(self, statement: str, _parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        self.statements.append(statement)
        if "FROM system_schema.tables" in statement:
            return [("shop", "orders", "the-id")]
        if "truncated_at" in statement:
            return [({"the-id": bytes(12) + self.truncated_ms.to_bytes(8, "big")},)]
        return []

    def live(self) -> set[str]:
        return {path.read_text() for path in self.disk.table("orders", keyspace="shop").iterdir() if path.is_file()}


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


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


def test_what_is_emptied_is_kept_once_before_and_known_by_the_nodes_own_memory(world: World) -> None:
    part = world.part(is_new=False)
    saved = importing.save_tables(part, cql=CQL, again=False, check_mode=False, connect=world.connect)
    name = f"{RESTORE_ID}-{SAVED_MS}"
    assert (saved.changed, saved.emptied, saved.snapshots, saved.exact) == (True, False, (name,), True)
    assert world.calls == [("snapshot", "-t", name, "-kt", "shop.orders")]
    looked = importing.save_tables(part, cql=CQL, again=False, check_mode=True, connect=world.connect)
    assert not looked.emptied
    assert importing.empty_tables(part.plan, cql=CQL, check_mode=False, connect=world.connect) == (
        'TRUNCATE TABLE "shop"."orders"',
    )
    world.truncated_ms = SAVED_MS + 5
    again = importing.save_tables(part, cql=CQL, again=False, check_mode=False, connect=world.connect)
    assert (again.changed, again.emptied) == (False, True)
    with (world.disk.root / "cassandra.yaml").open("a") as file:
        file.write("auto_snapshot: false\n")
    assert not importing.save_tables(part, cql=CQL, again=False, check_mode=True, connect=world.connect).exact
    assert len(world.calls) == 1


def test_what_was_there_before_the_import_is_put_back_and_nothing_later(world: World) -> None:
    part = world.part(is_new=False)
    importing.save_tables(part, cql=CQL, again=False, check_mode=False, connect=world.connect)
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
    taken = importing.put_tables_back(part)
    assert set(taken) == {f"{RESTORE_ID}-{SAVED_MS}", f"truncated-{SAVED_MS + 5}-orders"}
    assert world.live() == {"kept", "written between"}
    assert importing.put_tables_back(part) == (), "an attempt that is over is put back again"


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
    name = importing.verification_snapshot(RESTORE_ID)
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


def test_views_are_dropped_and_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    view = "CREATE MATERIALIZED VIEW shop.v AS SELECT * FROM shop.orders PRIMARY KEY (v, k)"
    monkeypatch.setattr(importing, "describe_schema", lambda *_arguments, **_named: ())
    plan = dataclasses.replace(world.part(is_new=False).plan, views=(view,))
    done = importing.complete_tables(plan, cql=CQL, check_mode=False, connect=world.connect)
    assert done == ('DROP MATERIALIZED VIEW IF EXISTS "shop"."v"', view)


def test_what_is_missing_is_made_and_what_was_cut_off_is_made_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = "k int PRIMARY KEY, v int, gone int, again int"
    made = (
        f'CREATE TABLE IF NOT EXISTS "shop"."x" ({columns}) WITH comment = {table_comment(RESTORE_ID)}',
        'ALTER TABLE "shop"."x" DROP gone USING TIMESTAMP 7',
        'ALTER TABLE "shop"."x" DROP again USING TIMESTAMP 8',
        'ALTER TABLE "shop"."x" ADD again bigint',
    )
    plan = dataclasses.replace(world.part().plan, before_cql=made)
    described: list[str] = []
    monkeypatch.setattr(importing, "describe_schema", lambda *_arguments, **_named: tuple(described))

    def make() -> tuple[str, ...]:
        return importing.make_tables(plan, cql=CQL, check_mode=False, connect=world.connect)

    assert make() == made
    described[:] = [made[0]]
    assert make() == ('DROP TABLE "shop"."x"', *made)
    for whole in (";".join(made), "CREATE TABLE shop.x (k int PRIMARY KEY, again bigint, v int)"):
        described[:] = [whole]
        assert make() == ()
    described[:] = ["CREATE TABLE shop.x (other int PRIMARY KEY)"]
    with pytest.raises(NodeError, match="this restore did not make it"):
        make()


def test_a_new_table_is_completed_once_and_says_whose_it_is_until_it_is_released(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = 'CREATE INDEX IF NOT EXISTS "i" ON "shop"."orders" (v)'
    plan = world.part().plan
    (table,) = plan.tables
    ended = dataclasses.replace(table, comment="'ours'", compaction="{'class': 'S'}")
    plan = dataclasses.replace(plan, tables=(ended,), after_cql=(index,))
    orders = "CREATE TABLE shop.orders (k int PRIMARY KEY, v int) WITH "
    mark = f"comment = {table_comment(RESTORE_ID)}"
    described = [f"{orders}{mark} AND compaction = {{'class': 'S', 'enabled': 'false'}}"]
    monkeypatch.setattr(importing, "describe_schema", lambda *_arguments, **_named: tuple(described))

    def complete() -> tuple[str, ...]:
        return importing.complete_tables(plan, cql=CQL, check_mode=False, connect=world.connect)

    def release() -> tuple[str, ...]:
        return importing.release_tables(plan, cql=CQL, check_mode=False, connect=world.connect)

    assert complete() == ("ALTER TABLE \"shop\".\"orders\" WITH compaction = {'class': 'S'}", index)
    described[:] = [f"{orders}{mark} AND compaction = {{'class': 'S'}}", index]
    assert complete() == ()
    assert release() == ('ALTER TABLE "shop"."orders" WITH comment = \'ours\'',)
    described[:] = [f"{orders}comment = 'ours' AND compaction = {{'class': 'S'}}", index]
    assert release() == ()


@pytest.mark.parametrize("step", ["make_tables", "empty_tables", "complete_tables", "release_tables"])
def test_check_mode_says_which_statements_there_would_be(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    mark = f"comment = {table_comment(RESTORE_ID)}"
    described = [f"CREATE TABLE shop.orders (k int PRIMARY KEY) WITH {mark} AND compaction = {{'enabled': 'false'}}"]
    monkeypatch.setattr(importing, "describe_schema", lambda *_arguments, **_named: tuple(described))
    plan = world.part(is_new=step != "empty_tables").plan
    (table,) = plan.tables
    plan = dataclasses.replace(
        plan,
        tables=(dataclasses.replace(table, comment="'ours'", compaction="{'class': 'S'}"),),
        before_cql=("CREATE TABLE IF NOT EXISTS shop.x (k int PRIMARY KEY)",),
    )

    would = getattr(importing, step)(plan, cql=CQL, check_mode=True, connect=world.connect)
    assert would
    assert world.statements == []
    assert getattr(importing, step)(plan, cql=CQL, check_mode=False, connect=world.connect) == would
    assert world.statements == list(would)


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
