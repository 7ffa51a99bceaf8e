# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as users get it: built, installed elsewhere, and with nothing of the checkout at hand."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SHIPPED = {
    "CHANGELOG.rst",
    "CONTRIBUTING.md",
    "COPYING",
    "FILES.json",
    "MANIFEST.json",
    "README.md",
    "changelogs",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "roles",
}


def ansible(program: str, *arguments: str, collections: pathlib.Path) -> str:
    """Run one of Ansible's programs, away from the checkout, with the collections of one directory; what it printed."""
    done = subprocess.run(
        [str(pathlib.Path(sys.executable).with_name(program)), *arguments],
        cwd=collections,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A directory of collections with this one, built and installed, less all that a run may not need."""
    directory = tmp_path_factory.mktemp("installed")
    ansible("ansible-galaxy", "collection", "build", str(ROOT), "--output-path", ".", collections=directory)
    (archive,) = directory.glob("revive-cassandra-*.tar.gz")
    ansible("ansible-galaxy", "collection", "install", str(archive), "--collections-path", ".", collections=directory)
    return directory


def test_only_what_users_need_is_shipped(installed: pathlib.Path) -> None:
    shipped = {path.name for path in (installed / "ansible_collections" / "revive" / "cassandra").iterdir()}
    assert {"meta", "plugins", "roles", "playbooks"} <= shipped <= SHIPPED


def test_ansible_finds_every_module(installed: pathlib.Path) -> None:
    listed = ansible("ansible-doc", "--type", "module", "--list", "revive.cassandra", collections=installed)
    found = {line.split()[0] for line in listed.splitlines() if line.strip()}
    assert found == {f"revive.cassandra.{path.stem}" for path in (ROOT / "plugins" / "modules").glob("*.py")}


def test_ansible_finds_every_playbook_and_all_that_it_uses(installed: pathlib.Path) -> None:
    names = sorted(f"revive.cassandra.{path.stem}" for path in (ROOT / "playbooks").glob("[!_]*.yml"))
    ansible("ansible-playbook", "--syntax-check", "--inventory", "node1,", *names, collections=installed)
