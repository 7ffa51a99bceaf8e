#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_node_info
version_added: 0.1.0
short_description: Read what a backup or a restore needs to know about a node
description:
  - Reads who a node is, where its data is, how much room there is, and whether an earlier restore was left half done.
  - Works on a node that is down, too.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._attributes.info
  - revive.cassandra._node
  - revive.cassandra._repository.unused
  - revive.cassandra._cql
  - revive.cassandra._cql.own_address
options:
  gather:
    description:
      - V(facts) reads all that a restore needs to know, which takes several C(nodetool) commands on a running node.
      - V(running) reads only whether it runs; V(ring) only the members of the ring.
      - V(repository) reads whose O(repository) is, with V(facts) and V(ring), and fails if it is another cluster's.
      - V(snapshots) reads only which snapshots of backups it has.
      - V(restores) reads only which restores have something on it, and how much.
      - V(lease) reads only who works on it; V(facts) and V(restores) read that too.
      - V(endpoint) reads only where clients reach it, from its configuration, without asking it.
      - V(login) tries, with V(facts), to log in to the node over CQL. Where it does not run, it looks at the driver,
        and at the certificates and the key that are given.
    type: list
    elements: str
    choices: [facts, running, ring, endpoint, login, repository, snapshots, restores, lease]
    default: [facts]
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
  returned: when O(gather) has V(facts)
  type: dict
  sample:
    name: node1
    running: true
    release_version: 5.0.8
running:
  description: Whether Cassandra runs, that is, answers C(nodetool).
  returned: when O(gather) has V(facts) or V(running)
  type: bool
  sample: true
lease:
  description: Who works on the node; none if nobody does.
  returned: when O(gather) has V(facts), V(restores) or V(lease)
  type: dict
  contains:
    id:
      description: What tells it from others.
      type: str
      returned: always
      sample: 3f1c5a0e7d314c57
    operation:
      description: What is done.
      type: str
      returned: always
      sample: backup
    works_on:
      description: The tag, or the restore's name.
      type: str
      returned: always
      sample: backup_20261122_020000
    started_by:
      description: Who has started it, and where.
      type: str
      returned: always
      sample: ops@control1
    job:
      description: The number that it runs by, if any.
      type: str
      returned: always
      sample: AWX job 42
    controller:
      description: The process of its play, if that can be looked for.
      type: dict
      returned: always
    since:
      description: Since when.
      type: str
      returned: always
      sample: "2026-11-22T02:00:03.000000Z"
    last_sign_of_life:
      description: When it last gave a sign of life, by the node's clock.
      type: str
      returned: always
      sample: "2026-11-22T02:10:03.000000Z"
    free_at:
      description: When the node is free if it gives no other.
      type: str
      returned: always
      sample: "2026-11-22T04:10:03.000000Z"
    working:
      description: Whether a process works for it at this moment.
      type: bool
      returned: always
      sample: true
    over:
      description: Whether it is over, and who comes next may have the node.
      type: bool
      returned: always
      sample: false
    summary:
      description: All of it in a sentence.
      type: str
      returned: always
      sample: node1 is taken by backup backup_20261122_020000.
    marked:
      description: What who is refused is told, with options marked.
      type: str
      returned: always
      sample: node1 is taken by backup backup_20261122_020000.
endpoint:
  description: Where the node takes clients of its own machine.
  returned: when O(gather) has V(endpoint)
  type: dict
  contains:
    address:
      description: The address.
      type: str
      returned: always
      sample: 10.0.0.11
    port:
      description: The port.
      type: int
      returned: always
      sample: 9042
login:
  description: Whether the node lets the user in over CQL. That it does not is no failure of this module.
  returned: when O(gather) has V(facts) and V(login)
  type: dict
  contains:
    tried:
      description: Whether it was tried; not where Cassandra does not run.
      type: bool
      returned: always
      sample: true
    problem:
      description: Why it was not let in, with options marked between two control characters; empty if nothing is wrong.
      type: str
      returned: always
      sample: ""
    code:
      description: A stable word, such as V(cql_denied) for a password that is not right; empty without a problem.
      type: str
      returned: always
      sample: ""
clock:
  description: The node's clock, and the controller's on both sides of it, all in microseconds since the epoch.
  returned: success
  type: dict
  contains:
    began_us:
      description: When the node began to answer.
      type: int
      returned: always
      sample: 1795372923000000
    ended_us:
      description: When it had answered.
      type: int
      returned: always
      sample: 1795372924200000
    asked_us:
      description: When the controller asked, by its own clock.
      type: int
      returned: always
      sample: 1795372922600000
    answered_us:
      description: When the controller had the answer.
      type: int
      returned: always
      sample: 1795372924400000
repository:
  description: Whose backups the repository holds, as M(revive.cassandra.cassandra_repository) returns it; none if new.
  returned: when O(gather) has V(repository)
  type: dict
  sample: {uri: "s3://cassandra-backups/production/", cluster_name: Production}
snapshots:
  description: The tags of the snapshots that backups have taken and not cleared.
  returned: when O(gather) has V(snapshots)
  type: list
  elements: str
  sample: [backup_20261121_020000]
restores:
  description: The restores that have something on the node.
  returned: when O(gather) has V(restores)
  type: list
  elements: dict
  contains:
    restore_id:
      description: The restore's name.
      type: str
      returned: always
      sample: backup_20261122_020000-in-place-5f0c1d3e
    restore_point:
      description: What it restores; none if its name does not tell.
      type: str
      returned: always
      sample: backup_20261122_020000
    phase:
      description:
        - V(fetching), V(fetched) or V(staged) before its switch, then how far that is.
        - V(finished) keeps what was there before, V(undone) what was restored. V(tables) is a restore of tables.
      type: str
      returned: always
      sample: finished
    fetched_bytes:
      description: The bytes that wait for the switch.
      type: int
      returned: always
      sample: 0
    old_bytes:
      description: The bytes of what was there before.
      type: int
      returned: always
      sample: 2040109465
    new_bytes:
      description: The bytes of what was restored and has been taken out.
      type: int
      returned: always
      sample: 0
ring:
  description: The members of the ring.
  returned: when O(gather) has V(ring)
  type: list
  elements: dict
  contains:
    state:
      description: C(nodetool)'s two letters; V(UN) is up and normal.
      type: str
      returned: always
      sample: UN
    address:
      description: The address under which the other nodes know it.
      type: str
      returned: always
      sample: 10.0.0.11
    host_id:
      description: Its host id.
      type: str
      returned: always
      sample: 2f1c5a0e-7d31-4c57-9a8e-0d4b6f8f3a11
    datacenter:
      description: Its datacenter.
      type: str
      returned: always
      sample: dc1
    rack:
      description: Its rack.
      type: str
      returned: always
      sample: r1
error:
  description: What went wrong, if the module failed for a known reason.
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
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup import snapshot_notes
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra import identity, login, ring
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository import whose
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import listing, target
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import (
    Arguments,
    cql_arguments,
    shared_arguments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

_CQL = cql_arguments(required=False)
ARGUMENTS = shared_arguments(repository_required=False) + Arguments(
    options={
        **_CQL.options,
        "native_port": {"type": "int"},
        "gather": {
            "type": "list",
            "elements": "str",
            "choices": [
                "facts",
                "running",
                "ring",
                "endpoint",
                "login",
                "repository",
                "snapshots",
                "restores",
                "lease",
            ],
            "default": ["facts"],
        },
    },
    required_together=_CQL.required_together,
)


def read(call: Call) -> Result:
    """Read of the node what is asked for."""
    settings, gather = call.node(), call.params["gather"]
    began_us = call.now_us()
    result: Result = {"changed": False}
    facts = None
    if {"facts", "ring"} <= set(gather):
        facts, members = target.read_node_and_ring(settings)
        result.update(node=facts.to_result(), running=facts.running, ring=plain(members))
        if "repository" in gather:
            moved_from = call.repository().moved_from
            found = whose.of_members(call.store(), facts.identity, members, moved_from=moved_from)
            result.update(repository={"uri": str(call.repository()), **plain(found)} if found else None)
    elif "facts" in gather:
        facts = target.read_node(settings)
        result.update(node=facts.to_result(), running=facts.running)
    elif "ring" in gather:
        result.update(ring=plain(ring.read_ring(settings)))
    if facts and "login" in gather:
        let_in = login.try_login(
            call.cql(), running=facts.running, address=facts.cql_address, port=facts.native_transport_port
        )
        result.update(login=plain(let_in))
    if "running" in gather and "facts" not in gather:
        result.update(running=identity.is_running(settings))
    if "endpoint" in gather:
        result.update(endpoint=plain(target.read_endpoint(settings)))
    if "snapshots" in gather:
        result.update(snapshots=list(snapshot_notes.left_by_backups(settings)))
    if "restores" in gather:
        result.update(restores=plain(listing.list_restores(settings)))
    if "lease" in gather or "facts" in gather or "restores" in gather:
        result.update(lease=call.work.look())
    return {**result, "clock": {"began_us": began_us, "ended_us": call.now_us()}}


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, read)


if __name__ == "__main__":
    main()
