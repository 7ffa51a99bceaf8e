# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose backups a repository holds, by all that its backups say of a cluster's nodes."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import NodeStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ObjectMissingError, RepositoryError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    BACKUPS_PREFIX,
    parse_cluster_manifest_key,
    parse_node_manifest_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import RepositoryMarker
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.sightings import Sighting, why_copied
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository import marker
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.signed import read_manifest


def of_members(
    store: ObjectStore,
    identity: NodeIdentity | None,
    members: t.Sequence[NodeStatus],
    *,
    moved_from: str | None = None,
) -> RepositoryMarker | None:
    """The marker of the repository of a cluster with these members, as :func:`marker.of_members`.

    :param moved_from: as of :func:`check_not_copied`.
    :raises WrongClusterError: also if they seem to be copies of nodes that were backed up there.
    """
    found = marker.of_members(store, identity, members)
    if found is not None:
        addresses = {member.host_id: member.address for member in members}
        check_not_copied(store, addresses=addresses, moved_from=moved_from)
    return found


def check_not_copied(store: ObjectStore, *, addresses: t.Mapping[str, str], moved_from: str | None) -> None:
    """Refuse a cluster whose known nodes are all elsewhere than when they were backed up last.

    Of each node the newest backup that has it counts. As a rule one manifest is read: that of the newest backup.

    :param addresses: of all nodes, by host id.
    :param moved_from: where the operator says that the cluster was.
    :raises WrongClusterError: if they are copies, or were moved and nobody has said so.
    """
    found: list[Sighting] = []
    unseen = set(addresses)
    for tag, host_ids in _newest_first(store):
        if not unseen & host_ids:
            continue
        # What cannot be read, or is not signed as it should be, says nothing.
        with contextlib.suppress(RepositoryError, ObjectMissingError):
            manifest = read_manifest(store, tag).manifest
            for summary in manifest.nodes:
                node = summary.node
                if node.host_id not in unseen:
                    continue
                unseen.discard(node.host_id)
                now, when = addresses[node.host_id], summary.snapshot_ended_us
                found.append(Sighting(node.host_id, node.name, node.address, tag, when, now))
            if any(each.is_there_still for each in found):
                return
    error = why_copied(found, members=len(addresses), location=store.location, moved_from=moved_from)
    if error is not None:
        raise error


def _newest_first(store: ObjectStore) -> list[tuple[str, set[str]]]:
    """The complete backups with the host ids of their nodes, by one listing."""
    stored: dict[str, int] = {}
    nodes: dict[str, set[str]] = {}
    for entry in store.list(BACKUPS_PREFIX):
        whole, part = parse_cluster_manifest_key(entry.key), parse_node_manifest_key(entry.key)
        if whole:
            stored[whole] = entry.modified_us
        elif part:
            nodes.setdefault(part[0], set()).add(part[1])
    return [(tag, nodes.get(tag, set())) for tag in sorted(stored, key=lambda tag: (stored[tag], tag), reverse=True)]
