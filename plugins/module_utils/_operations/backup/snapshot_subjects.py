# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what a snapshot is asked of is there, as the running node says."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import SYSTEM_KEYSPACES
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import (
    parse_describecluster,
    parse_tablestats,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings


def check_exist(node: NodeSettings, *, keyspaces: t.Sequence[str], tables: t.Sequence[str]) -> None:
    """:raises InputError: unless all of them are there. A keyspace may be without tables."""
    if keyspaces:
        _check_keyspaces(node, keyspaces)
    if not tables:
        return
    there = parse_tablestats(Nodetool(node).run("tablestats"))
    absent = [table for table in tables if table.partition(".")[2] not in there.get(table.partition(".")[0], ())]
    if absent:
        _check_keyspaces(node, sorted({table.partition(".")[0] for table in absent} - set(there)))
        raise InputError(
            f"Node {node.name} has no table {', '.join(absent)}.",
            subject=absent[0],
            next_step="Check the spelling; names without quotes are lower case in Cassandra.",
        )


def has_tables(node: NodeSettings, *, keyspaces: t.Sequence[str]) -> bool:
    """Whether one of the keyspaces has a table; what lists tables says nothing of a keyspace without any."""
    there = parse_tablestats(Nodetool(node).run("tablestats"))
    return any(there.get(keyspace) for keyspace in keyspaces)


def _check_keyspaces(node: NodeSettings, keyspaces: t.Sequence[str]) -> None:
    if not keyspaces:
        return
    there = parse_describecluster(Nodetool(node).run("describecluster")).keyspaces
    missing = sorted(name for name in keyspaces if name not in there and name not in SYSTEM_KEYSPACES)
    if missing:
        raise InputError(
            f"Node {node.name} has no keyspace {', '.join(missing)}.",
            subject=missing[0],
            next_step=f"It has {', '.join(sorted(there - SYSTEM_KEYSPACES)) or 'none of your own'}.",
        )
