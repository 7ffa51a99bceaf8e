# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backups that a repository has."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import check_tag
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BackupIncompleteError,
    BackupMissingError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    BACKUPS_PREFIX,
    backup_prefix,
    cluster_manifest_key,
    parse_cluster_manifest_key,
    parse_node_manifest_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest, Totals

LATEST = "latest"


@dataclasses.dataclass(frozen=True)
class BackupInfo:
    """A backup as a list shows it.

    :param complete: whether it can be restored; then ``manifest`` is there, unless it cannot be read.
    :param node_host_ids: nodes whose manifests are there, sorted.
    :param problem: why a complete backup cannot be read; empty otherwise.
    """

    tag: str
    complete: bool
    node_host_ids: tuple[str, ...]
    manifest: ClusterManifest | None = None
    problem: str = ""

    @property
    def totals(self) -> Totals | None:
        """Files and bytes: logical, in objects, and new with this backup."""
        return self.manifest.totals if self.manifest else None

    @property
    def restore_point_us(self) -> int | None:
        """When the last node's snapshot ended."""
        return self.manifest.snapshot_ended_us if self.manifest else None


def list_backups(
    store: ObjectStore,
    *,
    tag: str | None = None,
    keyspace: str | None = None,
    include_incomplete: bool = True,
    limit: int | None = None,
) -> tuple[BackupInfo, ...]:
    """The backups, newest first; those that cannot be read or were not finished come last, by tag.

    :param keyspace: only backups that have tables of it; incomplete ones are left out, since that is not known of them.
    :param limit: how many at most.
    """
    infos = [_info(store, *entry) for entry in sorted(_seen(store, tag=tag).items())]
    if keyspace is not None:
        infos = [info for info in infos if info.manifest and _has_keyspace(info.manifest, keyspace)]
    if not include_incomplete:
        infos = [info for info in infos if info.complete]
    infos.sort(key=lambda info: (info.restore_point_us or 0, info.tag), reverse=True)
    return tuple(infos[:limit])


def load_backup(store: ObjectStore, tag_or_latest: str) -> ClusterManifest:
    """The manifest of a complete backup.

    :param tag_or_latest: ``latest`` is the complete backup whose snapshots ended last.
    :raises BackupMissingError: if there is none; those that there are, are named.
    :raises BackupIncompleteError: if it was begun and not finished.
    :raises ManifestError: if its manifest cannot be read.
    """
    if tag_or_latest == LATEST:
        return _latest(store)
    tag = check_tag(tag_or_latest)
    key = cluster_manifest_key(tag)
    if store.head(key) is not None:
        return CLUSTER_MANIFEST.decode(store.get(key), subject=f"{store.location}{key}")
    if any(True for _entry in store.list(backup_prefix(tag))):
        raise BackupIncompleteError(
            f"Backup {tag} in {store.location} was begun and not finished.",
            subject=tag,
            next_step="Run the backup again with the same tag, or choose another: "
            f"{_offer(list_backups(store, include_incomplete=False, limit=5))}.",
        )
    raise BackupMissingError(
        f"There is no backup {tag} in {store.location}.",
        subject=tag,
        next_step=f"There is {_offer(list_backups(store, include_incomplete=False, limit=5))}.",
    )


def _latest(store: ObjectStore) -> ClusterManifest:
    infos = list_backups(store)
    for info in infos:
        if info.manifest:
            return info.manifest
    unreadable = [info for info in infos if info.complete]
    if unreadable:
        raise BackupMissingError(
            f"No complete backup in {store.location} can be read: {unreadable[0].problem}",
            subject=unreadable[0].tag,
            next_step="Use a newer revive.cassandra, or give the tag of another backup.",
        )
    begun = f" {len(infos)} were begun and not finished." if infos else ""
    raise BackupMissingError(
        f"There is no complete backup in {store.location}.{begun}",
        subject=LATEST,
        next_step="Check bucket and prefix, or make a backup.",
    )


def _offer(infos: t.Sequence[BackupInfo]) -> str:
    return ", ".join(info.tag for info in infos) or "no complete backup there"


def _seen(store: ObjectStore, *, tag: str | None) -> dict[str, tuple[bool, tuple[str, ...]]]:
    """For each backup, whether it is complete and which nodes' manifests are there; from one listing."""
    complete: dict[str, bool] = {}
    nodes: dict[str, list[str]] = {}
    for entry in store.list(backup_prefix(check_tag(tag)) if tag else BACKUPS_PREFIX):
        whole, part = parse_cluster_manifest_key(entry.key), parse_node_manifest_key(entry.key)
        if whole:
            complete[whole] = True
        elif part:
            complete.setdefault(part[0], False)
            nodes.setdefault(part[0], []).append(part[1])
    return {name: (done, tuple(sorted(set(nodes.get(name, ()))))) for name, done in complete.items()}


def _info(store: ObjectStore, tag: str, seen: tuple[bool, tuple[str, ...]]) -> BackupInfo:
    complete, host_ids = seen
    if not complete:
        return BackupInfo(tag=tag, complete=False, node_host_ids=host_ids)
    key = cluster_manifest_key(tag)
    try:
        manifest = CLUSTER_MANIFEST.decode(store.get(key), subject=f"{store.location}{key}")
    except ReviveError as error:
        return BackupInfo(tag=tag, complete=True, node_host_ids=host_ids, problem=str(error))
    return BackupInfo(tag=tag, complete=True, node_host_ids=host_ids, manifest=manifest)


def _has_keyspace(manifest: ClusterManifest, keyspace: str) -> bool:
    return any(summary.table.keyspace == keyspace for summary in manifest.tables)
