# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a node of Cassandra is, and where its commit log stands. Pure."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class NodeIdentity:
    """Who a node is and where it stands in its ring.

    :param host_id: a UUID with dashes; the node's identity, everything else may change.
    :param name: what the inventory calls it; for messages only.
    :param address: the address under which the other nodes know it; for messages, and to recognise a node that is down.
    :param tokens: decimal, as Cassandra prints them.
    :param release_version: Cassandra's, such as ``5.0.8``.
    """

    host_id: str
    name: str
    address: str
    datacenter: str
    rack: str
    tokens: tuple[str, ...]
    release_version: str
    partitioner: str
    cluster_name: str


@dataclasses.dataclass(frozen=True)
class CommitLogPosition:
    """Where a node's commit log stood just before its snapshot began.

    :param segments: ids of the segments that were on disk; what they hold may not have been flushed before.
    :param active_segment: the newest of them; 0 if there was none.
    :param active_position: valid bytes of the active segment at that time, a lower bound.
    """

    segments: tuple[int, ...]
    active_segment: int
    active_position: int
