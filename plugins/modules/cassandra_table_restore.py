#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_table_restore
version_added: 0.1.0
short_description: Bring some tables of a backup or a moment into a cluster that serves
description:
  - Does one step of a restore that M(revive.cassandra.cassandra_table_restore_info) planned. Cassandra serves
    throughout, and every other table is left alone.
  - Each step can be run again. What is done already is not done again.
  - O(state=created), on one node, makes the keyspaces, types and tables that are missing.
  - O(state=fetched), on every node, downloads what belongs on it, beside its data.
  - O(state=staged), on every node, makes of what was downloaded what the tables held at the plan's moment. It starts a
    Cassandra of its own on loopback, with the installed program, and ends it.
  - O(state=saved), on every node, keeps what those tables hold that are to be replaced, in a snapshot.
  - O(state=emptied), on one node, empties them on all.
  - O(state=imported), on every node, has Cassandra take what was fetched. Run it when every node has fetched its part.
  - O(state=completed), on one node, gives new tables the properties and the indexes that they had.
  - O(state=put_back), on every node, has Cassandra take back what the tables held before they were emptied.
  - O(state=finished), on every node, removes what was fetched. Snapshots stay.
  - While it downloads, its action plugin prints how far it is, at least every ten seconds.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._node
  - revive.cassandra._repository.unused
  - revive.cassandra._transfer
  - revive.cassandra._staging
  - revive.cassandra._cql
  - revive.cassandra._cql.optional_address
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  state:
    description: The step.
    type: str
    choices: [created, fetched, staged, saved, emptied, imported, completed, put_back, finished]
    required: true
  plan:
    description:
      - What M(revive.cassandra.cassandra_table_restore_info) returned as
        RV(revive.cassandra.cassandra_table_restore_info#module:plan).
    type: dict
    required: true
  again:
    description: Whether O(state=saved) takes a snapshot in any case, before tables are emptied to be put back.
    type: bool
    default: false
  owner:
    description: The user that Cassandra runs as. By default who owns the data directory.
    type: str
  group:
    description: The group that Cassandra runs as. By default the data directory's.
    type: str
"""

EXAMPLES = r"""
- name: Make what is missing
  revive.cassandra.cassandra_table_restore:
    native_address: 10.0.0.11
    cql_username: restore
    cql_password: "{{ vault_cql_password }}"
    state: created
    plan: "{{ planned.plan }}"
  run_once: true

- name: Fetch what belongs on this node
  revive.cassandra.cassandra_table_restore:
    repository:
      bucket: cassandra-backups
      prefix: production
    node_name: "{{ inventory_hostname }}"
    state: fetched
    plan: "{{ planned.plan }}"

- name: Have Cassandra take it
  revive.cassandra.cassandra_table_restore:
    node_name: "{{ inventory_hostname }}"
    state: imported
    plan: "{{ planned.plan }}"
"""

RETURN = r"""
restore_id:
  description: The restore's name.
  returned: success
  type: str
  sample: backup_20261122_020000-beside-5f0c1d3e
state:
  description: The step that is done.
  returned: success
  type: str
  sample: imported
statements:
  description: The statements that did something, or would.
  returned: when O(state=created), O(state=emptied) or O(state=completed)
  type: list
  elements: str
  sample: []
fetched:
  description: What was downloaded.
  returned: when O(state=fetched), and not in check mode
  type: dict
  sample:
    files: 48
    size: 2040109
staged:
  description: What was made of it for a moment.
  returned: when O(state=staged), and not in check mode
  type: dict
  contains:
    schema_sha256:
      description: What stands for the schema of the moment, the same on all nodes.
      type: str
      returned: always
      sample: 3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b
    schema_cql:
      description: The statements that make that schema.
      type: list
      elements: str
      returned: always
      sample: []
    sizes:
      description: What the node has of each table now.
      type: list
      elements: dict
      returned: always
      sample:
        - table: certificate_manager/certificates-5f0c1d3e5f0c1d3e5f0c1d3e5f0c1d3e
          files: 16
          size: 2040109
    replayed:
      description: The updates that were replayed.
      type: int
      returned: always
      sample: 3410
    seconds:
      description: How long all of it took.
      type: float
      returned: always
      sample: 41.5
saved:
  description: What was kept, or whether there was anything to keep.
  returned: when O(state=saved)
  type: dict
  contains:
    emptied:
      description: Whether the node has emptied the tables since the last snapshot.
      type: bool
      returned: always
      sample: false
    snapshots:
      description: The snapshots that this restore has taken on the node.
      type: list
      elements: str
      returned: always
      sample: [backup_20261122_020000-replace-5f0c1d3e-1795372931000]
    exact:
      description:
        - Whether what is written between the snapshot and the truncation is kept too. Cassandra's own snapshot of the
          truncation has it, unless C(auto_snapshot) is off.
      type: bool
      returned: always
      sample: true
snapshots:
  description: The snapshots that the node has taken its tables back from.
  returned: when O(state=put_back), and not in check mode
  type: list
  elements: str
  sample: [backup_20261122_020000-replace-5f0c1d3e-1795372931000]
imported:
  description: What the tables have on this node now.
  returned: when O(state=imported)
  type: dict
  contains:
    tables:
      description: How many tables.
      type: int
      returned: always
      sample: 1
    sstables:
      description: How many SSTables.
      type: int
      returned: always
      sample: 4
    size:
      description: The bytes of all their files.
      type: int
      returned: always
      sample: 2040109
    seconds:
      description: How long it took.
      type: float
      returned: always
      sample: 2.1
freed_bytes:
  description: The bytes of what had been fetched and was removed.
  returned: when O(state=finished)
  type: int
  sample: 2040109
error:
  description: What went wrong, when the module failed for a reason that is known.
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
      sample: nodetool import on node node1 failed.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: node1
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: See also Cassandra's log.
"""

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._operations import table_import
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import arguments, values
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

STATES = ("created", "fetched", "staged", "saved", "emptied", "imported", "completed", "put_back", "finished")
ARGUMENTS = (
    arguments.shared_arguments(repository_required=False)
    + arguments.transfer_arguments()
    + arguments.staging_arguments()
    + arguments.cql_arguments(required=False)
    + arguments.Arguments(
        options={
            "state": {"type": "str", "choices": list(STATES), "required": True},
            "plan": {"type": "dict", "required": True},
            "again": {"type": "bool", "default": False},
            "owner": {"type": "str"},
            "group": {"type": "str"},
        },
        required_if=(
            *((("state", state, ("repository",))) for state in ("fetched", "staged")),
            *((("state", state, ("native_address",))) for state in ("created", "saved", "emptied", "completed")),
        ),
    )
)


def part_of(call: Call) -> table_import.TablePart:
    """What the plan has for this node."""
    return table_import.TablePart(
        node=call.node(),
        plan=values.tables_plan(call.params["plan"]),
        owner=call.params["owner"],
        group=call.params["group"],
    )


def by_statements(work: t.Callable[..., tuple[str, ...]]) -> t.Callable[[Call], Result]:
    """A step that is done in CQL, on one node for the whole cluster."""

    def step(call: Call) -> Result:
        statements = work(part_of(call).plan, cql=call.cql(), check_mode=call.check_mode)
        return {"changed": bool(statements), "statements": list(statements)}

    return step


def fetch_it(call: Call) -> Result:
    """Download what belongs on this node beside its data."""
    if call.check_mode:
        return {"changed": True}
    options: t.Any = {"repository": call.repository(), "transfer": call.transfer(), "progress": call.progress()}
    outcome = table_import.fetch_tables(part_of(call), call.store(), **options)
    return {"changed": outcome.changed, "fetched": plain(outcome)}


def stage_it(call: Call) -> Result:
    """Make of what was downloaded what the tables held at the moment."""
    if call.check_mode:
        return {"changed": table_import.would_stage(part_of(call))}
    options: t.Any = {"repository": call.repository(), "options": call.staging(), "progress": call.progress()}
    outcome = table_import.stage_tables(part_of(call), call.store(), **options)
    return {"changed": outcome.changed, "staged": plain(outcome)}


def import_it(call: Call) -> Result:
    """Have Cassandra take what was fetched."""
    store = call.store() if call.params["repository"] else None
    outcome = table_import.import_tables(part_of(call), check_mode=call.check_mode, store=store)
    return {"changed": outcome.changed, "imported": plain(outcome)}


def save_it(call: Call) -> Result:
    """Keep what the tables hold that are to be replaced."""
    again, check_mode = call.params["again"], call.check_mode
    outcome = table_import.save_tables(part_of(call), cql=call.cql(), again=again, check_mode=check_mode)
    return {"changed": outcome.changed, "saved": plain(outcome)}


def put_it_back(call: Call) -> Result:
    """Take back what the tables held before they were emptied."""
    if call.check_mode:
        return {"changed": True}
    snapshots = table_import.put_tables_back(part_of(call))
    return {"changed": bool(snapshots), "snapshots": list(snapshots)}


def finish_it(call: Call) -> Result:
    """Remove what was fetched."""
    freed = table_import.finish_tables(part_of(call), check_mode=call.check_mode)
    return {"changed": freed is not None, "freed_bytes": freed or 0}


def use(call: Call) -> Result:
    """Do one step."""
    state = call.params["state"]
    make, empty, complete = map(
        by_statements, (table_import.make_tables, table_import.empty_tables, table_import.complete_tables)
    )
    step = dict(zip(STATES, (make, fetch_it, stage_it, save_it, empty, import_it, complete, put_it_back, finish_it)))[
        state
    ]
    return {"restore_id": call.params["plan"]["restore"]["restore_id"], "state": state, **step(call)}


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, use)


if __name__ == "__main__":
    main()
