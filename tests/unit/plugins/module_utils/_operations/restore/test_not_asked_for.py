# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which restores that were begun are others than the one that is asked for."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    NewestUnknownError,
    RepositoryError,
    StoreError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import IN_PLACE, ONE_NODE
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import whole_restore_id
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import plan


@pytest.fixture
def store() -> t.Any:
    return open_memory_store(prefix="")


@pytest.fixture
def begun(store: t.Any) -> str:
    """The name of a restore of the backup ``b1`` of this repository."""
    state = ensure_repository(store, cluster_name="lab", host_ids=["h"], check_mode=False, now_us=1)
    return whole_restore_id(tag="b1", cluster_id=state.marker.cluster_id, mode=IN_PLACE)


def _latest_is(monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    monkeypatch.setattr(
        plan, "newest_backup", lambda _store: types.SimpleNamespace(manifest=types.SimpleNamespace(tag=tag))
    )


def test_the_same_backup_is_asked_for_by_its_tag_and_as_the_latest(
    store: t.Any, begun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = whole_restore_id(tag="b1", cluster_id="another cluster", mode=IN_PLACE)
    assert plan.not_asked_for(store, [begun, f"{begun}-2", other], restore_point="b1", mode=IN_PLACE) == [other]
    assert plan.not_asked_for(store, [begun], restore_point="b2", mode=IN_PLACE) == [begun]
    assert plan.not_asked_for(store, [begun], restore_point="b1", mode=ONE_NODE) == [begun]
    _latest_is(monkeypatch, "b1")
    assert plan.not_asked_for(store, [begun], restore_point="latest", mode=IN_PLACE) == []
    _latest_is(monkeypatch, "b2")
    assert plan.not_asked_for(store, [begun], restore_point="latest", mode=IN_PLACE) == [begun]


def test_a_store_that_is_down_is_needed_for_latest_only(begun: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_key: str) -> t.NoReturn:
        raise StoreError("The store is down.", subject="s3")

    down: t.Any = types.SimpleNamespace(get=refuse, list=refuse, location="s3://down/")
    assert plan.not_asked_for(down, [begun], restore_point="b1", mode=IN_PLACE) == []
    assert plan.not_asked_for(down, [begun], restore_point="b2", mode=IN_PLACE) == [begun]
    with pytest.raises((StoreError, NewestUnknownError)):
        plan.not_asked_for(down, [begun], restore_point="latest", mode=IN_PLACE)


def test_another_bucket_is_an_error(begun: str) -> None:
    with pytest.raises(RepositoryError, match="no repository"):
        plan.not_asked_for(open_memory_store(prefix=""), [begun], restore_point="b1", mode=IN_PLACE)
