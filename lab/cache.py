# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that are made once per machine and kept: jars, Java, the S3 server's binary, virtual environments.

Everything is below ``${XDG_CACHE_HOME:-~/.cache}/revive-lab`` and can be deleted at any time while no lab is up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import typing as t
from pathlib import Path

from lab.errors import LabError


def cache_root() -> Path:
    """Return the directory of everything the lab keeps between runs; it exists."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    root = Path(base) / "revive-lab"
    root.mkdir(parents=True, exist_ok=True)
    return root


@contextlib.contextmanager
def locked(*, path: Path) -> t.Iterator[None]:
    """Hold an exclusive lock on the file `path`, which is created; it ends with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def made_once(*, name: str, make: t.Callable[[Path], None]) -> Path:
    """Return ``<cache>/<name>``, a directory that `make` filled, now or in an earlier run.

    `make` gets an empty directory, which takes its final name only when `make` returned: what is there is complete.
    Paths inside must therefore not be baked into files; who needs that uses :func:`locked` and a marker.
    """
    target = cache_root() / name
    if target.is_dir():
        return target
    with locked(path=cache_root() / "locks" / f"{name.replace('/', '_')}.lock"):
        if target.is_dir():
            return target
        unfinished = target.with_name(f".{target.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        unfinished.rename(target)
    return target


def run_tool(*, command: t.Sequence[str | Path], purpose: str, environment: t.Mapping[str, str] | None = None) -> str:
    """Run a build tool and return its standard output.

    :raises LabError: the tool is not installed or failed; with `purpose` and the last lines of what it said.
    """
    try:
        done = subprocess.run(
            [str(word) for word in command],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError as error:
        raise LabError(f"{purpose}: {command[0]} is not installed") from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise LabError(f"{purpose}: {command[0]} ended with {done.returncode}\n{said}")
    return done.stdout
