# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the agent knows about its node's log, shared by the watching and the shipping thread, and kept on disk.

What is on disk only helps: which segments there were, and what the repository has yet to be told. What has been
shipped is known from the repository alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import read_if_there, write_atomically
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.accounting import (
    Account,
    KnownSegment,
    Lost,
    Reckoning,
    Sighting,
    clock_stepped_back,
    reckon,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Gap, Run

#: The last look's time is written at least this often; an older one makes the agent more careful after a restart.
_SAVE_EVERY_US = 60_000_000


@dataclasses.dataclass(frozen=True)
class BookState:
    """All of it.

    :param gaps: not in the repository yet, like ``runs``.
    :param covered_us: up to when everything acknowledged is in the repository.
    """

    account: Account = dataclasses.field(default_factory=Account)
    gaps: tuple[Gap, ...] = ()
    runs: tuple[Run, ...] = ()
    covered_from_us: int = 0
    covered_us: int = 0
    last_gap: int = 0
    clock_stepped_us: int | None = None


@dataclasses.dataclass(frozen=True)
class _KeptBook:
    """The same on disk."""

    host_id: str
    reckoned: int
    sighted_us: int
    open: tuple[KnownSegment, ...]
    marks: tuple[tuple[int, int], ...]
    gaps: tuple[Gap, ...]
    runs: tuple[Run, ...]
    covered_from_us: int
    covered_us: int
    last_gap: int
    clock_stepped_us: int | None


_BOOK = Document("agent-state", _KeptBook)


class Book:
    """The account of one node's segments; safe to use from several threads."""

    def __init__(self, *, host_id: str, path: str) -> None:
        self._host_id = host_id
        self._path = path
        self._lock = threading.RLock()
        self._state = BookState()
        self._saved_us = 0

    @property
    def state(self) -> BookState:
        """What is known now."""
        with self._lock:
            return self._state

    def load(self) -> BookState:
        """What an earlier agent left; nothing if it belongs to another node or cannot be read."""
        body = read_if_there(self._path)
        with self._lock:
            self._state = BookState()
            with contextlib.suppress(ManifestError):
                kept = _BOOK.decode(body or b"", subject=self._path)
                if kept.host_id == self._host_id:
                    self._state = _state(kept)
            return self._state

    def mend(self, change: t.Callable[[BookState], BookState]) -> None:
        """Bring what is known in line with the repository."""
        with self._lock:
            self._keep(change(self._state))

    def look(self, sighting: Sighting) -> Reckoning:
        """Account for what lies on the disk; gaps and runs that it finds are on disk before this returns.

        :raises LocalFilesError: if they cannot be kept; then the look does not count.
        """
        with self._lock:
            before = self._state
            reckoning = reckon(before.account, sighting)
            state = dataclasses.replace(before, account=reckoning.account)
            if clock_stepped_back(before.account, at_us=sighting.at_us):
                covered_us = min(state.covered_us, sighting.at_us)
                state = dataclasses.replace(state, covered_us=covered_us, clock_stepped_us=sighting.at_us)
            state = _with_gaps(state, reckoning.lost, host_id=self._host_id, at_us=sighting.at_us)
            state = dataclasses.replace(state, runs=(*state.runs, *reckoning.runs))
            known = set(before.account.open) != set(reckoning.account.open)
            if known or state.gaps != before.gaps or state.runs != before.runs or self._is_old(sighting.at_us):
                self._keep(state)
                self._saved_us = sighting.at_us
            else:
                self._state = state
            return reckoning

    def lose(self, segment_id: int, *, cause: str, detail: str, at_us: int) -> None:
        """Give a segment up: what is there of it stays, the rest is a gap."""
        with self._lock:
            lost = Lost(cause=cause, first=segment_id, last=segment_id, detail=detail)
            state = _with_gaps(self._state, (lost,), host_id=self._host_id, at_us=at_us)
            self._keep(dataclasses.replace(state, account=state.account.closed(segment_id)))

    def shipped(self, segment_id: int, *, end: int) -> None:
        """``end`` bytes of a segment are in the repository; nothing if it was given up meanwhile."""
        with self._lock:
            if segment_id in self._state.account.open:
                account = self._state.account.shipped(segment_id, end=end)
                self._state = dataclasses.replace(self._state, account=account)

    def closed(self, segment_id: int) -> None:
        """A segment is whole in the repository."""
        with self._lock:
            self._keep(dataclasses.replace(self._state, account=self._state.account.closed(segment_id)))

    def covered(self, until_us: int) -> None:
        """Everything acknowledged by then is in the repository."""
        with self._lock:
            began = self._state.covered_from_us or until_us
            self._state = dataclasses.replace(self._state, covered_us=until_us, covered_from_us=began)

    def told(self, *, gap: Gap | None = None, run: Run | None = None) -> None:
        """A gap or a run is in the repository."""
        with self._lock:
            gaps = tuple(each for each in self._state.gaps if each != gap)
            runs = tuple(each for each in self._state.runs if each != run)
            self._keep(dataclasses.replace(self._state, gaps=gaps, runs=runs))

    def _is_old(self, at_us: int) -> bool:
        return abs(at_us - self._saved_us) > _SAVE_EVERY_US

    def _keep(self, state: BookState) -> None:
        write_atomically(self._path, _BOOK.encode(_kept(state, host_id=self._host_id)))
        self._state = state


def state_path(agent_directory: str) -> str:
    """Where the account is kept."""
    return os.path.join(agent_directory, "state.json")


def _with_gaps(state: BookState, lost: t.Sequence[Lost], *, host_id: str, at_us: int) -> BookState:
    if not lost:
        return state
    gaps = tuple(each.gap(host_id=host_id, after_us=state.covered_us, recorded_us=at_us) for each in lost)
    last = max(state.last_gap, *(gap.last for gap in gaps))
    return dataclasses.replace(state, gaps=(*state.gaps, *gaps), last_gap=last, covered_from_us=at_us)


def _kept(state: BookState, *, host_id: str) -> _KeptBook:
    account = state.account
    return _KeptBook(
        host_id=host_id,
        reckoned=account.reckoned,
        sighted_us=account.sighted_us,
        open=tuple(account.open.values()),
        marks=tuple(account.marks.items()),
        gaps=state.gaps,
        runs=state.runs,
        covered_from_us=state.covered_from_us,
        covered_us=state.covered_us,
        last_gap=state.last_gap,
        clock_stepped_us=state.clock_stepped_us,
    )


def _state(kept: _KeptBook) -> BookState:
    return BookState(
        account=Account(
            reckoned=kept.reckoned,
            open={each.name.id: each for each in kept.open},
            sighted_us=kept.sighted_us,
            marks=dict(kept.marks),
        ),
        gaps=kept.gaps,
        runs=kept.runs,
        covered_from_us=kept.covered_from_us,
        covered_us=kept.covered_us,
        last_gap=kept.last_gap,
        clock_stepped_us=kept.clock_stepped_us,
    )
