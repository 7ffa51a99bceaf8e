# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an object can be what a manifest points at: everybody who looks at one has the same answer."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import shutil
import typing as t

import pyrage
import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode, encode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError, ObjectCorruptError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import (
    NODE_MANIFEST,
    read_node_manifest,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    ClusterManifest,
    NodeSummary,
    StoredObject,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import FetchHeader
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import Reserve
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.publish import publish_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.upload import upload_snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch import fetch_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.plan import check_objects
from tests.unit.plugins.module_utils._operations.node_on_disk import CountingProgress, DiskNode, ticking

TAG = "backup_20260101_000000"
ZSTD = Codecs(("zstd",))


@dataclasses.dataclass
class Replicas:
    """Two nodes that have uploaded the same large object, and a third one to restore onto."""

    store: ObjectStore
    nodes: tuple[DiskNode, DiskNode]
    target: DiskNode
    settings: RepositorySettings
    identity_file: str
    summaries: tuple[NodeSummary, ...] = ()

    def upload(self, node: DiskNode, tag: str = TAG) -> NodeSummary:
        """One node's upload, for which it needs no private key."""
        return upload_snapshot(
            node.settings,
            self.store,
            marker=self.marker,
            settings=self.settings,
            tag=tag,
            transfer=TransferSettings(workers=2),
            progress=CountingProgress(),
            now=ticking(),
        ).summary

    @property
    def marker(self) -> t.Any:
        ids = [node.identity.host_id for node in self.nodes]
        return ensure_repository(self.store, cluster_name="lab", host_ids=ids, check_mode=False, now_us=1).marker

    def publish(self) -> ClusterManifest:
        return publish_backup(
            self.store,
            marker=self.marker,
            tag=TAG,
            node_summaries=self.summaries,
            began_us=1,
            keyspaces=(),
            tables_asked=(),
            tool_version="1",
            now=ticking(),
        ).manifest

    def fetch(self, number: int) -> None:
        """Fetch what one of the nodes had."""
        summary = self.summaries[number]
        fetch_backup(
            self.target.settings,
            self.store,
            settings=RepositorySettings(bucket="memory", identity_file=self.identity_file),
            wanted=FetchHeader(
                restore_id="restore-1",
                tag=TAG,
                source_host_id=summary.node.host_id,
                manifest_sha256=summary.manifest_sha256,
                restore_auth=True,
            ),
            manifest_key=summary.manifest_key,
            owner=None,
            group=None,
            transfer=TransferSettings(workers=2),
            reserve=Reserve(),
            progress=CountingProgress(),
        )

    def stored(self, number: int) -> StoredObject:
        """The large object, as a node's manifest has it."""
        lines = self.manifest(number).splitlines()
        records = read_node_manifest(lines, subject="manifest")
        return next(each.stored for each in records if isinstance(each, BackedUpObject) and not each.packed)

    def manifest(self, number: int) -> bytes:
        return b"".join(decode(self.store.get_stream(self.summaries[number].manifest_key), ZSTD))

    def encrypt_again(self, *, but: t.Collection[int]) -> None:
        """Store the large object once more, as another node would, until it has another size."""
        stored = self.stored(0)
        body = self.store.get(stored.key)
        content = b"".join(decode(iter((body,)), stored.codecs, identity_file=self.identity_file))
        while len(body) in but:
            body = b"".join(encode(iter((content,)), stored.codecs, recipients=self.settings.recipients))
        self.store.put(stored.key, body)


def _make(root: pathlib.Path, *, encrypted: bool) -> Replicas:
    identity = pyrage.x25519.Identity.generate()
    (root / "identity").write_text(f"{identity}\n")
    nodes = (DiskNode(root / "node1"), DiskNode(root / "node2", number=2))
    for node in nodes:
        table = node.table("orders", keyspace="shop")
        nodes[0].sstable(nodes[0].table("orders", keyspace="shop"), 1, data_bytes=200_000)
        if node is not nodes[0]:
            shutil.copytree(nodes[0].data_directories[0] / "shop", table.parent, dirs_exist_ok=True)
            shutil.rmtree(table / "snapshots", ignore_errors=True)
        node.snapshot(TAG)
    made = Replicas(
        store=open_memory_store(),
        nodes=nodes,
        target=DiskNode(root / "target", number=3),
        settings=RepositorySettings(bucket="memory", recipients=(str(identity.to_public()),) if encrypted else ()),
        identity_file=str(root / "identity"),
    )
    made.summaries = (made.upload(nodes[0]),)
    if encrypted:
        # As if the other one had looked before this one was there, and found nothing.
        made.encrypt_again(but={made.stored(0).stored_size})
    made.summaries += (made.upload(nodes[1]),)
    assert made.stored(0).key == made.stored(1).key
    assert (made.stored(0).stored_size != made.stored(1).stored_size) is encrypted
    return made


@pytest.fixture(params=["plain", "encrypted"])
def replicas(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Replicas:
    return _make(tmp_path, encrypted=request.param == "encrypted")


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


Change = t.Callable[[Replicas], None]


def _uploads(replicas: Replicas, change: Change) -> None:
    change(replicas)
    for node in replicas.nodes:
        node.snapshot("another")
        replicas.upload(node, "another")


def _publishes(replicas: Replicas, change: Change) -> None:
    change(replicas)
    replicas.publish()


def _plans(replicas: Replicas, change: Change) -> None:
    manifest = replicas.publish()
    change(replicas)
    for reason in check_objects(replicas.store, manifest, wants=lambda _table: True).reasons:
        raise reason


def _fetches(replicas: Replicas, change: Change) -> None:
    replicas.publish()
    change(replicas)
    replicas.fetch(0)
    shutil.rmtree(replicas.target.root / "state")
    replicas.fetch(1)


WHO = {"upload": _uploads, "publish": _publishes, "plan": _plans, "fetch": _fetches}
who = pytest.mark.parametrize("look", WHO.values(), ids=WHO)


IMPOSSIBLE: dict[str, t.Callable[[bytes], bytes]] = {
    "empty": lambda body: b"",
    "half": lambda body: body[: len(body) // 2],
    "a byte less than its content": lambda body: body[:199_999],
    "longer": lambda body: body + bytes(70_000),
}


def _cut(replicas: Replicas, *, to: t.Callable[[bytes], bytes]) -> None:
    key = replicas.stored(0).key
    replicas.store.put(key, to(replicas.store.get(key)))


@who
@pytest.mark.parametrize("size_of", ["the first", "the second", "neither"])
def test_what_two_replicas_have_stored_is_accepted_by_all(replicas: Replicas, look: t.Any, size_of: str) -> None:
    sizes = [replicas.stored(number).stored_size for number in (0, 1)]
    but = {"the first": {sizes[1]}, "the second": {sizes[0]}, "neither": set(sizes)}[size_of]

    def change(replicas: Replicas) -> None:
        if replicas.settings.recipients:
            replicas.encrypt_again(but=but)

    look(replicas, change)


@pytest.mark.parametrize("look", [_publishes, _plans, _fetches], ids=["publish", "plan", "fetch"])
@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_size_that_cannot_be_is_refused_by_all_that_only_look(
    replicas: Replicas, look: t.Any, change: t.Callable[[bytes], bytes]
) -> None:
    with pytest.raises(ObjectCorruptError, match=replicas.stored(0).sha256):
        look(replicas, lambda replicas: _cut(replicas, to=change))


@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_who_has_the_content_stores_it_again(replicas: Replicas, change: t.Callable[[bytes], bytes]) -> None:
    manifest = replicas.publish()
    _cut(replicas, to=change)
    _uploads(replicas, lambda _replicas: None)
    assert check_objects(replicas.store, manifest, wants=lambda _table: True).reasons == []
    replicas.fetch(0)


@pytest.mark.parametrize("look", [_publishes, _plans, _fetches], ids=["publish", "plan", "fetch"])
@pytest.mark.parametrize("wrong", ["size", "codecs"])
def test_a_manifest_that_contradicts_itself_is_refused_by_all(replicas: Replicas, look: t.Any, wrong: str) -> None:
    stored = replicas.stored(0)
    other = (
        dataclasses.replace(stored, stored_size=5)
        if wrong == "size"
        else dataclasses.replace(stored, codecs=Codecs(("zstd",)), stored_size=1000)
    )
    lines = []
    for record in read_node_manifest(replicas.manifest(0).splitlines(), subject="manifest"):
        if isinstance(record, BackedUpObject) and record.stored == stored:
            lines.append(NODE_MANIFEST.encode(dataclasses.replace(record, stored=other)))
        else:
            lines.append(NODE_MANIFEST.encode(record))
    text = b"".join(lines)
    forged = dataclasses.replace(
        replicas.summaries[0], manifest_sha256=hashlib.sha256(text).hexdigest(), manifest_size=len(text)
    )

    def change(replicas: Replicas) -> None:
        replicas.store.put(forged.manifest_key, b"".join(encode(iter((text,)), ZSTD)))
        replicas.summaries = (forged, replicas.summaries[1])

    if look is _publishes:
        with pytest.raises(ManifestError, match=f"{stored.key} an impossible size"):
            look(replicas, change)
        return
    manifest = replicas.publish()
    change(replicas)
    if look is _plans:
        nodes = tuple(forged if each.node == forged.node else each for each in manifest.nodes)
        found = check_objects(replicas.store, dataclasses.replace(manifest, nodes=nodes), wants=lambda _table: True)
        assert stored.key in str(found.reasons[0])
    else:
        with pytest.raises(ManifestError, match=f"{stored.key} an impossible size"):
            replicas.fetch(0)
        assert not list(replicas.target.root.rglob("nb-*"))
