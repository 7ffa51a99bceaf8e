#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_node_info
version_added: 0.1.0
short_description: Read what a restore or a backup needs to know about a node
description:
  - Reads who a node is, where its data lies, how much room there is, and whether an earlier restore was left half done.
  - Works on a node that does not run, too.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._attributes.info
  - revive.cassandra._node
  - revive.cassandra._repository.unused
options:
  restore_id:
    description: A restore, to be told how much of it is staged on the node already.
    type: str
  ring:
    description: Reads the members of the ring as the node sees them, too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read the node
  revive.cassandra.cassandra_node_info:
    node_name: "{{ inventory_hostname }}"
  register: node
"""

RETURN = r"""
node:
  description: The facts, in the form that M(revive.cassandra.cassandra_restore_info) takes as targets.
  returned: success
  type: dict
  sample:
    name: node1
    running: true
    release_version: 5.0.8
ring:
  description: The members of the ring. Empty unless O(ring=true) and the node runs.
  returned: success
  type: list
  elements: dict
  contains:
    state:
      description: C(nodetool)'s two letters; V(UN) is up and normal.
      type: str
      returned: always
      sample: UN
    address:
      description: Under which the other nodes know it.
      type: str
      returned: always
      sample: 10.0.0.11
    host_id:
      description: Its identity.
      type: str
      returned: always
      sample: 2f1c5a0e-7d31-4c57-9a8e-0d4b6f8f3a11
    datacenter:
      description: Its data center.
      type: str
      returned: always
      sample: dc1
    rack:
      description: Its rack.
      type: str
      returned: always
      sample: r1
error:
  description: What went wrong, when the module failed for a reason that is known.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(local_files).
      type: str
      returned: always
      sample: local_files
    message:
      description: What happened.
      type: str
      returned: always
      sample: cassandra.yaml cannot be read.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: /etc/cassandra/cassandra.yaml
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Check config_file.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._operations import node, ring
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import (
    Arguments,
    shared_arguments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

ARGUMENTS = shared_arguments(repository_required=False) + Arguments(
    options={"restore_id": {"type": "str"}, "ring": {"type": "bool", "default": False}}
)


def read(call: Call) -> Result:
    """Read the node."""
    facts = node.read_node(call.node(), restore_id=call.params["restore_id"])
    members = ring.read_ring(call.node()) if call.params["ring"] and facts.running else ()
    return {"changed": False, "node": facts.to_result(), "ring": plain(members)}


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, read)


if __name__ == "__main__":
    main()
