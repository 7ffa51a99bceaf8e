# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commit log segments as they lie on a node's disk: names, headers and sync markers. Pure.

A segment is a header, then sections, each behind a marker ``(end of the section: int32, CRC-32: int32)``.
The CRC is over the segment's id and the marker's own position, so the chain cannot lead into what an earlier use
of the file left. What lies before the last valid marker's end no longer changes (``CommitLogSegment.writeSyncMarker``).
"""

from __future__ import annotations

import dataclasses
import re
import struct
import typing as t
import zlib

from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError

_NAME = re.compile(r"CommitLog-(?P<version>\d+)-(?P<id>\d+)\.log\Z", re.ASCII)
_FIXED = struct.Struct(">iqH")
_MARKER = struct.Struct(">iI")
#: A header is shorter than this: its variable part has a length of 16 bits.
MAX_HEADER_BYTES = _FIXED.size + 0xFFFF + 4

ReadAt = t.Callable[[int, int], bytes]


@dataclasses.dataclass(frozen=True, order=True)
class SegmentName:
    """What a segment's file name says.

    :param id: counts up within one run of a node, starting from the milliseconds since the epoch.
    :param version: of the log's format; 7 for Cassandra 4.0 to 5.0.
    """

    id: int
    version: int

    def __str__(self) -> str:
        return f"CommitLog-{self.version}-{self.id}.log"

    def to_plain(self) -> str:
        """The file's name."""
        return str(self)

    @classmethod
    def from_plain(cls, value: t.Any) -> SegmentName:
        """From the file's name.

        :raises PlainValueError: if it is none of a segment.
        """
        name = parse_segment_name(value) if isinstance(value, str) else None
        if name is None:
            raise PlainValueError(f"{value!r} is not the name of a segment")
        return name


@dataclasses.dataclass(frozen=True)
class SegmentHeader:
    """What a segment begins with.

    :param parameters: JSON: compression and encryption, ``{}`` without.
    :param length: bytes of the header; the first marker lies there.
    """

    id: int
    version: int
    parameters: str
    length: int


def parse_segment_name(file_name: str) -> SegmentName | None:
    """The segment of a file; ``None`` if it is not a segment."""
    match = _NAME.match(file_name)
    return SegmentName(id=int(match["id"]), version=int(match["version"])) if match else None


def parse_header(data: bytes) -> SegmentHeader | None:
    """The header at the beginning of ``data``; ``None`` if it is not whole or not valid."""
    if len(data) < _FIXED.size:
        return None
    version, segment_id, length = _FIXED.unpack_from(data)
    end = _FIXED.size + length
    if len(data) < end + 4:
        return None
    parameters = data[_FIXED.size : end]
    checksum = zlib.crc32(_integers(version, *_halves(segment_id), length) + parameters)
    if checksum != int.from_bytes(data[end : end + 4], "big"):
        return None
    return SegmentHeader(
        id=segment_id, version=version, parameters=parameters.decode("utf-8", "replace"), length=end + 4
    )


def valid_end(read_at: ReadAt, *, length: int) -> int:
    """How many bytes from the segment's beginning will no longer change.

    :param read_at: takes an offset and a size, gives the bytes there, fewer at the end of the file.
    :param length: of the file, which may be preallocated.
    :returns: 0 if there is nothing yet: no valid header, or a header without a section, as in a segment that was made
        in advance.
    """
    header = parse_header(read_at(0, min(length, MAX_HEADER_BYTES)))
    if header is None:
        return 0
    position = follow_markers(read_at, segment_id=header.id, position=header.length, length=length)
    return position if position > header.length else 0


def follow_markers(read_at: ReadAt, *, segment_id: int, position: int, length: int) -> int:
    """Where the chain of sync markers ends, going on from ``position``, an end that was found earlier.

    As :func:`valid_end`, without walking again through what is known; ``position`` itself if nothing has been added.
    """
    while position + _MARKER.size <= length:
        raw = read_at(position, _MARKER.size)
        if len(raw) < _MARKER.size:
            break
        end, checksum = _MARKER.unpack(raw)
        if checksum != zlib.crc32(_integers(*_halves(segment_id), position)) or not position < end <= length:
            break
        position = end
    return position


def encode_header(name: SegmentName, *, parameters: str = "{}") -> bytes:
    """The header of a segment, as Cassandra writes it."""
    text = parameters.encode()
    checksum = zlib.crc32(_integers(name.version, *_halves(name.id), len(text)) + text)
    return _FIXED.pack(name.version, name.id, len(text)) + text + checksum.to_bytes(4, "big")


def encode_marker(*, segment_id: int, position: int, end: int) -> bytes:
    """The sync marker at ``position`` that says that the section behind it ends at ``end``."""
    return _MARKER.pack(end, zlib.crc32(_integers(*_halves(segment_id), position)))


def _halves(value: int) -> tuple[int, int]:
    """A 64-bit integer as the checksum takes it: the low half, then the high."""
    return value & 0xFFFFFFFF, (value >> 32) & 0xFFFFFFFF


def _integers(*values: int) -> bytes:
    return b"".join((value & 0xFFFFFFFF).to_bytes(4, "big") for value in values)
