# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import NodeLog
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.report import (
    ClusterArchive,
    archive_lines,
    report_archive,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import Base
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Gap, Piece

POSITION = CommitLogPosition((5,), 5, 10)
BASE = Base(tag="first", ended_us=2_000_000, positions={"a": POSITION, "b": POSITION})


def node_log(host_id: str, *, covered_us: int, gaps: tuple[Gap, ...] = ()) -> NodeLog:
    piece = Piece(
        segment=SegmentName(id=5, version=7),
        start=0,
        end=100,
        read_us=covered_us,
        covered_us=covered_us,
        final=False,
        sha256="0" * 64,
        stored_size=1024 * 1024,
    )
    return NodeLog(host_id=host_id, name=f"node-{host_id}", pieces=(piece,), gaps=gaps)


def test_the_cluster_reaches_as_far_as_the_node_that_lags_most() -> None:
    archive = report_archive(
        [node_log("a", covered_us=9_000_000), node_log("b", covered_us=5_000_000)], [BASE], now_us=10_000_000
    )
    assert [node.lag_seconds for node in archive.nodes] == [1.0, 5.0]
    assert [(window.until_us, window.limited_by) for window in archive.windows] == [(5_000_000, "node-b")]
    lines = archive_lines(archive)
    assert "From backup first" in lines[0]
    assert "node-b ends so far" in lines[0]
    assert "node-a: is covered until 1970-01-01T00:00:09.000000Z, 1.0 s ago; 1 segments in 1 pieces" in lines[1]


def test_a_gap_is_said_with_its_cause_and_where_it_begins() -> None:
    gap = Gap(host_id="a", cause="dropped", first=6, last=7, after_us=9_000_000, recorded_us=9_500_000, detail="Full.")
    archive = report_archive([node_log("a", covered_us=9_000_000, gaps=(gap,))], [], now_us=10_000_000)
    lines = archive_lines(archive)
    assert "a moment yet" in lines[0]
    assert lines[-1] == (
        "node-a: GAP, segments 6 to 7: the spool was full, and its policy is to drop. "
        "After 1970-01-01T00:00:09.000000Z. Full."
    )


def test_an_archive_of_nothing_says_so() -> None:
    assert archive_lines(ClusterArchive(nodes=(), windows=())) == ["No commit log has been archived."]
    archive = report_archive([NodeLog(host_id="a", name="a", pieces=())], [BASE], now_us=1)
    assert archive.nodes[0].lag_seconds is None
    assert "a: is not covered" in archive_lines(archive)[1]
