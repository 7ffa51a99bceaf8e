# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shipping: from the segments on disk to pieces in the repository, then the ledger's head."""

from __future__ import annotations

import dataclasses
import hashlib
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.archive_directory import (
    ArchiveDirectory,
    SegmentGoneError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import encode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.rate_limit import RateLimit
from ansible_collections.revive.cassandra.plugins.module_utils._agent.book import Book, BookState
from ansible_collections.revive.cassandra.plugins.module_utils._agent.resuming import last_pieces, resumed
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.accounting import (
    KnownSegment,
    Reading,
    Waiting,
    cover,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import AgentConfig
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import LogListing, read_listing
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.collection import COLLECTION_VERSION
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError, WrongClusterError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    MARKER_KEY,
    commit_log_prefix,
    gap_key,
    ledger_key,
    piece_key,
    run_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import (
    GAP,
    LEDGER_HEAD,
    LedgerHead,
    OpenSegment,
    Piece,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import MARKER

#: Markers come every 100 ms; waiting this long, this often, covers what was written when the cycle began.
_MARKER_WAIT_SECONDS = 0.12
_MARKER_WAITS = 5
_LOOKS = 10

Clock = t.Callable[[], int]


@dataclasses.dataclass(frozen=True)
class _Scan:
    """What can be shipped now, and up to when that covers; ``None`` if no further than before."""

    readings: t.Mapping[int, Reading]
    read_us: int
    until_us: int | None


class Shipper:
    """One node's shipping. For one thread only; another one may look at the disk through the same ``book``."""

    def __init__(
        self,
        config: AgentConfig,
        *,
        store: ObjectStore,
        book: Book,
        files: ArchiveDirectory,
        clock: Clock = now_us,
        sleep: t.Callable[[float], None] = time.sleep,
        keep_on: t.Callable[[], bool] = lambda: True,
    ) -> None:
        self._config = config
        self._store = store
        self._book = book
        self._files = files
        self._clock = clock
        self._sleep = sleep
        self._keep_on = keep_on
        self._codecs = Codecs.of(compressed=config.compress, encrypted=bool(config.repository.recipients))
        self._rate = RateLimit(max_bytes_per_second=config.max_bytes_per_second)
        # What Cassandra has only in memory cannot be seen, but is written by the second sync from now at the latest.
        self._lag_us = int((2 * config.sync_period_seconds + 1) * 1_000_000) if config.buffered else 0
        self._waiting: Waiting | None = None
        self._sealed: dict[int, Reading] = {}
        self._ends: dict[int, int] = {}
        self._unconfirmed: tuple[Piece, bytes] | None = None
        self._resumed = False
        self._published_at = 0.0
        self.published: LedgerHead | None = None

    def cycle(self) -> None:
        """Ship everything that is there, and say so.

        :raises StoreError: if the store does not accept it; what is done stays done, and the next cycle goes on.
        :raises LocalFilesError: if the node's disk cannot be read or written.
        :raises WrongClusterError: if the repository is another cluster's.
        """
        if not self._resumed:
            self._resume()
        if self._unconfirmed is not None:
            self._put_piece(*self._unconfirmed)
        scan = self._scan()
        self._tell()
        if self._ship_all(scan) and scan.until_us is not None:
            self._book.covered(max(scan.until_us, self._book.state.covered_us))
        self._tell()
        self._publish()
        self._clean()

    def _ship_all(self, scan: _Scan) -> bool:
        """Ship what was scanned, oldest first; whether all of it is now in the repository."""
        account = self._book.state.account
        scanned = [account.open[segment_id] for segment_id in sorted(scan.readings) if segment_id in account.open]
        for known in scanned:
            # With the newest one, everything that the scan covers is covered; not if a newer one is lost.
            newest = known.name.id == account.reckoned
            if not self._ship(known, scan.readings[known.name.id], scan=scan, newest=newest) or not self._keep_on():
                return False
            if not newest and time.monotonic() - self._published_at >= self._config.interval_seconds:
                self._publish()
        return True

    def _resume(self) -> None:
        """Find out from the repository what has been shipped: it alone is believed."""
        config = self._config
        if config.cluster_id:
            marker = MARKER.decode(self._store.get(MARKER_KEY), subject=MARKER_KEY)
            if marker.cluster_id != config.cluster_id:
                raise WrongClusterError(
                    f"The repository belongs to the cluster {marker.cluster_name} ({marker.cluster_id}), not to "
                    f"{config.cluster_id}.",
                    subject=config.node_name,
                    next_step="Run enable_archiving again with the right bucket and prefix.",
                )
        listings = read_listing(self._store.list(commit_log_prefix(config.host_id)))
        listing = listings.get(config.host_id) or LogListing(host_id=config.host_id)
        self._book.mend(lambda kept: resumed(kept, listing))
        for piece in last_pieces(self._book.state, listing):
            self._check_beginning(piece)
        self._resumed = True

    def _check_beginning(self, piece: Piece) -> None:
        """Give a segment up whose bytes on disk are not those that were shipped under its name."""
        try:
            data = self._files.read_bytes(piece.segment, start=piece.start, end=piece.end)
        except SegmentGoneError:
            return
        if hashlib.sha256(data).hexdigest() != piece.sha256:
            detail = f"Bytes {piece.start} to {piece.end} differ."
            self._book.lose(piece.segment.id, cause="changed", detail=detail, at_us=self._clock())

    def _scan(self) -> _Scan:
        began_us = self._clock()
        until_us: int | None = None
        readings: dict[int, Reading] = {}
        waits = 0 if self._config.buffered else _MARKER_WAITS
        for attempt in range(waits + 1):
            if attempt:
                self._sleep(_MARKER_WAIT_SECONDS)
            at_us, readings = self._readings()
            coverage = cover(self._waiting, tuple(readings.values()), at_us=at_us)
            self._waiting = coverage.waiting
            until_us = coverage.until_us or until_us
            if until_us is not None and until_us >= began_us:
                break
        if self._config.buffered:
            until_us = began_us - self._lag_us
        if self._waiting is not None and self._waiting.at_us > self._clock():
            # The clock went back: what waits would cover the future.
            self._waiting = None
        return _Scan(readings=readings, read_us=self._clock(), until_us=until_us)

    def _readings(self) -> tuple[int, dict[int, Reading]]:
        """A look at the disk, and how far each segment is written, all read after the time that comes with it."""
        for _look in range(_LOOKS):
            at_us = self._clock()
            sighting = self._files.sight(at_us=at_us)
            self._book.look(sighting)
            spooled = {each.name.id for each in sighting.segments if each.in_spool}
            try:
                return at_us, {
                    known.name.id: self._read(known, sealed=known.name.id in spooled)
                    for known in self._book.state.account.open.values()
                }
            except SegmentGoneError:
                # It moved since the look; the next look says where.
                self._sleep(_MARKER_WAIT_SECONDS)
        raise LocalFilesError(
            f"The commit log of {self._config.node_name} cannot be read: segments come and go.",
            subject=self._config.commitlog_directory,
        )

    def _read(self, known: KnownSegment, *, sealed: bool) -> Reading:
        segment_id = known.name.id
        if segment_id in self._sealed:
            return self._sealed[segment_id]
        reading = self._files.read(known.name, known_end=self._ends.get(segment_id, 0), sealed=sealed)
        self._ends[segment_id] = reading.end
        if sealed:
            self._sealed[segment_id] = reading
        return reading

    def _ship(self, known: KnownSegment, reading: Reading, *, scan: _Scan, newest: bool) -> bool:
        """Put what is new of a segment after what has been put; whether all of it is now in the repository."""
        name, position = known.name, known.shipped
        try:
            damaged = reading.sealed and self._files.is_damaged(name, end=reading.end)
            while position < reading.end:
                if not self._keep_on():
                    return False
                end = min(position + self._config.piece_bytes, reading.end)
                data = self._files.read_bytes(name, start=position, end=end)
                last = end == reading.end
                final = last and reading.sealed and not damaged
                self._put_piece(self._piece(name, position, data, scan=scan, final=final, newest=newest and last), data)
                position = end
                if final:
                    return True
        except SegmentGoneError:
            return False
        if damaged:
            detail = f"Its chain of sync markers breaks at byte {reading.end}."
            self._book.lose(name.id, cause="damaged", detail=detail, at_us=self._clock())
        elif reading.sealed:
            self._put_piece(self._piece(name, position, b"", scan=scan, final=True, newest=newest), b"")
        return True

    def _piece(self, name: SegmentName, start: int, data: bytes, *, scan: _Scan, final: bool, newest: bool) -> Piece:
        state = self._book.state
        covered_us = state.covered_us
        if final:
            covered_us = max(covered_us, state.account.marks.get(name.id, 0) - self._lag_us)
        if newest and scan.until_us is not None:
            covered_us = max(covered_us, scan.until_us)
        return Piece(
            segment=name,
            start=start,
            end=start + len(data),
            read_us=scan.read_us,
            covered_us=max(0, covered_us),
            final=final,
            sha256=hashlib.sha256(data).hexdigest(),
            codecs=self._codecs,
        )

    def _put_piece(self, piece: Piece, data: bytes) -> None:
        # Until the store confirms it, the same piece is put again under the same key: never two of the same bytes.
        self._unconfirmed = (piece, data)
        body = b"".join(encode(iter([data]), self._codecs, recipients=self._config.repository.recipients))
        self._rate.take(len(body))
        self._store.put_new(piece_key(self._config.host_id, piece), body)
        self._unconfirmed = None
        self._book.shipped(piece.segment.id, end=piece.end)
        if piece.final:
            self._book.closed(piece.segment.id)
            self._book.covered(max(piece.covered_us, self._book.state.covered_us))
            self._files.forget(piece.segment)
            self._sealed.pop(piece.segment.id, None)
            self._ends.pop(piece.segment.id, None)

    def _tell(self) -> None:
        """Put gaps and runs that are not in the repository yet, before the pieces that follow them."""
        state = self._book.state
        for gap in state.gaps:
            self._store.put_new(gap_key(gap), GAP.encode(gap))
            self._book.told(gap=gap)
        for run in state.runs:
            self._store.put_new(run_key(self._config.host_id, run), b"")
            self._book.told(run=run)

    def _publish(self) -> None:
        head = self._head(self._book.state)
        self._store.put(ledger_key(self._config.host_id), LEDGER_HEAD.encode(head))
        self.published = head
        self._published_at = time.monotonic()

    def _head(self, state: BookState) -> LedgerHead:
        config = self._config
        opened = sorted(state.account.open.values(), key=lambda each: each.name.id)
        shipped = [each.name.id for each in opened if each.shipped]
        unshipped = [each.name.id for each in opened if not each.shipped]
        newest = state.account.reckoned
        if unshipped:
            newest = max((each for each in shipped if each < min(unshipped)), default=0)
        waiting = self._waiting
        spool_bytes, spool_segments = self._files.usage()
        return LedgerHead(
            host_id=config.host_id,
            node_name=config.node_name,
            agent_version=COLLECTION_VERSION,
            interval_seconds=config.interval_seconds,
            written_us=self._clock(),
            covered_from_us=state.covered_from_us,
            covered_until_us=state.covered_us,
            last_segment=newest,
            open_segments=tuple(OpenSegment(name=each.name, shipped=each.shipped) for each in opened if each.shipped),
            last_gap=state.last_gap,
            pending_since_us=waiting.at_us if waiting else None,
            clock_stepped_us=state.clock_stepped_us,
            spool_bytes=spool_bytes,
            spool_segments=spool_segments,
            spool_limit_bytes=config.spool_max_bytes,
            spool_policy=config.spool_policy,
        )

    def _clean(self) -> None:
        """Remove from the spool what is accounted for: a restart archives again what had been shipped whole."""
        state = self._book.state
        for name in {*self._files.spooled(), *self._files.noted()}:
            if name.id <= state.account.reckoned and name.id not in state.account.open:
                self._files.forget(name)
        if not state.gaps:
            self._files.forget_dropped(up_to=state.account.reckoned, but=state.account.open)
