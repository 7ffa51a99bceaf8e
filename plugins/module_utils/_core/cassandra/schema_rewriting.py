# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same object of a schema, to be made again: under another name, with other properties, without its id. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import (
    Token,
    end_of_columns,
    full_name,
    not_understood,
    quoted,
    tokens_of,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import (
    AGGREGATE,
    FUNCTION,
    INDEX,
    KEYSPACE,
    VIEW,
    SchemaObject,
    id_value,
    statement_head,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import table_properties

_WITHOUT_EQUALS = frozenset(("clustering order by",))


def renamed(item: SchemaObject, *, keyspace: str, name: str | None = None, table: str | None = None) -> SchemaObject:
    """The same object in a keyspace and under a name of its own, to be made if it is not there.

    :param name: ``None`` keeps it.
    :param table: for an index or a view, the table that it is of.
    """
    name = item.name if name is None else name
    table = item.table if table is None else table
    statements = tuple(_renamed(each, item=item, keyspace=keyspace, name=name, table=table) for each in item.statements)
    return dataclasses.replace(item, keyspace=keyspace, name=name, table=table, statements=statements)


def with_properties(item: SchemaObject, changes: t.Mapping[str, str]) -> SchemaObject:
    """A table with other properties, and without its id: a table that is made again gets a new one."""
    properties = {name: text for name, text in {**table_properties(item), **changes}.items() if name != "id"}
    statement = item.statements[0]
    tokens = tokens_of(statement)
    head = statement[: tokens[end_of_columns(tokens)].end]
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
        tokens = tokens_of(statement)
        value = id_value(tokens)
        if value is None:
            statements.append(statement)
        elif value.stop < len(tokens):
            name, after = tokens[value.start - 2], tokens[value.stop + 1]
            statements.append(f"{statement[: name.start]}{statement[after.start :]}")
        else:
            statements.append(statement[: tokens[value.start - 3].start].rstrip())
    return dataclasses.replace(item, statements=tuple(statements))


def mask_functions(table: SchemaObject) -> tuple[str, ...] | None:
    """The functions of its own keyspace that a table's columns are masked with; ``None`` if none is masked."""
    tokens = tokens_of(table.statements[0])
    masks = [n for n in range(len(tokens) - 4) if _is_mask(tokens, n)]
    own = (tokens[n + 4].name for n in masks if tokens[n + 2].name == table.keyspace and tokens[n + 3].is_sign("."))
    return tuple(dict.fromkeys(own)) if masks else None


def _is_mask(tokens: t.Sequence[Token], at: int) -> bool:
    return tokens[at].is_word("MASKED") and tokens[at + 1].is_word("WITH")


def _renamed(statement: str, *, item: SchemaObject, keyspace: str, name: str, table: str) -> str:
    tokens = tokens_of(statement)
    if tokens[0].is_word("ALTER"):
        return _replaced(statement, tokens[2], tokens[4], by=full_name(keyspace, name))
    head = statement_head(tokens)
    if head is None:
        raise not_understood(statement)
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
    if item.kind in (FUNCTION, AGGREGATE):
        there = "" if tokens[1].is_word("OR") else there
        return f"{statement[:begin]}{there}{full_name(keyspace, tokens[at + 2].name)}{statement[tokens[at + 2].end :]}"
    rest = statement[tokens[at + 2].end :]
    masks = [n + 2 for n in range(at, len(tokens) - 4) if _is_mask(tokens, n) and tokens[n + 3].is_sign(".")]
    for own in reversed([n for n in masks if tokens[n].name == item.keyspace]):
        # A mask is a function of the table's own keyspace.
        first, last = (place - tokens[at + 2].end for place in (tokens[own].start, tokens[own].end))
        rest = f"{rest[:first]}{quoted(keyspace)}{rest[last:]}"
    return f"{statement[:begin]}{there}{full_name(keyspace, name)}{rest}"


def _replaced(text: str, first: Token, last: Token, *, by: str) -> str:
    return f"{text[: first.start]}{by}{text[last.end :]}"
