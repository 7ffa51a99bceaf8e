# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a difference between a backup's rows and a table's means."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.row_comparison import (
    Row,
    RowLayout,
    TableRows,
    are_same,
    compare,
    is_as_it_should_be,
    tolerated,
)

_LAYOUT = RowLayout.of(
    [
        ("tags", "regular", -1, "set<text>"),
        ("v", "regular", -1, "text"),
        ("Home", "static", -1, "frozen<place>"),
        ("c", "clustering", 0, "text"),
        ("b", "partition_key", 1, "int"),
        ("A", "partition_key", 0, "int"),
        ("where", "regular", -1, "place"),
        ("hits", "regular", -1, "counter"),
        ("close", "regular", -1, "vector<float, 3>"),
    ]
)


def _row(key: int, value: str | None = "v", *, at: int | None = 1, tag: str = "x") -> Row:
    times = {} if at is None or value is None else {"v": at}
    return Row(key=str(key), cells={"v": value, "tags": [tag]}, times=times, token=key * 10)


def _compared(then: t.Iterable[Row], now: t.Iterable[Row], *, is_own: bool = True) -> TableRows:
    return compare(iter(then), iter(now), is_own=is_own)


def test_every_column_is_asked_for_and_times_where_a_cell_has_one() -> None:
    assert (_LAYOUT.partition_key, _LAYOUT.clustering) == (("A", "b"), ("c",))
    assert set(_LAYOUT.others) == {"tags", "v", "Home", "where", "hits", "close"}
    assert set(_LAYOUT.timed) == {"v", "Home", "close"}
    plain, timed = (_LAYOUT.statement("shop", "Orders", times=times) for times in (False, True))
    assert plain.startswith('SELECT JSON "A", "b", "c", ')
    assert plain.endswith(' FROM "shop"."Orders" WHERE token("A", "b") > ? AND token("A", "b") <= ?')
    assert "writetime" not in plain
    assert timed.count("writetime(") == 3


def test_a_row_is_read_by_the_places_of_its_values() -> None:
    values: dict[str, t.Any] = {'"A"': 1, "b": 2, "c": "three"}
    values |= {name: {"street": name} for name in _LAYOUT.others}
    values |= {f"writetime({name})": None if name == "v" else 7 for name in _LAYOUT.timed}
    row = _LAYOUT.row(json.dumps({**values, "system.token(A, b)": -5}))
    assert (row.key, row.token) == ('[1, 2, "three"]', -5)
    assert row.times == {name: 7 for name in _LAYOUT.timed if name != "v"}
    assert set(row.cells) == set(_LAYOUT.others)


def test_decimals_that_differ_in_their_last_digit_differ() -> None:
    layout = RowLayout.of([("k", "partition_key", 0, "int"), ("v", "regular", -1, "decimal")])
    texts = (f'{{"k": 1, "v": 0.3000000000000000000{digit}, "writetime(v)": 1, "token": 5}}' for digit in "12")
    then, now = map(layout.row, texts)
    assert _compared([then], [now]).different == 1


@pytest.mark.parametrize(
    ("then", "now", "rows"), [("ab", "ab", 2), ("", "", 0), ("ab", "a", None), ("a", "ab", None), ("ab", "ba", None)]
)
def test_texts_are_the_same_or_have_to_be_looked_at(then: str, now: str, rows: int | None) -> None:
    assert are_same(iter(then), iter(now)) == rows


@pytest.mark.parametrize(
    ("then", "now", "own", "others"),
    [
        pytest.param(
            Row("1", {"v": "v", "w": "w"}, {"v": 1, "w": 1}, 10),
            Row("1", {"v": "new", "w": None}, {"v": 5}, 10),
            "different",
            "lacking",
            id="a newer cell hides no lost one",
        ),
        pytest.param(
            Row("1", {"v": "v", "tags": ["x"]}, {"v": 1}, 10),
            Row("1", {"v": "new", "tags": None}, {"v": 5}, 10),
            "different",
            "lacking",
            id="nor a lost collection",
        ),
        pytest.param(
            Row("1", {"v": "v", "tags": ["x"]}, {"v": 1}, 10),
            Row("1", {"v": "new", "tags": ["y"]}, {"v": 5}, 10),
            "newer",
            "newer",
            id="a collection that is another beside a newer cell",
        ),
        pytest.param(_row(1), _row(1), "same", "same", id="same"),
        pytest.param(_row(1, at=1), _row(1, at=5), "same", "same", id="written again alike"),
        pytest.param(_row(1), None, "missing", "missing", id="gone"),
        pytest.param(None, _row(1), "newer", "newer", id="not of the backup"),
        pytest.param(None, _row(1, at=None), "different", "newer", id="not of the backup, without a time"),
        pytest.param(_row(1), _row(1, "w", at=5), "newer", "newer", id="written later"),
        pytest.param(_row(1, None), _row(1, "w", at=5), "newer", "newer", id="a cell more"),
        pytest.param(_row(1, at=9), _row(1, "w", at=5), "different", "different", id="older than the backup"),
        pytest.param(_row(1, at=9), _row(1, "w", at=9), "different", "newer", id="of the same time"),
        pytest.param(_row(1), _row(1, None), "different", "lacking", id="a cell is gone"),
        pytest.param(_row(1), _row(1, tag="y"), "different", "newer", id="without a time"),
    ],
)
def test_what_a_difference_is(then: Row | None, now: Row | None, own: str, others: str) -> None:
    for is_own, expected in ((True, own), (False, others)):
        found = _compared([then] if then else [], [now] if now else [], is_own=is_own)
        counts = {name: getattr(found, name) for name in ("same", "newer", "missing", "different", "lacking")}
        assert counts == {name: int(name == expected) for name in counts}, is_own
        assert found.rows == (1 if then else 0)
        assert found.examples == ((10,) if expected in ("missing", "different", "lacking") else ())


def test_rows_find_each_other_past_those_that_only_one_side_has() -> None:
    then = [_row(key) for key in (1, 2, 4, 5, 6)]
    now = [_row(key) for key in (2, 3, 4, 6, 7, 8)]
    assert _compared(then, now) == TableRows(rows=5, same=3, missing=2, newer=3, examples=(10, 50))


@pytest.mark.parametrize(
    ("rows", "may_be_gone"), [(0, 0), (9, 0), (10, 1), (40, 3), (300, 3), (400, 4), (100_000, 1000)]
)
def test_how_many_rows_clients_may_have_deleted_since_an_import(rows: int, may_be_gone: int) -> None:
    assert tolerated(rows) == may_be_gone
    for gone, right in ((may_be_gone, True), (may_be_gone + 1, False)):
        for found in (TableRows(rows=rows, missing=gone), TableRows(rows=rows, lacking=gone)):
            assert is_as_it_should_be(found, is_own=False, from_import=True) == right
            # What was there before the import may have lost rows long ago.
            assert is_as_it_should_be(found, is_own=False, from_import=False)
            assert is_as_it_should_be(found, is_own=True, from_import=True) == (gone == 0)
    assert not is_as_it_should_be(TableRows(rows=rows, different=1), is_own=False, from_import=False)


def test_newer_rows_from_before_the_import_are_told_apart() -> None:
    then = [_row(key) for key in (1, 2, 3)]
    now = [_row(1, "w", at=50), _row(2, "w", at=150), _row(3, tag="y", at=None)]
    found = compare(iter(then), iter(now), is_own=False, since_us=100)
    assert (found.newer, found.early, found.lacking) == (3, 1, 0)
    assert compare(iter(then), iter(now), is_own=False).early == 0
