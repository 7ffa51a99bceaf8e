# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a table needs beside itself, and what a keyspace has beside its tables: types, functions, aggregates. Pure."""

from __future__ import annotations

import re

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import SchemaObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema_rewriting import (
    mask_functions,
    renamed,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import (
    columns_of,
    type_differences,
    type_fields,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Contents
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.permitted import MASKS, Permitted

#: What a keyspace has beside its tables, those first that others may need.
_BESIDE_TABLES = (cql.TYPE, cql.FUNCTION, cql.AGGREGATE)


class KeyspaceParts:
    """Types, functions and aggregates that a restore makes, and those that it tells of.

    :ivar before: statements that make them, and ``reasons`` and ``warnings`` what is said of it; shared with others.
    """

    def __init__(
        self,
        contents: Contents,
        *,
        now: cql.Schema,
        permitted: Permitted,
        before: list[str],
        reasons: list[ReviveError],
        warnings: list[str],
    ) -> None:
        self._contents, self._then, self._now, self._permitted = contents, contents.schema, now, permitted
        self._before, self._reasons, self._warnings = before, reasons, warnings

    def make_all(self, keyspace: str) -> None:
        """All that a keyspace had which is made again."""
        for kind in _BESIDE_TABLES:
            for each in self._then.in_keyspace(kind, keyspace):
                off = self._permitted.why_not(each)
                if not off:
                    self._before += renamed(each, keyspace=keyspace).statements
                else:
                    self._warnings.append(
                        f"The {kind} {each} is not made: {off}. Once it may be made: "
                        f"{' '.join('; '.join(each.statements).split())}"
                    )

    def make_for(self, table: SchemaObject, *, keyspace: str) -> None:
        """The types and functions that a new table needs."""
        for each in used_types(self._then, table):
            self._make_type(each, keyspace=keyspace)
        masks = mask_functions(table)
        off = self._permitted.why_off(MASKS) if masks is not None else ""
        if off:
            self._reasons.append(
                NodeError(
                    f"{shown_name(table.keyspace, table.name)} has masked columns, which cannot be made: {off}.",
                    subject=shown_name(table.keyspace, table.name),
                    next_step=f"Set {MASKS} to true in cassandra.yaml, and start the node that is asked again.",
                )
            )
        for name in masks or ():
            found = [each for each in self._then.in_keyspace(cql.FUNCTION, table.keyspace) if each.plain_name == name]
            for each in found:
                self._make_function(each, table=table, keyspace=keyspace)
            if not found and not any(each.plain_name == name for each in self._now.in_keyspace(cql.FUNCTION, keyspace)):
                self._reasons.append(
                    NodeError(
                        f"{shown_name(table.keyspace, table.name)} masks columns with the function {name}, and "
                        f"{self._contents.name} does not say how that was made.",
                        subject=name,
                        next_step=f"Make the function {name} in the keyspace {keyspace}, then run it again.",
                    )
                )

    def tell_of_the_rest(self, source: str, *, target: str) -> None:
        """Say what a keyspace had beside its tables that is not there afterwards, since nothing needs it."""
        made = cql.parse_schema([";\n".join(self._before)])
        told = "\n".join(self._warnings)
        left = [
            each
            for kind in _BESIDE_TABLES
            for each in self._then.in_keyspace(kind, source)
            if self._now.find(kind, target, each.name) is None
            and made.find(kind, target, each.name) is None
            and f"The {kind} {each} is not made" not in told
        ]
        if left:
            self._warnings.append(
                f"In {self._contents.name} the keyspace {source} also has "
                f"{', '.join(f'the {each.kind} {each.name}' for each in left)}. No table that is restored needs them, "
                f"and {target} does not get them. They were made by: "
                + " ; ".join(" ".join("; ".join(each.statements).split()) for each in left)
            )

    def _make_type(self, each: SchemaObject, *, keyspace: str) -> None:
        there = self._now.find(cql.TYPE, keyspace, each.name)
        if there is None:
            self._before += renamed(each, keyspace=keyspace).statements
            return
        differences = type_differences(each, there)
        if differences:
            self._reasons.append(
                NodeError(
                    f"The type {shown_name(keyspace, each.name)} differs from that in {self._contents.name}: "
                    f"{'; '.join(differences)}.",
                    subject=f"{keyspace}.{each.name}",
                    next_step=f"Restore into another keyspace ({option('into_keyspace')}), which gets the type as it "
                    "was.",
                )
            )

    def _make_function(self, each: SchemaObject, *, table: SchemaObject, keyspace: str) -> None:
        if self._now.find(cql.FUNCTION, keyspace, each.name) is not None:
            return
        off = self._permitted.why_not(each)
        if not off:
            self._before += renamed(each, keyspace=keyspace).statements
            return
        self._reasons.append(
            NodeError(
                f"{shown_name(table.keyspace, table.name)} masks columns with the function {each.name}, which cannot "
                f"be made: {off}.",
                subject=str(each),
                next_step="Let functions be made on the node that is asked, for the time of the restore, or make this "
                "one there by hand.",
            )
        )


def used_types(then: cql.Schema, table: SchemaObject) -> list[SchemaObject]:
    """The types that a table's columns are made of, those first that others are made of."""
    types = {each.name: each for each in then.types_of(table.keyspace)}
    wanted: set[str] = set()
    open_texts = [column.type for column in columns_of(table)]
    while open_texts:
        text = open_texts.pop()
        for name in types:
            if name not in wanted and re.search(rf'(?<![\w"])"?{re.escape(name)}"?(?![\w"])', text):
                wanted.add(name)
                open_texts += [kind for _field, kind in type_fields(types[name])]
    return [each for each in then.types_of(table.keyspace) if each.name in wanted]
