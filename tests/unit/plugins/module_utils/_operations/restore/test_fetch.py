# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was uploaded from one node is fetched on another, verified, and a run that was killed or failed is taken up."""

from __future__ import annotations

import dataclasses
import io
import itertools
import os
import pathlib
import shutil
import tarfile
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    ManifestError,
    MomentRefusedError,
    NodeError,
    NodeUnreachableError,
    NoSpaceError,
    ObjectCorruptError,
    ObjectMissingError,
    OperatorGoneError,
    PlanRefusedError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import FetchHeader
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import Reserve
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.publish import publish_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.upload import upload_snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra import identity
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import fetch, switch
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import plan as restore_plan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import target as node
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch import (
    FetchOutcome,
    fetch_backup,
)
from tests.unit.plugins.module_utils._operations.node_on_disk import MIB, CountingProgress, DiskNode, ticking

_TAG = "backup_20260101_000000"
_RESTORE = "restore-1"
_ORDERS = "orders-5a1c395e7ed911ef8b0a0f1c8ee0d9c1"


@dataclasses.dataclass
class World:
    """A backup of ``source`` in ``store``, and the node that is to get it."""

    store: ObjectStore
    source: DiskNode
    target: DiskNode
    settings: RepositorySettings
    summary: t.Any = None

    def fetch(self, *, progress: CountingProgress | None = None, **changes: t.Any) -> FetchOutcome:
        own = [field.name for field in dataclasses.fields(FetchHeader)]
        wanted: dict[str, t.Any] = {
            "restore_id": _RESTORE,
            "tag": _TAG,
            "source_host_id": self.source.identity.host_id,
            "manifest_sha256": self.summary.manifest_sha256,
            "restore_auth": True,
            **{name: value for name, value in changes.items() if name in own},
        }
        values: dict[str, t.Any] = {
            "settings": self.settings,
            "wanted": FetchHeader(**wanted),
            "manifest_key": self.summary.manifest_key,
            "owner": None,
            "group": None,
            "transfer": TransferSettings(workers=3),
            "reserve": Reserve(),
            "progress": progress or CountingProgress(),
            **{name: value for name, value in changes.items() if name not in own},
        }
        return fetch_backup(self.target.settings, self.store, **values)

    def fetched(self, directory: int = 0) -> pathlib.Path:
        return self.target.data_directories[directory] / ".revive" / _RESTORE / "new"

    def files(self) -> dict[str, bytes]:
        """Everything that is fetched."""
        found: dict[str, bytes] = {}
        for number in range(self.target.directories):
            for path in self.fetched(number).rglob("*"):
                if path.is_file():
                    assert str(path.relative_to(self.fetched(number))) not in found
                    found[str(path.relative_to(self.fetched(number)))] = path.read_bytes()
        return found

    def expected(self, *, restore_auth: bool = True) -> dict[str, bytes]:
        """Everything that the source had."""
        found = {}
        for directory in self.source.data_directories:
            for path in directory.rglob("*"):
                name = path.relative_to(directory)
                left_out = {"system"} if restore_auth else {"system", "system_auth"}
                if path.is_file() and "snapshots" not in name.parts and name.parts[0] not in left_out:
                    found[str(name)] = path.read_bytes()
        return found

    def object_with(self, file: str) -> str:
        """The key of the only object of the table ``orders`` that holds this file's content."""
        body = self.expected()[file]
        return next(info.key for info in self.store.list(f"data/shop/{_ORDERS}/") if self.store.get(info.key) == body)


def _make(root: pathlib.Path, *, source_directories: int = 1, target_directories: int = 1, **changes: t.Any) -> World:
    source = DiskNode(root / "source", directories=source_directories)
    orders = source.table("orders", keyspace="shop", directory=source_directories - 1)
    source.sstable(orders, 1, data_bytes=3 * MIB)
    source.sstable(orders, 2)
    source.sstable(orders, 1, folder=".by_day")
    source.sstable(source.table("Mixed_Case", keyspace="shop"), 7)
    source.table("empty", keyspace="shop")
    source.sstable(source.table("tables", keyspace="system_schema"), 3)
    source.sstable(source.table("roles", keyspace="system_auth"), 4)
    source.sstable(source.table("local", keyspace="system"), 5)
    source.snapshot(_TAG)
    settings = RepositorySettings(bucket="memory", **changes)
    store = open_memory_store()
    marker = ensure_repository(
        store, cluster_name="lab", host_ids=[source.identity.host_id], check_mode=False, now_us=1
    ).marker
    uploaded = upload_snapshot(
        source.settings,
        store,
        marker=marker,
        settings=settings,
        tag=_TAG,
        transfer=TransferSettings(workers=2),
        progress=CountingProgress(),
        now=ticking(),
    )
    publish_backup(
        store,
        marker=marker,
        tag=_TAG,
        node_summaries=[uploaded.summary],
        began_us=1_700_000_000_000_000,
        keyspaces=(),
        tables_asked=(),
        tool_version="1",
        now=ticking(1_700_001_000_000_000),
    )
    target = DiskNode(root / "target", number=2, directories=target_directories)
    return World(store, source, target, settings, uploaded.summary)


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    return _make(tmp_path)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def test_a_node_gets_all_but_the_system_keyspace_with_mode_and_empty_tables(world: World) -> None:
    progress = CountingProgress()
    outcome = world.fetch(progress=progress)
    assert world.files() == world.expected()
    assert (outcome.changed, outcome.files, outcome.reused_bytes) == (True, len(world.expected()), 0)
    assert outcome.size == sum(map(len, world.expected().values()))
    assert (progress.transferred_bytes, progress.files) == (progress.total_bytes, progress.total_files)
    assert (world.fetched() / "shop" / f"empty-{_ORDERS[7:]}").is_dir()
    for path in world.fetched().rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o750 if path.is_dir() else 0o640), path
    assert not list(world.fetched().parent.glob("part/*"))


def test_fetching_again_fetches_nothing(world: World) -> None:
    world.fetch()
    progress = CountingProgress()
    outcome = world.fetch(progress=progress)
    assert (outcome.changed, outcome.fetched_bytes) == (False, 0)
    assert outcome.reused_bytes == outcome.size
    assert (progress.transferred_bytes, progress.files) == (progress.total_bytes, progress.total_files)


def test_roles_can_be_left_out_and_taken_later(world: World) -> None:
    world.fetch(restore_auth=True)
    assert world.fetch(restore_auth=False).changed
    assert world.files() == world.expected(restore_auth=False)
    again = world.fetch(restore_auth=True)
    assert again.reused_bytes > 0
    assert world.files() == world.expected()


@pytest.mark.parametrize(("source", "target"), [(2, 2), (1, 3), (3, 1), (2, 3)])
def test_data_directories_are_mapped_and_sstables_stay_whole(tmp_path: pathlib.Path, source: int, target: int) -> None:
    world = _make(tmp_path, source_directories=source, target_directories=target)
    world.fetch()
    assert world.files() == world.expected()
    assert (world.fetched() / "system_schema").is_dir()
    # Cassandra would make those that are missing itself, with the mode of its umask.
    for directory in range(target):
        for table in ("orders", "empty"):
            path = world.fetched(directory) / "shop" / f"{table}-{_ORDERS[7:]}"
            assert path.stat().st_mode & 0o777 == 0o750, path
    for generation in (1, 2):
        holders = [
            number
            for number in range(target)
            if list((world.fetched(number) / "shop" / _ORDERS).glob(f"nb-{generation}-big-*"))
        ]
        assert len(holders) == 1
    if source == target == 2:
        assert (world.fetched(1) / "shop" / _ORDERS / "nb-1-big-Data.db").exists()


def test_a_run_that_was_stopped_anywhere_goes_on(tmp_path: pathlib.Path) -> None:
    world = _make(tmp_path)
    for calls in range(0, 30, 3):
        shutil.rmtree(world.fetched().parent, ignore_errors=True)
        with pytest.raises(OperatorGoneError):
            world.fetch(progress=CountingProgress(fail_after=calls, error=OperatorGoneError("gone")))
        assert not (world.files().items() - world.expected().items())
        outcome = world.fetch()
        assert outcome.changed
        assert world.files() == world.expected()


@pytest.mark.parametrize("name", ["open", "rename", "fchmod", "replace"])
def test_a_process_killed_anywhere_is_taken_up(world: World, name: str) -> None:
    step = 0
    while True:
        child = os.fork()
        if child == 0:
            calls, real = itertools.count(), getattr(os, name)

            def counted(
                *args: t.Any, _real: t.Any = real, _calls: t.Iterator[int] = calls, _fatal: int = step, **kwargs: t.Any
            ) -> t.Any:
                if next(_calls) == _fatal:
                    os._exit(9)
                return _real(*args, **kwargs)

            setattr(os, name, counted)
            try:
                world.fetch(transfer=TransferSettings(workers=1))
            except BaseException:
                os._exit(1)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, 9)
        assert not (world.files().items() - world.expected().items())
        if code == 0:
            break
        step += 2
    world.fetch()
    assert world.files() == world.expected()


def _flip(body: bytes) -> bytes:
    return body[:100] + bytes([body[100] ^ 1]) + body[101:]


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_flip, "content"),
        (lambda body: body[:-7], "bytes"),
        (lambda body: body + b"x", "longer"),
        (lambda _: b"", "0 bytes"),
    ],
    ids=["flipped", "cut", "longer", "empty"],
)
def test_a_damaged_object_is_named_and_its_files_are_not_taken(
    world: World, harm: t.Callable[[bytes], bytes], says: str
) -> None:
    file = f"shop/{_ORDERS}/nb-2-big-Data.db"
    key = world.object_with(file)
    good = world.store.get(key)
    world.store.put(key, harm(good))
    with pytest.raises(ObjectCorruptError) as caught:
        world.fetch()
    assert caught.value.subject == key
    assert "nb-2-big-Data.db" in caught.value.message
    assert "node2" in caught.value.message
    assert says in caught.value.message or "does not have the content" in caught.value.message
    assert file not in world.files()
    with pytest.raises(NodeError, match="not complete"):
        _switch(world)
    world.store.put(key, good)
    assert world.fetch().changed
    assert world.files() == world.expected()


def test_swapped_objects_are_found_out(world: World) -> None:
    keys = [
        world.object_with(f"shop/{_ORDERS}/{name}nb-{number}-big-Data.db")
        for name, number in (("", 2), (".by_day/", 1))
    ]
    bodies = [world.store.get(key) for key in keys]
    for key, body in zip(keys, reversed(bodies)):
        world.store.put(key, body)
    with pytest.raises(ObjectCorruptError, match="does not have the content"):
        world.fetch()


def test_a_missing_object_is_named(world: World) -> None:
    key = world.object_with(f"shop/{_ORDERS}/nb-1-big-Data.db")
    world.store._backend.delete(key)  # type: ignore[attr-defined]
    with pytest.raises(ObjectMissingError) as caught:
        world.fetch()
    assert key in str(caught.value)
    assert "node2" in caught.value.message


def test_a_tar_with_other_members_is_refused(world: World) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        member = tarfile.TarInfo("../../outside")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"bad"))
    for info in list(world.store.list(f"data/shop/{_ORDERS}/")):
        if b"nb-2-big-TOC.txt" in world.store.get(info.key):
            world.store.put(info.key, content.getvalue())
            break
    with pytest.raises(ObjectCorruptError, match=r"outside|bytes"):
        world.fetch()
    assert not list(world.target.root.rglob("outside"))


@pytest.mark.parametrize("path", ["../x-Data.db", "/etc/passwd", "a/b/c", "..", ".by/../x", "", "x\0y", ".hidden"])
def test_a_manifest_with_a_name_of_no_table_file_is_refused(world: World, path: str) -> None:
    from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
    from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.placement import file_path

    with pytest.raises(ManifestError):
        file_path(TableRef("shop", "orders", _ORDERS[7:]), path)


def test_another_manifest_than_the_planned_one_is_refused(world: World) -> None:
    with pytest.raises(ObjectCorruptError, match="manifest"):
        world.fetch(manifest_sha256="0" * 64)
    with pytest.raises(ManifestError, match="Plan again"):
        world.fetch(source_host_id="6d194555-f6eb-41d0-c000-000000000009")


def test_a_fetched_file_that_somebody_changed_is_fetched_again(world: World) -> None:
    world.fetch()
    path = world.fetched() / "shop" / _ORDERS / "nb-2-big-Data.db"
    path.write_bytes(b"x" * path.stat().st_size)
    (path.with_name("nb-99-big-Data.db")).write_bytes(b"foreign")
    assert world.fetch().changed
    assert world.files() == world.expected()


def test_a_full_disk_is_told_before_anything_is_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    file_system = data_directory.FileSystem(device=1, free_bytes=1000, size_bytes=0)
    monkeypatch.setattr(fetch.data_directory, "file_system", lambda _path: file_system)
    with pytest.raises(NoSpaceError, match="has 1000 B free"):
        world.fetch()
    assert world.files() == {}


def test_what_has_to_stay_free_is_told_before_anything_is_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_system = data_directory.FileSystem(device=1, free_bytes=1 << 30, size_bytes=20 << 30)
    monkeypatch.setattr(fetch.data_directory, "file_system", lambda _path: file_system)
    with pytest.raises(NoSpaceError, match=r"where 1\.0 GiB have to stay free for Cassandra, and has 1\.0 GiB free"):
        world.fetch(reserve=Reserve(percent=5))
    assert world.files() == {}
    assert world.fetch(reserve=Reserve(percent=4)).changed


def test_a_fetch_that_reaches_what_has_to_stay_free_stops_and_goes_on_from_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else fills the disk while it is fetched."""

    def file_system(_path: str) -> data_directory.FileSystem:
        return data_directory.FileSystem(
            device=1, free_bytes=(1 << 30) if len(world.files()) < 3 else 1000, size_bytes=20 << 30
        )

    monkeypatch.setattr(fetch.data_directory, "file_system", file_system)
    with pytest.raises(NoSpaceError) as stopped:
        world.fetch(reserve=Reserve(size=1 << 20), transfer=TransferSettings(workers=1))
    there = len(world.files())
    assert 0 < there < len(world.expected())
    error = stopped.value
    assert "has 1000 B free" in error.message
    assert "1.0 MiB have to stay free for Cassandra, so the fetch has stopped." in error.message
    assert f"{there} of {len(world.expected())} files have been fetched, and stay in {world.fetched()}" in error.message
    assert "then run it again: it goes on from there. reserve says" in str(error)
    assert not list(world.fetched().parent.joinpath("part").iterdir())
    monkeypatch.undo()
    before = sum(map(len, world.files().values()))
    assert world.fetch().reused_bytes == before
    assert world.files() == world.expected()


def test_encrypted_and_compressed_objects_come_back(tmp_path: pathlib.Path) -> None:
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    identity_file = tmp_path / "identity"
    identity_file.write_text(f"{identity}\n")
    world = _make(tmp_path, recipients=(str(identity.to_public()),), identity_file=str(identity_file))
    world.fetch()
    assert world.files() == world.expected()


def test_what_was_fetched_can_be_switched_to_and_is_then_left_alone(world: World) -> None:
    world.target.sstable(world.target.table("orders", keyspace="shop"), 1)
    world.target.sstable(world.target.table("local", keyspace="system"), 9)
    world.fetch()
    assert _switch(world).phase == "switched"
    place = world.target.data_directories[0]
    for name, body in world.expected().items():
        assert (place / name).read_bytes() == body
    assert not world.fetch().changed
    switch.roll_back(world.target.settings, restore_id=_RESTORE)
    assert not world.fetch().changed


def test_a_plan_is_made_from_the_repository_and_the_nodes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    target = _facts(world, monkeypatch)
    manifest, plan = _plan(world, target)
    assert manifest.tag == _TAG
    assert plan.assignments[0].source_host_id == world.source.identity.host_id
    assert type(plan).from_result(plan.to_result()) == plan


def test_a_plan_names_every_object_that_is_missing_or_of_another_size(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = world.object_with(f"shop/{_ORDERS}/nb-1-big-Data.db")
    world.store.put(key, b"short")
    target = _facts(world, monkeypatch)
    with pytest.raises(PlanRefusedError) as caught:
        _plan(world, dataclasses.replace(target, release_version="4.0.1"))
    texts = [str(reason) for reason in caught.value.reasons]
    assert any(key in text and "node1" in text and "5 bytes" in text for text in texts)
    assert any("Cassandra 4.0.1" in text for text in texts)


def test_a_moment_is_refused_where_no_log_was_archived(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    target = _facts(world, monkeypatch)
    with pytest.raises(MomentRefusedError, match="no commit log has been archived"):
        _plan(world, target, restore_point="2026-01-01T00:00:00Z")


def test_a_moment_in_the_future_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    target = _facts(world, monkeypatch)
    with pytest.raises(InputError, match="is in the future: it is now 2025-12-31T23:59:59"):
        _plan(world, target, restore_point="2026-01-01T00:00:00Z", now_us=1_767_225_599_000_000)


def _facts(world: World, monkeypatch: pytest.MonkeyPatch) -> TargetNode:
    def down(_node: object) -> t.NoReturn:
        raise NodeUnreachableError("down")

    monkeypatch.setattr(identity, "read_process", down)
    facts = node.read_node(dataclasses.replace(world.target.settings, release_version="5.0.8"))
    assert TargetNode.from_result(facts.to_result()) == facts
    return dataclasses.replace(
        facts, datacenter="dc1", rack="rack1", address="127.0.0.1", is_seed=True, partitioner="Murmur3Partitioner"
    )


def _plan(world: World, target: TargetNode, **changes: t.Any) -> t.Any:
    values: dict[str, t.Any] = {"restore_point": "latest", **changes}
    return restore_plan.make_plan(
        world.store, targets=[target], new_cluster=True, confirm_cluster=None, restore_auth=True, **values
    )


def _switch(world: World) -> switch.SwitchOutcome:
    return switch.switch_node(
        world.target.settings,
        restore_id=_RESTORE,
        mode="in_place",
        tokens=[],
        restore_auth=True,
        owner=None,
        group=None,
        is_running=lambda: False,
    )
