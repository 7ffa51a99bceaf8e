# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSTable tells how many rows it has: recorded ones of 5.0, and of 4.0 and before as they are written there.

The recorded ones are those of a node's first data directory: 83 of the partitions 0 to 199.
"""

from __future__ import annotations

import pathlib
import struct

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import (
    RowEstimate,
    RowEstimator,
    SSTableRows,
    is_statistics,
    parse_statistics,
)

_RECORDED = pathlib.Path(__file__).parent / "sstable_statistics"
_NEVER = 0x7FFFFFFF


@pytest.mark.parametrize(
    ("table", "rows", "deletions"),
    [
        # Three rows in each partition.
        ("clean", 249, False),
        # 200 were written, then 50 partitions and 50 other rows deleted.
        ("deleted", 60, True),
        ("ttl", 83, True),
        # A static row counts as one.
        ("stat", 166, False),
    ],
)
def test_a_recorded_one_is_read(*, table: str, rows: int, deletions: bool) -> None:
    (path,) = _RECORDED.glob(f"{table}-*")
    found = parse_statistics(path.read_bytes(), name=path.name.partition("-")[2])
    assert found == SSTableRows(rows=rows, deletions=deletions)


def _before_5(*, rows: int, deletion: int = _NEVER, ttl: int = 0, checksums: bool = True) -> bytes:
    histogram = struct.pack(">I4q", 2, 0, 1, 1, 2)
    stats = histogram + histogram + bytes(28) + struct.pack(">IIII", deletion, _NEVER, 0, ttl) + bytes(8)
    stats += struct.pack(">II", 2, 2) + bytes(32) + bytes(12)
    stats += struct.pack(">IH3s", 1, 3, b"abc") + struct.pack(">I", 0)
    stats += struct.pack(">Bqq", 0, 5 * rows, rows) + bytes(99)
    between = bytes(4) if checksums else b""
    toc = struct.pack(">II", 2, 40)
    return struct.pack(">I", 1) + between + toc + bytes(40 - 12 - len(between)) + stats


@pytest.mark.parametrize(("name", "checksums"), [("nb-3-big", True), ("na-7-big", True), ("me-1-big", False)])
def test_one_of_an_older_release_is_read(*, name: str, checksums: bool) -> None:
    body = _before_5(rows=7, checksums=checksums)
    assert parse_statistics(body, name=f"{name}-Statistics.db") == SSTableRows(rows=7, deletions=False)


@pytest.mark.parametrize("changes", [{"deletion": 1_700_000_000}, {"ttl": 3600}])
def test_what_is_deleted_or_expires_shows(changes: dict[str, int]) -> None:
    found = parse_statistics(_before_5(rows=7, **changes), name="nb-3-big-Statistics.db")
    assert found == SSTableRows(rows=7, deletions=True)


def test_whatever_else_there_is_tells_nothing() -> None:
    body = _before_5(rows=7)
    for length in range(len(body) - 99):
        assert parse_statistics(body[:length], name="nb-3-big-Statistics.db") is None
    assert parse_statistics(b"\xff" * 400, name="nb-3-big-Statistics.db") is None
    assert parse_statistics(body, name="zz-3-big-Statistics.db") is None
    assert parse_statistics(body, name="Statistics.db") is None


def test_only_a_tables_own_are_asked() -> None:
    assert is_statistics("nb-3-big-Statistics.db")
    assert not is_statistics(".by_value/nb-3-big-Statistics.db")
    assert not is_statistics("nb-3-big-Data.db")


def _rows(rows: int, *, deletions: bool = False) -> SSTableRows:
    return SSTableRows(rows=rows, deletions=deletions)


def _estimate(*found: SSTableRows | None) -> RowEstimate | None:
    estimator = RowEstimator()
    for each in found:
        estimator.add(each)
    return estimator.estimate()


def test_rows_that_are_in_several_are_between_the_largest_and_the_sum() -> None:
    assert _estimate(_rows(9), _rows(4)) == RowEstimate(at_most=13, at_least=9)


def test_what_one_deletes_may_be_a_row_of_another() -> None:
    assert _estimate(_rows(9), _rows(4, deletions=True)) == RowEstimate(at_most=13, at_least=0, deletions=True)


def test_one_that_does_not_tell_leaves_the_table_without_an_estimate() -> None:
    assert _estimate(_rows(9), None) is None
    assert _estimate() == RowEstimate()


def test_each_row_is_on_as_many_nodes_as_there_are_replicas() -> None:
    nodes = RowEstimate(100, 90) + RowEstimate(100, 100) + RowEstimate(101, 90)
    assert nodes.of_replicas(3) == RowEstimate(at_most=100, at_least=93)


def test_what_one_replica_deletes_may_be_what_another_has_missed() -> None:
    has_missed_it, deletes = RowEstimate(100, 90), RowEstimate(0, 0, deletions=True)
    assert has_missed_it + deletes + RowEstimate(100, 90) == RowEstimate(at_most=200, at_least=0, deletions=True)
