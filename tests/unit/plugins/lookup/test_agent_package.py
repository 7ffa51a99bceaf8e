# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent in one file: it runs, it holds all that it imports and nothing of Ansible, and it is always the same."""

from __future__ import annotations

import io
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest
from ansible.utils.hashing import secure_hash_s

from ansible_collections.revive.cassandra.plugins.lookup.agent_package import LookupModule, agent_package

ROOT = pathlib.Path(__file__).parents[4]
MODULE_UTILS = ROOT / "plugins" / "module_utils"
OLDEST = ROOT / ".venv-core" / "bin" / "python"


@pytest.fixture(name="package")
def _package(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "agent.pyz"
    path.write_bytes(agent_package(MODULE_UTILS))
    return path


@pytest.mark.parametrize("python", [sys.executable, str(OLDEST)])
def test_it_runs_alone_and_says_what_is_wrong(package: pathlib.Path, python: str) -> None:
    command = [python, "-I", str(package), "--config", "/no/such/agent.json"]
    done = subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "revive-agent: /no/such/agent.json cannot be read: No such file or directory.\n"


def test_it_imports_nothing_of_ansible_and_nothing_beside_itself(package: pathlib.Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import ansible_collections.revive.cassandra.plugins.module_utils._agent.__main__\n"
        "ours = {name: module for name, module in sys.modules.items() if name.startswith('ansible')}\n"
        "assert ours\n"
        "files = [module.__file__ for module in ours.values() if getattr(module, '__file__', None)]\n"
        "print(*{'ours' if file.startswith(sys.argv[1]) else file for file in files})\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(package)], cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["ours"]


def test_the_same_code_makes_the_same_bytes(package: pathlib.Path, tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "copy"
    for part in ("_adapters", "_agent", "_core"):
        for source in (MODULE_UTILS / part).rglob("*.py"):
            target = copy / source.relative_to(MODULE_UTILS)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            os.utime(target, (1_000_000_000, 1_000_000_000))
    (copy / "_core" / "__pycache__").mkdir()
    (copy / "_core" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert agent_package(copy) == package.read_bytes()
    with zipfile.ZipFile(io.BytesIO(package.read_bytes())) as content:
        names = content.namelist()
    assert not [name for name in names if "pyc" in name or "_runtime" in name]
    assert not [name for name in names if "/restore/" in name or "/tables/" in name]


def test_the_lookup_returns_the_file(package: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible.constants.DEFAULT_LOCAL_TMP", str(package.parent))
    (path,) = LookupModule().run([])
    assert pathlib.Path(path).read_bytes() == package.read_bytes()


def test_the_lookup_returns_its_checksum_without_writing_it(
    package: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ansible.constants.DEFAULT_LOCAL_TMP", "/no/such/directory")
    assert LookupModule().run([], checksum=True) == [secure_hash_s(package.read_bytes())]
