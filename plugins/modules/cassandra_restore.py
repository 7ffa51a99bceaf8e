#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_restore
version_added: 0.1.0
short_description: Bring back a node's part of a backup
description:
  - Does one step of a restore that M(revive.cassandra.cassandra_restore_info) planned, on one node.
  - Each step can be run again.
  - O(state=fetched) downloads beside the data, while Cassandra serves. What is there is not downloaded again.
  - O(state=staged) is for a plan to a moment, after O(state=fetched). It downloads the commit log that the plan names,
    and makes of what was fetched what the source held at the moment, still while Cassandra serves. For this it starts
    a Cassandra of its own, several times, in a directory of its own and on a loopback address; its memory and its
    share of the processor are limited. What serves is not touched.
  - O(state=switched) exchanges the directories of a stopped node. If it fails, everything is put back.
  - O(state=rolled_back) puts everything back as it was before the switch, on a stopped node. A restore in place can be
    undone so after it was finished, too, for as long as what was there before is kept. What Cassandra has been started
    on is kept, since clients may have written to it, until O(state=finished) with O(keep_old=false) deletes it.
  - O(state=abandoned) deletes what was fetched, before anything was switched.
  - O(state=serving) is for the node that runs again. After a switch in place it notes in O(repository), if that is
    given and has the node's commit log, that the log does not go on from what was there before. After a moment it
    rebuilds indexes that had been made after the backup. On a node of a new cluster it takes C(auto_bootstrap) and
    C(initial_token) out of C(cassandra.yaml) again, once the node runs with its tokens.
  - O(state=repaired) is for a node that was lost with its disk, once it runs again. It gets what the others have.
  - O(state=finished) ends the restore. It notes first what O(state=serving) notes. What was there before is kept, or
    deleted with O(keep_old=false), and with it the way back.
  - While it downloads, its action plugin prints how far it is, at least every ten seconds.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._node
  - revive.cassandra._repository.unused
  - revive.cassandra._transfer
  - revive.cassandra._staging
attributes:
  check_mode:
    support: partial
    details:
      - V(fetched) says that it would change something, even where everything has been fetched.
      - Of a plan with C(trials), it tries whether the identity on this node opens what would be fetched.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - V(repaired) repairs each time.
options:
  state:
    description: The step.
    type: str
    choices: [fetched, staged, switched, serving, repaired, rolled_back, finished, abandoned]
    required: true
  plan:
    description:
      - What M(revive.cassandra.cassandra_restore_info) returned as
        RV(revive.cassandra.cassandra_restore_info#module:plan).
    type: dict
  restore_id:
    description: The restore's name. By default that of O(plan).
    type: str
  owner:
    description: The user that Cassandra runs as. By default the data directory's owner.
    type: str
  group:
    description: The group that Cassandra runs as. By default the data directory's.
    type: str
  keep_old:
    description:
      - Whether O(state=finished) keeps what was put aside, to be gone back to or deleted later.
      - Of a restore that was undone, whether it keeps what was taken out.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Fetch what belongs on this node
  revive.cassandra.cassandra_restore:
    repository:
      bucket: cassandra-backups
      prefix: production
    node_name: "{{ inventory_hostname }}"
    state: fetched
    plan: "{{ planned.plan }}"

- name: Make of it what the source held at the plan's moment
  revive.cassandra.cassandra_restore:
    repository:
      bucket: cassandra-backups
      prefix: production
    node_name: "{{ inventory_hostname }}"
    state: staged
    plan: "{{ planned.plan }}"
    staging_heap_mib: 2048

- name: Exchange the directories, while Cassandra is stopped
  revive.cassandra.cassandra_restore:
    node_name: "{{ inventory_hostname }}"
    state: switched
    plan: "{{ planned.plan }}"

- name: Keep it, and delete what was put aside
  revive.cassandra.cassandra_restore:
    node_name: "{{ inventory_hostname }}"
    state: finished
    plan: "{{ planned.plan }}"
    keep_old: false
"""

RETURN = r"""
restore_id:
  description: The restore's name.
  returned: success
  type: str
  sample: backup_20261122_020000-in-place-5f0c1d3e
state:
  description: The step that is done.
  returned: success
  type: str
  sample: fetched
fetched:
  description: What was downloaded, when O(state=fetched).
  returned: when O(state=fetched), and not in check mode
  type: dict
  sample:
    files: 1201
    size: 2040109465
staged:
  description: What was made of the backup, when O(state=staged).
  returned: when O(state=staged), and not in check mode
  type: dict
  contains:
    schema_sha256:
      description: A hash of the schema at the moment. It has to be the same on all nodes.
      type: str
      returned: always
      sample: 5f0c1d3e6a0b1c2d3e4f5a6b7c8d9e0f5f0c1d3e6a0b1c2d3e4f5a6b7c8d9e0f
    segments:
      description: The segments that were replayed.
      type: int
      returned: always
      sample: 12
    log_bytes:
      description: Their bytes.
      type: int
      returned: always
      sample: 402653184
    replayed:
      description: The table updates that were applied.
      type: int
      returned: always
      sample: 81234
    unknown:
      description: The mutations that were skipped because their tables did not exist at the moment.
      type: int
      returned: always
      sample: 0
    later_schema:
      description: The mutations that were skipped because only a later schema can read them.
      type: int
      returned: always
      sample: 0
    dropped_tables:
      description: The tables of the backup that were gone at the moment.
      type: int
      returned: always
      sample: 0
    truncated_tables:
      description: The tables that were truncated between the backup and the moment.
      type: int
      returned: always
      sample: 0
    indexes_to_rebuild:
      description: The indexes that O(state=serving) will rebuild.
      type: list
      elements: str
      returned: always
      sample: []
    tables:
      description: The tables that users had made by the moment.
      type: list
      elements: str
      returned: always
      sample: [shop.orders]
    replay_milliseconds:
      description: How long the replay itself took.
      type: int
      returned: always
      sample: 2130
    seconds:
      description: How long all of it took.
      type: float
      returned: always
      sample: 41.5
indexes:
  description: The indexes that had to be rebuilt.
  returned: when O(state=serving)
  type: list
  elements: str
  sample: [shop.orders.orders_by_state]
needs_repair:
  description:
    - Whether the backup has nothing of the node, which has the schema only until O(state=repaired) brings it the rest.
  returned: when O(state=serving)
  type: bool
  sample: false
refetch:
  description: Whether the downloaded files are gone and have to be fetched again.
  returned: when O(state=rolled_back)
  type: bool
  sample: false
not_recorded:
  description: Why the archive could not be told; empty if it was, or if O(repository) has no commit log of the node.
  returned: when O(state=rolled_back)
  type: str
  sample: ""
freed_bytes:
  description: The bytes that deleting what was put aside, or fetched, freed.
  returned: when O(state=finished) or O(state=abandoned)
  type: int
  sample: 0
error:
  description: What went wrong, if the module failed for a known reason.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(no_space).
      type: str
      returned: always
      sample: no_space
    message:
      description: What happened.
      type: str
      returned: always
      sample: node1 needs 2.0 GiB and has 1.1 GiB free.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: node1
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Free 0.9 GiB.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import listing
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import steps as restore_steps
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

STATES = ("fetched", "staged", "switched", "serving", "repaired", "rolled_back", "finished", "abandoned")
ARGUMENTS = (
    arguments.shared_arguments(repository_required=False)
    + arguments.transfer_arguments()
    + arguments.staging_arguments()
    + arguments.Arguments(
        options={
            "state": {"type": "str", "choices": list(STATES), "required": True},
            "plan": {"type": "dict"},
            "restore_id": {"type": "str"},
            **{option: {"type": "str"} for option in ("owner", "group")},
            "keep_old": {"type": "bool", "default": True},
        },
        required_if=(
            ("state", "fetched", ("plan", "repository")),
            ("state", "staged", ("plan", "repository")),
            ("state", "switched", ("plan",)),
            *((("state", state, ("plan", "restore_id"), True)) for state in STATES[3:]),
        ),
    )
)


def part_of(call: Call) -> restore_steps.Part:
    """What the plan has for this node."""
    return restore_steps.Part(
        node=call.node(),
        plan=RestorePlan.from_result(call.params["plan"]),
        owner=call.params["owner"],
        group=call.params["group"],
    )


def fetch_it(call: Call) -> Result:
    """Download what belongs on this node beside its data."""
    part = part_of(call)
    if call.check_mode:
        return {"changed": restore_steps.would_fetch(part, call.store, repository=call.repository())}
    outcome = restore_steps.fetch_part(
        part, call.store(), repository=call.repository(), transfer=call.transfer(), progress=call.progress()
    )
    return {"changed": outcome.changed, "fetched": plain(outcome)}


def stage_it(call: Call) -> Result:
    """Make of what was downloaded what the source held at the moment."""
    part = part_of(call)
    if call.check_mode:
        return {"changed": restore_steps.would_stage(part)}
    outcome = restore_steps.stage_part(
        part, call.store(), repository=call.repository(), options=call.staging(), progress=call.progress()
    )
    return {"changed": outcome.changed, "staged": plain(outcome)}


def serve_it(call: Call) -> Result:
    """Note that the node serves what was restored, rebuild indexes that the backup lacks, settle the configuration."""
    return dict(plain(restore_steps.serve(call.node(), **in_repository(call))))


def repair_it(call: Call) -> Result:
    """Have the node get what the others have."""
    return {"changed": restore_steps.repair(call.node(), check_mode=call.check_mode)}


def switch_it(call: Call) -> Result:
    """Exchange the directories."""
    return {"changed": restore_steps.switch_part(part_of(call), check_mode=call.check_mode)}


def roll_it_back(call: Call) -> Result:
    """Put everything back."""
    return dict(plain(restore_steps.roll_back(call.node(), **in_repository(call))))


def finish_it(call: Call) -> Result:
    """End it."""
    return dict(plain(restore_steps.finish(call.node(), keep_old=call.params["keep_old"], **in_repository(call))))


def abandon_it(call: Call) -> Result:
    """Delete what was fetched."""
    freed = listing.abandon(call.node(), restore_id=given_restore_id(call), check_mode=call.check_mode)
    return {"changed": freed is not None, "freed_bytes": freed or 0}


def in_repository(call: Call) -> dict[str, t.Any]:
    """Which restore, whether it is to be done, and the repository that is told, if one was given."""
    store = call.store() if call.params["repository"] else None
    return {"restore_id": given_restore_id(call), "check_mode": call.check_mode, "store": store}


def given_restore_id(call: Call) -> str:
    """The restore's name, as it was given or as the plan has it."""
    return str(call.params["restore_id"] or call.params["plan"]["restore_id"])


def use(call: Call) -> Result:
    """Do one step."""
    steps = (fetch_it, stage_it, switch_it, serve_it, repair_it, roll_it_back, finish_it, abandon_it)
    state = call.params["state"]
    return {"restore_id": given_restore_id(call), "state": state, **dict(zip(STATES, steps))[state](call)}


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, use, works_on=given_restore_id)


if __name__ == "__main__":
    main()
