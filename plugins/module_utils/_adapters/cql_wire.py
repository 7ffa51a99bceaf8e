# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queries to a staging instance over CQL's binary protocol, version 4, with the standard library only.

Nodes need no driver for it: an instance of ours asks for no login, listens on loopback, and is asked only for tables of
its own as JSON and for its schema, so one connection, one statement at a time and columns of text are all there is.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError, NodeUnreachableError

_HEADER = struct.Struct(">BBhBi")
_VERSION = 4
_ERROR, _STARTUP, _READY, _QUERY, _RESULT = 0x00, 0x01, 0x02, 0x07, 0x08
_ROWS = 2
_CONSISTENCY_ONE = 1
_ONE_TABLE, _HAS_MORE_PAGES, _NO_METADATA = 0x01, 0x02, 0x04
#: ascii and varchar.
_TEXT_TYPES = frozenset((0x01, 0x0D))
_MAX_BODY_BYTES = 256 * 1024 * 1024

Json = dict[str, t.Any]


class CqlWire:
    """A connection to an instance without login; closed by its ``with`` statement."""

    def __init__(self, *, address: str, port: int, timeout_seconds: float = 60.0) -> None:
        """
        :raises NodeUnreachableError: if nothing answers there.
        """
        self._subject = f"{address}:{port}"
        try:
            self._socket = socket.create_connection((address, port), timeout=timeout_seconds)
        except OSError as error:
            raise self._unreachable(error) from error
        self._reader = self._socket.makefile("rb")
        options = _short_string("CQL_VERSION") + _short_string("3.0.0")
        self._ask(_STARTUP, struct.pack(">H", 1) + options, expected=_READY)

    def __enter__(self) -> CqlWire:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._reader.close()
            self._socket.close()

    def select_json(self, statement: str) -> tuple[Json, ...]:
        """The rows of a ``SELECT JSON``.

        :raises NodeError: if Cassandra refuses the statement.
        :raises NodeUnreachableError: if the connection ends.
        """
        return tuple(json.loads(text) for (text,) in self.texts(statement))

    def texts(self, statement: str) -> tuple[tuple[str, ...], ...]:
        """The rows of a statement all of whose columns are text.

        :raises NodeError: if Cassandra refuses the statement.
        :raises NodeUnreachableError: if the connection ends.
        """
        text = statement.encode("utf-8")
        body = struct.pack(">i", len(text)) + text + struct.pack(">HB", _CONSISTENCY_ONE, 0)
        rows = _rows(self._ask(_QUERY, body, expected=_RESULT))
        if rows is None:
            raise NodeError(f"{self._subject} returned no rows of text for {statement!r}.", subject=self._subject)
        return rows

    def _ask(self, opcode: int, body: bytes, *, expected: int) -> bytes:
        try:
            self._socket.sendall(_HEADER.pack(_VERSION, 0, 0, opcode, len(body)) + body)
            header = self._read(_HEADER.size)
            _version, _flags, _stream, answer, length = _HEADER.unpack(header)
            if not 0 <= length <= _MAX_BODY_BYTES:
                raise NodeError(f"{self._subject} does not speak CQL.", subject=self._subject)
            content = self._read(length)
        except OSError as error:
            raise self._unreachable(error) from error
        if answer == _ERROR:
            (size,) = struct.unpack_from(">H", content, 4)
            said = content[6 : 6 + size].decode("utf-8", "replace")
            raise NodeError(f"{self._subject} refused a statement: {said}", subject=self._subject)
        if answer != expected:
            raise NodeError(f"{self._subject} answered with {answer}, not {expected}.", subject=self._subject)
        return content

    def _read(self, count: int) -> bytes:
        data = self._reader.read(count)
        if len(data) < count:
            raise ConnectionResetError("it closed the connection")
        return data

    def _unreachable(self, error: OSError) -> NodeUnreachableError:
        return NodeUnreachableError(f"{self._subject} does not answer CQL: {error}.", subject=self._subject)


def _short_string(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack(">H", len(data)) + data


def _string_end(content: bytes, at: int) -> int:
    return at + 2 + int(struct.unpack_from(">H", content, at)[0])


def _rows(content: bytes) -> tuple[tuple[str, ...], ...] | None:
    """The rows of a result whose columns are all text; ``None`` for a result of another kind."""
    kind, flags, columns = struct.unpack_from(">iii", content)
    if kind != _ROWS or flags & (_HAS_MORE_PAGES | _NO_METADATA):
        return None
    at = 12
    if flags & _ONE_TABLE:
        at = _string_end(content, _string_end(content, at))
    for _column in range(columns):
        if not flags & _ONE_TABLE:
            at = _string_end(content, _string_end(content, at))
        at = _string_end(content, at)
        (type_id,) = struct.unpack_from(">H", content, at)
        if type_id not in _TEXT_TYPES:
            return None
        at += 2
    (count,) = struct.unpack_from(">i", content, at)
    at += 4
    rows: list[tuple[str, ...]] = []
    for _row in range(count):
        row: list[str] = []
        for _column in range(columns):
            (size,) = struct.unpack_from(">i", content, at)
            row.append(content[at + 4 : at + 4 + max(size, 0)].decode("utf-8"))
            at += 4 + max(size, 0)
        rows.append(tuple(row))
    return tuple(rows)
