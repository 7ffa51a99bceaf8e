# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archiving of a real cluster's commit logs, through all that can go wrong on the way.

One cluster and one repository for all tests, in order: each leaves the archive working.
"""

from __future__ import annotations

import contextlib
import re
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import plan_moment
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    MomentRefusedError,
    ObjectCorruptError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.bases import bases_of
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import (
    load_logs,
    record_corrupt_piece,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_log import fetch_segments
from lab.archiving import prepare_archiving
from lab.node import Node
from lab.processes import wait_until
from tests.lab.archive import BUCKET, PREFIX, SEGMENT_MIB, Archive
from tests.lab.marks import Mark, Shipped, quorum_us


@pytest.fixture(scope="module", name="archive")
def _archive(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Archive]:
    with contextlib.ExitStack() as ending:
        archive = Archive(tmp_path_factory.mktemp("archive"), ending, nodes=2)
        prepare_archiving(archive.cluster)
        archive.start()
        archive.play("enable_archiving").require_success()
        yield archive


def require_covered(archive: Archive, marks: t.Sequence[Mark]) -> None:
    """Require marks in the bucket, from enough nodes to be read at QUORUM."""
    since = archive.shipped()
    missing = [mark.text for mark in marks if quorum_us(since.get(mark.text)) == float("inf")]
    assert not missing, f"{len(missing)} of {len(marks)} writes are not in the bucket, such as {missing[:3]}"


def test_shipping_covers_what_was_written_before(archive: Archive) -> None:
    marks = archive.marker.write(100)
    began = time.monotonic()
    archive.ship()
    print(f"shipped in {time.monotonic() - began:.1f} s, playbook included")
    require_covered(archive, marks)


def test_from_a_backup_on_every_moment_can_be_restored(archive: Archive) -> None:
    assert archive.report().windows == ()
    archive.play("backup", backup_tag="base").require_success()
    marks = archive.marker.write(10)
    archive.cover()
    (window,) = archive.report().windows
    assert window.tag == "base"
    assert window.until_us >= marks[-1].acknowledged_us
    status = archive.play("archiving_status").require_success()
    assert "From backup base, any moment from" in status.output
    assert "GAP" not in status.output


def test_an_agent_that_is_killed_is_named_and_loses_nothing(archive: Archive) -> None:
    node = archive.cluster.nodes[1]
    first = len(archive.marker.marks)
    others = [each for each in archive.cluster.nodes if each is not node]
    before = [(each.process(), each.agent()) for each in others]
    archive.marker.start(writes_per_second=50)
    try:
        node.kill_agent()
        for name in ("archiving_status", "ship_commitlogs"):
            run = archive.play(name, archive_ship_timeout=5)
            assert run.exit_status != 0
            assert f"{node.name}: " in run.output
            assert "is not running" in run.output
        archive.seal_segments(1)
        run = archive.play("enable_archiving").require_success()
    finally:
        archive.marker.stop()
    assert sorted(run.changes()) == [0, 1], run.output
    assert [(each.process(), each.agent()) for each in others] == before
    archive.cover()
    require_covered(archive, archive.marker.marks[first:])
    assert not [gap for each in archive.report().nodes for gap in each.gaps]


def test_a_store_that_fails_and_is_gone_neither_stops_cassandra_nor_loses_anything(archive: Archive) -> None:
    with archive.store_away():
        marks = archive.seal_segments(2)
        run = archive.play("ship_commitlogs", archive_ship_timeout=5)
        assert run.exit_status != 0
        for node in archive.cluster.nodes:
            assert f"{node.name}: What was written on node {node.name}" in run.output
            assert archive.spooled(node), "nothing waits in the spool"
        assert "its agent cannot ship" in run.output
    archive.cover()
    require_covered(archive, marks)
    assert not [gap for each in archive.report().nodes for gap in each.gaps]
    assert archive.marker.errors == []
    wait_until(
        lambda: not any(archive.spooled(node) for node in archive.cluster.nodes),
        timeout_seconds=60,
        what="the spools to be empty again",
    )


def test_a_segment_deleted_from_the_spool_is_a_gap_that_is_told_and_refused(archive: Archive) -> None:
    node = archive.cluster.nodes[0]
    with archive.store_away():
        marks = archive.seal_segments(4)
        # Written while the store was away; and not the oldest, of which the agent may hold what it could not put.
        wait_until(
            lambda: len(archive.spooled_with(node, marks)) > 1, timeout_seconds=60, what="two segments in the spool"
        )
        print([(path.name, path.stat().st_size) for path in archive.spooled(node)])
        archive.spooled_with(node, marks)[-1].unlink()
    archive.marker.write(10)
    archive.cover()
    require_gaps(archive, [node], cause="lost_from_spool", tag="base")


def test_a_backup_after_a_gap_opens_a_new_window(archive: Archive) -> None:
    archive.play("backup", backup_tag="second").require_success()
    marks = archive.marker.write(10)
    archive.cover()
    window = archive.report().windows[-1]
    assert (window.tag, window.ended_by) == ("second", "")
    assert window.until_us >= marks[-1].acknowledged_us


def test_a_spool_at_its_limit_blocks_nothing_and_is_told(archive: Archive) -> None:
    limit = SEGMENT_MIB * 1024 * 1024
    processes = [node.process() for node in archive.cluster.nodes]
    archive.play("enable_archiving", archive_spool_max_bytes=limit).require_success()
    assert [node.process() for node in archive.cluster.nodes] == processes, "Cassandra was restarted for the agent"
    with archive.store_away():
        marks = archive.seal_segments(3)
        run = archive.play("archiving_status")
        assert run.exit_status != 0
        for node in archive.cluster.nodes:
            assert f"{node.name}: its spool is at its limit" in run.output
            assert f"{node.name}: its agent cannot ship" in run.output
    archive.cover()
    require_covered(archive, marks)
    assert not [gap for each in archive.report().nodes for gap in each.gaps if gap.cause == "dropped"]


def test_a_spool_that_drops_at_its_limit_records_the_gap(archive: Archive) -> None:
    limit = SEGMENT_MIB * 1024 * 1024
    variables = {"archive_spool_max_bytes": limit, "archive_spool_policy": "drop_and_record_gap"}
    archive.play("enable_archiving", **variables).require_success()
    with archive.store_away():
        archive.seal_segments(4)
    archive.cover()
    require_gaps(archive, archive.cluster.nodes, cause="dropped", tag="second")


def test_a_piece_that_was_damaged_in_the_store_is_found_and_refused(archive: Archive, tmp_path: Path) -> None:
    archive.play("backup", backup_tag="third").require_success()
    archive.marker.write(10)
    archive.cover()
    target_us = archive.report().windows[-1].until_us
    store = Shipped(archive.repository).store
    plan = plan_moment(target_us, bases=bases_of(store), logs=load_logs(store))
    node = plan.nodes[0]
    piece = node.segments[-1].pieces[0]
    key = piece_key(node.host_id, piece)
    body = bytearray(store.get(key))
    body[len(body) // 2] ^= 0x10
    client = archive.server.client()
    client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=bytes(body))
    with pytest.raises(ObjectCorruptError, match=re.escape(key)):
        fetch_segments(store, host_id=node.host_id, segments=node.segments, directory=str(tmp_path / "log"))
    log = next(each for each in load_logs(store) if each.host_id == node.host_id)
    record_corrupt_piece(store, log=log, piece=piece, detail="Found when it was fetched.")
    with pytest.raises(MomentRefusedError) as refused:
        plan_moment(target_us, bases=bases_of(store), logs=load_logs(store))
    assert log.name in str(refused.value)
    require_told(archive, causes={"lost_from_spool", "dropped", "piece_corrupt"})


def require_gaps(archive: Archive, nodes: t.Sequence[Node], *, cause: str, tag: str) -> None:
    """Require that nodes' gaps are recorded, and refused at planning with the nearest moment before each."""
    report = archive.report()
    store = Shipped(archive.repository).store
    bases = [base for base in bases_of(store) if base.tag == tag]
    for node in nodes:
        log = next(each for each in report.nodes if each.name == node.name)
        gaps = [gap for gap in log.gaps if gap.cause == cause]
        assert gaps, log.gaps
        with pytest.raises(MomentRefusedError) as refused:
            plan_moment(gaps[0].recorded_us, bases=bases, logs=load_logs(store))
        before_us = refused.value.before_us
        assert before_us is not None
        assert before_us >= bases[0].ended_us
        assert plan_moment(before_us, bases=bases, logs=load_logs(store)).tag == tag


def require_told(archive: Archive, *, causes: set[str]) -> None:
    """Require that an operator who asks is told every gap that there is, and that they have these causes."""
    output = archive.play("archiving_status").output
    gaps = [(log.name, gap) for log in archive.report().nodes for gap in log.gaps]
    assert {gap.cause for _name, gap in gaps} == causes
    for name, gap in gaps:
        assert f"{name}: GAP, {gap}" in output
