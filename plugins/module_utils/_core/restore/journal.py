# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node writes down about a restore, so a run that was killed goes on or goes back. Pure.

Two records, both in ``<state directory>/restores/``:

- ``<restore id>.jsonl``, the fetch's: which files are fetched and verified, and when all are, that they are;
- ``<restore id>.json``, the switch's: how far it is. What lies where follows from the phase alone, so each
  phase can be begun again or undone, whatever part of it was done.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document, Lines
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.placement import is_wanted

#: Ours in each directory of Cassandra's, so that renames stay within one file system.
WORK_DIRECTORY = ".revive"

#: Nothing of Cassandra's has been touched.
PREPARING: t.Final = "preparing"
#: What is in Cassandra's directories is old; some of it has been put aside.
MOVING_OLD: t.Final = "moving_old"
#: Everything old is aside; what is in Cassandra's directories is new.
MOVING_NEW: t.Final = "moving_new"
#: Everything new is in place; Cassandra may have been started since.
SWITCHED: t.Final = "switched"
#: Going back: what is in Cassandra's directories is new and being taken out.
TAKING_OUT_NEW: t.Final = "taking_out_new"
#: Going back: what is in Cassandra's directories is old; some of it is still aside.
PUTTING_BACK_OLD: t.Final = "putting_back_old"
#: Somebody has said that it is good; what was put aside is kept, until somebody says that it can go.
FINISHED: t.Final = "finished"
#: What was there before is back; what was taken out, with what clients had written to it, is kept as well.
UNDONE: t.Final = "undone"
#: What was kept is being deleted: there is no way back any more.
REMOVING: t.Final = "removing"
#: Phases in which nothing is left to be done, unless somebody asks for it.
OVER = (FINISHED, UNDONE, REMOVING)
Phase = t.Literal[
    "preparing",
    "moving_old",
    "moving_new",
    "switched",
    "taking_out_new",
    "putting_back_old",
    "finished",
    "undone",
    "removing",
]

DATA = "data"
LOG = "log"

_RESTORE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}\Z")


@dataclasses.dataclass(frozen=True)
class ManagedDirectory:
    """One of Cassandra's directories that a switch exchanges the content of.

    :param kind: ``data`` for one that holds keyspaces, ``log`` for one that holds files and ends up empty.
    :param work_directory: below which the old content is put aside; on the same file system.
    :param label: tells apart those that share a ``work_directory``.
    """

    path: str
    kind: str
    work_directory: str
    label: str = ""

    def fetched(self, restore_id: str) -> str:
        """Where the new content waits."""
        return posixpath.join(self.path, WORK_DIRECTORY, restore_id, "new")

    def aside(self, restore_id: str) -> str:
        """Where the old content waits."""
        return posixpath.join(self.work_directory, restore_id, f"old{self.label}")

    def discarded(self, restore_id: str) -> str:
        """Where new content goes that Cassandra has changed; it is kept, and never comes back by itself."""
        return posixpath.join(self.work_directory, restore_id, f"discarded{self.label}")


@dataclasses.dataclass(frozen=True)
class JournalState:
    """How far a switch is.

    :param discard: while going back, whether the new content was changed by Cassandra and so cannot be used again.
    :param put_aside: the directories that had something to be put aside; ``None`` in journals of 0.1.0.
    :param switched_us: when the new content was in place, and ``undone_us`` when the old was again.
    """

    restore_id: str
    mode: str
    phase: Phase
    tokens: tuple[str, ...]
    restore_auth: bool
    config_file: str
    directories: tuple[ManagedDirectory, ...]
    discard: bool = False
    put_aside: tuple[str, ...] | None = None
    switched_us: int | None = None
    undone_us: int | None = None

    def __post_init__(self) -> None:
        check_restore_id(self.restore_id)

    def to_result(self) -> dict[str, t.Any]:
        """As plain values for a module's result; without tokens, which are many."""
        return {
            "restore_id": self.restore_id,
            "mode": self.mode,
            "phase": self.phase,
            "restore_auth": self.restore_auth,
            "directories": [directory.path for directory in self.directories],
        }


@dataclasses.dataclass(frozen=True)
class FetchHeader:
    """What is being fetched to where.

    :param places: the directories that keyspaces go into; others name them by their number in here.
    :param tables: ``<keyspace>/<table>-<id>`` of those that are fetched; empty for all.
    :param own_system: whether what tells who the node was is fetched too.
    """

    restore_id: str
    tag: str
    source_host_id: str
    manifest_sha256: str
    restore_auth: bool
    places: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    own_system: bool = False

    def wants(self, table: TableRef) -> bool:
        """Whether a table is among those that are fetched."""
        if self.tables:
            return f"{table.keyspace}/{table.directory}" in self.tables
        return is_wanted(table, restore_auth=self.restore_auth, own_system=self.own_system)


@dataclasses.dataclass(frozen=True)
class FetchedFile:
    """A file that is fetched and whose content has been compared with the manifest.

    :param path: ``<keyspace>/<table>-<id>/<path in the manifest>``.
    :param inode: with ``mtime_ns`` and ``size``, the same as long as nobody has touched the file.
    """

    place: int
    path: str
    size: int
    sha256: str
    inode: int
    mtime_ns: int


@dataclasses.dataclass(frozen=True)
class FetchComplete:
    """All of it is fetched. It stands last."""

    files: int
    size: int
    tables: int


FetchRecord = t.Union[FetchHeader, FetchedFile, FetchComplete]


def is_restore_id(name: str) -> bool:
    """Whether a restore, and its directories, could be called so."""
    return bool(_RESTORE_ID.match(name)) and ".." not in name


def check_restore_id(restore_id: str) -> str:
    """``restore_id`` itself if it can be a directory's name.

    :raises InputError: otherwise.
    """
    if not is_restore_id(restore_id):
        raise InputError(
            f"{restore_id!r} cannot be a restore's id.", subject=restore_id, next_step="Use the one of the plan."
        )
    return restore_id


SWITCH = Document(
    "switch-journal",
    JournalState,
    error=LocalFilesError,
    next_step="Finish or roll back that restore with the version of revive.cassandra that wrote it.",
)
FETCH: Lines[FetchRecord] = Lines(
    Document("fetch-journal", FetchHeader, error=LocalFilesError),
    {"file": FetchedFile, "complete": FetchComplete},
)


def read_fetch_journal(lines: t.Iterable[bytes]) -> t.Iterator[FetchRecord]:
    """The records of the fetch's journal, as far as it can be read.

    It ends at the first line that is cut off, damaged or of another version: what is not in it is fetched again.
    """
    for number, line in enumerate(lines):
        try:
            record = FETCH.decode(line, subject="the fetch's journal")
        except LocalFilesError:
            return
        if (number == 0) != isinstance(record, FetchHeader) or not line.endswith(b"\n"):
            return
        yield record
