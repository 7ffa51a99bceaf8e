# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what was acknowledged is lost with a cluster: no more than the interval and two seconds.

One cluster that archives for both tests, in order: the last one destroys it.
"""

from __future__ import annotations

import contextlib
import random
import time
import typing as t

import pytest

from lab.processes import wait_until
from lab.truth import now_us
from tests.lab.archive import INTERVAL_SECONDS, Archive
from tests.lab.marks import loss_us, quorum_us

pytestmark = pytest.mark.lab

BOUND_US = (INTERVAL_SECONDS + 2) * 1_000_000
TRIALS = 40
_LOAD_SECONDS = 60
_QUIET_WRITES = 20


@pytest.fixture(scope="module", name="archive")
def _archive(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Archive]:
    with contextlib.ExitStack() as ending:
        yield Archive(tmp_path_factory.mktemp("archive"), ending, enabled=True)


def test_a_quiet_cluster_loses_no_more_than_the_interval_and_two_seconds(archive: Archive) -> None:
    """One write at a time, with pauses. A write is exposed until it is in the bucket: a cluster that is gone at
    the worst instant loses what has been acknowledged for that long."""
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
