# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The exchange of a stopped node's directories, phase by phase, forward and back; the switch's journal says how far.

What a node keeps of its keyspace ``system`` when it is restored in place:

- ``local``: its host id, tokens, datacenter and rack, the gossip generation, and that it is bootstrapped. The
  ``truncated_at`` in it is about commit-log positions that are gone with the commit log, so it can hide nothing.
- ``peers``, ``peers_v2``: the other nodes are the same under the same addresses, and a node that is not a seed finds
  them by it even if the seeds are slow. They are today's, not the backup's.

Everything else starts empty, and Cassandra makes it again. ``batches``, ``paxos`` and the hints hold writes that are
newer than the backup and would come back. ``IndexInfo`` and ``built_views`` say what is built today, which need not be
built in the backup, and a query would then miss rows in silence; without them Cassandra builds old-style indexes and
views again, and SAI looks at its own files.

A node of a new cluster keeps nothing of ``system``; it gets its tokens by its configuration. One that was lost with its
disk gets its own ``local`` from the backup.
"""

from __future__ import annotations

import dataclasses
import os

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import cassandra_yaml_edit, data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import names_in, remove_if_there
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    AUTH_KEYSPACE,
    SYSTEM_KEYSPACE,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import (
    JournalState,
    ManagedDirectory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import IN_PLACE, NEW_CLUSTER
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    fetch_journal_path,
    kept_config_path,
    read_state,
    save_state,
    state_path,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.switch_checks import (
    check_fetched,
    check_in_place,
    differences,
    own_keyspaces,
)

_KEPT_OWN_TABLES = frozenset(("local", "peers", "peers_v2"))


def go_forward(node: NodeSettings, state: JournalState, *, owner: str | None, group: str | None) -> None:
    """Take up the switch in the phase that it is in, and bring it to its end.

    :raises NodeError: if what was fetched is not all there.
    :raises LocalFilesError: if something cannot be moved, or is not as it should be afterwards.
    """
    if state.phase == journal.PREPARING:
        check_fetched(node, state)
        for directory in state.directories:
            data_directory.check_movable(directory, others=state.directories)
        state = save_state(node, state)
        _prepare(state, owner=owner, group=group)
        state = save_state(node, dataclasses.replace(state, phase=journal.MOVING_OLD))
    if state.phase == journal.MOVING_OLD:
        for directory in state.directories:
            names = data_directory.movable(directory, others=state.directories)
            if names:
                _make_work_directory(directory, directory.aside(state.restore_id))
            data_directory.move_children(names, source=directory.path, target=directory.aside(state.restore_id))
        aside = tuple(each.path for each in state.directories if os.path.isdir(each.aside(state.restore_id)))
        state = save_state(node, dataclasses.replace(state, phase=journal.MOVING_NEW, put_aside=aside))
    for directory in state.directories:
        if directory.kind == journal.DATA:
            fetched = directory.fetched(state.restore_id)
            data_directory.move_children(names_in(fetched), source=fetched, target=directory.path)
    check_in_place(node, state)
    if state.mode == NEW_CLUSTER:
        cassandra_yaml_edit.set_ring_position(
            state.config_file,
            tokens=state.tokens,
            check_mode=False,
            backup_path=kept_config_path(node, restore_id=state.restore_id),
        )
    save_state(node, dataclasses.replace(state, phase=journal.SWITCHED, switched_us=now_us()))


def go_back(node: NodeSettings, state: JournalState) -> bool:
    """Undo a switch from any phase; whether what was fetched is gone.

    What Cassandra has changed is kept: clients may have written to it.
    """
    if state.phase in (journal.SWITCHED, journal.FINISHED):
        changed = state.phase == journal.FINISHED or _has_run(node, state)
        state = save_state(node, dataclasses.replace(state, phase=journal.TAKING_OUT_NEW, discard=changed))
    elif state.phase == journal.MOVING_NEW:
        state = save_state(node, dataclasses.replace(state, phase=journal.TAKING_OUT_NEW))
    if state.phase == journal.TAKING_OUT_NEW:
        if state.discard:
            # Before it is true, so no later run counts on files that are gone.
            remove_if_there(fetch_journal_path(node, restore_id=state.restore_id))
        for directory in state.directories:
            _take_out(directory, state=state)
        state = save_state(node, dataclasses.replace(state, phase=journal.PUTTING_BACK_OLD))
    cassandra_yaml_edit.put_back(state.config_file, backup_path=kept_config_path(node, restore_id=state.restore_id))
    for directory in state.directories:
        aside = directory.aside(state.restore_id)
        data_directory.move_children(names_in(aside), source=aside, target=directory.path)
        data_directory.remove_if_empty(aside)
        if directory.kind == journal.DATA:
            for keyspace in own_keyspaces(state):
                data_directory.remove_tree(os.path.join(directory.fetched(state.restore_id), keyspace))
    if state.discard:
        for directory in state.directories:
            data_directory.remove_tree(directory.fetched(state.restore_id))
    remove_work_directories(state)
    if state.discard:
        save_state(node, dataclasses.replace(state, phase=journal.UNDONE, undone_us=now_us()))
    else:
        remove_if_there(state_path(node, restore_id=state.restore_id))
    return state.discard


def _has_run(node: NodeSettings, state: JournalState) -> bool:
    """Whether Cassandra has been started on the new content. Where it was killed, only its log may tell."""
    logs = (directory for directory in state.directories if directory.kind == journal.LOG)
    return any(data_directory.movable(each, others=state.directories) for each in logs) or bool(
        differences(node, state, fetched=False)
    )


def _take_out(directory: ManagedDirectory, *, state: JournalState) -> None:
    """Everything new out of one directory: back to where it was fetched, or away if Cassandra has changed it."""
    names = data_directory.movable(directory, others=state.directories)
    reusable = directory.kind == journal.DATA and not state.discard
    target = directory.fetched(state.restore_id) if reusable else directory.discarded(state.restore_id)
    if names:
        _make_work_directory(directory, target)
    data_directory.move_children(names, source=directory.path, target=target)


def go_back_after(error: Exception, *, node: NodeSettings, restore_id: str) -> None:
    """Put everything back because of an error, and say so if that failed too."""
    try:
        state = read_state(node, restore_id=restore_id)
        if state is not None:
            go_back(node, state)
    except (ReviveError, OSError) as second:
        raise LocalFilesError(
            f"The switch of {node.name} failed ({error}) and so did putting everything back ({second}).",
            subject=node.name,
            next_step=f"Fix what the messages name, then roll back with {option('state', 'rolled_back')}. Nothing is "
            "lost: the old files are in .revive.",
        ) from error


def _prepare(state: JournalState, *, owner: str | None, group: str | None) -> None:
    """Copy what the node keeps of its own beside what was fetched. A copy of an earlier run may be stale and goes."""
    for directory in state.directories:
        if directory.kind != journal.DATA:
            continue
        fetched = directory.fetched(state.restore_id)
        for keyspace in own_keyspaces(state):
            data_directory.remove_tree(os.path.join(fetched, keyspace))
        if state.mode != IN_PLACE:
            continue
        who = data_directory.resolve_owner(owner=owner, group=group, like=directory.path)
        for source in _own_tables(directory.path, state=state):
            target = os.path.join(fetched, os.path.relpath(source, directory.path))
            data_directory.copy_table_files(source, target=target, below=directory.path, owner=who)
        for path in (fetched, *(os.path.join(fetched, keyspace) for keyspace in own_keyspaces(state))):
            data_directory.sync_if_there(path)


def _own_tables(place: str, *, state: JournalState) -> list[str]:
    tables = data_directory.table_directories(place, keyspace=SYSTEM_KEYSPACE, tables=_KEPT_OWN_TABLES)
    if not state.restore_auth:
        tables += data_directory.table_directories(place, keyspace=AUTH_KEYSPACE, tables=None)
    return tables


def _make_work_directory(directory: ManagedDirectory, path: str) -> None:
    below = os.path.dirname(directory.work_directory)
    owner = data_directory.resolve_owner(owner=None, group=None, like=below)
    data_directory.make_directories(path, below=below, owner=owner)


def remove_work_directories(state: JournalState) -> None:
    """Those that are empty: others hold what somebody may still want."""
    for directory in state.directories:
        for work in (directory.work_directory, os.path.dirname(os.path.dirname(directory.fetched(state.restore_id)))):
            data_directory.remove_if_empty(directory.fetched(state.restore_id))
            data_directory.remove_if_empty(os.path.join(work, state.restore_id))
            data_directory.remove_if_empty(work)
