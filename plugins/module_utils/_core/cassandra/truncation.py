# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Cassandra remembers of a table's last truncation. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError


@dataclasses.dataclass(frozen=True)
class Truncation:
    """What ``system.local`` remembers of a table's last TRUNCATE.

    :param segment: id of the commit log segment; what lies before ``position`` in the log is not replayed.
    :param at_ms: milliseconds since the epoch, by the node's clock.
    """

    table_id: str
    segment: int
    position: int
    at_ms: int


def parse_truncations(truncated_at: t.Mapping[str, str] | None) -> tuple[Truncation, ...]:
    """``system.local.truncated_at`` as ``SELECT JSON`` gives it: ``{table id: "0x..."}``.

    A value is segment id (8 bytes), position (4) and milliseconds (8) (``SystemKeyspace.truncationAsMapEntry``).

    :raises NodeError: if it is something else.
    """
    found: list[Truncation] = []
    for table_id, text in (truncated_at or {}).items():
        raw = bytes.fromhex(text[2:])
        if len(raw) != 20:
            raise NodeError(f"The record of the truncation of {table_id} cannot be read.", subject=table_id)
        found.append(
            Truncation(
                table_id=table_id.replace("-", ""),
                segment=int.from_bytes(raw[:8], "big", signed=True),
                position=int.from_bytes(raw[8:12], "big", signed=True),
                at_ms=int.from_bytes(raw[12:], "big", signed=True),
            )
        )
    return tuple(sorted(found, key=lambda each: each.table_id))


def truncated_since(truncation: Truncation, *, snapshot_began_us: int, segment: int, position: int) -> bool:
    """Whether a table was truncated after its base's snapshot, whose SSTables then are not to be laid down.

    By time or by position in the log. The position alone would not do: for a table with nothing in memory it is that of
    the last flush, which may be before the base. To err on the side of "after" loses nothing, since all that was
    written since the base began is in the log.

    :param segment: the active segment when the snapshot began, ``position`` the valid bytes in it.
    """
    if truncation.at_ms * 1000 + 999 >= snapshot_began_us:
        return True
    return segment > 0 and (truncation.segment, truncation.position) >= (segment, position)
