# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold passwords."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(*, path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on; it replaces an older one in one step."""
    write_private_bytes(path=path, body=text.encode())


def write_private_bytes(*, path: Path, body: bytes) -> None:
    """Write such a file that is not text, such as Java's stores of keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(body)
    unfinished.replace(path)
