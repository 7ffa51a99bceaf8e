# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An encrypted backup is made without a private key, and refused in the plan where its data cannot be opened."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import typing as t

import pyrage
import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    IdentityError,
    ObjectCorruptError,
    PlanRefusedError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import read_node_manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    NodeSummary,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan, Trial
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Selection, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import opening, steps
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.target import read_node
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.plan import make_tables_plan
from tests.unit.formats.cluster import (
    CQL,
    IDENTITY,
    RECIPIENT,
    START_US,
    TAG,
    Clock,
    Node,
    load,
    make_repository,
    settings_of,
    upload,
    write_repository,
)
from tests.unit.formats.writing import MOMENT, fetch, plan, targets


def _identity(path: pathlib.Path, *identities: object) -> str:
    path.write_text("# made for a test\n" + "".join(f"{each}\n" for each in identities))
    return str(path)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Of two nodes that back up and archive, encrypted, and have no private key."""
    root = tmp_path_factory.mktemp("repository")
    write_repository(root, encrypted=True)
    return root / "bucket"


@pytest.fixture
def store(repository: pathlib.Path) -> ObjectStore:
    return load(repository)


def test_what_backs_up_and_archives_has_no_private_key(tmp_path: pathlib.Path, store: ObjectStore) -> None:
    assert settings_of(tmp_path, encrypted=True).identity_file is None
    keys = [info.key for info in store.list("")]
    data = [key for key in keys if key.startswith("data/") or "/segments/" in key or "/schema/" in key]
    assert data
    assert all(key.endswith(".age") for key in data)
    assert not [key for key in keys if key not in data and key.endswith(".age")]


@pytest.mark.parametrize("point", [TAG, MOMENT])
def test_without_an_identity_a_restore_is_refused_in_the_plan(
    store: ObjectStore, tmp_path: pathlib.Path, point: str
) -> None:
    with pytest.raises(PlanRefusedError) as caught:
        plan(store, targets(tmp_path), point=point)
    (reason,) = caught.value.reasons
    assert isinstance(reason, IdentityError)
    assert str(reason).startswith(
        f"The data of node1, node2 is encrypted for {RECIPIENT}, and no identity is given to open it on this host. Put"
    )
    assert "repository.identity_file" in str(reason)


@pytest.mark.parametrize("point", [TAG, MOMENT])
def test_with_a_wrong_identity_a_restore_is_refused_in_the_plan(
    store: ObjectStore, tmp_path: pathlib.Path, point: str
) -> None:
    other = pyrage.x25519.Identity.generate()
    path = _identity(tmp_path / "other", other)
    with pytest.raises(PlanRefusedError) as caught:
        plan(store, targets(tmp_path), point=point, identity_file=path)
    (reason,) = caught.value.reasons
    assert isinstance(reason, IdentityError)
    for said in (path, "this host", "node1, node2", RECIPIENT, str(other.to_public()), "data/shop/"):
        assert said in str(reason)
    assert str(other) not in str(reason)


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "cannot be read: No such file"), ("", "has no identity"), ("age1x\n", "something that is not an age")],
)
def test_a_file_that_holds_no_identity_is_told_with_its_host(
    store: ObjectStore, tmp_path: pathlib.Path, text: str | None, said: str
) -> None:
    path = tmp_path / "identity"
    if text is not None:
        path.write_text(text)
    with pytest.raises(PlanRefusedError) as caught:
        plan(store, targets(tmp_path), point=TAG, identity_file=str(path))
    (reason,) = caught.value.reasons
    assert said in str(reason)
    assert str(reason).startswith("On this host: ")
    assert str(path) in str(reason)


def test_with_the_identity_among_others_it_is_planned_and_fetched(store: ObjectStore, tmp_path: pathlib.Path) -> None:
    path = _identity(tmp_path / "identity", pyrage.x25519.Identity.generate(), IDENTITY)
    nodes = targets(tmp_path)
    planned = plan(store, nodes, point=MOMENT, identity_file=path)
    assert type(planned).from_result(planned.to_result()) == planned
    for name in ("node1", "node2"):
        keys = [trial.key for trial in planned.trials if trial.source_name == name]
        assert [key.partition("/")[0] for key in keys] == ["data", "data", "commitlogs", "commitlogs"]
    assert fetch(nodes[0], store, planned, identity_file=path).files == 30


@pytest.mark.parametrize("point", [TAG, MOMENT])
def test_tables_are_refused_in_the_plan_too(store: ObjectStore, tmp_path: pathlib.Path, point: str) -> None:
    running = [
        dataclasses.replace(read_node(node.settings), running=True, identity_stale=False) for node in targets(tmp_path)
    ]
    path = _identity(tmp_path / "identity", IDENTITY)

    def planned(**changes: t.Any) -> TablesPlan:
        return make_tables_plan(
            store,
            restore_point=point,
            selection=Selection(tables=("shop.orders",)),
            targets=running,
            cql_settings=CQL,
            here="node1",
            now_us=START_US * 2,
            describe=lambda _settings: ["CREATE KEYSPACE shop;"],
            **changes,
        )

    with pytest.raises(PlanRefusedError, match=r"\(1\) The data of node1, node2 is encrypted .* to open it on node1\."):
        planned()
    assert {trial.source_name for trial in planned(identity_file=path).restore.trials} == {"node1", "node2"}


def _part(node: Node, planned: RestorePlan) -> steps.Part:
    return steps.Part(node.settings, planned, owner=None, group=None)


def test_each_node_tries_its_part_before_it_fetches(store: ObjectStore, tmp_path: pathlib.Path) -> None:
    path = _identity(tmp_path / "identity", IDENTITY)
    nodes = targets(tmp_path)
    planned = plan(store, nodes, point=MOMENT, identity_file=path)
    settings = settings_of(tmp_path / "node1", encrypted=True)
    assert steps.would_fetch(
        _part(nodes[0], planned), lambda: store, repository=dataclasses.replace(settings, identity_file=path)
    )
    with pytest.raises(IdentityError, match=r"The data of node2 is encrypted .* to open it on node2"):
        steps.would_fetch(_part(nodes[1], planned), lambda: store, repository=settings)
    wrong = _identity(tmp_path / "wrong", pyrage.x25519.Identity.generate())
    with pytest.raises(IdentityError, match=f"{wrong} on node2 does not open the data of node2, such as "):
        steps.would_fetch(
            _part(nodes[1], planned), lambda: store, repository=dataclasses.replace(settings, identity_file=wrong)
        )
    assert not list(tmp_path.rglob(".revive"))


def test_what_is_not_encrypted_is_not_tried(tmp_path: pathlib.Path) -> None:
    write_repository(tmp_path, encrypted=False)
    nodes = targets(tmp_path)
    planned = plan(load(tmp_path / "bucket"), nodes, point=MOMENT)
    assert planned.trials == ()

    def no_store() -> t.NoReturn:
        raise AssertionError("nothing has to be read")

    assert steps.would_fetch(_part(nodes[0], planned), no_store, repository=settings_of(tmp_path, encrypted=False))


def test_what_an_earlier_backup_brought_for_others_is_found(tmp_path: pathlib.Path) -> None:
    before, after = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    store, clock = open_memory_store(), Clock()
    node = Node(tmp_path / "node1", number=1)
    node.sstable(node.table("orders", keyspace="shop"), 1, data_bytes=300_000)
    marker = make_repository(store, [node])
    settings = settings_of(tmp_path, encrypted=True)
    for tag, identity, size in (("first", before, 200), ("second", after, 100)):
        node.sstable(node.table("orders", keyspace="shop"), size, data_bytes=size)
        node.record_snapshot(tag, began_us=clock.ticking())
        settings = dataclasses.replace(settings, recipients=(str(identity.to_public()),))
        trials = _trials(store, upload(node, store, marker=marker, tag=tag, clock=clock, settings=settings).summary)
    for identities, closed in ([before], 1), ([after], 1), ([before, after], 0):
        path = _identity(tmp_path / "identity", *identities)
        assert len(opening.why_closed(store, trials, identity_file=path, here="node1")) == closed


def _trials(store: ObjectStore, summary: NodeSummary) -> tuple[Trial, ...]:
    encrypted = opening.Encrypted()
    lines = b"".join(decode(store.get_stream(summary.manifest_key), Codecs(("zstd",)))).splitlines()
    for record in read_node_manifest(lines, subject="manifest"):
        if isinstance(record, BackedUpObject):
            encrypted.take(summary, record)
    return encrypted.trials()


def test_an_object_that_is_damaged_where_it_is_tried_is_a_reason_too(
    store: ObjectStore, tmp_path: pathlib.Path
) -> None:
    path = _identity(tmp_path / "identity", IDENTITY)
    nodes = targets(tmp_path)
    trial = plan(store, nodes, point=TAG, identity_file=path).trials[0]
    body = store.get(trial.key)
    store.put(trial.key, body[:-20] + bytes(20))
    with pytest.raises(PlanRefusedError) as caught:
        plan(store, nodes, point=TAG, identity_file=path)
    (reason,) = caught.value.reasons
    assert isinstance(reason, ObjectCorruptError)
    assert trial.key in str(reason)
