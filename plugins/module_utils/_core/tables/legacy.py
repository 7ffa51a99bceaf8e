# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables that cannot be made again from what a backup says of them, such as those WITH COMPACT STORAGE. Pure.

Cassandra 4.0 to 5.0 describe a table WITH COMPACT STORAGE in a comment only, nearly as it was made. That is enough to
tell whether a table that is there is still the same, and not enough to make one.
"""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import (
    end_of_columns,
    shown_name,
    tokens_of,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import SchemaObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import (
    columns_of,
    table_differences,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import MERGE, REPLACE


def unmakeable(then: SchemaObject | None, source: TableRef, *, is_new: bool, title: str) -> NodeError | None:
    """Why a table cannot be restored by what is known of how it was made; ``None`` if it can.

    :param then: as it was; ``None`` if the backup does not say.
    :param is_new: whether it would have to be made.
    :param title: of what it is restored from.
    """
    shown = shown_name(source.keyspace, source.table)
    if then is None:
        return NodeError(
            f"{title} does not say how {shown} was made.",
            subject=str(source),
            next_step="Restore the whole backup to a new cluster, or choose another backup.",
        )
    if then.is_compact and is_new:
        return NodeError(
            f"{shown} was made WITH COMPACT STORAGE, which Cassandra does not describe in full, so no table like it "
            "can be made.",
            subject=shown,
            next_step=f"Where the table is there, restore it with {option('mode', REPLACE)} or "
            f"{option('mode', MERGE)}. Where it is gone, make it as your application did, then do that.",
        )
    return None


def told_besides(then: SchemaObject, *, shown: str, triggers: t.Sequence[str], is_new: bool) -> t.Iterator[str]:
    """What an operator should know of a table that is restored: what it does not get, and what is not compared.

    :param shown: the name of the table that it goes to.
    :param triggers: those of the table that it comes from.
    """
    if triggers:
        yield f"{shown_name(then.keyspace, then.name)} has the triggers {', '.join(triggers)}. " + (
            f"{shown} does not get them." if is_new else "They do not see what is imported."
        )
    if then.is_compact:
        yield (
            f"{shown} was made WITH COMPACT STORAGE, which Cassandra does not describe in full: its files are compared "
            "with the backup's, its rows are counted only."
        )


def differences_of(then: SchemaObject, there: SchemaObject) -> tuple[str, ...]:
    """Why data of one table cannot go into another without loss; empty if it can."""
    if not then.is_compact and not there.is_compact:
        return table_differences(then, there)
    if then.is_compact != there.is_compact:
        was, now = ("with" if each.is_compact else "without" for each in (then, there))
        return (f"it was made {was} COMPACT STORAGE and is {now}",)
    before, after = map(_columns, (then, there))
    return () if before == after else (f"its columns were ({before}) and are ({after})",)


def has_counters(table: SchemaObject) -> bool:
    """Whether a table has counters."""
    if table.is_compact:
        return any(token.is_word("COUNTER") for token in tokens_of(table.statements[0]))
    return any(column.type == "counter" for column in columns_of(table))


def _columns(table: SchemaObject) -> str:
    tokens = tokens_of(table.statements[0])
    begin = next(n for n, token in enumerate(tokens) if token.is_sign("("))
    return " ".join(token.text for token in tokens[begin + 1 : end_of_columns(tokens)])
