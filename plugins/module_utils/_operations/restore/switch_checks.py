# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be so before and after a switch: Cassandra is stopped, and exactly what was fetched is there."""

from __future__ import annotations

import contextlib
import os
import socket
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import (
    cassandra_yaml,
    cassandra_yaml_edit,
    data_directory,
    processes,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.addresses import node_addresses
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import names_in
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    AUTH_KEYSPACE,
    SYSTEM_KEYSPACE,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import JournalState
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import IN_PLACE, ONE_NODE
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import Obstacle
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import fetch_records

_PORT_TIMEOUT_SECONDS = 1.0


def check_stopped(node: NodeSettings, *, config: cassandra_yaml.NodeConfig, is_running: t.Callable[[], bool]) -> None:
    """:raises NodeError: if anything tells that Cassandra runs."""
    why = ""
    if is_running():
        why = "it answers"
    for address, port in _listening(node, config=config):
        if not why and address and _listens(address, port=port):
            why = f"something listens on {address}:{port}"
    directories = [each.path for each in data_directory.managed_directories(config)]
    users = () if why else processes.java_processes_using(directories)
    if users:
        why = f"process {users[0]} has its files open"
    if why:
        raise NodeError(
            f"Cassandra runs on {node.name}: {why}.",
            subject=node.name,
            next_step="Drain it if it answers, then stop it.",
        )


def _listening(node: NodeSettings, *, config: cassandra_yaml.NodeConfig) -> list[tuple[str | None, int]]:
    """Where Cassandra listens when it runs; nowhere if its interface is gone."""
    with contextlib.suppress(LocalFilesError):
        where = node_addresses(config, listen_address=node.listen_address)
        return [(where.native, config.native_transport_port), (where.listen, config.storage_port)]
    return []


def _listens(address: str, *, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=_PORT_TIMEOUT_SECONDS):
        return True
    return False


def obstacles(config: cassandra_yaml.NodeConfig) -> tuple[Obstacle, ...]:
    """What a switch of this node would fail by, as it is now; nothing is touched."""
    found: list[tuple[LocalFilesError, bool]] = []
    try:
        directories = data_directory.managed_directories(config)
        for directory in directories:
            found += [(problem, False) for problem in data_directory.not_movable(directory, others=directories)]
    except LocalFilesError as error:
        found.append((error, False))
    try:
        cassandra_yaml_edit.check_changeable(config.path)
    except LocalFilesError as error:
        found.append((error, True))
    return tuple(
        Obstacle(message=error.message, subject=error.subject, next_step=error.next_step, new_cluster=new_cluster)
        for error, new_cluster in found
    )


def check_fetched(node: NodeSettings, state: JournalState) -> None:
    """:raises NodeError: unless all that belongs there is fetched, and nothing else."""
    found = differences(node, state, fetched=True)
    if found:
        raise NodeError(
            f"What is fetched on {node.name} for {state.restore_id} is not complete: {found[0]}"
            + (f", and {len(found) - 1} more" if len(found) > 1 else ""),
            subject=node.name,
            next_step="Fetch again: what is there already is not fetched twice. Nothing has been touched.",
        )


def check_in_place(node: NodeSettings, state: JournalState) -> None:
    """:raises LocalFilesError: unless all that was fetched is now in Cassandra's directories, and nothing else."""
    found = differences(node, state, fetched=False)
    if found:
        raise LocalFilesError(
            f"After the switch of {node.name}, {found[0]}.",
            subject=node.name,
            next_step="Everything was put back. See that nothing else works in Cassandra's directories, then try "
            "again.",
        )


def differences(node: NodeSettings, state: JournalState, *, fetched: bool) -> list[str]:
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
            if keyspace in own_keyspaces(state) and (fetched or state.mode == IN_PLACE):
                continue
            for path, status in data_directory.files_below(os.path.join(root, keyspace)):
                wanted = expected.pop((number, f"{keyspace}/{path}"), None)
                if wanted != (status.st_size, status.st_ino):
                    found.append(
                        f"{os.path.join(root, keyspace, path)} {'has changed' if wanted else 'does not belong there'}"
                    )
    found += [f"{path} is missing" for _place, path in expected]
    return found


def own_keyspaces(state: JournalState) -> tuple[str, ...]:
    """Keyspaces that are not from the backup."""
    if state.mode == ONE_NODE:
        return ()
    return (SYSTEM_KEYSPACE,) if state.restore_auth else (SYSTEM_KEYSPACE, AUTH_KEYSPACE)
