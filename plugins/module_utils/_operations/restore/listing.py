# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies of restores on a node: how far each is and how much it takes; and giving one up before its switch."""

from __future__ import annotations

import dataclasses
import os
import stat
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import names_in, remove_if_there
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import ManagedDirectory
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import restore_point_of
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    fetch_ends,
    fetch_journal_path,
    names_of_records,
    read_state,
    record_path,
    remove_records,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.staged_record import (
    forget_moment,
    is_staged,
)

#: Before a switch: what is known by the records of the fetch.
FETCHING, FETCHED, STAGED = "fetching", "fetched", "staged"
#: Of tables; it has a way of its own.
TABLES = "tables"
#: Something lies there, and no record says what.
UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True)
class RestoreOnNode:
    """What a node has of a restore.

    :param restore_point: what it restores, as an operator writes it; ``None`` if its name does not tell.
    :param phase: of the switch, once begun; else ``fetching``, ``fetched``, ``staged``, ``tables`` or ``unknown``.
    :param fetched_bytes: that wait for the switch, with what was made of them.
    :param old_bytes: of what was there before, put aside.
    :param new_bytes: of what was restored and is taken out.
    """

    restore_id: str
    restore_point: str | None
    phase: str
    fetched_bytes: int
    old_bytes: int
    new_bytes: int


def list_restores(node: NodeSettings) -> tuple[RestoreOnNode, ...]:
    """Each restore that has a record or a directory, in the order of their names.

    :raises LocalFilesError: if something cannot be read.
    """
    directories = data_directory.managed_directories(read_config(node.config_file))
    names = set(names_of_records(node))
    for directory in _with_data(directories):
        # By its name only what is a restore's for sure: others keep something in directories of that name, too.
        names |= {name for name in names_in(directory.work_directory) if restore_point_of(name) is not None}
    return tuple(_look(node, name, directories=directories) for name in sorted(names))


def abandon(node: NodeSettings, *, restore_id: str, check_mode: bool = False) -> int | None:
    """Delete what was fetched for a restore, and what was made of it; how many bytes that freed. ``None`` if nothing is
    there.

    :raises InputError: if it is a restore of tables.
    :raises NodeError: if its switch was begun, or it has put something aside.
    :raises BusyError: if a restore is at work.
    :raises LocalFilesError: if something cannot be deleted; doing it again goes on.
    """
    journal.check_restore_id(restore_id)
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        found = next((each for each in list_restores(node) if each.restore_id == restore_id), None)
        if found is None:
            return None
        _check_not_begun(node, found)
        if check_mode:
            return found.fetched_bytes
        # Before it is true, so that no run counts on files that are gone.
        remove_if_there(fetch_journal_path(node, restore_id=restore_id))
        freed = 0
        for directory in _with_data(data_directory.managed_directories(read_config(node.config_file))):
            freed += data_directory.remove_tree(os.path.join(directory.work_directory, restore_id))
            data_directory.remove_if_empty(directory.work_directory)
        forget_moment(node, restore_id=restore_id)
        remove_records(node, restore_id=restore_id)
        return freed


def _check_not_begun(node: NodeSettings, found: RestoreOnNode) -> None:
    if found.phase == TABLES:
        raise InputError(
            f"{found.restore_id} restores tables.",
            subject=found.restore_id,
            next_step="Run the restore of these tables again: it goes on where it was, and removes what it fetched.",
        )
    if found.phase in journal.OVER:
        raise NodeError(
            f"The restore {found.restore_id} is {found.phase} on {node.name}: there is nothing to give up.",
            subject=node.name,
            next_step=f"Remove what it keeps, with {option('keep_old', 'false')}.",
        )
    if found.phase not in (FETCHING, FETCHED, STAGED, UNKNOWN) or found.old_bytes or found.new_bytes:
        raise NodeError(
            f"The restore {found.restore_id} has begun to exchange the data of {node.name} ({found.phase}).",
            subject=node.name,
            next_step=f"Put everything back with {option('state', 'rolled_back')} first.",
        )


def _with_data(directories: t.Iterable[ManagedDirectory]) -> list[ManagedDirectory]:
    """Those that a fetch writes to."""
    return [directory for directory in directories if directory.kind == journal.DATA]


def _look(node: NodeSettings, restore_id: str, *, directories: tuple[ManagedDirectory, ...]) -> RestoreOnNode:
    old = [_size(each.aside(restore_id)) for each in directories]
    new = [_size(each.discarded(restore_id)) for each in directories]
    held = [
        _size(os.path.join(each.work_directory, restore_id)) - old[number] - new[number]
        for number, each in enumerate(directories)
        if each.kind == journal.DATA
    ]
    return RestoreOnNode(
        restore_id=restore_id,
        restore_point=restore_point_of(restore_id),
        phase=_phase(node, restore_id),
        fetched_bytes=sum(held),
        old_bytes=sum(old),
        new_bytes=sum(new),
    )


def _phase(node: NodeSettings, restore_id: str) -> str:
    state = read_state(node, restore_id=restore_id)
    if state is not None:
        return state.phase
    # Each node of the backup that a restore of tables fetches from is a part, numbered behind a dot.
    if any(
        os.path.exists(record_path(node, restore_id=name, end="tables"))
        for name in (restore_id, restore_id.rpartition(".")[0])
        if name
    ):
        return TABLES
    if is_staged(node, restore_id=restore_id):
        return STAGED
    if fetch_ends(node, restore_id=restore_id) is not None:
        return FETCHED
    return FETCHING if os.path.exists(fetch_journal_path(node, restore_id=restore_id)) else UNKNOWN


def _size(path: str) -> int:
    """What the files below take; of one that has several names, its share."""
    size = 0.0
    for directory, _directories, names in os.walk(path):
        for name in names:
            status = os.lstat(os.path.join(directory, name))
            if stat.S_ISREG(status.st_mode):
                size += status.st_size / status.st_nlink
    return round(size)
