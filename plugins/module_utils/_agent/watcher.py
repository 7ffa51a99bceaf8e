# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watching: looks at the node's disk every few seconds, also while the store is down."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.archive_directory import (
    ArchiveDirectory,
    SegmentGoneError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._agent.book import Book
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.accounting import SegmentOnDisk, Sighting
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import AgentConfig

DROP_POLICY = "drop_and_record_gap"


class Watcher:
    """Sees every segment, and archives those that the archive script was not called for."""

    def __init__(
        self,
        config: AgentConfig,
        *,
        book: Book,
        files: ArchiveDirectory,
        clock: t.Callable[[], int],
        monotonic: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._book = book
        self._files = files
        self._clock = clock
        self._monotonic = monotonic
        self._quiet: dict[int, tuple[int, int, float]] = {}

    def look(self) -> None:
        """Look once.

        :raises LocalFilesError: if the disk cannot be read, or the account cannot be kept.
        """
        sighting = self._files.sight(at_us=self._clock())
        if self._book.state.account.reckoned:
            # Before the first account there is nothing to compare with; the shipper begins it with the repository.
            self._book.look(sighting)
        self._sweep(sighting)

    def _sweep(self, sighting: Sighting) -> None:
        """Link what Cassandra has finished but not archived, before a restart replays and deletes it."""
        in_use = [each.name.id for each in sighting.segments if not each.empty]
        newest = max(in_use, default=0)
        left = [each for each in sighting.segments if not (each.in_spool or each.empty) and each.name.id < newest]
        self._quiet = {each.name.id: self._quiet_since(each) for each in left}
        for each in left:
            _end, _written, since = self._quiet[each.name.id]
            if self._monotonic() - since >= self._config.orphan_seconds and self._has_room():
                with contextlib.suppress(SegmentGoneError):
                    self._files.link_into_spool(each.name)

    def _quiet_since(self, segment: SegmentOnDisk) -> tuple[int, int, float]:
        """How far it is written, and since when it has not moved."""
        end, written, since = self._quiet.get(segment.name.id, (0, 0, 0.0))
        try:
            reading = self._files.read(segment.name, known_end=end, sealed=False)
        except SegmentGoneError:
            return end, written, self._monotonic()
        if (reading.end, reading.written) == (end, written):
            return end, written, since
        return reading.end, reading.written, self._monotonic()

    def _has_room(self) -> bool:
        if self._config.spool_policy != DROP_POLICY or not self._config.spool_max_bytes:
            return True
        return self._files.usage()[0] < self._config.spool_max_bytes
