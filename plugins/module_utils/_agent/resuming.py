# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an agent that starts takes from the repository and from its own state. A decision, without I/O."""

from __future__ import annotations

import dataclasses

from ansible_collections.revive.cassandra.plugins.module_utils._agent.book import BookState
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.accounting import KnownSegment
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import LogListing, segment_chains
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import parse_gap_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Piece


def resumed(kept: BookState, listing: LogListing) -> BookState:
    """Where to go on.

    What was kept says which segments there were; the repository says what was shipped of them.
    """
    ranges = _gap_ranges(kept, listing)
    chains = segment_chains(listing.pieces)
    while chains and not chains[0].pieces:
        # What an interrupted prune left of the oldest segment.
        chains.pop(0)
    done = {each.segment.id for each in chains if each.whole or _in_any(each.segment.id, ranges)}
    opened = {
        segment_id: dataclasses.replace(known, shipped=0)
        for segment_id, known in kept.account.open.items()
        if segment_id not in done
    }
    for chain in chains:
        if chain.segment.id not in done:
            known = opened.get(chain.segment.id) or KnownSegment(name=chain.segment)
            opened[chain.segment.id] = dataclasses.replace(known, shipped=chain.end)
    newest = [chain.segment.id for chain in chains] + [last for _first, last in ranges]
    account = dataclasses.replace(
        kept.account,
        reckoned=max([kept.account.reckoned, *newest]),
        open=dict(sorted(opened.items())),
        sighted_us=kept.account.sighted_us or max((piece.read_us for piece in listing.pieces), default=0),
    )
    fresh = not chains and not ranges
    return dataclasses.replace(
        kept,
        account=account,
        covered_from_us=0 if fresh else kept.covered_from_us,
        covered_us=0 if fresh else kept.covered_us or max((piece.covered_us for piece in listing.pieces), default=0),
        last_gap=max([kept.last_gap, *(last for _first, last in ranges)]),
    )


def last_pieces(state: BookState, listing: LogListing) -> tuple[Piece, ...]:
    """The last piece of each segment that goes on, to be compared with the disk."""
    return tuple(
        chain.pieces[-1]
        for chain in segment_chains(listing.pieces)
        if chain.pieces and chain.segment.id in state.account.open
    )


def _gap_ranges(kept: BookState, listing: LogListing) -> list[tuple[int, int]]:
    ranges = [each for each in map(parse_gap_key, listing.gap_keys) if each is not None]
    return ranges + [(gap.first, gap.last) for gap in kept.gaps]


def _in_any(segment_id: int, ranges: list[tuple[int, int]]) -> bool:
    return any(first <= segment_id <= last for first, last in ranges)
