# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some tables as they were at a moment, or in a backup, into a cluster that serves and is written to, by each mode.

One history for all tests, in order.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from lab.checker import check
from lab.distribution import VERSIONS, series_of
from lab.emptied import replaced
from lab.schema import AUDIT_LOG, CERTIFICATES, ISSUANCE_COUNTERS, KEYSPACE, OCSP_RESPONSES
from tests.lab.live_tables import ROWS, TAG, Live, failed, rows_of

pytestmark = pytest.mark.lab

_OTHERS = (AUDIT_LOG, OCSP_RESPONSES, ISSUANCE_COUNTERS)
_CERTIFICATES = f"{KEYSPACE}.certificates"


@dataclasses.dataclass(frozen=True)
class Deploy:
    """A moment before a bad deploy.

    :ivar quiet: what the tables that no client writes to held then, by name.
    """

    live: Live
    moment_us: int
    quiet: t.Mapping[str, list[str]]

    @property
    def moment(self) -> str:
        """As an operator writes it."""
        return format_us(self.moment_us)

    def restore(self, point: str, **variables: t.Any) -> None:
        """Run ``restore_tables``, as of the ``moment`` or the ``tag``."""
        restore_point = self.moment if point == "moment" else TAG
        self.live.restore(restore_point=restore_point, **variables).require_success()

    def require_others_untouched(self) -> None:
        """Require that other tables have all that was written to them, and that no client saw an error."""
        with self.live.standing_still() as (session, truth):
            result = check(session, truth, tables=_OTHERS)
            assert result.ok, result.summary()
            assert not failed(truth), "a client's write failed"
            assert rows_of(session, "quiet.untouched") == self.quiet["untouched"]


@pytest.fixture(scope="module", params=VERSIONS, ids=series_of)
def deploy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Deploy]:
    with contextlib.ExitStack() as ending:
        root = tmp_path_factory.mktemp("modes")
        live = Live(root=root, version=request.param, ending=ending, archive=True)
        with live.session() as session:
            session.execute('ALTER TABLE quiet."Orders" ADD note text')
            session.execute("INSERT INTO quiet.\"Orders\" (k, c, note) VALUES (500, 'since', 'altered')")
            session.execute("CREATE TABLE quiet.since (k int PRIMARY KEY, v text)")
            session.execute("CREATE INDEX since_v ON quiet.since (v)")
            for k in range(ROWS):
                session.execute("INSERT INTO quiet.since (k, v) VALUES (%s, 'v')", (k,))
            names = ("untouched", '"Orders"', "since")
            quiet = {name.strip('"'): rows_of(session, f"quiet.{name}") for name in names}
        moment_us = live.moment()
        with live.session() as session:
            session.execute("DROP TABLE quiet.since")
            session.execute('DELETE FROM quiet."Orders" WHERE k = 7')
            session.execute('ALTER TABLE quiet."Orders" DROP note')
        yield Deploy(live=live, moment_us=moment_us, quiet=quiet)


def test_the_first_plan_of_a_moment_touches_nothing(deploy: Deploy) -> None:
    run = deploy.live.restore("--check", restore_point=deploy.moment, restore_tables=_CERTIFICATES).require_success()
    assert f"To the moment {deploy.moment}, from the backup {TAG}" in run.output
    assert "before any table is touched" in run.output


def test_a_moment_that_the_archive_does_not_reach_is_refused_with_the_nearest(deploy: Deploy) -> None:
    before_all = format_us(deploy.live.began_us - 60_000_000)
    run = deploy.live.restore(restore_point=before_all, restore_tables=_CERTIFICATES)
    assert run.exit_status != 0
    assert "The nearest moments that work: " in run.output


def test_a_table_that_there_never_was_is_refused_before_anything_is_made(deploy: Deploy) -> None:
    run = deploy.live.restore(restore_point=deploy.moment, restore_tables="quiet.never")
    assert run.exit_status != 0
    assert "has no table quiet.never" in run.output
    assert "No table has been touched" in run.output


def test_beside_at_the_moment(deploy: Deploy) -> None:
    live = deploy.live
    run = live.restore(restore_point=deploy.moment, restore_tables=_CERTIFICATES, restore_into_keyspace="at_the_moment")
    run.require_success()
    assert f"Moment asked for {deploy.moment}, reached {deploy.moment}: 0.000000 s before it." in run.output
    table = dataclasses.replace(CERTIFICATES, keyspace="at_the_moment")
    with live.standing_still() as (session, truth):
        result = check(session, truth, until_us=deploy.moment_us, exact=True, tables=[table])
        print(result.summary())
        assert result.ok, result.summary()
        assert any(write.timestamp_us > deploy.moment_us for write in truth if write.table == CERTIFICATES.name)
    deploy.require_others_untouched()


def test_a_changed_schema_beside_at_the_moment(deploy: Deploy) -> None:
    """What was made, altered and dropped since the backup, as it was then."""
    run = deploy.live.restore(
        restore_point=deploy.moment, restore_tables="quiet.Orders,quiet.since", restore_into_keyspace="quiet_then"
    )
    run.require_success()
    with deploy.live.session() as session:
        for name in ("Orders", "since"):
            assert rows_of(session, f'quiet_then."{name}"') == deploy.quiet[name]
        assert len(list(session.execute("SELECT k FROM quiet_then.since WHERE v = 'v'"))) == ROWS


def test_beside_as_of_the_backup(deploy: Deploy) -> None:
    live = deploy.live
    live.restore(restore_tables=_CERTIFICATES, restore_into_keyspace="as_of_the_backup").require_success()
    table = dataclasses.replace(CERTIFICATES, keyspace="as_of_the_backup")
    with live.standing_still() as (session, truth):
        result = check(session, truth, until_us=live.began_us, tables=[table])
        assert result.ok, result.summary()


@pytest.mark.parametrize("point", ["moment", "tag"])
def test_merge_leaves_what_is_newer(deploy: Deploy, point: str) -> None:
    live = deploy.live
    live.restore(
        restore_point=deploy.moment if point == "moment" else TAG, restore_tables=_CERTIFICATES, restore_mode="merge"
    ).require_success()
    with live.standing_still() as (session, truth):
        result = check(session, truth, tables=[CERTIFICATES])
        assert result.ok, result.summary()
    deploy.require_others_untouched()


def test_a_column_that_was_dropped_and_added_again_is_refused(deploy: Deploy) -> None:
    """Cassandra hides what such a column held before: an import would lose it without a word."""
    with deploy.live.session() as session:
        session.execute('ALTER TABLE quiet."Orders" ADD note text')
    run = deploy.live.restore(restore_point=deploy.moment, restore_tables="quiet.Orders", restore_mode="replace")
    assert run.exit_status != 0
    assert "its column note was dropped at " in run.output
    assert "No table has been touched" in run.output


def test_replace_brings_dropped_tables_back(deploy: Deploy) -> None:
    live = deploy.live
    with live.session() as session:
        session.execute('DROP TABLE quiet."Orders"')
    live.restore(
        restore_point=deploy.moment, restore_tables="quiet.Orders,quiet.since", restore_mode="replace"
    ).require_success()
    with live.session() as session:
        for name in ("Orders", "since"):
            assert rows_of(session, f'quiet."{name}"') == deploy.quiet[name]
        assert len(list(session.execute("SELECT k FROM quiet.since WHERE v = 'v'"))) == ROWS


def test_replace_brings_a_deleted_row_back(deploy: Deploy) -> None:
    live = deploy.live
    with live.session() as session:
        session.execute('DELETE FROM quiet."Orders" WHERE k = 8')
        assert rows_of(session, 'quiet."Orders"') != deploy.quiet["Orders"]
    live.restore(restore_point=deploy.moment, restore_tables='quiet."Orders"', restore_mode="replace").require_success()
    with live.session() as session:
        assert rows_of(session, 'quiet."Orders"') == deploy.quiet["Orders"]


@pytest.mark.parametrize("point", ["moment", "tag"])
def test_replace_makes_it_what_it_was(deploy: Deploy, point: str) -> None:
    live = deploy.live
    live.restore(
        restore_point=deploy.moment if point == "moment" else TAG, restore_tables=_CERTIFICATES, restore_mode="replace"
    ).require_success()
    live.write_more()
    began_us, ended_us = (deploy.moment_us,) * 2 if point == "moment" else (live.began_us, live.ended_us)
    rule = replaced(live.cluster, CERTIFICATES, from_us=began_us, until_us=ended_us)
    with live.standing_still() as (session, truth):
        result = check(session, truth, tables=[CERTIFICATES], replaced=rule)
        print(result.summary())
        assert result.ok, result.summary()
    deploy.require_others_untouched()
