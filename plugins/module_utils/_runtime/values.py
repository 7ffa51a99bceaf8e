# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What travels between modules through Ansible as plain values, both ways."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive import report
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import Window
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import NodeStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import in_words
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository import manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.node_planning import Ring
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables import model

Values = t.Mapping[str, t.Any]


def node_summaries(values: t.Sequence[Values]) -> tuple[NodeSummary, ...]:
    """What uploads returned.

    :raises ManifestError: if one is something else.
    """
    return tuple(manifest.node_summary(value, subject="the option nodes") for value in values)


def row_counts(values: t.Sequence[Values]) -> dict[str, tuple[int, int]]:
    """What counting returned: rows and when they were counted, by ``keyspace.table``.

    :raises InputError: if one is something else.
    """
    try:
        return {
            f"{value['keyspace']}.{value['table']}": (int(value["rows"]), int(value["counted_us"]))
            for value in values
            if value["rows"] is not None
        }
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"These are not row counts: {type(error).__name__}: {error}.",
            subject="row_counts",
            next_step="Give what cassandra_table_count_info returned as tables.",
        ) from error


def in_module_words(lines: t.Iterable[str]) -> list[str]:
    """Lines to read, with options called as modules call them."""
    return list(map(in_words, lines))


def backup(value: ClusterManifest) -> dict[str, t.Any]:
    """A complete backup in a few words."""
    return {
        "tag": value.tag,
        "cluster_name": value.cluster_name,
        "began_us": value.began_us,
        "completed_us": value.completed_us,
        "restore_point_us": value.snapshot_ended_us,
        "duration_seconds": (value.completed_us - value.began_us) / 1e6,
        "nodes": [summary.node.name for summary in value.nodes],
        "keyspaces": sorted({summary.table.keyspace for summary in value.tables}),
        "tables": len(value.tables),
        "totals": dataclasses.asdict(value.totals),
        "shared_stored_size": value.totals.stored_size - value.totals.new_stored_size,
    }


def targets(values: t.Sequence[Values]) -> tuple[TargetNode, ...]:
    """What reading the nodes returned.

    :raises InputError: if one is something else.
    """
    return tuple(map(target, values))


def target(value: Values) -> TargetNode:
    """One of them.

    :raises InputError: if it is not a node.
    """
    return TargetNode.from_result(value)


def only(nodes: t.Sequence[TargetNode], *, option: str) -> TargetNode:
    """The one node that there is.

    :raises InputError: if there are none or several.
    """
    if len(nodes) != 1:
        raise InputError(
            f"Only one node comes back at a time, and {len(nodes)} were given.", subject=option, next_step="Give one."
        )
    return nodes[0]


def ring(others: t.Sequence[Values], members: t.Sequence[Values]) -> Ring:
    """The cluster that a lost node belongs to, from what reading its nodes returned.

    :raises InputError: if a value is something else.
    """
    try:
        return Ring(others=targets(others), members=tuple(build(NodeStatus, member) for member in members))
    except PlainValueError as error:
        raise InputError(
            f"This is not a ring: {error}.",
            subject="ring",
            next_step="Give what cassandra_node_info returned as ring.",
        ) from error


def selection(params: Values) -> model.Selection:
    """Which tables a module's options mean, and what is to become of them.

    :raises InputError: if the replicas are not numbers.
    """
    try:
        replication = tuple(sorted((str(name), int(factor)) for name, factor in params["replication"].items()))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"These are not numbers of replicas: {params['replication']}.",
            subject="replication",
            next_step="Give the replicas in each datacenter, such as dc1: 3.",
        ) from error
    return model.Selection(
        keyspaces=tuple(params["keyspaces"]),
        tables=tuple(params["tables"]),
        mode=params["mode"],
        into_keyspace=params["into_keyspace"],
        suffix=params["suffix"],
        roles=params["roles"],
        reshape=params["reshape"],
        datacenters=tuple(sorted((str(old), str(new)) for old, new in params["datacenters"].items())),
        replication=replication,
        confirm_cluster=params["confirm_cluster"],
    )


def staged_tables(values: Values) -> tuple[model.StagedTables, ...]:
    """What staging returned, by the node's name.

    :raises InputError: if one is something else.
    """
    return tuple(model.StagedTables.from_result(str(name), value) for name, value in values.items())


def manifest_document(value: ClusterManifest) -> dict[str, t.Any]:
    """A manifest as its document in the repository."""
    document: dict[str, t.Any] = json.loads(manifest.CLUSTER_MANIFEST.encode(value))
    return document


def tables(value: ClusterManifest) -> list[dict[str, t.Any]]:
    """The tables of a backup with the rows that were counted."""
    return [
        {
            "keyspace": each.table.keyspace,
            "table": each.table.table,
            "files": each.files,
            "size": each.size,
            "rows": each.rows,
            "counted_us": each.rows_counted_us,
        }
        for each in value.tables
    ]


def moment(moment_us: int) -> str | None:
    """A moment in UTC as ISO 8601; ``None`` for 0, which is never."""
    return format_us(moment_us) if moment_us else None


def archive(value: report.ClusterArchive) -> dict[str, t.Any]:
    """How the archive of a cluster's commit logs stands."""
    nodes = []
    for node in value.nodes:
        values = dataclasses.asdict(node)
        del values["covered_until_us"]
        values["covered_until"] = moment(node.covered_until_us)
        values["windows"] = [_window(window) for window in node.windows]
        values["gaps"] = [dataclasses.asdict(gap) for gap in node.gaps]
        nodes.append(values)
    return {"nodes": nodes, "windows": [_window(window) for window in value.windows]}


def _window(window: Window) -> dict[str, t.Any]:
    return {
        "tag": window.tag,
        "from": format_us(window.from_us),
        "until": format_us(window.until_us),
        "limited_by": window.limited_by,
        "ended_by": window.ended_by,
    }
