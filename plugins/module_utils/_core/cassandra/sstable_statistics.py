# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many rows an SSTable holds, as Cassandra noted in its Statistics component when it wrote it. Pure.

Cassandra counts a row once for each SSTable that has a part of it, also one that is deleted or has expired there.
"""

from __future__ import annotations

import dataclasses
import struct
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import split_component

STATISTICS = "Statistics.db"
#: A Statistics component has some ten KiB.
MAX_BYTES = 4 * 1024 * 1024
_STATS = 2
#: The types whose values have no length before them, since all have the same, and that.
_LENGTHS = {
    "BooleanType": 1,
    "DoubleType": 8,
    "EmptyType": 0,
    "FloatType": 4,
    "Int32Type": 4,
    "LexicalUUIDType": 16,
    "LongType": 8,
    "TimeUUIDType": 16,
    "TimestampType": 8,
    "UUIDType": 16,
}
#: With as many columns in its clustering a bound has one header.
_MAX_COLUMNS = 32
#: What stands for "never deleted" as a 32 bit number; the second is of versions that read it without a sign.
_NEVER = (0x7FFFFFFF, 0xFFFFFFFF)


@dataclasses.dataclass(frozen=True)
class SSTableRows:
    """The rows of one SSTable.

    :param deletions: whether something in it is deleted, or expires.
    """

    rows: int
    deletions: bool


@dataclasses.dataclass(frozen=True)
class RowEstimate:
    """The rows of a table in a set of SSTables, as far as these tell.

    :param at_most: every row of every SSTable, though some are in several, and some are deleted by others.
    :param at_least: the rows of the largest SSTable, if none of them deletes anything; otherwise 0.
    :param deletions: whether something in one of them is deleted, or expires.
    """

    at_most: int = 0
    at_least: int = 0
    deletions: bool = False

    def __add__(self, other: RowEstimate) -> RowEstimate:
        # A replica may have missed what another one deletes.
        deletions = self.deletions or other.deletions
        at_least = 0 if deletions else self.at_least + other.at_least
        return RowEstimate(self.at_most + other.at_most, at_least, deletions)

    def of_replicas(self, replicas: int) -> RowEstimate:
        """What it is for the cluster, if it is the sum over nodes, and that many of them have each row."""
        return dataclasses.replace(self, at_most=round(self.at_most / replicas), at_least=self.at_least // replicas)


class RowEstimator:
    """Adds SSTables of one table up."""

    def __init__(self) -> None:
        self._sum = self._largest = 0
        self._deletions = self._unknown = False

    def add(self, found: SSTableRows | None) -> None:
        """Count an SSTable; ``None`` is one that does not tell."""
        if found is None:
            self._unknown = True
        else:
            self._sum += found.rows
            self._largest = max(self._largest, found.rows)
            self._deletions = self._deletions or found.deletions

    def estimate(self) -> RowEstimate | None:
        """What they hold together; ``None`` if one does not tell."""
        if self._unknown:
            return None
        return RowEstimate(self._sum, 0 if self._deletions else self._largest, self._deletions)


def is_statistics(path: str) -> bool:
    """Whether a file of a table's snapshot is the Statistics component of one of its own SSTables; those of an index
    lie in a directory."""
    return path.endswith(f"-{STATISTICS}") and "/" not in path


def parse_statistics(body: bytes, *, name: str) -> SSTableRows | None:
    """What a Statistics component says; ``None`` if it is of a version that is not known, or damaged.

    :param name: of the file, such as ``nb-12-big-Statistics.db``; its beginning is the version.
    """
    parts = split_component(name)
    version = parts[0].split("-")[0] if parts else ""
    if len(version) != 2 or version[0] not in "mnod":
        return None
    try:
        return _parse(_Reader(body), version=version)
    except (struct.error, OverflowError):
        return None


class _Reader:
    """Big-endian numbers, one after the other; past the end is an error."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.position = 0

    def take(self, code: str) -> tuple[t.Any, ...]:
        """The numbers of that format of :mod:`struct`."""
        values = struct.unpack_from(f">{code}", self._body, self.position)
        self.position += struct.calcsize(f">{code}")
        return values

    def one(self, code: str) -> int:
        """A single number."""
        return int(self.take(code)[0])

    def vint(self) -> int:
        """A number whose first byte says by its leading ones how many follow."""
        first = self.one("B")
        extra = 8 - (first ^ 0xFF).bit_length()
        rest = int.from_bytes(bytes(self.take(f"{extra}B")), "big")
        return (first & (0xFF >> extra)) << (8 * extra) | rest

    def text(self) -> str:
        """A text behind its length."""
        size = self.vint()
        self.skip(size)
        return self._body[self.position - size : self.position].decode("utf-8", "replace")

    def skip(self, size: int) -> None:
        """Leave bytes out."""
        if not 0 <= size <= len(self._body) - self.position:
            raise struct.error
        self.position += size


def _parse(reader: _Reader, *, version: str) -> SSTableRows | None:
    """StatsMetadata as Cassandra's ``StatsMetadataSerializer`` writes it, up to the number of rows."""
    components = reader.one("I")
    if not 0 < components <= 16:
        return None
    if version[0] != "m":
        reader.skip(4)
    positions = dict(reader.take("II") for _each in range(components))
    if _STATS not in positions:
        return None
    reader.position = 0
    reader.skip(positions[_STATS])
    for _histogram in ("partition sizes", "cells of a partition"):
        reader.skip(16 * reader.one("I"))
    reader.skip(12 + 8 + 8)
    first_deletion, last_deletion = reader.take("II")
    _least_ttl, most_ttl = reader.take("II")
    reader.skip(8)
    reader.skip(4)
    before_5 = version[0] in "mn"
    reader.skip((16 if before_5 else 12) * reader.one("I"))
    reader.skip(4 + 8)
    if before_5:
        for _bound in ("first clustering", "last clustering"):
            for _value in range(reader.one("I")):
                reader.skip(reader.one("H"))
    else:
        lengths = [_length_of(reader.text()) for _type in range(reader.vint())]
        for _bound in ("first clustering", "last clustering"):
            _skip_bound(reader, lengths)
    legacy_counters, _cells, rows = reader.take("Bqq")
    if legacy_counters > 1 or rows < 0:
        return None
    never = first_deletion in _NEVER and last_deletion in _NEVER and most_ttl == 0
    return SSTableRows(rows=rows, deletions=not never)


def _length_of(written_type: str) -> int | None:
    """How many bytes each value of a type has; ``None`` if a value says so itself."""
    name = written_type
    if "ReversedType(" in name:
        name = name.split("ReversedType(", 1)[1].rstrip(")")
    name = name.split("(", 1)[0].rsplit(".", 1)[-1]
    if name == "VectorType":
        # It depends on what it is a vector of.
        raise struct.error
    return _LENGTHS.get(name)


def _skip_bound(reader: _Reader, lengths: t.Sequence[int | None]) -> None:
    """Leave out one end of what the clusterings cover: its kind, how many columns it has, and their values."""
    _kind, columns = reader.take("BH")
    if columns > min(len(lengths), _MAX_COLUMNS):
        raise struct.error
    header = reader.vint() if columns else 0
    for number, length in enumerate(lengths[:columns]):
        # Two bits each: it is null, or empty.
        if not header >> (2 * number) & 3:
            reader.skip(reader.vint() if length is None else length)
