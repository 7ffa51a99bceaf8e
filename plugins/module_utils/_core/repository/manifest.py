# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents of a backup. Pure.

A node manifest is JSON Lines (header, tables, objects with their files, footer), so that a million files are written
and read with the memory of one. The others are one JSON document each.
"""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document, Lines
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError, RepositoryError
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import SnapshotContents
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    ClusterManifest,
    NodeManifestFooter,
    NodeManifestHeader,
    NodeSummary,
    RepositoryMarker,
    SnapshotRecord,
    TableEntry,
    UploadReceipt,
)

NodeManifestRecord = t.Union[NodeManifestHeader, TableEntry, BackedUpObject, NodeManifestFooter]

#: ``repository.json``.
MARKER = Document(
    "repository",
    RepositoryMarker,
    error=RepositoryError,
    next_step="Check bucket and prefix, or use a newer revive.cassandra.",
)
#: ``manifest.json`` of a backup.
CLUSTER_MANIFEST = Document("cluster-manifest", ClusterManifest)
NODE_MANIFEST: Lines[NodeManifestRecord] = Lines(
    Document("node-manifest", NodeManifestHeader),
    {"table": TableEntry, "object": BackedUpObject, "footer": NodeManifestFooter},
)
#: What a node keeps about a snapshot between taking and uploading it.
SNAPSHOT = Document("snapshot", SnapshotRecord)
#: What a node keeps about the tables in it.
SNAPSHOT_CONTENTS = Document("snapshot-contents", SnapshotContents)
#: What a node keeps about a manifest that it stored.
UPLOAD_RECEIPT = Document("upload-receipt", UploadReceipt)


def read_node_manifest(lines: t.Iterable[bytes], *, subject: str) -> t.Iterator[NodeManifestRecord]:
    """All records of a node manifest, checked to begin with its header and to end with its footer.

    The footer is compared with what came before it, so a manifest that was cut or joined wrongly is refused.

    :raises ManifestError: at the record where it shows.
    """
    header: NodeManifestHeader | None = None
    footer: NodeManifestFooter | None = None
    tables = files = size = objects = 0
    for line in lines:
        record = NODE_MANIFEST.decode(line, subject=subject)
        if (header is None) != isinstance(record, NodeManifestHeader) or footer is not None:
            raise ManifestError(f"{subject} has its records in the wrong order.", subject=subject)
        if isinstance(record, NodeManifestHeader):
            header = record
        elif isinstance(record, TableEntry):
            tables += 1
        elif isinstance(record, BackedUpObject):
            objects += 1
            files += len(record.files)
            size += sum(file.size for file in record.files)
        else:
            footer = record
        yield record
    if footer is None:
        raise ManifestError(
            f"{subject} ends before its footer.", subject=subject, next_step="It was cut off; restore it."
        )
    if (footer.tables, footer.totals.files, footer.totals.size, footer.totals.objects) != (
        tables,
        files,
        size,
        objects,
    ):
        raise ManifestError(f"{subject} does not hold what its footer counts.", subject=subject)


def node_summary(value: t.Mapping[str, t.Any], *, subject: str) -> NodeSummary:
    """A node's summary from its plain values, as it travels between hosts.

    :raises ManifestError: if the values are something else.
    """
    try:
        return build(NodeSummary, value)
    except PlainValueError as error:
        raise ManifestError(f"{subject} cannot be read: {error}.", subject=subject) from error
