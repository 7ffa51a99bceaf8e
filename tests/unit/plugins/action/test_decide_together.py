# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deciding for all hosts of a play, in plays as the roles have them."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import pytest
import yaml

from ansible_collections.revive.cassandra.plugins.action.decide_together import ARGUMENTS
from ansible_collections.revive.cassandra.plugins.modules import decide_together

ROOT = pathlib.Path(__file__).resolve().parents[4]
DONE = {"changed": True, "snapshot": {"tag": "b1"}}
FULL = {"failed": True, "msg": "no space"}
GONE = {"unreachable": True, "msg": "timed out"}
HOSTS = {
    "n1": {"all_done": DONE, "some_done": DONE, "did_it_for_all": FULL},
    "n2": {"all_done": DONE, "some_done": FULL, "did_it_for_all": FULL},
    "n3": {"all_done": DONE, "some_done": GONE, "did_it_for_all": FULL},
    "n4": {"all_done": DONE, "did_it_for_all": FULL},
}
SOME = {"register": "some_done", "key": "snapshot", "otherwise": "Some nodes have no snapshot."}
REASONS = "n2: no space; n3: cannot be reached: timed out; n4: was not reached by this step"
#: What is decided by, and what every host says to it: nothing if the play went on.
CASES: dict[str, tuple[dict[str, t.Any], str]] = {
    "all have done it": ({**SOME, "register": "all_done"}, ""),
    "some have not": (SOME, f"Some nodes have no snapshot. {REASONS}"),
    "without a word of its own": ({"register": "some_done", "key": "snapshot"}, REASONS),
    "hosts that were not asked do not count": ({**SOME, "hosts": ["n1"]}, ""),
    "what ran once names no host": (
        {"register": "did_it_for_all", "key": "snapshot", "ran_once": True, "otherwise": "Nothing was changed."},
        "Nothing was changed. no space",
    ),
    "reasons that were found otherwise": ({"problems": ["n1 is DN"], "otherwise": "No."}, "No. n1 is DN"),
    "reasons beside those of the step": ({**SOME, "hosts": ["n2"], "problems": ["n1 is DN"]}, "n2: no space; n1 is DN"),
    "no reason was found otherwise": ({"problems": []}, ""),
    "nothing to decide by": ({"otherwise": "No."}, "required"),
    "a step without its key": ({"register": "all_done"}, "required"),
}


IN_CHECK_MODE = " in check mode"
BOTH_MODES = pytest.mark.parametrize("mode", ["", IN_CHECK_MODE])


@pytest.fixture(scope="module", name="said")
def _said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """By case, what each host said after it: ``on``, or the failure by which it was rescued."""
    directory = tmp_path_factory.mktemp("play")
    inventory, playbook = directory / "inventory.json", directory / "play.yml"
    nowhere = {"ansible_connection": "local", "ansible_python_interpreter": "/no/python"}
    inventory.write_text(json.dumps({"all": {"hosts": HOSTS, "vars": nowhere}}))
    tasks = [
        {
            "name": case,
            "check_mode": check_mode,
            "block": [
                {"name": "Decide", "revive.cassandra.decide_together": options, "register": "decided"},
                say(case, "on{{ ' changed' if decided.changed else '' }}"),
            ],
            "rescue": [say(case, "{{ ansible_failed_result.msg }}")],
        }
        for case, check_mode, options in (
            (f"{case}{suffix}", bool(suffix), options)
            for case, (options, _reason) in CASES.items()
            for suffix in ("", IN_CHECK_MODE)
        )
    ]
    head = {"name": "A play", "hosts": "all", "gather_facts": False, "any_errors_fatal": True}
    playbook.write_text(json.dumps([{**head, "tasks": tasks}]))
    lines = re.findall(r"(n\d) after ([^:]*): (.*)\"", run_play(playbook, inventory))
    heard: dict[str, dict[str, str]] = {}
    for host, case, text in lines:
        heard.setdefault(case, {})[host] = text
    return heard


def say(case: str, text: str) -> dict[str, t.Any]:
    """A task that prints something on each host."""
    return {"name": "Say", "ansible.builtin.debug": {"msg": f"{{{{ inventory_hostname }}}} after {case}: {text}"}}


def run_play(playbook: pathlib.Path, inventory: pathlib.Path) -> str:
    """What a play prints that ends well."""
    done = subprocess.run(
        [str(pathlib.Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), str(playbook)],
        cwd=playbook.parent,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(playbook.parent / "local"),
            "ANSIBLE_NOCOLOR": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("case", [case for case, (_options, reason) in CASES.items() if not reason])
@BOTH_MODES
def test_all_hosts_go_on_together(said: dict[str, dict[str, str]], case: str, mode: str) -> None:
    assert said[case + mode] == dict.fromkeys(HOSTS, "on")


@pytest.mark.parametrize("case", [case for case, (_options, reason) in CASES.items() if reason])
@BOTH_MODES
def test_all_hosts_fail_together_and_are_rescued_with_every_reason(
    said: dict[str, dict[str, str]], case: str, mode: str
) -> None:
    assert said[case + mode].keys() == HOSTS.keys()
    (message,) = set(said[case + mode].values())
    assert CASES[case][1] in message
    assert "required" in message or message.endswith(CASES[case][1])


def test_the_documentation_has_the_options_of_the_specification() -> None:
    documented = yaml.safe_load(decide_together.DOCUMENTATION)["options"]
    keys = ("type", "elements", "default")
    assert {name: {key: option.get(key) for key in keys} for name, option in documented.items()} == {
        name: {key: option.get(key) for key in keys} for name, option in ARGUMENTS.items()
    }


def test_its_examples_use_options_that_there_are() -> None:
    tasks = [task.get("revive.cassandra.decide_together", {}) for task in yaml.safe_load(decide_together.EXAMPLES)]
    assert any(tasks)
    assert {option for task in tasks for option in task} <= set(ARGUMENTS)
