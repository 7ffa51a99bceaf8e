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
    ManifestError,
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
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.listing import (
    LATEST,
    BackupInfo,
    Newest,
    newest,
    newest_first,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest


def list_backups(
    store: ObjectStore,
    *,
    tag: str | None = None,
    keyspace: str | None = None,
    include_incomplete: bool = True,
    limit: int | None = None,
) -> tuple[BackupInfo, ...]:
    """The backups, newest first by the store's clock; those that were not finished come last, by tag.

    :param keyspace: only backups that have tables of it, and those that cannot be read and may have some; incomplete
        ones are left out.
    :param limit: how many at most.
    """
    infos = [_info(store, *entry) for entry in sorted(_seen(store, tag=tag).items())]
    if keyspace is not None:
        infos = [info for info in infos if info.problem or (info.manifest and _has_keyspace(info.manifest, keyspace))]
    if not include_incomplete:
        infos = [info for info in infos if info.complete]
    return tuple(newest_first(infos)[:limit])


def load_backup(store: ObjectStore, tag_or_latest: str) -> ClusterManifest:
    """The manifest of a complete backup.

    :param tag_or_latest: ``latest`` is the newest backup of everything.
    :raises NewestUnknownError: if one that may be the newest cannot be read.
    :raises BackupMissingError: if there is none; those that there are, are named.
    :raises BackupIncompleteError: if it was begun and not finished.
    :raises ManifestError: if its manifest cannot be read.
    """
    if tag_or_latest == LATEST:
        return newest_backup(store).manifest
    tag = check_tag(tag_or_latest)
    if store.head(cluster_manifest_key(tag)) is not None:
        return _read(store, tag=tag)
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


def newest_backup(
    store: ObjectStore,
    *,
    fits: t.Sequence[t.Callable[[ClusterManifest], bool]] = (lambda manifest: manifest.whole,),
    wanted: str = "everything",
) -> Newest:
    """The newest complete backup that fits; parameters and errors as of :func:`newest`.

    :param fits: by default a backup of everything does.
    """
    return newest(list_backups(store), location=store.location, fits=fits, wanted=wanted)


def _offer(infos: t.Sequence[BackupInfo]) -> str:
    return ", ".join(info.tag for info in infos if info.manifest) or "no complete backup there"


class _Seen(t.NamedTuple):
    """What a listing says of a backup: when its manifest was stored, if it was, and whose parts are there."""

    stored_us: int | None
    host_ids: tuple[str, ...]


def _seen(store: ObjectStore, *, tag: str | None) -> dict[str, _Seen]:
    """What one listing says of each backup."""
    stored: dict[str, int | None] = {}
    nodes: dict[str, list[str]] = {}
    for entry in store.list(backup_prefix(check_tag(tag)) if tag else BACKUPS_PREFIX):
        whole, part = parse_cluster_manifest_key(entry.key), parse_node_manifest_key(entry.key)
        if whole:
            stored[whole] = entry.modified_us
        elif part:
            stored.setdefault(part[0], None)
            nodes.setdefault(part[0], []).append(part[1])
    return {name: _Seen(when, tuple(sorted(set(nodes.get(name, ()))))) for name, when in stored.items()}


def _info(store: ObjectStore, tag: str, seen: _Seen) -> BackupInfo:
    if seen.stored_us is None:
        return BackupInfo(tag=tag, complete=False, node_host_ids=seen.host_ids)
    info = BackupInfo(tag=tag, complete=True, node_host_ids=seen.host_ids, stored_us=seen.stored_us)
    try:
        return dataclasses.replace(info, manifest=_read(store, tag=tag))
    except ReviveError as error:
        return dataclasses.replace(info, problem=str(error))


def _read(store: ObjectStore, *, tag: str) -> ClusterManifest:
    key = cluster_manifest_key(tag)
    manifest = CLUSTER_MANIFEST.decode(store.get(key), subject=f"{store.location}{key}")
    if manifest.tag != tag or not manifest.nodes:
        raise ManifestError(
            f"{store.location}{key} is the manifest of {manifest.tag}, with {len(manifest.nodes)} nodes.",
            subject=tag,
            next_step="Bring the object back from a copy of the repository.",
        )
    return manifest


def _has_keyspace(manifest: ClusterManifest, keyspace: str) -> bool:
    return any(summary.table.keyspace == keyspace for summary in manifest.tables)
