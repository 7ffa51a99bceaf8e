# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import sys
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import NodeLog, read_listing
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import (
    BY_ARRIVAL,
    Base,
    plan_moment,
    restorable_windows,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import MomentRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectInfo
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import (
    Gap,
    LedgerHead,
    OpenSegment,
    Piece,
    Run,
)
from tests.unit.plugins.module_utils._core.archive.made_logs import FIRST, HOSTS, SHA, base, later, node_log, piece


def test_the_window_is_the_intersection_of_the_nodes() -> None:
    logs = [node_log(0, 10), node_log(1, 6)]
    (window,) = restorable_windows([base("b", 1200, FIRST + 1)], logs)
    assert (window.from_us, window.until_us, window.limited_by, window.ended_by) == (1200, 1500, "n1", "")


def test_a_heartbeat_covers_a_log_to_which_nothing_was_written() -> None:
    name = SegmentName(id=FIRST + 5, version=7)
    head = LedgerHead(HOSTS[1], "n1", "1", 5.0, 9000, 1000, 8000, FIRST + 5, (OpenSegment(name=name, shipped=50),))
    logs = [node_log(1, 6, head=head)]
    only = Base(tag="b", ended_us=1200, positions={HOSTS[1]: CommitLogPosition((FIRST,), FIRST, 20)})
    assert restorable_windows([only], logs)[0].until_us == 8000
    lying = LedgerHead(HOSTS[1], "n1", "1", 5.0, 9000, 1000, 8000, FIRST + 5, (OpenSegment(name=name, shipped=51),))
    assert restorable_windows([only], [node_log(1, 6, head=lying)])[0].until_us == 1500


@pytest.mark.parametrize("broken", ["missing segment", "missing piece", "unproven restart", "gap", "piece corrupt"])
def test_a_moment_behind_a_hole_is_refused_with_the_nearest_ones(broken: str) -> None:
    log = node_log(1, 12)
    pieces, runs, gaps = list(log.pieces), list(log.runs), []
    if broken == "missing segment":
        pieces = [each for each in pieces if each.segment.id != FIRST + 5]
    elif broken == "missing piece":
        pieces = [each for each in pieces if (each.segment.id, each.start) != (FIRST + 5, 50)]
    elif broken == "unproven restart":
        pieces = [later(each, by=5000) if each.segment.id > FIRST + 5 else each for each in pieces]
    else:
        cause = "piece_corrupt" if broken == "piece corrupt" else "vanished"
        gaps = [Gap(HOSTS[1], cause, FIRST + 5, FIRST + 5, 1450, 1700)]
    other = node_log(1, 12, pieces=tuple(pieces), runs=tuple(runs), gaps=tuple(gaps))
    bases = [base("old", 1200, FIRST + 1), base("new", 1900, FIRST + 8 + (5000 if "unproven" in broken else 0))]
    bases[1] = Base(
        "new", 1900, {HOSTS[0]: CommitLogPosition((), FIRST + 8, 20), HOSTS[1]: bases[1].positions[HOSTS[1]]}
    )
    logs = [node_log(0, 20), other]
    with pytest.raises(MomentRefusedError) as refused:
        plan_moment(1800, bases=bases, logs=logs)
    assert refused.value.subject == "n1"
    before_us, after_us = refused.value.before_us, refused.value.after_us
    assert before_us is not None
    assert after_us == 1900
    assert plan_moment(before_us, bases=bases, logs=logs).tag == "old"
    assert plan_moment(after_us, bases=bases, logs=logs).tag == "new"
    with pytest.raises(MomentRefusedError):
        plan_moment(before_us + 1, bases=bases, logs=logs)


@pytest.mark.parametrize(
    ("lost", "subject", "why"),
    [
        (FIRST + 8, "n1", f"segment {FIRST + 8}, in which the backup begins, is lost (segment {FIRST + 8}: a piece"),
        (FIRST + 10, "n1", f"segment {FIRST + 10}: a piece"),
    ],
)
def test_a_refusal_tells_of_the_newest_backup_before_and_not_of_an_older_one(lost: int, subject: str, why: str) -> None:
    old_gap = Gap(HOSTS[0], "dropped", FIRST + 4, FIRST + 4, 1400, 1700)
    gap = Gap(HOSTS[1], "piece_corrupt", lost, lost, 1000, 3000)
    logs = [node_log(0, 20, gaps=(old_gap,)), node_log(1, 20, gaps=(gap,))]
    bases = [base("old", 1200, FIRST + 1), base("new", 1900, FIRST + 8)]
    with pytest.raises(MomentRefusedError) as refused:
        plan_moment(2500, bases=bases, logs=logs)
    assert refused.value.subject == subject
    assert f"from backup new: on node {subject}, {why}" in str(refused.value)
    assert refused.value.before_us is not None
    assert plan_moment(refused.value.before_us, bases=bases, logs=logs)


def test_a_node_that_joined_after_the_base_ends_its_window() -> None:
    late = NodeLog(HOSTS[2], "n2", (piece(FIRST + 999, 0, 50, at=1600),), runs=(Run(FIRST + 999, 0),))
    logs = [node_log(0, 12), node_log(1, 12), late]
    (window,) = restorable_windows([base("b", 1200, FIRST + 1)], logs)
    assert (window.until_us, window.limited_by) == (1599, "n2")


def test_a_plan_fetches_from_the_base_to_the_moment_and_a_little_on() -> None:
    logs = [node_log(0, 12), node_log(1, 12)]
    plan = plan_moment(1500, bases=[base("b", 1200, FIRST + 2)], logs=logs, slack_us=100)
    segments = plan.nodes[0].segments
    assert [each.segment.id for each in segments] == [FIRST + 2, FIRST + 3, FIRST + 4, FIRST + 5, FIRST + 6]
    assert [each.whole for each in segments] == [True, True, True, True, False]
    arrived = plan_moment(1520, bases=[base("b", 1200, FIRST + 2)], logs=logs, cut=BY_ARRIVAL).nodes[0].segments
    assert max(each.read_us for part in arrived for each in part.pieces) == 1500


def _calls_to_plan(*, segments: int) -> int:
    """How many calls of Python it takes to read and plan so many segments of 20 pieces each, to their middle."""
    per_segment, began_us = 20, 1_800_000_000_000_000
    size = 32 * 1024 * 1024 // per_segment
    codecs = Codecs.of(compressed=True, encrypted=False)
    objects = []
    for number in range(segments):
        for part in range(per_segment):
            at = began_us + (number * per_segment + part) * 1000
            one = Piece(
                SegmentName(id=FIRST + number, version=7), part * size, (part + 1) * size, at, at,
                part == per_segment - 1, SHA, codecs,
            )  # fmt: skip
            objects.append(ObjectInfo(key=piece_key(HOSTS[0], one), size=1000))
    middle = segments * per_segment // 2
    calls = 0

    def count(_frame: t.Any, event: str, _argument: t.Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        listing = read_listing(objects)[HOSTS[0]]
        log = NodeLog(HOSTS[0], "n0", tuple(listing.pieces))
        only = base("b", began_us + 500, FIRST, hosts=1)
        plan = plan_moment(began_us + middle * 1000, bases=[only], logs=[log], slack_us=0)
    finally:
        sys.setprofile(before)
    assert sum(len(each.pieces) for each in plan.nodes[0].segments) == middle + 1
    return calls


def test_four_times_the_log_takes_four_times_the_work_to_plan() -> None:
    assert _calls_to_plan(segments=200) < 5 * _calls_to_plan(segments=50)


def test_a_backup_reaches_no_further_than_the_next_import_of_tables() -> None:
    logs = [node_log(0, 12), node_log(1, 12)]
    free = base("b", 1200, FIRST + 1)
    limited = dataclasses.replace(free, imported_us=1500)
    (window,) = restorable_windows([limited], logs)
    assert (window.until_us, window.limited_by) == (1499, "")
    assert plan_moment(1499, bases=[limited], logs=logs).tag == "b"
    with pytest.raises(
        MomentRefusedError, match="from backup b: tables were restored into the cluster then"
    ) as refused:
        plan_moment(1500, bases=[limited], logs=logs)
    assert refused.value.before_us == 1499
    newer = base("newer", 1700, FIRST + 6)
    assert plan_moment(1800, bases=[limited, newer], logs=logs).tag == "newer"
    during = dataclasses.replace(free, imported_us=1100)
    assert restorable_windows([during], logs) == ()
    with pytest.raises(MomentRefusedError, match="tables were restored"):
        plan_moment(1300, bases=[during], logs=logs)
