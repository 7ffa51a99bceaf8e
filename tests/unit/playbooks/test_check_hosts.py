# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play on no hosts ends well: each playbook looks first which hosts it would work on."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
PLAYBOOKS = sorted(path for path in (ROOT / "playbooks").glob("*.yml") if path.stem != "check_hosts")
NONE = "There is no host in the group cassandra_nodes, or in what -e cassandra_hosts=NAME names"
NODES = [f"n{number}" for number in range(1, 7)]
INVENTORY = {
    "all": {
        "hosts": {"web1": None},
        "children": {
            "cassandra_nodes": {"hosts": dict.fromkeys(NODES)},
            "production": {"hosts": dict.fromkeys(NODES[1:3])},
        },
    }
}


def check(tmp_path: pathlib.Path, *arguments: str, inventory: t.Any = INVENTORY) -> tuple[int, str]:
    """The exit status and the text of a run that needs its hosts at once."""
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    done = subprocess.run(
        [
            str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
            "revive.cassandra.check_hosts",
            *("-i", str(tmp_path / "inventory.yml"), "-e", "_hosts_at_once=true", *arguments),
        ],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
            "ANSIBLE_FORKS": "5",
            "ANSIBLE_NOCOLOR": "true",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--limit", "web1"), NONE),
        (("-e", "cassandra_hosts=cassandra"), NONE),
        ((), "What has to happen on 6 hosts at once would happen on 5 at a time, so nothing was done. Give --forks 6"),
    ],
)
def test_hosts_that_cannot_be_worked_on_are_an_error(
    tmp_path: pathlib.Path, arguments: tuple[str, ...], why: str
) -> None:
    status, output = check(tmp_path, *arguments)
    assert status != 0
    assert why in output


@pytest.mark.parametrize(
    "inventory",
    [{"all": None}, {"all": {"hosts": {"web1": None}, "vars": {"cassandra_hosts": "all"}}}],
    ids=["none", "var"],
)
def test_an_inventory_that_names_no_hosts_for_a_play_is_an_error(tmp_path: pathlib.Path, inventory: t.Any) -> None:
    status, output = check(tmp_path, inventory=inventory)
    assert status != 0
    assert NONE in output


@pytest.mark.parametrize(
    ("arguments", "hosts"),
    [
        (("--forks", "6"), "n1, n2, n3, n4, n5, n6"),
        (("--limit", "n2,web1"), "n2"),
        (("-e", "cassandra_hosts=production"), "n2, n3"),
    ],
)
def test_the_hosts_are_told(tmp_path: pathlib.Path, arguments: tuple[str, ...], hosts: str) -> None:
    status, output = check(tmp_path, *arguments)
    assert status == 0, output
    assert f'"msg": "{hosts}"' in output
    assert "changed=1" not in output


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_each_playbook_looks_first_and_works_on_the_same_hosts(path: pathlib.Path) -> None:
    first, *plays = yaml.safe_load(path.read_text())
    assert first["ansible.builtin.import_playbook"] == "check_hosts.yml"
    assert plays
    same = ("cassandra_hosts | default('cassandra_nodes', true)", "revive_hosts")
    assert all(any(each in play["hosts"] for each in same) for play in plays)
