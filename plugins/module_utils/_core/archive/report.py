# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a cluster's commit log archive, as the repository says: as values, and in lines to read. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import NodeLog, chains
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import (
    Base,
    Window,
    node_windows,
    restorable_windows,
    unreadable_bases,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_size, format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Gap


@dataclasses.dataclass(frozen=True)
class NodeArchive:
    """The state of a node's archive, as the repository says.

    :param lag_seconds: for how long what is written has not been covered; ``None`` if nothing ever was.
    """

    host_id: str
    name: str
    covered_until_us: int
    lag_seconds: float | None
    gaps: tuple[Gap, ...]
    windows: tuple[Window, ...]
    segments: int
    pieces: int
    stored_size: int
    spool_bytes: int
    spool_limit_bytes: int


@dataclasses.dataclass(frozen=True)
class ClusterArchive:
    """The state of the cluster's archive.

    :param windows: moments to which all nodes can be restored, for each base, oldest first.
    :param unreadable: in lines, the backups that cannot be read, from which there may be more.
    """

    nodes: tuple[NodeArchive, ...]
    windows: tuple[Window, ...]
    unreadable: tuple[str, ...] = ()


def report_archive(logs: t.Sequence[NodeLog], bases: t.Sequence[Base], *, now_us: int) -> ClusterArchive:
    """The restorable windows, gaps, lag and sizes, per node and for the cluster."""
    nodes = []
    for log in logs:
        found = chains(log)
        until_us = found[-1].until_us if found else 0
        nodes.append(
            NodeArchive(
                host_id=log.host_id,
                name=log.name,
                covered_until_us=until_us,
                lag_seconds=max(0, now_us - until_us) / 1_000_000 if until_us else None,
                gaps=log.gaps,
                windows=node_windows(bases, log),
                segments=sum(len(chain.segments) for chain in found),
                pieces=len(log.pieces),
                stored_size=sum(piece.stored_size for piece in log.pieces),
                spool_bytes=log.head.spool_bytes if log.head else 0,
                spool_limit_bytes=log.head.spool_limit_bytes if log.head else 0,
            )
        )
    return ClusterArchive(
        nodes=tuple(nodes), windows=restorable_windows(bases, logs), unreadable=tuple(unreadable_bases(bases))
    )


def archive_lines(archive: ClusterArchive) -> list[str]:
    """The archive in lines to read: the cluster's windows, then each node."""
    if not archive.nodes:
        return ["No commit log has been archived."]
    lines = [_window_line(window) for window in archive.windows]
    if not lines:
        lines = ["The cluster cannot be restored to a moment yet: take a backup while archiving is on."]
    lines += archive.unreadable
    for node in archive.nodes:
        covered = "is not covered"
        if node.lag_seconds is not None:
            covered = f"is covered until {format_us(node.covered_until_us)}, {node.lag_seconds:.1f} s ago"
        lines.append(
            f"{node.name}: {covered}; {node.segments} segments in {node.pieces} pieces, "
            f"{format_size(node.stored_size)}; spool {format_size(node.spool_bytes)}"
            + (f" of {format_size(node.spool_limit_bytes)}." if node.spool_limit_bytes else ".")
        )
        lines += [
            f"{node.name}: GAP, {gap}. After {format_us(gap.after_us)}. {gap.detail}".strip() for gap in node.gaps
        ]
    return lines


def _window_line(window: Window) -> str:
    line = (
        f"From backup {window.tag}, any moment from {format_us(window.from_us)} to {format_us(window.until_us)}, "
        + (f"where the log of {window.limited_by} ends" if window.limited_by else "where it ends")
    )
    return f"{line}: {window.ended_by}." if window.ended_by else f"{line} so far."
