# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshot that is kept of what is served while rows are compared: its name, where it lies, how it goes."""

from __future__ import annotations

import os

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.part import (
    TablePart,
    table_directories,
)


def verification_snapshot(restore_id: str) -> str:
    """The name of the snapshot of what is served that is kept while rows are compared."""
    return f"{restore_id}-verification"


def snapshot_directories(part: TablePart, table: TableRestore, *, name: str) -> list[str]:
    """Where a snapshot of a table lies, in whichever data directories."""
    found = [
        os.path.join(directory, "snapshots", name)
        for _place, directory in table_directories(
            data_directory.data_places(read_config(part.node.config_file)), table
        )
    ]
    return [directory for directory in found if os.path.isdir(directory)]


def clear_snapshot(part: TablePart, *, name: str) -> None:
    """Have Cassandra remove a snapshot of the plan's tables, if there is one.

    :raises NodeError: if it does not.
    """
    if any(snapshot_directories(part, table, name=name) for table in part.plan.tables):
        Nodetool(part.node).run("clearsnapshot", "-t", name)
