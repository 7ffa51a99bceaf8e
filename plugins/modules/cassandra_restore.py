#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_restore
version_added: 0.1.0
short_description: Bring a node's part of a backup back
description:
  - Does one step of a restore that M(revive.cassandra.cassandra_restore_info) planned, on one node.
  - Each step can be run again.
  - O(state=fetched) downloads beside the data, while Cassandra serves. What is there already is not downloaded again.
  - O(state=switched) exchanges the directories of a stopped node. If it fails, everything is put back.
  - O(state=rolled_back) puts everything back as it was before the switch, on a stopped node.
  - O(state=finished) gives up the way back.
  - While it downloads, its action plugin prints how far it is, at least every ten seconds.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._node
  - revive.cassandra._repository.unused
  - revive.cassandra._transfer
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description: The step.
    type: str
    choices: [fetched, switched, rolled_back, finished]
    required: true
  plan:
    description:
      - What M(revive.cassandra.cassandra_restore_info) returned as
        RV(revive.cassandra.cassandra_restore_info#module:plan).
    type: dict
  restore_id:
    description: The restore's name. By default the one of O(plan).
    type: str
  owner:
    description: The user that Cassandra runs as. By default who owns the data directory.
    type: str
  group:
    description: The group that Cassandra runs as. By default the data directory's.
    type: str
  keep_old:
    description: Whether O(state=finished) keeps what had been put aside, to be looked at or deleted later.
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

- name: Exchange the directories, while Cassandra is stopped
  revive.cassandra.cassandra_restore:
    node_name: "{{ inventory_hostname }}"
    state: switched
    plan: "{{ planned.plan }}"

- name: Keep it, and delete what had been put aside
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
refetch:
  description: Whether what had been downloaded is gone, so that it has to be fetched again.
  returned: when O(state=rolled_back)
  type: bool
  sample: false
freed_bytes:
  description: The bytes of what had been put aside and was deleted.
  returned: when O(state=finished)
  type: int
  sample: 0
error:
  description: What went wrong, when the module failed for a reason that is known.
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
"""

from ansible_collections.revive.cassandra.plugins.module_utils._operations import restore_steps
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import values
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import (
    Arguments,
    shared_arguments,
    transfer_arguments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

ARGUMENTS = (
    shared_arguments(repository_required=False)
    + transfer_arguments()
    + Arguments(
        options={
            "state": {
                "type": "str",
                "choices": ["fetched", "switched", "rolled_back", "finished"],
                "required": True,
            },
            "plan": {"type": "dict"},
            "restore_id": {"type": "str"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "keep_old": {"type": "bool", "default": True},
        },
        required_if=(
            ("state", "fetched", ("plan", "repository")),
            ("state", "switched", ("plan",)),
            ("state", "rolled_back", ("plan", "restore_id"), True),
            ("state", "finished", ("plan", "restore_id"), True),
        ),
    )
)


def part_of(call: Call) -> restore_steps.Part:
    """What the plan has for this node."""
    return restore_steps.Part(
        node=call.node(),
        plan=values.plan(call.params["plan"]),
        owner=call.params["owner"],
        group=call.params["group"],
    )


def fetch_it(call: Call) -> Result:
    """Download what belongs on this node beside its data."""
    part = part_of(call)
    if call.check_mode:
        return {"changed": True}
    outcome = restore_steps.fetch_part(
        part, call.store(), repository=call.repository(), transfer=call.transfer(), progress=call.progress()
    )
    return {"changed": outcome.changed, "fetched": plain(outcome)}


def switch_it(call: Call) -> Result:
    """Exchange the directories."""
    return {"changed": restore_steps.switch_part(part_of(call), check_mode=call.check_mode)}


def roll_it_back(call: Call) -> Result:
    """Put everything back."""
    outcome = restore_steps.roll_back(call.node(), restore_id=restore_id_of(call), check_mode=call.check_mode)
    return dict(plain(outcome))


def finish_it(call: Call) -> Result:
    """Give up the way back."""
    outcome = restore_steps.finish(
        call.node(), restore_id=restore_id_of(call), keep_old=call.params["keep_old"], check_mode=call.check_mode
    )
    return dict(plain(outcome))


def restore_id_of(call: Call) -> str:
    """The restore's name, as it was given or as the plan has it."""
    return str(call.params["restore_id"] or call.params["plan"]["restore_id"])


def use(call: Call) -> Result:
    """Do one step."""
    steps = {"fetched": fetch_it, "switched": switch_it, "rolled_back": roll_it_back, "finished": finish_it}
    state = call.params["state"]
    return {"restore_id": restore_id_of(call), "state": state, **steps[state](call)}


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, use)


if __name__ == "__main__":
    main()
