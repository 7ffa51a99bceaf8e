# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab's directory still has running, whoever started it."""

from __future__ import annotations

import contextlib
import types
from pathlib import Path

from lab.cluster import Cluster
from lab.s3 import S3Server
from lab.writer import Writer


def destroy_all(root: Path) -> None:
    """End all writers, clusters and S3 servers of a lab, and remove their directories."""
    for name in Writer.names(root):
        Writer.load(root, name).destroy()
    for name in Cluster.names(root):
        Cluster.load(root, name).destroy()
    for name in S3Server.names(root):
        S3Server.load(root, name).destroy()


def destroy_at_the_end(cluster: Cluster, ending: contextlib.ExitStack) -> None:
    """Destroy a cluster when a block ends, unless that has been done.

    Where the block ends by an error, the end of the nodes' logs is printed first: they go with the cluster.
    """

    def end(kind: type[BaseException] | None, _error: BaseException | None, _at: types.TracebackType | None) -> None:
        if not cluster.directory.exists():
            return
        for node in cluster.nodes if kind else ():
            print(node.log_tail())
        cluster.destroy()

    ending.push(end)
