# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From chains to what can be restored: windows of moments, and what to fetch of each log for one. Pure.

A moment can be restored from a base if, on every node, one chain reaches from the base's position to it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import (
    Chain,
    NodeLog,
    SegmentChain,
    chains,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import MomentRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us

#: How much later than its timestamp a write may have reached a node's log: pieces are fetched for that much longer.
DEFAULT_SLACK_US = 120_000_000
BY_TIMESTAMP = "by_timestamp"
BY_ARRIVAL = "by_arrival"
#: Why a window ends where tables were restored into the cluster that serves.
IMPORTED = "tables were restored into the cluster then, and no log has their data: a backup from after that is needed"


@dataclasses.dataclass(frozen=True)
class Base:
    """A complete backup, as planning needs it.

    :param ended_us: when the last node's snapshot ended: what is older than that cannot be restored from it.
    :param positions: by host id, where each node's log stood.
    :param imported_us: since when the cluster has had data that came from a backup and is in no log; ``None`` if it
        never did.
    :param problem: why it cannot be read, so no moment is reached from it; empty if it can.
    :param missing: nodes that are not in it, since they were down; with any, no moment is reached from it.
    """

    tag: str
    ended_us: int
    positions: t.Mapping[str, CommitLogPosition]
    imported_us: int | None = None
    problem: str = ""
    missing: str = ""


@dataclasses.dataclass(frozen=True)
class Window:
    """Moments that can be restored from one base, both ends included.

    :param limited_by: the node whose log ends first; empty if no log is the reason.
    :param ended_by: why it does; empty if it still grows.
    """

    tag: str
    from_us: int
    until_us: int
    limited_by: str
    ended_by: str


@dataclasses.dataclass(frozen=True)
class NodePlan:
    """What to fetch of one node's log.

    :param segments: in the order of replay; the last one may end before the segment does, at a sync marker, and needs
        nothing behind it: Cassandra takes a file that ends there for a clean end.
    """

    host_id: str
    name: str
    segments: tuple[SegmentChain, ...]
    until_us: int


@dataclasses.dataclass(frozen=True)
class LogPlan:
    """What to fetch to restore a moment."""

    tag: str
    moment_us: int
    cut: str
    nodes: tuple[NodePlan, ...]


def unreadable_bases(bases: t.Sequence[Base], *, most: int | None = None) -> list[str]:
    """What nobody can read, in lines.

    :param most: how many are named; the others are counted.
    """
    found = [
        f"Backup {base.tag} cannot be read, so nothing is restored from it: {base.problem}"
        for base in bases
        if base.problem
    ]
    rest = len(found) - most if most is not None else 0
    return [*found[:most], *([f"{rest} more backups cannot be read."] if rest > 0 else [])]


_ByHost = t.Mapping[str, tuple[NodeLog, tuple[Chain, ...]]]


def node_windows(bases: t.Sequence[Base], log: NodeLog) -> tuple[Window, ...]:
    """The moments that one node's log reaches, for each base that has one, oldest base first."""
    node_chains = chains(log)
    found = [_node_window(base, log, node_chains) for base in sorted(bases, key=lambda each: each.ended_us)]
    return tuple(window for window in found if window is not None)


def restorable_windows(bases: t.Sequence[Base], logs: t.Sequence[NodeLog]) -> tuple[Window, ...]:
    """The moments to which the whole cluster can be restored, for each base, oldest first.

    The intersection over the base's nodes. A node that joined later ends it: what it alone took is in its log only.
    """
    return _windows(bases, _with_chains(logs))


def plan_moment(
    moment_us: int,
    *,
    bases: t.Sequence[Base],
    logs: t.Sequence[NodeLog],
    cut: str = BY_TIMESTAMP,
    slack_us: int = DEFAULT_SLACK_US,
) -> LogPlan:
    """The newest base that a moment can be restored from, and the pieces that are needed.

    :param cut: ``BY_TIMESTAMP`` fetches on for ``slack_us``, since a write may reach a node's log later than its
        timestamp says, and leaves the cut to Cassandra. ``BY_ARRIVAL`` fetches the log as it had been shipped by the
        moment, which is the cut.
    :raises MomentRefusedError: with the reason, and the nearest moments that work.
    """
    by_host = _with_chains(logs)
    windows = _windows(bases, by_host)
    fitting = [window for window in windows if window.from_us <= moment_us <= window.until_us]
    if not fitting:
        raise _refused(moment_us, windows=windows, bases=bases, by_host=by_host)
    tag = max(fitting, key=lambda window: window.from_us).tag
    base = next(each for each in bases if each.tag == tag)
    until_us = moment_us if cut == BY_ARRIVAL else moment_us + slack_us
    nodes = []
    for host_id, position in base.positions.items():
        log, node_chains = by_host[host_id]
        chain = next(each for each in node_chains if each.holds(first_needed(position)))
        segments = needed_segments(chain, from_id=first_needed(position), until_us=until_us)
        nodes.append(NodePlan(host_id=host_id, name=log.name, segments=segments, until_us=chain.until_us))
    return LogPlan(tag=tag, moment_us=moment_us, cut=cut, nodes=tuple(nodes))


def first_needed(position: CommitLogPosition) -> int:
    """The first segment that a base needs: the one that was active before its flush began."""
    return position.active_segment


def needed_segments(chain: Chain, *, from_id: int, until_us: int) -> tuple[SegmentChain, ...]:
    """The part of a chain from a segment up to what had been read by ``until_us``.

    Searched from the end, so pieces that were read while the clock had gone back are not left out.
    """
    segments = [each for each in chain.segments if each.segment.id >= from_id]
    for index in range(len(segments) - 1, -1, -1):
        pieces = segments[index].pieces
        count = next((n for n in range(len(pieces), 0, -1) if pieces[n - 1].read_us <= until_us), 0)
        if count == len(pieces):
            return tuple(segments[: index + 1])
        if count:
            kept = pieces[:count]
            cut = dataclasses.replace(segments[index], pieces=kept, end=kept[-1].end, whole=kept[-1].final)
            return (*segments[:index], cut)
    return ()


def _node_window(base: Base, log: NodeLog, node_chains: t.Sequence[Chain]) -> Window | None:
    position = base.positions.get(log.host_id)
    if position is None:
        return None
    chain = next((each for each in node_chains if each.holds(first_needed(position))), None)
    if chain is None or chain.until_us < base.ended_us:
        return None
    return Window(
        tag=base.tag, from_us=base.ended_us, until_us=chain.until_us, limited_by=log.name, ended_by=chain.ended_by
    )


def _with_chains(logs: t.Sequence[NodeLog]) -> _ByHost:
    return {log.host_id: (log, chains(log)) for log in logs}


def _windows(bases: t.Sequence[Base], by_host: _ByHost) -> tuple[Window, ...]:
    found = [_cluster_window(base, by_host) for base in sorted(bases, key=lambda each: each.ended_us)]
    return tuple(window for window in found if window is not None)


def _cluster_window(base: Base, by_host: _ByHost) -> Window | None:
    if base.problem or base.missing:
        return None
    windows: list[Window] = []
    for host_id in base.positions:
        if host_id not in by_host:
            return None
        window = _node_window(base, *by_host[host_id])
        if window is None:
            return None
        windows.append(window)
    for host_id, (log, node_chains) in by_host.items():
        if host_id in base.positions or not node_chains or node_chains[-1].until_us < base.ended_us:
            continue
        joined_us = node_chains[0].begins_us - 1
        if joined_us < base.ended_us:
            return None
        ended_by = "the node joined the cluster after the base was taken"
        windows.append(Window(base.tag, base.ended_us, joined_us, log.name, ended_by))
    if base.imported_us is not None:
        if base.imported_us <= base.ended_us:
            return None
        windows.append(Window(base.tag, base.ended_us, base.imported_us - 1, "", IMPORTED))
    return min(windows, key=lambda each: each.until_us) if windows else None


def _refused(
    moment_us: int, *, windows: t.Sequence[Window], bases: t.Sequence[Base], by_host: _ByHost
) -> MomentRefusedError:
    before = [window.until_us for window in windows if window.until_us < moment_us]
    after = [window.from_us for window in windows if window.from_us > moment_us]
    asked = subject = format_us(moment_us)
    earlier = [base for base in bases if base.ended_us <= moment_us and not base.problem]
    if not earlier:
        message = f"The cluster cannot be restored to {asked}: there is no complete backup from before."
    else:
        # The newest is the one that it should have been restored from, however far an older one reaches.
        base = max(earlier, key=lambda each: each.ended_us)
        window = next((each for each in windows if each.tag == base.tag), None)
        if window is not None:
            subject, why = window.limited_by, window.ended_by or "its log is not covered that far yet"
        else:
            subject, why = _why_no_window(base, by_host)
        where = f"on node {subject}, " if subject else ""
        message = f"The cluster cannot be restored to {asked} from backup {base.tag}: {where}{why}."
    message = " ".join([message, *unreadable_bases(bases)])
    return MomentRefusedError(
        message,
        subject=subject,
        before_us=max(before, default=None),
        after_us=min(after, default=None),
    )


def _why_no_window(base: Base, by_host: _ByHost) -> tuple[str, str]:
    if base.missing:
        return (
            "",
            f"it was taken without {base.missing}, and nobody knows from where on that log would have to be replayed",
        )
    if base.imported_us is not None and base.imported_us <= base.ended_us:
        return "", IMPORTED
    for host_id, position in base.positions.items():
        if host_id not in by_host:
            return host_id, "no commit log has been archived"
        log, node_chains = by_host[host_id]
        chain = next((each for each in node_chains if each.holds(first_needed(position))), None)
        if chain is None:
            return log.name, _why_not_begun(log, first_needed(position))
        if chain.until_us < base.ended_us:
            return log.name, chain.ended_by or "the log is not covered up to the end of the backup"
    joined = [log.name for log, _chains in by_host.values() if log.host_id not in base.positions]
    return (joined[0] if joined else base.tag), "the node's log began before the backup, which does not have the node"


def _why_not_begun(log: NodeLog, segment_id: int) -> str:
    begins = f"segment {segment_id}, in which the backup begins"
    gap = next((gap for gap in log.gaps if gap.first <= segment_id <= gap.last), None)
    if gap is not None:
        return f"{begins}, is lost ({gap})"
    return f"{begins}, is not in the repository"
