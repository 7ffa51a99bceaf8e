# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backup consists of, as frozen dataclasses. Pure.

Times are microseconds since the epoch in UTC (``*_us``), sizes are bytes, hashes are SHA-256 in hexadecimal, of the
content before any codec unless a name says ``stored``.
"""

from __future__ import annotations

import dataclasses

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import (
    CommitLogPosition,
    NodeIdentity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import RowEstimate
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import (
    written_flat,
    written_if_any,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import (
    PLAIN,
    Codecs,
    may_be_stored_as,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import ContentsCounts
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.degraded import Degraded

#: The store lists the object with the size that its content has. Nobody has read it since: what rotted in the store
#: does not show.
LISTED_SIZE = "listed_size"


@dataclasses.dataclass(frozen=True)
class SnapshotRecord:
    """One node's snapshot, as it was taken.

    :param for_backup: whether a backup took it, which needs it only as long as it runs.
    :param contents: what it held right after it was taken; ``None`` in records from before that was noted.
    """

    tag: str
    began_us: int
    ended_us: int
    node: NodeIdentity
    commit_log: CommitLogPosition
    keyspaces: tuple[str, ...]
    tables: tuple[str, ...]
    for_backup: bool = False
    contents: ContentsCounts | None = None


@dataclasses.dataclass(frozen=True)
class FileEntry:
    """A file of a table's snapshot.

    :param path: relative to the table's directory, with ``/``; components of an old secondary index lie in a
        sub-directory whose name begins with a dot.
    """

    path: str
    size: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class StoredObject:
    """An object of the repository: one large file as it is, or a tar of an SSTable's small ones.

    :param sha256: of the content, which is the file or the tar.
    :param size: of the content.
    :param stored_size: of the object, after the codecs, as it was when its node uploaded or found it. Another node may
        have stored the same content since, encrypted once more and so of another size.
    """

    key: str
    sha256: str
    size: int
    stored_size: int
    codecs: Codecs = PLAIN

    def may_have(self, found_size: int) -> bool:
        """Whether an object of that size under the key can be this one."""
        return may_be_stored_as(self.codecs, size=self.size, stored_size=found_size)

    @property
    def contradicts_itself(self) -> bool:
        """Whether the key does not say how it is stored, or the size that it is said to have is impossible."""
        return Codecs.of_key(self.key) != self.codecs or not self.may_have(self.stored_size)


@dataclasses.dataclass(frozen=True)
class BackedUpObject:
    """An object with the files of one node that it holds.

    :param data_directory: which of the node's data directories the files were in, from 0.
    :param packed: whether the content is a tar of ``files``; otherwise it is the one file itself.
    """

    table: TableRef = dataclasses.field(metadata=written_flat(id="table_id"))
    data_directory: int
    # Before its object: in this order it stands in the repositories of 0.1.0, and an upload that ended there is known.
    packed: bool
    stored: StoredObject = dataclasses.field(metadata=written_flat())
    files: tuple[FileEntry, ...]


@dataclasses.dataclass(frozen=True)
class TableEntry:
    """A table that the node had, even if it was empty.

    :param schema_cql: what the snapshot recorded to make the table again, with its id; empty if it recorded none.
    :param rows: as its SSTables tell; ``None`` if they do not, if there are none, and in manifests from before that
        was looked at.
    """

    table: TableRef = dataclasses.field(metadata=written_flat(id="table_id"))
    schema_cql: str
    # The same text as before where there is none: an upload that had ended is known by it.
    rows: RowEstimate | None = dataclasses.field(default=None, metadata=written_if_any())


@dataclasses.dataclass(frozen=True)
class Totals:
    """How much a backup holds, and how much of it was new.

    :param size: logical bytes, the sum over all files.
    :param stored_size: bytes of all objects that it points at.
    :param new_objects: objects that this backup uploaded; the others were there.
    """

    files: int = 0
    size: int = 0
    objects: int = 0
    stored_size: int = 0
    new_objects: int = 0
    new_stored_size: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, field.name) + getattr(other, field.name) for field in dataclasses.fields(Totals)))


@dataclasses.dataclass(frozen=True)
class NodeManifestHeader:
    """What a node manifest says before its files."""

    tag: str
    cluster_id: str
    node: NodeIdentity
    snapshot: SnapshotRecord
    data_directories: int


@dataclasses.dataclass(frozen=True)
class NodeManifestFooter:
    """What a node manifest ends with; one without it was cut off."""

    totals: Totals
    tables: int
    upload_began_us: int
    upload_ended_us: int


@dataclasses.dataclass(frozen=True)
class NodeSummary:
    """A node as the cluster's manifest lists it.

    :param manifest_sha256: of the node manifest's text before any codec.
    :param commit_log: where its commit log stood, so what can be restored is known without reading the node
        manifests, which were encrypted once; ``None`` in manifests that were written before this was kept here.
    :param recipients: the public keys that it encrypted for; what an earlier backup had brought may be for others.
    :param inherited_evidence: why each object that was there, and was not sent again, counts as whole.
    """

    node: NodeIdentity
    manifest_key: str
    manifest_sha256: str
    manifest_size: int
    totals: Totals
    data_directory_sizes: tuple[int, ...]
    snapshot_began_us: int
    snapshot_ended_us: int
    upload_began_us: int
    upload_ended_us: int
    commit_log: CommitLogPosition | None = None
    recipients: tuple[str, ...] = ()
    inherited_evidence: str = LISTED_SIZE


@dataclasses.dataclass(frozen=True)
class UploadReceipt:
    """What a node keeps about a manifest that it stored, so the same upload again is known to change nothing.

    :param entries_sha256: of the node manifest's text without its footer, which has times in it.
    :param stored_size: of the node manifest, after its codecs.
    """

    summary: NodeSummary
    entries_sha256: str
    stored_size: int


@dataclasses.dataclass(frozen=True)
class TableSummary:
    """A table over all nodes.

    :param rows: as counted after the snapshot; ``None`` if it was not counted.
    :param rows_counted_us: when the count ended.
    :param estimate: how many rows the SSTables of the snapshots tell of, for the cluster; ``None`` if they do not.
    """

    table: TableRef
    files: int
    size: int
    rows: int | None = None
    rows_counted_us: int | None = None
    estimate: RowEstimate | None = None


@dataclasses.dataclass(frozen=True)
class ClusterManifest:
    """A complete backup.

    :param keyspaces: those that were asked for; empty means all.
    :param schema_cql: statements that make the schema as it was, in order.
    :param completed_us: when everything had been verified to be in the repository.
    :param degraded: what it lacks, since nodes were down; ``None`` if it has every node of the ring.
    """

    tag: str
    cluster_id: str
    cluster_name: str
    began_us: int
    completed_us: int
    keyspaces: tuple[str, ...]
    tables_asked: tuple[str, ...]
    nodes: tuple[NodeSummary, ...]
    tables: tuple[TableSummary, ...]
    totals: Totals
    schema_cql: tuple[str, ...]
    tool_version: str
    degraded: Degraded | None = None

    @property
    def whole(self) -> bool:
        """Whether everything was asked for."""
        return not self.keyspaces and not self.tables_asked

    @property
    def asked(self) -> str:
        """What was asked for, for people."""
        return ", ".join((*self.keyspaces, *self.tables_asked)) or "everything"

    def holds(self, keyspace: str, table: str = "") -> bool:
        """Whether a keyspace, or a table of it, was asked for, and so is here if it was there."""
        return self.whole or keyspace in self.keyspaces or (bool(table) and f"{keyspace}.{table}" in self.tables_asked)

    @property
    def snapshot_began_us(self) -> int:
        """When the first node's snapshot began."""
        return min(node.snapshot_began_us for node in self.nodes)

    @property
    def snapshot_ended_us(self) -> int:
        """When the last node's snapshot ended."""
        return max(node.snapshot_ended_us for node in self.nodes)


@dataclasses.dataclass(frozen=True)
class RepositoryMarker:
    """Whose backups a repository holds.

    :param cluster_id: a UUID that is made with the repository and that every manifest repeats.
    :param host_ids: of the nodes that the cluster had then; a node that came later is known by its manifests.
    """

    cluster_id: str
    cluster_name: str
    host_ids: tuple[str, ...]
    created_us: int
    conditional_puts: bool
