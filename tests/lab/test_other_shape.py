# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Into clusters of other shapes: fewer and more nodes, other racks, datacenters and replicas; every row, at ALL."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

import pytest
from cassandra import ConsistencyLevel
from cassandra.cluster import Session

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from lab.checker import check
from lab.cluster import Cluster
from lab.distribution import CASSANDRA_5_0
from lab.schema import CERTIFICATES, KEYSPACE, TABLES
from lab.truth import Write, read_truth
from tests.lab.live_tables import PREFIX, ROWS, TAG, Live, rows_of

pytestmark = pytest.mark.lab

_AGAIN = "in_two_nodes"


@dataclasses.dataclass(frozen=True)
class Lost:
    """Three nodes in three racks with three replicas, which are gone.

    :ivar orders: what a quiet table held at the backup, and ``moment_us`` a moment after it.
    """

    live: Live
    truth: tuple[Write, ...]
    orders: list[str]
    moment_us: int

    def require_as_of_the_backup(self, session: Session) -> None:
        """Require every row of the backup, and no other."""
        result = check(session, self.truth, until_us=self.live.began_us, tables=TABLES)
        print(result.summary())
        assert result.ok, result.summary()
        assert rows_of(session, 'quiet."Orders"') == self.orders
        assert len(rows_of(session, "quiet.untouched")) == ROWS


@pytest.fixture(scope="module", name="lost")
def _lost(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Lost]:
    with contextlib.ExitStack() as ending:
        live = Live(root=tmp_path_factory.mktemp("shapes"), version=CASSANDRA_5_0, ending=ending, archive=True)
        with live.session() as session:
            orders = rows_of(session, 'quiet."Orders"')
        moment_us = live.moment()
        live.end_writing()
        live.cluster.lose()
        yield Lost(live=live, truth=read_truth(live.truth_path), orders=orders, moment_us=moment_us)


@pytest.fixture(scope="module", name="two")
def _two(lost: Lost) -> t.Iterator[Cluster]:
    """Two nodes in one rack."""
    cluster = Cluster.create(root=lost.live.root, name="two", nodes=2, racks=["r1", "r1"], datacenters=["here"] * 2)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.destroy()


def test_without_being_told_so_another_shape_is_refused(lost: Lost, two: Cluster) -> None:
    run = lost.live.play_on(
        two, "restore_tables", restore_point=TAG, restore_keyspaces=KEYSPACE, restore_mode="replace"
    )
    assert run.exit_status != 0
    assert "has tokens that no node of the backup had" in run.output
    assert "restore_reshape=true" in run.output
    run = lost.live.play_on(two, "restore_tables", restore_point=TAG, restore_keyspaces=KEYSPACE, restore_reshape=True)
    assert run.exit_status != 0
    assert "is replicated in the datacenter dc1, and the cluster has here" in run.output


def test_three_nodes_become_two_in_one_rack_with_one_replica(lost: Lost, two: Cluster) -> None:
    run = lost.live.play_on(
        two,
        "restore_tables",
        restore_point=TAG,
        restore_keyspaces=[KEYSPACE, "quiet"],
        restore_mode="replace",
        restore_reshape=True,
        restore_replication={"here": 1},
    ).require_success()
    assert " fetched, " in run.output
    with two.session(consistency=ConsistencyLevel.ALL) as session:
        lost.require_as_of_the_backup(session)
        found = {row.k for row in session.execute("SELECT k FROM quiet.\"Orders\" WHERE tags CONTAINS 'x'")}
        assert found == set(range(ROWS))
    # Nothing is left on a node that is not its own: one replica is one row on one node.
    keys = [_rows_here(two, number) for number in range(2)]
    assert sum(keys) == ROWS, keys


def test_as_of_a_moment_with_fewer_replicas_than_before(lost: Lost, two: Cluster) -> None:
    run = lost.live.play_on(
        two,
        "restore_tables",
        restore_point=format_us(lost.moment_us),
        restore_tables=f"{KEYSPACE}.{CERTIFICATES.name}",
        restore_into_keyspace="at_the_moment",
        restore_reshape=True,
        restore_datacenters={"dc1": "here"},
    ).require_success()
    assert "had 3 replicas and gets 2, since here has 2 nodes" in run.output
    table = dataclasses.replace(CERTIFICATES, keyspace="at_the_moment")
    with two.session(consistency=ConsistencyLevel.ALL) as session:
        result = check(session, lost.truth, until_us=lost.moment_us, exact=True, tables=[table])
        print(result.summary())
        assert result.ok, result.summary()
        session.execute("DROP KEYSPACE at_the_moment")


def test_two_nodes_become_five_in_three_racks_with_three_replicas(lost: Lost, two: Cluster) -> None:
    lost.live.play_on(two, "backup", prefix="two", backup_tag=_AGAIN).require_success()
    two.stop()
    five = Cluster.create(
        root=lost.live.root, name="five", nodes=5, racks=["a", "a", "b", "b", "c"], datacenters=["there"] * 5
    )
    try:
        five.start()
        for name, prefix, tag in (("from two", "two", _AGAIN), ("from three", PREFIX, TAG)):
            lost.live.play_on(
                five,
                "restore_tables",
                prefix=prefix,
                restore_point=tag,
                restore_keyspaces=[KEYSPACE, "quiet"],
                restore_mode="replace",
                restore_reshape=True,
                restore_replication={"there": 3},
            ).require_success()
            print(name)
            with five.session(consistency=ConsistencyLevel.ALL) as session:
                lost.require_as_of_the_backup(session)
                for keyspace in (KEYSPACE, "quiet"):
                    session.execute(f"DROP KEYSPACE {keyspace}")
    finally:
        five.destroy()


def _rows_here(cluster: Cluster, number: int) -> int:
    """How many rows of a table one node's files have."""
    node = cluster.nodes[number]
    node.nodetool("flush", "quiet")
    stats = node.nodetool("tablestats", "quiet.untouched")
    return int(next(line for line in stats.splitlines() if "Number of partitions (estimate)" in line).split(":")[1])
