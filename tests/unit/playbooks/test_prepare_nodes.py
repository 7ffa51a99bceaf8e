# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""New machines are prepared by a playbook of its own, also in check mode; where others cannot go on, they say so.

The system's Python is a stand-in that has no library and makes an environment without asking an index.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
_STAND_IN = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/pip"
elif [ "$1" = "-c" ] && echo "$0 $2" | grep -q "^{root}/python3 .*find_spec"; then
    exit 1
elif [ "$1 $2" = "-m pip" ]; then
    echo "Successfully installed $4"
else
    exec {executable} "$@"
fi
"""


class Machine:
    """A machine that Ansible reaches without a connection, with nothing of ours on it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.venv = root / "opt" / "venv"
        self.python = root / "python3"
        self.python.write_text(_STAND_IN.format(root=root, executable=sys.executable))
        self.python.chmod(0o755)
        self.variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": str(self.python),
            "node_venv_path": str(self.venv),
            "node_system_python": str(self.python),
            "backup_bucket": "nothing-of-it-is-asked",
        }

    def play(self, name: str, *arguments: str) -> tuple[int, str]:
        """Run a playbook; its exit status and text."""
        inventory = {"all": {"children": {"cassandra_nodes": {"hosts": {"n1": self.variables}}}}}
        (self.root / "inventory.yml").write_text(yaml.safe_dump(inventory))
        done = subprocess.run(
            [
                str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
                *(f"revive.cassandra.{name}", "-i", str(self.root / "inventory.yml"), *arguments),
            ],
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
                "ANSIBLE_LOCAL_TEMP": str(self.root / "local"),
                "ANSIBLE_REMOTE_TEMP": str(self.root / "remote"),
                "ANSIBLE_NOCOLOR": "true",
            },
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    return Machine(tmp_path)


def test_check_mode_on_a_new_machine_says_what_would_be_and_leaves_nothing(machine: Machine) -> None:
    status, output = machine.play("prepare_nodes", "--check")
    assert status == 0, output
    assert f"Would run with {machine.venv}/bin/python." in output
    assert not machine.venv.parent.exists()


@pytest.mark.parametrize("named_for_good", [False, True])
def test_the_environment_is_made_also_where_ansible_is_told_to_use_it(
    machine: Machine, *, named_for_good: bool
) -> None:
    if named_for_good:
        machine.variables["ansible_python_interpreter"] = f"{machine.venv}/bin/python"
    status, output = machine.play("prepare_nodes")
    assert status == 0, output
    assert f"Modules run with {machine.venv}/bin/python." in output
    assert (machine.venv.parent / "requirements.txt").exists()
    status, output = machine.play("prepare_nodes", "--check")
    assert status == 0, output
    assert f"Modules run with {machine.venv}/bin/python." in output


@pytest.mark.parametrize("named_for_good", [False, True])
def test_another_playbook_in_check_mode_names_the_one_to_run_first(machine: Machine, *, named_for_good: bool) -> None:
    if named_for_good:
        machine.variables["ansible_python_interpreter"] = f"{machine.venv}/bin/python"
    status, output = machine.play("list_backups", "--check")
    assert status != 0
    assert "Run the playbook revive.cassandra.prepare_nodes first" in output
    assert "interpreter" not in output
