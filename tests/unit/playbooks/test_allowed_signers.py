# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may sign backups, as a text or a file, and where the file is empty."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
TEXT = "a@example.com ssh-ed25519 AAAAC3Nz me\nb@example.com ssh-ed25519 AAAAC3Ny"


def test_signers_are_a_text_or_a_file_and_an_empty_file_is_not_taken_for_none(tmp_path: pathlib.Path) -> None:
    (tmp_path / "with a blank").write_text(f"{TEXT}\n")
    (tmp_path / "empty").write_text("")
    cases: list[tuple[t.Any, str | None]] = [
        (TEXT, TEXT),
        (str(tmp_path / "with a blank"), f"# {tmp_path / 'with a blank'}\n{TEXT}"),
        (str(tmp_path / "empty"), f"# {tmp_path / 'empty'}\n"),
        ("", None),
        (None, None),
    ]
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(ROOT / "roles" / "node" / "vars" / "main.yml")],
        "vars": {"backup_bucket": "b"},
        "tasks": [
            {
                "ansible.builtin.assert": {"that": ["node_repository.allowed_signers | default(none) == wanted"]},
                "vars": {"restore_allowed_signers": given, "wanted": wanted},
            }
            for given, wanted in cases
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
    assert f"ok={len(cases)} " in done.stdout, done.stdout + done.stderr
