# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore that would not be let in over CQL is refused, except where that is no reason."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
RESTORE = ROOT / "roles" / "restore"
GOOD = {"tried": True, "problem": "", "code": ""}
DENIED = {"tried": True, "problem": "n2 does not let ops in.", "code": "cql_denied"}
UNUSABLE = {"tried": False, "problem": "ca.pem cannot be used.", "code": "invalid_input"}
STOPPED = {"tried": False, "problem": "", "code": ""}


def play(tmp_path: pathlib.Path, logins: dict[str, t.Any], **variables: t.Any) -> tuple[bool, str]:
    """Whether it goes on, and what is said, by what each node said of its login."""
    hosts = {name: {"_restore_node": {"login": login}} for name, login in logins.items()}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    tasks = [{"ansible.builtin.import_tasks": str(RESTORE / "tasks" / "every_restore" / "login.yml")}]
    values = {"_restore_brings_roles": True, "_restore_goes_without_cql": True, "restore_login_required": True}
    plays = [
        {
            "hosts": "all",
            "gather_facts": False,
            "any_errors_fatal": True,
            "vars_files": [str(RESTORE / "vars" / "main.yml")],
            "vars": {**values, **variables},
            "tasks": tasks,
        }
    ]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(plays))
    done = subprocess.run(
        [str(pathlib.Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.yml", "play.yml"],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
            "ANSIBLE_NOCOLOR": "true",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


def test_a_node_that_lets_in_is_no_reason_to_say_anything(tmp_path: pathlib.Path) -> None:
    goes_on, said = play(tmp_path, {"n1": GOOD, "n2": GOOD})
    assert goes_on, said
    assert '"msg"' not in said


def test_certificates_that_cannot_be_used_refuse_it_and_the_way_on_is_said(tmp_path: pathlib.Path) -> None:
    goes_on, said = play(tmp_path, {"n1": STOPPED, "n2": UNUSABLE})
    assert not goes_on
    assert "Nothing has been touched: nodes cannot be asked over CQL." in said
    assert "n2: ca.pem cannot be used." in said
    assert "give restore_login_required=false" in said


def test_it_goes_without_if_that_is_asked_for(tmp_path: pathlib.Path) -> None:
    goes_on, said = play(tmp_path, {"n1": GOOD, "n2": UNUSABLE}, restore_login_required="false")
    assert goes_on, said
    assert "n2: ca.pem cannot be used." in said


@pytest.mark.parametrize("brings_roles", [True, False])
def test_a_password_that_comes_back_with_the_restore_is_told(tmp_path: pathlib.Path, *, brings_roles: bool) -> None:
    goes_on, said = play(tmp_path, {"n1": GOOD, "n2": DENIED}, _restore_brings_roles=brings_roles)
    assert goes_on == brings_roles, said
    assert "n2: n2 does not let ops in." in said


def test_tables_cannot_go_without(tmp_path: pathlib.Path) -> None:
    tables = {"_restore_brings_roles": False, "_restore_goes_without_cql": False, "restore_login_required": False}
    goes_on, said = play(tmp_path, {"n1": GOOD, "n2": DENIED}, **tables)
    assert not goes_on
    assert "restore_login_required" not in said.split("Origin")[0]


def test_where_cassandra_does_not_run_it_is_said_that_it_was_not_tried(tmp_path: pathlib.Path) -> None:
    goes_on, said = play(tmp_path, {"n1": GOOD, "n2": STOPPED})
    assert goes_on, said
    assert "CQL could not be tried on n2, where Cassandra does not run" in said
