# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore of whole nodes from a backup that was taken while some were down. Pure.

Each of those gets its tokens and the schema of another, and no data: what it had, and what was written since, is with
the others. A repair brings it, right after the start and before anything is counted. Data of its own, where it has come
back meanwhile, is put aside like everybody's: it is of another time than what the others get.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import SCHEMA_KEYSPACE
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import columns_of
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import Assignment, Pair


def with_missing(manifest: ClusterManifest) -> ClusterManifest:
    """The same backup with a node for each that was down, which has no files."""
    if not manifest.degraded:
        return manifest
    first = manifest.nodes[0]
    missing = tuple(
        dataclasses.replace(
            first,
            node=NodeIdentity(
                host_id=each.host_id,
                name=each.name,
                address=each.address,
                datacenter=each.datacenter,
                rack=each.rack,
                tokens=each.tokens,
                release_version=first.node.release_version,
                partitioner=first.node.partitioner,
                cluster_name=first.node.cluster_name,
            ),
            totals=Totals(),
            data_directory_sizes=tuple(0 for _size in first.data_directory_sizes),
            commit_log=None,
        )
        for each in manifest.degraded.missing
    )
    return dataclasses.replace(manifest, nodes=(*manifest.nodes, *missing))


def is_missing(manifest: ClusterManifest, host_id: str) -> bool:
    """Whether a node was down."""
    return manifest.degraded is not None and any(each.host_id == host_id for each in manifest.degraded.missing)


def from_others(assignment: Assignment, *, manifest: ClusterManifest) -> Assignment:
    """The same, but only the schema, of another node, if the backup does not have the source.

    :param manifest: of :func:`with_missing`.
    """
    if not is_missing(manifest, assignment.source_host_id):
        return assignment
    tables = (each.table for each in manifest.tables if each.table.keyspace == SCHEMA_KEYSPACE)
    return dataclasses.replace(
        assignment,
        schema_of=manifest.nodes[0].node.host_id,
        only_tables=tuple(f"{table.keyspace}/{table.directory}" for table in tables),
    )


def bytes_to_repair(manifest: ClusterManifest, *, source: NodeSummary) -> int:
    """About how much the others send to a node that the backup does not have: as much as one of them has at most."""
    if not is_missing(manifest, source.node.host_id):
        return 0
    return max(each.totals.size for each in manifest.nodes)


def role_reasons(manifest: ClusterManifest, *, restore_auth: bool) -> t.Iterator[ReviveError]:
    """Why roles cannot come back."""
    if restore_auth and manifest.degraded and manifest.degraded.lacks_roles:
        yield InputError(
            f"Some roles, passwords and rights are not in the backup {manifest.tag}: nobody had them but "
            f"{manifest.degraded.names}, which was down.",
            subject=manifest.tag,
            next_step=f"Keep the roles of the nodes ({option('restore_auth', 'false')}) and make what is missing, "
            "or choose another backup.",
        )


def missing_warnings(manifest: ClusterManifest, *, pairs: t.Sequence[Pair], new_cluster: bool) -> t.Iterator[str]:
    """What has to be known of nodes that the backup does not have."""
    targets = [target.name for source, target in pairs if is_missing(manifest, source.node.host_id)]
    if not targets:
        return
    names = ", ".join(targets)
    yield (
        f"The backup has no data for {names}: with the schema and empty tables it is started, and then repaired from "
        "the others (nodetool repair -full). Until that is over, reads at ONE may find nothing there, and reads at "
        "QUORUM may miss what only one of the others has: let no client in before."
    )
    counters = [] if new_cluster else _counters(manifest)
    if counters:
        yield (
            f"Nobody may increment counters in {', '.join(counters)} until the repair is over: all nodes would forget "
            f"what {names} had counted."
        )


def _counters(manifest: ClusterManifest) -> list[str]:
    return [
        shown_name(each.keyspace, each.name)
        for each in cql.parse_schema(manifest.schema_cql).objects
        if each.kind == cql.TABLE and any(column.type == "counter" for column in columns_of(each))
    ]
