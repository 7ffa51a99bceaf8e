# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node writes down about a restore of tables, so a run that was killed goes on or is undone."""

from __future__ import annotations

import dataclasses

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import read_if_there, write_atomically
from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.row_comparison import VerifiedTable
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import record_path


@dataclasses.dataclass(frozen=True)
class Notes:
    """What is written down on a node about a restore of tables.

    Times are milliseconds by the node's clock, 0 for never.

    :param imported: names of the tables that the node has taken.
    :param import_began_ms: when it began to take the first.
    :param snapshots: that were ever taken of what the tables held that are emptied; ``kept`` are those of them that
        have what was there before this attempt.
    :param held: how many SSTables were seen in the tables of ``imported`` after their import.
    :param verified: how the tables' rows compared with what was fetched; ``None`` before they were.
    :param first_saved_ms: when the first of ``kept`` began, and ``saved_ms`` the last.
    :param views: statements that make the views that the restore drops.
    """

    imported: tuple[str, ...] = ()
    held: int = 0
    import_began_ms: int = 0
    snapshots: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    first_saved_ms: int = 0
    saved_ms: int = 0
    verified: tuple[VerifiedTable, ...] | None = None
    views: tuple[str, ...] = ()


_NOTES = Document(
    "table-restore-notes",
    Notes,
    error=LocalFilesError,
    next_step="Use the version of revive.cassandra that wrote it to finish or undo that restore.",
    bare=dict,
)


def read_notes(node: NodeSettings, *, restore_id: str) -> Notes:
    """What is written down; nothing yet if there is nothing.

    :raises LocalFilesError: if it cannot be read.
    """
    path = notes_path(node, restore_id=restore_id)
    text = read_if_there(path)
    return Notes() if text is None else _NOTES.decode(text, subject=path)


def write_notes(node: NodeSettings, notes: Notes, *, restore_id: str) -> None:
    """Write them down again."""
    write_atomically(notes_path(node, restore_id=restore_id), _NOTES.encode(notes))


def notes_path(node: NodeSettings, *, restore_id: str) -> str:
    """Where they lie."""
    return record_path(node, restore_id=restore_id, end="tables")
