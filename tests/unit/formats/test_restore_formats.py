# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore that any release was killed in is taken up, or goes back, by this one."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import IMPORTS_PREFIX
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import NodeManifestHeader
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import (
    FetchComplete,
    FetchedFile,
    FetchHeader,
    JournalState,
    ManagedDirectory,
    read_fetch_journal,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import TableSize
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.row_comparison import (
    TableRows,
    VerifiedTable,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import (
    laying_down,
    records,
    staged_record,
    steps,
    switch,
    switch_checks,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import importing, keeping
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.notes import Notes, read_notes
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.part import TablePart
from tests.unit.formats.cluster import CQL, TAG, Node
from tests.unit.formats.conftest import Bucket, Tree
from tests.unit.formats.writing import (
    IN_PLACE_WITHOUT_ROLES,
    MOMENT,
    NEW_CLUSTER,
    RESTORE_ID,
    Truncated,
    fetch,
    laying,
    plan,
    stage,
    tables_plan,
)
from tests.unit.plugins.module_utils._operations.node_on_disk import TABLE_ID, host_id
from tests.unit.plugins.module_utils._operations.restore.test_switch import Place

IN_PLACE_ID = "backup_20270115_080100-in-place-b4549038"
MOMENT_ID = "backup_20270115_080100-at-20270115T080320000001Z-in-place-b4549038"


def _nodes(root: pathlib.Path) -> list[Node]:
    found = [Node.there(root / "node1", number=1, directories=2), Node.there(root / "node2", number=2)]
    for node in found:
        # Their files say no address, and they are all on this machine.
        with (node.root / "cassandra.yaml").open("a") as config:
            config.write("listen_address: 127.0.0.1\nstorage_port: 1\nnative_transport_port: 1\n")
            config.write(f"broadcast_address: {node.identity.address}\n")
    return found


def _staged(node: Node, restore_id: str) -> dict[str, bytes]:
    return {
        f"{directory.name}/{path.relative_to(directory / '.revive' / restore_id / 'new')}": path.read_bytes()
        for directory in node.data_directories
        for path in (directory / ".revive" / restore_id / "new").rglob("*")
        if path.is_file()
    }


def test_a_fetch_that_was_killed_goes_on_with_what_it_has(tree: Tree, bucket: Bucket) -> None:
    store = bucket("repository")
    nodes, whole = _nodes(tree("fetch_killed")), _nodes(tree("fetched"))
    before = _staged(nodes[0], IN_PLACE_ID)
    assert len(before) == 12
    planned = plan(store, nodes, point=TAG)
    assert planned.restore_id == IN_PLACE_ID
    outcome = fetch(nodes[0], store, planned)
    assert (outcome.changed, outcome.files, outcome.size) == (True, 30, 4475)
    assert outcome.reused_bytes == sum(map(len, before.values()))
    assert _staged(nodes[0], IN_PLACE_ID) == _staged(whole[0], IN_PLACE_ID)


def test_a_fetch_that_had_ended_is_not_done_again(tree: Tree, bucket: Bucket) -> None:
    store = bucket("repository")
    nodes = _nodes(tree("fetched"))
    outcome = fetch(nodes[0], store, plan(store, nodes, point=TAG))
    assert (outcome.changed, outcome.files, outcome.fetched_bytes, outcome.reused_bytes) == (False, 30, 0, 4475)


def test_what_a_fetch_wrote_down_is_read(tree: Tree, release: str) -> None:
    (node, _other) = _nodes(tree("fetched"))
    path = records.fetch_journal_path(node.settings, restore_id=IN_PLACE_ID)
    header, *files, complete = read_fetch_journal(pathlib.Path(path).read_bytes().splitlines(keepends=True))
    assert header == FetchHeader(
        restore_id=IN_PLACE_ID,
        tag=TAG,
        source_host_id=host_id(1),
        manifest_sha256="a71e071c3e410f9ac377f8e185f4ab910a14bdb4aba3bb2f2a2e1cf2c2121fe0"
        if release == "0.1.0"
        else "6cdabf3552ab07195baa5a8f4b080b5d896b4e2c50b597215ed9b85f7c0fbff1",
        restore_auth=True,
        places=tuple(map(str, node.data_directories)),
    )
    assert complete == FetchComplete(files=30, size=4475, tables=5)
    name = f"shop/lines-{TABLE_ID}/nb-7-big-Data.db"
    first = node.data_directories[0] / ".revive" / IN_PLACE_ID / "new" / name
    assert files[0] == FetchedFile(
        place=0,
        path=name,
        size=200,
        sha256="bdb0889f94d291ce56e5e56a5df9bd6bc6e0ed3a8fcb535ca4de3a84325903ac",
        inode=first.stat().st_ino,
        mtime_ns=first.stat().st_mtime_ns,
    )
    assert len(files) == 30
    manifest = records.source_of(node.settings, restore_id=IN_PLACE_ID)
    assert isinstance(manifest, NodeManifestHeader)
    assert (manifest.tag, manifest.node.host_id, manifest.data_directories) == (TAG, host_id(1), 2)


def test_a_moment_that_was_staged_is_neither_fetched_nor_staged_again(tree: Tree, bucket: Bucket) -> None:
    store = bucket("repository")
    nodes = _nodes(tree("staged"))
    planned = plan(store, nodes, point=MOMENT)
    assert planned.restore_id == MOMENT_ID
    assert not fetch(nodes[0], store, planned).changed
    outcome = stage(nodes[0], store, planned)
    assert outcome == staged_record.RecoveryOutcome(
        changed=False,
        schema_sha256="ab" * 32,
        segments=4,
        log_bytes=3408,
        replayed=30,
        unknown=4,
        later_schema=5,
        dropped_tables=1,
        truncated_tables=1,
        indexes_to_rebuild=("shop.orders.by_v",),
        tables=("shop.orders",),
        replay_milliseconds=500,
        seconds=4.0,
        schema_cql=("CREATE TABLE shop.orders (k int);",),
        sizes=(TableSize(f"shop/orders-{TABLE_ID}", files=12, size=1790),),
    )
    rebuilt = steps.rebuild_indexes(nodes[0].settings, restore_id=MOMENT_ID, check_mode=False)
    assert rebuilt == ("shop.orders.by_v",)
    assert (nodes[0].root / "calls").read_text().endswith("rebuild_index shop orders by_v\n")
    assert steps.rebuild_indexes(nodes[0].settings, restore_id=MOMENT_ID, check_mode=False) == ()


def test_a_moment_that_was_being_laid_down_is_laid_down_to_the_end(tree: Tree) -> None:
    root = tree("laying")
    moment, base = laying(root)
    laid = laying_down.lay_down(staged=moment, base=base)
    assert (laid.linked, laid.dropped, laid.truncated) == (3, (), ())
    new = root / "work" / "new"
    assert {str(path.relative_to(new)): path.read_text() for path in new.rglob("*") if path.is_file()} == {
        f"shop/orders-{TABLE_ID}/nb-1-big-Data.db": "base nb-1-big-Data.db",
        f"shop/orders-{TABLE_ID}/nb-2-big-Data.db": "since nb-1-big-Data.db",
        f"shop/orders-{TABLE_ID}/nb-2-big-TOC.txt": "since nb-1-big-TOC.txt",
        "system_schema/tables-1/nb-1-big-Data.db": "schema nb-1-big-Data.db",
    }


WAYS: dict[str, dict[str, t.Any]] = {
    "preparing": IN_PLACE_WITHOUT_ROLES,
    "moving_old": IN_PLACE_WITHOUT_ROLES,
    "moving_new": IN_PLACE_WITHOUT_ROLES,
    "switched": NEW_CLUSTER,
    "taking_out_new": NEW_CLUSTER,
    "putting_back_old": NEW_CLUSTER,
}


@pytest.fixture(autouse=True)
def _nobody_uses_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch_checks.processes, "java_processes_using", lambda _directories: ())


def _contents(place: Place) -> dict[str, t.Any]:
    """Names, modes and contents."""
    return {name: value[1:] if name != "yaml" else value[1] for name, value in place.contents().items()}


@pytest.mark.parametrize("phase", WAYS)
def test_a_switch_that_was_killed_in_any_phase_is_rolled_back(tree: Tree, tmp_path: pathlib.Path, phase: str) -> None:
    place = Place(tree(f"switch_{phase}") / "node")
    state = records.pending(place.settings)
    assert state is not None
    assert (state.restore_id, state.phase, state.mode) == (RESTORE_ID, phase, WAYS[phase]["mode"])
    assert place.roll_back() == switch.RollBackOutcome(changed=True, refetch=False)
    assert records.pending(place.settings) is None
    untouched = Place(tmp_path / "untouched").make()
    assert _contents(place) == _contents(untouched)
    text = place.config.read_text()
    assert text.replace(str(place.root), "@") == untouched.config.read_text().replace(str(untouched.root), "@")
    place.switch(**WAYS[phase])
    place.check_switched(**WAYS[phase])


@pytest.mark.parametrize("phase", WAYS)
def test_a_switch_that_was_killed_in_any_phase_is_taken_up(tree: Tree, phase: str) -> None:
    place = Place(tree(f"switch_{phase}") / "node")
    outcome = place.switch(**WAYS[phase])
    assert (outcome.changed, outcome.phase) == (phase != "switched", "switched")
    place.check_switched(**WAYS[phase])
    assert switch.finish(place.settings, restore_id=RESTORE_ID, keep_old=False).changed
    assert not list(place.root.rglob(".revive"))


def test_a_switch_that_was_finished_is_over(tree: Tree) -> None:
    place = Place(tree("switch_finished") / "node")
    assert records.pending(place.settings) is None
    with pytest.raises(NodeError, match="is finished"):
        place.switch()
    assert switch.finish(place.settings, restore_id=RESTORE_ID, keep_old=False).freed_bytes > 50
    assert not list(place.root.rglob(".revive"))


def test_how_far_a_switch_is_is_read(tree: Tree, request: pytest.FixtureRequest) -> None:
    place = Place(tree("switch_switched") / "node")
    root = place.root
    state = records.pending(place.settings)
    assert state is not None
    # 0.1.0 did not write down when.
    assert (state.switched_us is None) == ("0.1.0" in request.node.callspec.id)
    assert dataclasses.replace(state, switched_us=None, put_aside=None) == JournalState(
        restore_id=RESTORE_ID,
        mode="new_cluster",
        phase="switched",
        tokens=("-5", "7"),
        restore_auth=True,
        config_file=str(place.config),
        directories=(
            *(ManagedDirectory(str(root / name), "data", str(root / name / ".revive")) for name in ("data1", "data2")),
            *(
                ManagedDirectory(str(root / name), "log", str(root / work / ".revive"), label)
                for name, work, label in (
                    ("commitlog", "commitlog", ""),
                    ("hints", "hints", ""),
                    ("saved_caches", "saved_caches", ""),
                    ("cdc_raw", "commitlog", "-cdc_raw"),
                )
            ),
        ),
    )


TABLES_ID = "t-replace-0123abcd"
NOTES = Notes(
    imported=("shop.orders",),
    held=2,
    import_began_ms=1_800_000_000_003,
    snapshots=(f"{TABLES_ID}-1800000000001",),
    kept=(f"{TABLES_ID}-1800000000001",),
    first_saved_ms=1_800_000_000_001,
    saved_ms=1_800_000_000_001,
)


@pytest.fixture
def part(tree: Tree, bucket: Bucket) -> TablePart:
    store = bucket("repository")
    nodes = _nodes(tree("tables"))
    return tables_plan(nodes[0], plan(store, nodes, point=TAG))


def _calls(part: TablePart) -> list[str]:
    path = pathlib.Path(part.node.config_file).with_name("calls")
    return [line for line in path.read_text().splitlines() if not line.startswith("info")]


def test_a_restore_of_tables_that_failed_half_way_goes_on_with_the_second_table(part: TablePart) -> None:
    assert read_notes(part.node, restore_id=TABLES_ID) == NOTES
    store, before = open_memory_store(), len(_calls(part))
    outcome = importing.import_tables(part, check_mode=False, store=store)
    assert (outcome.changed, outcome.tables, outcome.sstables, outcome.held) == (True, 2, 3, 3)
    imported, rebuilt = _calls(part)[before:]
    assert imported.startswith("import shop lines ")
    assert rebuilt == "rebuild_index shop lines by_v"
    assert len(list(store.list(IMPORTS_PREFIX))) == 2
    notes = dataclasses.replace(NOTES, imported=("shop.lines", "shop.orders"), held=3)
    assert read_notes(part.node, restore_id=TABLES_ID) == notes


def test_what_tables_held_before_is_known_and_put_back(part: TablePart) -> None:
    for at_ms, emptied in ((NOTES.saved_ms, True), (NOTES.saved_ms - 1, False)):
        saved = keeping.save_tables(
            part, cql=CQL, again=False, check_mode=True, connect=t.cast(t.Any, Truncated(at_ms).connect)
        )
        assert (saved.emptied, saved.snapshots) == (emptied, NOTES.snapshots)
    (orders,) = pathlib.Path(part.node.config_file).parent.glob("data0/shop/orders-*")
    snapshot = orders / "snapshots" / NOTES.kept[0]
    snapshot.mkdir(parents=True)
    (snapshot / "nb-1-big-Data.db").write_text("of before")
    assert keeping.put_tables_back(part) == NOTES.kept
    assert "of before" in [path.read_bytes().decode("latin-1") for path in orders.iterdir() if path.is_file()]
    assert read_notes(part.node, restore_id=TABLES_ID) == Notes(snapshots=NOTES.snapshots)


def test_how_rows_compared_is_remembered(part: TablePart) -> None:
    notes = read_notes(part.node, restore_id="t-verified-0123abcd")
    rows = TableRows(rows=9, same=7, newer=2, examples=(-5, 7))
    assert notes == dataclasses.replace(NOTES, verified=(VerifiedTable("shop", "orders", rows),))
