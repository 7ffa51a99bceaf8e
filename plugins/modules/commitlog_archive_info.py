#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: commitlog_archive_info
version_added: 0.1.0
short_description: Read to which moments a cluster can be restored, and the state of its agents
description:
  - Reads from the repository what there is of the nodes' commit logs, its gaps, and the moments to which each node and
    the whole cluster can be restored.
  - Reads from the node the state of its agent and its spool.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._attributes.info
  - revive.cassandra._node
  - revive.cassandra._repository.unused
options:
  gather:
    description:
      - V(agent) reads the state of the agent on the node that the module runs on.
      - V(repository) reads what the repository has of all nodes; once per cluster is enough. Needs O(repository).
    type: list
    elements: str
    choices: [agent, repository]
    default: [agent, repository]
  spool_directory:
    description: Where segments wait, if it is not C(.revive) in the commit log's directory.
    type: path
  keyspaces:
    description: What is to be restored; everything by default. A backup that lacks some of it is not a base.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Read to which moments the cluster can be restored
  revive.cassandra.commitlog_archive_info:
    repository:
      bucket: cassandra-backups
      prefix: production
    gather: [repository]
  register: archive

- name: Show them
  ansible.builtin.debug:
    msg: "{{ archive.summary }}"
"""

RETURN = r"""
agent:
  description: The state of the agent.
  returned: when O(gather) has V(agent)
  type: dict
  contains:
    running:
      description: Whether its process is running.
      type: bool
      returned: always
      sample: true
    spool_bytes:
      description: What the spool uses on disk.
      type: int
      returned: always
      sample: 33554432
    spool_segments:
      description: How many segments wait.
      type: int
      returned: always
      sample: 1
    status:
      description:
        - What the agent said last; none if there never was one. Times are microseconds since the epoch.
        - C(failing) is empty, or what is failing now, with C(error_code) and C(error).
      type: dict
      returned: always
      sample: {node_name: node1, covered_until_us: 1795372923000000, failing: ""}
nodes:
  description: What the repository has of each node's log.
  returned: when O(gather) has V(repository)
  type: list
  elements: dict
  contains:
    host_id:
      description: The node.
      type: str
      returned: always
      sample: 2f1c5a0e-7d31-4c57-9a8e-0d4b6f8f3a11
    name:
      description: What the inventory called it.
      type: str
      returned: always
      sample: node1
    covered_until:
      description: Up to when the log is covered; none if it never was.
      type: str
      returned: always
      sample: "2026-11-22T02:00:00.734211Z"
    lag_seconds:
      description: For how long what is written has not been covered; none if nothing ever was.
      type: float
      returned: always
      sample: 2.6
    gaps:
      description: What is lost, with its cause, its first and last segment, and what was seen.
      type: list
      elements: dict
      returned: always
      sample: []
    windows:
      description: The moments to which this node can be restored, for each backup, oldest first.
      type: list
      elements: dict
      returned: always
      sample: []
    segments:
      description: How many segments there are.
      type: int
      returned: always
      sample: 12
    pieces:
      description: In how many objects.
      type: int
      returned: always
      sample: 40
    stored_size:
      description: Their bytes.
      type: int
      returned: always
      sample: 73400320
    spool_bytes:
      description: What was waiting on the node when it last shipped.
      type: int
      returned: always
      sample: 33554432
    spool_limit_bytes:
      description: The spool's limit; 0 for none.
      type: int
      returned: always
      sample: 10737418240
windows:
  description: The moments to which the whole cluster can be restored, for each backup, oldest first.
  returned: when O(gather) has V(repository)
  type: list
  elements: dict
  contains:
    tag:
      description: The backup that a restore starts from.
      type: str
      returned: always
      sample: backup_20261122_020000
    from:
      description: The first moment.
      type: str
      returned: always
      sample: "2026-11-22T02:00:05.000000Z"
    until:
      description: The last moment.
      type: str
      returned: always
      sample: "2026-11-22T09:41:12.734211Z"
    limited_by:
      description: The node whose log ends first; empty if no log is the reason.
      type: str
      returned: always
      sample: node1
    ended_by:
      description: Why it does; empty if it still grows.
      type: str
      returned: always
      sample: ""
summary:
  description: The same as lines of text.
  returned: when O(gather) has V(repository)
  type: list
  elements: str
  sample: ["The cluster can be restored to any moment from 2026-11-22T02:00:05Z to 2026-11-22T09:41:12Z."]
error:
  description: What went wrong, if the module failed for a known reason.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(store_denied).
      type: str
      returned: always
      sample: store_denied
    message:
      description: What happened.
      type: str
      returned: always
      sample: The store does not let this key in.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: s3://cassandra-backups/production/
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Check the key.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.report import archive_lines
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive import archiving, logs
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive import bases as log_bases
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import archive_values
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import Arguments, shared_arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

ARGUMENTS = shared_arguments(repository_required=False) + Arguments(
    options={
        "gather": {
            "type": "list",
            "elements": "str",
            "choices": ["agent", "repository"],
            "default": ["agent", "repository"],
        },
        "spool_directory": {"type": "path"},
        "keyspaces": {"type": "list", "elements": "str", "default": [], "no_log": False},
    }
)


def read(call: Call) -> Result:
    """Read what is asked for."""
    result: Result = {"changed": False}
    if "agent" in call.params["gather"]:
        agent = archiving.read_node_agent(call.node(), spool_directory=call.params["spool_directory"])
        result["agent"] = plain(agent)
    if "repository" in call.params["gather"]:
        store = call.store()
        bases = log_bases.bases_of(
            store, keyspaces=call.params["keyspaces"], identity_file=call.repository().identity_file
        )
        cluster = logs.read_archive(store, bases, now_us=call.now_us())
        result.update(archive_values.archive(cluster), summary=archive_lines(cluster))
    return result


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, read)


if __name__ == "__main__":
    main()
