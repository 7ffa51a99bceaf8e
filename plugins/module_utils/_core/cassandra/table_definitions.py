# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What defines a table or a type: its columns, fields and properties, and whether data of one fits another. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import (
    Token,
    bracket_items,
    end_of_columns,
    not_understood,
    tokens_of,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import SchemaObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us

PARTITION_KEY, CLUSTERING, STATIC, REGULAR = "partition_key", "clustering", "static", "regular"


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    :param type: as CQL writes it, without blanks that have no meaning.
    :param kind: one of ``PARTITION_KEY``, ``CLUSTERING``, ``STATIC`` and ``REGULAR``.
    :param position: within a key's part, from 0.
    :param descending: of a clustering column.
    """

    name: str
    type: str
    kind: str = REGULAR
    position: int = 0
    descending: bool = False


def columns_of(item: SchemaObject) -> tuple[Column, ...]:
    """The columns of a table, without those that were dropped.

    :raises ManifestError: if the statement cannot be understood.
    """
    columns = {column.name: column for column in _created_columns(item)}
    for statement in item.statements[1:]:
        tokens = tokens_of(statement)
        at = next((n for n, token in enumerate(tokens) if token.is_word("DROP", "ADD")), None)
        if at is None or at + 1 >= len(tokens):
            raise not_understood(statement)
        name = tokens[at + 1].name
        if tokens[at].is_word("DROP"):
            columns.pop(name, None)
        else:
            columns[name] = _column(tokens[at + 1 :])
    return tuple(columns.values())


def type_fields(item: SchemaObject) -> tuple[tuple[str, str], ...]:
    """The fields of a type, each with its own type."""
    tokens = tokens_of(item.statements[0])
    return tuple((column.name, column.type) for column in map(_column, bracket_items(tokens)))


def table_properties(item: SchemaObject) -> dict[str, str]:
    """What follows ``WITH`` in a table's statement, each property's text by its name in lower case.

    ``clustering order by`` is among them with its list, ``id`` too.
    """
    statement = item.statements[0]
    tokens = tokens_of(statement)
    at = end_of_columns(tokens)
    properties: dict[str, str] = {}
    part: list[Token] = []
    depth = 0
    for token in [*tokens[at + 1 :], Token("word", "AND", len(statement), len(statement))]:
        depth += token.is_sign("({[") - token.is_sign(")}]")
        if depth == 0 and token.is_word("AND", "WITH"):
            if part:
                name, value = _property(part, statement)
                properties[name] = value
            part = []
        else:
            part.append(token)
    return properties


def table_differences(then: SchemaObject, now: SchemaObject) -> tuple[str, ...]:
    """Why data of one table cannot go into another without loss; empty if it can.

    Columns that were added since do not matter: old rows have nothing in them.
    """
    old, new = ({column.name: column for column in columns_of(each)} for each in (then, now))
    dropped_then, dropped_since = map(_dropped, (then, now))
    reasons = []
    for kind, word in ((PARTITION_KEY, "partition key"), (CLUSTERING, "clustering key")):
        before, after = ([_signature(column) for column in _key(each, kind)] for each in (old, new))
        if before != after:
            reasons.append(f"its {word} was ({', '.join(before)}) and is ({', '.join(after)})")
    for name, column in old.items():
        if column.kind not in (STATIC, REGULAR):
            continue
        other = new.get(name)
        if other is None:
            reasons.append(f"it has no column {name} ({column.type}) any more")
        elif (column.type, column.kind) != (other.type, other.kind):
            reasons.append(f"its column {name} was {_shown(column)} and is {_shown(other)}")
        elif dropped_since.get(name, 0) > dropped_then.get(name, 0):
            # Cassandra hides what a column held before it was dropped, also when it is added again.
            when = f" at {format_us(dropped_since[name])}"
            reasons.append(f"its column {name} was dropped{when} and added again, which hides what it held before that")
    return tuple(reasons)


def type_differences(then: SchemaObject, now: SchemaObject) -> tuple[str, ...]:
    """Why values of one type cannot be read as another; empty if they can: fields may have been added at its end."""
    old, new = type_fields(then), type_fields(now)
    if new[: len(old)] == old:
        return ()
    before, after = (", ".join(f"{name} {kind}" for name, kind in fields) for fields in (old, new))
    return (f"it was ({before}) and is ({after})",)


def _created_columns(item: SchemaObject) -> tuple[Column, ...]:
    tokens = tokens_of(item.statements[0])
    columns: dict[str, Column] = {}
    key: list[Token] = []
    for part in bracket_items(tokens):
        if len(part) > 1 and part[0].is_word("PRIMARY") and part[1].is_word("KEY") and part[2].is_sign("("):
            key = part[2:]
            continue
        column = _column(part)
        columns[column.name] = column
        if any(token.is_word("PRIMARY") for token in part[1:]):
            columns[column.name] = dataclasses.replace(column, kind=PARTITION_KEY)
    partition, clustering = _key_names(key)
    descending = _descending(item)
    for position, name in enumerate(partition):
        columns[name] = dataclasses.replace(columns[name], kind=PARTITION_KEY, position=position)
    for position, name in enumerate(clustering):
        columns[name] = dataclasses.replace(
            columns[name], kind=CLUSTERING, position=position, descending=name in descending
        )
    return tuple(columns.values())


def _column(part: t.Sequence[Token]) -> Column:
    """A column from ``name type [STATIC] [MASKED WITH ...] [PRIMARY KEY]``."""
    end = next((n for n in range(1, len(part)) if part[n].is_word("STATIC", "PRIMARY", "MASKED")), len(part))
    static = any(token.is_word("STATIC") for token in part[end:])
    kind = "".join(token.text if token.kind in ("quoted", "string") else token.text.lower() for token in part[1:end])
    return Column(name=part[0].name, type=kind, kind=STATIC if static else REGULAR)


def _key_names(key: t.Sequence[Token]) -> tuple[list[str], list[str]]:
    """The names in ``((a, b), c, d)`` or ``(a, c, d)``."""
    inner = key[1:-1]
    names = [token.name for token in inner if token.kind in ("word", "quoted")]
    if not names:
        return [], []
    if not inner[0].is_sign("("):
        return names[:1], names[1:]
    close = next(n for n, token in enumerate(inner) if token.is_sign(")"))
    count = sum(token.kind in ("word", "quoted") for token in inner[:close])
    return names[:count], names[count:]


def _descending(item: SchemaObject) -> set[str]:
    tokens = tokens_of(table_properties(item).get("clustering order by", ""))
    return {
        tokens[n].name for n in range(len(tokens) - 1) if tokens[n + 1].is_word("DESC") and not tokens[n].is_sign("(,")
    }


def _property(part: t.Sequence[Token], statement: str) -> tuple[str, str]:
    equals = next((n for n, token in enumerate(part) if token.is_sign("=")), None)
    if equals is None:
        # CLUSTERING ORDER BY (...), COMPACT STORAGE
        words = [token for token in part if token.kind == "word"]
        bracket = next((token for token in part if token.is_sign("(")), None)
        named = [token.text.lower() for token in words if bracket is None or token.end <= bracket.start]
        return " ".join(named), statement[bracket.start : part[-1].end] if bracket else ""
    name = " ".join(token.text.lower() for token in part[:equals])
    return name, statement[part[equals + 1].start : part[-1].end]


def _dropped(item: SchemaObject) -> dict[str, int]:
    """When each column was last dropped, in microseconds; also of those that are there again."""
    found: dict[str, int] = {}
    for statement in item.statements[1:]:
        tokens = tokens_of(statement)
        at = next((n for n, token in enumerate(tokens) if token.is_word("DROP", "ADD")), None)
        if at is not None and at + 1 < len(tokens) and tokens[at].is_word("DROP") and tokens[-1].text.isdigit():
            found[tokens[at + 1].name] = int(tokens[-1].text)
    return found


def _key(columns: t.Mapping[str, Column], kind: str) -> list[Column]:
    return sorted((column for column in columns.values() if column.kind == kind), key=lambda each: each.position)


def _signature(column: Column) -> str:
    return f"{column.name} {column.type}{' descending' if column.descending else ''}"


def _shown(column: Column) -> str:
    return f"{column.type}{' static' if column.kind == STATIC else ''}"
