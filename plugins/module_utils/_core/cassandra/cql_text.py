# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CQL as text: its words and signs, its statements, and names as they are written in it. Pure."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError

_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^']|'')*'|\$\$.*?\$\$)
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<word>\w+)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclasses.dataclass(frozen=True)
class Token:
    """A word, a sign, a string or a quoted name, and where it stands in its text."""

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words, which are given in upper case."""
        return self.kind == "word" and self.text.upper() in words

    def is_sign(self, signs: str) -> bool:
        """Whether it is one of these signs."""
        return self.kind == "sign" and self.text in signs

    @property
    def name(self) -> str:
        """The name that it stands for: as it is in quotes, otherwise in lower case."""
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.text.lower()


def tokens_of(text: str) -> list[Token]:
    """What a text is made of, without blanks and comments."""
    return [
        Token(str(match.lastgroup), match[0], match.start(), match.end())
        for match in _TOKEN.finditer(text)
        if match.lastgroup != "blank"
    ]


def split_statements(text: str) -> tuple[str, ...]:
    """The statements of a text, without what ends them; comments between them go."""
    statements: list[str] = []
    begin: int | None = None
    end = 0
    for token in tokens_of(text):
        if token.is_sign(";"):
            if begin is not None:
                statements.append(text[begin:end])
            begin = None
        else:
            begin = token.start if begin is None else begin
            end = token.end
    if begin is not None:
        statements.append(text[begin:end])
    return tuple(statements)


def quoted(name: str) -> str:
    """A name for a statement, always with its quotes."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def full_name(keyspace: str, name: str) -> str:
    """``keyspace.name`` for a statement, both quoted."""
    return f"{quoted(keyspace)}.{quoted(name)}"


def shown_name(keyspace: str, name: str) -> str:
    """``keyspace.name`` as a person would type it in CQL: quoted only where it has to be."""
    return ".".join(each if _PLAIN_NAME.match(each) else quoted(each) for each in (keyspace, name))


def end_of_columns(tokens: t.Sequence[Token]) -> int:
    """Where the columns' closing bracket is.

    :raises ManifestError: if there is none.
    """
    depth = 0
    for number, token in enumerate(tokens):
        depth += token.is_sign("(") - token.is_sign(")")
        if token.is_sign(")") and depth == 0:
            return number
    raise not_understood(" ".join(token.text for token in tokens[:6]))


def bracket_items(tokens: t.Sequence[Token]) -> list[list[Token]]:
    """What stands between the commas of a statement's first bracket.

    :raises ManifestError: if there is none.
    """
    begin = next((n for n, token in enumerate(tokens) if token.is_sign("(")), None)
    if begin is None:
        raise not_understood(" ".join(token.text for token in tokens[:6]))
    items: list[list[Token]] = [[]]
    depth = 0
    for token in tokens[begin + 1 : end_of_columns(tokens)]:
        depth += token.is_sign("(<") - token.is_sign(")>")
        if depth == 0 and token.is_sign(","):
            items.append([])
        else:
            items[-1].append(token)
    return [item for item in items if item]


def not_understood(statement: str) -> ManifestError:
    """The error about a statement that we cannot read."""
    return ManifestError(
        f"The schema has a statement that cannot be understood: {statement[:200]}",
        subject=statement[:60],
        next_step="Please report it; with the whole statement it can be fixed.",
    )
