# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A schema as Cassandra describes it: what there is, the same under another name, and how two of them differ. Pure.

The statements are those of ``DESCRIBE FULL SCHEMA WITH INTERNALS`` (Cassandra 4.0 and newer) and of the ``schema.cql``
in a snapshot. A table's has the columns that were dropped, too, with the ``ALTER TABLE`` that drops them again: without
those, SSTables that still hold such a column cannot be read.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us

KEYSPACE, TYPE, TABLE, INDEX, VIEW = "keyspace", "type", "table", "index", "view"
PARTITION_KEY, CLUSTERING, STATIC, REGULAR = "partition_key", "clustering", "static", "regular"

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
class _Token:
    kind: str
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.upper() in words

    def is_sign(self, signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    @property
    def name(self) -> str:
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.text.lower()


@dataclasses.dataclass(frozen=True)
class SchemaObject:
    """A keyspace, or something in one.

    :param kind: one of ``KEYSPACE``, ``TYPE``, ``TABLE``, ``INDEX`` and ``VIEW``.
    :param table: that an index or a view is of; otherwise empty.
    :param statements: that make it; of a table with dropped columns those that drop them follow.
    """

    kind: str
    keyspace: str
    name: str
    table: str
    statements: tuple[str, ...]

    def __str__(self) -> str:
        return self.keyspace if self.kind == KEYSPACE else f"{self.keyspace}.{self.name}"


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

    def with_missing(self, other: Schema) -> Schema:
        """This schema, and what only the other one has."""
        missing = tuple(each for each in other.objects if self.find(each.kind, each.keyspace, each.name) is None)
        return Schema(objects=(*self.objects, *missing))


def parse_schema(texts: t.Iterable[str]) -> Schema:
    """The schema that statements make; anything but keyspaces, types, tables, indexes and views is skipped.

    :param texts: each with one statement or several.
    """
    objects: dict[tuple[str, str, str], SchemaObject] = {}
    for text in texts:
        made: SchemaObject | None = None
        for statement in split_statements(text):
            tokens = _tokens(statement)
            if made is not None and made.kind == TABLE and tokens[0].is_word("ALTER"):
                made = dataclasses.replace(made, statements=(*made.statements, statement))
            else:
                made = _object(statement, tokens)
            if made is not None:
                objects[made.kind, made.keyspace, made.name] = made
    return Schema(objects=tuple(objects.values()))


def split_statements(text: str) -> tuple[str, ...]:
    """The statements of a text, without what ends them; comments between them go."""
    statements: list[str] = []
    begin: int | None = None
    end = 0
    for token in _tokens(text):
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


def renamed(item: SchemaObject, *, keyspace: str, name: str | None = None, table: str | None = None) -> SchemaObject:
    """The same object in a keyspace and under a name of its own, to be made if it is not there.

    :param name: ``None`` keeps it.
    :param table: for an index or a view, the table that it is of.
    """
    name = item.name if name is None else name
    table = item.table if table is None else table
    statements = tuple(_renamed(each, item=item, keyspace=keyspace, name=name, table=table) for each in item.statements)
    return dataclasses.replace(item, keyspace=keyspace, name=name, table=table, statements=statements)


def table_properties(item: SchemaObject) -> dict[str, str]:
    """What follows ``WITH`` in a table's statement, each property's text by its name in lower case.

    ``clustering order by`` is among them with its list, ``id`` too.
    """
    statement = item.statements[0]
    tokens = _tokens(statement)
    at = _end_of_columns(tokens)
    properties: dict[str, str] = {}
    part: list[_Token] = []
    depth = 0
    for token in [*tokens[at + 1 :], _Token("word", "AND", len(statement), len(statement))]:
        depth += token.is_sign("({[") - token.is_sign(")}]")
        if depth == 0 and token.is_word("AND", "WITH"):
            if part:
                name, value = _property(part, statement)
                properties[name] = value
            part = []
        else:
            part.append(token)
    return properties


def with_properties(item: SchemaObject, changes: t.Mapping[str, str]) -> SchemaObject:
    """A table with other properties, and without its id: a table that is made again gets a new one."""
    properties = {name: text for name, text in {**table_properties(item), **changes}.items() if name != "id"}
    statement = item.statements[0]
    tokens = _tokens(statement)
    head = statement[: tokens[_end_of_columns(tokens)].end]
    texts = [
        f"{name.upper()} {text}" if name in _WITHOUT_EQUALS else f"{name} = {text}" if text else name.upper()
        for name, text in properties.items()
    ]
    whole = f"{head} WITH {' AND '.join(texts)}" if texts else head
    return dataclasses.replace(item, statements=(whole, *item.statements[1:]))


def without_id(item: SchemaObject) -> SchemaObject:
    """A view without its id: one that is made again gets a new one."""
    statements = []
    for statement in item.statements:
        tokens = _tokens(statement)
        at = next((n for n in range(1, len(tokens) - 2) if _is_id(tokens[n - 1 : n + 3])), None)
        if at is None:
            statements.append(statement)
            continue
        end = next((n for n in range(at, len(tokens)) if tokens[n].is_word("AND")), None)
        if end is not None:
            statements.append(f"{statement[: tokens[at].start]}{statement[tokens[end + 1].start :]}")
        else:
            statements.append(statement[: tokens[at - 1].start].rstrip())
    return dataclasses.replace(item, statements=tuple(statements))


def _is_id(tokens: t.Sequence[_Token]) -> bool:
    before, name, equals, _value = tokens
    return before.is_word("WITH", "AND") and name.is_word("ID") and equals.is_sign("=")


def columns_of(item: SchemaObject) -> tuple[Column, ...]:
    """The columns of a table, without those that were dropped.

    :raises ManifestError: if the statement cannot be understood.
    """
    columns = {column.name: column for column in _created_columns(item)}
    for statement in item.statements[1:]:
        tokens = _tokens(statement)
        at = next((n for n, token in enumerate(tokens) if token.is_word("DROP", "ADD")), None)
        if at is None or at + 1 >= len(tokens):
            raise _not_understood(statement)
        name = tokens[at + 1].name
        if tokens[at].is_word("DROP"):
            columns.pop(name, None)
        else:
            columns[name] = _column(tokens[at + 1 :])
    return tuple(columns.values())


def type_fields(item: SchemaObject) -> tuple[tuple[str, str], ...]:
    """The fields of a type, each with its own type."""
    tokens = _tokens(item.statements[0])
    return tuple((column.name, column.type) for column in map(_column, _items(tokens)))


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


def _dropped(item: SchemaObject) -> dict[str, int]:
    """When each column was last dropped, in microseconds; also of those that are there again."""
    found: dict[str, int] = {}
    for statement in item.statements[1:]:
        tokens = _tokens(statement)
        at = next((n for n, token in enumerate(tokens) if token.is_word("DROP", "ADD")), None)
        if at is not None and at + 1 < len(tokens) and tokens[at].is_word("DROP") and tokens[-1].text.isdigit():
            found[tokens[at + 1].name] = int(tokens[-1].text)
    return found


def type_differences(then: SchemaObject, now: SchemaObject) -> tuple[str, ...]:
    """Why values of one type cannot be read as another; empty if they can: fields may have been added at its end."""
    old, new = type_fields(then), type_fields(now)
    if new[: len(old)] == old:
        return ()
    before, after = (", ".join(f"{name} {kind}" for name, kind in fields) for fields in (old, new))
    return (f"it was ({before}) and is ({after})",)


_WITHOUT_EQUALS = frozenset(("clustering order by",))


def _tokens(text: str) -> list[_Token]:
    return [
        _Token(str(match.lastgroup), match[0], match.start(), match.end())
        for match in _TOKEN.finditer(text)
        if match.lastgroup != "blank"
    ]


def _object(statement: str, tokens: t.Sequence[_Token]) -> SchemaObject | None:
    head = _head(tokens)
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
    if kind == VIEW:
        base = next((n for n in range(at, len(tokens)) if tokens[n].is_word("FROM")), None)
        if base is None:
            raise _not_understood(statement)
        _keyspace, table, _end = _qualified(tokens, base + 1, statement)
    return SchemaObject(kind, keyspace, name, table, (statement,))


def _head(tokens: t.Sequence[_Token]) -> tuple[str, int] | None:
    """What a statement makes, and where its name begins; ``None`` if we do not handle it."""
    if len(tokens) < 3 or not tokens[0].is_word("CREATE"):
        return None
    at = 1
    if tokens[at].is_word("CUSTOM"):
        at += 1
    words = {"KEYSPACE": KEYSPACE, "TYPE": TYPE, "TABLE": TABLE, "INDEX": INDEX}
    if tokens[at].is_word("MATERIALIZED"):
        kind, at = VIEW, at + 2
    elif tokens[at].is_word(*words):
        kind, at = words[tokens[at].text.upper()], at + 1
    else:
        return None
    return kind, at + 3 if tokens[at].is_word("IF") else at


def _qualified(tokens: t.Sequence[_Token], at: int, statement: str) -> tuple[str, str, int]:
    """Keyspace and name of ``keyspace.name``, and where it ends."""
    if at + 2 >= len(tokens) or not tokens[at + 1].is_sign("."):
        raise _not_understood(statement)
    return tokens[at].name, tokens[at + 2].name, at + 3


def _renamed(statement: str, *, item: SchemaObject, keyspace: str, name: str, table: str) -> str:
    tokens = _tokens(statement)
    if tokens[0].is_word("ALTER"):
        return _replaced(statement, tokens[2], tokens[4], by=full_name(keyspace, name))
    head = _head(tokens)
    if head is None:
        raise _not_understood(statement)
    at = head[1]
    begin = tokens[at].start
    there = "" if tokens[at - 1].is_word("EXISTS") else "IF NOT EXISTS "
    if item.kind == INDEX:
        on = next(n for n in range(at, len(tokens)) if tokens[n].is_word("ON"))
        rest = _replaced(statement, tokens[on + 1], tokens[on + 3], by=full_name(keyspace, table))
        return f"{rest[:begin]}{there}{quoted(name)}{rest[tokens[at].end :]}"
    if item.kind == KEYSPACE:
        return f"{statement[:begin]}{there}{quoted(keyspace)}{statement[tokens[at].end :]}"
    if item.kind == VIEW:
        of = next(n for n in range(at, len(tokens)) if tokens[n].is_word("FROM"))
        rest = _replaced(statement, tokens[of + 1], tokens[of + 3], by=full_name(keyspace, table))
        return f"{rest[:begin]}{there}{full_name(keyspace, name)}{rest[tokens[at + 2].end :]}"
    return f"{statement[:begin]}{there}{full_name(keyspace, name)}{statement[tokens[at + 2].end :]}"


def _replaced(text: str, first: _Token, last: _Token, *, by: str) -> str:
    return f"{text[: first.start]}{by}{text[last.end :]}"


def _end_of_columns(tokens: t.Sequence[_Token]) -> int:
    """Where the columns' closing bracket is."""
    depth = 0
    for number, token in enumerate(tokens):
        depth += token.is_sign("(") - token.is_sign(")")
        if token.is_sign(")") and depth == 0:
            return number
    raise _not_understood(" ".join(token.text for token in tokens[:6]))


def _property(part: t.Sequence[_Token], statement: str) -> tuple[str, str]:
    equals = next((n for n, token in enumerate(part) if token.is_sign("=")), None)
    if equals is None:
        # CLUSTERING ORDER BY (...), COMPACT STORAGE
        words = [token for token in part if token.kind == "word"]
        bracket = next((token for token in part if token.is_sign("(")), None)
        named = [token.text.lower() for token in words if bracket is None or token.end <= bracket.start]
        return " ".join(named), statement[bracket.start : part[-1].end] if bracket else ""
    name = " ".join(token.text.lower() for token in part[:equals])
    return name, statement[part[equals + 1].start : part[-1].end]


def _items(tokens: t.Sequence[_Token]) -> list[list[_Token]]:
    """What stands between the commas of a statement's first bracket."""
    begin = next((n for n, token in enumerate(tokens) if token.is_sign("(")), None)
    if begin is None:
        raise _not_understood(" ".join(token.text for token in tokens[:6]))
    items: list[list[_Token]] = [[]]
    depth = 0
    for token in tokens[begin + 1 : _end_of_columns(tokens)]:
        depth += token.is_sign("(<") - token.is_sign(")>")
        if depth == 0 and token.is_sign(","):
            items.append([])
        else:
            items[-1].append(token)
    return [item for item in items if item]


def _created_columns(item: SchemaObject) -> tuple[Column, ...]:
    tokens = _tokens(item.statements[0])
    columns: dict[str, Column] = {}
    key: list[_Token] = []
    for part in _items(tokens):
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


def _column(part: t.Sequence[_Token]) -> Column:
    """A column from ``name type [STATIC] [MASKED WITH ...] [PRIMARY KEY]``."""
    end = next((n for n in range(1, len(part)) if part[n].is_word("STATIC", "PRIMARY", "MASKED")), len(part))
    static = any(token.is_word("STATIC") for token in part[end:])
    kind = "".join(token.text if token.kind in ("quoted", "string") else token.text.lower() for token in part[1:end])
    return Column(name=part[0].name, type=kind, kind=STATIC if static else REGULAR)


def _key_names(key: t.Sequence[_Token]) -> tuple[list[str], list[str]]:
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
    tokens = _tokens(table_properties(item).get("clustering order by", ""))
    return {
        tokens[n].name for n in range(len(tokens) - 1) if tokens[n + 1].is_word("DESC") and not tokens[n].is_sign("(,")
    }


def _key(columns: t.Mapping[str, Column], kind: str) -> list[Column]:
    return sorted((column for column in columns.values() if column.kind == kind), key=lambda each: each.position)


def _signature(column: Column) -> str:
    return f"{column.name} {column.type}{' descending' if column.descending else ''}"


def _shown(column: Column) -> str:
    return f"{column.type}{' static' if column.kind == STATIC else ''}"


def _not_understood(statement: str) -> ManifestError:
    return ManifestError(
        f"The schema has a statement that cannot be understood: {statement[:200]}",
        subject=statement[:60],
        next_step="Please report it; with the whole statement it can be fixed.",
    )
