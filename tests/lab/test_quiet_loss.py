# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A quiet cluster, with about one write a minute, is lost in earnest, many times over: what was lost with it.

One node, since the log of one node is what there is of its writes: no other has them too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cassandra import ConsistencyLevel

from lab.archiving import prepare_archiving, wait_until_covered
from lab.cluster import Cluster
from lab.inventory import Repository, write_inventory
from lab.leftovers import destroy_at_the_end
from lab.playbook import run_playbook
from lab.processes import wait_until
from lab.s3 import S3Server
from lab.truth import now_us
from tests.lab.marks import Shipped

pytestmark = pytest.mark.lab

INTERVAL_SECONDS = 5
BOUND_US = (INTERVAL_SECONDS + 2) * 1_000_000
_MINUTE_US = 60_000_000
_RANDOM_TRIALS = 20
#: Soon after the write, when there is something to lose.
_EARLY_TRIALS = 5
_AT_A_TIME = 3
BUCKET = "quiet"


@dataclasses.dataclass(frozen=True)
class Trial:
    """One cluster's end.

    :ivar after_us: from the write's acknowledgement to the kill.
    :ivar lost: whether the bucket has the write.
    """

    after_us: int
    lost: bool

    @property
    def loss_us(self) -> int:
        """How far back what was acknowledged is gone."""
        return self.after_us if self.lost else 0


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[S3Server]:
    server = S3Server.start(root=tmp_path_factory.mktemp("quiet"))
    try:
        server.create_bucket(BUCKET)
        yield server
    finally:
        server.destroy()


@pytest.mark.timeout(7200)
def test_a_quiet_cluster_that_is_destroyed_has_lost_no_more_than_the_interval_and_two_seconds(
    server: S3Server, tmp_path: Path
) -> None:
    """Killed with -9 at a random instant of the minute after a write, agent and all, and its disks wiped."""
    instants = [random.randrange(_MINUTE_US) for _each in range(_RANDOM_TRIALS)]
    instants += [random.randrange(BOUND_US) for _each in range(_EARLY_TRIALS)]
    trials = _lose(server, root=tmp_path, instants=instants)
    losses = sorted(trial.loss_us for trial in trials)
    lost = sum(trial.lost for trial in trials)
    print(f"{len(trials)} clusters; {lost} lost their write; the worst lost {losses[-1] / 1e6:.2f} s")
    assert losses[-1] <= BOUND_US, trials
    assert lost < len(trials)


def _lose(server: S3Server, *, root: Path, instants: t.Sequence[int]) -> list[Trial]:
    """One cluster for each instant, some beside each other: each of them mostly waits."""
    pool = ThreadPoolExecutor(max_workers=_AT_A_TIME)
    try:
        begun = [
            pool.submit(_lose_one, server, root=root / str(number), prefix=f"trial-{number}", after_us=after_us)
            for number, after_us in enumerate(instants)
        ]
        trials = []
        for each in begun:
            trial = each.result()
            print(
                f"killed {trial.after_us / 1e6:.2f} s after the write: {'lost' if trial.lost else 'there'}", flush=True
            )
            trials.append(trial)
        return trials
    finally:
        # After an error, those that wait are not begun any more.
        pool.shutdown(cancel_futures=True)


def _lose_one(server: S3Server, *, root: Path, prefix: str, after_us: int) -> Trial:
    """One cluster from its making to its end."""
    root.mkdir()
    repository = Repository(server=server, bucket=BUCKET, prefix=prefix)
    with contextlib.ExitStack() as ending:
        cluster = Cluster.create(root=root, name="quiet", nodes=1)
        destroy_at_the_end(cluster, ending)
        prepare_archiving(cluster)
        cluster.start()
        inventory = write_inventory(path=root / "inventory.yml", clusters=[cluster], repository=repository)
        run_playbook(
            "enable_archiving",
            inventory=inventory,
            directory=root / "ansible",
            variables={"archive_interval_seconds": INTERVAL_SECONDS},
        ).require_success()
        mark, acknowledged_us = _write_one(cluster, phase_us=random.randrange(BOUND_US))
        wait_until(lambda: now_us() >= acknowledged_us + after_us, timeout_seconds=300, what="the kill")
        killed_us = now_us()
        for node in cluster.nodes:
            node.kill_agent()
        cluster.kill()
        cluster.wipe()
    found = Shipped(repository).since()
    return Trial(after_us=killed_us - acknowledged_us, lost=mark not in found)


def _write_one(cluster: Cluster, *, phase_us: int) -> tuple[bytes, int]:
    """A single write into a cluster that is quiet and covered: what finds it again, and when it was acknowledged.

    :param phase_us: how long the cluster is quiet before, so that writes come at any time between two shipments.
    """
    text = f"mark-0000001-{random.randrange(16**16):016x}"
    with cluster.session(consistency=ConsistencyLevel.ONE) as session:
        session.execute("CREATE KEYSPACE marks WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1}")
        session.execute("CREATE TABLE marks.marks (mark text PRIMARY KEY)")
        quiet_us = now_us()
        wait_until_covered(cluster, quiet_us)
        write_us = now_us() + phase_us
        wait_until(lambda: now_us() >= write_us, timeout_seconds=60, what="the write's time")
        session.execute("INSERT INTO marks.marks (mark) VALUES (%s)", (text,))
        return text.encode(), now_us()
