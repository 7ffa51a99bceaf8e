# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environment that nodes' modules run in, as a role would put it on a real node."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from lab.cache import cache_root, locked
from lab.errors import LabError

REQUIREMENTS = Path(__file__).parent.parent / "requirements" / "node.txt"


def ensure_node_venv() -> Path:
    """Return the directory of a virtual environment with the packages of ``requirements/node.txt``; made once.

    :raises LabError: the packages cannot be installed; with what pip said.
    """
    identity = hashlib.sha256((_requirements(path=REQUIREMENTS) + sys.version).encode()).hexdigest()[:16]
    directory = cache_root() / "node-venv" / identity
    complete = directory / ".complete"
    with locked(path=cache_root() / "locks" / "node-venv.lock"):
        if not complete.exists():
            shutil.rmtree(directory, ignore_errors=True)
            _install(into=directory)
            complete.touch()
    return directory


def _requirements(*, path: Path) -> str:
    """Return the text of a requirements file and of those it includes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    included = [path.parent / line.removeprefix("-r").strip() for line in lines if line.startswith("-r")]
    return "\n".join([*lines, *(_requirements(path=inner) for inner in included)])


def _install(*, into: Path) -> None:
    pip: list[str | Path] = [into / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    create: list[str | Path] = [sys.executable, "-m", "venv", into]
    for command in (create, [*pip, "--requirement", REQUIREMENTS]):
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise LabError(f"cannot make the nodes' virtual environment:\n{(done.stdout + done.stderr)[-3000:]}")
