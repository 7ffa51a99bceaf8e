# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's snapshot into the repository: what is not there yet, and a manifest of all of it."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import io
import itertools
import json
import os
import tarfile
import threading
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import encode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    ensure_directory,
    local_error,
    read_chunks,
    read_if_there,
    remove_if_there,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.hash_cache import Content, HashCache
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_index import ObjectIndex
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.rate_limit import RateLimit
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.snapshot_files import (
    TableSnapshot,
    data_directories,
    same_file,
    schema_cql,
    sstable_files,
    table_snapshots,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef, is_backed_up
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
    ManifestError,
    NodeError,
    ObjectCorruptError,
    RepositoryError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectInfo,
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs, may_be_stored_as
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    cluster_manifest_key,
    data_key,
    node_manifest_key,
    table_prefix,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import (
    decode_cluster_manifest,
    decode_upload_receipt,
    encode_node_record,
    encode_upload_receipt,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    FileEntry,
    NodeManifestFooter,
    NodeManifestHeader,
    NodeSummary,
    RepositoryMarker,
    SnapshotRecord,
    StoredObject,
    TableEntry,
    Totals,
    UploadReceipt,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.packing import (
    ObjectPlan,
    SnapshotFile,
    plan_objects,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings, TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot import read_snapshot_record

#: Files up to this size are read once, hashed and sent from memory; larger ones are hashed, then sent as a stream.
WHOLE_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
#: Objects handed to the workers in advance, for each worker; the manifest keeps the order of the plan.
_AHEAD = 8


@dataclasses.dataclass(frozen=True)
class UploadOutcome:
    """A node's upload.

    :param changed: whether an object or the manifest was stored.
    :param totals: as in the summary; what is new counts from the first run for this tag on.
    :param seconds: that this run took.
    :param bytes_per_second: stored by this run.
    """

    changed: bool
    summary: NodeSummary
    totals: Totals
    seconds: float
    bytes_per_second: float


def upload_snapshot(
    node: NodeSettings,
    store: ObjectStore,
    *,
    marker: RepositoryMarker,
    settings: RepositorySettings,
    tag: str,
    transfer: TransferSettings,
    progress: Progress,
    now: t.Callable[[], int],
) -> UploadOutcome:
    """Bring a snapshot of this node into the repository.

    Goes on where an earlier run for the same tag ended, however it ended. Memory depends on the workers, not on how
    many files there are or how large they are.

    :param now: microseconds since the epoch.
    :raises NodeError: if the node has no snapshot of that tag that :func:`take_snapshot` took.
    :raises BusyError: if another upload runs on the node.
    :raises LocalFilesError: if a file cannot be read, changes meanwhile, or the snapshot is cleared meanwhile.
    :raises ObjectCorruptError: if an object in the repository has not the size that its content must have.
    :raises StoreError: if the store refuses or does not answer.
    :raises OperatorGoneError: from ``progress``.
    """
    with node_lock(node.state_directory, name="upload", node=node.name):
        record = _record(node, tag=tag)
        directories = data_directories(read_config(node.config_file))
        began_us, began = now(), time.monotonic()
        with HashCache(node.state_directory, now_seconds=began_us // 1_000_000) as cache, ObjectIndex() as index:
            published = _published(store, record=record)
            run = _Run(
                node=node,
                store=store,
                settings=settings,
                tag=tag,
                cache=cache,
                index=index,
                progress=progress,
                limit=RateLimit(max_bytes_per_second=transfer.max_bytes_per_second),
            )
            header = NodeManifestHeader(
                tag=tag,
                cluster_id=marker.cluster_id,
                node=record.node,
                snapshot=record,
                data_directories=len(directories),
            )
            spool = _Spool(os.path.join(node.state_directory, "uploads", f"{tag}.jsonl"))
            with spool:
                spool.write(encode_node_record(header))
                sizes = _upload_tables(run, directories, spool=spool, workers=transfer.workers)
            if published:
                remove_if_there(spool.path)
                summary, changed = published, run.sent_objects > 0
            else:
                summary, changed = _finish(run, spool, record=record, sizes=sizes, began_us=began_us, now=now)
        seconds = time.monotonic() - began
    return UploadOutcome(
        changed=changed,
        summary=summary,
        totals=summary.totals,
        seconds=seconds,
        bytes_per_second=run.sent_bytes / seconds if seconds > 0 else 0.0,
    )


class _Run:
    """What the workers of one upload share."""

    def __init__(
        self,
        *,
        node: NodeSettings,
        store: ObjectStore,
        settings: RepositorySettings,
        tag: str,
        cache: HashCache,
        index: ObjectIndex,
        progress: Progress,
        limit: RateLimit,
    ) -> None:
        self.node = node
        self.store = store
        self.recipients = settings.recipients
        self.codecs = Codecs.of(compressed=False, encrypted=bool(settings.recipients))
        self.tag = tag
        self.cache = cache
        self.index = index
        self.progress = progress
        self.limit = limit
        self.stopping = threading.Event()
        self.sent_bytes = 0
        self.sent_objects = 0
        self._sent_lock = threading.Lock()
        self._busy_keys: set[str] = set()
        self._key_free = threading.Condition()

    @contextlib.contextmanager
    def alone_with(self, key: str) -> t.Iterator[None]:
        """Let one worker at a time look for and store one key: the same content can come twice in a table."""
        with self._key_free:
            self._key_free.wait_for(lambda: key not in self._busy_keys)
            self._busy_keys.add(key)
        try:
            yield
        finally:
            with self._key_free:
                self._busy_keys.remove(key)
                self._key_free.notify_all()

    def note_sent(self, stored: StoredObject) -> None:
        """Count an object that is now in the repository."""
        self.index.add((ObjectInfo(key=stored.key, size=stored.stored_size),))
        with self._sent_lock:
            self.sent_bytes += stored.stored_size
            self.sent_objects += 1

    def check(self) -> None:
        """Leave a worker whose work is no longer wanted."""
        if self.stopping.is_set():
            raise _StoppedError
        self.progress.advance()


class _StoppedError(Exception):
    """Another worker has failed."""


class _Spool:
    """The manifest as it grows, on disk, with its hash."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.sha256 = hashlib.sha256()
        self.size = 0
        self.totals = Totals()
        self.tables = 0

    def __enter__(self) -> _Spool:
        ensure_directory(os.path.dirname(self.path))
        with _local("write", self.path):
            self._file = open(self.path, "wb")
        return self

    def __exit__(self, *_error: object) -> None:
        with _local("write", self.path):
            self._file.close()

    def write(self, line: bytes) -> None:
        """Append a line."""
        with _local("write", self.path):
            self._file.write(line)
        self.sha256.update(line)
        self.size += len(line)


def _record(node: NodeSettings, *, tag: str) -> SnapshotRecord:
    record = read_snapshot_record(node, tag=tag)
    if record is None:
        raise NodeError(
            f"Node {node.name} has no snapshot {tag} that this collection took.",
            subject=node.name,
            next_step="Take it first; one that was begun and not finished has to be taken again.",
        )
    return record


def _published(store: ObjectStore, *, record: SnapshotRecord) -> NodeSummary | None:
    """This node in the backup of that tag, if it is complete already and of this very snapshot.

    :raises RepositoryError: if it is of another snapshot: a complete backup never changes.
    """
    key = cluster_manifest_key(record.tag)
    if store.head(key) is None:
        return None
    manifest = decode_cluster_manifest(store.get(key), subject=f"{store.location}{key}")
    for summary in manifest.nodes:
        if (summary.node.host_id, summary.snapshot_began_us) == (record.node.host_id, record.began_us):
            return summary
    raise RepositoryError(
        f"{store.location} has a complete backup {record.tag} already, of another snapshot than node "
        f"{record.node.name} has.",
        subject=record.tag,
        next_step="Use another tag: a complete backup never changes.",
    )


def _upload_tables(run: _Run, directories: t.Sequence[str], *, spool: _Spool, workers: int) -> tuple[int, ...]:
    """Upload table by table; the logical bytes of each data directory."""

    def snapshots() -> t.Iterator[TableSnapshot]:
        return (part for part in table_snapshots(directories, tag=run.tag) if is_backed_up(part.table))

    files, size = _measure(snapshots())
    run.progress.begin(activity="uploading", total_bytes=size, total_files=files)
    sizes = [0] * len(directories)
    with concurrent.futures.ThreadPoolExecutor(max_workers=workers, thread_name_prefix="revive-upload") as pool:
        try:
            for table, parts in itertools.groupby(snapshots(), key=lambda part: part.table):
                _upload_table(run, table, list(parts), spool=spool, pool=pool, ahead=workers * _AHEAD, sizes=sizes)
        except BaseException:
            run.stopping.set()
            raise
    if spool.tables == 0:
        raise LocalFilesError(
            f"Snapshot {run.tag} on node {run.node.name} is gone.",
            subject=run.node.name,
            next_step="Somebody cleared it, or its time to live was over: take a new one.",
        )
    return tuple(sizes)


def _measure(snapshots: t.Iterator[TableSnapshot]) -> tuple[int, int]:
    files = size = 0
    for snapshot in snapshots:
        for members in sstable_files(snapshot):
            files += len(members)
            size += sum(file.size for file in members)
    return files, size


def _upload_table(
    run: _Run,
    table: TableRef,
    parts: t.Sequence[TableSnapshot],
    *,
    spool: _Spool,
    pool: concurrent.futures.ThreadPoolExecutor,
    ahead: int,
    sizes: list[int],
) -> None:
    cql = next((text for text in map(schema_cql, parts) if text), "")
    spool.write(encode_node_record(TableEntry(table=table, schema_cql=cql)))
    spool.tables += 1
    run.index.clear()
    run.index.add(run.store.list(table_prefix(table)))
    plans = (
        plan
        for part in parts
        for members in sstable_files(part)
        for plan in plan_objects(table, data_directory=part.data_directory, files=members)
    )
    under_way: collections.deque[concurrent.futures.Future[BackedUpObject]] = collections.deque()

    def settle() -> None:
        entry = under_way.popleft().result()
        spool.write(encode_node_record(entry))
        spool.totals += _totals_of(run, entry)
        sizes[entry.data_directory] += sum(file.size for file in entry.files)

    try:
        for plan in plans:
            under_way.append(pool.submit(_upload_object, run, plan))
            while len(under_way) >= ahead or (under_way and under_way[0].done()):
                settle()
        while under_way:
            settle()
    except _StoppedError:
        raise _first_failure(under_way) from None
    except BaseException:
        run.stopping.set()
        for future in under_way:
            future.cancel()
        raise


def _first_failure(futures: t.Iterable[concurrent.futures.Future[BackedUpObject]]) -> BaseException:
    """Why the workers were stopped: the failure that was not a consequence of another."""
    for future in futures:
        error = future.exception()
        if error is not None and not isinstance(error, _StoppedError):
            return error
    return AssertionError("the workers were stopped, and none has failed")


def _totals_of(run: _Run, entry: BackedUpObject) -> Totals:
    brought = run.cache.brings(tag=run.tag, key=entry.stored.key)
    stored_size = entry.stored.stored_size
    return Totals(
        files=len(entry.files),
        size=sum(file.size for file in entry.files),
        objects=1,
        stored_size=stored_size,
        new_objects=int(brought),
        new_stored_size=stored_size if brought else 0,
    )


def _upload_object(run: _Run, plan: ObjectPlan) -> BackedUpObject:
    """Bring one object into the repository, unless it is there."""
    try:
        run.check()
        fingerprint = _fingerprint(plan)
        content = run.cache.find(fingerprint)
        body: bytes | None = None
        if content is None:
            content, body = _read_content(run, plan)
            run.cache.remember(fingerprint, content)
        key = data_key(plan.table, sha256=content.sha256, codecs=run.codecs)
        with run.alone_with(key):
            stored_size = _size_in_repository(run, key, content=content)
            if stored_size is None:
                stored_size = _send(run, plan, key=key, content=content, body=body)
            else:
                run.progress.advance(transferred_bytes=plan.size)
        run.progress.advance(files=len(plan.files))
        files = tuple(
            FileEntry(path=file.path, size=file.size, sha256=sha256) for file, sha256 in zip(plan.files, content.files)
        )
        stored = StoredObject(
            key=key, sha256=content.sha256, size=content.size, stored_size=stored_size, codecs=run.codecs
        )
        return BackedUpObject(
            table=plan.table, data_directory=plan.data_directory, stored=stored, packed=plan.packed, files=files
        )
    except BaseException:
        run.stopping.set()
        raise


def _size_in_repository(run: _Run, key: str, *, content: Content) -> int | None:
    stored_size = run.index.find(key)
    if stored_size is not None and not may_be_stored_as(run.codecs, size=content.size, stored_size=stored_size):
        raise ObjectCorruptError(
            f"{run.store.location}{key} has {stored_size} bytes, which cannot hold its content of {content.size}.",
            subject=key,
            next_step="Delete or rename that object, then run the backup again; other backups that use it are damaged.",
        )
    return stored_size


def _send(run: _Run, plan: ObjectPlan, *, key: str, content: Content, body: bytes | None) -> int:
    """Store the content under its key; the bytes stored."""
    if body is None and (plan.packed or plan.size <= WHOLE_BYTES):
        body = _read_whole(plan)
        if hashlib.sha256(body).hexdigest() != content.sha256:
            raise _changed(plan)
    # Before the object is there, so that a run that is killed in between still counts it as its own.
    run.cache.note_bringing(tag=run.tag, key=key)
    if body is not None:
        stored_size = _send_whole(run, key, body)
        run.progress.advance(transferred_bytes=plan.size)
    else:
        stored_size = _send_stream(run, plan.files[0], key=key, sha256=content.sha256)
    if not may_be_stored_as(run.codecs, size=content.size, stored_size=stored_size):
        raise _changed(plan)
    stored = StoredObject(key=key, sha256=content.sha256, size=content.size, stored_size=stored_size, codecs=run.codecs)
    run.note_sent(stored)
    return stored_size


def _send_whole(run: _Run, key: str, body: bytes) -> int:
    if run.codecs.encrypted:
        body = b"".join(encode(iter((body,)), run.codecs, recipients=run.recipients))
    run.limit.take(len(body))
    run.store.put(key, body)
    return len(body)


def _send_stream(run: _Run, file: SnapshotFile, *, key: str, sha256: str) -> int:
    def checked() -> t.Iterator[bytes]:
        digest = hashlib.sha256()
        for chunk in read_chunks(file.source, chunk_bytes=_CHUNK_BYTES):
            run.check()
            run.limit.take(len(chunk))
            digest.update(chunk)
            yield chunk
            run.progress.advance(transferred_bytes=len(chunk))
        if digest.hexdigest() != sha256:
            # Raised while the store still waits for the rest: nothing becomes visible.
            raise _changed_file(file.source)

    chunks = encode(checked(), run.codecs, recipients=run.recipients) if run.codecs.encrypted else checked()
    # What encryption adds is less than a thousandth; the size only has to give parts that are large enough.
    expected = file.size + file.size // 1000 + 65536 if run.codecs.encrypted else file.size
    return run.store.put_stream(key, iter(chunks), size=expected)


def _read_content(run: _Run, plan: ObjectPlan) -> tuple[Content, bytes | None]:
    """What the files of a plan hold, and the object's bytes if they fit into memory."""
    if plan.packed:
        bodies = [_read_file(file) for file in plan.files]
        hashes = tuple(hashlib.sha256(body).hexdigest() for body in bodies)
        tar = _pack(plan.files, bodies)
        return Content(sha256=hashlib.sha256(tar).hexdigest(), size=len(tar), files=hashes), tar
    file = plan.files[0]
    if file.size <= WHOLE_BYTES:
        body = _read_file(file)
        sha256 = hashlib.sha256(body).hexdigest()
        return Content(sha256=sha256, size=len(body), files=(sha256,)), body
    digest = hashlib.sha256()
    size = 0
    for chunk in read_chunks(file.source, chunk_bytes=_CHUNK_BYTES):
        run.check()
        digest.update(chunk)
        size += len(chunk)
    if size != file.size or not same_file(file.source, size=file.size, inode_key=file.inode_key):
        raise _changed_file(file.source)
    return Content(sha256=digest.hexdigest(), size=size, files=(digest.hexdigest(),)), None


def _read_whole(plan: ObjectPlan) -> bytes:
    bodies = [_read_file(file) for file in plan.files]
    return _pack(plan.files, bodies) if plan.packed else bodies[0]


def _read_file(file: SnapshotFile) -> bytes:
    body = b"".join(read_chunks(file.source, chunk_bytes=max(file.size, 1) + 1))
    if len(body) != file.size or not same_file(file.source, size=file.size, inode_key=file.inode_key):
        raise _changed_file(file.source)
    return body


def _pack(files: t.Sequence[SnapshotFile], bodies: t.Sequence[bytes]) -> bytes:
    """A tar that depends on names and contents only, so that the same files make the same object."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file, body in zip(files, bodies):
            member = tarfile.TarInfo(file.path)
            member.size = len(body)
            member.mode = 0o640
            tar.addfile(member, io.BytesIO(body))
        end = tar.offset
    # Two empty blocks end a tar. The rest, up to 10 KiB for tapes, would be most of what a small SSTable takes.
    return target.getvalue()[: end + 2 * tarfile.BLOCKSIZE]


def _fingerprint(plan: ObjectPlan) -> bytes:
    """Stays the same as long as the content of the object does."""
    digest = hashlib.sha256()
    for file in plan.files:
        # A single file's content does not depend on its name, a tar's does.
        name = file.path if plan.packed else ""
        digest.update(json.dumps([name, file.size, *file.inode_key]).encode())
    return digest.digest()


def _changed(plan: ObjectPlan) -> LocalFilesError:
    return _changed_file(plan.files[0].source)


def _changed_file(path: str) -> LocalFilesError:
    return LocalFilesError(
        f"{path} changed while it was read.",
        subject=path,
        next_step="Files of a snapshot never change by themselves: find out what writes there, then try again.",
    )


def _finish(
    run: _Run,
    spool: _Spool,
    *,
    record: SnapshotRecord,
    sizes: tuple[int, ...],
    began_us: int,
    now: t.Callable[[], int],
) -> tuple[NodeSummary, bool]:
    """Store the manifest unless it is there as this node stored it; its summary, and whether anything was stored."""
    codecs = Codecs.of(compressed=True, encrypted=bool(run.recipients))
    key = node_manifest_key(run.tag, host_id=record.node.host_id, codecs=codecs)
    entries_sha256 = spool.sha256.hexdigest()
    receipt = _read_receipt(run.node, tag=run.tag)
    if receipt and receipt.entries_sha256 == entries_sha256 and receipt.summary.manifest_key == key:
        found = run.store.head(key)
        if found is not None and found.size == receipt.stored_size and run.sent_objects == 0:
            remove_if_there(spool.path)
            return receipt.summary, False
    footer = NodeManifestFooter(
        totals=spool.totals, tables=spool.tables, upload_began_us=began_us, upload_ended_us=now()
    )
    with _local("write", spool.path), open(spool.path, "ab") as file:
        line = encode_node_record(footer)
        file.write(line)
    spool.sha256.update(line)
    chunks = encode(read_chunks(spool.path, chunk_bytes=_CHUNK_BYTES), codecs, recipients=run.recipients)
    stored_size = run.store.put_stream(key, iter(chunks), size=None)
    summary = NodeSummary(
        node=record.node,
        manifest_key=key,
        manifest_sha256=spool.sha256.hexdigest(),
        manifest_size=spool.size + len(line),
        totals=spool.totals,
        data_directory_sizes=sizes,
        snapshot_began_us=record.began_us,
        snapshot_ended_us=record.ended_us,
        upload_began_us=footer.upload_began_us,
        upload_ended_us=footer.upload_ended_us,
        commit_log=record.commit_log,
    )
    kept = UploadReceipt(summary=summary, entries_sha256=entries_sha256, stored_size=stored_size)
    write_atomically(_receipt_path(run.node, run.tag), encode_upload_receipt(kept))
    remove_if_there(spool.path)
    return summary, True


def _receipt_path(node: NodeSettings, tag: str) -> str:
    return os.path.join(node.state_directory, "uploads", f"{tag}.json")


def _read_receipt(node: NodeSettings, *, tag: str) -> UploadReceipt | None:
    path = _receipt_path(node, tag)
    text = read_if_there(path)
    try:
        return None if text is None else decode_upload_receipt(text, subject=path)
    except ManifestError:
        return None


@contextlib.contextmanager
def _local(doing: str, path: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        raise local_error(error, doing=doing, path=path) from error
