# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bases: complete backups from which the archived log leads to a moment."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import Base
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    IMPORTS_PREFIX,
    parse_import_key,
    parse_node_manifest_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import IMPORT
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import NODE_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeManifestHeader,
    NodeSummary,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import list_backups


def bases_of(
    store: ObjectStore,
    *,
    keyspaces: t.Sequence[str] = (),
    identity_file: str | None = None,
    wants: t.Callable[[str], bool] | None = None,
) -> tuple[Base, ...]:
    """The backups that a restore to a moment can start from, oldest first; then those of which nobody can read it.

    :param keyspaces: what is to be restored; empty means all. A backup that holds less is not a base: what it lacks
        would silently be missing from the restored cluster.
    :param identity_file: to read the node manifests of encrypted backups whose cluster's manifest does not say where
        the logs stood.
    :param wants: which tables are restored, each as ``keyspace.table``: imports into others end no window. ``None`` for
        all of them.
    :raises StoreError: if the store cannot be read.
    :raises ManifestError: if a node manifest that is needed cannot be read.
    """
    infos = list_backups(store, include_incomplete=False)
    fitting = [info.manifest for info in infos if info.manifest and _holds(info.manifest, keyspaces)]
    since_us = min((manifest.snapshot_began_us for manifest in fitting), default=0)
    imports = sorted(_imports(store, since_us=since_us, wants=wants))
    return (
        *(
            base_of(store, manifest, imports=imports, identity_file=identity_file)
            for manifest in sorted(fitting, key=lambda each: each.snapshot_ended_us)
        ),
        *(Base(tag=info.tag, ended_us=0, positions={}, problem=info.problem) for info in infos if info.problem),
    )


def _imports(store: ObjectStore, *, since_us: int, wants: t.Callable[[str], bool] | None) -> t.Iterator[int]:
    """When nodes were given tables of a backup; what earlier releases recorded may have been any tables."""
    for info in store.list(IMPORTS_PREFIX):
        at_us = parse_import_key(info.key)
        if at_us is None or at_us < since_us:
            continue
        if wants is not None:
            tables = IMPORT.decode(store.get(info.key), subject=info.key).tables
            if tables and not any(map(wants, tables)):
                continue
        yield at_us


def base_of(
    store: ObjectStore, manifest: ClusterManifest, *, imports: t.Sequence[int] = (), identity_file: str | None = None
) -> Base:
    """A backup as planning needs it.

    :param imports: when nodes of the cluster were given tables of a backup, earliest first.
    :raises StoreError, ManifestError: as :func:`bases_of`.
    """
    return Base(
        tag=manifest.tag,
        ended_us=manifest.snapshot_ended_us,
        positions={
            summary.node.host_id: _position(store, summary, identity_file=identity_file) for summary in manifest.nodes
        },
        missing=manifest.degraded.names if manifest.degraded else "",
        imported_us=next((at_us for at_us in imports if at_us >= manifest.snapshot_began_us), None),
    )


def read_header(store: ObjectStore, summary: NodeSummary, *, identity_file: str | None = None) -> NodeManifestHeader:
    """The header of a node's manifest; nothing else of it is read.

    :raises StoreError: if the store cannot be read.
    :raises ManifestError: if it is something else.
    """
    key = summary.manifest_key
    parsed = parse_node_manifest_key(key)
    if parsed is None:
        raise ManifestError(f"{key} is not the key of a node manifest.", subject=key)
    line = b""
    for chunk in decode(store.get_stream(key), parsed[2], identity_file=identity_file, what=key):
        line += chunk
        if b"\n" in line:
            break
    header = NODE_MANIFEST.decode(line.partition(b"\n")[0], subject=key)
    if not isinstance(header, NodeManifestHeader) or header.node.host_id != summary.node.host_id:
        raise ManifestError(f"{key} does not begin like the manifest of {summary.node.name}.", subject=key)
    return header


def _position(store: ObjectStore, summary: NodeSummary, *, identity_file: str | None) -> CommitLogPosition:
    if summary.commit_log is not None:
        return summary.commit_log
    return read_header(store, summary, identity_file=identity_file).snapshot.commit_log


def _holds(manifest: ClusterManifest, keyspaces: t.Sequence[str]) -> bool:
    if manifest.tables_asked:
        return False
    return not manifest.keyspaces or (bool(keyspaces) and set(keyspaces) <= set(manifest.keyspaces))
