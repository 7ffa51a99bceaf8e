# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery to a moment, as operators run it: a cluster that was lost under load, as it was at a microsecond."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import typing as t

import pytest
from cassandra import ConsistencyLevel

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.commit_log_files import read_position
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from lab.archiving import wait_until_covered
from lab.checker import check
from lab.cluster import Cluster
from lab.distribution import CASSANDRA_4_1, CASSANDRA_5_0, series_of
from lab.drill_frame import addresses_seen
from lab.processes import wait_until
from lab.truth import now_us, read_truth
from tests.lab.moment_history import BASE, KnownMoment, MomentHistory, destroy, found_by_index, stamped_rows

pytestmark = pytest.mark.lab


@dataclasses.dataclass(frozen=True)
class Lost:
    """A cluster that is gone with its disks, and moments of its history.

    :ivar between_us: after a write with a timestamp of the next day, before one with a timestamp of the base's time.
    """

    history: MomentHistory
    first: KnownMoment
    second: KnownMoment
    between_us: int


@pytest.fixture(
    scope="module",
    params=[(CASSANDRA_5_0, 2), (CASSANDRA_4_1, 1), (CASSANDRA_5_0, 3), (CASSANDRA_4_1, 3)],
    ids=lambda param: f"{series_of(param[0])}-{param[1]}",
)
def lost(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Lost]:
    version, nodes = request.param
    with contextlib.ExitStack() as ending:
        root = tmp_path_factory.mktemp("moment")
        history = MomentHistory(root=root, version=version, nodes=nodes, ending=ending)
        first, second = history.live_on()
        between_us = history.write_with_own_timestamps()
        history.lose()
        yield Lost(history=history, first=first, second=second, between_us=between_us)


def test_a_moment_that_the_log_does_not_reach_is_refused_with_the_nearest_that_work(lost: Lost) -> None:
    history = lost.history
    cluster = history.new_cluster("never")
    run = history.play(
        "disaster_recovery",
        cluster,
        arguments=["--check"],
        restore_point=format_us(now_us() - 1000),
        target_cluster="true",
    )
    destroy(cluster)
    assert run.exit_status != 0
    assert "The nearest moments that work: " in run.output
    assert "its log is not covered that far yet" in run.output


def test_a_lost_cluster_is_rebuilt_to_a_moment_and_keeps_what_is_written_then(lost: Lost) -> None:
    history = lost.history
    cluster = _rebuild(history, "rebuilt", moment=lost.first)

    assert history.tables(cluster) == lost.first.tables
    with history.session(cluster) as session:
        assert found_by_index(session, "base") == list(range(5, 20))
        assert found_by_index(session, "since") == list(range(5))
    assert addresses_seen(cluster, old_addresses=[node.address for node in history.cluster.nodes]) == ()
    _write_kill_and_start(cluster)
    assert addresses_seen(cluster, old_addresses=[node.address for node in history.cluster.nodes]) == ()
    destroy(cluster)


def test_another_moment_of_the_same_history_is_as_exact(lost: Lost) -> None:
    history = lost.history
    cluster = _rebuild(history, "again", moment=lost.second)

    assert history.tables(cluster) == lost.second.tables
    destroy(cluster)


def test_by_arrival_counts_what_was_shipped_and_not_what_timestamps_say(lost: Lost) -> None:
    history = lost.history
    between = format_us(lost.between_us)
    cluster = history.new_cluster("arrived")
    run = history.play(
        "disaster_recovery", cluster, restore_point=between, restore_cut="by_arrival", target_cluster="true"
    ).require_success()
    assert "The cut goes by arrival" in run.output
    with history.session(cluster) as session:
        assert stamped_rows(session) == {"of_tomorrow"}
        assert found_by_index(session, "since") == list(range(5))
        # All that had been shipped is there, and more may be.
        result = check(session, read_truth(history.truth_path), until_us=lost.second.us)
    assert result.ok, result.summary()
    destroy(cluster)


def test_by_timestamp_the_same_moment_holds_the_other_one(lost: Lost) -> None:
    cluster = _rebuild(lost.history, "stamped", moment=dataclasses.replace(lost.second, us=lost.between_us))
    with lost.history.session(cluster) as session:
        assert stamped_rows(session) == {"of_the_base"}
    destroy(cluster)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[MomentHistory]:
    """A cluster of one node, which nobody writes to any more."""
    with contextlib.ExitStack() as ending:
        history = MomentHistory(root=tmp_path_factory.mktemp("alone"), version=CASSANDRA_5_0, nodes=1, ending=ending)
        yield history


def test_in_place_a_node_goes_back_to_a_moment_and_its_log_forks_there(alone: MomentHistory) -> None:
    _first, moment = alone.live_on()
    alone.write_more()
    alone.writer.stop()
    # A look ends no window: the moment after it is planned below.
    look = alone.play(
        "restore_tables",
        alone.cluster,
        restore_point=BASE,
        restore_tables="certificate_manager.certificates",
        restore_verify="files",
    ).require_success()
    assert "No window of moments ends by this." in look.output
    assert "DROP TABLE certificate_manager.certificates_restored_" in look.output
    undone = format_us(now_us())
    wait_until_covered(alone.cluster, now_us())
    confirmed = {"restore_confirm_cluster": alone.cluster.cluster_name}
    run = alone.play("disaster_recovery", alone.cluster, restore_point=str(moment), **confirmed)
    run.require_success()
    assert f"Moment asked for {moment}, reached {moment}: 0.000000 s before it." in run.output
    for said in (
        "leaves the cluster",
        "The way back: what is there now is put aside",
        ": down for ",
        "-e restore_action=undo",
    ):
        assert said in run.output, said

    result = alone.check(alone.cluster, moment)
    assert result.ok, result.summary()
    assert alone.tables(alone.cluster) == moment.tables
    _write_kill_and_start(alone.cluster)

    # The log goes on from the moment and not from what was written after it: no backup from before leads there.
    wait_until_covered(alone.cluster, now_us())
    plan = functools.partial(alone.play, "disaster_recovery", alone.cluster, ["--check"], **confirmed)
    later = plan(restore_point=format_us(now_us() - 1))
    assert later.exit_status != 0
    assert "The nearest moments that work: " in later.output
    assert alone.gap_causes().count("restored") == 1
    # What was undone by it can still be had.
    again = plan(restore_point=undone, restore_cut="by_arrival").require_success()
    assert f"To the moment {undone}" in again.output
    assert "The cut goes by arrival" in again.output
    assert "no log has what was imported into them: certificate_manager.certificates_restored_" in again.output


def test_turning_archiving_off_and_on_again_undoes_and_makes_it(alone: MomentHistory) -> None:
    alone.play("disable_archiving", alone.cluster).require_success()
    for node in alone.cluster.nodes:
        assert node.agent() is None
        assert not (node.directory / "archive").exists()
        assert not (node.directory / "revive" / "archive").exists()
        # What the restore in place put aside lies there too, and stays.
        for part in ("spool", "archived", "dropped"):
            assert not (node.commitlog_directory / ".revive" / part).exists()
        properties = (node.conf_directory / "commitlog_archiving.properties").read_text()
        assert [line for line in properties.splitlines() if line.startswith("archive_command=")] in (
            [],
            ["archive_command="],
        )
    assert alone.play("disable_archiving", alone.cluster).require_success().changes() == [0]
    alone.play("enable_archiving", alone.cluster).require_success()
    before = [(node.process(), node.agent()) for node in alone.cluster.nodes]
    assert alone.play("enable_archiving", alone.cluster).require_success().changes() == [0]
    assert [(node.process(), node.agent()) for node in alone.cluster.nodes] == before
    alone.play("backup", alone.cluster, backup_tag="since_it_is_on_again").require_success()
    wait_until_covered(alone.cluster, now_us())
    status = alone.play("archiving_status", alone.cluster).require_success()
    assert "From backup since_it_is_on_again, any moment from" in status.output


def _rebuild(history: MomentHistory, name: str, *, moment: KnownMoment) -> Cluster:
    """The cluster, on new nodes, from the bucket alone; compared with what clients wrote."""
    cluster = history.new_cluster(name)
    run = history.play("disaster_recovery", cluster, restore_point=str(moment), target_cluster="true")
    run.require_success()
    print("\n".join(line for line in run.output.splitlines() if "moment" in line.lower() or "reached" in line))
    assert f"To the moment {moment}, from the backup {BASE}" in run.output
    assert f"Moment asked for {moment}, reached {moment}: 0.000000 s before it." in run.output
    result = history.check(cluster, moment)
    print(f"{moment}: {result.summary()}; {run.seconds:.0f} s")
    assert result.ok, result.summary()
    return cluster


def _write_kill_and_start(cluster: Cluster) -> None:
    """A hundred writes, then a crash of every node: what a restore left behind must not eat them at the next start."""
    with cluster.session(consistency=ConsistencyLevel.ALL) as session:
        replicas = len(cluster.nodes)
        session.execute(
            f"CREATE KEYSPACE after WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': {replicas}}}"
        )
        session.execute("CREATE TABLE after.restored (k int PRIMARY KEY)")
        for k in range(100):
            session.execute("INSERT INTO after.restored (k) VALUES (%s)", (k,))
        # A crash takes what no sync marker stands behind yet, on any cluster.
        before = _positions(cluster)
        wait_until(
            lambda: (
                bool(session.execute("INSERT INTO after.restored (k) VALUES (100)"))
                or all(now > then for now, then in zip(_positions(cluster), before))
            ),
            timeout_seconds=60,
            what="sync markers behind the hundred writes",
        )
    cluster.kill()
    cluster.start()
    with cluster.session(consistency=ConsistencyLevel.ALL) as session:
        found = {row.k for row in session.execute("SELECT k FROM after.restored")}
    assert found >= set(range(100)), f"{len(found & set(range(100)))} of 100 are there"


def _positions(cluster: Cluster) -> list[tuple[int, int]]:
    positions = [read_position(str(node.commitlog_directory)) for node in cluster.nodes]
    return [(position.active_segment, position.active_position) for position in positions]
