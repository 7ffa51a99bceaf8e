# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node writes down about a restore, so a run that was killed goes on or goes back. Pure.

Two records, both in ``<state directory>/restores/``:

- ``<restore id>.jsonl``, the fetch's: which files are staged and verified, and when all are, that they are;
- ``<restore id>.json``, the switch's: how far it is. What lies where follows from the phase alone, so each
  phase can be begun again or undone, whatever part of it was done.
"""

from __future__ import annotations

import dataclasses
import json
import posixpath
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.placement import is_wanted

FORMAT_VERSION = 1
SWITCH_FORMAT = "revive.cassandra/switch-journal"
FETCH_FORMAT = "revive.cassandra/fetch-journal"

#: Ours in each directory of Cassandra's, so that renames stay within one file system.
WORK_DIRECTORY = ".revive"

#: Nothing of Cassandra's has been touched.
PREPARING = "preparing"
#: What is in Cassandra's directories is old; some of it has been put aside.
MOVING_OLD = "moving_old"
#: Everything old is aside; what is in Cassandra's directories is new.
MOVING_NEW = "moving_new"
#: Everything new is in place; Cassandra may have been started since.
SWITCHED = "switched"
#: Going back: what is in Cassandra's directories is new and being taken out.
TAKING_OUT_NEW = "taking_out_new"
#: Going back: what is in Cassandra's directories is old; some of it is still aside.
PUTTING_BACK_OLD = "putting_back_old"
#: There is no way back; what was put aside is deleted, or kept for somebody to look at.
FINISHED = "finished"
PHASES = (PREPARING, MOVING_OLD, MOVING_NEW, SWITCHED, TAKING_OUT_NEW, PUTTING_BACK_OLD, FINISHED)

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

    def staged(self, restore_id: str) -> str:
        """Where the new content waits."""
        return posixpath.join(self.path, WORK_DIRECTORY, restore_id, "new")

    def aside(self, restore_id: str) -> str:
        """Where the old content waits."""
        return posixpath.join(self.work_directory, restore_id, f"old{self.label}")

    def discarded(self, restore_id: str) -> str:
        """Where new content goes that Cassandra has changed."""
        return posixpath.join(self.work_directory, restore_id, f"discarded{self.label}")


@dataclasses.dataclass(frozen=True)
class JournalState:
    """How far a switch is.

    :param discard: while going back, whether the new content was changed by Cassandra and so cannot be used again.
    """

    restore_id: str
    mode: str
    phase: str
    tokens: tuple[str, ...]
    restore_auth: bool
    config_file: str
    directories: tuple[ManagedDirectory, ...]
    discard: bool = False

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
class StagedFile:
    """A file that is staged and whose content has been compared with the manifest.

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
    """All of it is staged. It stands last."""

    files: int
    size: int
    tables: int


FetchRecord = t.Union[FetchHeader, StagedFile, FetchComplete]


def check_restore_id(restore_id: str) -> str:
    """``restore_id`` itself if it can be a directory's name.

    :raises InputError: otherwise.
    """
    if not _RESTORE_ID.match(restore_id) or ".." in restore_id:
        raise InputError(
            f"{restore_id!r} cannot be a restore's id.", subject=restore_id, next_step="Use the one of the plan."
        )
    return restore_id


def encode_state(state: JournalState) -> bytes:
    """The switch's journal."""
    value = {"format": SWITCH_FORMAT, "version": FORMAT_VERSION, **dataclasses.asdict(state)}
    return json.dumps(value, indent=1).encode() + b"\n"


def decode_state(text: bytes, *, subject: str) -> JournalState:
    """The switch's journal as it was written.

    :raises LocalFilesError: if the text is something else.
    """
    try:
        value = json.loads(text)
        if (value["format"], value["version"]) != (SWITCH_FORMAT, FORMAT_VERSION) or value["phase"] not in PHASES:
            raise ValueError("another format or phase")
        return JournalState(
            restore_id=check_restore_id(value["restore_id"]),
            mode=value["mode"],
            phase=value["phase"],
            tokens=tuple(value["tokens"]),
            restore_auth=value["restore_auth"],
            config_file=value["config_file"],
            directories=tuple(ManagedDirectory(**each) for each in value["directories"]),
            discard=value["discard"],
        )
    except (ValueError, KeyError, TypeError, InputError) as error:
        raise LocalFilesError(
            f"The journal {subject} cannot be read: {error}.",
            subject=subject,
            next_step="Finish or roll back that restore with the version of revive.cassandra that wrote it.",
        ) from error


def encode_fetch_record(record: FetchRecord) -> bytes:
    """One line of the fetch's journal, with its line end."""
    value: dict[str, t.Any]
    if isinstance(record, FetchHeader):
        value = {"record": "header", "format": FETCH_FORMAT, "version": FORMAT_VERSION, **dataclasses.asdict(record)}
    elif isinstance(record, StagedFile):
        value = {"record": "file", **dataclasses.asdict(record)}
    else:
        value = {"record": "complete", **dataclasses.asdict(record)}
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def read_fetch_journal(lines: t.Iterable[bytes]) -> t.Iterator[FetchRecord]:
    """The records of the fetch's journal, as far as it can be read.

    It ends at the first line that is cut off, damaged or of another version: what is not in it is fetched again.
    """
    for number, line in enumerate(lines):
        try:
            value = json.loads(line)
            kind = value.pop("record")
            record: FetchRecord
            if kind == "header":
                if (value.pop("format"), value.pop("version")) != (FETCH_FORMAT, FORMAT_VERSION):
                    return
                lists = {name: tuple(value[name]) for name in ("places", "tables") if name in value}
                record = FetchHeader(**{**value, **lists})
            elif kind == "file":
                record = StagedFile(**value)
            else:
                record = FetchComplete(**value)
        except (ValueError, KeyError, TypeError, AttributeError):
            return
        if (number == 0) != isinstance(record, FetchHeader) or not line.endswith(b"\n"):
            return
        yield record
