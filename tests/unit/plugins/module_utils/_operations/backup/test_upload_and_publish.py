# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From snapshots on disk to a visible backup, on a store in memory."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import pathlib
import shutil
import subprocess
import tarfile
import threading
import typing as t

import pyrage
import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode, encode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import RowEstimate
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BackupIncompleteError,
    BackupMissingError,
    BusyError,
    IdentityError,
    LocalFilesError,
    ManifestError,
    NewestUnknownError,
    NodeError,
    ObjectCorruptError,
    ObjectMissingError,
    OperatorGoneError,
    RepositoryError,
    StoreDeniedError,
    WrongClusterError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import parse_node_manifest_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import (
    CLUSTER_MANIFEST,
    NODE_MANIFEST,
    read_node_manifest,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    NodeManifestHeader,
    RepositoryMarker,
    TableEntry,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup import preview
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.publish import (
    PublishOutcome,
    publish_backup,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot import record_snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.upload import (
    UploadOutcome,
    upload_snapshot,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository import backups
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from tests.unit.plugins.module_utils._operations.node_on_disk import MIB, CountingProgress, DiskNode, ticking

TAG = "backup_20260101_000000"
SETTINGS = RepositorySettings(bucket="memory")


@dataclasses.dataclass
class World:
    store: ObjectStore
    node: DiskNode
    settings: RepositorySettings = SETTINGS

    @property
    def marker(self) -> RepositoryMarker:
        return ensure_repository(
            self.store, cluster_name="lab", host_ids=[self.node.identity.host_id], check_mode=False, now_us=1
        ).marker

    def upload(self, tag: str = TAG, *, progress: CountingProgress | None = None, workers: int = 4) -> UploadOutcome:
        return upload_snapshot(
            self.node.settings,
            self.store,
            marker=self.marker,
            settings=self.settings,
            tag=tag,
            transfer=TransferSettings(workers=workers),
            progress=progress or CountingProgress(),
            now=ticking(),
        )

    def publish(self, *outcomes: UploadOutcome, tag: str = TAG, **changes: t.Any) -> PublishOutcome:
        values: dict[str, t.Any] = {
            "began_us": 1_700_000_000_000_000,
            "keyspaces": (),
            "tables_asked": (),
            "tool_version": "1.0.0",
            "now": ticking(1_700_001_000_000_000),
            **changes,
        }
        return publish_backup(
            self.store,
            marker=self.marker,
            tag=tag,
            node_summaries=[outcome.summary for outcome in outcomes],
            **values,
        )

    def records(self, outcome: UploadOutcome) -> list[t.Any]:
        key = outcome.summary.manifest_key
        parsed = parse_node_manifest_key(key)
        assert parsed
        text = b"".join(decode(self.store.get_stream(key), parsed[2], identity_file=self.settings.identity_file))
        return list(read_node_manifest(text.splitlines(), subject=key))

    def objects(self) -> dict[str, bytes]:
        return {entry.key: self.store.get(entry.key) for entry in self.store.list("data/")}


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    node = DiskNode(tmp_path / "node", directories=2)
    certificates = node.table("certificates")
    node.sstable(certificates, 1)
    node.sstable(certificates, 2, data_bytes=2 * MIB)
    node.sstable(certificates, 1, folder=".by_serial")
    (certificates / "nb-1-big-SAI+aa+by_owner+Meta.db").write_bytes(b"sai")
    node.sstable(node.table("certificates", directory=1), 3, data_bytes=9 * MIB)
    node.table("empty")
    node.sstable(node.table("local", keyspace="system"), 1)
    node.sstable(node.table("peers_v2", keyspace="system"), 1)
    node.snapshot(TAG)
    return World(store=open_memory_store(prefix="p/"), node=node)


def test_every_file_of_the_snapshot_is_in_the_manifest_and_in_the_repository(world: World) -> None:
    outcome = world.upload()
    records = world.records(outcome)
    objects = [record for record in records if isinstance(record, BackedUpObject)]
    restored = {}
    for entry in objects:
        body = world.store.get(entry.stored.key)
        assert len(body) == entry.stored.stored_size == entry.stored.size
        if entry.packed:
            with tarfile.open(fileobj=io.BytesIO(body)) as tar:
                contents = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        else:
            contents = {entry.files[0].path: body}
        assert {file.path: file.size for file in entry.files} == {name: len(body) for name, body in contents.items()}
        for name, body in contents.items():
            restored[(entry.table.keyspace, entry.table.table, entry.data_directory, name)] = body
    expected = {}
    for number, directory in enumerate(world.node.data_directories):
        for table in directory.glob("*/*"):
            for file in table.rglob("*"):
                path = file.relative_to(table)
                if file.is_file() and path.parts[0] != "snapshots" and not table.name.startswith("peers"):
                    name = table.name.partition("-")[0]
                    expected[(table.parent.name, name, number, str(path))] = file.read_bytes()
    assert restored == expected
    assert any(name.startswith(".by_serial/") for *_rest, name in restored)


def test_the_manifest_says_which_tables_there_were_also_empty_ones(world: World) -> None:
    records = world.records(world.upload())
    tables = {str(record.table): record.schema_cql for record in records if isinstance(record, TableEntry)}
    assert set(tables) == {"certificate_manager.certificates", "certificate_manager.empty", "system.local"}
    assert tables["certificate_manager.empty"].startswith("CREATE TABLE certificate_manager.empty")
    assert isinstance(records[0], NodeManifestHeader)
    assert records[0].data_directories == 2


def test_a_second_upload_of_the_same_snapshot_changes_nothing_and_reads_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.upload()
    monkeypatch.setattr("builtins.open", _refuse_sstables(open))
    second = world.upload()
    assert first.changed
    assert not second.changed
    assert second.summary == first.summary


def test_check_mode_says_what_an_upload_and_a_publication_would_do(world: World) -> None:
    node, store = world.node.settings, world.store
    with pytest.raises(NodeError, match="no snapshot other"):
        preview.would_upload(node, store, tag="other")
    assert preview.would_upload(node, store, tag=TAG)
    assert list(store.list("")) == []
    outcome = world.upload()
    assert not preview.would_upload(node, store, tag=TAG)
    assert preview.would_publish(store, tag=TAG)
    world.publish(outcome)
    assert not preview.would_publish(store, tag=TAG)


def _refuse_sstables(real: t.Any) -> t.Any:
    def opened(path: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        assert not str(path).endswith(".db"), path
        return real(path, *arguments, **options)

    return opened


def test_a_second_backup_uploads_only_what_is_new(world: World) -> None:
    first = world.upload()
    world.node.sstable(world.node.table("certificates"), 4)
    world.node.snapshot("backup_2")
    second = world.upload("backup_2")
    assert second.changed
    assert (second.totals.new_objects, first.totals.new_objects) == (2, first.totals.objects)
    assert second.totals.objects == first.totals.objects + 2
    assert second.totals.new_stored_size < 30_000


def test_the_same_files_on_a_wiped_and_rebuilt_node_make_the_same_objects(world: World, tmp_path: pathlib.Path) -> None:
    world.upload()
    before = world.objects()
    shutil.rmtree(world.node.settings.state_directory)
    shutil.copytree(world.node.root, tmp_path / "copy", copy_function=shutil.copyfile)
    config = (tmp_path / "copy" / "cassandra.yaml").read_text().replace(str(world.node.root), str(tmp_path / "copy"))
    (tmp_path / "copy" / "cassandra.yaml").write_text(config)
    for part in sorted((tmp_path / "copy").glob("data*/*/*/snapshots")):
        shutil.rmtree(part)
    copy = dataclasses.replace(world.node, root=tmp_path / "other")
    for directory in copy.data_directories:
        shutil.rmtree(directory)
    for number, directory in enumerate(copy.data_directories):
        shutil.copytree(tmp_path / "copy" / f"data{number}", directory)
    copy.snapshot("backup_2")
    second = World(store=world.store, node=copy).upload("backup_2")
    assert second.totals.new_objects == 0
    assert world.objects() == before


@pytest.mark.parametrize("calls", [0, 1, 5, 9, 14, 22])
def test_an_upload_that_stopped_goes_on_and_ends_as_if_it_had_not(world: World, calls: int) -> None:
    gone = OperatorGoneError("nobody asks any more")
    with pytest.raises(OperatorGoneError):
        world.upload(progress=CountingProgress(fail_after=calls, error=gone))
    done = len(world.objects())
    puts = _count_puts(world.store)
    resumed = world.upload()
    assert len(puts) == resumed.totals.objects - done + 1, "the rest, and the manifest"
    undisturbed = World(store=open_memory_store(), node=world.node)
    shutil.rmtree(os.path.join(world.node.settings.state_directory, "uploads"))
    os.unlink(os.path.join(world.node.settings.state_directory, "hashes.sqlite"))
    assert undisturbed.upload().totals == resumed.totals
    assert undisturbed.objects() == world.objects()
    assert [repr(r) for r in undisturbed.records(resumed)][1:-1] == [repr(r) for r in world.records(resumed)][1:-1]


def _count_puts(store: t.Any) -> list[str]:
    keys: list[str] = []
    put, put_stream = store.put, store.put_stream
    lock = threading.Lock()

    def counted(key: str) -> None:
        with lock:
            if not key.startswith("probe/"):
                keys.append(key)

    def counting_put(key: str, body: bytes) -> None:
        if not threading.current_thread().name.startswith("in-stream"):
            counted(key)
        put(key, body)

    def counting_stream(key: str, chunks: t.Iterator[bytes], *, size: int | None) -> int:
        before = len(keys)
        stored = put_stream(key, chunks, size=size)
        if key not in keys[before:]:
            counted(key)
        return int(stored)

    store.put, store.put_stream = counting_put, counting_stream
    return keys


def test_progress_ends_at_what_it_announced(world: World) -> None:
    progress = CountingProgress()
    world.upload(progress=progress)
    assert (progress.transferred_bytes, progress.files) == (progress.total_bytes, progress.total_files)
    again = CountingProgress()
    world.upload(progress=again)
    assert (again.transferred_bytes, again.files) == (progress.total_bytes, progress.total_files)


def test_two_uploads_on_one_node_do_not_collide(world: World) -> None:
    refused: list[BusyError] = []

    class Nested(CountingProgress):
        def begin(self, **totals: t.Any) -> None:
            with pytest.raises(BusyError, match=str(os.getpid())) as caught:
                world.upload()
            refused.append(caught.value)

    world.upload(progress=Nested())
    assert refused[0].subject == "node1"


def test_a_file_that_changes_is_never_stored_under_its_old_hash(world: World) -> None:
    world.upload()
    shutil.rmtree(os.path.join(world.node.settings.state_directory, "uploads"))
    store = open_memory_store()
    large = next(world.node.data_directories[1].glob(f"*/*/snapshots/{TAG}/*Data.db"))
    status = large.stat()
    with large.open("r+b") as file:
        file.write(b"changed")
    os.utime(large, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(LocalFilesError, match=r"Data\.db changed while it was read"):
        World(store=store, node=world.node).upload()
    assert all(entry.size != status.st_size for entry in store.list("data/"))


def test_an_object_of_another_size_in_the_repository_is_named(world: World) -> None:
    outcome = world.upload()
    key = next(iter(world.objects()))
    world.store.put(key, b"short")
    with pytest.raises(ObjectCorruptError, match=f"{key}.* Run the backup again, which stores it again"):
        world.publish(outcome)


def test_a_snapshot_that_is_gone_is_said_so(world: World) -> None:
    for path in world.node.root.glob(f"data*/*/*/snapshots/{TAG}"):
        shutil.rmtree(path)
    with pytest.raises(LocalFilesError, match=r"no more what was taken: certificate_manager\.certificates has nothing"):
        world.upload()
    with pytest.raises(NodeError, match="no snapshot backup_9"):
        world.upload("backup_9")


def test_a_snapshot_that_goes_while_it_is_uploaded_is_said_so(world: World) -> None:
    class Clearing(CountingProgress):
        def begin(self, **totals: t.Any) -> None:
            for path in world.node.root.glob(f"data*/*/*/snapshots/{TAG}"):
                shutil.rmtree(path)

    with pytest.raises(LocalFilesError, match=r"no more what was taken: .* has nothing"):
        world.upload(progress=Clearing())


@pytest.mark.parametrize("lost", ["a table", "a file", "an empty table", "an index", "a data directory"])
@pytest.mark.parametrize("when", ["before", "while"])
def test_a_snapshot_of_which_something_goes_is_not_uploaded_as_if_it_were_whole(
    world: World, lost: str, when: str
) -> None:
    def lose() -> None:
        table = next(world.node.root.glob(f"data0/certificate_manager/certificates-*/snapshots/{TAG}"))
        if lost == "a table":
            shutil.rmtree(next(world.node.root.glob(f"data0/system/local-*/snapshots/{TAG}")))
        elif lost == "a file":
            (table / "nb-2-big-Filter.db").unlink()
        elif lost == "an empty table":
            shutil.rmtree(next(world.node.root.glob(f"data0/certificate_manager/empty-*/snapshots/{TAG}")))
        elif lost == "an index":
            shutil.rmtree(table / ".by_serial")
        else:
            shutil.rmtree(next(world.node.root.glob(f"data1/certificate_manager/certificates-*/snapshots/{TAG}")))

    class Losing(CountingProgress):
        def begin(self, **totals: t.Any) -> None:
            lose()

    if when == "before":
        lose()
    with pytest.raises(LocalFilesError, match="no more what was taken"):
        world.upload(progress=Losing() if when == "while" else CountingProgress())
    assert not [entry for entry in world.store.list("backups/") if "/nodes/" in entry.key]


def test_a_file_that_cannot_be_read_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = open

    def denied(path: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        if str(path).endswith("Filter.db"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr("builtins.open", denied)
    with pytest.raises(LocalFilesError, match=r"Filter\.db: Permission denied") as caught:
        world.upload()
    assert "become" in caught.value.next_step


def test_a_failing_store_stops_the_upload_with_its_error(world: World) -> None:
    def failing(key: str, body: bytes) -> None:
        if key.startswith("data/"):
            raise ObjectMissingError("the bucket has gone", subject=key)

    world.upload  # noqa: B018 - the marker is made before the store fails
    marker = world.marker
    world.store.put = failing  # type: ignore[method-assign]
    with pytest.raises(ObjectMissingError, match="the bucket has gone"):
        upload_snapshot(
            world.node.settings,
            world.store,
            marker=marker,
            settings=SETTINGS,
            tag=TAG,
            transfer=TransferSettings(workers=2),
            progress=CountingProgress(),
            now=ticking(),
        )
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("revive")]


def test_a_backup_is_visible_when_it_is_published_and_not_before(world: World) -> None:
    outcome = world.upload()
    with pytest.raises(BackupIncompleteError):
        backups.load_backup(world.store, TAG)
    with pytest.raises(BackupMissingError, match="1 were begun"):
        backups.load_backup(world.store, "latest")
    published = world.publish(outcome, row_counts={"certificate_manager.certificates": (7, 99)})
    assert published.changed
    assert backups.load_backup(world.store, TAG) == published.manifest == backups.load_backup(world.store, "latest")
    table = next(summary for summary in published.manifest.tables if summary.table.table == "certificates")
    assert (table.rows, table.rows_counted_us) == (7, 99)
    assert published.manifest.totals == outcome.totals
    assert sum(summary.size for summary in published.manifest.tables) == outcome.totals.size
    assert "CREATE TABLE certificate_manager.empty (k int);" in published.manifest.schema_cql
    assert not world.publish(outcome).changed


def test_what_was_cut_in_the_repository_is_stored_again_and_named(world: World) -> None:
    world.publish(world.upload())
    before = world.objects()
    large = max(before, key=lambda key: len(before[key]))
    small = min(before, key=lambda key: len(before[key]))
    for key in (large, small):
        world.store.put(key, before[key][:-1])
    world.node.snapshot("next")
    outcome = world.upload("next")
    assert outcome.mended == tuple(sorted((large, small)))
    assert world.objects() == before
    assert (outcome.totals.new_objects, outcome.summary.inherited_evidence) == (2, "listed_size")
    assert world.publish(outcome, tag="next").changed
    assert world.upload("next").mended == ()


def test_what_the_store_does_not_let_be_replaced_is_an_error_with_what_to_allow(world: World) -> None:
    world.publish(world.upload())
    key, body = next(iter(world.objects().items()))
    world.store.put(key, body[:-1])
    put = world.store.put

    def refusing(name: str, content: bytes) -> None:
        if name == key:
            raise StoreDeniedError("The store refuses s3:PutObject.")
        put(name, content)

    world.store.put = refusing  # type: ignore[method-assign]
    world.node.snapshot("next")
    with pytest.raises(
        ObjectCorruptError, match=r"does not let it be replaced: .* Allow s3:PutObject on that key"
    ) as caught:
        world.upload("next")
    assert caught.value.subject == key


_STATISTICS = pathlib.Path(__file__).parents[2] / "_core" / "cassandra" / "sstable_statistics"
_SCHEMA = (
    "CREATE KEYSPACE certificate_manager WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '3'};",
    "CREATE TABLE certificate_manager.certificates (k int PRIMARY KEY);",
    "CREATE TABLE certificate_manager.empty (k int PRIMARY KEY);",
)


def _estimates(world: World, **recorded: str) -> dict[str, RowEstimate | None]:
    """What is published, if the SSTables of these names in the snapshot have the recorded statistics."""
    tag = "estimated"
    for generation, table in recorded.items():
        for path in world.node.root.glob(f"data*/*/certificates-*/nb-{generation[1:]}-big-Statistics.db"):
            found = path.with_name(f"oa-{generation[1:]}-big-Statistics.db")
            found.write_bytes((_STATISTICS / f"{table}-oa-1-big-Statistics.db").read_bytes())
            path.unlink()
    world.node.snapshot(tag)
    published = world.publish(world.upload(tag), tag=tag, schema_cql=_SCHEMA)
    return {each.table.table: each.estimate for each in published.manifest.tables}


def test_a_backup_estimates_rows_by_what_its_files_say(world: World) -> None:
    found = _estimates(world, g1="clean", g2="clean", g3="stat")
    # One node, so each row is there once, whatever the keyspace asks for.
    assert found["certificates"] == RowEstimate(at_most=249 + 249 + 166, at_least=249)
    assert found["empty"] == RowEstimate()


def test_a_table_whose_files_do_not_all_tell_has_no_estimate(world: World) -> None:
    found = _estimates(world, g1="clean", g2="clean")
    assert found["certificates"] is None


def test_a_keyspace_without_tables_is_a_backup_of_its_definition(world: World) -> None:
    record = dataclasses.replace(world.node.snapshot("of_nothing", record=False), keyspaces=("empty",))
    for part in world.node.root.glob("data*/*/*/snapshots/of_nothing"):
        shutil.rmtree(part)
    nodetool = world.node.root / "nodetool"
    nodetool.write_text("#!/bin/sh\n")
    nodetool.chmod(0o755)
    settings = dataclasses.replace(world.node.settings, nodetool_command=(str(nodetool),))
    record_snapshot(settings, record, directories=[str(path) for path in world.node.data_directories])
    made = ("CREATE KEYSPACE empty;",)
    published = world.publish(world.upload("of_nothing"), tag="of_nothing", keyspaces=("empty",), schema_cql=made)
    assert published.manifest == backups.load_backup(world.store, "of_nothing")
    assert (published.manifest.tables, published.manifest.schema_cql) == ((), made)
    assert published.manifest.totals.files == 0
    assert not world.upload("of_nothing").changed


def test_what_is_published_does_not_change_when_a_node_uploads_again(world: World) -> None:
    outcome = world.upload()
    world.publish(outcome)
    shutil.rmtree(world.node.settings.state_directory)
    world.node.snapshot("unrelated")
    for part in world.node.root.glob(f"data*/*/*/snapshots/{TAG}"):
        shutil.rmtree(part)
    world.node.snapshot(TAG)
    again = world.upload()
    assert not again.changed
    assert again.summary == outcome.summary
    world.node.began_us += 5
    for part in world.node.root.glob(f"data*/*/*/snapshots/{TAG}"):
        shutil.rmtree(part)
    world.node.snapshot(TAG)
    with pytest.raises(RepositoryError, match="another snapshot"):
        world.upload()


def test_a_missing_object_keeps_a_backup_invisible(world: World) -> None:
    outcome = world.upload()
    key = next(iter(world.objects()))
    world.store._backend.delete(f"p/{key}")  # type: ignore[attr-defined]
    with pytest.raises(ObjectMissingError, match=key):
        world.publish(outcome)
    with pytest.raises(BackupIncompleteError):
        backups.load_backup(world.store, TAG)
    repaired = world.upload()
    assert repaired.changed
    assert world.publish(repaired).changed


def test_an_object_of_a_wrong_size_keeps_a_backup_invisible(world: World) -> None:
    outcome = world.upload()
    key = next(iter(world.objects()))
    world.store.put(key, b"short")
    with pytest.raises(ObjectCorruptError, match=key):
        world.publish(outcome)


def test_a_node_manifest_that_differs_keeps_a_backup_invisible(world: World) -> None:
    outcome = world.upload()
    wrong = dataclasses.replace(outcome, summary=dataclasses.replace(outcome.summary, manifest_sha256="0" * 64))
    with pytest.raises(ManifestError, match="not what node node1 uploaded"):
        world.publish(wrong)
    world.store.put(outcome.summary.manifest_key, b"nonsense")
    with pytest.raises((ManifestError, ObjectCorruptError)):
        world.publish(outcome)


def test_a_node_manifest_with_less_than_its_snapshot_held_keeps_a_backup_invisible(world: World) -> None:
    outcome = world.upload()
    *lines, footer = [NODE_MANIFEST.encode(each) for each in world.records(outcome)]
    header = world.records(outcome)[0]
    more = dataclasses.replace(header.snapshot.contents, files=header.snapshot.contents.files + 1)
    lines[0] = NODE_MANIFEST.encode(
        dataclasses.replace(header, snapshot=dataclasses.replace(header.snapshot, contents=more))
    )
    text = b"".join([*lines, footer])
    key = outcome.summary.manifest_key
    world.store.put(key, b"".join(encode(iter([text]), Codecs.of(compressed=True, encrypted=False), recipients=())))
    summary = dataclasses.replace(
        outcome.summary, manifest_sha256=hashlib.sha256(text).hexdigest(), manifest_size=len(text)
    )
    with pytest.raises(ManifestError, match="does not hold what the snapshot of node node1 held"):
        world.publish(dataclasses.replace(outcome, summary=summary))
    assert world.store.head(f"backups/{TAG}/manifest.json") is None


ORDERS, LINES, EMPTY_AGAIN = f"orders-{'1' * 32}", f"lines-{'2' * 32}", f"empty-{'3' * 32}"


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        (
            {},
            f"certificate_manager.empty with id {'3' * 32}, certificate_manager.orders with id {'1' * 32}, shop.lines",
        ),
        ({"keyspaces": ("shop",)}, "shop.lines"),
        ({"tables_asked": ("certificate_manager.orders",)}, "certificate_manager.orders"),
        ({"tables_asked": ("certificate_manager.empty",)}, f"certificate_manager.empty with id {'3' * 32}"),
        ({"keyspaces": ("other",)}, ""),
    ],
)
def test_a_node_without_a_table_of_the_schema_keeps_a_backup_invisible(
    world: World, asked: dict[str, t.Any], missing: str
) -> None:
    """By id: a table of that name that was dropped is another."""
    outcome = world.upload()
    there = [f"certificate_manager/{path.name}" for path in world.node.root.glob("data0/certificate_manager/*")]
    assert len(there) == 2
    required = (*there, f"certificate_manager/{ORDERS}", f"certificate_manager/{EMPTY_AGAIN}", f"shop/{LINES}")
    if not missing:
        assert world.publish(outcome, required_tables=required, **asked).changed
        return
    with pytest.raises(BackupIncompleteError, match=f"The snapshot of node node1 has no {missing}.*, which the schema"):
        world.publish(outcome, required_tables=required, **asked)
    assert world.store.head(f"backups/{TAG}/manifest.json") is None
    assert world.publish(outcome, required_tables=required, taken_before=["node1"], **asked).changed


def test_another_backup_of_the_same_tag_is_refused(world: World) -> None:
    outcome = world.upload()
    published = world.publish(outcome)
    other = dataclasses.replace(
        published.manifest, nodes=(dataclasses.replace(outcome.summary, manifest_sha256="0" * 64),)
    )
    world.store.put(f"backups/{TAG}/manifest.json", CLUSTER_MANIFEST.encode(other))
    with pytest.raises(RepositoryError, match="a different one"):
        world.publish(outcome)


def test_backups_are_listed_newest_first_with_what_is_wrong_about_them(world: World) -> None:
    world.publish(world.upload())
    # The node's clock has gone back, the publishing one's has not.
    world.node.began_us -= 60_000_000
    world.node.snapshot("a_newer_one")
    world.publish(world.upload("a_newer_one"), tag="a_newer_one", now=ticking(1_700_001_060_000_000))
    world.node.snapshot("zz_begun")
    world.upload("zz_begun")
    assert backups.load_backup(world.store, "latest").tag == "a_newer_one"
    world.store.put("backups/zz_broken/manifest.json", b"{")
    infos = backups.list_backups(world.store)
    assert [(info.tag, info.complete) for info in infos] == [
        ("zz_broken", True),
        ("a_newer_one", True),
        (TAG, True),
        ("zz_begun", False),
    ]
    newer = infos[1]
    assert newer.totals
    assert (newer.totals.new_objects, newer.totals.new_stored_size) == (0, 0)
    assert newer.totals.stored_size > 11 * MIB
    assert newer.manifest
    assert newer.manifest.completed_us > newer.manifest.began_us
    assert infos[0].problem
    assert infos[3].node_host_ids == (world.node.identity.host_id,)
    assert [info.tag for info in backups.list_backups(world.store, limit=2)] == ["zz_broken", "a_newer_one"]
    assert [info.tag for info in backups.list_backups(world.store, tag=TAG)] == [TAG]
    assert [info.tag for info in backups.list_backups(world.store, keyspace="nothing")] == ["zz_broken"]
    assert len(backups.list_backups(world.store, keyspace="certificate_manager")) == 3
    assert len(backups.list_backups(world.store, include_incomplete=False)) == 3
    with pytest.raises(NewestUnknownError, match=r"zz_broken.*restore_point=a_newer_one"):
        backups.load_backup(world.store, "latest")
    with pytest.raises(BackupMissingError, match="a_newer_one"):
        backups.load_backup(world.store, "never")


def test_an_encrypted_backup_is_made_without_an_identity_and_opens_with_it_only(
    world: World, tmp_path: pathlib.Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    file = tmp_path / "identity"
    file.write_text(f"# ours\n{identity}\n")
    recipients = (str(identity.to_public()),)
    world.settings = dataclasses.replace(SETTINGS, recipients=recipients)
    outcome = world.upload()
    published = world.publish(outcome)
    assert all(key.endswith(".age") for key in world.objects())
    assert outcome.summary.manifest_key.endswith(".jsonl.zst")
    assert outcome.summary.recipients == published.manifest.nodes[0].recipients == recipients
    assert all(body.startswith(b"age-encryption.org/v1") for body in world.objects().values())
    entry = next(record for record in world.records(outcome) if isinstance(record, BackedUpObject))
    plain = b"".join(decode(world.store.get_stream(entry.stored.key), entry.stored.codecs, identity_file=str(file)))
    assert len(plain) == entry.stored.size
    with pytest.raises(IdentityError, match=r"no identity to open data/.*\.age with"):
        list(decode(world.store.get_stream(entry.stored.key), entry.stored.codecs, what=entry.stored.key))
    assert not world.upload().changed
    assert published.manifest.totals.stored_size > published.manifest.totals.size


def test_a_node_manifest_that_an_older_release_encrypted_is_uploaded_again(world: World) -> None:
    outcome = world.upload()
    key = outcome.summary.manifest_key
    world.store.put(f"{key}.age", world.store.get(key))
    old = dataclasses.replace(outcome.summary, manifest_key=f"{key}.age")
    with pytest.raises(ManifestError, match=f"{key}.age is encrypted, as an older version"):
        world.publish(dataclasses.replace(outcome, summary=old))
    receipt = pathlib.Path(world.node.settings.state_directory, "uploads", f"{TAG}.json")
    receipt.write_text(receipt.read_text().replace(key, f"{key}.age"))
    again = world.upload()
    assert (again.changed, again.summary.manifest_key) == (True, key)
    world.publish(again)
    assert [info.node_host_ids for info in backups.list_backups(world.store)] == [(world.node.identity.host_id,)]


def test_a_published_backup_is_signed_over_the_bytes_in_the_store(world: World, tmp_path: pathlib.Path) -> None:
    key = tmp_path / "signing-key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    outcome = world.upload()
    first = world.publish(outcome, signing_key=str(key))
    assert first.changed
    assert first.signer
    text = world.store.get(f"backups/{TAG}/manifest.json")
    signature = world.store.get(f"backups/{TAG}/signatures/{hashlib.sha256(text).hexdigest()}.sig")
    (tmp_path / "sig").write_bytes(signature)
    command = ["ssh-keygen", "-Y", "check-novalidate", "-n", "revive.cassandra", "-s", str(tmp_path / "sig")]
    assert subprocess.run(command, input=text, capture_output=True, check=False).returncode == 0
    again = world.publish(outcome, signing_key=str(key))
    assert (again.changed, again.signer) == (False, first.signer)


def test_copies_of_the_nodes_cannot_publish(world: World) -> None:
    outcome = world.upload()
    world.publish(outcome)
    moved = dataclasses.replace(outcome.summary, node=dataclasses.replace(outcome.summary.node, address="10.9.0.1"))
    copy = dataclasses.replace(outcome, summary=moved)
    with pytest.raises(WrongClusterError, match="copies of the machines"):
        world.publish(copy, tag="another")
