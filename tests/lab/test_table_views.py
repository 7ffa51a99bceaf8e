# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table with a materialized view: an import passes views by, and a restore does not."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

import pytest
from cassandra.cluster import Session

from lab.cluster import Cluster
from lab.inventory import Repository, write_inventory
from lab.leftovers import destroy_at_the_end
from lab.playbook import run_playbook
from lab.processes import wait_until
from lab.s3 import S3Server

pytestmark = pytest.mark.lab

BUCKET = "views"
TAG = "with_a_view"
_ROWS = 40
_LONG = "certificate_revocation_list"
_PLACES = 4


class Shop:
    """One node with a table and a view of it, backed up; then some of its rows were deleted."""

    def __init__(self, root: Path, *, ending: contextlib.ExitStack) -> None:
        self._root = root
        server = S3Server.start(root=root)
        ending.callback(server.destroy)
        server.create_bucket(BUCKET)
        self.cluster = Cluster.create(root=root, name="views", nodes=1)
        destroy_at_the_end(self.cluster, ending)
        with (self.cluster.nodes[0].conf_directory / "cassandra.yaml").open("a", encoding="utf-8") as file:
            file.write("materialized_views_enabled: true\n")
        self.cluster.start()
        self._inventory = write_inventory(
            path=root / "inventory.yml",
            clusters=[self.cluster],
            repository=Repository(server=server, bucket=BUCKET, prefix="shop"),
        )
        with self.cluster.session() as session:
            session.execute(
                "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
            )
            session.execute("CREATE TABLE shop.orders (k int PRIMARY KEY, place text, v text)")
            session.execute(
                "CREATE MATERIALIZED VIEW shop.by_place AS SELECT place, k, v FROM shop.orders "
                "WHERE place IS NOT NULL AND k IS NOT NULL PRIMARY KEY (place, k) WITH CLUSTERING ORDER BY (k DESC)"
            )
            session.execute(f"CREATE TABLE shop.{_LONG} (k int PRIMARY KEY, a int, b int, c int)")
            for column in "abc":
                session.execute(f"CREATE INDEX {_LONG}_{column}_idx ON shop.{_LONG} ({column})")
            session.execute(f"INSERT INTO shop.{_LONG} (k, a, b, c) VALUES (1, 2, 3, 4)")
            for k in range(_ROWS):
                session.execute(
                    "INSERT INTO shop.orders (k, place, v) VALUES (%s, %s, 'then')", (k, f"place {k % _PLACES}")
                )
            wait_until(lambda: _rows(session, "by_place") == _ROWS, timeout_seconds=120, what="the view")
        self.play("backup", backup_tag=TAG)
        with self.cluster.session() as session:
            session.execute("DELETE FROM shop.orders WHERE k = 1")

    def allow_views(self, *, allowed: bool) -> None:
        """Start the node anew with or without the making of views."""
        self.cluster.stop()
        path = self.cluster.nodes[0].conf_directory / "cassandra.yaml"
        old, new = ((f"materialized_views_enabled: {str(each).lower()}\n") for each in (not allowed, allowed))
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        self.cluster.start()

    def refusal(self, **variables: t.Any) -> str:
        """Run ``restore_tables`` in vain; what it said."""
        variables = {"restore_point": TAG, "restore_tables": "shop.orders", **variables}
        run = run_playbook(
            "restore_tables", inventory=self._inventory, directory=self._root / "ansible", variables=variables
        )
        assert run.exit_status != 0, run.output
        return run.output

    def play(self, name: str, **variables: t.Any) -> str:
        """Run a playbook; what it said."""
        run = run_playbook(
            name, inventory=self._inventory, directory=self._root / "ansible", variables=variables
        ).require_success()
        return run.output

    def restore(self, **variables: t.Any) -> str:
        """Run ``restore_tables``; what it said."""
        return self.play("restore_tables", **{"restore_point": TAG, "restore_tables": "shop.orders", **variables})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Shop]:
    with contextlib.ExitStack() as ending:
        yield Shop(tmp_path_factory.mktemp("views"), ending=ending)


def test_a_new_table_gets_a_view_of_its_own(shop: Shop) -> None:
    shop.restore(restore_suffix="_then")
    with shop.cluster.session() as session:
        assert _rows(session, "orders_then") == _ROWS
        wait_until(lambda: _rows(session, "by_place_then") == _ROWS, timeout_seconds=120, what="the new view")
        assert _rows(session, "by_place") == _ROWS - 1


@pytest.mark.parametrize("mode", ["merge", "replace"])
def test_a_table_that_is_there_gets_its_view_anew(shop: Shop, mode: str) -> None:
    said = shop.restore(restore_mode=mode)
    assert "They are dropped, and made again" in said
    wanted = _ROWS - 1 if mode == "merge" else _ROWS
    with shop.cluster.session() as session:
        assert _rows(session, "orders") == wanted
        wait_until(lambda: _rows(session, "by_place") == wanted, timeout_seconds=120, what="the view")
        # It follows its table again.
        session.execute("INSERT INTO shop.orders (k, place, v) VALUES (1, 'elsewhere', 'now')")
        found = [row.k for row in session.execute("SELECT k FROM shop.by_place WHERE place = 'elsewhere'")]
        assert found == [1]
        session.execute("DELETE FROM shop.orders WHERE k = 1")


def test_indexes_of_a_table_with_a_long_name_stay_as_many_as_they_were(shop: Shop) -> None:
    shop.restore(restore_tables=f"shop.{_LONG}", restore_suffix="_restored_20261130184500")
    with shop.cluster.session() as session:
        found = [
            (row.index_name, row.table_name)
            for row in session.execute(
                "SELECT index_name, table_name FROM system_schema.indexes WHERE keyspace_name = 'shop'"
            )
        ]
        (new,) = {table for _name, table in found if table != _LONG}
        assert len({name for name, table in found if table == new}) == 3
        for column, value in zip("abc", (2, 3, 4)):
            assert [row.k for row in session.execute(f"SELECT k FROM shop.{new} WHERE {column} = {value}")] == [1]


def test_a_view_that_cannot_be_made_again_is_not_dropped(shop: Shop) -> None:
    shop.allow_views(allowed=False)
    try:
        said = shop.refusal(restore_mode="replace")
        assert "materialized_views_enabled is false" in " ".join(said.split())
        shop.refusal(restore_mode="merge")
        with shop.cluster.session() as session:
            assert _rows(session, "by_place") == _rows(session, "orders") > 0
        said = shop.restore(restore_suffix="_alone")
        assert "gets no view by_place_alone" in " ".join(said.split())
        with shop.cluster.session() as session:
            assert _rows(session, "orders_alone") == _ROWS
    finally:
        shop.allow_views(allowed=True)


def _rows(session: Session, table: str) -> int:
    return sum(1 for _row in session.execute(f"SELECT k FROM shop.{table}"))
