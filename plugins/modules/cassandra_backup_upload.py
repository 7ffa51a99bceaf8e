#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_backup_upload
version_added: 0.1.0
short_description: Upload a snapshot of a node to the repository
description:
  - Uploads a snapshot that M(revive.cassandra.cassandra_snapshot) took, then the node's manifest.
  - Content that is already in the repository is not uploaded again. A run that died goes on where it stopped.
  - Only M(revive.cassandra.cassandra_backup_publish) makes the backup visible.
  - Meanwhile its action plugin prints how far it is, at least every ten seconds.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._node
  - revive.cassandra._repository
  - revive.cassandra._transfer
attributes:
  check_mode:
    support: full
    details:
      - Checks whether the node's manifest is in the repository, but reads and compares no objects.
  diff_mode:
    support: partial
    details:
      - Shows how many objects are new, and their bytes. There is no diff in check mode.
  idempotent:
    support: full
options:
  tag:
    description: The snapshot's name, and so the backup's.
    type: str
    required: true
  load_bytes:
    description:
      - What the node's tables use on disk, as M(revive.cassandra.cassandra_node_info) returned it in the node's facts.
      - With less than 64 MiB and no O(max_bytes_per_second), the upload takes seconds, and its progress is not shown.
    type: int
"""

EXAMPLES = r"""
- name: Upload the snapshot
  revive.cassandra.cassandra_backup_upload:
    tag: backup_20261122_020000
    repository:
      bucket: cassandra-backups
      prefix: production
    max_bytes_per_second: 52428800
  register: upload
"""

RETURN = r"""
node:
  description: What M(revive.cassandra.cassandra_backup_publish) needs to know about this node's part.
  returned: success, and not in check mode
  type: dict
  sample:
    manifest_key: backups/backup_20261122_020000/nodes/2f1c5a0e-7d31-4c57-9a8e-0d4b6f8f3a11.jsonl
    manifest_size: 81920
totals:
  description: How much the node has, and how much of it was new.
  type: dict
  returned: success, and not in check mode
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
seconds:
  description: How long it took.
  returned: success, and not in check mode
  type: float
  sample: 21.4
bytes_per_second:
  description: The rate at which bytes were uploaded, over all that time.
  returned: success, and not in check mode
  type: float
  sample: 92274688.0
mended:
  description: Objects that were in the repository with a size that their content cannot have, and were stored again.
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
      description: A stable word to branch on, such as V(wrong_cluster).
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

from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup import preview, upload
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository import marker as repository
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import (
    Arguments,
    shared_arguments,
    transfer_arguments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

ARGUMENTS = (
    shared_arguments(repository_required=True)
    + transfer_arguments()
    + Arguments(options={"tag": {"type": "str", "required": True}, "load_bytes": {"type": "int"}})
)


def upload_tag(call: Call) -> Result:
    """Upload the snapshot's files and the node's manifest."""
    store = call.store()
    marker = repository.open_repository(store)
    if call.check_mode:
        return {"changed": preview.would_upload(call.node(), store, tag=call.params["tag"])}
    outcome = upload.upload_snapshot(
        call.node(),
        store,
        marker=marker,
        settings=call.repository(),
        tag=call.params["tag"],
        transfer=call.transfer(),
        progress=call.progress(),
        now=call.now_us,
    )
    totals = plain(outcome.totals)
    return {
        "changed": outcome.changed,
        "node": plain(outcome.summary),
        "totals": totals,
        "seconds": outcome.seconds,
        "bytes_per_second": outcome.bytes_per_second,
        "mended": list(outcome.mended),
        "diff": {
            "before": {"new_objects": 0, "new_stored_size": 0},
            "after": {name: totals[name] for name in ("new_objects", "new_stored_size")},
        },
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, upload_tag, works_on=lambda call: str(call.params["tag"]))


if __name__ == "__main__":
    main()
