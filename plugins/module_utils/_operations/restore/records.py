# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node writes down about its restores: where each record lies, who may work, and what has been fetched.

All records of a restore lie beside each other in ``restores`` below the state directory, named by the restore and told
apart by their ends: the fetch's journal (``.jsonl``), the fetched node manifest (``.manifest``), the switch's journal
(``.json``), the configuration as it was (``.cassandra.yaml``), what was staged (``.staged``) and the notes of a restore
of tables (``.tables``). Fetch, stage, switch and tables read and write them here.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import files
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    ensure_directory,
    names_in,
    read_if_there,
    remove_if_there,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BusyError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import read_node_manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import NodeManifestHeader
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import JournalState
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings

#: Held by whoever works on a node's restores.
LOCK_NAME = "restore"


def _directory(node: NodeSettings) -> str:
    return os.path.join(node.state_directory, "restores")


def record_path(node: NodeSettings, *, restore_id: str, end: str) -> str:
    """Where one record of a restore lies.

    :raises InputError: if the id could lead somewhere else.
    """
    return os.path.join(_directory(node), f"{journal.check_restore_id(restore_id)}.{end}")


def fetch_journal_path(node: NodeSettings, *, restore_id: str) -> str:
    """Where the fetch writes down what is fetched."""
    return record_path(node, restore_id=restore_id, end="jsonl")


def manifest_path(node: NodeSettings, *, restore_id: str) -> str:
    """Where the fetch keeps the node's manifest."""
    return record_path(node, restore_id=restore_id, end="manifest")


def state_path(node: NodeSettings, *, restore_id: str) -> str:
    """Where the switch writes down how far it is."""
    return record_path(node, restore_id=restore_id, end="json")


def kept_config_path(node: NodeSettings, *, restore_id: str) -> str:
    """Where the switch keeps the configuration as it was."""
    return record_path(node, restore_id=restore_id, end="cassandra.yaml")


def work_directory(place: str, restore_id: str) -> str:
    """Where a restore keeps in a data directory what it has fetched, and works."""
    return os.path.join(place, journal.WORK_DIRECTORY, restore_id)


def pending(node: NodeSettings) -> JournalState | None:
    """The switch on this node that has been begun and is neither finished nor rolled back.

    :raises LocalFilesError: if its journal cannot be read.
    """
    return next((state for state in all_states(node) if state.phase not in journal.OVER), None)


def names_of_records(node: NodeSettings) -> frozenset[str]:
    """The names of all restores that something is written down about."""
    ends = (".jsonl", ".manifest", ".json", ".cassandra.yaml", ".staged", ".tables")
    found = ((name, next((end for end in ends if name.endswith(end)), "")) for name in names_in(_directory(node)))
    return frozenset(name[: -len(end)] for name, end in found if end)


def all_states(node: NodeSettings) -> t.Iterator[JournalState]:
    """How far each switch on this node is, in the order of their names.

    :raises LocalFilesError: if a journal cannot be read.
    """
    for name in names_in(_directory(node)):
        if name.endswith(".json"):
            state = read_state(node, restore_id=name[: -len(".json")])
            if state is not None:
                yield state


def read_state(node: NodeSettings, *, restore_id: str) -> JournalState | None:
    """How far a switch is; ``None`` if none was begun.

    :raises LocalFilesError: if its journal cannot be read.
    """
    path = state_path(node, restore_id=restore_id)
    text = read_if_there(path)
    return None if text is None else journal.SWITCH.decode(text, subject=path)


def own_state(node: NodeSettings, *, restore_id: str) -> JournalState | None:
    """The journal of this restore.

    :raises BusyError: if another one is under way.
    """
    other = pending(node)
    if other is not None and other.restore_id != restore_id:
        raise BusyError(
            f"On {node.name} the restore {other.restore_id} was begun and is not finished ({other.phase}).",
            subject=node.name,
            next_step=f"Finish it, or roll it back with {option('state', 'rolled_back')}.",
        )
    return read_state(node, restore_id=restore_id)


def over(node: NodeSettings, state: JournalState) -> NodeError:
    """The error of a step that would go on with a restore that is over."""
    return NodeError(
        f"The restore {state.restore_id} is {state.phase} on {node.name}.",
        subject=node.name,
        next_step="Plan again: the same once more gets a name of its own.",
    )


def save_state(node: NodeSettings, state: JournalState) -> JournalState:
    """Write down how far a switch is, before it is true."""
    ensure_directory(_directory(node))
    write_atomically(state_path(node, restore_id=state.restore_id), journal.SWITCH.encode(state))
    return state


def remove_records(node: NodeSettings, *, restore_id: str) -> None:
    """All that is written down about a restore; the switch's journal last, for a run that is killed here."""
    remove_if_there(fetch_journal_path(node, restore_id=restore_id))
    remove_if_there(manifest_path(node, restore_id=restore_id))
    remove_if_there(state_path(node, restore_id=restore_id))


def fetch_records(node: NodeSettings, *, restore_id: str) -> t.Iterator[journal.FetchRecord]:
    """What the fetch has written down, one by one: there may be a million."""
    path = fetch_journal_path(node, restore_id=restore_id)
    if os.path.exists(path):
        with files.explained("read", path), open(path, "rb") as lines:
            yield from journal.read_fetch_journal(lines)


def fetch_ends(node: NodeSettings, *, restore_id: str) -> tuple[journal.FetchHeader, journal.FetchComplete] | None:
    """How a fetch began and ended; ``None`` unless it was completed."""
    first = last = None
    for last in fetch_records(node, restore_id=restore_id):
        first = first or last
    if isinstance(first, journal.FetchHeader) and isinstance(last, journal.FetchComplete):
        return first, last
    return None


def fetched_places(node: NodeSettings, *, restore_id: str) -> tuple[str, ...]:
    """Where the base was fetched to.

    :raises NodeError: unless all of it was.
    """
    ends = fetch_ends(node, restore_id=restore_id)
    if ends is None:
        raise _not_fetched(node, restore_id=restore_id)
    return tuple(map(os.path.realpath, ends[0].places))


def source_of(node: NodeSettings, *, restore_id: str) -> NodeManifestHeader:
    """What the fetched base's node manifest begins with.

    :raises NodeError: if none has been fetched.
    """
    path = manifest_path(node, restore_id=restore_id)
    if os.path.exists(path):
        with files.explained("read", path), open(path, "rb") as lines:
            for record in read_node_manifest(lines, subject=path):
                if isinstance(record, NodeManifestHeader):
                    return record
                break
    raise _not_fetched(node, restore_id=restore_id)


def _not_fetched(node: NodeSettings, *, restore_id: str) -> NodeError:
    return NodeError(
        f"The base of {restore_id} was not fetched to {node.name}.",
        subject=node.name,
        next_step="Fetch it first.",
    )
