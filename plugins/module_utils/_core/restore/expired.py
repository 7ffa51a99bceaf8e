# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tombstones that are older than Cassandra keeps them for: what was deleted may come back. Pure.

Cassandra may drop a tombstone once it is older than its table's ``gc_grace_seconds``. As long as a restore point is
younger than that, every deletion since is still known. Beyond that, deletions since may be forgotten, and of what is
restored itself the next compaction drops tombstones that not all replicas have got.
"""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import SYSTEM_KEYSPACES
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import SchemaObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import (
    table_properties,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_duration

#: What Cassandra takes where a table does not say.
GC_GRACE_SECONDS = 864_000
_NAMED = 10


def gc_grace_seconds(table: SchemaObject) -> int:
    """How long a table's tombstones are kept."""
    return int(table_properties(table).get("gc_grace_seconds", str(GC_GRACE_SECONDS)))


def past_grace(schema: cql.Schema, *, age_seconds: float) -> list[str]:
    """The tables whose tombstones of so long ago may have gone."""
    return [
        shown_name(each.keyspace, each.name)
        for each in schema.objects
        if each.kind == cql.TABLE and each.keyspace not in SYSTEM_KEYSPACES and age_seconds > gc_grace_seconds(each)
    ]


def expired_warnings(schema_cql: t.Iterable[str], *, as_of_us: int, now_us: int | None) -> t.Iterator[str]:
    """What becomes of the tombstones in what is restored, before its replicas are repaired.

    :param now_us: ``None`` if nobody knows.
    """
    age_seconds = (now_us - as_of_us) / 1e6 if now_us is not None else 0
    old = past_grace(cql.parse_schema(schema_cql), age_seconds=age_seconds) if age_seconds > 0 else []
    if old:
        yield expired_warning(old, age_seconds=age_seconds)


def expired_warning(tables: t.Sequence[str], *, age_seconds: float) -> str:
    """What it means that restored tables are so old."""
    more = f" and {len(tables) - _NAMED} more" if len(tables) > _NAMED else ""
    return (
        f"What is restored is {format_duration(age_seconds)} old, more than gc_grace_seconds of "
        f"{', '.join(tables[:_NAMED])}{more}: every tombstone in it has expired, and the next compaction may drop it. "
        "A row that was deleted before the restore point, while one of its replicas missed that, may come back. To "
        "keep it away, run nodetool disableautocompaction on every node as soon as the data is there, repair these "
        "tables in full (nodetool repair -full), then run nodetool enableautocompaction."
    )
