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
  - Decides whether and how a backup can be restored to given nodes, from the backup and from what the nodes have told.
  - It only reads. Everything that stands against the restore is told at once, before anything is touched.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._attributes.info
  - revive.cassandra._node
  - revive.cassandra._repository
options:
  restore_point:
    description: What to restore, a backup's tag or V(latest).
    type: str
    required: true
  targets:
    description:
      - What M(revive.cassandra.cassandra_node_info) returned as
        RV(revive.cassandra.cassandra_node_info#module:node), of every node that is to be restored.
    type: list
    elements: dict
    required: true
  new_cluster:
    description: Whether the nodes become a new cluster, instead of being the ones that were backed up.
    type: bool
    default: false
  confirm_cluster:
    description: The name of the cluster whose data may be replaced. Needed when the nodes hold data.
    type: str
  restore_auth:
    description: Whether roles and passwords come back from the backup, or stay the nodes' own.
    type: bool
    default: true
  node_mapping:
    description:
      - For nodes of the backup, by name or host id, the node that gets their data.
      - The others are matched by rule.
    type: dict
    default: {}
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
"""

RETURN = r"""
plan:
  description: The plan, in the form that M(revive.cassandra.cassandra_restore) takes.
  returned: success
  type: dict
  contains:
    restore_id:
      description: The restore's name, the same for the same backup and mode.
      type: str
      returned: always
      sample: backup_20261122_020000-in-place-5f0c1d3e
    tag:
      description: The backup.
      type: str
      returned: always
      sample: backup_20261122_020000
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
      description: What each node gets, those that start first being first.
      type: list
      elements: dict
      returned: always
      sample:
        - target_name: node1
          source_name: node1
          is_seed: true
    warnings:
      description: What does not stop the restore and should be known.
      type: list
      elements: str
      returned: always
      sample: []
summary:
  description: The plan in lines to read.
  returned: success
  type: list
  elements: str
  sample: ["Restore backup_20261122_020000 of cluster Production in place."]
backup:
  description: The backup as M(revive.cassandra.cassandra_backup_info) lists it.
  returned: success
  type: dict
  sample:
    tag: backup_20261122_020000
manifest:
  description: The backup's manifest, as it is in the repository, without its lists of files.
  returned: success
  type: dict
  sample:
    format: revive.cassandra/cluster-manifest
    tag: backup_20261122_020000
tables:
  description: The tables that the backup holds, with the rows that were counted.
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
error:
  description: What went wrong, when the module failed for a reason that is known.
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
"""

from ansible_collections.revive.cassandra.plugins.module_utils._operations import restore_plan
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import values
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import (
    Arguments,
    shared_arguments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, run

ARGUMENTS = shared_arguments(repository_required=True) + Arguments(
    options={
        "restore_point": {"type": "str", "required": True},
        "targets": {"type": "list", "elements": "dict", "required": True},
        "new_cluster": {"type": "bool", "default": False},
        "confirm_cluster": {"type": "str"},
        "restore_auth": {"type": "bool", "default": True},
        "node_mapping": {"type": "dict", "default": {}},
    }
)


def plan_it(call: Call) -> Result:
    """Plan the restore, or say all that stands against it."""
    manifest, plan = restore_plan.make_plan(
        call.store(),
        restore_point=call.params["restore_point"],
        targets=values.targets(call.params["targets"]),
        new_cluster=call.params["new_cluster"],
        confirm_cluster=call.params["confirm_cluster"] or None,
        restore_auth=call.params["restore_auth"],
        identity_file=call.repository().identity_file,
        node_mapping={str(source): str(target) for source, target in call.params["node_mapping"].items()},
    )
    return {
        "changed": False,
        "plan": plan.to_result(),
        "summary": values.plan_lines(plan),
        "backup": values.backup(manifest),
        "manifest": values.manifest_document(manifest),
        "tables": values.tables(manifest),
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, plan_it)


if __name__ == "__main__":
    main()
