# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hard links: the same file under another name, without copying a byte."""

from __future__ import annotations

import os

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    local_error,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
)


def link_tree(source: str, target: str) -> int:
    """Hard links to all SSTable files of a directory; how many."""
    count = 0
    for parent, directories, files in os.walk(source):
        directories[:] = [name for name in directories if name not in ("snapshots", "backups")]
        inside = os.path.normpath(os.path.join(target, os.path.relpath(parent, source)))
        try:
            os.makedirs(inside, mode=0o750, exist_ok=True)
        except OSError as error:
            raise local_error(error, doing="make the directory", path=inside) from error
        for name in files:
            link(os.path.join(parent, name), os.path.join(inside, name))
            count += 1
    return count


def link(source: str, target: str) -> None:
    """Link one file; nothing to do if it is linked already.

    :raises LocalFilesError: if another one is there, or it cannot be linked.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        if not os.path.samefile(source, target):
            raise LocalFilesError(f"{target} is there already.", subject=target) from None
    except OSError as error:
        raise local_error(error, doing="link", path=target) from error
