# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A schema as Cassandra describes it: keyspaces, types, functions, aggregates, tables, indexes and views. Pure.

The statements are those of ``DESCRIBE FULL SCHEMA WITH INTERNALS`` (Cassandra 4.0 and newer) and of the ``schema.cql``
in a snapshot. A table's has the columns that were dropped, too, with the ``ALTER TABLE`` that drops them again: without
those, SSTables that still hold such a column cannot be read.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import (
    Token,
    bracket_items,
    not_understood,
    split_statements,
    tokens_of,
)

KEYSPACE, TYPE, TABLE, INDEX, VIEW = "keyspace", "type", "table", "index", "view"
FUNCTION, AGGREGATE = "function", "aggregate"
# A table that was made WITH COMPACT STORAGE is described in a comment only.
_OMITTED = re.compile(
    r"/\*\s*Warning: Table \S+ omitted because it has constructs not compatible with CQL.*?"
    r"(?P<made>CREATE TABLE .*?);?\s*\*/",
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True)
class SchemaObject:
    """A keyspace, or something in one.

    :param kind: one of ``KEYSPACE``, ``TYPE``, ``TABLE``, ``INDEX``, ``VIEW``, ``FUNCTION`` and ``AGGREGATE``.
    :param name: of a function or an aggregate with the types that it is called with, as ``hide(text)``.
    :param table: that an index or a view is of; otherwise empty.
    :param statements: that make it; of a table with dropped columns those that drop them follow.
    """

    kind: str
    keyspace: str
    name: str
    table: str
    statements: tuple[str, ...]

    @property
    def id(self) -> str:
        """Of a table or view, as its directory's name has it; empty if the statement does not say it."""
        tokens = tokens_of(self.statements[0])
        value = id_value(tokens)
        return "".join(token.text for token in tokens[value] if not token.is_sign("-")).lower() if value else ""

    @property
    def plain_name(self) -> str:
        """The name without types that a function or an aggregate is called with."""
        return self.name.split("(", 1)[0] if self.kind in (FUNCTION, AGGREGATE) else self.name

    @property
    def is_compact(self) -> bool:
        """Whether it is a table that was made WITH COMPACT STORAGE, whose statement is nearly what made it only."""
        tokens = tokens_of(self.statements[0]) if self.kind == TABLE else []
        return any(one.is_word("COMPACT") and other.is_word("STORAGE") for one, other in zip(tokens, tokens[1:]))

    def __str__(self) -> str:
        return self.keyspace if self.kind == KEYSPACE else f"{self.keyspace}.{self.name}"


@dataclasses.dataclass(frozen=True)
class Schema:
    """Everything that was described, in its order."""

    objects: tuple[SchemaObject, ...]

    def find(self, kind: str, keyspace: str, name: str = "") -> SchemaObject | None:
        """The object of that kind and name; ``None`` if there is none."""
        for each in self.objects:
            if (each.kind, each.keyspace) == (kind, keyspace) and (kind == KEYSPACE or each.name == name):
                return each
        return None

    def of_table(self, kind: str, keyspace: str, table: str) -> tuple[SchemaObject, ...]:
        """The indexes or views of a table."""
        return tuple(each for each in self.objects if (each.kind, each.keyspace, each.table) == (kind, keyspace, table))

    def types_of(self, keyspace: str) -> tuple[SchemaObject, ...]:
        """The types of a keyspace, each after those that it is made of."""
        return tuple(each for each in self.objects if (each.kind, each.keyspace) == (TYPE, keyspace))

    def in_keyspace(self, kind: str, keyspace: str) -> tuple[SchemaObject, ...]:
        """Everything of a kind in a keyspace, in the order in which it was described."""
        return tuple(each for each in self.objects if (each.kind, each.keyspace) == (kind, keyspace))

    def with_missing(self, other: Schema) -> Schema:
        """This schema, and what only the other one has."""
        missing = tuple(each for each in other.objects if self.find(each.kind, each.keyspace, each.name) is None)
        return Schema(objects=(*self.objects, *missing))


def parse_schema(texts: t.Iterable[str]) -> Schema:
    """The schema that statements make; anything else, such as triggers, is skipped.

    :param texts: each with one statement or several.
    """
    objects: dict[tuple[str, str, str], SchemaObject] = {}
    for text in texts:
        made: SchemaObject | None = None
        for match in _OMITTED.finditer(text):
            omitted = _object(match["made"], tokens_of(match["made"]))
            if omitted is not None:
                objects[omitted.kind, omitted.keyspace, omitted.name] = omitted
        for statement in split_statements(text):
            tokens = tokens_of(statement)
            if made is not None and made.kind == TABLE and tokens[0].is_word("ALTER"):
                made = dataclasses.replace(made, statements=(*made.statements, statement))
            else:
                made = _object(statement, tokens)
            if made is not None:
                objects[made.kind, made.keyspace, made.name] = made
    return Schema(objects=tuple(objects.values()))


def _object(statement: str, tokens: t.Sequence[Token]) -> SchemaObject | None:
    head = statement_head(tokens)
    if head is None:
        return None
    kind, at = head
    if kind == INDEX:
        # An index may have no name of its own; Cassandra always describes one.
        name, at = tokens[at].name, at + 1
        while at < len(tokens) and not tokens[at].is_word("ON"):
            at += 1
        keyspace, table, _end = _qualified(tokens, at + 1, statement)
        return SchemaObject(INDEX, keyspace, name, table, (statement,))
    if kind == KEYSPACE:
        return SchemaObject(KEYSPACE, tokens[at].name, tokens[at].name, "", (statement,))
    keyspace, name, at = _qualified(tokens, at, statement)
    table = ""
    if kind in (FUNCTION, AGGREGATE):
        items = bracket_items(tokens)
        types = ("".join(token.text for token in (item[1:] if kind == FUNCTION else item)) for item in items)
        return SchemaObject(kind, keyspace, f"{name}({', '.join(types)})", "", (statement,))
    if kind == VIEW:
        base = next((n for n in range(at, len(tokens)) if tokens[n].is_word("FROM")), None)
        if base is None:
            raise not_understood(statement)
        _keyspace, table, _end = _qualified(tokens, base + 1, statement)
    return SchemaObject(kind, keyspace, name, table, (statement,))


def statement_head(tokens: t.Sequence[Token]) -> tuple[str, int] | None:
    """What a statement makes, and where its name begins; ``None`` if we do not handle it."""
    if len(tokens) < 3 or not tokens[0].is_word("CREATE"):
        return None
    at = 1
    if tokens[at].is_word("CUSTOM"):
        at += 1
    if tokens[at].is_word("OR"):
        at += 2
    words = {each.upper(): each for each in (KEYSPACE, TYPE, TABLE, INDEX, FUNCTION, AGGREGATE)}
    if tokens[at].is_word("MATERIALIZED"):
        kind, at = VIEW, at + 2
    elif tokens[at].is_word(*words):
        kind, at = words[tokens[at].text.upper()], at + 1
    else:
        return None
    return kind, at + 3 if tokens[at].is_word("IF") else at


def id_value(tokens: t.Sequence[Token]) -> slice | None:
    """Where the value of ``WITH ID = ...`` stands in the statement of a table or view; ``None`` if it has none."""
    for at in range(1, len(tokens) - 2):
        if tokens[at - 1].is_word("WITH", "AND") and tokens[at].is_word("ID") and tokens[at + 1].is_sign("="):
            end = next((n for n in range(at, len(tokens)) if tokens[n].is_word("AND")), len(tokens))
            return slice(at + 2, end)
    return None


def _qualified(tokens: t.Sequence[Token], at: int, statement: str) -> tuple[str, str, int]:
    """Keyspace and name of ``keyspace.name``, and where it ends."""
    if at + 2 >= len(tokens) or not tokens[at + 1].is_sign("."):
        raise not_understood(statement)
    return tokens[at].name, tokens[at + 2].name, at + 3
