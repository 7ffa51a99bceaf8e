# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-log segments made from others: cut, or of another id."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import (
    parse_header,
    parse_segment_name,
    valid_end,
)


def cut_at_last_marker(path: Path, *, into: Path) -> Path:
    """A copy that ends where the segment's last valid section does."""
    data = path.read_bytes()
    end = valid_end(lambda offset, size: data[offset : offset + size], length=len(data))
    target = into / path.name
    target.write_bytes(data[:end] if end else data)
    return target


def renumber(path: Path, *, number: int, into: Path) -> Path:
    """A copy with another id in its name, its header and its sync markers, all of which have checksums over it."""
    data = bytearray(path.read_bytes())
    header = parse_header(bytes(data))
    name = parse_segment_name(path.name)
    assert name is not None
    target = into / f"CommitLog-{name.version}-{number}.log"
    if header is not None:
        halves = struct.pack(">II", number & 0xFFFFFFFF, number >> 32)
        struct.pack_into(">q", data, 4, number)
        parameters = bytes(data[14 : header.length - 4])
        checksum = zlib.crc32(
            struct.pack(">i", header.version) + halves + struct.pack(">I", len(parameters)) + parameters
        )
        struct.pack_into(">I", data, header.length - 4, checksum)
        at = header.length
        while at + 8 <= len(data):
            (end,) = struct.unpack_from(">i", data, at)
            if end <= at:
                break
            struct.pack_into(">I", data, at + 4, zlib.crc32(halves + struct.pack(">I", at)))
            at = end
    target.write_bytes(data)
    return target
