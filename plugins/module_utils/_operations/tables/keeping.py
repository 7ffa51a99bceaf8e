# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables that are replaced: what they hold is kept in snapshots before they are emptied, and can be put back."""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import (
    has_snapshots_before_truncations,
    read_config,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import Cql, connect
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import names_in
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import full_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.truncation import parse_truncations
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    work_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.importing import (
    TIMEOUT_SECONDS,
    take_files,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.making import execute
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.notes import (
    Notes,
    read_notes,
    write_notes,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.part import (
    TablePart,
    table_directories,
)

_TRUNCATION = re.compile(r"truncated-(?P<ms>\d+)-")

_Connect = t.Callable[[CqlSettings], t.ContextManager[Cql]]


@dataclasses.dataclass(frozen=True)
class SaveOutcome:
    """What was kept.

    :param emptied: whether the tables have been emptied since, so there was nothing to keep.
    :param snapshots: that this restore has taken on the node.
    :param exact: whether what is written between them and the truncation is kept too: Cassandra does that itself,
        unless it is told not to.
    """

    changed: bool
    emptied: bool
    snapshots: tuple[str, ...]
    exact: bool = True


def save_tables(
    part: TablePart,
    *,
    cql: CqlSettings,
    again: bool,
    check_mode: bool,
    connect: _Connect = connect,
) -> SaveOutcome:
    """Keep what the tables hold that are to be emptied, in a snapshot; nothing to do if they have been since the last.

    :param again: take one in any case, of what an attempt that failed has left, which is put back into nothing.
    :raises NodeError: if nodetool fails.
    :raises NodeUnreachableError: if the node does not answer CQL.
    """
    node, restore_id = part.node, part.plan.restore.restore_id
    tables = [table for table in part.plan.tables if table.replaces]
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        notes = read_notes(node, restore_id=restore_id)
        exact = has_snapshots_before_truncations(node.config_file)
        emptied = _emptied(tables, notes, cql=cql, connect=connect)
        if (emptied and not again) or check_mode or not tables:
            return SaveOutcome(changed=not emptied, emptied=emptied, snapshots=notes.snapshots, exact=exact)
        saved_ms = now_us() // 1000
        name = f"{restore_id}-{saved_ms}"
        # What an attempt that was killed has still under way finds nothing to import any more.
        for place in data_directory.data_places(read_config(node.config_file)):
            data_directory.remove_tree(os.path.join(work_directory(place, restore_id), "import"))
        names = ",".join(f"{table.keyspace}.{table.table}" for table in tables)
        Nodetool(node).run("snapshot", "-t", name, "-kt", names)
        notes = dataclasses.replace(notes, snapshots=(*notes.snapshots, name))
        if not again:
            notes = dataclasses.replace(
                notes,
                kept=(*notes.kept, name),
                first_saved_ms=notes.first_saved_ms or saved_ms,
                saved_ms=saved_ms,
            )
        write_notes(node, notes, restore_id=restore_id)
    return SaveOutcome(changed=True, emptied=False, snapshots=notes.snapshots, exact=exact)


def empty_tables(
    plan: TablesPlan, *, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Empty the tables that are to be replaced, on all nodes at once; the statements that did it.

    :raises NodeError: if Cassandra refuses one, as when a node is down.
    :raises NodeUnreachableError: if it does not answer.
    """
    done = [f"TRUNCATE TABLE {full_name(table.keyspace, table.table)}" for table in plan.tables if table.replaces]
    return execute(done, cql=cql, check_mode=check_mode, connect=connect)


def put_tables_back(part: TablePart) -> tuple[str, ...]:
    """Have the node take back what its tables held before they were emptied; the snapshots that it was taken from.

    Cassandra's own snapshot of the truncation is among them: it has what was written between ours and that.

    :raises NodeError: if nodetool fails.
    :raises LocalFilesError: if files cannot be linked.
    """
    node, plan, restore_id = part.node, part.plan, part.plan.restore.restore_id
    taken: list[str] = []
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        notes = read_notes(node, restore_id=restore_id)
        places = data_directory.data_places(read_config(node.config_file))
        nodetool = Nodetool(dataclasses.replace(node, timeout_seconds=TIMEOUT_SECONDS))
        for table in plan.tables:
            for snapshot in _snapshots_of(table, notes, places=places) if table.replaces else ():
                found = [
                    (place, os.path.join(directory, "snapshots", snapshot))
                    for place, directory in table_directories(places, table)
                ]
                take_files(part, nodetool, table, sources=found)
                taken.append(snapshot)
        for index in plan.indexes if taken else ():
            nodetool.run("rebuild_index", *index.split("."))
        # Another attempt begins from scratch.
        write_notes(node, Notes(snapshots=notes.snapshots, views=notes.views), restore_id=restore_id)
    return tuple(dict.fromkeys(taken))


def _emptied(tables: t.Sequence[TableRestore], notes: Notes, *, cql: CqlSettings, connect: _Connect) -> bool:
    """Whether the node has truncated all of them since what they held was kept, by its own memory of it."""
    if not tables:
        return True
    if not notes.saved_ms:
        return False
    with connect(dataclasses.replace(cql, only_this_address=True, consistency="ONE")) as session:
        ids = {
            (keyspace, table): str(table_id).replace("-", "")
            for keyspace, table, table_id in session.rows(
                "SELECT keyspace_name, table_name, id FROM system_schema.tables"
            )
        }
        ((truncated,),) = session.rows("SELECT truncated_at FROM system.local WHERE key = 'local'")
    known = parse_truncations(
        {str(table_id): f"0x{bytes(value).hex()}" for table_id, value in (truncated or {}).items()}
    )
    when_ms = {each.table_id: each.at_ms for each in known}
    return all(when_ms.get(ids.get((each.keyspace, each.table), ""), 0) >= notes.saved_ms for each in tables)


def _snapshots_of(table: TableRestore, notes: Notes, *, places: t.Sequence[str]) -> list[str]:
    """All that have what the table held before anything was imported: ours, and Cassandra's own of truncations, which
    have what was written between ours and those."""
    found = list(notes.kept)
    for _place, directory in table_directories(places, table) if found else ():
        for name in names_in(os.path.join(directory, "snapshots")):
            match = _TRUNCATION.match(name)
            at_ms = int(match["ms"]) if match else 0
            before = not notes.import_began_ms or at_ms < notes.import_began_ms
            if at_ms >= notes.first_saved_ms and before and name not in found:
                found.append(name)
    return found
