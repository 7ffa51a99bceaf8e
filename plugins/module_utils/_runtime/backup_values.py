# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules say and take of backups, as plain values."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.backup.coverage import (
    degraded_backup,
    missing_nodes,
    ring_members,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.clocks import Offset, store_warning
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository import manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.degraded import Degraded
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
)

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


def degraded(params: Values, *, present: t.Sequence[NodeSummary]) -> Degraded | None:
    """What a backup lacks, by the options of publishing; nothing if no node is missing.

    :raises BackupIncompleteError: if that is too much, or cannot be told.
    :raises InputError: if the options are something else.
    """
    if not params["missing"]:
        return None
    asked, tables = params["keyspaces"], params["tables"]
    held = {*asked, *(name.partition(".")[0] for name in tables)}
    return degraded_backup(
        missing=missing_nodes(params["missing"]),
        members=ring_members(params["members"]),
        present=[summary.node.host_id for summary in present],
        schema_cql=params["schema_cql"],
        holds=lambda keyspace: not held or keyspace in held,
        allowed=params["missing_nodes"],
    )


def clock_warnings(ahead_of_store: Offset | None, *, name: str) -> list[str]:
    """What is to be said of this node's clock."""
    warning = store_warning(ahead_of_store, name=name) if ahead_of_store else ""
    return [warning] if warning else []


def backup(value: ClusterManifest) -> dict[str, t.Any]:
    """A complete backup in a few words."""
    return {
        "tag": value.tag,
        "cluster_name": value.cluster_name,
        "whole": value.whole,
        "began_us": value.began_us,
        "completed_us": value.completed_us,
        "restore_point_us": value.snapshot_ended_us,
        "duration_seconds": (value.completed_us - value.began_us) / 1e6,
        "nodes": [summary.node.name for summary in value.nodes],
        "keyspaces": sorted({summary.table.keyspace for summary in value.tables}),
        "tables": len(value.tables),
        "totals": dataclasses.asdict(value.totals),
        "shared_stored_size": value.totals.stored_size - value.totals.new_stored_size,
        "degraded": value.degraded is not None,
        "missing_nodes": [each.name for each in value.degraded.missing] if value.degraded else [],
        "degraded_lines": value.degraded.lines() if value.degraded else [],
    }


def manifest_document(value: ClusterManifest) -> dict[str, t.Any]:
    """A manifest as its document in the repository."""
    document: dict[str, t.Any] = json.loads(manifest.CLUSTER_MANIFEST.encode(value))
    return document


def tables(value: ClusterManifest) -> list[dict[str, t.Any]]:
    """The tables of a backup with the rows that were counted, or are estimated from its files."""
    return [
        {
            "keyspace": each.table.keyspace,
            "table": each.table.table,
            "files": each.files,
            "size": each.size,
            "rows": each.rows,
            "counted_us": each.rows_counted_us,
            "estimated_rows": each.estimate.at_most if each.estimate else None,
            "least_rows": each.estimate.at_least if each.estimate else None,
            "rows_known": each.rows is not None or each.estimate is not None,
        }
        for each in value.tables
    ]
