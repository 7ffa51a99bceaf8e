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
from ansible_collections.revive.cassandra.plugins.module_utils._core.near import did_you_mean
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    BACKUPS_PREFIX,
    backup_prefix,
    cluster_manifest_key,
    parse_cluster_manifest_key,
    parse_node_manifest_key,
    parse_signature_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.listing import (
    LATEST,
    BackupInfo,
    Newest,
    newest,
    newest_first,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import open_repository
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.signed import (
    SignedManifest,
    read_manifest,
)


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
    seen = sorted(_seen(store, tag=tag).items())
    complete = any(each.stored_us is not None for _tag, each in seen)
    cluster_id = open_repository(store).cluster_id if complete and store.allowed_signers else None
    infos = [_info(store, name, each, cluster_id=cluster_id) for name, each in seen]
    if keyspace is not None:
        infos = [info for info in infos if info.problem or (info.manifest and _has_keyspace(info.manifest, keyspace))]
    if not include_incomplete:
        infos = [info for info in infos if info.complete]
    return tuple(newest_first(infos)[:limit])


def load_backup(store: ObjectStore, tag_or_latest: str) -> ClusterManifest:
    """The manifest of a complete backup; parameters and errors as of :func:`load_signed`."""
    return load_signed(store, tag_or_latest).manifest


def load_signed(store: ObjectStore, tag_or_latest: str) -> SignedManifest:
    """The manifest of a complete backup, with who has signed it.

    :param tag_or_latest: ``latest`` is the newest backup of everything.
    :raises NewestUnknownError: if one that may be the newest cannot be read.
    :raises BackupMissingError: if there is none; those that there are, are named.
    :raises BackupIncompleteError: if it was begun and not finished.
    :raises ManifestError: if its manifest cannot be read.
    :raises SignatureError: if it is not signed by one of those who count.
    """
    tag = newest_backup(store).manifest.tag if tag_or_latest == LATEST else check_tag(tag_or_latest)
    if store.head(cluster_manifest_key(tag)) is not None:
        return read_manifest(store, tag)
    if any(True for _entry in store.list(backup_prefix(tag))):
        raise BackupIncompleteError(
            f"Backup {tag} in {store.location} was begun and not finished.",
            subject=tag,
            next_step="Run the backup again with the same tag, or choose another: "
            f"{_offer(list_backups(store, include_incomplete=False, limit=5))}.",
        )
    there = list_backups(store, include_incomplete=False)
    raise BackupMissingError(
        f"There is no backup {tag} in {store.location}.",
        subject=tag,
        next_step=f"{did_you_mean(tag, (info.tag for info in there))}There is {_offer(there[:5])}.",
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
    """What a listing says of a backup: when its manifest was stored, if it was, whose parts are there, and whether it
    may be signed."""

    stored_us: int | None
    host_ids: tuple[str, ...]
    may_be_signed: bool


def _seen(store: ObjectStore, *, tag: str | None) -> dict[str, _Seen]:
    """What one listing says of each backup."""
    stored: dict[str, int | None] = {}
    nodes: dict[str, list[str]] = {}
    signed: set[str | None] = set()
    for entry in store.list(backup_prefix(check_tag(tag)) if tag else BACKUPS_PREFIX):
        whole, part = parse_cluster_manifest_key(entry.key), parse_node_manifest_key(entry.key)
        if whole:
            stored[whole] = entry.modified_us
        elif part:
            stored.setdefault(part[0], None)
            nodes.setdefault(part[0], []).append(part[1])
        else:
            signed.add(parse_signature_key(entry.key))
    return {name: _Seen(when, tuple(sorted(set(nodes.get(name, ())))), name in signed) for name, when in stored.items()}


def _info(store: ObjectStore, tag: str, seen: _Seen, *, cluster_id: str | None) -> BackupInfo:
    if seen.stored_us is None:
        return BackupInfo(tag=tag, complete=False, node_host_ids=seen.host_ids)
    info = BackupInfo(tag=tag, complete=True, node_host_ids=seen.host_ids, stored_us=seen.stored_us)
    try:
        found = read_manifest(store, tag, cluster_id=cluster_id, may_be_signed=seen.may_be_signed)
        return dataclasses.replace(info, manifest=found.manifest, signer=found.signer)
    except ReviveError as error:
        return dataclasses.replace(info, problem=str(error))


def _has_keyspace(manifest: ClusterManifest, keyspace: str) -> bool:
    return any(summary.table.keyspace == keyspace for summary in manifest.tables)
