# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a listing of the repository to chains: what there is of each node's log without a hole. Pure.

In a chain each segment is whole, and the next one is its successor, by its id or by the record of a run.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectInfo
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    ledger_key,
    parse_gap_key,
    parse_piece_key,
    parse_run_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import (
    Gap,
    LedgerHead,
    Piece,
    Run,
)


@dataclasses.dataclass
class LogListing:
    """What the keys below ``commitlogs/<host id>/`` say; gaps and the head have to be read."""

    host_id: str
    pieces: list[Piece] = dataclasses.field(default_factory=list)
    runs: list[Run] = dataclasses.field(default_factory=list)
    gap_keys: list[str] = dataclasses.field(default_factory=list)
    has_head: bool = False


@dataclasses.dataclass(frozen=True)
class NodeLog:
    """Everything that the repository says about a node's log.

    :param name: what the inventory calls the node, for messages; its host id if that is not known.
    """

    host_id: str
    name: str
    pieces: tuple[Piece, ...]
    runs: tuple[Run, ...] = ()
    gaps: tuple[Gap, ...] = ()
    head: LedgerHead | None = None


@dataclasses.dataclass(frozen=True)
class SegmentChain:
    """The bytes from a segment's beginning that the repository has without a hole.

    :param pieces: that make them up, without redundant ones.
    :param end: how many bytes there are.
    :param whole: whether the segment ends there.
    """

    segment: SegmentName
    pieces: tuple[Piece, ...]
    end: int
    whole: bool

    @property
    def stored_size(self) -> int:
        """Bytes to fetch."""
        return sum(piece.stored_size for piece in self.pieces)


@dataclasses.dataclass(frozen=True)
class Chain:
    """A stretch of a node's log without a hole, as far as it goes.

    :param until_us: everything that the node had acknowledged by then is in it, or was before it.
    :param ended_by: why it goes no further; empty for the chain that still grows.
    """

    host_id: str
    name: str
    segments: tuple[SegmentChain, ...]
    until_us: int
    ended_by: str = ""

    @property
    def last_id(self) -> int:
        """Id of the last segment, which alone may lack its end."""
        return self.segments[-1].segment.id

    @property
    def begins_us(self) -> int:
        """When the first piece was read."""
        return self.segments[0].pieces[0].read_us

    def holds(self, segment_id: int) -> bool:
        """Whether a segment is part of it; ids between two runs belong to no segment."""
        return any(each.segment.id == segment_id for each in self.segments)


def read_listing(objects: t.Iterable[ObjectInfo]) -> dict[str, LogListing]:
    """What the keys below ``commitlogs/`` say, by host id. Keys that are not ours are skipped."""
    found: dict[str, LogListing] = {}
    for info in objects:
        parts = info.key.split("/", 2)
        if len(parts) < 3 or parts[0] != "commitlogs":
            continue
        host_id = parts[1]
        listing = found.get(host_id)
        if listing is None:
            listing = found[host_id] = LogListing(host_id=host_id)
        piece = parse_piece_key(info.key, stored_size=info.size)
        if piece is not None:
            listing.pieces.append(piece[1])
            continue
        run = parse_run_key(info.key)
        if run is not None:
            listing.runs.append(run[1])
        elif parse_gap_key(info.key) is not None:
            listing.gap_keys.append(info.key)
        elif info.key == ledger_key(host_id):
            listing.has_head = True
    return found


def segment_chains(pieces: t.Iterable[Piece]) -> list[SegmentChain]:
    """Each segment's bytes from its beginning, in the order of ids.

    Pieces may overlap, where a request that was thought to have failed was done after all: bytes before a sync marker
    never change, so either will do.
    """
    by_segment: dict[SegmentName, list[Piece]] = {}
    for piece in pieces:
        by_segment.setdefault(piece.segment, []).append(piece)
    return [_segment_chain(segment, by_segment[segment]) for segment in sorted(by_segment)]


def chains(log: NodeLog) -> tuple[Chain, ...]:
    """All stretches of a node's log without a hole, in order."""
    runs = {(run.first, run.after) for run in log.runs}
    gaps = sorted(log.gaps, key=lambda gap: (gap.first, gap.last))
    found: list[Chain] = []
    current: list[SegmentChain] = []
    for segment in segment_chains(log.pieces):
        broken = _why_not_next(current[-1], segment, runs=runs, gaps=gaps) if current else None
        if broken is not None:
            found.append(_chain(log, current, broken=broken))
            current = []
        if segment.pieces and (current or not _beginning_lost(segment.segment.id, gaps)):
            current.append(segment)
    if current:
        gap = next((gap for gap in gaps if gap.last >= current[-1].segment.id), None)
        found.append(_chain(log, current, broken=_Break(str(gap), gap) if gap else None))
    return tuple(found)


def _segment_chain(segment: SegmentName, pieces: list[Piece]) -> SegmentChain:
    """Greedy: of the pieces that begin at or before the end so far, the one that reaches furthest."""
    pieces.sort(key=lambda piece: (piece.start, -piece.end))
    taken: list[Piece] = []
    end = 0
    whole = False
    best: Piece | None = None
    for piece in pieces:
        if piece.start > end:
            if best is None or best.end < piece.start:
                break
            taken.append(best)
            end, best = best.end, None
        if piece.end > end and (best is None or piece.end > best.end):
            best = piece
    if best is not None:
        taken.append(best)
        end = best.end
    for piece in pieces:
        if piece.final and piece.end == end and piece.start <= end:
            whole = True
            if piece.start == end and piece not in taken:
                taken.append(piece)
            break
    return SegmentChain(segment=segment, pieces=tuple(taken), end=end, whole=whole)


@dataclasses.dataclass(frozen=True)
class _Break:
    """Why a chain goes no further."""

    reason: str
    gap: Gap | None = None


def _why_not_next(
    before: SegmentChain, after: SegmentChain, *, runs: t.AbstractSet[tuple[int, int]], gaps: t.Sequence[Gap]
) -> _Break | None:
    """Why ``after`` does not continue ``before``; ``None`` if it does.

    A segment whose end is lost still does; one that is damaged in the repository does not.
    """
    first, last = before.segment.id, after.segment.id
    for gap in gaps:
        reaches = gap.first <= last if gap.cause == "piece_corrupt" else gap.first < last
        if gap.last >= first and reaches:
            return _Break(str(gap), gap)
    if not before.whole:
        return _Break(f"segment {first} is in the repository up to byte {before.end} only")
    if not after.pieces:
        return _Break(f"segment {last} is in the repository without its beginning")
    if last != first + 1 and (last, first) not in runs:
        return _Break(f"nothing proves that no segment is missing between {first} and {last}")
    return None


def _beginning_lost(segment_id: int, gaps: t.Sequence[Gap]) -> bool:
    """Whether even the beginning of a segment is lost in a gap; one that the gap begins with has lost only its end."""
    return any(
        gap.first <= segment_id <= gap.last and (gap.first < segment_id or gap.cause == "piece_corrupt") for gap in gaps
    )


def _chain(log: NodeLog, segments: list[SegmentChain], *, broken: _Break | None) -> Chain:
    until_us = segments[-1].pieces[-1].covered_us
    if broken is None and log.head is not None and _head_holds(log.head, segments):
        until_us = log.head.covered_until_us
    elif broken is not None and broken.gap is not None:
        until_us = max(until_us, broken.gap.after_us)
    return Chain(
        host_id=log.host_id,
        name=log.name,
        segments=tuple(segments),
        until_us=until_us,
        ended_by=broken.reason if broken else "",
    )


def _head_holds(head: LedgerHead, segments: t.Sequence[SegmentChain]) -> bool:
    """Whether the repository has what the head says; if not, pieces were lost, and only they count."""
    there = {each.segment: each for each in segments}
    if head.last_segment > segments[-1].segment.id:
        return False
    shipped = [each for each in head.open_segments if each.shipped]
    return all(each.name in there and there[each.name].end >= each.shipped for each in shipped)
