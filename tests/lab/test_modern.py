# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that was made with 5.0 and nothing older in mind: BTI, UUIDs in names of files, 16 tokens a node.

And what Ansible logs in with is a role that is no superuser.
"""

from __future__ import annotations

import contextlib
import secrets
import typing as t

import pytest

from lab.cluster import Cluster, Credentials
from lab.distribution import CASSANDRA_5_0
from lab.schema import KEYSPACE
from tests.lab.rehearsal import Rehearsal

pytestmark = pytest.mark.lab

_TAG = "modern"
_SETTINGS = """storage_compatibility_mode: NONE
uuid_sstable_identifiers_enabled: true
sstable:
  selected_format: bti
"""
_GRANTED = ("SELECT", "MODIFY", "CREATE", "ALTER", "DROP")


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Rehearsal]:
    with contextlib.ExitStack() as ending:
        rehearsal = Rehearsal(
            root=tmp_path_factory.mktemp("modern"),
            version=CASSANDRA_5_0,
            ending=ending,
            num_tokens=16,
            prepare=_be_modern,
        )
        rehearsal.log_in_as(_plain_role(rehearsal.cluster))
        rehearsal.play("backup", backup_tag=_TAG).require_success()
        rehearsal.write_more()
        yield rehearsal


def _be_modern(cluster: Cluster) -> None:
    for node in cluster.nodes:
        with (node.conf_directory / "cassandra.yaml").open("a", encoding="utf-8") as file:
            file.write(_SETTINGS)


def _plain_role(cluster: Cluster) -> Credentials:
    role = Credentials("reviver", secrets.token_urlsafe(18))
    with cluster.session() as session:
        session.execute(f"CREATE ROLE {role.username} WITH LOGIN = true AND PASSWORD = '{role.password}'")
        for permission in _GRANTED:
            session.execute(f"GRANT {permission} ON ALL KEYSPACES TO {role.username}")
    return role


def test_its_files_are_in_the_new_form(rehearsal: Rehearsal) -> None:
    for node in rehearsal.cluster.nodes:
        node.nodetool("flush", KEYSPACE)
        names = [path.name for place in node.data_directories for path in place.glob(f"{KEYSPACE}/*/*-Data.db")]
        assert names
        # A version, a time-based id of letters and digits, the format.
        assert all(name.split("-")[2] == "bti" and not name.split("-")[1].isdigit() for name in names), names


def test_tables_come_back_beside_and_in_place_of_what_is_there(rehearsal: Rehearsal) -> None:
    wanted = {"restore_point": _TAG, "restore_keyspaces": KEYSPACE}
    rehearsal.play("restore_tables", **wanted, restore_into_keyspace="beside").require_success()
    rehearsal.require_held_by(_TAG, keyspace="beside")
    rehearsal.play(
        "restore_tables",
        **wanted,
        restore_mode="replace",
        restore_confirm_cluster=rehearsal.cluster.cluster_name,
    ).require_success()
    rehearsal.require_held_by(_TAG)


def test_all_of_it_comes_back_in_place(rehearsal: Rehearsal) -> None:
    confirmed = {"restore_point": _TAG, "restore_confirm_cluster": rehearsal.cluster.cluster_name}
    rehearsal.play("disaster_recovery", **confirmed).require_success()
    rehearsal.cluster.wait_until_settled()
    rehearsal.require_held_by(_TAG)
