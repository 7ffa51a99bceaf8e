# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is mounted on this machine: a mount point cannot be renamed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re

#: Also what is mounted from the same file system, which cannot be told by the numbers of devices.
_MOUNTS = pathlib.Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def mount_points_in(path: str) -> list[str]:
    """The mount points among a path and all that is below it, sorted."""
    points: set[str] = set()
    with contextlib.suppress(OSError):
        for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            fields = line.split(" ")
            if len(fields) > 4:
                points.add(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
    if os.path.ismount(path):
        points.add(path)
    return sorted(point for point in points if f"{point}/".startswith(f"{path}/"))
