# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The switch on one stopped node: the old content of Cassandra's directories aside, the fetched content in.

Only renames within a file system, so it takes no longer for more data. A journal says which phase it is in, and each
phase can be begun again, whatever part of it was done, and undone. So a run that is killed anywhere is taken up by the
same call, or undone by a roll back, which can be killed anywhere as well.

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

import contextlib
import dataclasses
import os
import socket
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import cassandra_yaml, data_directory, files
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import names_in, remove_if_there
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    AUTH_KEYSPACE,
    SYSTEM_KEYSPACE,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    LocalFilesError,
    NodeError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import (
    JournalState,
    ManagedDirectory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    IN_PLACE,
    NEW_CLUSTER,
    ONE_NODE,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    fetch_journal_path,
    fetch_records,
    kept_config_path,
    own_state,
    read_state,
    remove_records,
    save_state,
    state_path,
)

KEPT_OWN_TABLES = frozenset(("local", "peers", "peers_v2"))
_PORT_TIMEOUT_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class SwitchOutcome:
    """:param phase: ``switched`` when it is done."""

    changed: bool
    phase: str


@dataclasses.dataclass(frozen=True)
class RollBackOutcome:
    """:param refetch: whether the fetched files are gone, so the next run has to fetch again."""

    changed: bool
    refetch: bool = False


@dataclasses.dataclass(frozen=True)
class FinishOutcome:
    """:param freed_bytes: of what had been put aside."""

    changed: bool
    freed_bytes: int


def switch_node(
    node: NodeSettings,
    *,
    restore_id: str,
    mode: str,
    tokens: t.Sequence[str],
    restore_auth: bool,
    owner: str | None,
    group: str | None,
    is_running: t.Callable[[], bool],
) -> SwitchOutcome:
    """Exchange the content of a stopped node's directories for what was fetched.

    If it fails, everything is put back as it was before the error goes on.

    :param mode: ``in_place``, ``new_cluster`` or ``one_node``.
    :param tokens: those of the source node; set in the configuration of a node of a new cluster.
    :param restore_auth: as at the fetch. If not, a node in place keeps its own roles, a new cluster makes the
        default one.
    :param is_running: whether Cassandra runs; asked beside looking at its ports and open files.
    :raises NodeError: if Cassandra runs, or nothing complete is fetched.
    :raises BusyError: if another restore is under way on the node.
    :raises LocalFilesError: if a file or directory cannot be moved.
    """
    journal.check_restore_id(restore_id)
    modes = (IN_PLACE, NEW_CLUSTER, ONE_NODE)
    if mode not in modes:
        raise InputError(
            f"{mode!r} is not a mode of a restore.", subject=mode, next_step=f"Give one of {', '.join(modes)}."
        )
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        state = own_state(node, restore_id=restore_id)
        if state is not None and state.phase == journal.SWITCHED:
            return SwitchOutcome(changed=False, phase=state.phase)
        if state is not None and state.phase == journal.FINISHED:
            raise NodeError(
                f"The restore {restore_id} is finished on {node.name}, and what it put aside was kept.",
                subject=node.name,
                next_step="Before the same backup is restored again, remove what it put aside, with "
                f"{option('keep_old', 'false')} and {option('restore_id', restore_id)}.",
            )
        config = cassandra_yaml.read_config(node.config_file)
        _check_stopped(node, config=config, is_running=is_running)
        if state is not None and state.phase in (journal.TAKING_OUT_NEW, journal.PUTTING_BACK_OLD):
            _go_back(node, state)
            state = None
        if state is None or state.phase == journal.PREPARING:
            state = _new_state(
                node, config=config, restore_id=restore_id, mode=mode, tokens=tokens, restore_auth=restore_auth
            )
        try:
            return _go_forward(node, state, owner=owner, group=group)
        except (ReviveError, OSError) as error:
            _go_back_after(error, node=node, restore_id=restore_id)
            raise


def roll_back(
    node: NodeSettings, *, restore_id: str, is_running: t.Callable[[], bool] | None = None
) -> RollBackOutcome:
    """Put everything back as it was before the switch. Nothing to do if there was none.

    What was fetched is kept for another run, unless Cassandra has been started on it.

    :param is_running: as for :func:`switch_node`.
    :raises NodeError: if Cassandra runs, or the restore is finished.
    :raises LocalFilesError: if a file or directory cannot be moved; doing it again goes on.
    """
    journal.check_restore_id(restore_id)
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        state = read_state(node, restore_id=restore_id)
        if state is None:
            return RollBackOutcome(changed=False)
        if state.phase == journal.FINISHED:
            raise NodeError(
                f"The restore {restore_id} is finished on {node.name}: there is nothing to go back to.",
                subject=node.name,
                next_step="Restore another backup.",
            )
        _check_stopped(node, config=cassandra_yaml.read_config(node.config_file), is_running=is_running or _never)
        discarded = _go_back(node, state)
        return RollBackOutcome(changed=True, refetch=discarded)


def finish(node: NodeSettings, *, restore_id: str, keep_old: bool) -> FinishOutcome:
    """Give up the way back, once the restored node is good: delete what was put aside, or keep it to look at.

    :raises NodeError: if the node has not been switched.
    :raises LocalFilesError: if something cannot be deleted; doing it again goes on.
    """
    journal.check_restore_id(restore_id)
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        state = read_state(node, restore_id=restore_id)
        if state is None or (state.phase == journal.FINISHED and keep_old):
            return FinishOutcome(changed=False, freed_bytes=0)
        if state.phase not in (journal.SWITCHED, journal.FINISHED):
            raise NodeError(
                f"The restore {restore_id} on {node.name} is at {state.phase}, so it cannot be finished.",
                subject=node.name,
                next_step=f"Run it again, or roll it back with {option('state', 'rolled_back')}.",
            )
        if state.phase != journal.FINISHED:
            state = save_state(node, dataclasses.replace(state, phase=journal.FINISHED))
        cassandra_yaml.forget_original(state.config_file, backup_path=kept_config_path(node, restore_id=restore_id))
        for directory in state.directories:
            data_directory.remove_tree(directory.fetched(restore_id))
        if keep_old:
            return FinishOutcome(changed=True, freed_bytes=0)
        freed = sum(data_directory.remove_tree(directory.aside(restore_id)) for directory in state.directories)
        _remove_work_directories(state)
        remove_records(node, restore_id=restore_id)
        return FinishOutcome(changed=True, freed_bytes=freed)


def restored_in_place_us(node: NodeSettings, *, restore_id: str) -> int | None:
    """When a node's directories were exchanged in place; ``None`` if they were not, or that is finished."""
    state = read_state(node, restore_id=restore_id)
    if state is None or state.phase != journal.SWITCHED or state.mode not in (IN_PLACE, ONE_NODE):
        return None
    path = state_path(node, restore_id=restore_id)
    with files.explained("read", path):
        return os.stat(path).st_mtime_ns // 1000


def _go_forward(node: NodeSettings, state: JournalState, *, owner: str | None, group: str | None) -> SwitchOutcome:
    if state.phase == journal.PREPARING:
        _check_staged(node, state)
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
        state = save_state(node, dataclasses.replace(state, phase=journal.MOVING_NEW))
    for directory in state.directories:
        if directory.kind == journal.DATA:
            fetched = directory.fetched(state.restore_id)
            data_directory.move_children(names_in(fetched), source=fetched, target=directory.path)
    _check_in_place(node, state)
    if state.mode == NEW_CLUSTER:
        cassandra_yaml.set_ring_position(
            state.config_file,
            tokens=state.tokens,
            check_mode=False,
            backup_path=kept_config_path(node, restore_id=state.restore_id),
        )
    save_state(node, dataclasses.replace(state, phase=journal.SWITCHED))
    return SwitchOutcome(changed=True, phase=journal.SWITCHED)


def _go_back(node: NodeSettings, state: JournalState) -> bool:
    """Undo a switch from any phase; whether what was fetched is gone."""
    if state.phase == journal.SWITCHED:
        untouched = not _differences(node, state, fetched=False)
        state = save_state(node, dataclasses.replace(state, phase=journal.TAKING_OUT_NEW, discard=not untouched))
    elif state.phase == journal.MOVING_NEW:
        state = save_state(node, dataclasses.replace(state, phase=journal.TAKING_OUT_NEW))
    if state.phase == journal.TAKING_OUT_NEW:
        if state.discard:
            # Before it is true, so no later run counts on files that are gone.
            remove_if_there(fetch_journal_path(node, restore_id=state.restore_id))
        for directory in state.directories:
            _take_out(directory, state=state)
        state = save_state(node, dataclasses.replace(state, phase=journal.PUTTING_BACK_OLD))
    cassandra_yaml.put_back(state.config_file, backup_path=kept_config_path(node, restore_id=state.restore_id))
    for directory in state.directories:
        aside = directory.aside(state.restore_id)
        data_directory.move_children(names_in(aside), source=aside, target=directory.path)
        data_directory.remove_if_empty(aside)
        data_directory.remove_tree(directory.discarded(state.restore_id))
        if directory.kind == journal.DATA:
            for keyspace in _own_keyspaces(state):
                data_directory.remove_tree(os.path.join(directory.fetched(state.restore_id), keyspace))
    if state.discard:
        for directory in state.directories:
            data_directory.remove_tree(directory.fetched(state.restore_id))
    _remove_work_directories(state)
    remove_if_there(state_path(node, restore_id=state.restore_id))
    return state.discard


def _take_out(directory: ManagedDirectory, *, state: JournalState) -> None:
    """Everything new out of one directory: back to where it was fetched, or away if Cassandra has changed it."""
    names = data_directory.movable(directory, others=state.directories)
    reusable = directory.kind == journal.DATA and not state.discard
    target = directory.fetched(state.restore_id) if reusable else directory.discarded(state.restore_id)
    if names:
        _make_work_directory(directory, target)
    data_directory.move_children(names, source=directory.path, target=target)


def _go_back_after(error: Exception, *, node: NodeSettings, restore_id: str) -> None:
    """Put everything back because of an error, and say so if that failed too."""
    try:
        state = read_state(node, restore_id=restore_id)
        if state is not None:
            _go_back(node, state)
    except (ReviveError, OSError) as second:
        raise LocalFilesError(
            f"The switch of {node.name} failed ({error}) and so did putting everything back ({second}).",
            subject=node.name,
            next_step=f"Fix what the messages name, then roll back with {option('state', 'rolled_back')}. Nothing is "
            "lost: the old files are in .revive.",
        ) from error


def _new_state(
    node: NodeSettings,
    *,
    config: cassandra_yaml.NodeConfig,
    restore_id: str,
    mode: str,
    tokens: t.Sequence[str],
    restore_auth: bool,
) -> JournalState:
    if mode == NEW_CLUSTER and not tokens:
        raise InputError(
            "A node of a new cluster needs tokens.", subject=node.name, next_step="Pass those in the plan."
        )
    return JournalState(
        restore_id=restore_id,
        mode=mode,
        phase=journal.PREPARING,
        tokens=tuple(tokens),
        restore_auth=restore_auth,
        config_file=node.config_file,
        directories=data_directory.managed_directories(config),
    )


def _prepare(state: JournalState, *, owner: str | None, group: str | None) -> None:
    """Copy what the node keeps of its own beside what was fetched. A copy of an earlier run may be stale and goes."""
    for directory in state.directories:
        if directory.kind != journal.DATA:
            continue
        fetched = directory.fetched(state.restore_id)
        for keyspace in _own_keyspaces(state):
            data_directory.remove_tree(os.path.join(fetched, keyspace))
        if state.mode != IN_PLACE:
            continue
        who = data_directory.resolve_owner(owner=owner, group=group, like=directory.path)
        for source in _own_tables(directory.path, state=state):
            target = os.path.join(fetched, os.path.relpath(source, directory.path))
            data_directory.copy_table_files(source, target=target, below=directory.path, owner=who)
        for path in (fetched, *(os.path.join(fetched, keyspace) for keyspace in _own_keyspaces(state))):
            data_directory.sync_if_there(path)


def _own_keyspaces(state: JournalState) -> tuple[str, ...]:
    """Keyspaces that are not from the backup."""
    if state.mode == ONE_NODE:
        return ()
    return (SYSTEM_KEYSPACE,) if state.restore_auth else (SYSTEM_KEYSPACE, AUTH_KEYSPACE)


def _own_tables(place: str, *, state: JournalState) -> list[str]:
    tables = data_directory.table_directories(place, keyspace=SYSTEM_KEYSPACE, tables=KEPT_OWN_TABLES)
    if not state.restore_auth:
        tables += data_directory.table_directories(place, keyspace=AUTH_KEYSPACE, tables=None)
    return tables


def _check_stopped(node: NodeSettings, *, config: cassandra_yaml.NodeConfig, is_running: t.Callable[[], bool]) -> None:
    """:raises NodeError: if anything tells that Cassandra runs."""
    why = ""
    if is_running():
        why = "it answers"
    for address, port in (
        (config.rpc_address or config.listen_address, config.native_transport_port),
        (config.listen_address, config.storage_port),
    ):
        if not why and address and address != "0.0.0.0" and _listens(address, port=port):
            why = f"something listens on {address}:{port}"
    directories = [each.path for each in data_directory.managed_directories(config)]
    processes = [] if why else data_directory.java_processes_using(directories)
    if processes:
        why = f"process {processes[0]} has its files open"
    if why:
        raise NodeError(
            f"Cassandra runs on {node.name}: {why}.",
            subject=node.name,
            next_step="Drain it if it answers, then stop it.",
        )


def _listens(address: str, *, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=_PORT_TIMEOUT_SECONDS):
        return True
    return False


def _check_staged(node: NodeSettings, state: JournalState) -> None:
    """:raises NodeError: unless all that belongs there is fetched, and nothing else."""
    differences = _differences(node, state, fetched=True)
    if differences:
        raise NodeError(
            f"What is fetched on {node.name} for {state.restore_id} is not complete: {differences[0]}"
            + (f", and {len(differences) - 1} more" if len(differences) > 1 else ""),
            subject=node.name,
            next_step="Fetch again: what is there already is not fetched twice. Nothing has been touched.",
        )


def _check_in_place(node: NodeSettings, state: JournalState) -> None:
    """:raises LocalFilesError: unless all that was fetched is now in Cassandra's directories, and nothing else."""
    differences = _differences(node, state, fetched=False)
    if differences:
        raise LocalFilesError(
            f"After the switch of {node.name}, {differences[0]}.",
            subject=node.name,
            next_step="Everything was put back. See that nothing else works in Cassandra's directories, then try "
            "again.",
        )


def _differences(node: NodeSettings, state: JournalState, *, fetched: bool) -> list[str]:
    """What is missing, changed or too much among the fetched files, or the same files once they are in place."""
    places = [directory for directory in state.directories if directory.kind == journal.DATA]
    expected: dict[tuple[int, str], tuple[int, int]] = {}
    complete = None
    for record in fetch_records(node, restore_id=state.restore_id):
        if isinstance(record, journal.FetchHeader):
            if tuple(os.path.realpath(place) for place in record.places) != tuple(each.path for each in places):
                return ["the data directories are not those of the fetch"]
            if record.restore_auth != state.restore_auth:
                return [f"it was fetched with {option('restore_auth', str(record.restore_auth).lower())}"]
        elif isinstance(record, journal.FetchedFile):
            expected[record.place, record.path] = (record.size, record.inode)
        else:
            complete = record
    if complete is None:
        return ["the fetch did not finish"]
    if (len(expected), sum(size for size, _inode in expected.values())) != (complete.files, complete.size):
        return ["the fetch's journal contradicts itself"]
    found: list[str] = []
    for number, directory in enumerate(places):
        root = directory.fetched(state.restore_id) if fetched else directory.path
        for keyspace in names_in(root) if fetched else data_directory.movable(directory, others=state.directories):
            if keyspace in _own_keyspaces(state) and (fetched or state.mode == IN_PLACE):
                continue
            for path, status in data_directory.files_below(os.path.join(root, keyspace)):
                wanted = expected.pop((number, f"{keyspace}/{path}"), None)
                if wanted != (status.st_size, status.st_ino):
                    found.append(
                        f"{os.path.join(root, keyspace, path)} {'has changed' if wanted else 'does not belong there'}"
                    )
    found += [f"{path} is missing" for _place, path in expected]
    return found


def _make_work_directory(directory: ManagedDirectory, path: str) -> None:
    below = os.path.dirname(directory.work_directory)
    owner = data_directory.resolve_owner(owner=None, group=None, like=below)
    data_directory.make_directories(path, below=below, owner=owner)


def _remove_work_directories(state: JournalState) -> None:
    """Those that are empty: others hold what somebody may still want."""
    for directory in state.directories:
        for work in (directory.work_directory, os.path.dirname(os.path.dirname(directory.fetched(state.restore_id)))):
            data_directory.remove_if_empty(directory.fetched(state.restore_id))
            data_directory.remove_if_empty(os.path.join(work, state.restore_id))
            data_directory.remove_if_empty(work)


def _never() -> bool:
    return False
