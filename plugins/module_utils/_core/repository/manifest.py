# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text forms of the repository's records, each with a format's name and version. Pure.

A node manifest is JSON Lines (header, tables, objects with their files, footer), so a million files are written
and read with the memory of one. The cluster's manifest and the marker are one JSON document each. What a reader does
not know it ignores within a version; what it does not understand is another version.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import (
    CommitLogPosition,
    NodeIdentity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError, RepositoryError
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import build
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    ClusterManifest,
    FileEntry,
    NodeManifestFooter,
    NodeManifestHeader,
    NodeSummary,
    RepositoryMarker,
    SnapshotRecord,
    StoredObject,
    TableEntry,
    TableSummary,
    Totals,
    UploadReceipt,
)

FORMAT_VERSION = 1
NODE_FORMAT = "revive.cassandra/node-manifest"
CLUSTER_FORMAT = "revive.cassandra/cluster-manifest"
REPOSITORY_FORMAT = "revive.cassandra/repository"
SNAPSHOT_FORMAT = "revive.cassandra/snapshot"
RECEIPT_FORMAT = "revive.cassandra/upload-receipt"

NodeManifestRecord = t.Union[NodeManifestHeader, TableEntry, BackedUpObject, NodeManifestFooter]
_Json = dict[str, t.Any]


def encode_marker(marker: RepositoryMarker) -> bytes:
    """``repository.json``."""
    return _document(REPOSITORY_FORMAT, dataclasses.asdict(marker))


def decode_marker(text: bytes, *, subject: str) -> RepositoryMarker:
    """The marker of a repository.

    :raises RepositoryError: if the text is something else, or its version is not known.
    """
    try:
        value = _open_document(REPOSITORY_FORMAT, text, subject=subject)
        return build(RepositoryMarker, {**value, "host_ids": tuple(value["host_ids"])})
    except (ManifestError, KeyError, TypeError) as error:
        raise RepositoryError(
            f"{subject} is not a marker that this version can read: {error}",
            subject=subject,
            next_step="Check bucket and prefix, or use a newer revive.cassandra.",
        ) from error


def encode_snapshot_record(record: SnapshotRecord) -> bytes:
    """What a node keeps about a snapshot between taking and uploading it."""
    return _document(SNAPSHOT_FORMAT, dataclasses.asdict(record))


def decode_snapshot_record(text: bytes, *, subject: str) -> SnapshotRecord:
    """The record of a snapshot.

    :raises ManifestError: if the text is something else.
    """
    with _reading(subject):
        return _snapshot_record(_open_document(SNAPSHOT_FORMAT, text, subject=subject))


def encode_upload_receipt(receipt: UploadReceipt) -> bytes:
    """What a node keeps about a manifest that it stored."""
    return _document(RECEIPT_FORMAT, dataclasses.asdict(receipt))


def decode_upload_receipt(text: bytes, *, subject: str) -> UploadReceipt:
    """What a node kept about a manifest that it stored.

    :raises ManifestError: if the text is something else.
    """
    with _reading(subject):
        value = _open_document(RECEIPT_FORMAT, text, subject=subject)
        return build(UploadReceipt, {**value, "summary": _node_summary(value["summary"])})


def encode_node_record(record: NodeManifestRecord) -> bytes:
    """One line of a node manifest, with its line end."""
    value: _Json
    if isinstance(record, NodeManifestHeader):
        value = {"record": "header", "format": NODE_FORMAT, "version": FORMAT_VERSION, **dataclasses.asdict(record)}
    elif isinstance(record, TableEntry):
        value = {"record": "table", **_table(record.table), "schema_cql": record.schema_cql}
    elif isinstance(record, BackedUpObject):
        value = {
            "record": "object",
            **_table(record.table),
            "data_directory": record.data_directory,
            "packed": record.packed,
            "key": record.stored.key,
            "sha256": record.stored.sha256,
            "size": record.stored.size,
            "stored_size": record.stored.stored_size,
            "codecs": list(record.stored.codecs.names),
            "files": [dataclasses.asdict(file) for file in record.files],
        }
    else:
        value = {"record": "footer", **dataclasses.asdict(record)}
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def decode_node_record(line: bytes, *, subject: str) -> NodeManifestRecord:
    """What one line of a node manifest says.

    :raises ManifestError: if the line is not a record, or its version is not known.
    """
    with _reading(subject):
        value = json.loads(line)
        kind = value.pop("record")
        if kind == "header":
            _check_format(NODE_FORMAT, value, subject=subject)
            return build(
                NodeManifestHeader,
                {**value, "node": _node(value["node"]), "snapshot": _snapshot_record(value["snapshot"])},
            )
        if kind == "table":
            return TableEntry(table=_table_ref(value), schema_cql=value["schema_cql"])
        if kind == "object":
            return _object(value)
        if kind == "footer":
            return build(NodeManifestFooter, {**value, "totals": build(Totals, value["totals"])})
        raise ManifestError(f"{subject} has a record of the unknown kind {kind!r}.", subject=subject)


def read_node_manifest(lines: t.Iterable[bytes], *, subject: str) -> t.Iterator[NodeManifestRecord]:
    """All records of a node manifest, checked to begin with its header and to end with its footer.

    The footer is compared with what came before it, so a manifest that was cut or joined wrongly is refused.

    :raises ManifestError: at the record where it shows.
    """
    header: NodeManifestHeader | None = None
    footer: NodeManifestFooter | None = None
    tables = files = size = objects = 0
    for line in lines:
        record = decode_node_record(line, subject=subject)
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


def encode_cluster_manifest(manifest: ClusterManifest) -> bytes:
    """``manifest.json``."""
    return _document(CLUSTER_FORMAT, dataclasses.asdict(manifest))


def decode_cluster_manifest(text: bytes, *, subject: str) -> ClusterManifest:
    """A backup's manifest.

    :raises ManifestError: if the text is something else, or its version is not known.
    """
    with _reading(subject):
        value = _open_document(CLUSTER_FORMAT, text, subject=subject)
        nodes = tuple(_node_summary(node) for node in value["nodes"])
        tables = tuple(
            build(TableSummary, {**table, "table": build(TableRef, table["table"])}) for table in value["tables"]
        )
        return build(
            ClusterManifest,
            {
                **value,
                "keyspaces": tuple(value["keyspaces"]),
                "tables_asked": tuple(value["tables_asked"]),
                "schema_cql": tuple(value["schema_cql"]),
                "nodes": nodes,
                "tables": tables,
                "totals": build(Totals, value["totals"]),
            },
        )


def node_summary(value: t.Mapping[str, t.Any], *, subject: str) -> NodeSummary:
    """A node's summary from its plain values, as it travels between hosts.

    :raises ManifestError: if the values are something else.
    """
    with _reading(subject):
        return _node_summary(value)
    raise AssertionError("unreachable")


class _reading:  # noqa: N801 - used as a statement
    """Turns the errors that a wrong text causes into a ``ManifestError``."""

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (KeyError, TypeError, ValueError, AttributeError)):
            raise ManifestError(
                f"{self._subject} cannot be read: {type(error).__name__}: {error}.", subject=self._subject
            ) from error


def _document(name: str, value: _Json) -> bytes:
    return json.dumps({"format": name, "version": FORMAT_VERSION, **value}, indent=1).encode() + b"\n"


def _open_document(name: str, text: bytes, *, subject: str) -> _Json:
    with _reading(subject):
        value = json.loads(text)
        _check_format(name, value, subject=subject)
        return t.cast(_Json, value)
    raise AssertionError("unreachable")


def _check_format(name: str, value: _Json, *, subject: str) -> None:
    if value.pop("format") != name:
        raise ManifestError(f"{subject} is not a {name}.", subject=subject)
    version = value.pop("version")
    if version != FORMAT_VERSION:
        raise ManifestError(
            f"{subject} has version {version}; this revive.cassandra reads version {FORMAT_VERSION}.",
            subject=subject,
            next_step="Use a newer revive.cassandra.",
        )


def _table(table: TableRef) -> _Json:
    return {"keyspace": table.keyspace, "table": table.table, "table_id": table.id}


def _table_ref(value: _Json) -> TableRef:
    return TableRef(keyspace=value["keyspace"], table=value["table"], id=value["table_id"])


def _node(value: _Json) -> NodeIdentity:
    return build(NodeIdentity, {**value, "tokens": tuple(value["tokens"])})


def _node_summary(value: t.Mapping[str, t.Any]) -> NodeSummary:
    return build(
        NodeSummary,
        {
            **value,
            "node": _node(value["node"]),
            "totals": build(Totals, value["totals"]),
            "data_directory_sizes": tuple(value["data_directory_sizes"]),
            "commit_log": _position(value["commit_log"]) if value.get("commit_log") else None,
        },
    )


def _position(value: _Json) -> CommitLogPosition:
    return build(CommitLogPosition, {**value, "segments": tuple(value["segments"])})


def _snapshot_record(value: _Json) -> SnapshotRecord:
    return build(
        SnapshotRecord,
        {
            **value,
            "node": _node(value["node"]),
            "commit_log": _position(value["commit_log"]),
            "keyspaces": tuple(value["keyspaces"]),
            "tables": tuple(value["tables"]),
        },
    )


def _object(value: _Json) -> BackedUpObject:
    return BackedUpObject(
        table=_table_ref(value),
        data_directory=value["data_directory"],
        packed=value["packed"],
        stored=StoredObject(
            key=value["key"],
            sha256=value["sha256"],
            size=value["size"],
            stored_size=value["stored_size"],
            codecs=Codecs(tuple(value["codecs"])),
        ),
        files=tuple(build(FileEntry, file) for file in value["files"]),
    )
