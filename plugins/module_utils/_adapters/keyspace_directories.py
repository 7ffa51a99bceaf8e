# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which directories in a data directory are keyspaces, and which are somebody's own."""

from __future__ import annotations

import os
import re

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import explained, names_in
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    SYSTEM_KEYSPACES,
    parse_table_directory,
    split_component,
)

_NAME = re.compile(r"\w+\Z", re.ASCII)


def keyspaces_in(place: str) -> list[str]:
    """The names of the keyspaces in a data directory, sorted; none if it is not there."""
    return [name for name in _directories(place) if _NAME.match(name) and _is_keyspace(os.path.join(place, name), name)]


def strangers_in(place: str) -> list[str]:
    """The names of directories that could be keyspaces by their names, and are not, sorted."""
    return [
        name for name in _directories(place) if _NAME.match(name) and not _is_keyspace(os.path.join(place, name), name)
    ]


def _directories(place: str) -> list[str]:
    if not os.path.isdir(place):
        return []
    with explained("read the directory", place), os.scandir(place) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir())


def _is_keyspace(path: str, name: str) -> bool:
    """Whether there are directories of tables, or nothing: Cassandra leaves a keyspace that was dropped empty.

    A table's directory has the table's id in its name; up to 2.1 it had not, and Cassandra still uses such ones. What
    Cassandra's user may not read is not Cassandra's.
    """
    if name in SYSTEM_KEYSPACES:
        return True
    if not os.access(path, os.R_OK | os.X_OK):
        return False
    inside = _directories(path)
    if any(parse_table_directory(name, each) for each in inside):
        return True
    tables = (os.path.join(path, each) for each in inside)
    if any(split_component(file) for table in tables if os.access(table, os.R_OK) for file in names_in(table)):
        return True
    return not inside and not names_in(path)
