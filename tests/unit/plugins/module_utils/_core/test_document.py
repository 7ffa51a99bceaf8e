# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document, Lines
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError, ManifestError


@dataclasses.dataclass(frozen=True)
class Note:
    """What a document holds."""

    text: str
    pages: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Page:
    """A record of a document of lines."""

    number: int


NOTE = Document("note", Note)
BARE = Document("note", Note, error=LocalFilesError, next_step="Write it again.", bare=lambda text: {"text": text})
BOOK: Lines[Note | Page] = Lines(NOTE, {"page": Page})


def test_a_document_says_what_it_is() -> None:
    text = NOTE.encode(Note("a", (1, 2)))
    assert json.loads(text) == {"format": "revive.cassandra/note", "version": 1, "text": "a", "pages": [1, 2]}
    assert NOTE.decode(text, subject="n") == Note("a", (1, 2))


def test_what_is_not_known_is_passed_over_and_what_is_missing_has_its_default() -> None:
    assert NOTE.decode(b'{"format": "revive.cassandra/note", "version": 1, "text": "a", "new": 1}', subject="n") == (
        Note("a")
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "^n cannot be read: "),
        (b"[]", "^n is not a revive.cassandra/note"),
        (b'{"text": "a"}', "^n is not a revive.cassandra/note"),
        (b'{"format": "revive.cassandra/other", "version": 1, "text": "a"}', "^n is not a revive.cassandra/note"),
        (
            b'{"format": "revive.cassandra/note", "version": 2, "text": "a"}',
            r"^n is of version 2, this revive.cassandra reads 1\. Use a newer revive.cassandra\.$",
        ),
        (b'{"format": "revive.cassandra/note", "text": "a"}', "^n is of version None"),
        (b'{"format": "revive.cassandra/note", "version": 1}', r"^n cannot be read: text: it is missing\.$"),
        (
            b'{"format": "revive.cassandra/note", "version": 1, "text": "a", "pages": [1, "x"]}',
            r"^n cannot be read: pages\[1\]: 'x' is not a whole number\.$",
        ),
    ],
)
def test_what_is_something_else_is_refused_with_the_reason(text: bytes, says: str) -> None:
    with pytest.raises(ManifestError, match=says) as caught:
        NOTE.decode(text, subject="n")
    assert caught.value.subject == "n"


def test_a_document_may_have_had_no_envelope_and_has_an_error_of_its_own() -> None:
    assert BARE.decode(b'"a"', subject="n") == Note("a")
    assert BARE.decode(BARE.encode(Note("b")), subject="n") == Note("b")
    with pytest.raises(LocalFilesError, match=r"text: 7 is not a text\. Write it again\."):
        BARE.decode(b"7", subject="n")


def test_lines_say_what_they_are_and_the_first_which_document() -> None:
    records = [Note("a"), Page(1)]
    lines = [BOOK.encode(record) for record in records]
    assert lines == [
        b'{"record":"header","format":"revive.cassandra/note","version":1,"text":"a","pages":[]}\n',
        b'{"record":"page","number":1}\n',
    ]
    assert [BOOK.decode(line, subject="n") for line in lines] == records


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"record":"leaf","number":1}', "'leaf' is no kind of record"),
        (b'{"number":1}', "no kind of record"),
        (b"[]", "no kind of record"),
        (b"{", "cannot be read"),
        (b'{"record":["page"]}', "no kind of record"),
        (b'{"record":"page"}', "number: it is missing"),
        (b'{"record":"header","text":"a"}', "is not a revive.cassandra/note"),
    ],
)
def test_a_line_that_is_something_else_is_refused(line: bytes, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        BOOK.decode(line, subject="n")
