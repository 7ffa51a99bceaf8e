# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the repository says about a node's commit log: pieces, runs, gaps and the head of the ledger. Pure.

Pieces, runs and gaps are never overwritten, and a listing of their keys alone tells what there is: whose bytes, which,
their hash, and up to when everything that the node had acknowledged was covered once the piece was there. The head is
overwritten each cycle: the heartbeat. It may be lost without harm to what has been shipped.

Times are microseconds since the epoch in UTC, of the node's clock.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import written_as
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import PLAIN, Codecs

#: Causes of gaps, and what to tell an operator.
GAP_CAUSES = {
    "dropped": "the spool was full, and its policy is to drop",
    "lost_from_spool": "the segment had been archived and is gone from the spool",
    "vanished": "the segment was seen on disk and was gone before it had been shipped whole",
    "missing": "segments of the same run were never seen",
    "restart_unobserved": "the node was restarted while nobody was watching; what its log held at the end is not known",
    "damaged": "the segment's sync markers are damaged on disk",
    "changed": "the segment on disk is not the one whose beginning had been shipped",
    "restored": "the node was restored in place, and its log went on from there",
    "piece_corrupt": "a piece in the repository is not what its name says",
}


@dataclasses.dataclass(frozen=True, order=True)
class Piece:
    """A run of bytes of a segment, as the repository has it.

    :param start: the first byte's position in the segment.
    :param end: behind the last byte; a sync marker stands there, or the piece was cut between two.
    :param read_us: when it was read: what it holds had been written by then.
    :param covered_us: all that the node had acknowledged by then is in this piece or before it.
    :param final: whether the segment ends here; such a piece may be empty.
    :param sha256: of the bytes themselves, before any codec.
    """

    segment: SegmentName
    start: int
    end: int
    read_us: int
    covered_us: int
    final: bool
    sha256: str
    codecs: Codecs = dataclasses.field(default=PLAIN, compare=False)
    stored_size: int = dataclasses.field(default=0, compare=False)


@dataclasses.dataclass(frozen=True, order=True)
class Run:
    """Says that segment ``first`` begins a run of the process, and that nothing is missing between it and ``after``.

    Ids count up by one within a run, so a jump is a gap unless this says otherwise.

    :param after: the last segment of the run before; 0 where the archive begins.
    """

    first: int
    after: int


@dataclasses.dataclass(frozen=True)
class Gap:
    """Segments that are not in the repository whole, and never will be.

    :param cause: one of ``GAP_CAUSES``.
    :param first: id of the first segment concerned.
    :param last: id of the last; segments between that exist are lost too.
    :param after_us: up to this everything was covered before the gap.
    :param recorded_us: when it was found; what was acknowledged later is behind the gap.
    :param detail: what was seen, for the operator.
    """

    host_id: str
    cause: str
    first: int
    last: int
    after_us: int
    recorded_us: int
    detail: str = ""

    def __str__(self) -> str:
        which = f"segment {self.first}" if self.first == self.last else f"segments {self.first} to {self.last}"
        return f"{which}: {GAP_CAUSES.get(self.cause, self.cause)}"


@dataclasses.dataclass(frozen=True)
class OpenSegment:
    """A segment that is not whole in the repository yet; ``shipped`` bytes of it are."""

    name: SegmentName = dataclasses.field(metadata=written_as("segment"))
    shipped: int


@dataclasses.dataclass(frozen=True)
class LedgerHead:
    """Where a node's shipping stands: the heartbeat.

    :param agent_version: the release of this collection that the agent is from; early agents wrote ``1``.
    :param covered_from_us: since the last gap, or since the beginning; 0 while nothing is covered.
    :param covered_until_us: everything that the node had acknowledged by then is in the repository.
    :param last_segment: the newest segment that this covers.
    :param open_segments: of which there may be more.
    :param last_gap: id of the last segment lost; 0 if there never was a gap.
    :param pending_since_us: bytes without a sync marker wait since then; ``None`` if there are none. If it is old, the
        node's log is stuck, or it died.
    :param clock_stepped_us: when the node's clock last went back; ``None`` if it never did.
    :param spool_bytes: of segments that wait to be shipped, the active one included.
    :param spool_limit_bytes: 0 for none.
    """

    host_id: str
    node_name: str
    agent_version: str
    interval_seconds: float
    written_us: int
    covered_from_us: int
    covered_until_us: int
    last_segment: int
    open_segments: tuple[OpenSegment, ...]
    last_gap: int = 0
    pending_since_us: int | None = None
    clock_stepped_us: int | None = None
    spool_bytes: int = 0
    spool_segments: int = 0
    spool_limit_bytes: int = 0
    spool_policy: str = "block"


@dataclasses.dataclass(frozen=True)
class SchemaRecord:
    """A node's schema at a moment, with ids, and the truncations that it knew of.

    :param truncated_at: by table id, the raw value of ``system.local.truncated_at`` in hexadecimal.
    """

    host_id: str
    recorded_us: int
    digest: str
    statements: tuple[str, ...]
    table_ids: t.Mapping[str, str]
    truncated_at: t.Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class TableImport:
    """That a node was given tables of a backup; when is in the key too, which is all that windows need.

    :param detail: the restore's id.
    :param tables: ``keyspace.table`` that were given data; empty where an earlier release wrote it.
    """

    host_id: str
    at_us: int
    detail: str
    tables: tuple[str, ...] = ()


#: ``ledger.json``.
LEDGER_HEAD = Document("commit-log-ledger", LedgerHead)
GAP = Document("commit-log-gap", Gap)
SCHEMA_RECORD = Document("schema-record", SchemaRecord)
IMPORT = Document("table-import", TableImport)
