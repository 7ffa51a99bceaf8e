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
  - Lists the backups that a repository holds, the newest first, with their sizes and how much of each was new.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._attributes.info
  - revive.cassandra._node
  - revive.cassandra._repository
options:
  tag:
    description: Lists this backup only; V(latest) is the newest complete one.
    type: str
  keyspace:
    description: Lists backups that hold this keyspace only.
    type: str
  include_incomplete:
    description: Lists backups that were begun and not finished, too.
    type: bool
    default: false
  limit:
    description: Lists so many at most.
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
  description: The backups, the newest first.
  returned: success
  type: list
  elements: dict
  sample:
    - tag: backup_20261122_020000
      complete: true
error:
  description: What went wrong, when the module failed for a reason that is known.
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
"""

from ansible_collections.revive.cassandra.plugins.module_utils._operations import backups
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import (
    Arguments,
    shared_arguments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

ARGUMENTS = shared_arguments(repository_required=True) + Arguments(
    options={
        "tag": {"type": "str"},
        "keyspace": {"type": "str"},
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
    return {"changed": False, "backups": plain(found)}


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, list_them)


if __name__ == "__main__":
    main()
