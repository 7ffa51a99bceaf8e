# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From which backups a moment can be reached, also when all of them are encrypted."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pyrage
import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import encode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import (
    plan_moment,
    restorable_windows,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import MomentRefusedError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import cluster_manifest_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.bases import bases_of
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import (
    read_archive,
    record_import,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.publish import publish_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.upload import upload_snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import load_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from tests.unit.plugins.module_utils._operations.node_on_disk import CountingProgress, DiskNode, ticking

POSITION = CommitLogPosition(segments=(1,), active_segment=1, active_position=100)


@pytest.fixture(name="store")
def _store() -> ObjectStore:
    return open_memory_store(prefix="p/")


@pytest.fixture(name="node")
def _node(tmp_path: pathlib.Path) -> DiskNode:
    node = DiskNode(tmp_path / "node")
    node.sstable(node.table("certificates"), 1)
    return node


def back_up(
    store: ObjectStore,
    node: DiskNode,
    tag: str,
    *,
    recipients: tuple[str, ...] = (),
    keyspaces: tuple[str, ...] = (),
    tables: tuple[str, ...] = (),
) -> ClusterManifest:
    settings = RepositorySettings(bucket="memory", recipients=recipients)
    host_ids = [node.identity.host_id]
    marker = ensure_repository(store, cluster_name="lab", host_ids=host_ids, check_mode=False, now_us=1).marker
    node.snapshot(tag)
    uploaded = upload_snapshot(
        node.settings,
        store,
        marker=marker,
        settings=settings,
        tag=tag,
        transfer=TransferSettings(),
        progress=CountingProgress(),
        now=ticking(),
    )
    publish_backup(
        store,
        marker=marker,
        tag=tag,
        node_summaries=[uploaded.summary],
        began_us=node.began_us,
        keyspaces=keyspaces,
        tables_asked=tables,
        tool_version="1.0.0",
        now=ticking(1_700_001_000_000_000),
    )
    return load_backup(store, tag)


def forget_position(store: ObjectStore, manifest: ClusterManifest, *, recipients: t.Sequence[str] = ()) -> None:
    """Make a manifest of it as they were before they said where the logs stood.

    :param recipients: that the node manifests are encrypted for, as they were then.
    """
    nodes = tuple(dataclasses.replace(summary, commit_log=None) for summary in manifest.nodes)
    if recipients:
        for summary in nodes:
            body = encode(store.get_stream(summary.manifest_key), Codecs(("age",)), recipients=recipients)
            store.put(f"{summary.manifest_key}.age", b"".join(body))
        nodes = tuple(dataclasses.replace(each, manifest_key=f"{each.manifest_key}.age") for each in nodes)
    older = dataclasses.replace(manifest, nodes=nodes)
    store.put(cluster_manifest_key(manifest.tag), CLUSTER_MANIFEST.encode(older))


def test_bases_are_the_complete_backups_oldest_first(store: ObjectStore, node: DiskNode) -> None:
    first = back_up(store, node, "first")
    node.began_us += 10_000_000
    back_up(store, node, "second")
    bases = bases_of(store)
    assert [base.tag for base in bases] == ["first", "second"]
    assert bases[0].ended_us == first.snapshot_ended_us
    assert bases[0].positions == {node.identity.host_id: POSITION}


def test_a_backup_that_lacks_something_is_no_base_for_it(store: ObjectStore, node: DiskNode) -> None:
    back_up(store, node, "some_tables", tables=("certificate_manager.certificates",))
    back_up(store, node, "a_keyspace", keyspaces=("certificate_manager",))
    assert bases_of(store) == ()
    assert [base.tag for base in bases_of(store, keyspaces=["certificate_manager"])] == ["a_keyspace"]
    assert bases_of(store, keyspaces=["certificate_manager", "other"]) == ()


def test_a_backup_that_cannot_be_read_is_no_base_and_is_named_where_no_moment_is_found(
    store: ObjectStore, node: DiskNode
) -> None:
    first = back_up(store, node, "first")
    store.put(cluster_manifest_key("second"), b"{")
    bases = bases_of(store)
    assert [(base.tag, bool(base.problem)) for base in bases] == [("first", False), ("second", True)]
    assert restorable_windows(bases, []) == ()
    (line,) = read_archive(store, bases, now_us=1).unreadable
    assert line.startswith("Backup second cannot be read, so nothing is restored from it: ")
    for moment_us in (first.snapshot_began_us - 1, first.snapshot_ended_us + 1):
        with pytest.raises(MomentRefusedError, match="Backup second cannot be read"):
            plan_moment(moment_us, bases=bases, logs=[])


def test_bases_of_encrypted_backups_are_known_without_an_identity(
    store: ObjectStore, node: DiskNode, tmp_path: pathlib.Path
) -> None:
    identity = pyrage.x25519.Identity.generate()
    path = tmp_path / "identity"
    path.write_text(f"{identity}\n")
    recipients = (str(identity.to_public()),)
    manifest = back_up(store, node, "first", recipients=recipients)
    assert bases_of(store)[0].positions == {node.identity.host_id: POSITION}
    forget_position(store, manifest)
    assert bases_of(store)[0].positions == {node.identity.host_id: POSITION}
    forget_position(store, manifest, recipients=recipients)
    with pytest.raises(ReviveError, match="identity"):
        bases_of(store)
    assert bases_of(store, identity_file=str(path))[0].positions == {node.identity.host_id: POSITION}


def test_backups_from_before_positions_were_kept_are_bases_too(store: ObjectStore, node: DiskNode) -> None:
    forget_position(store, back_up(store, node, "first"))
    assert bases_of(store)[0].positions == {node.identity.host_id: POSITION}


def test_a_base_knows_since_when_there_is_data_that_no_log_has(store: ObjectStore, node: DiskNode) -> None:
    first = back_up(store, node, "first")
    imported_us = first.snapshot_ended_us + 5
    for at_us in (imported_us, imported_us + 7):
        record_import(store, host_id=node.identity.host_id, at_us=at_us, detail="t-beside-0123abcd")
    node.began_us += 10_000_000
    back_up(store, node, "second")
    assert [base.imported_us for base in bases_of(store)] == [imported_us, None]


def test_imports_into_other_tables_end_no_window_of_those_that_are_wanted(store: ObjectStore, node: DiskNode) -> None:
    first = back_up(store, node, "first")
    host_id, at_us = node.identity.host_id, first.snapshot_ended_us + 5
    record_import(store, host_id=host_id, at_us=at_us, detail="t-merge-0123abcd", tables=("shop.orders",))
    (base,) = bases_of(store, wants=lambda name: name == "shop.items")
    assert base.imported_us is None
    assert [base.imported_us for base in bases_of(store, wants=lambda name: name == "shop.orders")] == [at_us]
    assert [base.imported_us for base in bases_of(store)] == [at_us]
    # Of what an earlier release recorded nobody knows which tables they were.
    record_import(store, host_id=host_id, at_us=at_us + 9, detail="t-merge-0123abcd")
    assert [base.imported_us for base in bases_of(store, wants=lambda name: name == "shop.items")] == [at_us + 9]
