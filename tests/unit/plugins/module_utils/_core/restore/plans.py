# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of restores that tests say only what matters of."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore


def restore_plan(**changes: t.Any) -> RestorePlan:
    """The plan of a restore of the backup ``t`` of cluster ``s``."""
    plan = RestorePlan(
        restore_id="r",
        tag="t",
        mode="replace",
        restore_auth=False,
        cluster_id="c",
        source_cluster_name="s",
        target_cluster_name="s",
        snapshot_began_us=1,
        snapshot_ended_us=2,
        assignments=(),
        warnings=(),
        files=1,
        size=1,
        stored_size=1,
    )
    return dataclasses.replace(plan, **changes)


def table_restore(name: str, *, is_new: bool, table_id: str = "0" * 32, **changes: t.Any) -> TableRestore:
    """A table of the keyspace ``shop`` that becomes a new one, or is replaced, under its own name."""
    table = TableRestore(
        source=f"shop/{name}-{table_id}",
        source_keyspace="shop",
        source_table=name,
        keyspace="shop",
        table=name,
        is_new=is_new,
        replaces=not is_new,
        rows=None,
        files=6,
        size=1,
    )
    return dataclasses.replace(table, **changes)
