# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two datacenters: one table back as of a moment, all of it on new machines, and both into one of two nodes."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

import pytest
from cassandra import ConsistencyLevel, Unauthorized

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from lab.checker import check
from lab.cluster import Cluster, Credentials
from lab.distribution import CASSANDRA_5_0
from lab.schema import AUDIT_LOG, CERTIFICATES, ISSUANCE_COUNTERS, KEYSPACE, OCSP_RESPONSES, TABLES
from lab.truth import read_truth
from tests.lab.live_tables import ROWS, Live, failed, rows_of

pytestmark = pytest.mark.lab

_DATACENTERS = ["east", "east", "west"]
_READER = Credentials("reader", "reads-only")
_OTHERS = (AUDIT_LOG, OCSP_RESPONSES, ISSUANCE_COUNTERS)


@dataclasses.dataclass(frozen=True)
class History:
    """A cluster in two datacenters that clients write to, and a moment that the archive reaches."""

    live: Live
    moment_us: int

    @property
    def moment(self) -> str:
        """As an operator writes it."""
        return format_us(self.moment_us)


@pytest.fixture(scope="module", name="history")
def _history(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[History]:
    with contextlib.ExitStack() as ending:
        root = tmp_path_factory.mktemp("datacenters")
        live = Live(root=root, version=CASSANDRA_5_0, ending=ending, archive=True, datacenters=_DATACENTERS)
        with live.session() as session:
            session.execute(f"CREATE ROLE reader WITH LOGIN = true AND PASSWORD = '{_READER.password}'")
            session.execute("GRANT SELECT ON quiet.untouched TO reader")
        yield History(live=live, moment_us=live.moment())


def test_a_table_is_back_in_both_as_of_a_moment_while_clients_write(history: History) -> None:
    live = history.live
    live.restore(
        restore_point=history.moment,
        restore_tables=f"{KEYSPACE}.{CERTIFICATES.name}",
        restore_into_keyspace="at_the_moment",
    ).require_success()
    table = dataclasses.replace(CERTIFICATES, keyspace="at_the_moment")
    with live.standing_still() as (session, truth):
        result = check(session, truth, until_us=history.moment_us, exact=True, tables=[table])
        assert result.ok, result.summary()
        others = check(session, truth, tables=_OTHERS)
        assert others.ok, others.summary()
        assert not failed(truth), "a client's write failed"


def test_a_lost_cluster_is_rebuilt_in_both(history: History) -> None:
    live = history.live
    live.end_writing()
    live.cluster.lose()
    new = Cluster.create(root=live.root, name="new", nodes=3, datacenters=_DATACENTERS)
    try:
        live.play_on(new, "disaster_recovery", restore_point=history.moment, target_cluster="true").require_success()
        new.wait_until_settled()
        with new.session(consistency=ConsistencyLevel.ALL) as session:
            result = check(session, read_truth(live.truth_path), until_us=history.moment_us, exact=True, tables=TABLES)
            assert result.ok, result.summary()
            assert len(rows_of(session, "quiet.untouched")) == ROWS
    finally:
        new.destroy()


def test_both_become_one_of_two_nodes_with_their_roles(history: History) -> None:
    live = history.live
    one = Cluster.create(root=live.root, name="one", nodes=2, racks=["r1", "r1"], datacenters=["here"] * 2)
    try:
        one.start()
        run = live.play_on(
            one,
            "restore_tables",
            restore_point=history.moment,
            restore_keyspaces=[KEYSPACE, "quiet"],
            restore_mode="replace",
            restore_reshape=True,
            restore_datacenters={"east": "here", "west": "here"},
            restore_roles=True,
            restore_confirm_cluster="one",
        ).require_success()
        assert "had 2 in east and 1 in west as replicas, which are here now, and gets 2 there" in run.output
        with one.session(consistency=ConsistencyLevel.ALL) as session:
            result = check(session, read_truth(live.truth_path), until_us=history.moment_us, exact=True, tables=TABLES)
            assert result.ok, result.summary()
        with one.session(credentials=_READER, consistency=ConsistencyLevel.ALL) as session:
            assert len(rows_of(session, "quiet.untouched")) == ROWS
            with pytest.raises(Unauthorized):
                session.execute('SELECT * FROM quiet."Orders"')
    finally:
        one.destroy()
