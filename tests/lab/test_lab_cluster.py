# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: its cluster, its S3 server, and a checker that finds what is wrong."""

from __future__ import annotations

import contextlib
import stat
import subprocess
import typing as t
from pathlib import Path

import botocore.exceptions
import pytest
from cassandra import OperationTimedOut, ReadTimeout, Unavailable
from cassandra.cluster import NoHostAvailable

from lab.checker import CheckResult, check
from lab.cluster import Cluster, Credentials
from lab.errors import LabError
from lab.inventory import write_inventory
from lab.leftovers import destroy_at_the_end
from lab.processes import wait_until
from lab.s3 import S3Server
from lab.schema import AUDIT_LOG, CERTIFICATES, ISSUANCE_COUNTERS
from lab.truth import DELETE, INSERT, TruthFile, Write, now_us, read_truth
from lab.writer import Writer, load, set_up_schema

if t.TYPE_CHECKING:
    from tests.lab.conftest import ClusterFactory

pytestmark = pytest.mark.lab

_CERTIFICATES = 300


@pytest.fixture(scope="module")
def cluster(cluster_factory: ClusterFactory) -> Cluster:
    return cluster_factory(name="smoke")


@pytest.fixture(scope="module")
def truth_path(cluster: Cluster, lab_root: Path) -> Path:
    path = lab_root / "smoke-truth.jsonl"
    load(cluster=cluster, truth_path=path, certificates=_CERTIFICATES)
    return path


def _check(cluster: Cluster, truth: t.Sequence[Write], **arguments: t.Any) -> CheckResult:
    with cluster.session() as session:
        return check(session, truth, **arguments)


def _roles_can_log_in(cluster: Cluster) -> bool:
    for credentials in (cluster.superuser, cluster.application):
        try:
            # Superusers' passwords are read at QUORUM, and everyone's at LOCAL_QUORUM at least, from 4.1 on.
            with cluster.session(credentials=credentials) as session:
                session.execute("SELECT key FROM system.local")
        except (ReadTimeout, Unavailable, OperationTimedOut, NoHostAvailable):
            return False
    return True


class TestCluster:
    def test_every_node_is_up_and_normal_in_its_own_rack(self, cluster: Cluster) -> None:
        lines = cluster.nodes[1].nodetool("status").splitlines()
        nodes = {line.split()[1]: line.split()[-1] for line in lines if line.startswith("UN ")}
        assert nodes == {node.address: node.rack for node in cluster.nodes}
        assert len(set(nodes.values())) == 3

    def test_the_last_node_has_two_data_directories_in_use(self, cluster: Cluster, truth_path: Path) -> None:
        assert truth_path.exists()
        last = cluster.nodes[-1]
        last.nodetool("flush")
        assert [len(node.data_directories) for node in cluster.nodes] == [1, 1, 2]
        assert all(list(directory.glob("*/*/*-Data.db")) for directory in last.data_directories)

    def test_a_wrong_password_is_refused(self, cluster: Cluster) -> None:
        wrong = Credentials(username="cassandra", password="wrong")
        with pytest.raises(NoHostAvailable, match="incorrect"), cluster.session(credentials=wrong):
            pass

    def test_passwords_are_in_private_files(self, cluster: Cluster, lab_root: Path) -> None:
        inventory = write_inventory(path=lab_root / "inventory.yml", clusters=[cluster])
        for path in (inventory, cluster.directory / "cluster.json"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_commands_of_a_node_can_be_repeated(self, cluster: Cluster) -> None:
        node = cluster.nodes[1]
        pid = node.pid
        node.start()
        assert node.pid == pid
        try:
            node.kill()
            node.kill()
            assert not node.is_running()
            node.stop()
        finally:
            node.start()
            cluster.wait_until_settled()

    def test_roles_can_log_in_while_a_node_is_down(self, cluster: Cluster) -> None:
        node = cluster.nodes[1]
        node.kill()
        try:
            # Until the others have noticed, reads that ask the dead node run into their timeout.
            wait_until(
                lambda: _roles_can_log_in(cluster), timeout_seconds=300, what="roles to log in", interval_seconds=0.5
            )
        finally:
            node.start()
            cluster.wait_until_settled()

    def test_the_sstable_tools_work(self, cluster: Cluster, truth_path: Path) -> None:
        assert truth_path.exists()
        node = cluster.nodes[0]
        node.nodetool("flush")
        table = next(node.data_directories[0].glob("certificate_manager/certificates-*/*-Data.db"))
        command = [node.command_path(name="sstablemetadata"), table]
        assert "Partitioner" in subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def test_a_running_node_is_not_wiped(self, cluster: Cluster) -> None:
        with pytest.raises(LabError, match="stop or kill it"):
            cluster.nodes[0].wipe()

    def test_the_end_of_a_log_is_shown_with_the_warnings_from_before(self, cluster: Cluster) -> None:
        told = cluster.nodes[0].log_tail(lines=4)
        assert "\nWARN " in told
        assert told.count("\n") < cluster.nodes[0].log_path.read_text(encoding="utf-8").count("\n")

    def test_a_cluster_that_an_error_ends_shows_its_logs_first(
        self, cluster_factory: ClusterFactory, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lost = cluster_factory(name="lost", start=False)
        with contextlib.suppress(ZeroDivisionError), contextlib.ExitStack() as ending:
            destroy_at_the_end(lost, ending)
            raise ZeroDivisionError
        assert f"{lost.nodes[-1].name} has no log" in capsys.readouterr().out
        assert not lost.directory.exists()


class TestS3Server:
    def test_wrong_credentials_are_refused(self, s3_server: S3Server) -> None:
        for keys in ({"secret_access_key": "wrong"}, {"access_key_id": "unknown"}):
            with pytest.raises(botocore.exceptions.ClientError) as caught:
                s3_server.client(**keys).list_buckets()
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    def test_the_secret_is_not_in_its_arguments(self, s3_server: S3Server) -> None:
        arguments = Path(f"/proc/{s3_server.pid}/cmdline").read_text(encoding="utf-8")
        assert s3_server.secret_access_key not in arguments

    def test_data_outlives_a_restart(self, lab_root: Path) -> None:
        server = S3Server.start(root=lab_root, name="restarted")
        server.create_bucket("kept")
        server.client().put_object(Bucket="kept", Key="a/b", Body=b"c")
        server.stop()
        assert not server.is_running()
        again = S3Server.start(root=lab_root, name="restarted")
        assert again.endpoint_url == server.endpoint_url
        assert again.client().get_object(Bucket="kept", Key="a/b")["Body"].read() == b"c"
        again.destroy()


class TestChecker:
    def test_what_was_written_is_there(self, cluster: Cluster, truth_path: Path) -> None:
        result = _check(cluster, read_truth(truth_path))
        assert result.ok, result.summary()
        assert result.rows_required >= _CERTIFICATES

    def test_a_row_that_is_gone_is_missing(self, cluster: Cluster, truth_path: Path) -> None:
        lost = Write(INSERT, CERTIFICATES.name, ('"none"',), now_us(), value_hash="0", acknowledged_us=now_us())
        result = _check(cluster, [*read_truth(truth_path), lost])
        assert [finding.key for finding in result.missing] == [lost.key]
        assert not result.ok

    def test_a_write_that_was_not_acknowledged_may_be_missing(self, cluster: Cluster, truth_path: Path) -> None:
        lost = Write(INSERT, CERTIFICATES.name, ('"none"',), now_us(), value_hash="0")
        assert _check(cluster, [*read_truth(truth_path), lost]).ok

    def test_a_row_that_nobody_wrote_is_unexpected(self, cluster: Cluster, truth_path: Path) -> None:
        with cluster.session() as session:
            session.execute(f"INSERT INTO {CERTIFICATES.cql_name} (serial, status) VALUES ('ghost', 'valid')")
            result = _check(cluster, read_truth(truth_path))
            session.execute(f"DELETE FROM {CERTIFICATES.cql_name} WHERE serial = 'ghost'")
        assert [finding.key for finding in result.unexpected] == [('"ghost"',)]

    def test_a_changed_value_is_different(self, cluster: Cluster, truth_path: Path) -> None:
        truth = read_truth(truth_path)
        victim = next(write for write in truth if write.table == AUDIT_LOG.name)
        day, sequence = (part.strip('"') for part in victim.key)
        update = f'UPDATE {AUDIT_LOG.cql_name} SET action = %s WHERE "Day" = %s AND "Sequence" = %s'
        with cluster.session() as session:
            session.execute(update, ("tampered", day, int(sequence)))
            result = _check(cluster, truth)
            session.execute(update, ("issue", day, int(sequence)))
        assert [finding.key for finding in result.different] == [victim.key]

    def test_a_counter_that_counted_too_much_is_unexpected(self, cluster: Cluster, truth_path: Path) -> None:
        truth = read_truth(truth_path)
        counted = [write for write in truth if write.table == ISSUANCE_COUNTERS.name]
        result = _check(cluster, [write for write in truth if write is not counted[0]])
        assert [finding.key for finding in result.unexpected] == [counted[0].key]

    def test_writes_after_an_exact_moment_must_not_be_there(self, cluster: Cluster, truth_path: Path) -> None:
        truth = read_truth(truth_path)
        until_us = truth[len(truth) // 2].timestamp_us
        assert _check(cluster, truth, until_us=until_us).ok
        result = _check(cluster, truth, until_us=until_us, exact=True)
        assert not result.missing
        assert len(result.unexpected) > _CERTIFICATES // 3

    def test_a_deleted_row_that_came_back_is_unexpected(self, cluster: Cluster, truth_path: Path) -> None:
        truth = read_truth(truth_path)
        victim = next(write for write in truth if write.table == CERTIFICATES.name)
        deleted = Write(DELETE, victim.table, victim.key, now_us(), acknowledged_us=now_us())
        assert [finding.key for finding in _check(cluster, [*truth, deleted]).unexpected] == [victim.key]


class TestWriter:
    def test_a_node_that_dies_costs_no_acknowledged_write(
        self, cluster: Cluster, lab_root: Path, truth_path: Path
    ) -> None:
        set_up_schema(cluster=cluster)
        writer = Writer.start(root=lab_root, cluster=cluster, truth_path=truth_path, writes_per_second=40)
        try:
            cluster.nodes[2].kill()
        finally:
            cluster.nodes[2].start()
            cluster.wait_until_settled()
        said = writer.stop()
        assert "acknowledged" in said
        assert not writer.is_running()
        truth = read_truth(truth_path)
        assert {write.operation for write in truth} >= {"insert", "append", "increment"}
        result = _check(cluster, truth)
        assert result.ok, result.summary()

    def test_a_line_without_its_end_is_skipped(self, tmp_path: Path) -> None:
        truth = TruthFile(tmp_path / "truth.jsonl")
        truth.acknowledge(*truth.attempt(Write(INSERT, "certificates", ("1",), 1, value_hash="0")))
        truth.close()
        with truth.path.open("a") as file:
            file.write('{"attempt":"x","opera')
        assert [write.key for write in read_truth(truth.path)] == [("1",)]
