# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one node gets of a restore of tables; each step of the restore starts from it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import steps


@dataclasses.dataclass(frozen=True)
class TablePart:
    """What this node gets of a plan, and who owns it then.

    :param owner: a user's name; ``None`` for who owns the data directory; the same for ``group``.
    """

    node: NodeSettings
    plan: TablesPlan
    owner: str | None = None
    group: str | None = None


def table_directories(places: t.Iterable[str], table: TableRestore) -> list[tuple[str, str]]:
    """Where a table lies in a node's data directories, each with the data directory that it is in."""
    return [
        (place, directory)
        for place in places
        for directory in data_directory.table_directories(place, keyspace=table.keyspace, tables=[table.table])
    ]


def restore_parts(part: TablePart) -> list[steps.Part]:
    """What this node gets of each node of the backup."""
    return [
        steps.Part(node=part.node, plan=plan, owner=part.owner, group=part.group)
        for plan in part.plan.restore.parts_of(part.node.name)
    ]
