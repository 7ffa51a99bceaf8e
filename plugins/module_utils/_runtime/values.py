# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What travels between modules through Ansible as plain values, there and back."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core import manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.model import ClusterManifest, NodeSummary

#: What manifests say they were written by; the same as in galaxy.yml.
TOOL_VERSION = "0.1.0"

Values = t.Mapping[str, t.Any]


def node_summaries(values: t.Sequence[Values]) -> tuple[NodeSummary, ...]:
    """What uploads returned.

    :raises ManifestError: if one is something else.
    """
    return tuple(manifest.node_summary(value, subject="the option nodes") for value in values)


def backup(value: ClusterManifest) -> dict[str, t.Any]:
    """A backup in a few words."""
    totals = value.totals
    return {
        "tag": value.tag,
        "cluster_name": value.cluster_name,
        "began_us": value.began_us,
        "completed_us": value.completed_us,
        "nodes": [summary.node.name for summary in value.nodes],
        "tables": len(value.tables),
        "totals": {name: getattr(totals, name) for name in totals.__dataclass_fields__},
    }
