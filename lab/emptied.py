# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a table was emptied, by each node's own memory of it, and so what it has to hold."""

from __future__ import annotations

from cassandra import ConsistencyLevel

from lab.checker import Replaced
from lab.cluster import Cluster
from lab.node import Node
from lab.schema import Table

#: Nodes remember milliseconds, each by its own clock, and a write is under way for a while.
_MARGIN_US = 5_000_000


def replaced(cluster: Cluster, table: Table, *, from_us: int, until_us: int) -> Replaced:
    """What a table has to hold that was made what it had been at a time between these two, when it was emptied last."""
    emptied = [_truncated_us(cluster, node, table=table) for node in cluster.nodes]
    return Replaced(
        snapshot_began_us=from_us,
        snapshot_ended_us=until_us,
        emptied_from_us=min(emptied) - _MARGIN_US,
        emptied_until_us=max(emptied) + _MARGIN_US,
    )


def _truncated_us(cluster: Cluster, node: Node, *, table: Table) -> int:
    """When a node truncated a table last."""
    with cluster.session(nodes=[node], consistency=ConsistencyLevel.ONE) as session:
        (table_id,) = session.execute(
            "SELECT id FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s",
            (table.keyspace, table.name),
        ).one()
        truncated = session.execute("SELECT truncated_at FROM system.local").one().truncated_at
    return int.from_bytes(truncated[table_id][12:20], "big") * 1000
