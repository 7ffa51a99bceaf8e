#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_backup_info
version_added: 0.1.0
short_description: List backups in a repository
description:
  - Lists the backups in a repository, newest first, with their sizes and how much of each was new.
  - The order goes by the store's clock, at which each was completed. One that cannot be read is in its place, with the
    reason.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._attributes.info
  - revive.cassandra._node
  - revive.cassandra._repository
options:
  tag:
    description: Lists only this backup.
    type: str
  keyspace:
    description: Lists only backups that hold this keyspace, and those that cannot be read and may hold it.
    type: str
  include_incomplete:
    description: Lists backups that were begun but not finished, too.
    type: bool
    default: false
  limit:
    description: Lists at most this many.
    type: int
"""

EXAMPLES = r"""
- name: List the ten newest backups
  revive.cassandra.cassandra_backup_info:
    repository:
      bucket: cassandra-backups
      prefix: production
    limit: 10
  register: listing

- name: Show their tags
  ansible.builtin.debug:
    msg: "{{ listing.backups | map(attribute='tag') }}"
"""

RETURN = r"""
backups:
  description: The backups, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    tag:
      description: Its name.
      type: str
      returned: always
      sample: backup_20261122_020000
    cluster_name:
      description: The cluster's name.
      type: str
      returned: when the backup is complete
      sample: Production
    whole:
      description: Whether it is a backup of everything. Only such a one is V(latest) for whole nodes.
      type: bool
      returned: when the backup is complete
      sample: true
    began_us:
      description: When it began, in microseconds since the epoch.
      type: int
      returned: when the backup is complete
      sample: 1795372923000000
    completed_us:
      description: When everything was verified to be in the repository.
      type: int
      returned: when the backup is complete
      sample: 1795372993000000
    restore_point_us:
      description: When the last node's snapshot ended, in microseconds since the epoch.
      type: int
      returned: when the backup is complete
      sample: 1795372925000000
    duration_seconds:
      description: From its beginning until it was verified.
      type: float
      returned: when the backup is complete
      sample: 70.2
    nodes:
      description: The names of the nodes.
      type: list
      elements: str
      returned: when the backup is complete
      sample: [node1, node2, node3]
    tables:
      description: How many tables it holds.
      type: int
      returned: when the backup is complete
      sample: 42
    totals:
      description: How much it holds, and how much of it was new.
      type: dict
      returned: when the backup is complete
      contains:
        files:
          description: How many files.
          type: int
          returned: when the backup is complete
          sample: 1201
        size:
          description: Their bytes, before compression and encryption.
          type: int
          returned: when the backup is complete
          sample: 2040109465
        objects:
          description: How many objects hold them.
          type: int
          returned: when the backup is complete
          sample: 310
        stored_size:
          description: The objects' bytes.
          type: int
          returned: when the backup is complete
          sample: 2040211865
        new_objects:
          description: How many of the objects were uploaded for this backup; the others were there.
          type: int
          returned: when the backup is complete
          sample: 12
        new_stored_size:
          description: The new objects' bytes.
          type: int
          returned: when the backup is complete
          sample: 71303168
    shared_stored_size:
      description: Bytes of its objects that earlier backups had uploaded.
      type: int
      returned: when the backup is complete
      sample: 1968908697
    keyspaces:
      description: The keyspaces that it holds.
      type: list
      elements: str
      returned: when the backup is complete
      sample: [certificate_manager, system_auth, system_schema]
    signed:
      description:
        - Who has signed it. A name is by O(repository.allowed_signers), and was checked; without that option the key is
          shown, which anybody may have put there.
      type: str
      returned: when the backup is complete
      sample: signed by backups@example.com
    degraded:
      description: Whether it was taken while nodes were down, and lacks what only these had.
      type: bool
      returned: when the backup is complete
      sample: false
    missing_nodes:
      description: The names of those nodes.
      type: list
      elements: str
      returned: when the backup is complete
      sample: []
    degraded_lines:
      description: What it has of each keyspace's replicas nevertheless, and what follows, for people.
      type: list
      elements: str
      returned: when the backup is complete
      sample: []
    complete:
      description: Whether it can be restored.
      type: bool
      returned: always
      sample: true
    problem:
      description: Why a complete backup cannot be read; empty otherwise.
      type: str
      returned: always
      sample: ""
    node_host_ids:
      description: The host ids of the nodes whose parts are there.
      type: list
      elements: str
      returned: always
      sample: [2f1c5a0e-7d31-4c57-9a8e-0d4b6f8f3a11]
summary:
  description: The same as text, one line per backup.
  returned: success
  type: list
  elements: str
  sample:
    - "backup_20261122_020000: 2026-11-22T02:00:05.000000Z, 3 nodes, 42 tables, 1.9 GiB in 1201 files, 68.0 MiB new,
      took 1:10, signed by backups@example.com"
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
      sample: The store refused the credentials.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: s3://cassandra-backups/production/
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Check the access key.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import signed_in_brief
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.wording import backup_line
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository import backups
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import backup_values
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import Arguments, shared_arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, run

ARGUMENTS = shared_arguments(repository_required=True) + Arguments(
    options={
        "tag": {"type": "str"},
        "keyspace": {"type": "str", "no_log": False},
        "include_incomplete": {"type": "bool", "default": False},
        "limit": {"type": "int"},
    }
)


def list_them(call: Call) -> Result:
    """List the backups that the options select."""
    found = backups.list_backups(
        call.store(),
        tag=call.params["tag"],
        keyspace=call.params["keyspace"],
        include_incomplete=call.params["include_incomplete"],
        limit=call.params["limit"],
    )
    return {
        "changed": False,
        "backups": [
            {
                "tag": info.tag,
                "complete": info.complete,
                "problem": info.problem,
                "node_host_ids": list(info.node_host_ids),
                **(backup_values.backup(info.manifest) if info.manifest else {}),
                **({"signed": signed_in_brief(info.signer)} if info.manifest else {}),
            }
            for info in found
        ],
        "summary": [
            f"{backup_line(info.manifest)}, {signed_in_brief(info.signer)}"
            if info.manifest
            else f"{info.tag}: {info.problem or 'not complete'}"
            for info in found
        ],
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, list_them)


if __name__ == "__main__":
    main()
