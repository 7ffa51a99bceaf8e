# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system of its own for one directory, so that it can really be full. Only root may have one."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import typing as t
from pathlib import Path

from lab.errors import LabError

_FILLER = "filler"
_BLOCK = b"\0" * 65536


@contextlib.contextmanager
def small_disk(directory: Path, *, mebibytes: int) -> t.Iterator[None]:
    """An empty directory is a file system of that size, in memory, until the end; what it held then is gone.

    :raises LabError: it could not be mounted.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "revive-lab", str(directory))
    try:
        yield
    finally:
        # What is still open there is ended later; the mount is gone for all others at once.
        _run("umount", "--lazy", str(directory))


def fill_disk(directory: Path) -> None:
    """Write until nothing more fits."""
    handle = os.open(directory / _FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for block in (_BLOCK, _BLOCK[:1]):
            _write_until_full(handle, block=block)
    finally:
        os.close(handle)


def free_disk(directory: Path) -> None:
    """Take away what :func:`fill_disk` wrote."""
    (directory / _FILLER).unlink(missing_ok=True)


def _write_until_full(handle: int, *, block: bytes) -> None:
    while True:
        try:
            os.write(handle, block)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed: {done.stderr.strip()} (only root may mount)")
