# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What check mode says about operations that write to a repository: whether they would."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    backup_prefix,
    cluster_manifest_key,
    parse_node_manifest_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot_notes import (
    read_snapshot_record,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.signed import check_signing_key


def would_upload(node: NodeSettings, store: ObjectStore, *, tag: str) -> bool:
    """Whether the node's part of a backup is not in the repository yet.

    :raises NodeError: if the node has no snapshot of that tag.
    """
    record = read_snapshot_record(node, tag=tag)
    if record is None:
        raise NodeError(
            f"{node.name} has no snapshot {tag}.",
            subject=node.name,
            next_step="Take it first, with cassandra_snapshot.",
        )
    manifests = (parse_node_manifest_key(entry.key) for entry in store.list(backup_prefix(tag)))
    return all(parsed is None or parsed[1] != record.node.host_id for parsed in manifests)


def would_publish(store: ObjectStore, *, tag: str, signing_key: str | None = None) -> bool:
    """Whether there is no complete backup of that tag yet.

    :raises ReviveError: if it could not be signed as it has to be, as of :func:`check_signing_key`.
    """
    check_signing_key(store, signing_key=signing_key)
    return store.head(cluster_manifest_key(tag)) is None
