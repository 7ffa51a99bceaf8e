# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The switch on one stopped node: the old content of Cassandra's directories aside, the fetched content in.

Only renames within a file system, so it takes no longer for more data. A journal says which phase it is in, and each
phase can be begun again, whatever part of it was done, and undone. So a run that is killed anywhere is taken up by the
same call, or undone by a roll back, which can be killed anywhere as well.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import (
    cassandra_yaml,
    cassandra_yaml_edit,
    data_directory,
    files,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import (
    JournalState,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    IN_PLACE,
    NEW_CLUSTER,
    ONE_NODE,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.exchange import (
    go_back,
    go_back_after,
    go_forward,
    remove_work_directories,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    all_states,
    kept_config_path,
    over,
    own_state,
    read_state,
    remove_records,
    save_state,
    state_path,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.switch_checks import check_stopped


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
        if state is not None and state.phase in journal.OVER:
            raise over(node, state)
        config = cassandra_yaml.read_config(node.config_file)
        check_stopped(node, config=config, is_running=is_running)
        if state is not None and state.phase in (journal.TAKING_OUT_NEW, journal.PUTTING_BACK_OLD):
            go_back(node, state)
            state = None
        if state is None or state.phase == journal.PREPARING:
            state = _new_state(
                node, config=config, restore_id=restore_id, mode=mode, tokens=tokens, restore_auth=restore_auth
            )
        try:
            go_forward(node, state, owner=owner, group=group)
        except (ReviveError, OSError) as error:
            go_back_after(error, node=node, restore_id=restore_id)
            raise
        return SwitchOutcome(changed=True, phase=journal.SWITCHED)


def roll_back(
    node: NodeSettings, *, restore_id: str, is_running: t.Callable[[], bool] | None = None
) -> RollBackOutcome:
    """Put everything back as it was before the switch, also of a restore that is finished. Nothing to do if there was
    none, or if that is done.

    What was fetched is kept for another run; if Cassandra has been started on it, until :func:`finish` deletes it.

    :param is_running: as for :func:`switch_node`.
    :raises BusyError: if another restore is under way on the node.
    :raises NodeError: if Cassandra runs, or what was there before is gone.
    :raises LocalFilesError: if a file or directory cannot be moved; doing it again goes on.
    """
    journal.check_restore_id(restore_id)
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        state = to_roll_back(node, restore_id=restore_id)
        if state is None:
            return RollBackOutcome(changed=False)
        check_stopped(node, config=cassandra_yaml.read_config(node.config_file), is_running=is_running or _never)
        discarded = go_back(node, state)
        return RollBackOutcome(changed=True, refetch=discarded)


def to_roll_back(node: NodeSettings, *, restore_id: str) -> JournalState | None:
    """How far the switch is that a roll back would undo; ``None`` if there is nothing to undo.

    :raises BusyError, NodeError: as of :func:`roll_back`.
    """
    state = own_state(node, restore_id=restore_id)
    if state is None or state.phase == journal.UNDONE:
        return None
    _check_same_directories(node, state)
    if state.phase not in journal.OVER:
        return state
    if state.mode != IN_PLACE:
        raise NodeError(
            f"The restore {state.restore_id} is finished on {node.name}, and was not in place: there is no way back.",
            subject=node.name,
            next_step="What the machine held before lies in .revive beside the data, in old.",
        )
    there = {each.path for each in state.directories if os.path.isdir(each.aside(state.restore_id))}
    if state.phase == journal.REMOVING or not there or not there >= set(state.put_aside or ()):
        raise NodeError(
            f"What {node.name} held before the restore {state.restore_id} is not all there any more.",
            subject=node.name,
            next_step="Restore the backup or the moment that is wanted.",
        )
    _check_last(node, state)
    return state


def _check_same_directories(node: NodeSettings, state: JournalState) -> None:
    """:raises NodeError: unless Cassandra still has the directories that were exchanged."""
    now = {each.path for each in data_directory.managed_directories(cassandra_yaml.read_config(node.config_file))}
    then = {each.path for each in state.directories}
    if now != then:
        raise NodeError(
            f"{node.name} has other directories than when {state.restore_id} exchanged them: "
            f"{', '.join(sorted(now ^ then))}.",
            subject=node.name,
            next_step=f"Give it those of then in {node.config_file}, with what is in them, to go back.",
        )


def _check_last(node: NodeSettings, state: JournalState) -> None:
    """:raises NodeError: if another restore came after it, and is what the node holds now."""
    later = [
        each.restore_id
        for each in all_states(node)
        if each.restore_id != state.restore_id
        and each.phase == journal.FINISHED
        and (each.switched_us or 0) >= (state.switched_us or 0)
    ]
    if later:
        raise NodeError(
            f"After {state.restore_id}, {node.name} was restored again: {', '.join(later)}.",
            subject=node.name,
            next_step=f"Undo that first, with {option('restore_id', later[0])}.",
        )


def finish(node: NodeSettings, *, restore_id: str, keep_old: bool) -> FinishOutcome:
    """Say that the restored node is good, and keep what was put aside; or delete it, and with it the way back. Of a
    restore that was undone, delete what was taken out.

    :raises NodeError: if the node has not been switched.
    :raises LocalFilesError: if something cannot be deleted; doing it again goes on.
    """
    journal.check_restore_id(restore_id)
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        state = read_state(node, restore_id=restore_id)
        if state is None or (state.phase in journal.OVER and keep_old):
            return FinishOutcome(changed=False, freed_bytes=0)
        if state.phase not in (journal.SWITCHED, *journal.OVER):
            raise NodeError(
                f"The restore {restore_id} on {node.name} is at {state.phase}, so it cannot be finished.",
                subject=node.name,
                next_step=f"Run it again, or roll it back with {option('state', 'rolled_back')}.",
            )
        if state.phase == journal.SWITCHED:
            state = save_state(node, dataclasses.replace(state, phase=journal.FINISHED))
        cassandra_yaml_edit.forget_original(
            state.config_file, backup_path=kept_config_path(node, restore_id=restore_id)
        )
        for directory in state.directories:
            data_directory.remove_tree(directory.fetched(restore_id))
        if keep_old:
            return FinishOutcome(changed=True, freed_bytes=0)
        state = save_state(node, dataclasses.replace(state, phase=journal.REMOVING))
        freed = sum(
            data_directory.remove_tree(path)
            for directory in state.directories
            for path in (directory.aside(restore_id), directory.discarded(restore_id))
        )
        remove_work_directories(state)
        remove_records(node, restore_id=restore_id)
        return FinishOutcome(changed=True, freed_bytes=freed)


def settle_configuration(
    node: NodeSettings, *, restore_id: str, who: t.Callable[[], NodeIdentity], check_mode: bool
) -> bool:
    """Take out of a new cluster's node's configuration what made it start with its tokens, once it runs with them.

    :param who: what the running node says; asked only if that matters.
    :returns: whether the configuration has changed, or would.
    :raises NodeError: if it does not answer, or has other tokens.
    :raises LocalFilesError: if the configuration cannot be changed.
    """
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        state = read_state(node, restore_id=restore_id)
        if state is None or state.phase != journal.SWITCHED or state.mode != NEW_CLUSTER:
            return False
        if set(who().tokens) != set(state.tokens):
            raise NodeError(
                f"{node.name} runs with other tokens than those of {restore_id}.",
                subject=node.name,
                next_step="Compare nodetool ring with the plan before clients rely on it. Nothing was changed.",
            )
        return cassandra_yaml_edit.settle(
            state.config_file,
            tokens=state.tokens,
            check_mode=check_mode,
            backup_path=kept_config_path(node, restore_id=restore_id),
        )


def exchanges_in_place_us(node: NodeSettings, *, restore_id: str) -> tuple[int, ...]:
    """When a node's directories were exchanged in place, and when back; none if they were not, or that is finished."""
    state = read_state(node, restore_id=restore_id)
    exchanged = (journal.SWITCHED, journal.UNDONE)
    if state is None or state.phase not in exchanged or state.mode not in (IN_PLACE, ONE_NODE):
        return ()
    if state.switched_us is None:
        # Of a release that did not write it down: the journal was written then.
        path = state_path(node, restore_id=restore_id)
        with files.explained("read", path):
            return (os.stat(path).st_mtime_ns // 1000,)
    return (state.switched_us, *(() if state.undone_us is None else (state.undone_us,)))


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


def _never() -> bool:
    return False
