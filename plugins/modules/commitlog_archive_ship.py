#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: commitlog_archive_ship
version_added: 0.1.0
short_description: Ship a node's commit log now, and wait until it is covered
description:
  - Asks the node's agent to ship what is new, and waits until everything that was written before the call is in the
    repository. Fails if that does not come in time, with what the agent says.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._node
  - revive.cassandra._repository.unused
attributes:
  check_mode:
    support: full
    details:
      - In check mode the agent is not asked, and the result has what is covered already.
  diff_mode:
    support: none
  idempotent:
    support: none
    details:
      - Each call ships what was written until then.
options:
  timeout_seconds:
    description: How long that may take.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Have everything covered that was written before
  revive.cassandra.commitlog_archive_ship:
    timeout_seconds: 300
"""

RETURN = r"""
asked_at:
  description: Everything written before this moment is covered.
  returned: success, but not in check mode
  type: str
  sample: "2026-11-22T02:00:00.000000Z"
covered_until:
  description: Up to when the node's log is covered; none if it never was.
  returned: success
  type: str
  sample: "2026-11-22T02:00:00.734211Z"
waited_seconds:
  description: How long that took.
  returned: success, but not in check mode
  type: float
  sample: 0.8
error:
  description: What went wrong, if the module failed for a known reason.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(node_failed).
      type: str
      returned: always
      sample: node_failed
    message:
      description: What happened.
      type: str
      returned: always
      sample: What was written on node node1 before 2026-11-22T02:00:00.000000Z is not covered after 30 s.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: node1
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Start the agent.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import moment_or_none
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive import archiving, ship
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import Arguments, shared_arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, run

ARGUMENTS = shared_arguments(repository_required=False) + Arguments(
    options={"timeout_seconds": {"type": "int", "default": 120}}
)


def use(call: Call) -> Result:
    """Ship and wait."""
    node = call.node()
    home = archiving.agent_home(node)
    if call.check_mode:
        status = ship.read_agent_status(home)
        return {"changed": True, "covered_until": moment_or_none(status.covered_until_us if status else 0)}
    outcome = ship.ship_now(node=node.name, state_directory=home, timeout_seconds=float(call.params["timeout_seconds"]))
    return {
        "changed": True,
        "asked_at": moment_or_none(outcome.asked_us),
        "covered_until": moment_or_none(outcome.covered_until_us),
        "waited_seconds": outcome.waited_seconds,
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, use)


if __name__ == "__main__":
    main()
