# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done in CQL, on one node for the whole cluster, so tables can be restored.

What is missing is made before the data comes. When the data is there, the tables get the rest of what they had, and
lose the mark that says which restore made them. The plan says which statements that takes.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import Cql, connect
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import full_name, shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import (
    TABLE,
    SchemaObject,
    parse_schema,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import columns_of
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.making import (
    is_being_restored,
    is_compacted,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.counting import describe_schema

_Connect = t.Callable[[CqlSettings], t.ContextManager[Cql]]


def make_tables(
    plan: TablesPlan, *, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Make the keyspaces, types and tables that are missing, on one node for the whole cluster.

    :returns: the statements that did something; none if all of it is there.
    :raises NodeError: if Cassandra refuses one, or a table of that name is not this restore's.
    :raises NodeUnreachableError: if it does not answer.
    """
    now = parse_schema(describe_schema(cql, connect=connect))
    done: list[str] = []
    for made in parse_schema([";\n".join(plan.before_cql)]).objects:
        there = now.find(made.kind, made.keyspace, made.name)
        if there is not None and made.kind == TABLE:
            # A column that was dropped and added again stands last in what makes it, and elsewhere afterwards.
            if set(columns_of(there)) == set(columns_of(made)):
                continue
            # It was cut off between being made and losing the columns that were dropped; nothing is in it yet.
            _check_ours(there, restore_id=plan.restore.restore_id)
            done.append(f"DROP TABLE {full_name(there.keyspace, there.name)}")
        elif there is not None:
            continue
        done += made.statements
    return execute(done, cql=cql, check_mode=check_mode, connect=connect)


def complete_tables(
    plan: TablesPlan, *, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Give the new tables the properties and indexes that they had, on one node for the whole cluster.

    They still say whose they are, so an interrupted restore can be told.

    :returns: the statements that did something.
    :raises NodeError: if Cassandra refuses one.
    :raises NodeUnreachableError: if it does not answer.
    """
    now = parse_schema(describe_schema(cql, connect=connect))
    done = []
    for table in plan.tables:
        there = now.find(TABLE, table.keyspace, table.table)
        if table.compaction and (there is None or not is_compacted(there)):
            name = full_name(table.keyspace, table.table)
            done.append(f"ALTER TABLE {name} WITH compaction = {table.compaction}")
    for statement in plan.after_cql:
        made = parse_schema([statement]).objects
        if not made or now.find(made[0].kind, made[0].keyspace, made[0].name) is None:
            done.append(statement)
    return execute(done, cql=cql, check_mode=check_mode, connect=connect)


def release_tables(
    plan: TablesPlan, *, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Take the mark of a restore off the new tables, on one node for the whole cluster.

    :returns: the statements that did something.
    :raises NodeError: if Cassandra refuses one.
    :raises NodeUnreachableError: if it does not answer.
    """
    now = parse_schema(describe_schema(cql, connect=connect))
    done = []
    for table in plan.tables:
        there = now.find(TABLE, table.keyspace, table.table) if table.is_new else None
        if there is not None and is_being_restored(there, restore_id=plan.restore.restore_id):
            name = full_name(table.keyspace, table.table)
            done.append(f"ALTER TABLE {name} WITH comment = {table.comment}")
    return execute(done, cql=cql, check_mode=check_mode, connect=connect)


def execute(statements: t.Sequence[str], *, cql: CqlSettings, check_mode: bool, connect: _Connect) -> tuple[str, ...]:
    """Send the statements one after the other, unless in check mode; gives them back.

    :raises NodeError: if Cassandra refuses one.
    :raises NodeUnreachableError: if it does not answer.
    """
    if statements and not check_mode:
        # One node does it: what it lets be made was asked before.
        with connect(dataclasses.replace(cql, only_this_address=True)) as session:
            for statement in statements:
                session.rows(statement)
    return tuple(statements)


def _check_ours(table: SchemaObject, *, restore_id: str) -> None:
    if not is_being_restored(table, restore_id=restore_id):
        shown = shown_name(table.keyspace, table.name)
        raise NodeError(
            f"The table {shown} is there, and this restore did not make it.",
            subject=shown,
            next_step="Plan again: the schema has changed since.",
        )
