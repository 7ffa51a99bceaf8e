#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_repository
version_added: 0.1.0
short_description: Make sure that a repository belongs to this cluster
description:
  - On an empty prefix, writes the marker that says whose backups the repository holds. It never changes again.
  - If there is a marker, checks that it names this cluster, so two clusters never mix their backups.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._node
  - revive.cassandra._repository
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description: V(present) makes the repository if there is none.
    type: str
    choices: [present]
    default: present
  cluster_name:
    description: The cluster's name, as Cassandra knows it.
    type: str
    required: true
  host_ids:
    description: The host ids of all the cluster's nodes.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Make the repository, or check that it belongs to this cluster
  revive.cassandra.cassandra_repository:
    repository:
      bucket: cassandra-backups
      prefix: production
      region: eu-central-1
    cluster_name: Production
    host_ids:
      - 2f1c5a0e-7d31-4c57-9a8e-0d4b6f8f3a11
      - 6b7a0b0c-53f0-4a6e-8c57-35c0d8d1f0a2
      - c0a8f2d4-1f0b-4c1e-b6a5-7e9d3c2b1a03
"""

RETURN = r"""
repository:
  description: Whose backups the repository holds.
  returned: success
  type: dict
  contains:
    uri:
      description: Where it is.
      type: str
      returned: always
      sample: s3://cassandra-backups/production/
    cluster_id:
      description:
        - The cluster's id, which every manifest repeats.
        - In check mode, the id of a repository that would be made is not final.
      type: str
      returned: always
      sample: 5f0c1d3e-9a57-4c0b-8a51-b7e2f60a9d10
    cluster_name:
      description: The cluster's name when the repository was made.
      type: str
      returned: always
      sample: Production
    host_ids:
      description: The nodes that the cluster had then.
      type: list
      elements: str
      returned: always
      sample: [2f1c5a0e-7d31-4c57-9a8e-0d4b6f8f3a11]
    created_us:
      description: When it was made, in microseconds since the epoch.
      type: int
      returned: always
      sample: 1795372923000000
    conditional_puts:
      description: Whether the store can refuse to replace an object.
      type: bool
      returned: always
      sample: true
error:
  description: What went wrong, if the module failed for a known reason.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(store_denied).
      type: str
      returned: always
      sample: wrong_cluster
    message:
      description: What happened.
      type: str
      returned: always
      sample: The repository holds another cluster's backups.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: s3://cassandra-backups/production/
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Give this cluster a prefix of its own.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository import marker as repository
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import Arguments, shared_arguments
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

ARGUMENTS = shared_arguments(repository_required=True) + Arguments(
    options={
        "state": {"type": "str", "choices": ["present"], "default": "present"},
        "cluster_name": {"type": "str", "required": True},
        "host_ids": {"type": "list", "elements": "str", "required": True},
    }
)


def ensure(call: Call) -> Result:
    """Make the repository or check whose it is."""
    state = repository.ensure_repository(
        call.store(),
        cluster_name=call.params["cluster_name"],
        host_ids=tuple(call.params["host_ids"]),
        check_mode=call.check_mode,
        now_us=call.now_us(),
    )
    marker = plain(state.marker)
    return {
        "changed": state.created,
        "repository": {"uri": str(call.repository()), **marker},
        "diff": {"before": {} if state.created else marker, "after": marker},
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, ensure)


if __name__ == "__main__":
    main()
