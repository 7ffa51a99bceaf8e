# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's playbooks as an operator would: ``ansible-playbook revive.cassandra.NAME``."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from lab.errors import LabError
from lab.state_files import write_private

_CHECKOUT = Path(__file__).parent.parent
_NAMESPACE = Path("ansible_collections") / "revive"
# Ansible that is told to end waits for its workers, of which one may wait for something that is gone.
_END_TIMEOUT_SECONDS = 20.0


@dataclasses.dataclass(frozen=True)
class PlaybookRun:
    """What a run left: its exit status, all that it printed, and how long it took."""

    name: str
    exit_status: int
    output: str
    seconds: float

    def changes(self) -> list[int]:
        """Return what the recap says each host has changed."""
        return [int(number) for number in re.findall(r"changed=(\d+)", self.output)]

    def require_success(self) -> PlaybookRun:
        """Return the run itself.

        :raises LabError: if it failed; with all that it printed.
        """
        if self.exit_status != 0:
            raise LabError(f"{self.name} ended with exit status {self.exit_status}:\n{self.output}")
        return self


def start_playbook(
    name: str,
    *,
    inventory: Path,
    variables: t.Mapping[str, t.Any],
    directory: Path,
    arguments: t.Sequence[str] = (),
    new_session: bool = False,
) -> subprocess.Popen[str]:
    """Start a playbook of this checkout's collection; its output is a pipe.

    :param variables: handed over in a file that only its owner reads, since some are secrets.
    :param directory: for that file and for Ansible's own.
    :param new_session: make it the leader of a process group, so that it can be ended with all that it started.
    """
    directory.mkdir(parents=True, exist_ok=True)
    variables_file = directory / f"{name}-variables.json"
    write_private(path=variables_file, text=json.dumps(dict(variables)))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(collections_path()),
        # As many as the largest cluster of the tests has nodes.
        "ANSIBLE_FORKS": "12",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_LOCAL_TEMP": str(directory / "ansible-local"),
        "ANSIBLE_REMOTE_TEMP": str(directory / "ansible-remote"),
        "ANSIBLE_ASYNC_DIR": str(directory / "ansible-async"),
        "PYTHONUNBUFFERED": "1",
    }
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), *arguments]
    command += ["-e", f"@{variables_file}", f"revive.cassandra.{name}"]
    return subprocess.Popen(
        command,
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=new_session,
    )


def run_playbook(
    name: str,
    *,
    inventory: Path,
    directory: Path,
    variables: t.Mapping[str, t.Any] | None = None,
    arguments: t.Sequence[str] = (),
    show: t.TextIO | None = None,
) -> PlaybookRun:
    """Run a playbook to its end.

    :param show: where to print its output as it comes.
    """
    began = time.monotonic()
    process = start_playbook(
        name, inventory=inventory, variables=variables or {}, directory=directory, arguments=arguments
    )
    return finish_playbook(name, process=process, began=began, show=show)


def finish_playbook(
    name: str, *, process: subprocess.Popen[str], began: float, show: t.TextIO | None = None
) -> PlaybookRun:
    """Read a started playbook's output to its end."""
    lines: list[str] = []
    try:
        for line in process.stdout or ():
            lines.append(line)
            if show is not None:
                show.write(line)
                show.flush()
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=_END_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    return PlaybookRun(name=name, exit_status=status, output="".join(lines), seconds=time.monotonic() - began)


def collections_path() -> Path:
    """Return a directory in which this checkout is the installed collection."""
    root = _CHECKOUT / ".cache" / "collections"
    link = root / _NAMESPACE / "cassandra"
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../../../.."), target_is_directory=True)
    return root
