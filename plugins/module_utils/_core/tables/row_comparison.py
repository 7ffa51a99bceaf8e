# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a table's rows are those that a backup holds: how they are asked for, and what a difference means. Pure.

Both sides are asked for the same columns as JSON, which Cassandra writes the same for the same value of every type.
Only where the texts differ it is asked when each cell was written, which tells what clients have written since.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import full_name, quoted

#: How many rows that differ are named, each by its partition's token.
EXAMPLES = 3
# Cells of other types are several, each with its own time, or count and have none.
_HAS_A_TIME = re.compile(
    r"(?:ascii|bigint|blob|boolean|date|decimal|double|duration|float|inet|int|smallint|text|time|timestamp|timeuuid"
    r"|tinyint|uuid|varchar|varint|(?:frozen|vector)<.*)\Z",
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class RowLayout:
    """The columns of a table, in the order in which they are asked for.

    :param timed: those of ``others`` whose cells tell when they were written.
    """

    partition_key: tuple[str, ...]
    clustering: tuple[str, ...]
    others: tuple[str, ...]
    timed: tuple[str, ...]

    @classmethod
    def of(cls, columns: t.Iterable[tuple[str, str, int, str]]) -> RowLayout:
        """From name, kind, position and type of each, as in ``system_schema.columns``."""
        found = sorted((kind, position, name, type_text) for name, kind, position, type_text in columns)
        others = [(name, type_text) for kind, _at, name, type_text in found if kind in ("regular", "static")]
        return cls(
            partition_key=tuple(name for kind, _at, name, _type in found if kind == "partition_key"),
            clustering=tuple(name for kind, _at, name, _type in found if kind == "clustering"),
            others=tuple(name for name, _type in others),
            timed=tuple(name for name, type_text in others if _HAS_A_TIME.match(type_text)),
        )

    def statement(self, keyspace: str, table: str, *, times: bool) -> str:
        """The query of a range of tokens, after the first parameter up to the second.

        :param times: whether each cell's write time and the partition's token are asked for too.
        """
        token = f"token({', '.join(map(quoted, self.partition_key))})"
        asked = [*map(quoted, (*self.partition_key, *self.clustering, *self.others))]
        if times:
            asked += [*(f"writetime({quoted(name)})" for name in self.timed), token]
        return f"SELECT JSON {', '.join(asked)} FROM {full_name(keyspace, table)} WHERE {token} > ? AND {token} <= ?"

    def row(self, text: str) -> Row:
        """What the query with times answers."""
        # As pairs in their order, so it does not matter how a name is quoted; decimals with all their digits.
        values = [value for _name, value in json.loads(text, object_pairs_hook=list, parse_float=str)]
        keys = len(self.partition_key) + len(self.clustering)
        cells = dict(zip(self.others, values[keys:]))
        times = values[keys + len(self.others) : -1]
        return Row(
            key=json.dumps(values[:keys]),
            cells=cells,
            times={name: int(time) for name, time in zip(self.timed, times) if time is not None},
            token=int(values[-1]),
        )


@dataclasses.dataclass(frozen=True)
class Row:
    """One row.

    :param times: microseconds since the epoch, of cells that have a value and a single time.
    """

    key: str
    cells: dict[str, t.Any]
    times: dict[str, int]
    token: int


@dataclasses.dataclass(frozen=True)
class TableRows:
    """How the rows of a table, or of a part of it, compare with the backup's.

    :param rows: in the backup.
    :param same: of those, with all their values.
    :param newer: that were written later than the backup's, or are not in it: by clients since, or by another replica
        that had them when this one had not yet.
    :param missing: of ``rows``.
    :param different: without a later write that would explain it.
    :param examples: tokens of partitions with rows that are missing or different.
    """

    rows: int = 0
    same: int = 0
    newer: int = 0
    missing: int = 0
    different: int = 0
    examples: tuple[int, ...] = ()

    def __add__(self, other: TableRows) -> TableRows:
        """Of both parts together."""
        names = ("rows", "same", "newer", "missing", "different")
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        examples = tuple(dict.fromkeys((*self.examples, *other.examples)))[:EXAMPLES]
        return TableRows(**sums, examples=examples)


@dataclasses.dataclass(frozen=True)
class VerifiedTable:
    """What was found in a node's replica of a table."""

    keyspace: str
    table: str
    rows: TableRows


def are_same(then: t.Iterator[str], now: t.Iterator[str]) -> int | None:
    """How many rows there are, if both have the same in the same order; ``None`` otherwise."""
    rows = 0
    for one, other in itertools.zip_longest(then, now):
        if one != other:
            return None
        rows += 1
    return rows


def compare(then: t.Iterator[Row], now: t.Iterator[Row], *, is_own: bool) -> TableRows:
    """How rows compare, both in the same order; what is held is no more than what one has before the other has it.

    :param is_own: whether the table was made by the restore under a name of its own, so nobody else should write
        to it. Otherwise every difference is clients' doing as far as anybody can tell, unless a cell is older than the
        backup's.
    """
    found = TableRows()
    for one, other in _pairs(then, now):
        found += _judged(one, other, is_own=is_own)
    return found


def _pairs(then: t.Iterator[Row], now: t.Iterator[Row]) -> t.Iterator[tuple[Row | None, Row | None]]:
    waiting: tuple[dict[str, Row], dict[str, Row]] = ({}, {})
    for rows in itertools.zip_longest(then, now):
        for side, row in enumerate(rows):
            if row is None:
                continue
            twin = waiting[1 - side].pop(row.key, None)
            if twin is None:
                waiting[side][row.key] = row
            else:
                yield (row, twin) if side == 0 else (twin, row)
    yield from ((row, None) for row in waiting[0].values())
    yield from ((None, row) for row in waiting[1].values())


def _judged(then: Row | None, now: Row | None, *, is_own: bool) -> TableRows:
    if now is None:
        return TableRows(rows=1, missing=1, examples=(then.token,) if then else ())
    there = 1 if then else 0
    if then is not None and then.cells == now.cells:
        return TableRows(rows=1, same=1)
    times = then.times if then else {}
    is_older = any(now.times.get(name, at) < at for name, at in times.items())
    is_newer = any(at > times.get(name, at - 1) for name, at in now.times.items())
    if not is_older and (is_newer or not is_own):
        return TableRows(rows=there, newer=1)
    return TableRows(rows=there, different=1, examples=(now.token,))
