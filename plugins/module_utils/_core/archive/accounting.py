# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which segments there were, which are lost, and up to when a node's log is covered. Pure.

Each segment has to end up whole in the repository, or in a gap. Ids count up by one within a run of the process, and
each run's first id is the clock at its start in milliseconds, so a missing one shows, except the last ones of a run.
Those are proven by having watched, by their still being there, or by what lay in the directory when the next run
archived what it found (``archive_segment`` notes it): Cassandra archives all leftovers before it replays and deletes
any, and has made the new run's first segment by then. Seen on 5.0.8.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import written_as
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Gap, Run

#: Ids jump by at least this many milliseconds when a node is restarted, and never by that much when segments are lost.
RESTART_JUMP = 1_000
#: A first id may be older than the last look by this much: it is taken early in the start.
RESTART_TOLERANCE_MS = 60_000
#: A node cannot die, start, replay and delete its leftovers between two looks this close together.
MAX_UNWATCHED_US = 8_000_000
#: A clock that goes back by less is being slewed.
CLOCK_STEP_US = 1_000_000


@dataclasses.dataclass(frozen=True)
class SegmentOnDisk:
    """A segment's file, in the log's directory or in the spool, or both.

    :param in_log: whether it is in the log's directory: not deleted by Cassandra yet.
    :param empty: whether there is nothing behind its header: the reserve, or a new one.
    """

    name: SegmentName
    in_log: bool
    in_spool: bool
    empty: bool


@dataclasses.dataclass(frozen=True)
class Witness:
    """What lay in the log's directory when a segment was archived.

    :param archived: id of that segment.
    """

    archived: int
    at_us: int
    listed: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Sighting:
    """What lies on a node's disk; the log's directory was read after ``at_us``, and the spool after the directory.

    :param dropped: segments that the archive script dropped because the spool was full.
    """

    at_us: int
    segments: tuple[SegmentOnDisk, ...]
    witnesses: tuple[Witness, ...] = ()
    dropped: tuple[SegmentName, ...] = ()


@dataclasses.dataclass(frozen=True)
class KnownSegment:
    """A segment that was seen but is not whole in the repository.

    :param shipped: bytes that are.
    :param archived: whether it has been in the spool.
    """

    name: SegmentName = dataclasses.field(metadata=written_as("segment"))
    shipped: int = 0
    archived: bool = False


@dataclasses.dataclass(frozen=True)
class Account:
    """What is known of a node's segments.

    :param reckoned: id of the newest segment whose place is accounted for; 0 before the first.
    :param open: segments up to there, by id, that are neither whole in the repository nor lost.
    :param sighted_us: when the disk was last looked at; 0 for never.
    :param marks: for a segment's id the last time at which there was none newer with data: all that was acknowledged
        before is in this segment or before it.
    """

    reckoned: int = 0
    open: t.Mapping[int, KnownSegment] = dataclasses.field(default_factory=dict)
    sighted_us: int = 0
    marks: t.Mapping[int, int] = dataclasses.field(default_factory=dict)

    def shipped(self, segment_id: int, *, end: int) -> Account:
        """With ``end`` bytes of an open segment in the repository."""
        known = dataclasses.replace(self.open[segment_id], shipped=end)
        return dataclasses.replace(self, open={**self.open, segment_id: known})

    def closed(self, segment_id: int) -> Account:
        """Without a segment that is now whole in the repository, or lost."""
        return dataclasses.replace(
            self,
            open={each: known for each, known in self.open.items() if each != segment_id},
            marks={each: mark for each, mark in self.marks.items() if each > segment_id},
        )


@dataclasses.dataclass(frozen=True)
class Lost:
    """Segments found to be lost; a ``Gap`` without what only the agent knows."""

    cause: str
    first: int
    last: int
    detail: str = ""

    def gap(self, *, host_id: str, after_us: int, recorded_us: int) -> Gap:
        """The record for the repository."""
        return Gap(
            host_id=host_id,
            cause=self.cause,
            first=self.first,
            last=self.last,
            after_us=after_us,
            recorded_us=recorded_us,
            detail=self.detail,
        )


@dataclasses.dataclass(frozen=True)
class Reckoning:
    """What a look at the disk found."""

    account: Account
    lost: tuple[Lost, ...]
    runs: tuple[Run, ...]


def reckon(account: Account, sighting: Sighting) -> Reckoning:
    """Account for everything that a look at the disk shows, and for what it no longer shows."""
    on_disk = {each.name.id: each for each in sighting.segments}
    dropped = {name.id for name in sighting.dropped}
    opened: dict[int, KnownSegment] = {}
    lost: list[Lost] = []
    runs: list[Run] = []
    archived = {witness.archived for witness in sighting.witnesses}
    for segment_id, known in account.open.items():
        seen = on_disk.get(segment_id)
        if seen:
            opened[segment_id] = dataclasses.replace(known, archived=known.archived or seen.in_spool)
        else:
            was_there = known.archived or segment_id in archived
            lost.append(_gone(segment_id, dropped=dropped, archived=was_there))
    newest = account.reckoned
    for segment_id in _new_ids(account.reckoned, on_disk, also=dropped | archived):
        if segment_id != newest + 1:
            run, missing = _boundary(account, sighting, before=newest, first=segment_id)
            runs += [run] if run else []
            lost += [missing] if missing else []
        seen = on_disk.get(segment_id)
        if seen:
            opened[segment_id] = KnownSegment(name=seen.name, archived=seen.in_spool)
        else:
            lost.append(_gone(segment_id, dropped=dropped, archived=True))
        newest = segment_id
    marks = _marks(account, sighting, opened, newest=newest)
    after = Account(reckoned=newest, open=opened, sighted_us=sighting.at_us, marks=marks)
    return Reckoning(account=after, lost=tuple(lost), runs=tuple(runs))


def clock_stepped_back(account: Account, *, at_us: int) -> bool:
    """Whether the node's clock has gone back since the last look."""
    return at_us < account.sighted_us - CLOCK_STEP_US


def _new_ids(reckoned: int, on_disk: t.Mapping[int, SegmentOnDisk], *, also: t.AbstractSet[int]) -> list[int]:
    """Ids to account for now, in order.

    Empty segments at the end of a run are not: they may be the reserve, which a clean stop deletes unused. A run's
    first segment always is, so its beginning is looked into at once.
    """
    ids = sorted(each for each in {*on_disk, *also} if each > reckoned)
    taken: list[int] = []
    waiting: list[int] = []
    for segment_id in ids:
        seen = on_disk.get(segment_id)
        newest = (waiting or taken or [reckoned])[-1]
        follows = segment_id == newest + 1
        if not follows:
            waiting.clear()
        if seen and seen.empty and not seen.in_spool and segment_id not in also and follows:
            waiting.append(segment_id)
            continue
        taken += [*waiting, segment_id]
        waiting.clear()
    return taken


def _gone(segment_id: int, *, dropped: t.AbstractSet[int], archived: bool) -> Lost:
    cause = "dropped" if segment_id in dropped else "lost_from_spool" if archived else "vanished"
    return Lost(cause=cause, first=segment_id, last=segment_id)


def _boundary(account: Account, sighting: Sighting, *, before: int, first: int) -> tuple[Run | None, Lost | None]:
    """Whether ``first`` comes right after ``before``: the run if that is proven, otherwise what is lost."""
    if before == 0:
        return Run(first=first, after=0), None
    restarted = first - before >= RESTART_JUMP and first >= account.sighted_us // 1000 - RESTART_TOLERANCE_MS
    if not restarted:
        return None, Lost(cause="missing", first=before + 1, last=first - 1)
    watched = 0 <= sighting.at_us - account.sighted_us <= MAX_UNWATCHED_US
    # Leftovers are deleted in the order of ids, when all have been replayed: none behind this one has been.
    watched = watched or any(each.name.id == before and each.in_log for each in sighting.segments)
    at_start = [each for each in sighting.witnesses if each.archived < first and first in each.listed]
    if at_start:
        earliest = min(at_start, key=lambda each: each.at_us)
        unknown = [each for each in earliest.listed if before < each < first]
        if unknown:
            detail = "They were there when the node started, and were not archived."
            return None, Lost(cause="vanished", first=min(unknown), last=max(unknown), detail=detail)
    elif not watched:
        detail = f"Segment {before} is the last known one of the run before."
        return None, Lost(cause="restart_unobserved", first=before + 1, last=first - 1, detail=detail)
    return Run(first=first, after=before), None


def _marks(
    account: Account, sighting: Sighting, opened: t.Mapping[int, KnownSegment], *, newest: int
) -> dict[int, int]:
    """With a mark for the newest segment, unless it is lost, or is a new run's that holds nothing yet."""
    marks = {} if clock_stepped_back(account, at_us=sighting.at_us) else dict(account.marks)
    if newest in opened and any(each.name.id == newest and not each.empty for each in sighting.segments):
        marks[newest] = sighting.at_us
    return marks


@dataclasses.dataclass(frozen=True)
class Reading:
    """How far a segment's file has been written.

    :param end: behind the last section that a sync marker closes.
    :param written: behind the last byte that is not zero; at least ``end``. What is acknowledged lies before it.
    :param sealed: whether the segment gets no more: what has no marker then is not replayed by Cassandra either.
    """

    segment_id: int
    end: int
    written: int
    sealed: bool


@dataclasses.dataclass(frozen=True)
class Waiting:
    """A moment that is covered once the markers have passed what had been written by then."""

    at_us: int
    written: t.Mapping[int, int]


@dataclasses.dataclass(frozen=True)
class Coverage:
    """What shipping everything up to the markers would cover.

    :param until_us: ``None`` if it covers no more than was covered before.
    """

    until_us: int | None
    waiting: Waiting | None


def cover(waiting: Waiting | None, readings: t.Sequence[Reading], *, at_us: int) -> Coverage:
    """Up to when the log is covered by what lies before the markers.

    A write is in the file before it is acknowledged, so what was acknowledged before ``at_us`` lies before ``written``
    of a segment that was read later. It is covered when a marker has come to stand behind it.

    :param readings: of every segment that is not whole in the repository, read after ``at_us``.
    """
    by_id = {each.segment_id: each for each in readings}
    until_us: int | None = None
    if waiting is not None and all(_passed(by_id.get(each), written) for each, written in waiting.written.items()):
        until_us, waiting = waiting.at_us, None
    pending = {each.segment_id: each.written for each in readings if each.written > each.end and not each.sealed}
    if not pending:
        return Coverage(until_us=at_us, waiting=None)
    return Coverage(until_us=until_us, waiting=waiting or Waiting(at_us=at_us, written=pending))


def _passed(reading: Reading | None, written: int) -> bool:
    return reading is None or reading.sealed or reading.end >= written
