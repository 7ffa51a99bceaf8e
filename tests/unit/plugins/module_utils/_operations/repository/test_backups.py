# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of a repository's backups, whatever is wrong with one of them."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    ManifestError,
    NewestUnknownError,
    ObjectMissingError,
    ReviveError,
    StoreDeniedError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import (
    list_backups,
    load_backup,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.plan import find_point
from tests.unit.plugins.module_utils._core.tables.shop_backup import MANIFEST

_KEY = "backups/{}/manifest.json"


def _text(tag: str, **changes: t.Any) -> bytes:
    return CLUSTER_MANIFEST.encode(dataclasses.replace(MANIFEST, tag=tag, **changes))


def _newer_format(tag: str) -> bytes:
    return json.dumps({**json.loads(_text(tag)), "version": 2}).encode()


class _Failing:
    """A store that cannot read one key."""

    def __init__(self, store: ObjectStore, key: str, error: ReviveError) -> None:
        self._store, self._key, self._error = store, key, error

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._store, name)

    def get(self, key: str) -> bytes:
        if key == self._key:
            raise self._error
        return self._store.get(key)


@pytest.fixture(name="store")
def _store() -> ObjectStore:
    store = open_memory_store(prefix="p/")
    store.put(_KEY.format("older"), _text("older"))
    return store


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "newer/manifest.json"),
        (b"", "newer/manifest.json"),
        (_newer_format("newer"), "version"),
        (_text("another"), "is the manifest of another"),
        (_text("newer", nodes=()), "with 0 nodes"),
    ],
)
def test_a_manifest_that_is_not_what_it_should_be_is_listed_and_no_latest_is_taken_for_it(
    store: ObjectStore, text: bytes, reason: str
) -> None:
    store.put(_KEY.format("newer"), text)
    broken, older = list_backups(store)
    assert (broken.tag, broken.complete, older.tag) == ("newer", True, "older")
    assert reason in broken.problem
    with pytest.raises(NewestUnknownError, match="restore_point=older"):
        load_backup(store, "latest")
    with pytest.raises(NewestUnknownError, match="newer"):
        find_point(store, "latest")
    with pytest.raises(ManifestError):
        load_backup(store, "newer")
    assert load_backup(store, "older").tag == find_point(store, "older").tag == "older"


@pytest.mark.parametrize("error", [StoreDeniedError("Refused."), ObjectMissingError("It is not there.")])
def test_one_that_may_not_be_read_or_has_vanished_is_listed_and_no_latest_is_taken_for_it(
    store: ObjectStore, error: ReviveError
) -> None:
    store.put(_KEY.format("newer"), _text("newer"))
    failing = t.cast(ObjectStore, _Failing(store, _KEY.format("newer"), error))
    assert [info.problem for info in list_backups(failing)] == [str(error), ""]
    with pytest.raises(NewestUnknownError, match="newer, stored"):
        load_backup(failing, "latest")


def test_latest_of_whole_nodes_passes_parts_over_and_says_so(store: ObjectStore) -> None:
    store.put(_KEY.format("part"), _text("part", completed_us=MANIFEST.completed_us + 1, keyspaces=("shop",)))
    found = find_point(store, "latest")
    assert found.tag == "older"
    assert "part of shop" in found.warnings[0]
