#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_table_restore
version_added: 0.1.0
short_description: Bring tables of a backup or a moment into a cluster that serves
description:
  - Does one step of a restore that M(revive.cassandra.cassandra_table_restore_info) planned. Cassandra serves
    throughout, and every other table is left alone.
  - Each step can be run again. What is done is not done again, except as the attributes say.
  - O(state=created), on one node, makes the keyspaces, types and tables that are missing.
  - O(state=fetched), on every node, downloads what belongs on it, beside its data.
  - O(state=staged), on every node, makes of what was downloaded what the tables held at the plan's moment. It starts a
    Cassandra of its own on loopback, with the installed program, and ends it.
  - O(state=saved), on every node, keeps the content of the tables to replace in a snapshot.
  - O(state=emptied), on one node, empties them on all nodes.
  - O(state=imported), on every node, has Cassandra import what was fetched. Run it once all nodes have fetched.
  - O(state=completed), on one node, gives new tables back their properties and indexes, and makes the views of tables
    that were there again. What makes a view is written to the node's state directory before it is dropped.
  - O(state=viewed), on one node, only makes those views again, after what the tables held was put back.
  - O(state=verified), on every node, compares row by row what was fetched with a snapshot of what the node's own
    replica serves, in a Cassandra of its own on loopback, and removes the snapshot. It changes nothing. In check mode
    it only says whether it could, which is best asked before any table is touched.
  - O(state=released), on one node, removes the note "being restored" from the comments of new tables. Until then
    the same restore knows them again and goes on where it was broken off.
  - O(state=put_back), on every node, has Cassandra import what the tables held before they were emptied.
  - O(state=finished), on every node, removes what was fetched. Snapshots stay.
  - While it downloads, and while it compares rows, its action plugin prints how far it is, at least every ten seconds.
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
    support: partial
    details:
      - V(fetched) and V(put_back) say that they would change something, even where there is nothing to do.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - V(emptied) empties the tables each time, and V(completed) and V(viewed) make materialized views each time.
      - V(saved) with O(again) takes a snapshot each time.
options:
  state:
    description: The step.
    type: str
    choices:
      [created, fetched, staged, saved, emptied, imported, completed, verified, released, put_back, viewed, finished]
    required: true
  plan:
    description:
      - What M(revive.cassandra.cassandra_table_restore_info) returned as
        RV(revive.cassandra.cassandra_table_restore_info#module:plan).
    type: dict
    required: true
  again:
    description: Whether O(state=saved) always takes a snapshot, before tables are emptied to be put back.
    type: bool
    default: false
  owner:
    description: The user that Cassandra runs as. By default the data directory's owner.
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

- name: Have Cassandra import it
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
  description: The statements that changed something, or would.
  returned: when O(state=created), O(state=emptied), O(state=completed), O(state=viewed) or O(state=released)
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
  description: What was made of it, for a moment.
  returned: when O(state=staged), and not in check mode
  type: dict
  contains:
    schema_sha256:
      description: A hash of the schema at the moment, the same on all nodes.
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
  description: What was kept, and whether there was anything to keep.
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
  description: The snapshots that the node took its tables back from.
  returned: when O(state=put_back)
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
    held:
      description:
        - How many of them were seen in the tables after the import, byte for byte. All, unless a table was there and
          Cassandra had compacted some with others by then.
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
verified:
  description: What was found when rows were compared. Rows that are wrong are an error.
  returned: when O(state=verified)
  type: dict
  contains:
    tables:
      description:
        - Each table, by what the node's replica holds. Empty in check mode, and if the backup does not have Cassandra's
          own schema.
      type: list
      elements: dict
      returned: always
      contains:
        keyspace:
          description: The table's keyspace.
          type: str
          returned: always
          sample: certificate_manager
        table:
          description: The table.
          type: str
          returned: always
          sample: certificates
        rows:
          description:
            - How many rows the backup has (C(rows)), how many of them are the same (C(same)) or gone (C(missing)), how
              many were written later than what the replica had of them, if anything (C(newer)), and how many differ
              without that (C(different)).
            - C(lacking) rows are there without some value that the backup has, in a table that clients write to.
              C(early) ones are newer, but were written before the import began.
            - In a table that was emptied or made first, up to one row in a hundred may be missing or lacking, of a
              small one up to three if that is no more than one in ten; above that it is an error.
            - C(examples) are tokens of partitions with rows that are missing, different or lacking.
          type: dict
          returned: always
          sample:
            rows: 3410
            same: 3410
            newer: 0
            missing: 0
            different: 0
            lacking: 0
            early: 0
            examples: []
    seconds:
      description: How long it took.
      type: float
      returned: always
      sample: 14.2
freed_bytes:
  description: The bytes that removing what was fetched freed.
  returned: when O(state=finished)
  type: int
  sample: 2040109
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
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import importing, keeping, making
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import row_verification as rows
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import views as table_views
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.part import TablePart
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run


def part(call: Call) -> TablePart:
    """What the plan has for this node."""
    return TablePart(
        call.node(), TablesPlan.from_result(call.params["plan"]), *map(call.params.get, ("owner", "group"))
    )


def told(name: str, outcome: t.Any) -> Result:
    """What a step has done, under a name of its own."""
    return {"changed": outcome.changed, name: plain(outcome)}


def by_statements(work: t.Callable[..., tuple[str, ...]], call: Call, **more: t.Any) -> Result:
    """A step that is done in CQL, on one node for the whole cluster."""
    statements = work(part(call).plan, cql=call.cql(), check_mode=call.check_mode, **more)
    return {"changed": bool(statements), "statements": list(statements)}


def fetch_it(call: Call) -> Result:
    """Download what belongs on this node beside its data."""
    options: t.Any = {"repository": call.repository(), "transfer": call.transfer(), "progress": call.progress()}
    return told("fetched", importing.fetch_tables(part(call), call.store(), **options))


def stage_it(call: Call) -> Result:
    """Make of what was downloaded what the tables held at the moment."""
    if call.check_mode:
        return {"changed": importing.would_stage(part(call))}
    options: t.Any = {"repository": call.repository(), "options": call.staging(), "progress": call.progress()}
    return told("staged", importing.stage_tables(part(call), call.store(), **options))


def import_it(call: Call) -> Result:
    """Have Cassandra take what was fetched."""
    store = call.store() if call.params["repository"] else None
    return told("imported", importing.import_tables(part(call), check_mode=call.check_mode, store=store))


def save_it(call: Call) -> Result:
    """Keep what the tables hold that are to be replaced."""
    saved = keeping.save_tables(part(call), cql=call.cql(), again=call.params["again"], check_mode=call.check_mode)
    return told("saved", saved)


def verify_it(call: Call) -> Result:
    """Compare rows with those of the backup, or say whether that can be done."""
    options: t.Any = {"cql": call.cql(), "options": call.staging(), "progress": call.progress()}
    return {"changed": False, "verified": plain(rows.verify_rows(part(call), check_mode=call.check_mode, **options))}


def put_it_back(call: Call) -> Result:
    """Take back what the tables held before they were emptied."""
    snapshots = () if call.check_mode else keeping.put_tables_back(part(call))
    return {"changed": call.check_mode or bool(snapshots), "snapshots": list(snapshots)}


def finish_it(call: Call) -> Result:
    """Remove what was fetched."""
    freed = importing.finish_tables(part(call), check_mode=call.check_mode)
    return {"changed": freed is not None, "freed_bytes": freed or 0}


STEPS: dict[str, t.Callable[[Call], Result]] = {
    "created": lambda call: by_statements(making.make_tables, call),
    "fetched": lambda call: {"changed": True} if call.check_mode else fetch_it(call),
    "staged": stage_it,
    "saved": save_it,
    "emptied": lambda call: by_statements(keeping.empty_tables, call),
    "imported": import_it,
    "completed": lambda call: by_statements(table_views.complete_all, call, node=call.node()),
    "verified": verify_it,
    "released": lambda call: by_statements(making.release_tables, call),
    "put_back": put_it_back,
    "viewed": lambda call: by_statements(table_views.make_views_again, call, node=call.node()),
    "finished": finish_it,
}
NEED_REPOSITORY = dict.fromkeys(("fetched", "staged"), "repository")
IN_CQL = ("created", "saved", "emptied", "completed", "verified", "released", "viewed")
NEED_CQL = dict.fromkeys(IN_CQL, "native_address")
ARGUMENTS = (
    arguments.shared_arguments(repository_required=False)
    + arguments.transfer_arguments()
    + arguments.staging_arguments()
    + arguments.cql_arguments(required=False)
    + arguments.Arguments(
        options={
            "state": {"type": "str", "choices": list(STEPS), "required": True},
            "plan": {"type": "dict", "required": True},
            "again": {"type": "bool", "default": False},
            **{option: {"type": "str"} for option in ("owner", "group")},
        },
        required_if=tuple(("state", state, (option,)) for state, option in {**NEED_REPOSITORY, **NEED_CQL}.items()),
    )
)


def use(call: Call) -> Result:
    """Do one step."""
    state = call.params["state"]
    return {"restore_id": call.params["plan"]["restore"]["restore_id"], "state": state, **STEPS[state](call)}


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, use, works_on=lambda call: str(call.params["plan"]["restore"]["restore_id"]))


if __name__ == "__main__":
    main()
