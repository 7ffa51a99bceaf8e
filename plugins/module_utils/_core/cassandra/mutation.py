# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a mutation in a commit log shows without its schema. Pure."""

from __future__ import annotations

import dataclasses

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError

# 2015-09-22T00:00:00Z, from which timestamps in messages are counted (EncodingStats.TIMESTAMP_EPOCH).
_TIMESTAMP_EPOCH_US = 1_442_880_000_000_000


@dataclasses.dataclass(frozen=True)
class MutationHead:
    """What a mutation shows without its schema, of its first update: all of its cells are at or after
    ``first_timestamp_us``."""

    updates: int
    table_id: str
    first_timestamp_us: int


def parse_mutation_head(data: bytes) -> MutationHead:
    """The head of a mutation as the commit log holds it (``Mutation.MutationSerializer``, ``PartitionUpdate`` of 4.0 to
    5.0: count, table id, key, flags, then the statistics that cells are encoded against, the least timestamp first).

    :raises NodeError: if there is less, or an update of another kind.
    """
    try:
        updates, at = _vint(data, 0)
        table_id = data[at : at + 16].hex()
        key_length, at = _vint(data, at + 16)
        flags = data[at + key_length]
        is_empty = bool(flags & 0x01)
        delta, _end = _vint(data, at + key_length + 1)
    except IndexError as error:
        raise NodeError("A mutation that could not be replayed cannot be read either.") from error
    if is_empty or len(table_id) != 32:
        raise NodeError("A mutation that could not be replayed holds nothing to judge it by.", subject=table_id)
    return MutationHead(updates=updates, table_id=table_id, first_timestamp_us=_TIMESTAMP_EPOCH_US + _signed(delta))


def _vint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned variable-length integer and where it ends: as many ones as bytes follow, then the value."""
    first = data[at]
    extra = 8 - (first ^ 0xFF).bit_length()
    value = first & (0xFF >> extra)
    for byte in data[at + 1 : at + 1 + extra]:
        value = (value << 8) | byte
    if at + 1 + extra > len(data):
        raise IndexError
    return value, at + 1 + extra


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
