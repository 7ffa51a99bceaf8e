# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CQL's frames by hand, against a server that answers with what the protocol's specification says."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql_wire import CqlWire
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError, NodeUnreachableError

_HEADER = struct.Struct(">BBhBi")
_READY, _RESULT, _ERROR = 0x02, 0x08, 0x00
_VARCHAR, _INT = 0x0D, 0x09


def _string(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()


def _value(text: str | None) -> bytes:
    return struct.pack(">i", -1) if text is None else struct.pack(">i", len(text.encode())) + text.encode()


def _rows(
    rows: t.Sequence[t.Sequence[str | None]], *, one_table: bool = True, type_id: int = _VARCHAR, flags: int = 0
) -> bytes:
    """The body of a result."""
    columns = len(rows[0])
    table = _string("keyspace") + _string("table")
    body = struct.pack(">iii", 2, flags | one_table, columns) + (table if one_table else b"")
    for number in range(columns):
        body += (b"" if one_table else table) + _string(f"column{number}") + struct.pack(">H", type_id)
    return body + struct.pack(">i", len(rows)) + b"".join(_value(value) for row in rows for value in row)


@contextlib.contextmanager
def _answering(opcode: int, body: bytes) -> t.Iterator[CqlWire]:
    """A connection to a server that is ready, and gives one answer to the first statement."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _address = server.accept()
            with connection, connection.makefile("rb") as reader:
                for answer, content in ((_READY, b""), (opcode, body)):
                    *_rest, length = _HEADER.unpack(reader.read(_HEADER.size))
                    reader.read(length)
                    connection.sendall(_HEADER.pack(0x84, 0, 0, answer, len(content)) + content)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with CqlWire(address="127.0.0.1", port=server.getsockname()[1], timeout_seconds=10) as cql:
            yield cql
        thread.join(timeout=10)


@pytest.mark.parametrize("table_is_named", ["once", "for each column"])
def test_rows_of_several_texts_are_read(table_is_named: str) -> None:
    rows = (("shop", "table", "ö", "CREATE TABLE"), ("", "index", "i", "CREATE INDEX"))
    with _answering(_RESULT, _rows(rows, one_table=table_is_named == "once")) as cql:
        assert cql.texts("DESCRIBE SCHEMA") == rows


def test_nothing_is_an_empty_text() -> None:
    with _answering(_RESULT, _rows([(None, "x")])) as cql:
        assert cql.texts("DESCRIBE SCHEMA") == (("", "x"),)


def test_rows_as_json_are_read() -> None:
    with _answering(_RESULT, _rows([('{"k": 1}',), ('{"k": 2}',)])) as cql:
        assert cql.select_json("SELECT JSON k FROM a.b") == ({"k": 1}, {"k": 2})


@pytest.mark.parametrize("changes", [{"type_id": _INT}, {"flags": 0x02}, {"flags": 0x04}])
def test_what_is_no_text_or_not_all_of_it_is_refused(changes: dict[str, int]) -> None:
    with (
        _answering(_RESULT, _rows([("x",)], **changes)) as cql,
        pytest.raises(NodeError, match="returned no rows of text"),
    ):
        cql.texts("SELECT k FROM a.b")


def test_a_refused_statement_says_why() -> None:
    body = struct.pack(">i", 0x2200) + _string("no such table")
    with _answering(_ERROR, body) as cql, pytest.raises(NodeError, match="no such table"):
        cql.texts("SELECT k FROM a.b")


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NodeUnreachableError, match="does not answer CQL"):
        CqlWire(address="127.0.0.1", port=port)
