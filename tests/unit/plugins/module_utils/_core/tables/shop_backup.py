# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of a shop, nodes that could take its tables, and what is planned for them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
    TableSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.choosing import choose_tables
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Contents, Selection, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.permitted import ANYTHING, Permitted
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.planning import plan_tables
from tests.unit.plugins.module_utils._core.restore.shop_nodes import identity, serving

KEYSPACE = "CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'}"
TYPES = ("CREATE TYPE shop.town (name text)", "CREATE TYPE shop.place (town frozen<town>)")
ORDERS = (
    "CREATE TABLE shop.orders (id int PRIMARY KEY, place frozen<place>) "
    "WITH ID = 5f0c1d3e AND comment = 'ours' AND compaction = {'class': 'S'}"
)
INDEX = "CREATE INDEX orders_place ON shop.orders (place)"
VIEW = "CREATE MATERIALIZED VIEW shop.by_place AS SELECT * FROM shop.orders PRIMARY KEY (place, id)"
COUNTS = 'CREATE TABLE shop."Counts" (k int PRIMARY KEY, n counter)'
THEN = schema.parse_schema([KEYSPACE, *TYPES, ORDERS, INDEX, COUNTS, VIEW])
NAMES = ("orders", "Counts", "by_place")


def table_of(name: str, keyspace: str = "shop") -> TableRef:
    """One of its tables."""
    return TableRef(keyspace=keyspace, table=name, id="0" * 31 + str(len(name) % 10))


MANIFEST = ClusterManifest(
    tag="t",
    cluster_id="c",
    cluster_name="Shop",
    began_us=0,
    completed_us=9,
    keyspaces=(),
    tables_asked=(),
    nodes=tuple(
        NodeSummary(
            node=identity(number),
            manifest_key="k",
            manifest_sha256="0" * 64,
            manifest_size=10,
            totals=Totals(),
            data_directory_sizes=(100,),
            snapshot_began_us=1_795_372_931_000_000,
            snapshot_ended_us=1_795_372_932_000_000,
            upload_began_us=3,
            upload_ended_us=4,
        )
        for number in (1, 2)
    ),
    tables=(
        *(TableSummary(table=table_of(name), files=2, size=10, rows=rows) for name, rows in zip(NAMES, (7, None, 3))),
        TableSummary(table=table_of("roles", "system_auth"), files=1, size=1),
    ),
    totals=Totals(),
    schema_cql=(),
    tool_version="1",
)


def target(number: int, **changes: t.Any) -> TargetNode:
    """A node that serves and has a node's tokens; ``changes`` are to its facts."""
    return serving(number, **{"holds_data": True, **changes})


def contents(*, size: int = 100) -> Contents:
    """What the backup holds, with so many bytes on each node."""
    sizes = {identity(number).host_id: Totals(files=2, size=size, stored_size=size) for number in (1, 2)}
    return Contents(
        name="the backup t",
        as_of_us=MANIFEST.snapshot_began_us,
        schema=THEN,
        tables=MANIFEST.tables,
        sizes=sizes,
        directory_sizes=dict.fromkeys(sizes, (size,)),
    )


def plan_of_shop(
    *now: str,
    targets: t.Sequence[TargetNode] | None = None,
    size: int = 100,
    permitted: Permitted = ANYTHING,
    **selection: t.Any,
) -> TablesPlan:
    """The plan for a selection of its tables, where the schema is ``now``: as it was, if nothing is given."""
    wanted = Selection(**{"tables": ("shop.orders",), **selection})
    return plan_tables(
        manifest=MANIFEST,
        contents=contents(size=size),
        chosen=choose_tables(contents(), selection=wanted),
        fetched=(),
        now=schema.parse_schema(now or [each for item in THEN.objects for each in item.statements]),
        selection=wanted,
        targets=targets if targets is not None else (target(1), target(2)),
        permitted=permitted,
    )


def reasons_against(*now: str, **changes: t.Any) -> str:
    """Why that is refused."""
    with pytest.raises(PlanRefusedError) as refused:
        plan_of_shop(*now, **changes)
    return str(refused.value)
