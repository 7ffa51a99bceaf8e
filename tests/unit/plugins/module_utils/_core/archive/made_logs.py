# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logs of nodes as a repository has them, and bases, for tests: made of pieces with few words."""

from __future__ import annotations

import hashlib
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import NodeLog
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import Base
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Piece, Run

HOSTS = [f"{number:08x}-0000-0000-0000-000000000000" for number in range(4)]
FIRST = 1_800_000_000_000
SHA = hashlib.sha256(b"").hexdigest()


def piece(segment: int, start: int, end: int, *, at: int, final: bool = False, covered: int | None = None) -> Piece:
    return Piece(
        segment=SegmentName(id=segment, version=7),
        start=start,
        end=end,
        read_us=at,
        covered_us=at if covered is None else covered,
        final=final,
        sha256=SHA,
        codecs=Codecs.of(compressed=True, encrypted=False),
        stored_size=end - start,
    )


def later(each: Piece, *, by: int) -> Piece:
    """The piece as one of a segment with a higher id."""
    return piece(each.segment.id + by, each.start, each.end, at=each.read_us, final=each.final)


def node_log(host: int, segments: int, **changes: t.Any) -> NodeLog:
    """Segments of two pieces, one segment each 100 µs; the last has one piece, no end."""
    pieces = []
    for number in range(segments):
        at = 1000 + 100 * number
        pieces.append(piece(FIRST + number, 0, 50, at=at))
        if number < segments - 1:
            pieces.append(piece(FIRST + number, 50, 90, at=at + 50, final=True))
    value = {"pieces": tuple(pieces), "runs": (Run(first=FIRST, after=0),), **changes}
    return NodeLog(host_id=HOSTS[host], name=f"n{host}", **value)


def base(tag: str, ended_us: int, segment: int, hosts: int = 2) -> Base:
    position = CommitLogPosition(segments=(segment,), active_segment=segment, active_position=20)
    return Base(tag=tag, ended_us=ended_us, positions=dict.fromkeys(HOSTS[:hosts], position))
