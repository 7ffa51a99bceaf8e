# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nodes leave on their disks: backups and restores, whole ones and such as were killed, and the agent's files.

``TREES`` has a writer of each; a writer makes its tree in an empty directory. What was killed was killed in truth, in a
process of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import pathlib
import sys
import tempfile
import time
import typing as t
import unittest.mock

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import write_atomically
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_status import STATUS, AgentStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replay_log import ReplayReport
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import InstanceOptions, TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    Selection,
    TableRestore,
    TablesPlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.row_comparison import (
    TableRows,
    VerifiedTable,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot import take_snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import (
    laying_down,
    records,
    recovery,
    staged_record,
    staging,
    steps,
    switch,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.plan import make_plan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.target import read_node
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import importing, keeping, notes
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.part import TablePart
from tests.unit.formats.cluster import (
    CQL,
    PLAIN,
    START_US,
    TAG,
    UNFINISHED,
    Archived,
    Clock,
    Node,
    dump,
    load,
    make_repository,
    upload,
    write_repository,
)
from tests.unit.formats.trees import pack
from tests.unit.plugins.module_utils._operations import node_on_disk
from tests.unit.plugins.module_utils._operations.archive.test_setup import Bench
from tests.unit.plugins.module_utils._operations.node_on_disk import TABLE_ID, CountingProgress
from tests.unit.plugins.module_utils._operations.restore.test_switch import Place

#: A moment between the backup and the import.
MOMENT = "2027-01-15T08:03:20.000001Z"
_RECORDED = pathlib.Path(node_on_disk.__file__).parents[1] / "_core" / "cassandra" / "nodetool"
RESTORE_ID = "backup_1-in-place-0"
_NODETOOL_ON_DISK = pathlib.Path(node_on_disk.__file__).with_name("nodetool_on_disk.py")
IN_PLACE_WITHOUT_ROLES = {"mode": "in_place", "restore_auth": False}
NEW_CLUSTER = {"mode": "new_cluster", "restore_auth": True}


class Killing(CountingProgress):
    """Ends its own process, as the kernel would, after so many files."""

    def __init__(self, *, after: int, last: t.Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self._after, self._last = after, last

    def advance(self, *, transferred_bytes: int = 0, files: int = 0) -> None:
        super().advance(transferred_bytes=transferred_bytes, files=files)
        if self.files >= self._after:
            self._last()
            os._exit(9)


def killed(work: t.Callable[[], object]) -> None:
    """Do it in a process that is killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, "it was not killed"


def write_snapshots(root: pathlib.Path) -> None:
    """Who the node is, a snapshot that was taken, and one that failed."""
    node = Node(root / "node1", number=1).sstables()
    command = (sys.executable, str(_NODETOOL_ON_DISK), str(node.root), "5.0.8", str(_RECORDED))
    settings = dataclasses.replace(node.settings, nodetool_command=command)
    clock = Clock()
    take_snapshot(settings, tag="taken", keyspaces=["shop", "system"], now=clock.ticking)
    (node.root / "fail-in-snapshot").touch()
    with pytest.raises(NodeError):
        take_snapshot(settings, tag="begun", tables=["shop.orders"], now=clock.ticking)


def write_uploads(root: pathlib.Path) -> None:
    """A node that has uploaded one snapshot, and whose upload of another was killed."""
    clock = Clock()
    node = Node(root / "node1", number=1).sstables()
    store = open_memory_store()
    marker = make_repository(store, [node])
    node.record_snapshot(TAG, began_us=clock())
    upload(node, store, marker=marker, tag=TAG, clock=clock, settings=PLAIN)
    node.sstable(node.table("lines", keyspace="shop"), 8)
    node.sstable(node.table("orders", keyspace="shop"), 9)
    node.record_snapshot(UNFINISHED, began_us=clock.ticking())
    # A store in memory dies with the process: it is kept just before.
    progress = Killing(after=8, last=lambda: dump(store, root / "bucket"))
    killed(lambda: upload(node, store, marker=marker, tag=UNFINISHED, clock=clock, settings=PLAIN, progress=progress))


def targets(root: pathlib.Path) -> list[Node]:
    """The cluster's nodes, empty, as they were remembered."""
    nodes = [Node(root / "node1", number=1, directories=2), Node(root / "node2", number=2)]
    for node in nodes:
        node.own().be_remembered()
    return nodes


def plan(store: ObjectStore, nodes: t.Sequence[Node], *, point: str, identity_file: str | None = None) -> RestorePlan:
    """A restore in place."""
    return make_plan(
        store,
        restore_point=point,
        targets=[read_node(node.settings) for node in nodes],
        new_cluster=False,
        confirm_cluster="lab",
        restore_auth=True,
        identity_file=identity_file,
        now_us=START_US * 2,
    )[1]


def fetch(
    node: Node, store: ObjectStore, planned: RestorePlan, *, progress: CountingProgress | None = None, **changes: t.Any
) -> t.Any:
    """A node's part of it."""
    return steps.fetch_part(
        steps.Part(node.settings, planned, owner=None, group=None),
        store,
        repository=dataclasses.replace(PLAIN, **changes),
        transfer=TransferSettings(workers=1),
        progress=progress or CountingProgress(),
    )


def write_fetch(root: pathlib.Path, *, after: int | None) -> None:
    """A restore of the backup that has been planned and fetched, or was killed after so many files."""
    store, nodes = _repository(), targets(root)
    planned = plan(store, nodes, point=TAG)
    if after is None:
        fetch(nodes[0], store, planned)
    else:
        killed(lambda: fetch(nodes[0], store, planned, progress=Killing(after=after)))


def stage(node: Node, store: ObjectStore, planned: RestorePlan) -> staged_record.RecoveryOutcome:
    """Make the moment, with a Cassandra that adds nothing."""
    staged = staging.StagedMoment(
        moment_us=planned.moment.replay_until_us if planned.moment else None,
        tables=(staging.StagedTable(TableRef("shop", "orders", TABLE_ID), keep_base=True, staged="orders"),),
        schema="schema",
        schema_sha256="ab" * 32,
        schema_cql=("CREATE TABLE shop.orders (k int);",),
        truncations=(),
        indexes=(),
        schema_replay=ReplayReport(files=1, replayed=1, unknown={}, unreadable=(), milliseconds=1),
        data_replay=ReplayReport(files=2, replayed=30, unknown={"t": 4}, unreadable=(), milliseconds=500),
        later_schema=5,
        schema_seconds=1.5,
        data_seconds=2.5,
    )
    laid = laying_down.LaidDown(
        linked=3, dropped=("a/d-1",), truncated=("a/t-2",), indexes_to_rebuild=(("shop", "orders", "by_v"),)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "check_memory", lambda _heap_mib: None)
        patch.setattr(recovery, "recover_to_moment", lambda **_options: staged)
        patch.setattr(recovery, "lay_down", lambda **_options: laid)
        return steps.stage_part(
            steps.Part(node.settings, planned, owner=None, group=None),
            store,
            repository=PLAIN,
            options=InstanceOptions(heap_mib=1),
            progress=CountingProgress(),
            wants=lambda table: table.keyspace == "shop",
        )


def write_staged(root: pathlib.Path) -> None:
    """A restore to a moment that has been staged, and not switched."""
    store, nodes = _repository(), targets(root)
    planned = plan(store, nodes, point=MOMENT)
    fetch(nodes[0], store, planned)
    stage(nodes[0], store, planned)


@functools.cache
def _objects() -> t.Mapping[str, bytes]:
    """Those of the plain repository, made once."""
    with tempfile.TemporaryDirectory() as directory:
        write_repository(pathlib.Path(directory), encrypted=False)
        store = load(pathlib.Path(directory) / "bucket")
    return {info.key: store.get(info.key) for info in store.list("")}


def _repository() -> ObjectStore:
    """The plain repository."""
    store = open_memory_store()
    for key, body in _objects().items():
        store.put(key, body)
    return store


def laying(root: pathlib.Path) -> tuple[staging.StagedMoment, staging.FetchedBase]:
    """A moment that is being laid down beside a fetched base."""
    data = root / "work" / "instance" / "data"
    table = TableRef("shop", "orders", TABLE_ID)
    moment = staging.StagedMoment(
        moment_us=5,
        tables=(staging.StagedTable(table, keep_base=True, staged=str(data / "shop" / table.directory)),),
        schema=str(root / "work" / "instance" / "schema"),
        schema_sha256="",
        schema_cql=(),
        truncations=(),
        indexes=(),
        schema_replay=ReplayReport(files=1, replayed=1, unknown={}, unreadable=(), milliseconds=1),
        data_replay=ReplayReport(files=1, replayed=1, unknown={}, unreadable=(), milliseconds=1),
        later_schema=0,
        schema_seconds=0.0,
        data_seconds=0.0,
    )
    base = staging.FetchedBase(
        directories=(str(root / "work" / "new"),), snapshot_began_us=1, active_segment=1, active_position=1
    )
    return moment, base


def write_laying(root: pathlib.Path) -> None:
    """A node that was killed while it laid a moment down."""
    moment, base = laying(root)
    for directory, names, text in (
        (pathlib.Path(base.directories[0]) / "shop" / f"orders-{TABLE_ID}", ("nb-1-big-Data.db",), "base"),
        (pathlib.Path(moment.tables[0].staged), ("nb-1-big-Data.db", "nb-1-big-TOC.txt"), "since"),
        (pathlib.Path(moment.schema) / "tables-1", ("nb-1-big-Data.db",), "schema"),
    ):
        directory.mkdir(parents=True)
        for name in names:
            (directory / name).write_text(f"{text} {name}")
    (pathlib.Path(base.directories[0]) / "system_schema").mkdir()
    links: list[str] = []
    real = os.link

    def link(source: str, target: str) -> None:
        links.append(target)
        if len(links) == 3:
            os._exit(9)
        real(source, target)

    with unittest.mock.patch.object(os, "link", link):
        killed(lambda: laying_down.lay_down(staged=moment, base=base))


def write_switch(root: pathlib.Path, *, phase: str, way: t.Mapping[str, t.Any]) -> None:
    """A node whose switch, or the way back from it, was killed in a phase, if there is anything to be killed in."""
    place = Place(root / "node").make().stage(restore_auth=way["restore_auth"])
    back = phase in ("taking_out_new", "putting_back_old")
    if phase in ("switched", "finished") or back:
        place.switch(**way)
    if phase == "finished":
        switch.finish(place.settings, restore_id=RESTORE_ID, keep_old=True)
    elif phase != "switched":
        work = place.roll_back if back else lambda: place.switch(**way)
        _kill_in_phase(phase, place=place, work=work)


def _kill_in_phase(phase: str, *, place: Place, work: t.Callable[[], object]) -> None:
    """Kill it before its third change to the file system in that phase."""
    changes: list[str] = []
    with contextlib.ExitStack() as patches:
        for name in ("rename", "replace", "mkdir", "rmdir", "unlink"):
            real = getattr(os, name)

            def change(*args: t.Any, _real: t.Any = real, **options: t.Any) -> t.Any:
                state = records.pending(place.settings)
                changes.extend([state.phase] if state is not None else [])
                if changes.count(phase) == 3:
                    os._exit(9)
                return _real(*args, **options)

            patches.enter_context(unittest.mock.patch.object(os, name, change))
        killed(work)
    state = records.pending(place.settings)
    assert state is not None
    assert state.phase == phase


def tables_plan(node: Node, restore: RestorePlan) -> TablePart:
    """Two tables: one is replaced, one merged into; what is merged has an index."""
    tables = tuple(
        TableRestore(
            source=f"shop/{name}-{TABLE_ID}",
            source_keyspace="shop",
            source_table=name,
            keyspace="shop",
            table=name,
            is_new=False,
            replaces=name == "orders",
            rows=None,
            files=6,
            size=1,
        )
        for name in ("orders", "lines")
    )
    return TablePart(
        node=node.settings,
        plan=TablesPlan(
            restore=dataclasses.replace(restore, restore_id="t-replace-0123abcd"),
            selection=Selection(),
            fetched=tuple(table.source for table in tables),
            tables=tables,
            indexes=("shop.lines.by_v",),
        ),
    )


class Truncated:
    """What CQL says of a node: when its table was truncated."""

    def __init__(self, at_ms: int) -> None:
        self._at_ms = at_ms

    @contextlib.contextmanager
    def connect(self, _settings: t.Any) -> t.Iterator[t.Any]:
        yield self

    def rows(self, statement: str, _parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        if "FROM system_schema.tables" in statement:
            return [("shop", "orders", "the-id")]
        return [({"the-id": bytes(12) + self._at_ms.to_bytes(8, "big")},)]


def write_tables(root: pathlib.Path) -> None:
    """A node that has put aside what a table held, has taken the first table, and failed at the second."""
    store, nodes = _repository(), targets(root)
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        for module in (importing, keeping):
            patch.setattr(module, "now_us", clock.ticking)
        node = nodes[0]
        for name in ("orders", "lines"):
            node.table(name, keyspace="shop")
        part = tables_plan(node, plan(store, nodes, point=TAG))
        keeping.save_tables(part, cql=CQL, again=False, check_mode=False, connect=t.cast(t.Any, Truncated(0).connect))
        importing.fetch_tables(
            part,
            store,
            repository=PLAIN,
            transfer=TransferSettings(workers=1),
            progress=CountingProgress(),
        )
        (node.root / "refused").write_text("lines")
        with pytest.raises(NodeError, match="refused"):
            importing.import_tables(part, check_mode=False, store=store)
        (node.root / "refused").unlink()
        compared = dataclasses.replace(
            notes.read_notes(node.settings, restore_id=part.plan.restore.restore_id),
            verified=(VerifiedTable("shop", "orders", TableRows(rows=9, same=7, newer=2, examples=(-5, 7))),),
        )
        notes.write_notes(node.settings, compared, restore_id="t-verified-0123abcd")


def write_agent(root: pathlib.Path) -> None:
    """A node whose agent was killed: it has shipped some, knows of a gap and a restart that it has not told, and more
    was written."""
    clock, store = Clock(), open_memory_store()
    node = Node(root / "node1", number=1)
    make_repository(store, [node])
    archived = Archived(node, store, clock, settings=PLAIN)
    archived.start()
    for _turn in range(8):
        archived.log.write(200, now_us=clock())
        archived.cycle()
    before = archived.log.active
    while archived.log.active == before:
        archived.log.write(200, now_us=clock())
    (archived.log.root / "spool" / str(before)).unlink()
    clock.sleep(5)
    archived.watcher.look()
    archived.log.stop()
    clock.sleep(20)
    archived.start()
    archived.log.write(350, now_us=clock())
    clock.sleep(1)
    archived.watcher.look()
    dump(store, root / "bucket")


def write_archiving(root: pathlib.Path) -> None:
    """A node that was set up to archive, with what its agent says of itself."""
    node = Node(root / "node1", number=1)
    node.be_remembered()
    store = open_memory_store()
    make_repository(store, [node])
    bench = Bench(root=root, disk=node, store=store)
    bench.set_up()
    status = AgentStatus(
        pid=77,
        node_name="node1",
        host_id=node.identity.host_id,
        written_us=START_US,
        covered_from_us=START_US - 9,
        covered_until_us=START_US - 5,
        published_us=START_US - 4,
        pending_since_us=START_US - 3,
        clock_stepped_us=START_US - 8,
        last_gap=1_800_000_000_007,
        gaps_to_tell=2,
        spool_bytes=4096,
        spool_segments=1,
        spool_limit_bytes=1_000_000,
        spool_policy="drop_and_record_gap",
        interval_seconds=2.5,
        failing="ship",
        error_code="store",
        error="The store is away.",
        failing_since_us=START_US - 2,
    )
    write_atomically(str(bench.home / "agent" / "status.json"), STATUS.encode(status), durable=False)


TREES: t.Mapping[str, t.Callable[[pathlib.Path], None]] = {
    "repository": functools.partial(write_repository, encrypted=False),
    "encrypted": functools.partial(write_repository, encrypted=True),
    "snapshots": write_snapshots,
    "uploads": write_uploads,
    "fetch_killed": functools.partial(write_fetch, after=8),
    "fetched": functools.partial(write_fetch, after=None),
    "staged": write_staged,
    "laying": write_laying,
    "tables": write_tables,
    "agent": write_agent,
    "archiving": write_archiving,
    "switch_preparing": functools.partial(write_switch, phase="preparing", way=IN_PLACE_WITHOUT_ROLES),
    "switch_moving_old": functools.partial(write_switch, phase="moving_old", way=IN_PLACE_WITHOUT_ROLES),
    "switch_moving_new": functools.partial(write_switch, phase="moving_new", way=IN_PLACE_WITHOUT_ROLES),
    "switch_switched": functools.partial(write_switch, phase="switched", way=NEW_CLUSTER),
    "switch_taking_out_new": functools.partial(write_switch, phase="taking_out_new", way=NEW_CLUSTER),
    "switch_putting_back_old": functools.partial(write_switch, phase="putting_back_old", way=NEW_CLUSTER),
    "switch_finished": functools.partial(write_switch, phase="finished", way=IN_PLACE_WITHOUT_ROLES),
}


def main() -> None:
    """Keep all trees in the directory that is named."""
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for name, write in TREES.items():
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            write(pathlib.Path(directory))
            pack(pathlib.Path(directory), into=target / f"{name}.tar.gz")
        print(f"{name}: {time.monotonic() - began:.1f} s, {(target / f'{name}.tar.gz').stat().st_size} bytes")


if __name__ == "__main__":
    main()
