# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook of a backup, while nodes are down; what its modules would have said is written down beforehand."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
COLLECTION = pathlib.Path("ansible_collections") / "revive" / "cassandra"
NODES = ("n1", "n2", "n3")
#: Answers as the node's file has it; the last of several for ever. Ansible hands over a file of arguments.
MODULE = """#!{python}
# WANT_JSON
import json, pathlib, sys
arguments = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder = pathlib.Path({folder!r}) / arguments["node_name"]
told = folder / "{name}.told"
number = len(told.read_text().splitlines()) if told.exists() else 0
with told.open("a") as file:
    file.write(json.dumps(arguments) + "\\n")
answers = json.loads((folder / "{name}.json").read_text())
print(json.dumps(answers[min(number, len(answers) - 1)]))
"""
DOWN = {"failed": True, "msg": "Cassandra does not answer."}
SCHEMA = [
    "CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'};",
    "CREATE KEYSPACE system_auth WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'};",
]
Answers = dict[str, dict[str, list[dict[str, t.Any]]]]


def ring(**states: str) -> list[dict[str, str]]:
    """A ring in which all but the given are up."""
    return [
        {
            "host_id": f"h{name}",
            "state": states.get(name, "UN"),
            "address": f"10.0.0.{name[1:]}",
            "datacenter": "dc1",
            "rack": name,
        }
        for name in NODES
    ]


def node(name: str, **states: str) -> dict[str, t.Any]:
    """What a node says of itself and of the ring."""
    return {
        "node": {"identity": {"host_id": f"h{name}", "cluster_name": "Shop"}, "cql_address": "127.0.0.1"},
        "running": True,
        "repository": {"uri": "s3://bucket/"},
        "snapshots": [],
        "ring": ring(**states),
    }


def answers() -> Answers:
    """What the modules say when all is well; a degraded backup, if one is made."""
    members = [
        {**member, "tokens": [str(1000 * number)], "schema_version": "1"}
        for number, member in enumerate(ring(), start=1)
    ]
    totals = {"files": 1, "size": 1, "objects": 1, "stored_size": 1, "new_objects": 1, "new_stored_size": 1}
    backup = {"cluster_name": "Shop", "nodes": ["n1", "n2"], "tables": 1, "duration_seconds": 1.0, "totals": totals}
    backup["signed"] = "not signed"
    lines = {"degraded": True, "missing_nodes": ["n3"], "degraded_lines": ["DEGRADED: taken without n3."]}
    schema = {"schema_cql": SCHEMA, "schema_tables": ["shop/orders-1"], "members": members, "tables": []}
    return {
        name: {
            "cassandra_node_info": [node(name)],
            "cassandra_table_count_info": [schema],
            "cassandra_repository": [{"changed": True, "repository": {"uri": "s3://bucket/"}}],
            "cassandra_snapshot": [{"changed": True, "snapshot": {"tag": "x"}, "state": "absent"}],
            "cassandra_backup_upload": [{"changed": True, "node": {"name": name}, "mended": []}],
            "cassandra_backup_publish": [{"changed": True, "backup": {**backup, **lines}, "clock_warnings": []}],
            "cassandra_lease": [{"changed": True, "state": "released"}],
        }
        for name in NODES
    }


class Backup:
    """A run of the playbook: its status, its output, and what was asked of whom."""

    def __init__(self, tmp_path: pathlib.Path, said: Answers, **variables: t.Any) -> None:
        self._folder = tmp_path / "answers"
        collection = tmp_path / "collections" / COLLECTION
        (collection / "plugins").mkdir(parents=True)
        for name in ("roles", "playbooks", "meta", "galaxy.yml"):
            (collection / name).symlink_to(ROOT / name)
        for path in (ROOT / "plugins").iterdir():
            if path.name != "modules":
                (collection / "plugins" / path.name).symlink_to(path)
        modules = collection / "plugins" / "modules"
        modules.mkdir()
        shutil.copy(ROOT / "plugins" / "modules" / "decide_together.py", modules)
        for name in next(iter(said.values())):
            text = MODULE.format(python=sys.executable, folder=str(self._folder), name=name)
            (modules / f"{name}.py").write_text(text)
        for name, modules_say in said.items():
            (self._folder / name).mkdir(parents=True)
            for module, told in modules_say.items():
                (self._folder / name / f"{module}.json").write_text(json.dumps(told))
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"cassandra_nodes": {"hosts": dict.fromkeys(said, host)}}
        (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory))
        done = subprocess.run(
            [
                str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
                "revive.cassandra.backup",
                *("-i", str(tmp_path / "inventory.yml"), "-e", json.dumps({"backup_bucket": "bucket", **variables})),
            ],
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
                "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
                "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
                "ANSIBLE_NOCOLOR": "true",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        self.status = done.returncode
        self.output = done.stdout + done.stderr

    def told(self, name: str, module: str) -> list[dict[str, t.Any]]:
        """The arguments of each time that a module ran for a node."""
        path = self._folder / name / f"{module}.told"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def without_3(said: Answers, *, at: str = "cassandra_node_info") -> Answers:
    """The third node is down: from a module on, and seen so by the others."""
    for name in ("n1", "n2"):
        seen = node(name, n3="DN")
        said[name]["cassandra_node_info"] = [seen] if at == "cassandra_node_info" else [node(name), node(name), seen]
    if at != "cassandra_node_info":
        said["n3"]["cassandra_node_info"] = [node("n3"), DOWN]
    said["n3"][at] = [DOWN]
    return said


def test_the_backup_is_made_without_a_node_that_all_others_see_down(tmp_path: pathlib.Path) -> None:
    made = Backup(tmp_path, without_3(answers()), backup_tag="t")

    assert "Backup t is in s3://bucket/ and can be restored, and it is DEGRADED" in made.output, made.output
    assert made.status != 0
    assert "Of system_auth it has no replica of 1 of 3 ranges" in made.output
    assert not made.told("n3", "cassandra_snapshot")
    (published,) = made.told("n1", "cassandra_backup_publish")
    assert [each["name"] for each in published["nodes"]] == ["n1", "n2"]
    assert [(each["host_id"], each["name"], each["reason"]) for each in published["missing"]] == [
        ("hn3", "n3", "Cassandra does not answer.")
    ]
    assert len(published["members"]) == 3


def test_it_is_made_by_the_second_node_if_the_first_is_down_and_may_end_well(tmp_path: pathlib.Path) -> None:
    said = answers()
    for name in ("n2", "n3"):
        said[name]["cassandra_node_info"] = [node(name, n1="DN")]
    said["n1"] = {module: [DOWN] for module in said["n1"]}

    made = Backup(tmp_path, said, backup_degraded_fails=False)

    assert made.status == 0, made.output
    assert [each["name"] for each in made.told("n2", "cassandra_backup_publish")[0]["missing"]] == ["n1"]
    assert not made.told("n1", "cassandra_backup_publish")


@pytest.mark.parametrize("step", ["cassandra_snapshot", "cassandra_backup_upload"])
def test_a_node_that_goes_down_in_between_is_left_out_by_the_same_rule(tmp_path: pathlib.Path, step: str) -> None:
    made = Backup(tmp_path, without_3(answers(), at=step), backup_degraded_fails=False)

    assert made.status == 0, made.output
    (published,) = made.told("n1", "cassandra_backup_publish")
    assert [each["name"] for each in published["nodes"]] == ["n1", "n2"]
    assert [each["name"] for each in published["missing"]] == ["n3"]


def test_a_step_that_fails_on_a_node_that_runs_fails_the_backup_without_waiting(tmp_path: pathlib.Path) -> None:
    said = answers()
    error = {"code": "store_failed", "message": "The store refuses.", "marked": "The store refuses."}
    said["n3"]["cassandra_backup_upload"] = [{"failed": True, "msg": "The store refuses.", "error": error}]

    made = Backup(tmp_path, said)

    assert made.status != 0
    assert "Some nodes have not uploaded their part. " in made.output
    assert "n3: The store refuses; it is not left out, since n1, n2 can see it up" in made.output
    assert not made.told("n1", "cassandra_backup_publish")
    assert len(made.told("n1", "cassandra_node_info")) == 2
    assert "failed, and nothing of it is visible in s3://bucket/." in made.output
    assert [each["state"] for each in made.told("n2", "cassandra_snapshot")[1:]] == ["absent"]


def test_a_node_that_does_not_answer_and_that_the_others_see_up_keeps_the_backup_from_being_made(
    tmp_path: pathlib.Path,
) -> None:
    said = answers()
    said["n3"]["cassandra_node_info"] = [DOWN]

    made = Backup(tmp_path, said)

    assert made.status != 0
    said_of_3 = "n3: Cassandra does not answer; it is not left out, since n1, n2 can see it up, and clients may write"
    assert said_of_3 in made.output
    assert not made.told("n1", "cassandra_snapshot")


def test_all_nodes_or_none_is_kept_to(tmp_path: pathlib.Path) -> None:
    made = Backup(tmp_path, without_3(answers()), backup_missing_nodes="none")

    assert made.status != 0
    assert "The backup was not begun. n3: Cassandra does not answer." in made.output
    assert not made.told("n1", "cassandra_snapshot")


def test_a_range_without_a_replica_keeps_the_backup_from_being_made(tmp_path: pathlib.Path) -> None:
    said = without_3(answers())
    schema = said["n1"]["cassandra_table_count_info"][0]
    schema["schema_cql"] = [SCHEMA[0].replace("'3'", "'1'")]

    made = Backup(tmp_path, said)

    assert made.status != 0
    assert "1 of 3 ranges of shop (NetworkTopologyStrategy, dc1 1) would have no replica in it" in made.output
    assert "backup_missing_nodes" in made.output
    assert not made.told("n1", "cassandra_snapshot")
