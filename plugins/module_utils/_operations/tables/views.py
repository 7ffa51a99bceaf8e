# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Views of tables that are there: dropped and made again, and what makes them kept on disk until they are back.

What makes a view is written down on every node before anything is imported, and once more where it is dropped, before
it is. So whatever ends a run in between, the next one knows of it, wherever it does its CQL and whatever it restores.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import Cql, connect
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import full_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import VIEW, parse_schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings, NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.counting import describe_schema
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    names_of_records,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.making import (
    complete_tables,
    execute,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.notes import read_notes, write_notes

_Connect = t.Callable[[CqlSettings], t.ContextManager[Cql]]


def kept_views(node: NodeSettings) -> tuple[str, ...]:
    """What makes the views that restores on this node have dropped, or were about to drop.

    :raises LocalFilesError: if it cannot be read.
    """
    notes = (read_notes(node, restore_id=name) for name in sorted(names_of_records(node)))
    return tuple(dict.fromkeys(statement for each in notes for statement in each.views))


def keep_views(node: NodeSettings, plan: TablesPlan) -> None:
    """Write down what makes the views that are dropped; it is on the disk when this returns.

    :raises LocalFilesError: if it cannot be written.
    """
    notes = read_notes(node, restore_id=plan.restore.restore_id)
    views = tuple(dict.fromkeys((*notes.views, *plan.views)))
    if views != notes.views:
        write_notes(node, dataclasses.replace(notes, views=views), restore_id=plan.restore.restore_id)


def make_views_again(
    plan: TablesPlan, *, node: NodeSettings, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Drop the views of tables that were there, and make them again, on one node for the whole cluster.

    A view that is not there any more is only made: an earlier run has dropped it.

    :returns: the statements that did something.
    :raises NodeError: if Cassandra refuses one.
    :raises NodeUnreachableError: if it does not answer.
    :raises LocalFilesError: if it cannot be written down first.
    """
    if not plan.views:
        return ()
    if not check_mode:
        with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
            keep_views(node, plan)
    now = parse_schema(describe_schema(cql, connect=connect))
    done: list[str] = []
    for view in parse_schema(plan.views).objects:
        if now.find(VIEW, view.keyspace, view.name) is not None:
            done.append(f"DROP MATERIALIZED VIEW IF EXISTS {full_name(view.keyspace, view.name)}")
        done += view.statements
    return execute(done, cql=cql, check_mode=check_mode, connect=connect)


def complete_all(
    plan: TablesPlan, *, node: NodeSettings, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Give new tables what they had, then make the views of the others again; errors as of both."""
    return (
        *complete_tables(plan, cql=cql, check_mode=check_mode, connect=connect),
        *make_views_again(plan, node=node, cql=cql, check_mode=check_mode, connect=connect),
    )
