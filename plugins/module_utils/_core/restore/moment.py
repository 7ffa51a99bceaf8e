# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore to a moment: what of each node's log it takes, what stands against it, and what it reaches. Pure.

A plan names the part of each log by its ends and not piece by piece, since a day's log of one node has some ten
thousand. Each node lists its source's log again: pieces are never replaced, so it finds the same.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import (
    Chain,
    NodeLog,
    SegmentChain,
    chains,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import (
    BY_ARRIVAL,
    BY_TIMESTAMP,
    DEFAULT_SLACK_US,
    LogPlan,
    NodePlan,
    needed_segments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.versions import check_precision
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    ObjectMissingError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_size, format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.point import Moment

#: Of the log's bytes, how many a staging instance needs: the segments, and what becomes of them.
_WORK_FACTOR = 2

_Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class LogPart:
    """The part of one source node's log that is replayed.

    :param first_segment: its id, and ``last_segment`` the last one's; 0 if nothing was written since the base.
    :param last_end: bytes of the last segment.
    :param log_bytes: of the segments, ``stored_size`` of the pieces that are fetched.
    :param covered_us: everything that the node had acknowledged by then is in the repository.
    :param reached_us: the point that this node reaches: everything up to it that the cut lets in is replayed.
    """

    source_host_id: str
    name: str
    first_segment: int
    last_segment: int
    last_end: int
    segments: int
    log_bytes: int
    stored_size: int
    covered_us: int
    reached_us: int


@dataclasses.dataclass(frozen=True)
class MomentPlan:
    """The parts of the cluster's logs that are replayed on a base.

    :param cut: ``by_timestamp`` or ``by_arrival``.
    :param until_us: what had been shipped by then is fetched.
    """

    moment_us: int
    cut: str
    until_us: int
    parts: tuple[LogPart, ...]

    @property
    def replay_until_us(self) -> int | None:
        """The write timestamp up to which mutations are replayed; ``None`` for all that is fetched."""
        return None if self.cut == BY_ARRIVAL else self.moment_us

    @property
    def reached_us(self) -> int:
        """The point that the whole cluster reaches."""
        return min((part.reached_us for part in self.parts), default=self.moment_us)

    @property
    def label(self) -> str:
        """What tells restores to different moments apart; a directory can be called so."""
        seconds, microseconds = divmod(self.moment_us, 1_000_000)
        whole = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
        return f"at-{whole:%Y%m%dT%H%M%S}{microseconds:06d}Z" + ("-arrival" if self.cut == BY_ARRIVAL else "")

    def part_of(self, source_host_id: str) -> LogPart:
        """One source node's part.

        :raises InputError: if there is none.
        """
        for part in self.parts:
            if part.source_host_id == source_host_id:
                return part
        raise InputError(
            f"The plan has no log of the node {source_host_id}.", subject=source_host_id, next_step="Plan again."
        )

    def work_bytes(self, source_host_id: str) -> int:
        """What a node's staging instance needs beside the base."""
        return _WORK_FACTOR * self.part_of(source_host_id).log_bytes


def check_past(moment: Moment, *, now_us: int) -> None:
    """Refuse a moment in the future.

    :raises InputError: for one that is later than ``now_us``.
    """
    if moment.us > now_us:
        raise InputError(
            f"{moment} is in the future: it is now {format_us(now_us)}.",
            subject=str(moment),
            next_step="Give a moment in the past, and check its time zone.",
        )


def moment_plan(plan: LogPlan, *, logs: t.Iterable[NodeLog]) -> MomentPlan:
    """The part of each log, from what :func:`log_chain.plan_moment` has proven."""
    by_host = {log.host_id: chains(log) for log in logs}
    until_us = plan.moment_us + (0 if plan.cut == BY_ARRIVAL else DEFAULT_SLACK_US)
    return MomentPlan(
        moment_us=plan.moment_us,
        cut=plan.cut,
        until_us=until_us,
        parts=tuple(
            _part(node, node_chains=by_host[node.host_id], moment_us=plan.moment_us, cut=plan.cut)
            for node in plan.nodes
        ),
    )


def planned_segments(moment: MomentPlan, *, log: NodeLog) -> tuple[SegmentChain, ...]:
    """The segments of one node's part, as its log is in the repository now.

    :raises ObjectMissingError: if it is shorter than when it was planned.
    """
    part = moment.part_of(log.host_id)
    if not part.segments:
        return ()
    chain = next((each for each in chains(log) if each.holds(part.first_segment)), None)
    found = needed_segments(chain, from_id=part.first_segment, until_us=moment.until_us) if chain else ()
    if not found or (found[-1].segment.id, found[-1].end) < (part.last_segment, part.last_end):
        raise ObjectMissingError(
            f"The commit log of {log.name} in the repository is shorter than when the restore was planned: it went to "
            f"segment {part.last_segment}, byte {part.last_end}.",
            subject=log.name,
            next_step="Plan again, and find out what deletes objects there.",
        )
    return found


def moment_reasons(moment: MomentPlan, *, manifest: ClusterManifest, release_version: str) -> t.Iterator[ReviveError]:
    """What stands against a restore to a moment by a target's Cassandra."""
    if manifest.tables_asked:
        yield InputError(
            f"The backup {manifest.tag} holds some tables only, so no moment can be reached from it.",
            subject=manifest.tag,
            next_step="Choose a moment after a backup of everything.",
        )
    if release_version and moment.replay_until_us is not None:
        try:
            check_precision(release_version=release_version, moment_us=moment.moment_us)
        except InputError as error:
            yield error


def moment_plan_lines(moment: MomentPlan, *, tag: str) -> list[str]:
    """What an operator has to know of a restore to a moment before it begins."""
    segments = sum(part.segments for part in moment.parts)
    log_bytes = sum(part.log_bytes for part in moment.parts)
    stored_size = sum(part.stored_size for part in moment.parts)
    by_timestamp = (
        "The cut goes by write timestamp: what was written at or before the moment comes back, what was written later "
        "does not. Clients that set their own timestamps, and clocks that are off, move it. "
        f"{option('restore_cut', 'by_arrival')} cuts by when the log was shipped instead."
    )
    by_arrival = (
        "The cut goes by arrival: each node's log comes back as far as it had been shipped by the moment, whatever "
        "timestamps are in it. Nodes ship every few seconds, not all at once, so their ends differ."
    )
    lines = [
        f"To the moment {format_us(moment.moment_us)}, from the backup {tag} and the commit logs since.",
        f"{segments} segments of commit logs, {format_size(log_bytes)}; at most {format_size(stored_size)} to fetch.",
        by_timestamp if moment.cut == BY_TIMESTAMP else by_arrival,
    ]
    lines += [f"  log of {part.name}: {_part_line(part)}" for part in moment.parts]
    return lines


def _part_line(part: LogPart) -> str:
    return (
        f"{part.segments} segments, {format_size(part.log_bytes)}, reaches {format_us(part.reached_us)}, covered until "
        f"{format_us(part.covered_us)}"
    )


def _part(node: NodePlan, *, node_chains: t.Sequence[Chain], moment_us: int, cut: str) -> LogPart:
    last = node.segments[-1] if node.segments else None
    return LogPart(
        source_host_id=node.host_id,
        name=node.name,
        first_segment=node.segments[0].segment.id if node.segments else 0,
        last_segment=last.segment.id if last else 0,
        last_end=last.end if last else 0,
        segments=len(node.segments),
        log_bytes=sum(each.end for each in node.segments),
        stored_size=sum(each.stored_size for each in node.segments),
        covered_us=node.until_us,
        reached_us=_reached_us(node, node_chains=node_chains, moment_us=moment_us, cut=cut),
    )


def _reached_us(node: NodePlan, *, node_chains: t.Sequence[Chain], moment_us: int, cut: str) -> int:
    """The moment itself, which the log covers; cut by arrival, what the last piece covers if another follows it."""
    if cut == BY_TIMESTAMP or not node.segments:
        return min(moment_us, node.until_us)
    last = node.segments[-1]
    chain = next(each for each in node_chains if each.holds(last.segment.id))
    ends_there = chain.last_id == last.segment.id and chain.segments[-1].end == last.end
    return min(moment_us, node.until_us if ends_there else last.pieces[-1].covered_us)
