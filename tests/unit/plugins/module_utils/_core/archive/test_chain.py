# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random

import hypothesis
from hypothesis import strategies as st

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import (
    NodeLog,
    chains,
    segment_chains,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    gap_key,
    parse_gap_key,
    parse_piece_key,
    parse_run_key,
    piece_key,
    run_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import (
    GAP,
    LEDGER_HEAD,
    Gap,
    LedgerHead,
    OpenSegment,
    Run,
)
from tests.unit.plugins.module_utils._core.archive.made_logs import FIRST, HOSTS, piece


def test_every_key_says_what_it_was_made_from() -> None:
    one = piece(FIRST, 0, 2**31 - 1, at=1_800_000_000_000_000, final=True)
    key = piece_key(HOSTS[0], one)
    assert parse_piece_key(key, stored_size=one.stored_size) == (HOSTS[0], one)
    assert max(map(len, key.split("/"))) <= 255
    gap = Gap(HOSTS[0], "vanished", FIRST, FIRST + 1, 5, 6)
    assert parse_gap_key(gap_key(gap)) == (FIRST, FIRST + 1)
    assert GAP.decode(GAP.encode(gap), subject="") == gap
    assert parse_run_key(run_key(HOSTS[0], Run(first=2, after=1))) == (HOSTS[0], Run(first=2, after=1))
    name = SegmentName(id=FIRST, version=7)
    head = LedgerHead(HOSTS[0], "n", "1", 5.0, 1, 2, 3, FIRST, (OpenSegment(name=name, shipped=20),))
    assert LEDGER_HEAD.decode(LEDGER_HEAD.encode(head), subject="") == head


@hypothesis.given(
    cuts=st.lists(st.integers(1, 200), min_size=1, max_size=8, unique=True),
    seed=st.integers(0, 1000),
    drop=st.booleans(),
)
def test_a_segment_reaches_exactly_as_far_as_its_pieces_do_without_a_hole(
    *, cuts: list[int], seed: int, drop: bool
) -> None:
    chance = random.Random(seed)
    edges = [0, *sorted(cuts)]
    pieces = [piece(FIRST, a, b, at=b, final=b == edges[-1]) for a, b in zip(edges, edges[1:])]
    pieces += [piece(FIRST, edges[0], chance.choice(edges[1:]), at=1) for _turn in range(chance.randrange(3))]
    if drop:
        pieces.pop(chance.randrange(len(pieces)))
    chance.shuffle(pieces)
    covered: set[int] = set()
    for each in pieces:
        covered.update(range(each.start, each.end))
    reach = next((place for place in range(300) if place not in covered), 300)
    hypothesis.assume(pieces)
    (found,) = segment_chains(pieces)
    assert found.end == reach
    position = 0
    for each in found.pieces:
        assert each.start <= position
        position = max(position, each.end)
    assert position == reach
    assert found.whole == any(each.final and each.end == reach for each in pieces)


def test_a_proven_restart_goes_on() -> None:
    pieces = (piece(FIRST, 0, 50, at=1000, final=True), piece(FIRST + 9000, 0, 50, at=1100))
    log = NodeLog(HOSTS[0], "n0", pieces, runs=(Run(FIRST + 9000, FIRST),))
    (chain,) = chains(log)
    assert chain.until_us == 1100
