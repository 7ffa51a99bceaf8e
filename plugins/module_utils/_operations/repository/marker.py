# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A repository's marker: made once, and from then on it keeps clusters' backups apart."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
import uuid

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import NodeStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    ObjectMissingError,
    RepositoryError,
    WrongClusterError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    BACKUPS_PREFIX,
    MARKER_KEY,
    PROBE_KEY,
    parse_cluster_manifest_key,
    parse_node_manifest_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import MARKER
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import RepositoryMarker


@dataclasses.dataclass(frozen=True)
class RepositoryState:
    """A repository that this cluster may use.

    :param created: whether its marker was made now, or would be made in check mode.
    """

    marker: RepositoryMarker
    created: bool


def ensure_repository(
    store: ObjectStore, *, cluster_name: str, host_ids: t.Sequence[str], check_mode: bool, now_us: int
) -> RepositoryState:
    """The repository for a cluster; an empty prefix becomes one.

    :param host_ids: of all nodes that the cluster has now.
    :raises RepositoryError: if something else lies below the prefix.
    :raises WrongClusterError: if none of the nodes is known to the repository.
    """
    marker = _read_marker(store)
    if marker is None:
        _check_empty(store)
        wanted = RepositoryMarker(
            cluster_id=str(uuid.uuid4()),
            cluster_name=cluster_name,
            host_ids=tuple(sorted(host_ids)),
            created_us=now_us,
            conditional_puts=False if check_mode else store.refuses_second_put(PROBE_KEY),
        )
        if check_mode:
            return RepositoryState(marker=wanted, created=True)
        store.put_new(MARKER_KEY, MARKER.encode(wanted))
        # Read back in any case: another creator may have been faster, and then its marker counts.
        marker = open_repository(store)
        if marker == wanted:
            return RepositoryState(marker=marker, created=True)
    check_cluster(store, marker, cluster_name=cluster_name, host_ids=host_ids)
    return RepositoryState(marker=marker, created=False)


def find_repository(store: ObjectStore, *, cluster_name: str, host_ids: t.Sequence[str]) -> RepositoryMarker | None:
    """The marker of a cluster's repository; ``None`` if the prefix does not have one yet.

    :raises RepositoryError: if this version cannot read it.
    :raises WrongClusterError: if none of the nodes is known to the repository.
    """
    marker = _read_marker(store)
    if marker is not None:
        check_cluster(store, marker, cluster_name=cluster_name, host_ids=host_ids)
    return marker


def of_members(
    store: ObjectStore, identity: NodeIdentity | None, members: t.Sequence[NodeStatus]
) -> RepositoryMarker | None:
    """The same for the cluster of a node that sees these members; ``None`` also for a node that is in no cluster.

    :raises RepositoryError: as :func:`find_repository`, and :class:`WrongClusterError`.
    """
    if identity is None:
        return None
    host_ids = [member.host_id for member in members]
    return find_repository(store, cluster_name=identity.cluster_name, host_ids=host_ids)


def open_repository(store: ObjectStore) -> RepositoryMarker:
    """The marker of an existing repository.

    :raises RepositoryError: if there is none, or this version cannot read it.
    """
    marker = _read_marker(store)
    if marker is None:
        raise RepositoryError(
            f"There is no repository at {store.location}.",
            subject=store.location,
            next_step="Check bucket and prefix; the first backup makes the repository.",
        )
    return marker


def _read_marker(store: ObjectStore) -> RepositoryMarker | None:
    try:
        text = store.get(MARKER_KEY)
    except ObjectMissingError:
        return None
    return MARKER.decode(text, subject=f"{store.location}{MARKER_KEY}")


def _check_empty(store: ObjectStore) -> None:
    others = (entry.key for entry in store.list("") if entry.key not in (PROBE_KEY, MARKER_KEY))
    found = list(itertools.islice(others, 3))
    if found:
        raise RepositoryError(
            f"{store.location} is not a repository, and it is not empty: there is {', '.join(found)}.",
            subject=store.location,
            next_step="Give this cluster a prefix of its own, or empty this one.",
        )


def check_cluster(
    store: ObjectStore, marker: RepositoryMarker, *, cluster_name: str, host_ids: t.Sequence[str]
) -> None:
    """Refuse nodes of a cluster other than the repository's.

    A node is known if the cluster had it when the repository was made, or if a complete backup has it; one that was
    only begun does not count, since nobody has checked it.

    :raises WrongClusterError: if none of the nodes is known.
    """
    ours = set(host_ids)
    if ours.intersection(marker.host_ids):
        return
    # All of the first nodes may have been replaced since. In the order of keys a backup's manifest.json comes
    # before its nodes.
    complete = None
    for entry in store.list(BACKUPS_PREFIX):
        complete = parse_cluster_manifest_key(entry.key) or complete
        parsed = parse_node_manifest_key(entry.key)
        if parsed and parsed[0] == complete and parsed[1] in ours:
            return
    theirs = marker.host_ids[0] if marker.host_ids else "unknown"
    mine = min(ours) if ours else "unknown"
    raise WrongClusterError(
        f"{store.location} holds the backups of cluster {marker.cluster_name!r} (with node {theirs}); "
        f"this is cluster {cluster_name!r} (with node {mine}), and none of its nodes has ever been backed up there.",
        subject=store.location,
        next_step="Give this cluster another prefix. "
        "A new cluster that was restored to needs a prefix of its own, too, and so does one all of whose nodes were "
        "replaced since its last backup. What is there can be restored from there as before.",
    )
