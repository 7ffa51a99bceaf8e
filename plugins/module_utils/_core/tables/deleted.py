# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of rows that were deleted since a restore point, when its data goes over what there is. Pure."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import SchemaObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_duration, format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.expired import gc_grace_seconds
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import BESIDE


def age_seconds(as_of_us: int, *, at_us: int) -> float:
    """How old a restore point is; 0 if nobody knows what time it is.

    :param at_us: now; 0 if nobody knows.
    """
    return max(0, at_us - as_of_us) / 1e6


def merged(there: SchemaObject, *, as_of_us: int, at_us: int, past_gc_grace: bool) -> str | NodeError:
    """What is said of a table that data goes over; an error if that would bring back what was deleted since.

    :param there: the table as it is now.
    :param at_us: as of :func:`age_seconds`.
    :param past_gc_grace: whether it is known that nothing was deleted.
    """
    shown, since = shown_name(there.keyspace, there.name), format_us(as_of_us)
    age, grace = age_seconds(as_of_us, at_us=at_us), gc_grace_seconds(there)
    if age <= grace:
        return (
            f"{shown} keeps the newest of each cell: what was changed or deleted after {since} stays as it is now, and "
            f"a row that was deleted since does not come back. With {option('mode', BESIDE)} it does, in a table of "
            "its own."
        )
    if past_gc_grace:
        return (
            f"{shown} keeps the newest of each cell. {since} is longer ago than its gc_grace_seconds "
            f"({format_duration(grace)}), so rows and values that were deleted since may come back."
        )
    return NodeError(
        f"{since} is {format_duration(age)} ago, longer than {shown} keeps its tombstones (gc_grace_seconds, "
        f"{format_duration(grace)}): rows that were deleted since would come back.",
        subject=shown,
        next_step=f"Restore it with {option('mode', BESIDE)}, and copy from there what you need; or choose a newer "
        f"restore point. If nothing was deleted, pass {option('past_gc_grace', 'true')}.",
    )
