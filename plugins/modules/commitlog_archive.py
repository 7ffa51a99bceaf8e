#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: commitlog_archive
version_added: 0.1.0
short_description: Configure a node to archive its commit log
description:
  - Sets Cassandra's C(archive_command), makes the spool that it links segments into, and writes the settings of the
    agent that ships them, with secrets in files of their own that only its user reads.
  - Settings that a restore left in C(commitlog_archiving.properties) are removed. On a node that serves they
    delete what is written after the restore at its next start.
  - Cassandra and the agent read their files when they start. This module restarts neither; it says what is needed.
    The role P(revive.cassandra.archive#role) does it all, one node after the other.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._node
  - revive.cassandra._repository.unused
  - revive.cassandra._cql
  - revive.cassandra._cql.optional_address
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
      - V(present) turns archiving on, and needs O(repository).
      - V(absent) turns it off. What Cassandra and the agent still use stays; once they have ended or been
        restarted, run it again to remove the rest, except segments that nobody has shipped.
    type: str
    choices: [present, absent]
    default: present
  script_path:
    description:
      - The path of the program that Cassandra runs for each segment, without blanks. The role installs it.
      - Its settings are written beside it.
    type: path
    default: /opt/revive-cassandra/archive/archive_segment
  spool_directory:
    description:
      - Where segments wait until they are shipped. On another file system than the commit log's they are copied.
      - By default C(.revive) in the commit log's directory.
    type: path
  spool_max_bytes:
    description: The spool's limit; V(0) for none.
    type: int
    default: 0
  spool_policy:
    description:
      - What happens to a segment when the spool is at its limit.
      - V(block) keeps it; the limit only raises an alarm.
      - V(drop_and_record_gap) drops it, and with it the moments until the next backup.
    type: str
    choices: [block, drop_and_record_gap]
    default: block
  replace_command:
    description: Replaces the C(archive_command) of another tool. Without it, such a node is refused.
    type: bool
    default: false
  interval_seconds:
    description: How often the agent ships what is new, and so roughly how much can be lost.
    type: float
    default: 5.0
  max_bytes_per_second:
    description: A limit for the agent. Unlimited by default.
    type: int
  owner:
    description: The user that Cassandra and the agent run as. By default files belong to whoever runs this module.
    type: str
  group:
    description: The group of that user.
    type: str
  node:
    description:
      - What M(revive.cassandra.cassandra_node_info) returned of this node a moment ago, so it is not asked again.
      - If Cassandra has been restarted since, RV(restart_needed) may be true without need, but is never
        wrongly false.
    type: dict
  host_ids:
    description: All nodes of the cluster, so one that joined after the last backup is recognised.
    type: list
    elements: str
    default: []
  record_schema:
    description:
      - Has the agent record the schema, with ids, whenever it changes, and truncations. Needs O(native_address).
      - It logs in with O(cql_username), which only needs to read C(system) and C(system_schema).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Archive the commit log
  revive.cassandra.commitlog_archive:
    repository:
      bucket: cassandra-backups
      prefix: production
    owner: cassandra
    group: cassandra
    spool_max_bytes: 10737418240
  register: archive

- name: Stop archiving it
  revive.cassandra.commitlog_archive:
    state: absent
"""

RETURN = r"""
state:
  description: The state that was asked for, reached now or after the restarts.
  returned: success
  type: str
  sample: present
restart_needed:
  description: Whether the running Cassandra started before C(commitlog_archiving.properties) was last changed.
  returned: success
  type: bool
  sample: true
agent_restart_needed:
  description: Whether the agent's files changed.
  returned: success
  type: bool
  sample: true
agent_running:
  description: Whether an agent is running.
  returned: success
  type: bool
  sample: true
agent_config_file:
  description: The agent's settings, which name the files with secrets.
  returned: success
  type: str
  sample: /var/lib/revive-cassandra/archive/agent.json
commitlog_directory:
  description: The commit log's directory.
  returned: success
  type: str
  sample: /var/lib/cassandra/commitlog
spool_directory:
  description: Where segments wait until they are shipped.
  returned: success
  type: str
  sample: /var/lib/cassandra/commitlog/.revive
kept_spool:
  description: With O(state=absent), a directory that is left because it holds segments that nobody has shipped.
  returned: success
  type: str
  sample: /var/lib/cassandra/commitlog/.revive
removed_restore_settings:
  description: Settings of a restore that were found and removed.
  returned: success
  type: list
  elements: str
  sample: [restore_point_in_time]
error:
  description: What went wrong, if the module failed for a known reason.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(wrong_cluster).
      type: str
      returned: always
      sample: store_denied
    message:
      description: What happened.
      type: str
      returned: always
      sample: The store does not let this key in.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: s3://cassandra-backups/production/
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Check the key.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive import archiving, setup
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import (
    Arguments,
    cql_arguments,
    shared_arguments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

ARGUMENTS = (
    shared_arguments(repository_required=False)
    + cql_arguments(required=False)
    + Arguments(
        options={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "script_path": {"type": "path", "default": "/opt/revive-cassandra/archive/archive_segment"},
            "spool_directory": {"type": "path"},
            "spool_max_bytes": {"type": "int", "default": 0},
            "spool_policy": {"type": "str", "choices": ["block", "drop_and_record_gap"], "default": "block"},
            "replace_command": {"type": "bool", "default": False},
            "interval_seconds": {"type": "float", "default": 5.0},
            "max_bytes_per_second": {"type": "int"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "host_ids": {"type": "list", "elements": "str", "default": []},
            "node": {"type": "dict"},
            "record_schema": {"type": "bool", "default": False},
        },
        required_if=(("state", "present", ("repository",)), ("record_schema", True, ("native_address",))),
        required_together=(("owner", "group"),),
    )
)


def set_up(call: Call, settings: archiving.ArchivingSettings) -> setup.SetUp:
    """Archive."""
    options = setup.AgentOptions(
        interval_seconds=call.params["interval_seconds"],
        max_bytes_per_second=call.params["max_bytes_per_second"],
        cql=call.cql() if call.params["record_schema"] else None,
    )
    known = TargetNode.from_result(call.params["node"]) if call.params["node"] else None
    return setup.set_up_archiving(
        call.node(),
        call.store(),
        call.repository(),
        settings,
        options,
        host_ids=call.params["host_ids"],
        identity=known.identity if known else None,
        started_us=known.started_us if known else None,
        check_mode=call.check_mode,
    )


def configure(call: Call) -> Result:
    """Archive, or no longer."""
    names = ("script_path", "spool_directory", "spool_max_bytes", "spool_policy", "replace_command")
    owner = (call.params["owner"], call.params["group"]) if call.params["owner"] else None
    settings = archiving.ArchivingSettings(owner=owner, **{name: call.params[name] for name in names})
    if call.params["state"] == "present":
        outcome = set_up(call, settings)
    else:
        outcome = setup.take_down_archiving(call.node(), settings, check_mode=call.check_mode)
    said = plain(outcome)
    return {
        **{name: said[name] for name in ("changed", "restart_needed", "agent_config_file", "kept_spool")},
        **{name: said[name] for name in ("commitlog_directory", "spool_directory", "agent_running")},
        "state": call.params["state"],
        "agent_restart_needed": outcome.agent_changed,
        "removed_restore_settings": said["removed_restore_settings"],
        "diff": [
            {"before_header": each.path, "after_header": each.path, "before": each.before, "after": each.after}
            for each in outcome.files
        ],
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, configure, works_on=lambda _call: "the commit log")


if __name__ == "__main__":
    main()
