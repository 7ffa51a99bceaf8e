# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a shop's cluster: who each is, and what it has when it serves."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import DataPlace, TargetNode


def identity(number: int) -> NodeIdentity:
    """A node of the cluster, by its number."""
    return NodeIdentity(
        host_id=f"00000000-0000-0000-0000-{number:012d}",
        name=f"n{number}",
        address=f"10.0.0.{number}",
        datacenter="dc1",
        rack="r1",
        tokens=(str(number), str(-number)),
        release_version="5.0.8",
        partitioner="Murmur3Partitioner",
        cluster_name="Shop",
    )


def serving(number: int, **changes: t.Any) -> TargetNode:
    """It, as it serves without data of its own; ``changes`` are to its facts."""
    node = TargetNode(
        name=f"n{number}",
        running=True,
        identity=identity(number),
        identity_stale=False,
        release_version="5.0.8",
        cluster_name="Shop",
        address=f"10.0.0.{number}",
        is_seed=True,
        seeds=(),
        num_tokens=2,
        datacenter="dc1",
        rack="r1",
        partitioner="Murmur3Partitioner",
        data_directories=(DataPlace(path="/data", device=1, free_bytes=1000 + (1 << 30)),),
        local_system=None,
        holds_data=False,
        has_system_local=True,
        pending=None,
    )
    return dataclasses.replace(node, **changes)
