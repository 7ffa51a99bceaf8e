# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a backup: everything is checked once more, and then it becomes visible."""

from __future__ import annotations

import dataclasses
import hashlib
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_index import ObjectIndex
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    TableRef,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.clocks import Offset
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BackupIncompleteError,
    InputError,
    ManifestError,
    ObjectCorruptError,
    ObjectMissingError,
    RepositoryError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectInfo, ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs, may_be_stored_as
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import ContentsCounts
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.degraded import Degraded
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    cluster_manifest_key,
    parse_node_manifest_key,
    table_prefix,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import (
    read_node_manifest,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    ClusterManifest,
    NodeManifestFooter,
    NodeManifestHeader,
    NodeSummary,
    RepositoryMarker,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import Signer
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.found_tables import (
    FoundTables,
    asked_for,
    replicas_of_tables,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.store_clock import ahead_of_store
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import check_cluster
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.signed import (
    SignedManifest,
    read_manifest,
    store_manifest,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.whose import check_not_copied

_BATCH = 1000


@dataclasses.dataclass(frozen=True)
class PublishOutcome:
    """A backup that is complete.

    :param changed: whether it was published now.
    :param signer: who has signed it; ``None`` if nobody has.
    :param ahead_of_store: how far the clock of who published is ahead of the store's; ``None`` if that was not seen.
    """

    changed: bool
    manifest: ClusterManifest
    signer: Signer | None = None
    ahead_of_store: Offset | None = None


def publish_backup(
    store: ObjectStore,
    *,
    marker: RepositoryMarker,
    tag: str,
    node_summaries: t.Sequence[NodeSummary],
    began_us: int,
    keyspaces: t.Sequence[str],
    tables_asked: t.Sequence[str],
    schema_cql: t.Sequence[str] = (),
    required_tables: t.Sequence[str] = (),
    taken_before: t.Container[str] = (),
    row_counts: t.Mapping[str, tuple[int, int]] | None = None,
    degraded: Degraded | None = None,
    signing_key: str | None = None,
    moved_from: str | None = None,
    tool_version: str,
    now: t.Callable[[], int],
) -> PublishOutcome:
    """Verify what the nodes uploaded, and write the cluster's manifest.

    Every node manifest is read back and compared with its summary; every object is looked up, one listing per table.

    :param node_summaries: of every node of the cluster, but those that are missing.
    :param schema_cql: statements that make the schema, read after the snapshots; without any, what those noted about
        their tables.
    :param required_tables: the tables and views, as ``keyspace/table-id``, that the schema had before the snapshots and
        still had after them: each node's has to have those that were asked for.
    :param taken_before: names of nodes whose snapshot is older than that, and may lack one.
    :param row_counts: by ``keyspace.table``: rows, and when they were counted, in microseconds.
    :param degraded: what it lacks, if it is not of every node of the ring.
    :param moved_from: where the cluster was, if all of it was moved since the last backup.
    :param signing_key: the file with the key that signs the manifest; without it nobody does.
    :raises BackupIncompleteError: if there is no node, or a node's snapshot lacks a table of the schema.
    :raises ManifestError: if a node manifest does not match its summary.
    :raises ObjectMissingError: if an object is not in the repository.
    :raises ObjectCorruptError: if an object has an impossible size.
    :raises RepositoryError: if there is another complete backup of that tag.
    :raises WrongClusterError: if none of the nodes is known to the repository.
    """
    _check_different(node_summaries, tag=tag)
    _check_whose(store, marker, node_summaries, moved_from=moved_from)
    # Before anything is read: one look shows whether the backup is complete.
    earlier = _published(store, tag)
    if earlier is not None:
        return _same(store, earlier, node_summaries=node_summaries)
    found = FoundTables()
    required = asked_for(required_tables, keyspaces=keyspaces, tables=tables_asked)
    for summary in node_summaries:
        with ObjectIndex() as expected:
            _read_back(store, marker=marker, tag=tag, summary=summary, expected=expected, found=found)
            if summary.node.name not in taken_before:
                _check_tables(summary, tag=tag, missing=required - set(found.tables_of_node))
            _check_objects(store, summary, expected=expected, tables=found.tables_of_node)
    manifest = ClusterManifest(
        tag=tag,
        cluster_id=marker.cluster_id,
        cluster_name=node_summaries[0].node.cluster_name,
        began_us=began_us,
        completed_us=now(),
        keyspaces=tuple(keyspaces),
        tables_asked=tuple(tables_asked),
        nodes=tuple(sorted(node_summaries, key=lambda summary: summary.node.host_id)),
        tables=found.table_summaries(row_counts or {}, replicas=replicas_of_tables(schema_cql, node_summaries)),
        totals=sum((summary.totals for summary in node_summaries), Totals()),
        schema_cql=tuple(schema_cql) or found.schema(),
        tool_version=tool_version,
        degraded=degraded,
    )
    began = time.monotonic()
    stored = store_manifest(store, manifest, signing_key=signing_key)
    if stored is None:
        other = _published(store, tag)
        if other is None:
            raise RepositoryError(f"Backup {tag} was there and is gone.", subject=tag, next_step="Try again.")
        return _same(store, other, node_summaries=node_summaries, mine=manifest)
    ahead = ahead_of_store(
        store, cluster_manifest_key(tag), before_us=manifest.completed_us, seconds=time.monotonic() - began
    )
    return PublishOutcome(changed=True, manifest=manifest, signer=stored.signer, ahead_of_store=ahead)


def _check_tables(summary: NodeSummary, *, tag: str, missing: set[TableRef]) -> None:
    if missing:
        names = sorted(f"{table} with id {table.id}" for table in missing)
        raise BackupIncompleteError(
            f"The snapshot of node {summary.node.name} has no {', '.join(names[:3])}"
            f"{f' and {len(names) - 3} more tables' if len(names) > 3 else ''}, which the schema has.",
            subject=tag,
            next_step="Check in nodetool tablestats whether the node has them, and that its configuration file names "
            "all data directories that it uses; then run the backup again.",
        )


def _check_whose(
    store: ObjectStore, marker: RepositoryMarker, node_summaries: t.Sequence[NodeSummary], *, moved_from: str | None
) -> None:
    addresses = {summary.node.host_id: summary.node.address for summary in node_summaries}
    check_cluster(store, marker, cluster_name=node_summaries[0].node.cluster_name, host_ids=list(addresses))
    check_not_copied(store, addresses=addresses, moved_from=moved_from)


def _check_different(node_summaries: t.Sequence[NodeSummary], *, tag: str) -> None:
    if not node_summaries:
        raise BackupIncompleteError(f"No node has uploaded backup {tag}.", subject=tag)
    names: dict[str, str] = {}
    for summary in node_summaries:
        other = names.setdefault(summary.node.host_id, summary.node.name)
        if other != summary.node.name:
            raise InputError(
                f"{other} and {summary.node.name} are the same node {summary.node.host_id}.",
                subject=summary.node.name,
                next_step="Name every node once in the inventory.",
            )
    if len(names) != len(node_summaries):
        raise InputError("A node was given twice.", subject=node_summaries[0].node.name)


def _read_back(
    store: ObjectStore,
    *,
    marker: RepositoryMarker,
    tag: str,
    summary: NodeSummary,
    expected: ObjectIndex,
    found: FoundTables,
) -> None:
    """Read one node's manifest, compare it with its summary, and note the objects that it points at."""
    subject = f"{store.location}{summary.manifest_key}"
    parsed = parse_node_manifest_key(summary.manifest_key)
    if parsed is None or parsed[:2] != (tag, summary.node.host_id):
        raise ManifestError(
            f"{summary.manifest_key} is not the manifest of node {summary.node.name} in backup {tag}.",
            subject=summary.manifest_key,
        )
    if parsed[2].encrypted:
        raise ManifestError(
            f"{summary.manifest_key} is encrypted, as an older version of this collection uploaded it.",
            subject=summary.manifest_key,
            next_step="Upload from that node again: node manifests are in clear now.",
        )
    digest = hashlib.sha256()
    lines = _lines(decode(store.get_stream(summary.manifest_key), parsed[2]), digest)
    batch: list[ObjectInfo] = []
    held: ContentsCounts | None = None
    for record in read_node_manifest(lines, subject=subject):
        found.take(record)
        if isinstance(record, NodeManifestHeader):
            _check_header(record, marker=marker, tag=tag, summary=summary, subject=subject)
            held = record.snapshot.contents
        elif isinstance(record, BackedUpObject):
            stored = record.stored
            if stored.contradicts_itself:
                raise ManifestError(f"{subject} gives {stored.key} an impossible size.", subject=subject)
            batch.append(ObjectInfo(key=stored.key, size=stored.size))
            if len(batch) >= _BATCH:
                expected.add(batch)
                batch.clear()
        elif isinstance(record, NodeManifestFooter):
            _check_footer(record, held=held, summary=summary, subject=subject)
    expected.add(batch)
    if digest.hexdigest() != summary.manifest_sha256:
        raise ManifestError(
            f"{subject} is not what node {summary.node.name} uploaded.",
            subject=subject,
            next_step="Upload from that node again.",
        )


def _check_header(
    header: NodeManifestHeader, *, marker: RepositoryMarker, tag: str, summary: NodeSummary, subject: str
) -> None:
    told = (header.tag, header.cluster_id, header.node.host_id)
    if told != (tag, marker.cluster_id, summary.node.host_id):
        raise ManifestError(f"{subject} belongs to another backup, cluster or node.", subject=subject)


def _check_footer(
    footer: NodeManifestFooter, *, held: ContentsCounts | None, summary: NodeSummary, subject: str
) -> None:
    if footer.totals != summary.totals:
        raise ManifestError(f"{subject} does not count what node {summary.node.name} reported.", subject=subject)
    # Their size may have grown: see the digest of a table's contents.
    if held is None or (held.tables, held.files) != (footer.tables, footer.totals.files):
        raise ManifestError(
            f"{subject} does not hold what the snapshot of node {summary.node.name} held when it was taken.",
            subject=subject,
            next_step="Run the backup again, under another tag.",
        )


def _lines(chunks: t.Iterator[bytes], digest: t.Any) -> t.Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        digest.update(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _check_objects(
    store: ObjectStore, summary: NodeSummary, *, expected: ObjectIndex, tables: t.Sequence[TableRef]
) -> None:
    """Compare what the manifest points at with what lies in the repository."""
    for table in tables:
        for entry in store.list(table_prefix(table)):
            # Of the content: encrypted by another node at the same moment, the object may have another size than the
            # manifest says, which is just as right.
            size = expected.remove(entry.key)
            if size is None:
                continue
            if not may_be_stored_as(Codecs.of_key(entry.key), size=size, stored_size=entry.size):
                raise ObjectCorruptError(
                    f"{store.location}{entry.key} has {entry.size} bytes, which is not what node "
                    f"{summary.node.name} uploaded.",
                    subject=entry.key,
                    next_step="Run the backup again, which stores it again. Find out what changes objects there.",
                )
    if len(expected):
        missing = expected.first_keys(3)
        raise ObjectMissingError(
            f"{len(expected)} objects of node {summary.node.name} are not in {store.location}, such as "
            f"{', '.join(missing)}.",
            subject=missing[0],
            next_step="Run the backup again with the same tag; find out what deletes objects there.",
        )


def _published(store: ObjectStore, tag: str) -> SignedManifest | None:
    if store.head(cluster_manifest_key(tag)) is None:
        return None
    return read_manifest(store, tag)


def _same(
    store: ObjectStore,
    there: SignedManifest,
    *,
    node_summaries: t.Sequence[NodeSummary],
    mine: ClusterManifest | None = None,
) -> PublishOutcome:
    """The backup that is there, if it is of the same snapshots; changed if it is the very one that was to be stored."""
    manifest = there.manifest
    hashes = {summary.node.host_id: summary.manifest_sha256 for summary in manifest.nodes}
    if hashes != {summary.node.host_id: summary.manifest_sha256 for summary in node_summaries}:
        raise RepositoryError(
            f"{store.location} already has a complete backup {manifest.tag}, and it is a different one.",
            subject=manifest.tag,
            next_step="Use another tag: a complete backup never changes.",
        )
    return PublishOutcome(changed=manifest == mine, manifest=manifest, signer=there.signer)
