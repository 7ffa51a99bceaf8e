# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials that may only read are found out before anything is touched, where something has to be written later."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import StoreDeniedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    IMPORTS_PREFIX,
    commit_log_prefix,
    gap_probe_key,
    import_probe_key,
    ledger_key,
    parse_gap_key,
    parse_import_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.rights import (
    require_may_record_import,
    require_may_record_restore,
)

_HOST_ID = "00000000-0000-4000-8000-000000000001"


class _ReadOnly:
    """A store that may only be read."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, key: str, _body: bytes) -> None:
        raise StoreDeniedError(f"The right s3:PutObject is missing on {key}.", subject=key)

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._store, name)


def _read_only(store: ObjectStore) -> ObjectStore:
    return t.cast(ObjectStore, _ReadOnly(store))


def test_who_may_only_read_restores_no_tables_into_a_cluster() -> None:
    with pytest.raises(StoreDeniedError, match=r"imports/probe.*That tables are restored .*PutObject") as told:
        require_may_record_import(_read_only(open_memory_store()), host_id=_HOST_ID)
    assert told.value.subject == import_probe_key(_HOST_ID)
    assert "s3:PutObject" in (told.value.next_step or "")


def test_in_place_it_counts_only_where_there_is_a_log() -> None:
    store = open_memory_store()
    require_may_record_restore(_read_only(store), host_id=_HOST_ID)
    store.put(ledger_key(_HOST_ID), b"{}")
    with pytest.raises(StoreDeniedError, match="archived commit log is restored in place"):
        require_may_record_restore(_read_only(store), host_id=_HOST_ID)


def test_what_is_tried_is_no_record() -> None:
    store = open_memory_store()
    store.put(ledger_key(_HOST_ID), b"{}")
    require_may_record_import(store, host_id=_HOST_ID)
    require_may_record_restore(store, host_id=_HOST_ID)
    assert [parse_import_key(info.key) for info in store.list(IMPORTS_PREFIX)] == [None]
    found = {info.key for info in store.list(commit_log_prefix(_HOST_ID))} - {ledger_key(_HOST_ID)}
    assert found == {gap_probe_key(_HOST_ID)}
    assert parse_gap_key(gap_probe_key(_HOST_ID)) is None
