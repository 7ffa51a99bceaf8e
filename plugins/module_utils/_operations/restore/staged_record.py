# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written down of a moment once it is staged, so no later run fetches or replays again."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import read_if_there, write_atomically
from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import TableSize
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    fetch_ends,
    fetch_journal_path,
    record_path,
)


@dataclasses.dataclass(frozen=True)
class RecoveryOutcome:
    """What became of a node's base.

    :param schema_sha256: the same on all nodes, or the moment is in the middle of a schema change.
    :param segments: replayed, of ``log_bytes`` together.
    :param replayed: updates applied.
    :param unknown: mutations passed over, of tables that were not there at the moment.
    :param later_schema: mutations passed over that only a later schema can read; proven to be later than the moment.
    :param indexes_to_rebuild: ``keyspace.table.index``, to be rebuilt once the node runs.
    :param tables: ``keyspace.table`` of those that users had made by the moment.
    :param schema_cql: the statements that make the schema of the moment, and ``sizes`` what is staged of each table;
        both only where some tables were asked for.
    """

    changed: bool
    schema_sha256: str
    segments: int
    log_bytes: int
    replayed: int
    unknown: int
    later_schema: int
    dropped_tables: int
    truncated_tables: int
    indexes_to_rebuild: tuple[str, ...]
    tables: tuple[str, ...]
    replay_milliseconds: int
    seconds: float
    schema_cql: tuple[str, ...] = ()
    sizes: tuple[TableSize, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Staged:
    """:param journal: the SHA-256 of the journal of the fetch that it was made of."""

    journal: str
    outcome: RecoveryOutcome


_RECORD = Document(
    "staged-moment",
    _Staged,
    error=LocalFilesError,
    next_step="Delete it: the moment is then fetched and staged again.",
    bare=dict,
)


def is_staged(node: NodeSettings, *, restore_id: str) -> bool:
    """Whether the base has been made into the moment already, so it must not be fetched again."""
    return staged_outcome(node, restore_id=restore_id) is not None


def staged_files(node: NodeSettings, *, restore_id: str, restore_auth: bool) -> journal.FetchComplete | None:
    """What is staged of the moment; ``None`` if it is not staged, or was with the other ``restore_auth``."""
    if not is_staged(node, restore_id=restore_id):
        return None
    ends = fetch_ends(node, restore_id=restore_id)
    return ends[1] if ends is not None and ends[0].restore_auth == restore_auth else None


def forget_moment(node: NodeSettings, *, restore_id: str) -> None:
    """With the restore's other records, once it is finished, or before its base is fetched again."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(node, restore_id))


def _path(node: NodeSettings, restore_id: str) -> str:
    return record_path(node, restore_id=restore_id, end="staged")


def staged_outcome(node: NodeSettings, *, restore_id: str) -> RecoveryOutcome | None:
    """What an earlier run has done; ``None`` too if the fetch's journal is another since: what it staged is gone."""
    text = read_if_there(_path(node, restore_id))
    if text is None:
        return None
    record = _RECORD.decode(text, subject=_path(node, restore_id))
    if record.journal != _journal_sha256(node, restore_id=restore_id):
        return None
    return dataclasses.replace(record.outcome, changed=False)


def note_rebuilt(node: NodeSettings, *, restore_id: str) -> None:
    """That there are no indexes to rebuild any more."""
    done = staged_outcome(node, restore_id=restore_id)
    if done is not None:
        save_outcome(node, dataclasses.replace(done, indexes_to_rebuild=()), restore_id=restore_id)


def save_outcome(node: NodeSettings, outcome: RecoveryOutcome, *, restore_id: str) -> None:
    """Write down what became of the base, and of which fetch it was."""
    record = _Staged(journal=_journal_sha256(node, restore_id=restore_id), outcome=outcome)
    write_atomically(_path(node, restore_id), _RECORD.encode(record))


def _journal_sha256(node: NodeSettings, *, restore_id: str) -> str:
    return hashlib.sha256(read_if_there(fetch_journal_path(node, restore_id=restore_id)) or b"").hexdigest()
