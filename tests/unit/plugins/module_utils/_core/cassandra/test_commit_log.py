# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Segments: names, headers, and where their valid bytes end."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import (
    SegmentName,
    parse_header,
    parse_segment_name,
    valid_end,
)

#: These find what is wrong about values, not about the speed of a busy machine.
calm = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEGMENT = 1795374593930


def _numbers(*values: int) -> bytes:
    return b"".join((value & 0xFFFFFFFF).to_bytes(4, "big") for value in values)


def segment(*sections: int, length: int = 4096, parameters: bytes = b"{}") -> tuple[bytes, int]:
    """A preallocated segment with sections of these sizes, and where the last one ends."""
    low, high = SEGMENT & 0xFFFFFFFF, SEGMENT >> 32
    data = struct.pack(">iqH", 7, SEGMENT, len(parameters)) + parameters
    data += _numbers(zlib.crc32(_numbers(7, low, high, len(parameters)) + parameters))
    for size in sections:
        position = len(data)
        data += struct.pack(">iI", position + 8 + size, zlib.crc32(_numbers(low, high, position))) + b"\x5a" * size
    return data.ljust(length, b"\0"), len(data)


def end_of(data: bytes) -> int:
    return valid_end(lambda offset, size: data[offset : offset + size], length=len(data))


def test_names_tell_id_and_version() -> None:
    assert parse_segment_name("CommitLog-7-1795374593930.log") == SegmentName(id=SEGMENT, version=7)
    assert str(SegmentName(id=SEGMENT, version=7)) == "CommitLog-7-1795374593930.log"
    for other in ("CommitLog-7-1795374593930_cdc.idx", "CommitLog-7-.log", "x", "CommitLog-7-1.log.tmp"):
        assert parse_segment_name(other) is None


def test_the_header_is_read_and_checked() -> None:
    data, _end = segment(parameters=b'{"compressionClass":"LZ4Compressor"}')
    header = parse_header(data)
    assert header
    assert (header.id, header.version, header.parameters) == (SEGMENT, 7, '{"compressionClass":"LZ4Compressor"}')
    assert parse_header(data[:20]) is None
    assert parse_header(data[:5] + b"\xff" + data[6:]) is None


@calm
@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_the_end_is_that_of_the_last_section(sizes: list[int]) -> None:
    data, end = segment(*sizes)
    assert end_of(data) == end


@pytest.mark.parametrize("data", [b"", b"\0" * 4096, segment()[0], segment()[0][:20]])
def test_a_segment_without_sections_has_nothing_valid(data: bytes) -> None:
    assert end_of(data) == 0


def test_what_an_earlier_use_of_the_file_left_does_not_count() -> None:
    data, end = segment(100, 200)
    older = bytearray(data)
    older[end : end + 8] = struct.pack(">iI", end + 50, 12345)
    assert end_of(bytes(older)) == end
    beyond = bytearray(data)
    low, high = SEGMENT & 0xFFFFFFFF, SEGMENT >> 32
    beyond[end : end + 8] = struct.pack(">iI", len(data) + 1, zlib.crc32(_numbers(low, high, end)))
    assert end_of(bytes(beyond)) == end
