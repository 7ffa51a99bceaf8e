# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of each log a restore to a moment takes, what it reaches, and what a node finds of it again."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import NodeLog
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import (
    BY_ARRIVAL,
    BY_TIMESTAMP,
    Base,
    plan_moment,
    restorable_windows,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    MomentRefusedError,
    ObjectMissingError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import build, plain
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Gap, Piece, Run
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest, Totals
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import (
    MomentPlan,
    check_past,
    moment_plan,
    moment_plan_lines,
    moment_reasons,
    planned_segments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import whole_restore_id
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.point import Moment

_FIRST = 1_800_000_000_000
_SECOND = 1_000_000
_BEGAN_US = 1_800_000_000 * _SECOND
_HOSTS = ("h0", "h1")


def _piece(segment: int, start: int, end: int, *, at: int, final: bool = False) -> Piece:
    """One of which 10 ms less is covered than when it was read."""
    at_us = _BEGAN_US + at * _SECOND
    name = SegmentName(id=_FIRST + segment, version=7)
    return Piece(name, start, end, at_us, at_us - 10_000, final, f"{segment}-{start}".rjust(64, "0"), stored_size=10)


def _log(host: str, *, until: int = 100, **changes: t.Any) -> NodeLog:
    """A piece of 50 bytes each ten seconds, two to a segment."""
    pieces = [
        _piece(number // 2, 50 * (number % 2), 50 * (number % 2) + 50, at=10 * number, final=number % 2 == 1)
        for number in range(until // 10 + 1)
    ]
    values = {"pieces": tuple(pieces), "runs": (Run(first=_FIRST, after=0),), **changes}
    return NodeLog(host_id=host, name=f"node-{host}", **values)


def _base(segment: int = 0, *, ended: int = 5) -> Base:
    position = CommitLogPosition(segments=(_FIRST + segment,), active_segment=_FIRST + segment, active_position=20)
    return Base(tag="b", ended_us=_BEGAN_US + ended * _SECOND, positions=dict.fromkeys(_HOSTS, position))


def _us(seconds: float) -> int:
    return _BEGAN_US + int(seconds * _SECOND)


def _plan(at: float, *logs: NodeLog, cut: str = BY_TIMESTAMP) -> MomentPlan:
    found = plan_moment(_us(at), bases=[_base()], logs=logs, cut=cut)
    return moment_plan(found, logs=logs)


def test_by_timestamp_the_moment_is_reached_with_all_that_arrived_soon_after() -> None:
    plan = _plan(35, _log("h0"), _log("h1", until=60))
    assert [part.segments for part in plan.parts] == [6, 4]
    assert [part.reached_us for part in plan.parts] == [_us(35), _us(35)]
    assert [part.covered_us for part in plan.parts] == [_us(100) - 10_000, _us(60) - 10_000]
    assert plan.replay_until_us == _us(35)
    assert plan.work_bytes("h1") == 2 * 350


def test_by_arrival_each_log_ends_where_it_had_been_shipped() -> None:
    plan = _plan(35, _log("h0"), _log("h1"), cut=BY_ARRIVAL)
    assert plan.replay_until_us is None
    assert [(part.last_segment - _FIRST, part.last_end) for part in plan.parts] == [(1, 100)] * 2
    assert plan.reached_us == _us(30) - 10_000
    assert "goes by arrival" in "\n".join(moment_plan_lines(plan, tag="b"))


def test_a_plan_travels_as_plain_values() -> None:
    plan = _plan(35, _log("h0"), _log("h1"))
    assert build(MomentPlan, json.loads(json.dumps(plain(plan)))) == plan


def test_a_node_finds_its_part_again_and_what_came_since() -> None:
    plan = _plan(35, _log("h0", until=60), _log("h1"))
    assert sum(each.end for each in planned_segments(plan, log=_log("h0", until=60))) == 350
    assert sum(each.end for each in planned_segments(plan, log=_log("h0", until=80))) == 450
    with pytest.raises(InputError, match="no log of the node other"):
        planned_segments(plan, log=_log("other"))


@pytest.mark.parametrize("lost", [0, 3, 6])
def test_a_node_whose_log_has_lost_a_piece_since_is_an_error(lost: int) -> None:
    whole = _log("h0", until=60)
    plan = _plan(35, whole, _log("h1"))
    damaged = dataclasses.replace(whole, pieces=whole.pieces[:lost] + whole.pieces[lost + 1 :])
    with pytest.raises(ObjectMissingError, match="is shorter than when"):
        planned_segments(plan, log=damaged)


def test_moments_and_cuts_have_restores_of_their_own() -> None:
    logs = [_log("h0"), _log("h1")]
    plans = [_plan(35, *logs), _plan(35.000001, *logs), _plan(35, *logs, cut=BY_ARRIVAL), None]
    ids = {whole_restore_id(tag="b", cluster_id="c", mode="in_place", moment=plan) for plan in plans}
    assert len(ids) == 4
    assert "b-at-20270115T080035000000Z-in-place-2e7d2c03" in ids


def test_the_plan_says_that_clocks_move_the_cut_and_where_each_log_ends() -> None:
    text = "\n".join(moment_plan_lines(_plan(35, _log("h0"), _log("h1", until=60)), tag="b"))
    assert "To the moment 2027-01-15T08:00:35.000000Z, from the backup b" in text
    assert "goes by write timestamp" in text
    assert "clocks that are off, move it" in text
    assert "log of node-h1: 4 segments, 350 B, reaches 2027-01-15T08:00:35.000000Z, covered until" in text


def test_the_future_is_refused() -> None:
    check_past(Moment(_us(1)), now_us=_us(1))
    with pytest.raises(InputError, match="in the future"):
        check_past(Moment(_us(1) + 1), now_us=_us(1))


def _reasons(plan: MomentPlan, *, release_version: str, tables_asked: tuple[str, ...] = ()) -> list[ReviveError]:
    manifest = ClusterManifest("b", "c", "n", 1, 2, (), tables_asked, (), (), Totals(), (), "1")
    return list(moment_reasons(plan, manifest=manifest, release_version=release_version))


def test_a_cassandra_that_would_round_the_moment_is_refused_unless_it_does_not_cut() -> None:
    logs = [_log("h0"), _log("h1")]
    assert _reasons(_plan(35, *logs), release_version="4.0.1") == []
    assert _reasons(_plan(35.5, *logs), release_version="5.0.8") == []
    assert [type(each) for each in _reasons(_plan(35.5, *logs), release_version="4.0.1")] == [InputError]
    assert _reasons(_plan(35.5, *logs, cut=BY_ARRIVAL), release_version="4.0.1") == []


def test_a_backup_of_some_tables_is_no_base() -> None:
    (reason,) = _reasons(_plan(35, _log("h0"), _log("h1")), release_version="5.0.8", tables_asked=("a.b",))
    assert "some tables only" in str(reason)


def test_a_restore_in_place_ends_what_a_backup_from_before_leads_to() -> None:
    """Although the node stopped and started in order, so that the agent has recorded that nothing is missing."""
    again = [_piece(2_000_000 + number, 0, 50, at=2_000 + number, final=True) for number in range(3)]
    logs = [
        _log(
            host,
            pieces=(*_log(host, until=90).pieces, *again),
            runs=(Run(_FIRST, 0), Run(_FIRST + 2_000_000, _FIRST + 4)),
        )
        for host in _HOSTS
    ]
    assert restorable_windows([_base()], logs)[-1].until_us == _us(2_002) - 10_000
    gap = Gap("h1", "restored", _FIRST + 1_900_000, _FIRST + 1_900_000, 0, _us(1_900), "r")
    forked = [logs[0], dataclasses.replace(logs[1], gaps=(gap,))]
    (window,) = restorable_windows([_base()], forked)
    assert (window.until_us, window.limited_by) == (_us(90) - 10_000, "node-h1")
    with pytest.raises(MomentRefusedError, match="restored in place"):
        plan_moment(_us(2_001), bases=[_base()], logs=forked)
    newer = dataclasses.replace(_base(2_000_000, ended=2_000), tag="after")
    assert plan_moment(_us(2_001), bases=[_base(), newer], logs=forked).tag == "after"
