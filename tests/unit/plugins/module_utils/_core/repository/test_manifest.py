# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests: what is written reads back, and what is damaged is refused."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import (
    CommitLogPosition,
    NodeIdentity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import RowEstimate
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError, RepositoryError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository import manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import (
    ContentsCounts,
    SnapshotContents,
    TableContents,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.degraded import (
    DatacenterCoverage,
    Degraded,
    KeyspaceCoverage,
    MissingNode,
)
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

#: These find what is wrong about values, not about the speed of a busy machine.
calm = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
texts = st.text(max_size=20)
numbers = st.integers(0, 2**53)
codecs = st.sampled_from([Codecs(()), Codecs(("zstd",)), Codecs(("age",)), Codecs(("zstd", "age"))])


def built(kind: t.Any, **special: st.SearchStrategy[t.Any]) -> st.SearchStrategy[t.Any]:
    """A dataclass with any text and number; the fields that are neither are given."""
    plain = {"str": texts, "int": numbers, "bool": st.booleans(), "int | None": st.none() | numbers}
    plain["tuple[str, ...]"] = st.lists(texts, max_size=3).map(tuple)
    plain["tuple[int, ...]"] = st.lists(numbers, max_size=3).map(tuple)
    plain["RowEstimate | None"] = st.none() | st.builds(RowEstimate, at_most=numbers, at_least=numbers)
    fields = {
        field.name: special[field.name] if field.name in special else plain[str(field.type)]
        for field in dataclasses.fields(kind)
    }
    return st.builds(kind, **fields)


tables = built(TableRef)
nodes = built(NodeIdentity)
snapshots = built(
    SnapshotRecord, node=nodes, commit_log=built(CommitLogPosition), contents=st.none() | built(ContentsCounts)
)
contents = built(SnapshotContents, tables=st.lists(built(TableContents, table=tables), max_size=3).map(tuple))
totals = built(Totals)
keyspaces = built(
    KeyspaceCoverage,
    datacenters=st.lists(built(DatacenterCoverage), max_size=2).map(tuple),
    ranges=st.lists(st.tuples(numbers, numbers), max_size=2).map(tuple),
    uncovered=st.lists(st.tuples(numbers, numbers), max_size=2).map(tuple),
)
degraded = built(
    Degraded,
    missing=st.lists(built(MissingNode), max_size=2).map(tuple),
    keyspaces=st.lists(keyspaces, max_size=2).map(tuple),
)
summaries = built(NodeSummary, node=nodes, totals=totals, commit_log=st.none() | built(CommitLogPosition))
objects = built(
    BackedUpObject,
    table=tables,
    stored=built(StoredObject, codecs=codecs),
    files=st.lists(built(FileEntry), max_size=3).map(tuple),
)


@calm
@given(marker=built(RepositoryMarker))
def test_markers_read_back(marker: RepositoryMarker) -> None:
    assert manifest.MARKER.decode(manifest.MARKER.encode(marker), subject="x") == marker


@calm
@given(held=contents)
def test_what_snapshots_hold_reads_back(held: SnapshotContents) -> None:
    read = manifest.SNAPSHOT_CONTENTS.decode(manifest.SNAPSHOT_CONTENTS.encode(held), subject="x")
    assert (read, read.counts) == (held, held.counts)


@calm
@given(record=snapshots)
def test_snapshot_records_read_back(record: SnapshotRecord) -> None:
    assert manifest.SNAPSHOT.decode(manifest.SNAPSHOT.encode(record), subject="x") == record


@calm
@given(receipt=built(UploadReceipt, summary=summaries))
def test_upload_receipts_read_back(receipt: UploadReceipt) -> None:
    assert manifest.UPLOAD_RECEIPT.decode(manifest.UPLOAD_RECEIPT.encode(receipt), subject="x") == receipt


@calm
@given(
    backup=built(
        ClusterManifest,
        nodes=st.lists(summaries, max_size=2).map(tuple),
        tables=st.lists(built(TableSummary, table=tables), max_size=2).map(tuple),
        totals=totals,
        degraded=st.none() | degraded,
    )
)
def test_cluster_manifests_read_back(backup: ClusterManifest) -> None:
    assert manifest.CLUSTER_MANIFEST.decode(manifest.CLUSTER_MANIFEST.encode(backup), subject="x") == backup


@calm
@given(summary=summaries)
def test_summaries_from_before_the_log_position_was_kept_read_back_without_it(summary: NodeSummary) -> None:
    older = {**dataclasses.asdict(summary)}
    del older["commit_log"]
    assert manifest.node_summary(older, subject="x") == dataclasses.replace(summary, commit_log=None)


@calm
@given(
    header=built(NodeManifestHeader, node=nodes, snapshot=snapshots),
    entries=st.lists(objects | built(TableEntry, table=tables), max_size=5),
    footer=built(NodeManifestFooter, totals=totals),
)
def test_node_manifests_read_back_line_by_line(
    header: NodeManifestHeader, entries: list[t.Any], footer: NodeManifestFooter
) -> None:
    held = [entry for entry in entries if isinstance(entry, BackedUpObject)]
    counts = Totals(
        files=sum(len(entry.files) for entry in held),
        size=sum(file.size for entry in held for file in entry.files),
        objects=len(held),
    )
    footer = dataclasses.replace(footer, totals=counts, tables=len(entries) - len(held))
    records = [header, *entries, footer]
    lines = [manifest.NODE_MANIFEST.encode(record) for record in records]
    assert all(line.endswith(b"\n") and b"\n" not in line[:-1] for line in lines)
    assert list(manifest.read_node_manifest(lines, subject="x")) == records
    for wrong in (lines[:-1], lines[1:], [*lines, lines[-1]], [lines[0], *lines], [*lines[:-1], lines[-1][:-5]]):
        with pytest.raises(ManifestError):
            list(manifest.read_node_manifest(wrong, subject="x"))
    if held:
        without = [line for line in lines if line != manifest.NODE_MANIFEST.encode(held[0])]
        with pytest.raises(ManifestError):
            list(manifest.read_node_manifest(without, subject="x"))


@calm
@given(text=st.binary(max_size=200))
def test_any_other_bytes_are_refused_with_our_error(text: bytes) -> None:
    for decode in (
        manifest.SNAPSHOT.decode,
        manifest.UPLOAD_RECEIPT.decode,
        manifest.CLUSTER_MANIFEST.decode,
        manifest.NODE_MANIFEST.decode,
    ):
        with pytest.raises(ManifestError):
            decode(text, subject="x")
    with pytest.raises(RepositoryError):
        manifest.MARKER.decode(text, subject="x")
