# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a restore may write to the repository what it will have to, asked before anything is touched.

Both records say that what a node holds since does not continue its log. Credentials that may only read would be found
out after the tables were emptied, or after the directories were exchanged.
"""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import StoreDeniedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    gap_probe_key,
    import_probe_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import has_log


def require_may_record_import(store: ObjectStore, *, host_id: str) -> None:
    """Try whether these credentials may record that a node was given tables.

    :raises StoreDeniedError: if they may not.
    :raises StoreError: if the store does not answer.
    """
    _try(store, import_probe_key(host_id), what="tables are restored into a cluster")


def require_may_record_restore(store: ObjectStore, *, host_id: str) -> None:
    """The same for a node that is restored in place; nothing has to be recorded where its log was never archived."""
    if has_log(store, host_id=host_id):
        _try(store, gap_probe_key(host_id), what="a node with an archived commit log is restored in place")


def _try(store: ObjectStore, key: str, *, what: str) -> None:
    try:
        store.put(key, b"")
    except StoreDeniedError as error:
        raise StoreDeniedError(
            f"The credentials may not write {key}. That {what} has to be recorded there, since moments after it need a "
            f"later backup. {error.message}",
            subject=error.subject,
            next_step="Restore with credentials that may also write, s3:PutObject. Nothing needs to be deleted.",
        ) from error
