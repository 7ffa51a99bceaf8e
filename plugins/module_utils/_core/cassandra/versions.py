# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How versions of Cassandra differ in what a backup or a restore has to know. Pure.

Supporting another version begins here: each difference is a question with a name, answered by the release alone.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us

#: The series that are tested; others are not refused, since a newer one mostly does what the last one did.
SUPPORTED_SERIES = ("4.0", "4.1", "5.0")
#: The tables of ``system_schema`` that every version from 4.0 has; 4.x wants each by its name.
SCHEMA_TABLES = (
    "aggregates",
    "columns",
    "dropped_columns",
    "functions",
    "indexes",
    "keyspaces",
    "tables",
    "triggers",
    "types",
    "views",
)

_RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
#: Oldest releases that are known to take a restore point to the microsecond; older ones drop the fraction silently.
_MICROSECONDS_SINCE = {(4, 0): 19, (4, 1): 9, (5, 0): 5}
_SNAPSHOT_TTL_SINCE = (4, 1)
_KEYSPACES_IN_REPLAY_LIST_SINCE = (5, 0)

Release = tuple[int, int, int]


def release_of(text: str | None) -> Release | None:
    """``5.0.8`` as numbers, to compare; ``None`` if it is not a release. A pre-release counts as its release."""
    match = _RELEASE.match(text or "")
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def _known(release_version: str) -> Release:
    release = release_of(release_version)
    if release is None:
        raise InputError(
            f"{release_version!r} is not a version of Cassandra.",
            subject=release_version,
            next_step=f"Give one such as {SUPPORTED_SERIES[-1]}.0.",
        )
    return release


def has_snapshot_ttl(release_version: str) -> bool:
    """Whether a snapshot can be given a time to live.

    :raises InputError: if this is not a version, as in all of these questions.
    """
    return _known(release_version)[:2] >= _SNAPSHOT_TTL_SINCE


def check_precision(*, release_version: str, moment_us: int) -> None:
    """Refuse a moment that this Cassandra would silently round down to its second (CASSANDRA-19448).

    :raises InputError: if it would.
    """
    release = _known(release_version)
    series = release[:2]
    since = _MICROSECONDS_SINCE.get(series)
    exact = release[2] >= since if since is not None else series > max(_MICROSECONDS_SINCE)
    if not exact and moment_us % 1_000_000:
        update = "" if since is None else f", or update to {series[0]}.{series[1]}.{since}"
        raise InputError(
            f"Cassandra {release_version} takes restore points to the second only.",
            subject=format_us(moment_us),
            next_step=f"Give a whole second{update}.",
        )


def schema_replay_list(release_version: str) -> tuple[str, ...]:
    """What the first pass replays: the schema, and ``system.local`` for what was truncated."""
    if _takes_keyspaces(release_version):
        return ("system_schema", "system.local")
    return (*(f"system_schema.{table}" for table in SCHEMA_TABLES), "system.local")


def data_replay_list(
    *, release_version: str, tables: t.Iterable[tuple[str, str]], whole_keyspaces: bool = True
) -> tuple[str, ...]:
    """What the second pass replays: these tables, each ``(keyspace, name)``.

    :param whole_keyspaces: whether they are all that their keyspaces have, which need not be named one by one then.
    """
    if whole_keyspaces and _takes_keyspaces(release_version):
        return tuple(sorted({keyspace for keyspace, _name in tables}))
    return tuple(sorted(f"{keyspace}.{name}" for keyspace, name in tables))


def _takes_keyspaces(release_version: str) -> bool:
    return _known(release_version)[:2] >= _KEYSPACES_IN_REPLAY_LIST_SINCE
