# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an agent says about itself on its node, for monitoring and for ``ship_now``. Pure."""

from __future__ import annotations

import dataclasses

from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document

#: Names below ``<state directory>/agent``.
STATUS_FILE = "status.json"
SHIP_NOW_FILE = "ship-now"
#: The lock that an agent holds as long as it lives.
AGENT_LOCK = "agent"


@dataclasses.dataclass(frozen=True)
class AgentStatus:
    """An agent's state; times are microseconds since the epoch of the node's clock.

    :param written_us: when this was written; every few seconds while the agent runs.
    :param covered_until_us: as last published in the repository.
    :param failing: what is failing now: ``ship`` or ``watch``; empty if nothing is.
    :param gaps_to_tell: gaps that are not in the repository yet.
    """

    pid: int
    node_name: str
    host_id: str
    running: bool = True
    written_us: int = 0
    covered_from_us: int = 0
    covered_until_us: int = 0
    published_us: int = 0
    pending_since_us: int | None = None
    clock_stepped_us: int | None = None
    last_gap: int = 0
    gaps_to_tell: int = 0
    spool_bytes: int = 0
    spool_segments: int = 0
    spool_limit_bytes: int = 0
    spool_policy: str = "block"
    interval_seconds: float = 5.0
    failing: str = ""
    error_code: str = ""
    error: str = ""
    failing_since_us: int | None = None


STATUS = Document("agent-status", AgentStatus)
