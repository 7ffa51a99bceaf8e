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

#: What JSON has for a cell without a value, and for a collection without elements.
_NOTHING: tuple[t.Any, ...] = (None, [], {})
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
    :param lacking: rows that are there, some of whose cells are not, in a table that clients write to.
    :param early: of ``newer``, rows whose newest cell was written before the import began, so not by a client since.
    :param examples: tokens of partitions with rows that are missing, different or lacking.
    """

    rows: int = 0
    same: int = 0
    newer: int = 0
    missing: int = 0
    different: int = 0
    lacking: int = 0
    early: int = 0
    examples: tuple[int, ...] = ()

    def __add__(self, other: TableRows) -> TableRows:
        """Of both parts together."""
        names = ("rows", "same", "newer", "missing", "different", "lacking", "early")
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


def tolerated(rows: int) -> int:
    """How many rows of so many clients may have deleted, or taken cells of, between an import and the comparison.

    One in a hundred; of a small table up to three, as long as that is no more than one in ten.
    """
    return max(rows // 100, min(3, rows // 10))


def is_as_it_should_be(rows: TableRows, *, is_own: bool, from_import: bool) -> bool:
    """Whether a comparison shows that a table holds what the backup holds.

    :param is_own: as of :func:`compare`.
    :param from_import: whether nothing was in the table before the import, so whatever is missing was deleted since.
        Otherwise it may have been deleted at any time since the backup, and stays so.
    """
    gone = rows.missing + rows.lacking
    if rows.different or (is_own and gone):
        return False
    return not from_import or gone <= tolerated(rows.rows)


def compare(then: t.Iterator[Row], now: t.Iterator[Row], *, is_own: bool, since_us: int = 0) -> TableRows:
    """How rows compare, both in the same order; what is held is no more than what one has before the other has it.

    :param is_own: whether the table was made by the restore under a name of its own, so nobody else should write
        to it. Otherwise a difference may be clients' doing, unless a cell is older than the backup's.
    :param since_us: when the import began; 0 if that tells nothing.
    """
    found = TableRows()
    for one, other in _pairs(then, now):
        found += _judged(one, other, is_own=is_own, since_us=since_us)
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


#: What a cell that is not as in the backup may be.
_GONE, _NEWER, _UNTOLD = "gone", "newer", "untold"


def _judged(then: Row | None, now: Row | None, *, is_own: bool, since_us: int) -> TableRows:
    if now is None:
        return TableRows(rows=1, missing=1, examples=(then.token,) if then else ())
    there = 1 if then else 0
    if then is not None and then.cells == now.cells:
        return TableRows(rows=1, same=1)
    # Each cell by itself: one that was written later says nothing of another that is gone.
    cells = {_cell(then, now, name) for name in now.cells if then is None or then.cells.get(name) != now.cells[name]}
    is_older = then is not None and any(now.times.get(name, at) < at for name, at in then.times.items())
    if is_older or (is_own and (_GONE in cells or _NEWER not in cells)):
        return TableRows(rows=there, different=1, examples=(now.token,))
    if _GONE in cells:
        return TableRows(rows=there, lacking=1, examples=(now.token,))
    early = 0 < max(now.times.values(), default=since_us) < since_us
    return TableRows(rows=there, newer=1, early=int(early))


def _cell(then: Row | None, now: Row, name: str) -> str:
    """What a cell is that differs, or that is in a row which the backup does not have."""
    was_at, at = then.times.get(name) if then else None, now.times.get(name)
    if at is not None:
        return _NEWER if was_at is None or at > was_at else _UNTOLD
    is_gone = then is not None and then.cells.get(name) not in _NOTHING and now.cells[name] in _NOTHING
    return _GONE if is_gone else _UNTOLD
