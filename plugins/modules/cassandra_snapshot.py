#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_snapshot
version_added: 0.1.0
short_description: Take and clear snapshots of a node
description:
  - Takes a node's snapshot under a tag, with a record of who took it, when, and where the commit log stood.
  - Clears snapshots that this module took, by tag or by age. Snapshots of others are never touched.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._node
  - revive.cassandra._repository.unused
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) takes the snapshot, unless there is one of that tag.
      - V(absent) clears it, or all that are older than O(older_than_seconds).
    type: str
    choices: [present, absent]
    default: present
  tag:
    description: The snapshot's name. Required to take one.
    type: str
  keyspaces:
    description: The keyspaces to take; all by default. Those of Cassandra that a restore needs are always taken too.
    type: list
    elements: str
    default: []
  tables:
    description: The tables to take, each as V(keyspace.table), instead of whole keyspaces.
    type: list
    elements: str
    default: []
  ttl:
    description: When Cassandra clears the snapshot by itself, such as V(2d). From Cassandra 4.1 on.
    type: str
  skip_flush:
    description: Takes only what is already on disk, to save the flush.
    type: bool
    default: false
  for_backup:
    description:
      - Says that a backup takes the snapshot, and clears it in the end. What is left of those, the next backup clears.
      - With O(state=absent) and O(tag), a snapshot that no backup took is left alone.
    type: bool
    default: false
  older_than_seconds:
    description: Clears all snapshots that this module took more than this many seconds ago.
    type: int
"""

EXAMPLES = r"""
- name: Take a snapshot of everything
  revive.cassandra.cassandra_snapshot:
    tag: backup_20261122_020000

- name: Take a snapshot of one keyspace that clears itself after two days
  revive.cassandra.cassandra_snapshot:
    tag: before_migration
    keyspaces:
      - certificate_manager
    ttl: 2d

- name: Clear it
  revive.cassandra.cassandra_snapshot:
    tag: before_migration
    state: absent

- name: Clear what broken runs left behind
  revive.cassandra.cassandra_snapshot:
    state: absent
    older_than_seconds: 86400
"""

RETURN = r"""
state:
  description: The state that was asked for and reached.
  returned: success
  type: str
  sample: present
snapshot:
  description: The snapshot as it was taken; none if check mode would take one.
  returned: when O(state=present)
  type: dict
  contains:
    tag:
      description: Its name.
      type: str
      returned: always
      sample: backup_20261122_020000
    began_us:
      description: When it began, in microseconds since the epoch.
      type: int
      returned: always
      sample: 1795372923000000
    ended_us:
      description: When it ended.
      type: int
      returned: always
      sample: 1795372925000000
    node:
      description: The node, with its host id, address, datacenter, rack, tokens and version.
      type: dict
      returned: always
      sample: {host_id: 2f1c5a0e-7d31-4c57-9a8e-0d4b6f8f3a11, name: node1, address: 10.0.0.11}
    commit_log:
      description: Where the node's commit log stood just before that.
      type: dict
      returned: always
      sample: {segments: [1795372000000], active_segment: 1795372000000, active_position: 1048576}
    keyspaces:
      description: What was asked for; empty means all.
      type: list
      elements: str
      returned: always
      sample: []
    tables:
      description: What was asked for; empty means all.
      type: list
      elements: str
      returned: always
      sample: []
    for_backup:
      description: Whether a backup took it.
      type: bool
      returned: always
      sample: true
    contents:
      description: How many tables and files it holds, and their size in bytes. An upload has to find exactly these.
      type: dict
      returned: always
      sample: {tables: 42, files: 1250, size: 73400320}
cleared:
  description: The tags that were cleared.
  returned: when O(state=absent)
  type: list
  elements: str
  sample: [backup_20261121_020000]
error:
  description: What went wrong, if the module failed for a known reason.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(store_denied).
      type: str
      returned: always
      sample: node_unreachable
    message:
      description: What happened.
      type: str
      returned: always
      sample: nodetool does not answer.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: node1
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Start the node.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup import snapshot, snapshot_notes
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import Arguments, shared_arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

ARGUMENTS = shared_arguments(repository_required=False) + Arguments(
    options={
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "tag": {"type": "str"},
        "keyspaces": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "tables": {"type": "list", "elements": "str", "default": []},
        "ttl": {"type": "str"},
        "skip_flush": {"type": "bool", "default": False},
        "for_backup": {"type": "bool", "default": False},
        "older_than_seconds": {"type": "int"},
    },
    required_if=(
        ("state", "present", ("tag",)),
        ("state", "absent", ("tag", "older_than_seconds"), True),
    ),
    mutually_exclusive=(("tag", "older_than_seconds"), ("keyspaces", "tables")),
)


def take(call: Call) -> Result:
    """Take the snapshot."""
    outcome = snapshot.take_snapshot(
        call.node(),
        tag=call.params["tag"],
        keyspaces=tuple(call.params["keyspaces"]),
        tables=tuple(call.params["tables"]),
        ttl=call.params["ttl"],
        skip_flush=call.params["skip_flush"],
        for_backup=call.params["for_backup"],
        check_mode=call.check_mode,
    )
    return {
        "changed": outcome.changed,
        "state": "present",
        "snapshot": plain(outcome.record),
        "diff": {"before": plain(outcome.before), "after": plain(outcome.after)},
    }


def clear(call: Call) -> Result:
    """Clear snapshots."""
    outcome = snapshot.clear_snapshots(
        call.node(),
        tag=call.params["tag"],
        older_than_seconds=call.params["older_than_seconds"],
        for_backup=call.params["for_backup"],
        check_mode=call.check_mode,
    )
    cleared = plain(outcome.cleared)
    return {
        "changed": outcome.changed,
        "state": "absent",
        "cleared": cleared,
        "diff": {"before": {"snapshots": cleared}, "after": {"snapshots": []}},
    }


def use(call: Call) -> Result:
    """Take or clear."""
    return take(call) if call.params["state"] == "present" else clear(call)


def works_on(call: Call) -> str | None:
    """The snapshot that is taken or cleared, if there is one."""
    tag: str = call.params["tag"] or "old snapshots"
    nothing = call.params["state"] == "absent" and call.params["for_backup"] and call.params["tag"]
    return None if nothing and not snapshot_notes.is_of_backup(call.node(), tag=tag) else tag


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, use, works_on=works_on)


if __name__ == "__main__":
    main()
