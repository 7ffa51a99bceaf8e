#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_lease
version_added: 0.1.0
short_description: Have a node alone for a play, and give it back
description:
  - One operation at a time works on a node. The roles see to that; this is for plays of your own, and for the worst
    day.
  - A play that has a node keeps it from all others, until it gives it back, or nothing was heard of it for long enough.
  - M(revive.cassandra.cassandra_node_info) says who has it.
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
      - With O(state=held) nothing is refused in check mode.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  state:
    description:
      - V(held) has the node for the play of O(lease), or fails and says who has it.
      - V(released) gives it back, if it is that play's, or one of O(take_over_lease).
    type: str
    choices: [held, released]
    required: true
"""

EXAMPLES = r"""
- name: Name the play once
  ansible.builtin.set_fact:
    my_lease: "{{ lookup('revive.cassandra.lease', 'maintenance') }}"
  run_once: true

- name: Have the nodes alone
  revive.cassandra.cassandra_lease:
    state: held
    lease: "{{ my_lease }}"

- name: Give them back
  revive.cassandra.cassandra_lease:
    state: released
    lease: "{{ my_lease }}"

- name: End the lease of a play that is dead
  revive.cassandra.cassandra_lease:
    state: released
    take_over_lease: [3f1c5a0e7d314c57]
"""

RETURN = r"""
state:
  description: The state that was asked for and reached.
  returned: success
  type: str
  sample: held
error:
  description: What went wrong, if the module failed for a known reason.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(busy).
      type: str
      returned: always
      sample: busy
    message:
      description: What happened.
      type: str
      returned: always
      sample: node1 is taken by backup backup_20261122_020000.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: node1
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Wait for its end.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import Arguments, shared_arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, run

ARGUMENTS = shared_arguments(repository_required=False) + Arguments(
    options={"state": {"type": "str", "choices": ["held", "released"], "required": True}},
    required_if=(("state", "held", ("lease",)), ("state", "released", ("lease", "take_over_lease"), True)),
)


def use(call: Call) -> Result:
    """Have the node, or give it back."""
    state = call.params["state"]
    if state == "held":
        return {"changed": call.work.is_new(), "state": state}
    return {"changed": call.work.has() if call.check_mode else call.work.give_back(), "state": state}


def works_on(call: Call) -> str | None:
    """What the lease says."""
    return "" if call.params["state"] == "held" else None


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, use, works_on=works_on)


if __name__ == "__main__":
    main()
