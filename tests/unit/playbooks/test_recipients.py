# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For whom data is encrypted, and with which file it is opened, however an inventory, a survey or ``-e`` says it."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
BOTH = ["age1a", "age1b"]
#: What is given, and what modules get.
CASES: t.Final[tuple[tuple[t.Any, list[str]], ...]] = (
    (BOTH, BOTH),
    ("age1a, age1b", BOTH),
    ('["age1a", "age1b"]', BOTH),
    ("age1a\nage1b\n", BOTH),
    (["ssh-ed25519 AAAA me@home", "age1b"], ["ssh-ed25519 AAAA me@home", "age1b"]),
    ([], []),
    ("", []),
    (None, []),
)


def test_recipients_are_a_list_whatever_they_are_given_as(tmp_path: pathlib.Path) -> None:
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(ROOT / "roles" / "node" / "vars" / "main.yml")],
        "vars": {"backup_bucket": "b", "restore_identity_file": "/root/identity"},
        "tasks": [
            {
                "ansible.builtin.assert": {
                    "that": [
                        "node_repository.recipients | default([]) == wanted",
                        "node_repository.identity_file == '/root/identity'",
                    ]
                },
                "vars": {"backup_recipients": given, "wanted": wanted},
            }
            for given, wanted in CASES
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = subprocess.run(
        [
            str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
            *("-i", "localhost,", "-c", "local", str(tmp_path / "play.yml")),
        ],
        env={**os.environ, "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"), "ANSIBLE_NOCOLOR": "true"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"ok={len(CASES)} " in done.stdout, done.stdout + done.stderr
