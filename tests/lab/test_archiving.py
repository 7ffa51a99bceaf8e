# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archiving of a real cluster's commit logs: turned on under writes, and through all that can go wrong on the way.

One cluster and one repository for all tests, in order: each leaves the archive working, the last destroys everything.
"""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import plan_moment
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.report import ClusterArchive
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    MomentRefusedError,
    ObjectCorruptError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.bases import bases_of
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import (
    load_logs,
    read_archive,
    record_corrupt_piece,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_log import fetch_segments
from lab.archiving import agent_status
from lab.cluster import Cluster
from lab.inventory import Repository, write_inventory
from lab.leftovers import destroy_at_the_end
from lab.node import Node
from lab.playbook import PlaybookRun, run_playbook
from lab.processes import wait_until
from lab.s3 import S3Server
from lab.truth import now_us
from tests.lab.marks import Mark, Marker, Shipped, loss_us, quorum_us

INTERVAL_SECONDS = 3
BOUND_US = (INTERVAL_SECONDS + 2) * 1_000_000
SEGMENT_MIB = 4
TRIALS = 40
_LOAD_SECONDS = 60
_QUIET_WRITES = 20
BUCKET = "archive"
PREFIX = "lab"


class Archive:
    """A cluster that archives, or is about to."""

    def __init__(self, root: Path, ending: contextlib.ExitStack) -> None:
        self.directory = root / "ansible"
        self.server = S3Server.start(root=root)
        ending.callback(self.server.destroy)
        self.server.create_bucket(BUCKET)
        self.cluster = Cluster.create(root=root, name="archive", nodes=3)
        destroy_at_the_end(self.cluster, ending)
        for node in self.cluster.nodes:
            with (node.conf_directory / "cassandra.yaml").open("a", encoding="utf-8") as file:
                file.write(f"commitlog_segment_size: {SEGMENT_MIB}MiB\n")
        self.cluster.start()
        self.repository = Repository(server=self.server, bucket=BUCKET, prefix=PREFIX)
        self.inventory = write_inventory(
            path=root / "inventory.yml", clusters=[self.cluster], repository=self.repository
        )
        self.marker = Marker(self.cluster)
        self.marker.set_up()

    def play(self, name: str, *arguments: str, **variables: t.Any) -> PlaybookRun:
        """Run a playbook to its end."""
        return run_playbook(
            name,
            inventory=self.inventory,
            directory=self.directory,
            variables={"archive_interval_seconds": INTERVAL_SECONDS, **variables},
            arguments=arguments,
        )

    def ship(self) -> None:
        """Have everything covered that was written before."""
        self.play("ship_commitlogs").require_success()

    def shipped(self) -> dict[bytes, list[int]]:
        """When each mark was in the bucket, by node."""
        return Shipped(self.repository).since()

    def report(self) -> ClusterArchive:
        """How the archive stands."""
        store = Shipped(self.repository).store
        return read_archive(store, bases_of(store), now_us=now_us())

    def seal_segments(self, count: int) -> list[Mark]:
        """Write until every node has filled so many segments, and flush, so that Cassandra deletes what it archived."""
        marks = self.marker.write(count * SEGMENT_MIB * 8, filler_bytes=150_000)
        for node in self.cluster.nodes:
            node.nodetool("flush")
        return marks

    def spooled(self, node: Node) -> list[Path]:
        """The segments in a node's spool, that Cassandra itself has no more."""
        spool = node.commitlog_directory / ".revive" / "spool"
        return sorted(path for path in spool.glob("CommitLog-*") if not (node.commitlog_directory / path.name).exists())

    def spooled_with(self, node: Node, marks: t.Sequence[Mark]) -> list[Path]:
        """Those of them that have such a write."""
        return [path for path in self.spooled(node) if any(mark.text in path.read_bytes() for mark in marks)]

    @contextlib.contextmanager
    def store_away(self) -> t.Iterator[None]:
        """Have the store answer with errors, and then not at all."""
        bucket = self.server.directory / "buckets" / BUCKET
        aside = bucket.with_name("aside")
        bucket.rename(aside)
        try:
            self._wait_until_failing()
            self.server.stop()
            yield
        finally:
            aside.rename(bucket)
            S3Server.start(root=self.server.directory.parent.parent)

    def _wait_until_failing(self) -> None:
        def failing() -> bool:
            return all(agent_status(node)["failing"] == "ship" for node in self.cluster.nodes)

        wait_until(failing, timeout_seconds=120, what="every agent to say that it cannot ship")


class Watch:
    """Looks at the nodes all the time, and keeps how many did not serve at once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.down: set[str] = set()
        self.most_down = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.1):
            down = {node.name for node in self._cluster.nodes if not node.is_serving()}
            self.down |= down
            self.most_down = max(self.most_down, len(down))


@pytest.fixture(scope="module", name="archive")
def _archive(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Archive]:
    with contextlib.ExitStack() as ending:
        archive = Archive(tmp_path_factory.mktemp("archive"), ending)
        ending.callback(archive.marker.stop)
        yield archive


def require_covered(archive: Archive, marks: t.Sequence[Mark]) -> None:
    """Require marks in the bucket, from enough nodes to be read at QUORUM."""
    since = archive.shipped()
    missing = [mark.text for mark in marks if quorum_us(since.get(mark.text)) == float("inf")]
    assert not missing, f"{len(missing)} of {len(marks)} writes are not in the bucket, such as {missing[:3]}"


def test_check_mode_says_what_would_be_done_and_touches_nothing(archive: Archive) -> None:
    run = archive.play("enable_archiving", "--check", "--diff").require_success()
    assert "is to be restarted on" in run.output
    assert "+archive_command=" in run.output
    for node in archive.cluster.nodes:
        assert not (node.directory / "archive").exists()
        assert not (node.conf_directory / "commitlog_archiving.properties").exists()
        assert not (node.commitlog_directory / ".revive").exists()
    assert archive.server.client().list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_turning_it_on_restarts_one_node_after_the_other_and_a_client_sees_no_error(archive: Archive) -> None:
    before = {node.name: node.process() for node in archive.cluster.nodes}
    archive.marker.start(writes_per_second=30)
    try:
        with Watch(archive.cluster) as watch:
            run = archive.play("enable_archiving").require_success()
    finally:
        archive.marker.stop()
    assert archive.marker.errors == []
    assert len(archive.marker.marks) > 100
    assert watch.down == {node.name for node in archive.cluster.nodes}, "not every node was restarted"
    assert watch.most_down == 1
    for node in archive.cluster.nodes:
        assert node.process() != before[node.name]
        assert node.agent() is not None
        assert archive.server.secret_access_key not in (node.directory / "archive" / "run_agent").read_text()
        home = node.directory / "revive" / "archive"
        assert (home / "store.json").stat().st_mode & 0o777 == 0o600
        arguments = Path(f"/proc/{node.agent().pid}/cmdline").read_bytes()  # type: ignore[union-attr]
        assert archive.server.secret_access_key.encode() not in arguments
    assert archive.server.secret_access_key not in run.output


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
    archive.ship()
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
            assert "does not run" in run.output
        archive.seal_segments(1)
        run = archive.play("enable_archiving").require_success()
    finally:
        archive.marker.stop()
    assert sorted(run.changes()) == [0, 0, 1], run.output
    assert [(each.process(), each.agent()) for each in others] == before
    archive.ship()
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
    archive.ship()
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
    archive.ship()
    require_gaps(archive, [node], cause="lost_from_spool", tag="base")


def test_a_backup_after_a_gap_opens_a_new_window(archive: Archive) -> None:
    archive.play("backup", backup_tag="second").require_success()
    marks = archive.marker.write(10)
    archive.ship()
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
    archive.ship()
    require_covered(archive, marks)
    assert not [gap for each in archive.report().nodes for gap in each.gaps if gap.cause == "dropped"]


def test_a_spool_that_drops_at_its_limit_records_the_gap(archive: Archive) -> None:
    limit = SEGMENT_MIB * 1024 * 1024
    variables = {"archive_spool_max_bytes": limit, "archive_spool_policy": "drop_and_record_gap"}
    archive.play("enable_archiving", **variables).require_success()
    with archive.store_away():
        archive.seal_segments(4)
    archive.ship()
    require_gaps(archive, archive.cluster.nodes, cause="dropped", tag="second")
    archive.play("enable_archiving").require_success()


def test_a_piece_that_was_damaged_in_the_store_is_found_and_refused(archive: Archive, tmp_path: Path) -> None:
    archive.play("backup", backup_tag="third").require_success()
    archive.marker.write(10)
    archive.ship()
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
    assert "GAP" in archive.play("archiving_status").output


def test_a_quiet_cluster_loses_no_more_than_the_interval_and_two_seconds(archive: Archive) -> None:
    """One write at a time, with pauses. A write is exposed until it is in the bucket: a cluster that is gone at
    the worst instant loses what has been acknowledged for that long."""
    marks = []
    for _each in range(_QUIET_WRITES):
        (mark,) = archive.marker.write(1)
        marks.append(mark)
        until = time.monotonic() + random.uniform(1.2, 2.0) * INTERVAL_SECONDS
        wait_until(lambda until=until: time.monotonic() >= until, timeout_seconds=60, what="a pause")  # type: ignore[misc]
    archive.ship()
    since = archive.shipped()
    exposed = sorted(quorum_us(since.get(mark.text)) - mark.acknowledged_us for mark in marks)
    print(f"quiet: {len(exposed)} writes; exposed for {_seconds(exposed)}")
    assert exposed[-1] <= BOUND_US


def test_a_cluster_that_is_destroyed_under_load_has_lost_no_more_than_the_interval_and_two_seconds(
    archive: Archive,
) -> None:
    """At many random instants by what the bucket held then, and at the end in earnest."""
    began_us = now_us()
    archive.marker.start(writes_per_second=100)
    archive.marker.start(writes_per_second=100)
    first = len(archive.marker.marks)
    end = time.monotonic() + _LOAD_SECONDS + random.uniform(0, INTERVAL_SECONDS)
    wait_until(lambda: time.monotonic() >= end, timeout_seconds=600, what="the end")
    killed_us = now_us()
    for node in archive.cluster.nodes:
        node.kill_agent()
    archive.cluster.kill()
    archive.marker.stop()
    archive.cluster.wipe()
    marks = archive.marker.marks[first:]
    since = archive.shipped()
    last_us = max(mark.acknowledged_us for mark in marks)
    real = loss_us(marks, since, at_us=last_us)
    instants = [random.randint(began_us + 2 * BOUND_US, killed_us - BOUND_US) for _each in range(TRIALS)]
    losses = sorted(loss_us(marks, since, at_us=instant) for instant in instants)
    count = sum(quorum_us(since.get(mark.text)) == float("inf") for mark in marks)
    print(f"load: {len(marks)} writes; killed in earnest: {real / 1e6:.2f} s and {count} writes lost")
    print(f"load: {TRIALS} instants; lost {_seconds(losses)}")
    assert losses[-1] <= BOUND_US
    assert real <= BOUND_US
    assert count < len(marks)


def require_gaps(archive: Archive, nodes: t.Sequence[Node], *, cause: str, tag: str) -> None:
    """Require that nodes' gaps are recorded, reported, and refused at planning with the nearest moment before each."""
    report = archive.report()
    assert "GAP" in archive.play("archiving_status").output
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


def _seconds(values: t.Sequence[float]) -> str:
    middle = values[len(values) // 2]
    return f"{values[0] / 1e6:.2f} s at least, {middle / 1e6:.2f} s at the median, {values[-1] / 1e6:.2f} s at most"
