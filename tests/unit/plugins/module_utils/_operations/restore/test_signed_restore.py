# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a signature down to every byte that is restored: whatever is exchanged on the way is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    MomentRefusedError,
    ObjectCorruptError,
    PlanRefusedError,
    SignatureError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.wording import plan_lines
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Selection, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.wording import tables_plan_lines
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import load_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.target import read_node
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.plan import make_tables_plan
from tests.unit.formats.cluster import CQL, START_US, TAG, load, write_repository
from tests.unit.formats.writing import MOMENT, fetch, plan, targets

WHO = "backups@example.com"


class _Pinned:
    """The same objects, for whoever asks for signatures."""

    def __init__(self, store: ObjectStore, allowed_signers: str) -> None:
        self._store, self.allowed_signers = store, allowed_signers

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._store, name)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    root = tmp_path_factory.mktemp("repository")
    write_repository(root, encrypted=False)
    return root / "bucket"


@pytest.fixture
def signed(repository: pathlib.Path, tmp_path: pathlib.Path) -> ObjectStore:
    """What an older release has backed up, signed by hand since, with the plain program."""
    store = load(repository)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    text = store.get(f"backups/{TAG}/manifest.json")
    made = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", "revive.cassandra"],
        input=text,
        capture_output=True,
        check=True,
    )
    store.put(f"backups/{TAG}/signatures/{hashlib.sha256(text).hexdigest()}.sig", made.stdout)
    return t.cast(ObjectStore, _Pinned(store, f"{WHO} {key.with_suffix('.pub').read_text()}"))


def test_a_backup_that_is_signed_is_planned_and_the_plan_says_by_whom(
    signed: ObjectStore, repository: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    nodes = targets(tmp_path)
    planned = plan(signed, nodes, point=TAG)
    assert [line for line in plan_lines(planned) if WHO in line] == [planned.signed]
    assert type(planned).from_result(planned.to_result()) == planned
    assert fetch(nodes[0], signed, planned).files == 30
    assert plan(load(repository), nodes, point=TAG).signed == "The backup is not signed."
    with pytest.raises(SignatureError, match="is not signed"):
        plan(t.cast(ObjectStore, _Pinned(load(repository), signed.allowed_signers)), nodes, point=TAG)


def test_a_moment_is_reached_from_a_signed_backup_only_and_its_logs_are_said_not_to_be(
    signed: ObjectStore, repository: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    planned = plan(signed, targets(tmp_path), point=MOMENT)
    assert WHO in planned.signed
    assert any("commit logs that are replayed on it are not" in line for line in planned.warnings)
    pinned, again = t.cast(ObjectStore, _Pinned(load(repository), signed.allowed_signers)), targets(tmp_path / "again")
    with pytest.raises(MomentRefusedError, match="is not signed"):
        plan(pinned, again, point=MOMENT)


@pytest.mark.parametrize("point", [TAG, MOMENT])
def test_tables_come_from_signed_backups_too(
    signed: ObjectStore, repository: pathlib.Path, tmp_path: pathlib.Path, point: str
) -> None:
    running = [
        dataclasses.replace(read_node(node.settings), running=True, identity_stale=False) for node in targets(tmp_path)
    ]

    def planned(store: ObjectStore) -> TablesPlan:
        return make_tables_plan(
            store,
            restore_point=point,
            selection=Selection(tables=("shop.orders",)),
            targets=running,
            cql_settings=CQL,
            now_us=START_US * 2,
            describe=lambda _settings: ["CREATE KEYSPACE shop;"],
        )

    found = planned(signed)
    assert WHO in found.restore.signed
    assert [line for line in tables_plan_lines(found) if WHO in line] == [found.restore.signed]
    assert any("commit logs" in line for line in found.restore.warnings) == (point == MOMENT)
    unsigned = t.cast(ObjectStore, _Pinned(load(repository), signed.allowed_signers))
    with pytest.raises((SignatureError, MomentRefusedError), match="is not signed"):
        planned(unsigned)


def test_a_node_manifest_that_was_exchanged_is_refused_in_the_plan(signed: ObjectStore, tmp_path: pathlib.Path) -> None:
    first, second = (node.manifest_key for node in load_backup(signed, TAG).nodes)
    signed.put(first, signed.get(second))
    with pytest.raises(PlanRefusedError) as refused:
        plan(signed, targets(tmp_path), point=TAG)
    assert first in str(refused.value)


def test_data_that_was_exchanged_is_refused_when_it_is_fetched(signed: ObjectStore, tmp_path: pathlib.Path) -> None:
    nodes = targets(tmp_path)
    planned = plan(signed, nodes, point=TAG)
    for entry in list(signed.list("data/")):
        body = signed.get(entry.key)
        signed.put(entry.key, body[:-1] + bytes([body[-1] ^ 1]))
    with pytest.raises(ObjectCorruptError):
        fetch(nodes[0], signed, planned)
