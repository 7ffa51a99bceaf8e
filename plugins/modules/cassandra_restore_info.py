#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_restore_info
version_added: 0.1.0
short_description: Plan a restore
description:
  - Decides whether and how a backup can be restored to given nodes, from the backup and from what the nodes reported.
  - It only reads. Everything that speaks against the restore is reported at once, before anything is touched.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._attributes.info
  - revive.cassandra._node
  - revive.cassandra._repository
options:
  restore_point:
    description:
      - What to restore, a backup's tag, V(latest), or a moment.
      - V(latest) is the newest backup of everything, by the store's clock. It is refused while one that may be newer
        cannot be read.
      - A moment is written as ISO 8601 with a zone and up to microseconds, such as
        V(2026-11-22T14:05:06.123456Z). It is reached from the newest backup before it and the commit logs that were
        archived since. It is refused unless these are there for every node without a gap; the error then names the
        nearest moments that can be restored.
    type: str
    required: true
  restore_cut:
    description:
      - How the commit logs are cut at a moment.
      - V(by_timestamp) restores what has a write timestamp at or before the moment. Timestamps come from the clocks
        of nodes or clients, or from the application itself; whoever sets them moves the cut.
      - V(by_arrival) restores each node's log as it had been shipped by the moment, whatever timestamps are in it.
        Nodes do not ship at the same time, so their ends differ by the interval at which they do.
    type: str
    choices: [by_timestamp, by_arrival]
    default: by_timestamp
  targets:
    description:
      - What M(revive.cassandra.cassandra_node_info) returned as
        RV(revive.cassandra.cassandra_node_info#module:node), of every node to restore.
    type: list
    elements: dict
    required: true
  new_cluster:
    description: Whether the nodes become a new cluster, instead of the one that was backed up.
    type: bool
    default: false
  confirm_cluster:
    description: The name of the cluster whose data may be replaced. Needed when the nodes hold data.
    type: str
  restore_auth:
    description: Whether roles and passwords come from the backup; otherwise the nodes keep their own.
    type: bool
    default: true
  others:
    description:
      - For one node that was lost with its disk, what M(revive.cassandra.cassandra_node_info) returned of all the other
        running nodes of the cluster. O(targets) is then that node alone.
    type: list
    elements: dict
  ring:
    description: With O(others), what one of them returned as RV(revive.cassandra.cassandra_node_info#module:ring).
    type: list
    elements: dict
    default: []
  past_gc_grace:
    description:
      - With O(others), restore also what is older than C(gc_grace_seconds) of a table. Rows that were deleted since may
        come back then, on all nodes.
    type: bool
    default: false
  counters_quiet:
    description:
      - With O(others), says that nobody increments counters until the node is repaired. Without it, nodes with counters
        are refused, since one that counts on from old values makes all others forget what it had counted later.
    type: bool
    default: false
  begun:
    description:
      - The names of restores that were begun. With them nothing is planned; it is only told which of them are others
        than the one that is asked for.
    type: list
    elements: str
    default: []
  node_mapping:
    description:
      - By name or host id of a node of the backup, the node that gets its data.
      - The others are matched by rule.
    type: dict
    default: {}
  reserve:
    description:
      - What stays free of each file system with data for the Cassandra that serves, which has to compact and to write.
      - Percents of the file system, sizes such as V(20GiB), or several with commas between them, of which the largest
        counts.
      - The plan is refused if less would be left. Where others take the room meanwhile, the fetch stops, and goes on
        when it is run again.
    type: str
    default: 5%,1GiB
"""

EXAMPLES = r"""
- name: Plan
  revive.cassandra.cassandra_restore_info:
    repository:
      bucket: cassandra-backups
      prefix: production
    restore_point: latest
    targets: "{{ ansible_play_hosts | map('extract', hostvars, ['node_info', 'node']) }}"
    confirm_cluster: Production
  run_once: true
  register: planned

- name: Plan a restore to a moment
  revive.cassandra.cassandra_restore_info:
    repository:
      bucket: cassandra-backups
      prefix: production
    restore_point: "2026-11-22T14:05:06.123456Z"
    targets: "{{ ansible_play_hosts | map('extract', hostvars, ['node_info', 'node']) }}"
    new_cluster: true
  run_once: true
  register: planned_moment
"""

RETURN = r"""
not_asked_for:
  description: Those of O(begun) that are others than the one that is asked for.
  returned: when O(begun)
  type: list
  elements: str
  sample: []
plan:
  description: The plan, in the form that M(revive.cassandra.cassandra_restore) takes.
  returned: unless O(begun)
  type: dict
  contains:
    restore_id:
      description: The restore's name, the same for the same backup, mode and moment.
      type: str
      returned: always
      sample: backup_20261122_020000-in-place-5f0c1d3e
    tag:
      description: The backup; for a moment, the one that it is reached from.
      type: str
      returned: always
      sample: backup_20261122_020000
    moment:
      description: What of the commit logs is replayed on top of the backup; none for the backup itself.
      type: dict
      returned: always
      contains:
        moment_us:
          description: The moment, in microseconds since the epoch.
          type: int
          returned: always
          sample: 1795356306123456
        cut:
          description: How the logs are cut, V(timestamp) or V(arrival).
          type: str
          returned: always
          sample: timestamp
        parts:
          description: The part of each source node's log, and the point that it reaches.
          type: list
          elements: dict
          returned: always
          sample:
            - name: node1
              segments: 12
              reached_us: 1795356306123456
              covered_us: 1795356310000000
    mode:
      description: V(in_place) or V(new_cluster).
      type: str
      returned: always
      sample: in_place
    size:
      description: The bytes that the nodes get.
      type: int
      returned: always
      sample: 2040109465
    files:
      description: The files that the nodes get.
      type: int
      returned: always
      sample: 1201
    assignments:
      description: What each node gets, in the order in which they start.
      type: list
      elements: dict
      returned: always
      sample:
        - target_name: node1
          source_name: node1
          is_seed: true
    trials:
      description: Encrypted objects that each node has to open before it fetches; none if nothing is encrypted.
      type: list
      elements: dict
      returned: always
      sample: []
    warnings:
      description: What does not stop the restore but should be known. Options in them are marked.
      type: list
      elements: str
      returned: always
      sample: []
summary:
  description: The plan as lines of text.
  returned: success
  type: list
  elements: str
  sample: ["Restore backup_20261122_020000 of cluster Production in place."]
marked_summary:
  description:
    - The same lines, with options marked as in documentation, between two control characters.
    - The filter P(revive.cassandra.role_words#filter) turns them into the words of a role.
  returned: success
  type: list
  elements: str
  sample: []
backup:
  description: The backup as M(revive.cassandra.cassandra_backup_info) lists it.
  returned: success
  type: dict
  sample:
    tag: backup_20261122_020000
manifest:
  description: The backup's manifest as it is in the repository, without its lists of files.
  returned: success
  type: dict
  sample:
    format: revive.cassandra/cluster-manifest
    tag: backup_20261122_020000
tables:
  description: The tables that the backup holds, with the rows that were counted, or are estimated from its files.
  returned: success
  type: list
  elements: dict
  contains:
    keyspace:
      description: The table's keyspace.
      type: str
      returned: always
      sample: certificate_manager
    table:
      description: The table's name.
      type: str
      returned: always
      sample: certificates
    rows:
      description: The rows, or none if they were not counted.
      type: int
      returned: always
      sample: 20000
    estimated_rows:
      description: All rows of all of its files, deleted and expired ones with them; none if they do not tell.
      type: int
      returned: always
      sample: 21500
    least_rows:
      description: How many have to be there by that; 0 where something in the files is deleted or expires.
      type: int
      returned: always
      sample: 18000
    rows_known:
      description: Whether they were counted or estimated.
      type: bool
      returned: always
      sample: true
error:
  description: What went wrong, if the module failed for a known reason.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(plan_refused).
      type: str
      returned: always
      sample: plan_refused
    message:
      description: What happened.
      type: str
      returned: always
      sample: The restore is refused for 1 reason.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: node2
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Nothing has been touched.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
    nearest_before:
      description: The nearest earlier moment that can be restored, if there is one.
      type: str
      returned: when RV(error.code=moment_not_restorable)
      sample: "2026-11-22T14:05:01.000000Z"
    nearest_after:
      description: The nearest later moment that can be restored, if there is one.
      type: str
      returned: when RV(error.code=moment_not_restorable)
      sample: "2026-11-22T15:00:00.000000Z"
"""

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import DEFAULT_RESERVE
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.wording import plan_lines
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import plan as restore_plan
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import backup_values, restore_values
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import Arguments, shared_arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, run

ARGUMENTS = shared_arguments(repository_required=True) + Arguments(
    options={
        "restore_point": {"type": "str", "required": True},
        "restore_cut": {"type": "str", "choices": ["by_timestamp", "by_arrival"], "default": "by_timestamp"},
        "targets": {"type": "list", "elements": "dict", "required": True},
        "new_cluster": {"type": "bool", "default": False},
        "confirm_cluster": {"type": "str"},
        "restore_auth": {"type": "bool", "default": True},
        "node_mapping": {"type": "dict", "default": {}},
        "others": {"type": "list", "elements": "dict"},
        "ring": {"type": "list", "elements": "dict", "default": []},
        "past_gc_grace": {"type": "bool", "default": False},
        "counters_quiet": {"type": "bool", "default": False},
        "begun": {"type": "list", "elements": "str", "default": []},
        "reserve": {"type": "str", "default": DEFAULT_RESERVE},
    }
)


def compare(call: Call) -> Result:
    """Tell which of the restores that were begun are others than the one that is asked for."""
    params = call.params
    point = {"restore_point": params["restore_point"], "cut": params["restore_cut"]}
    mode = restore_values.mode(params)
    return {
        "changed": False,
        "not_asked_for": restore_plan.not_asked_for(call.store(), params["begun"], mode=mode, **point),
    }


def plan_it(call: Call) -> Result:
    """Plan the restore, or say all that stands against it."""
    params = call.params
    shared = {
        "restore_point": params["restore_point"],
        "cut": params["restore_cut"],
        "now_us": call.now_us(),
        "identity_file": call.repository().identity_file,
        "here": call.node().name,
        "reserve": params["reserve"],
        "confirm_cluster": params["confirm_cluster"] or None,
        "node_mapping": {str(source): str(target) for source, target in params["node_mapping"].items()},
    }
    targets = restore_values.targets(params["targets"])
    if params["others"] is not None:
        manifest, plan = restore_plan.make_node_plan(
            call.store(),
            target=restore_values.only(targets, option="targets"),
            ring=restore_values.ring(params["others"], params["ring"]),
            past_gc_grace=params["past_gc_grace"],
            counters_quiet=params["counters_quiet"],
            **shared,
        )
    else:
        manifest, plan = restore_plan.make_plan(
            call.store(),
            targets=targets,
            new_cluster=params["new_cluster"],
            restore_auth=params["restore_auth"],
            **shared,
        )
    return {
        "changed": False,
        "plan": plan.to_result(),
        "summary": restore_values.in_module_words(plan_lines(plan)),
        "marked_summary": plan_lines(plan),
        "backup": backup_values.backup(manifest),
        "manifest": backup_values.manifest_document(manifest),
        "tables": backup_values.tables(manifest),
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, lambda call: compare(call) if call.params["begun"] else plan_it(call))


if __name__ == "__main__":
    main()
