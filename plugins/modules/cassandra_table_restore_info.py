#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_table_restore_info
version_added: 0.1.0
short_description: Plan a restore of some tables into a cluster that serves
description:
  - Decides whether and how tables of a backup can be brought into the running cluster, from the backup, from the
    cluster's schema and from what the nodes reported.
  - It only reads. Everything that speaks against the restore is reported at once, before anything is touched.
  - Every node of the cluster has to have the tokens that a node of the backup had, unless O(reshape) is set.
  - For a moment it is run twice. The first plan says what is fetched and replayed; which tables there were then is
    known when that is done, and O(plan) and O(staged) give the plan of the rest.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._attributes.info
  - revive.cassandra._node
  - revive.cassandra._repository
  - revive.cassandra._cql
  - revive.cassandra._cql.address
options:
  restore_point:
    description:
      - The backup's tag, V(latest), or a moment in ISO 8601 with its zone, to the microsecond.
      - V(latest) is the newest backup that has all of these tables. It is refused while one that may be newer
        cannot be read.
      - Required unless O(plan) is given.
    type: str
  restore_cut:
    description:
      - How the commit logs are cut at a moment, V(by_timestamp) of the writes or V(by_arrival) in the archive.
    type: str
    choices: [by_timestamp, by_arrival]
    default: by_timestamp
  plan:
    description: The first plan of a moment, as this module returned it.
    type: dict
  staged:
    description:
      - By the name of each node, what M(revive.cassandra.cassandra_table_restore) returned as
        RV(revive.cassandra.cassandra_table_restore#module:staged).
    type: dict
  keyspaces:
    description: The keyspaces all of whose tables are restored. Patterns are allowed, with V(*), V(?) and V([...]).
    type: list
    elements: str
    default: []
  tables:
    description: The tables that are restored, each as V(keyspace.table). Patterns are allowed, as in O(keyspaces).
    type: list
    elements: str
    default: []
  mode:
    description:
      - V(beside) restores into new tables, so nothing that exists is affected.
      - V(replace) empties each table, after a snapshot of what it holds, and imports. It then holds what it held at the
        backup, and what has been written to it since. A table that is gone is made as it was.
      - V(merge) imports over what is there. Of each cell the newest stays, so what was changed or deleted after
        the backup stays as it is now.
    type: str
    choices: [beside, replace, merge]
    default: beside
  into_keyspace:
    description:
      - The keyspace that new tables go into. By default each goes into the keyspace that it was in.
      - If it does not exist it is made, replicated like the one that the tables were in.
    type: str
    default: ""
  suffix:
    description:
      - The suffix of a new table's name. By default C(_restored_) and the restore point's time; none in another
        O(into_keyspace).
    type: str
  roles:
    description:
      - Whether roles, passwords and permissions come too. In every O(mode) they go over the existing ones, and the
        newest of each stays.
    type: bool
    default: false
  reshape:
    description:
      - Whether the cluster may have other nodes, tokens, racks and datacenters than when it was backed up.
      - Each node then fetches what all nodes of the backup had, imports it, and drops what is not its own. So every
        replica gets all that any replica had, and nothing has to be streamed or repaired.
    type: bool
    default: false
  datacenters:
    description:
      - With O(reshape), what the datacenters of the backup are called now. Others keep their name.
      - It is for keyspaces that are made. Replicas that there are no nodes for are left out, with a warning.
    type: dict
    default: {}
  replication:
    description:
      - With O(reshape), the replicas in each datacenter, for keyspaces that are made. By default those that they had.
    type: dict
    default: {}
  confirm_cluster:
    description: The cluster's name, if existing tables may be touched in a cluster other than the backup's.
    type: str
    default: ""
  past_gc_grace:
    description:
      - With O(mode=merge), merge also what is older than the table's C(gc_grace_seconds). Rows that were deleted since
        may come back then.
    type: bool
    default: false
  targets:
    description:
      - What M(revive.cassandra.cassandra_node_info) returned as
        RV(revive.cassandra.cassandra_node_info#module:node), of every node of the cluster.
    type: list
    elements: dict
    required: true
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
- name: Plan to bring one table back, beside the existing one
  revive.cassandra.cassandra_table_restore_info:
    repository:
      bucket: cassandra-backups
      prefix: production
    native_address: 10.0.0.11
    cql_username: restore
    cql_password: "{{ vault_cql_password }}"
    restore_point: latest
    tables:
      - certificate_manager.certificates
    targets: "{{ ansible_play_hosts | map('extract', hostvars, ['node_info', 'node']) }}"
  run_once: true
  register: planned
"""

RETURN = r"""
plan:
  description: The plan, in the form that M(revive.cassandra.cassandra_table_restore) takes.
  returned: success
  type: dict
  contains:
    restore:
      description: The restore's name as C(restore_id), the backup as C(tag), and who fetches what.
      type: dict
      returned: always
      sample:
        restore_id: backup_20261122_020000-beside-5f0c1d3e
        tag: backup_20261122_020000
    tables:
      description: Each table, with where it goes, its files and bytes, and the rows that the backup counted.
      type: list
      elements: dict
      returned: always
      sample:
        - source_keyspace: certificate_manager
          source_table: certificates
          keyspace: certificate_manager
          table: certificates_restored_20261122020000
          rows: 20000
    before_cql:
      description: The statements that make what is missing.
      type: list
      elements: str
      returned: always
      sample: []
    after_cql:
      description: The statements that complete what was made.
      type: list
      elements: str
      returned: always
      sample: []
    indexes:
      description: The indexes that are rebuilt, since an import does not fill them.
      type: list
      elements: str
      returned: always
      sample: []
summary:
  description: The plan as lines of text.
  returned: success
  type: list
  elements: str
  sample: [Restore 1 table of backup_20261122_020000 of cluster Production into new tables]
marked_summary:
  description:
    - The same lines, with options marked as in documentation, between two control characters.
    - The filter P(revive.cassandra.role_words#filter) turns them into the words of a role.
  returned: success
  type: list
  elements: str
  sample: []
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
      sample: "The restore is refused for 1 reason: ..."
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: certificate_manager.certificates
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
"""

import functools

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import DEFAULT_RESERVE
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.wording import tables_plan_lines
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import plan as table_plan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.permitted import read_permitted
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import restore_values, table_values
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import (
    Arguments,
    cql_arguments,
    shared_arguments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, run

ARGUMENTS = (
    shared_arguments(repository_required=True)
    + cql_arguments()
    + Arguments(
        options={
            "restore_point": {"type": "str"},
            "restore_cut": {"type": "str", "choices": ["by_timestamp", "by_arrival"], "default": "by_timestamp"},
            "plan": {"type": "dict"},
            "staged": {"type": "dict"},
            "keyspaces": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "tables": {"type": "list", "elements": "str", "default": []},
            "mode": {"type": "str", "choices": ["beside", "replace", "merge"], "default": "beside"},
            "into_keyspace": {"type": "str", "default": "", "no_log": False},
            "suffix": {"type": "str"},
            "roles": {"type": "bool", "default": False},
            "reshape": {"type": "bool", "default": False},
            "confirm_cluster": {"type": "str", "default": ""},
            "past_gc_grace": {"type": "bool", "default": False},
            "datacenters": {"type": "dict", "default": {}},
            "replication": {"type": "dict", "default": {}},
            "reserve": {"type": "str", "default": DEFAULT_RESERVE},
            "targets": {"type": "list", "elements": "dict", "required": True},
        },
        required_one_of=(("restore_point", "plan"),),
        required_together=(("plan", "staged"),),
    )
)


def plan_it(call: Call) -> Result:
    """Plan the restore, or say all that stands against it."""
    targets = restore_values.targets(call.params["targets"])
    permits = functools.partial(read_permitted, node=call.node())
    if call.params["plan"]:
        plan = table_plan.complete_tables_plan(
            TablesPlan.from_result(call.params["plan"]),
            staged=table_values.staged_tables(call.params["staged"]),
            targets=targets,
            cql_settings=call.cql(),
            permits=permits,
        )
    else:
        plan = table_plan.make_tables_plan(
            call.store(),
            restore_point=call.params["restore_point"],
            selection=table_values.selection(call.params),
            cut=call.params["restore_cut"],
            reserve=call.params["reserve"],
            now_us=call.now_us(),
            targets=targets,
            cql_settings=call.cql(),
            identity_file=call.repository().identity_file,
            here=call.node().name,
            permits=permits,
        )
    lines = tables_plan_lines(plan, now_us=call.now_us())
    return {
        "changed": False,
        "plan": plan.to_result(),
        "summary": restore_values.in_module_words(lines),
        "marked_summary": lines,
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, plan_it)


if __name__ == "__main__":
    main()
