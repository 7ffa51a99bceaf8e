#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_backup_publish
version_added: 0.1.0
short_description: Make a backup visible in the repository
description:
  - Checks that every node's manifest is complete and in the repository, then writes the cluster's manifest.
  - Until then there is no backup. Run it once, on one node or on the controller.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._node
  - revive.cassandra._repository
attributes:
  check_mode:
    support: full
    details:
      - Checks whether there is a complete backup of O(tag), and whether O(signing_key) can sign, but not what the nodes
        have uploaded.
  diff_mode:
    support: partial
    details:
      - There is no diff in check mode.
  idempotent:
    support: full
options:
  tag:
    description: The backup's name.
    type: str
    required: true
  nodes:
    description:
      - What M(revive.cassandra.cassandra_backup_upload) returned as
        RV(revive.cassandra.cassandra_backup_upload#module:node), of every node of the cluster.
    type: list
    elements: dict
    required: true
  began_us:
    description: When the backup began, in microseconds since the epoch.
    type: int
    required: true
  keyspaces:
    description: The keyspaces that were asked for; empty means all.
    type: list
    elements: str
    default: []
  tables:
    description: The tables that were asked for, each as V(keyspace.table); empty means all.
    type: list
    elements: str
    default: []
  schema_cql:
    description: The statements that make the schema, in order.
    type: list
    elements: str
    default: []
  required_tables:
    description:
      - The tables and views that the schema had before the snapshots and had after them, as
        RV(revive.cassandra.cassandra_table_count_info#module:schema_tables) has them.
      - The backup is refused if a node's snapshot lacks one that was asked for.
    type: list
    elements: str
    default: []
  taken_before:
    description:
      - The names of nodes whose snapshot an earlier run had taken, before O(required_tables) were read. They may lack
        one.
    type: list
    elements: str
    default: []
  row_counts:
    description:
      - What M(revive.cassandra.cassandra_table_count_info) returned as
        RV(revive.cassandra.cassandra_table_count_info#module:tables).
    type: list
    elements: dict
    default: []
  missing:
    description:
      - The members of the ring that are down and not in the backup, each with C(host_id), C(name), C(address),
        C(datacenter), C(rack) and C(reason).
      - With any, the backup is marked as degraded, and what it has of each keyspace's replicas is part of it.
    type: list
    elements: dict
    default: []
  missing_nodes:
    description:
      - What the backup has to have without them, of each keyspace that belongs to it.
      - V(covered) is one replica of every range.
      - V(quorum) is also every write that was acknowledged at QUORUM, or at LOCAL_QUORUM in any datacenter.
      - V(none) refuses a backup without all nodes.
      - Roles and what else Cassandra's own keyspaces hold do not decide; what is missing of them is told.
    type: str
    choices: [none, quorum, covered]
    default: covered
  members:
    description:
      - With O(missing), all members of the ring, as M(revive.cassandra.cassandra_table_count_info) returned them as
        RV(revive.cassandra.cassandra_table_count_info#module:members).
    type: list
    elements: dict
    default: []
  signing_key:
    description:
      - A file, where the module runs, with the private key that signs the backup, as C(ssh-keygen -t ed25519) makes it.
        It has no passphrase, and only its owner may read it.
      - C(ssh-keygen) signs, in the form of C(ssh-keygen -Y sign) and for C(revive.cassandra); OpenSSH 8.2 or newer.
      - What is signed is the backup's manifest, which holds the hashes of everything else in it.
      - Without it nobody signs.
    type: path
"""

EXAMPLES = r"""
- name: Make the backup visible
  revive.cassandra.cassandra_backup_publish:
    repository:
      bucket: cassandra-backups
      prefix: production
    tag: backup_20261122_020000
    began_us: 1795372923000000
    nodes: "{{ ansible_play_hosts | map('extract', hostvars, ['upload', 'node']) }}"
  run_once: true
"""

RETURN = r"""
backup:
  description: The backup as M(revive.cassandra.cassandra_backup_info) lists it.
  returned: success, and not in check mode
  type: dict
  contains:
    tag:
      description: Its name.
      type: str
      returned: always
      sample: backup_20261122_020000
    cluster_name:
      description: The cluster's name.
      type: str
      returned: always
      sample: Production
    began_us:
      description: When it began, in microseconds since the epoch.
      type: int
      returned: always
      sample: 1795372923000000
    completed_us:
      description: When everything was verified to be in the repository.
      type: int
      returned: always
      sample: 1795372993000000
    restore_point_us:
      description: When the last node's snapshot ended, in microseconds since the epoch.
      type: int
      returned: always
      sample: 1795372925000000
    whole:
      description: Whether it is a backup of everything. Only such a one is V(latest) for whole nodes.
      type: bool
      returned: always
      sample: true
    duration_seconds:
      description: From its beginning until it was verified.
      type: float
      returned: always
      sample: 70.2
    nodes:
      description: The names of the nodes.
      type: list
      elements: str
      returned: always
      sample: [node1, node2, node3]
    tables:
      description: How many tables it holds.
      type: int
      returned: always
      sample: 42
    totals:
      description: How much it holds, and how much of it was new.
      type: dict
      returned: always
      contains:
        files:
          description: How many files.
          type: int
          returned: always
          sample: 1201
        size:
          description: Their bytes, before compression and encryption.
          type: int
          returned: always
          sample: 2040109465
        objects:
          description: How many objects hold them.
          type: int
          returned: always
          sample: 310
        stored_size:
          description: The objects' bytes.
          type: int
          returned: always
          sample: 2040211865
        new_objects:
          description: How many of the objects were uploaded for this backup; the others were there.
          type: int
          returned: always
          sample: 12
        new_stored_size:
          description: The new objects' bytes.
          type: int
          returned: always
          sample: 71303168
    shared_stored_size:
      description: Bytes of its objects that earlier backups had uploaded.
      type: int
      returned: always
      sample: 1968908697
    keyspaces:
      description: The keyspaces that it holds.
      type: list
      elements: str
      returned: always
      sample: [certificate_manager, system_auth, system_schema]
    degraded:
      description: Whether it was taken while nodes were down, and lacks what only these had.
      type: bool
      returned: always
      sample: false
    missing_nodes:
      description: The names of those nodes.
      type: list
      elements: str
      returned: always
      sample: []
    degraded_lines:
      description: What it has of each keyspace's replicas nevertheless, and what follows, for people.
      type: list
      elements: str
      returned: always
      sample: []
    signed:
      description: Who has signed it, and whether that was checked.
      type: str
      returned: always
      sample: signed by backups@example.com
signable:
  description: That it would be signed as it has to be, if at all.
  returned: success, and in check mode
  type: bool
  sample: true
clock_warnings:
  description: How far the node's clock is off the store's, if that is more than a second, for sure.
  returned: success, and not in check mode
  type: list
  elements: str
  sample: []
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

from ansible_collections.revive.cassandra.plugins.module_utils._core.collection import COLLECTION_VERSION
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import signed_in_brief
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup import preview, publish
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository import marker
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import backup_values
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import Arguments, shared_arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, run

ARGUMENTS = shared_arguments(repository_required=True) + Arguments(
    options={
        "tag": {"type": "str", "required": True},
        "nodes": {"type": "list", "elements": "dict", "required": True},
        "began_us": {"type": "int", "required": True},
        "keyspaces": {"type": "list", "elements": "str", "default": [], "no_log": False},
        "tables": {"type": "list", "elements": "str", "default": []},
        "schema_cql": {"type": "list", "elements": "str", "default": []},
        "required_tables": {"type": "list", "elements": "str", "default": []},
        "taken_before": {"type": "list", "elements": "str", "default": []},
        "row_counts": {"type": "list", "elements": "dict", "default": []},
        "missing": {"type": "list", "elements": "dict", "default": []},
        "missing_nodes": {"type": "str", "choices": ["none", "quorum", "covered"], "default": "covered"},
        "members": {"type": "list", "elements": "dict", "default": []},
        "signing_key": {"type": "path", "no_log": False},
    }
)


def publish_tag(call: Call) -> Result:
    """Check that all of the backup is there, and make it visible."""
    store = call.store()
    if call.check_mode:
        return {
            "changed": preview.would_publish(store, tag=call.params["tag"], signing_key=call.params["signing_key"]),
            "signable": True,
        }
    nodes = backup_values.node_summaries(call.params["nodes"])
    outcome = publish.publish_backup(
        store,
        marker=marker.open_repository(store),
        tag=call.params["tag"],
        node_summaries=nodes,
        began_us=call.params["began_us"],
        keyspaces=tuple(call.params["keyspaces"]),
        tables_asked=tuple(call.params["tables"]),
        schema_cql=tuple(call.params["schema_cql"]),
        required_tables=tuple(call.params["required_tables"]),
        taken_before=tuple(call.params["taken_before"]),
        row_counts=backup_values.row_counts(call.params["row_counts"]),
        degraded=backup_values.degraded(call.params, present=nodes),
        signing_key=call.params["signing_key"],
        moved_from=call.repository().moved_from,
        tool_version=COLLECTION_VERSION,
        now=call.now_us,
    )
    backup = {**backup_values.backup(outcome.manifest), "signed": signed_in_brief(outcome.signer)}
    return {
        "changed": outcome.changed,
        "backup": backup,
        "clock_warnings": backup_values.clock_warnings(outcome.ahead_of_store, name=call.node().name),
        "diff": {"before": {} if outcome.changed else backup, "after": backup},
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, publish_tag)


if __name__ == "__main__":
    main()
