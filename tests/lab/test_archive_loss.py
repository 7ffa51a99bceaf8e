# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archiving is turned on under writes; and how much of what was acknowledged is lost with a cluster then.

That is no more than the interval and two seconds. One cluster for all tests, in order: the last one destroys it.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
import typing as t
from pathlib import Path

import pytest

from lab.cluster import Cluster
from lab.processes import wait_until
from lab.truth import now_us
from tests.lab.archive import BUCKET, INTERVAL_SECONDS, Archive
from tests.lab.marks import loss_us, quorum_us

pytestmark = pytest.mark.lab

BOUND_US = (INTERVAL_SECONDS + 2) * 1_000_000
TRIALS = 40
_LOAD_SECONDS = 60
_QUIET_WRITES = 8


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
        archive = Archive(tmp_path_factory.mktemp("archive"), ending, nodes=3)
        archive.start()
        yield archive


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


def test_a_quiet_cluster_loses_no_more_than_the_interval_and_two_seconds(archive: Archive) -> None:
    """One write at a time, with pauses. A write is exposed until it is in the bucket: a cluster that is gone at
    the worst instant loses what has been acknowledged for that long. The group quiet-loss does it in earnest."""
    marks = []
    for _each in range(_QUIET_WRITES):
        (mark,) = archive.marker.write(1)
        marks.append(mark)
        until = time.monotonic() + random.uniform(1.2, 2.0) * INTERVAL_SECONDS
        wait_until(lambda until=until: time.monotonic() >= until, timeout_seconds=60, what="a pause")  # type: ignore[misc]
    archive.cover()
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


def _seconds(values: t.Sequence[float]) -> str:
    middle = values[len(values) // 2]
    return f"{values[0] / 1e6:.2f} s at least, {middle / 1e6:.2f} s at the median, {values[-1] / 1e6:.2f} s at most"
