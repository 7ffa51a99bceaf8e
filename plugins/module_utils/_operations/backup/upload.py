# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upload of a node's snapshot: what the repository does not have yet, and a manifest of everything."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
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
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.hash_cache import HashCache
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_index import ObjectIndex
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.rate_limit import RateLimit
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.snapshot_files import (
    TableSnapshot,
    backed_up_tables,
    data_directories,
    schema_cql,
    sstable_files,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.workers import Workers
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import RowEstimate
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
    ManifestError,
    NodeError,
    RepositoryError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import (
    SnapshotContents,
    TableContents,
    TableCounter,
    difference,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    cluster_manifest_key,
    node_manifest_key,
    table_prefix,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import (
    NODE_MANIFEST,
    UPLOAD_RECEIPT,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    NodeManifestFooter,
    NodeManifestHeader,
    NodeSummary,
    RepositoryMarker,
    SnapshotRecord,
    TableEntry,
    Totals,
    UploadReceipt,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.packing import plan_objects
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings, TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot_notes import (
    read_snapshot_contents,
    read_snapshot_record,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.upload_objects import (
    UploadRun,
    upload_object,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.signed import read_manifest

_CHUNK_BYTES = 1024 * 1024
#: Objects queued ahead for each worker; the manifest keeps the order of the plan.
_AHEAD = 8


@dataclasses.dataclass(frozen=True)
class UploadOutcome:
    """A node's upload.

    :param changed: whether an object or the manifest was stored.
    :param totals: as in the summary; what is new counts from the first run for this tag.
    :param seconds: how long this run took.
    :param bytes_per_second: stored by this run.
    :param mended: keys of objects that were there with an impossible size, and were stored again.
    """

    changed: bool
    summary: NodeSummary
    totals: Totals
    seconds: float
    bytes_per_second: float
    mended: tuple[str, ...] = ()


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
    """Upload a snapshot of this node to the repository.

    Goes on where an earlier run for the same tag stopped, however it ended. Memory depends on the workers, not on how
    many files there are or how large they are.

    :param now: microseconds since the epoch.
    :raises NodeError: if the node has no snapshot of that tag that :func:`take_snapshot` took.
    :raises BusyError: if another upload runs on the node.
    :raises LocalFilesError: if a file cannot be read or changes meanwhile, or the snapshot is not, or is no more, what
        was taken.
    :raises ObjectCorruptError: if an object in the repository has a size that its content cannot have, and the store
        does not let it be replaced.
    :raises StoreError: if the store refuses or does not answer.
    :raises OperatorGoneError: from ``progress``.
    """
    with node_lock(node.state_directory, name="upload", node=node.name):
        record, contents = _record(node, tag=tag)
        directories = data_directories(read_config(node.config_file))
        began_us, began = now(), time.monotonic()
        with (
            HashCache(node.state_directory, now_seconds=began_us // 1_000_000) as cache,
            ObjectIndex() as index,
            Workers(transfer.workers, ahead=_AHEAD, name="revive-upload") as workers,
        ):
            published = _published(store, record=record)
            run = UploadRun(
                node=node,
                store=store,
                settings=settings,
                tag=tag,
                cache=cache,
                index=index,
                progress=progress,
                limit=RateLimit(max_bytes_per_second=transfer.max_bytes_per_second),
                workers=workers,
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
                spool.write(NODE_MANIFEST.encode(header))
                sizes = _upload_tables(run, directories, contents=contents, spool=spool)
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
        mended=tuple(sorted(run.mended)),
    )


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


def _record(node: NodeSettings, *, tag: str) -> tuple[SnapshotRecord, SnapshotContents]:
    record = read_snapshot_record(node, tag=tag)
    if record is None:
        raise NodeError(
            f"Node {node.name} has no snapshot {tag} that this collection took.",
            subject=node.name,
            next_step="Take it first; one that was begun but not finished has to be taken again.",
        )
    contents = read_snapshot_contents(node, record)
    if contents is None:
        raise NodeError(
            f"Nobody noted what snapshot {tag} of node {node.name} held when it was taken: whether it is whole cannot "
            "be told.",
            subject=node.name,
            next_step="An older version of this collection took it: take it again.",
        )
    return record, contents


def _published(store: ObjectStore, *, record: SnapshotRecord) -> NodeSummary | None:
    """This node in the backup of that tag, if that is complete and of this very snapshot.

    :raises RepositoryError: if it is of another snapshot: a complete backup never changes.
    """
    if store.head(cluster_manifest_key(record.tag)) is None:
        return None
    manifest = read_manifest(store, record.tag).manifest
    for summary in manifest.nodes:
        if (summary.node.host_id, summary.snapshot_began_us) == (record.node.host_id, record.began_us):
            return summary
    raise RepositoryError(
        f"{store.location} already has a complete backup {record.tag}, of another snapshot than node "
        f"{record.node.name} has.",
        subject=record.tag,
        next_step="Use another tag: a complete backup never changes.",
    )


def _upload_tables(
    run: UploadRun, directories: t.Sequence[str], *, contents: SnapshotContents, spool: _Spool
) -> tuple[int, ...]:
    """Upload table by table; the logical bytes of each data directory."""
    run.progress.begin(activity="uploading", total_bytes=contents.counts.size, total_files=contents.counts.files)
    expected = {each.table: each for each in contents.tables}
    sizes = [0] * len(directories)
    for table, parts in backed_up_tables(directories, tag=run.tag):
        counter = TableCounter(table)
        was = expected.pop(table, None)
        for entry in _upload_table(run, table, parts, rows=was.rows if was and was.files else None, spool=spool):
            for file in entry.files:
                sizes[entry.data_directory] += file.size
                counter.add(data_directory=entry.data_directory, path=file.path, size=file.size)
        _check_same(run, was=[was] if was else [], now=[counter.contents()])
    _check_same(run, was=list(expected.values()), now=[])
    return tuple(sizes)


def _check_same(run: UploadRun, *, was: t.Sequence[TableContents], now: t.Sequence[TableContents]) -> None:
    """What was uploaded has to be what the snapshot held when it was taken, whatever happened to it since."""
    differs = difference(was, now)
    if differs:
        raise LocalFilesError(
            f"Snapshot {run.tag} of node {run.node.name} is no more what was taken: {differs}.",
            subject=run.node.name,
            next_step="Somebody cleared a part of it, or its time to live is over: run the backup again.",
        )


def _upload_table(
    run: UploadRun, table: TableRef, parts: t.Sequence[TableSnapshot], *, rows: RowEstimate | None, spool: _Spool
) -> t.Iterator[BackedUpObject]:
    """Upload a table and write its part of the manifest, in the order of the plan; what is in the repository now."""
    cql = next((text for text in map(schema_cql, parts) if text), "")
    spool.write(NODE_MANIFEST.encode(TableEntry(table=table, schema_cql=cql, rows=rows)))
    spool.tables += 1
    run.index.clear()
    run.index.add(run.store.list(table_prefix(table)))
    plans = (
        plan
        for part in parts
        for members in sstable_files(part)
        for plan in plan_objects(table, data_directory=part.data_directory, files=members)
    )
    for entry in run.workers.in_order(functools.partial(upload_object, run), plans):
        spool.write(NODE_MANIFEST.encode(entry))
        spool.totals += _totals_of(run, entry)
        yield entry


def _totals_of(run: UploadRun, entry: BackedUpObject) -> Totals:
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


def _finish(
    run: UploadRun,
    spool: _Spool,
    *,
    record: SnapshotRecord,
    sizes: tuple[int, ...],
    began_us: int,
    now: t.Callable[[], int],
) -> tuple[NodeSummary, bool]:
    """Store the manifest, unless it is there as this node stored it; its summary, and whether anything was stored."""
    # In clear, whoever the data is for: what publishes, plans and compares has no private key.
    codecs = Codecs.of(compressed=True, encrypted=False)
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
        line = NODE_MANIFEST.encode(footer)
        file.write(line)
    spool.sha256.update(line)
    chunks = encode(read_chunks(spool.path, chunk_bytes=_CHUNK_BYTES), codecs)
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
        recipients=run.recipients,
    )
    kept = UploadReceipt(summary=summary, entries_sha256=entries_sha256, stored_size=stored_size)
    write_atomically(_receipt_path(run.node, run.tag), UPLOAD_RECEIPT.encode(kept))
    remove_if_there(spool.path)
    return summary, True


def _receipt_path(node: NodeSettings, tag: str) -> str:
    return os.path.join(node.state_directory, "uploads", f"{tag}.json")


def _read_receipt(node: NodeSettings, *, tag: str) -> UploadReceipt | None:
    path = _receipt_path(node, tag)
    text = read_if_there(path)
    try:
        return None if text is None else UPLOAD_RECEIPT.decode(text, subject=path)
    except ManifestError:
        return None


@contextlib.contextmanager
def _local(doing: str, path: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        raise local_error(error, doing=doing, path=path) from error
