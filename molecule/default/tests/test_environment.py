# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role ``node`` leaves on hosts; Cassandra does not run yet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.systemd_hosts import NAMES, Operator, on

_EVERY_LIBRARY = "import boto3, cassandra.cluster, obstore, pyrage, sys, yaml, zstandard; print(sys.version)"


@pytest.mark.parametrize("name", NAMES)
def test_the_hosts_have_no_way_out(name: str) -> None:
    assert not on(name).check_output("ip route show default")
    assert on(name).check_output("systemctl is-system-running") == "running"


@pytest.mark.parametrize("name", NAMES)
def test_every_library_is_in_the_environment_and_none_in_the_systems_python(name: str) -> None:
    host = on(name)
    assert host.check_output(f"/opt/revive-cassandra/venv/bin/python -c '{_EVERY_LIBRARY}'").startswith("3.11.")
    for library in ("boto3", "cassandra", "obstore", "packaging", "pyrage", "setuptools", "yaml", "zstandard"):
        assert "ModuleNotFoundError" in host.run(f"/usr/bin/python3 -c 'import {library}'").stderr
    now = host.check_output(
        "find /usr/lib/python3* /usr/local/lib/python3* /usr/bin /usr/local/bin -not -path '*/__pycache__*'"
        " -printf '%p %s %m %T@\\n'"
    )
    assert sorted(now.splitlines()) == sorted(host.file("/var/tmp/system-python").content_string.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_is_readable_by_all_and_writable_by_root_only(name: str) -> None:
    directory = on(name).file("/opt/revive-cassandra/venv")
    assert (directory.user, directory.group, directory.mode) == ("root", "root", 0o755)
    assert not on(name).check_output("find /opt/revive-cassandra -not -user root -o -not -type l -perm /022")


def test_without_rights_the_role_says_what_it_may_not_do(operator: Operator) -> None:
    run = operator.play("list_backups", ansible_become=False, node_venv_path="/opt/elsewhere/venv")
    assert run.exit_status != 0, run.output
    assert re.search(r"/opt/elsewhere.*Permission denied", run.output), run.output
    assert not on("n1").file("/opt/elsewhere").exists


def test_a_host_whose_unit_does_not_start_says_so_and_the_others_stay_in_the_play(operator: Operator) -> None:
    run = operator.play(str(Path(__file__).parent / "one_unit_fails.yml")).require_success()
    assert "goes on: Cassandra was not started: " in run.output, run.output
    assert run.output.count("goes on: was not asked") == 2, run.output
