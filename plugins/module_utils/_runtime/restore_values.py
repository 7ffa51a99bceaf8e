# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules say and take of a restore and of its nodes, as plain values."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import NodeStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import in_words
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    IN_PLACE,
    NEW_CLUSTER,
    ONE_NODE,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.node_planning import Ring
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode

Values = t.Mapping[str, t.Any]


def targets(values: t.Sequence[Values]) -> tuple[TargetNode, ...]:
    """What reading the nodes returned.

    :raises InputError: if one is something else.
    """
    return tuple(map(TargetNode.from_result, values))


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


def in_module_words(lines: t.Iterable[str]) -> list[str]:
    """Lines to read, with options called as modules call them."""
    return list(map(in_words, lines))


def mode(params: t.Mapping[str, t.Any]) -> str:
    """What is restored, by the options of a plan."""
    if params["others"] is not None:
        return ONE_NODE
    return NEW_CLUSTER if params["new_cluster"] else IN_PLACE
