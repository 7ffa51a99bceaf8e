# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What on a target would make its switch fail, once Cassandra is stopped: told before anything is touched. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode


def obstacle_reasons(
    target: TargetNode, *, manifest: ClusterManifest, new_cluster: bool
) -> t.Iterator[LocalFilesError]:
    """Why the directories of a target cannot be exchanged, or its configuration cannot get its tokens."""
    for each in target.obstacles:
        if new_cluster or not each.new_cluster:
            yield LocalFilesError(f"{target.name}: {each.message}", subject=each.subject, next_step=each.next_step)
    restored = {summary.table.keyspace for summary in manifest.tables}
    for place in target.places:
        for name in sorted(restored.intersection(place.strangers)):
            yield LocalFilesError(
                f"{target.name}: {place.path}/{name} has the name of a keyspace that is to be restored, and holds "
                "something else.",
                subject=f"{place.path}/{name}",
                next_step="Move it out of Cassandra's data directory.",
            )
