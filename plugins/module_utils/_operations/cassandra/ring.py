# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ring as a node sees it."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import (
    NodeStatus,
    parse_status,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings


def read_ring(node: NodeSettings) -> tuple[NodeStatus, ...]:
    """All members of the ring, as this node sees them.

    :raises NodeUnreachableError: if the node does not answer.
    """
    return parse_status(Nodetool(node).run("status"))
