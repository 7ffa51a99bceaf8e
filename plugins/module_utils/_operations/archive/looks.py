# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the repository knows of tables that were made beside others to look at."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.looks import look_warnings
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    IMPORTS_PREFIX,
    parse_look_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import IMPORT, TableImport
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import load_backup


def warnings_at(
    store: ObjectStore, *, tag: str, moment_us: int, wants: t.Callable[[str], bool] | None = None
) -> tuple[str, ...]:
    """What is to be known of the looks between a backup and a moment.

    :param wants: which tables are restored, each as ``keyspace.table``; ``None`` for all.
    :raises StoreError, ManifestError: as of :func:`looks_between`, and if the backup cannot be read.
    """
    from_us = load_backup(store, tag).snapshot_began_us
    return look_warnings(looks_between(store, from_us=from_us, until_us=moment_us), moment_us=moment_us, wants=wants)


def looks_between(store: ObjectStore, *, from_us: int, until_us: int) -> tuple[TableImport, ...]:
    """The looks of a span of time, both ends included.

    Every node records each look, so those of the node that has recorded most are read.

    :raises StoreError: if the store cannot be read.
    :raises ManifestError: if a record is something else.
    """
    by_host: dict[str, list[str]] = {}
    for info in store.list(IMPORTS_PREFIX):
        parsed = parse_look_key(info.key)
        if parsed and from_us <= parsed[0] <= until_us:
            by_host.setdefault(parsed[1], []).append(info.key)
    if not by_host:
        return ()
    keys = max(by_host.values(), key=len)
    return tuple(IMPORT.decode(store.get(key), subject=key) for key in keys)
