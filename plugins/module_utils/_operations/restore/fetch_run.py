# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One fetch under way: where its files go, what is there already, and the journal in which that stands."""

from __future__ import annotations

import dataclasses
import os
import threading
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.data_directory import Owner
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import explained, sync_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.rate_limit import RateLimit
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.workers import Workers
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import read_node_manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    FileEntry,
    TableEntry,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal, placement
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import Reserve, reserve_reached
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    fetch_journal_path,
    work_directory,
)


@dataclasses.dataclass
class FetchNeeds:
    """What a manifest asks for: for each place the bytes to come, and what is there already."""

    files: int = 0
    size: int = 0
    tables: int = 0
    reused_files: int = 0
    reused_bytes: int = 0
    missing: dict[int, int] = dataclasses.field(default_factory=dict)


_Fetched = dict[tuple[int, str], journal.FetchedFile]


class FetchRun:
    """What the workers of one fetch share; what changes is behind its lock."""

    def __init__(
        self,
        *,
        node: NodeSettings,
        store: ObjectStore,
        settings: RepositorySettings,
        header: journal.FetchHeader,
        manifest: str,
        owners: t.Sequence[Owner],
        reserve: Reserve,
        limit: RateLimit,
        progress: Progress,
        workers: Workers,
    ) -> None:
        self.node, self.store, self.settings, self.header, self.manifest = node, store, settings, header, manifest
        self.owners, self.limit, self.progress, self.workers = owners, limit, progress, workers
        self.reserve = reserve
        self.places = placement.Places(data=0, local=0)
        self.chosen: dict[tuple[str, str, str], int] | None = None
        self.fetched: _Fetched = {}
        self.needs = FetchNeeds()
        self.fetched_bytes = 0
        self.was_complete = False
        self.records: t.BinaryIO
        self._lock = threading.Lock()

    def root(self, place: int) -> str:
        """Where the fetched files of a place lie."""
        return os.path.join(self._work(place), "new")

    def partials(self, place: int) -> str:
        """Where files are that have no name yet."""
        return os.path.join(self._work(place), "part")

    def _work(self, place: int) -> str:
        return work_directory(self.header.places[place], self.header.restore_id)

    def entries(self) -> t.Iterator[BackedUpObject | TableEntry]:
        """The tables and objects that are to be fetched, in the order of the manifest."""
        with explained("read", self.manifest), open(self.manifest, "rb") as lines:
            for record in read_node_manifest(lines, subject=self.manifest):
                if not isinstance(record, (BackedUpObject, TableEntry)) or not self.header.wants(record.table):
                    continue
                if self.header.tables and isinstance(record, BackedUpObject) and placement.is_of_an_index(record):
                    # Tables alone are imported, and Cassandra makes their indexes again.
                    continue
                yield record

    def place_of(self, entry: BackedUpObject) -> int:
        """The place of an object's files."""
        return placement.place_of(entry, places=self.places, chosen=self.chosen)

    def is_staged(self, place: int, entry: BackedUpObject, file: FileEntry) -> bool:
        """Whether a file is there, verified, by the journal."""
        known = self.fetched.get((place, placement.file_path(entry.table, file.path)))
        return known is not None and (known.size, known.sha256) == (file.size, file.sha256)

    def record(self, files: t.Sequence[journal.FetchedFile], *, stored_size: int) -> None:
        """Write down files that are fetched and verified."""
        lines = b"".join(journal.FETCH.encode(file) for file in files)
        with self._lock:
            self.fetched_bytes += stored_size
            with explained("write", fetch_journal_path(self.node, restore_id=self.header.restore_id)):
                self.records.write(lines)
                self.records.flush()
            for file in files:
                self.fetched[file.place, file.path] = file
                self.needs.missing[file.place] = max(0, self.needs.missing.get(file.place, 0) - file.size)

    def check_room(self, place: int) -> None:
        """:raises NoSpaceError: if the file system of a place has only what has to stay free, whoever filled it."""
        path = self.header.places[place]
        found = data_directory.file_system(path)
        kept = self.reserve.of(found.size_bytes)
        if found.free_bytes >= kept:
            return
        with self._lock:
            to_come = sum(
                size
                for number, size in self.needs.missing.items()
                if data_directory.file_system(self.header.places[number]).device == found.device
            )
            done = f"{len(self.fetched)} of {self.needs.files} files have been fetched, and stay in {self.root(place)}."
        raise reserve_reached(self.node.name, below=path, kept=kept, free=found.free_bytes, to_come=to_come, done=done)


def load_journal(run: FetchRun) -> None:
    """What an earlier run fetched, as far as it is for the same and still there untouched."""
    path = fetch_journal_path(run.node, restore_id=run.header.restore_id)
    if not os.path.exists(path):
        return
    same = False
    with explained("read", path), open(path, "rb") as lines:
        for record in journal.read_fetch_journal(lines):
            if isinstance(record, journal.FetchHeader):
                if dataclasses.replace(record, restore_auth=run.header.restore_auth) != run.header:
                    return
                same = record.restore_auth == run.header.restore_auth
            elif isinstance(record, journal.FetchedFile):
                if _untouched(os.path.join(run.root(record.place), record.path), record):
                    run.fetched[record.place, record.path] = record
            else:
                run.was_complete = same


def _untouched(path: str, record: journal.FetchedFile) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return (status.st_size, status.st_ino, status.st_mtime_ns) == (record.size, record.inode, record.mtime_ns)


def begin_journal(run: FetchRun) -> None:
    """Write the journal again with what still holds, without the mark that all is there, and open it for more."""
    path = fetch_journal_path(run.node, restore_id=run.header.restore_id)
    write_journal(run, complete=None)
    with explained("open", path):
        run.records = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by who called


def write_journal(run: FetchRun, *, complete: journal.FetchComplete | None) -> None:
    """Write the journal from scratch.

    :param complete: what stands last when everything is there.
    """
    path = fetch_journal_path(run.node, restore_id=run.header.restore_id)
    temporary = f"{path}.new"
    with explained("write", path):
        with open(temporary, "wb") as file:
            file.write(journal.FETCH.encode(run.header))
            for record in run.fetched.values():
                file.write(journal.FETCH.encode(record))
            if complete is not None:
                file.write(journal.FETCH.encode(complete))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_directory(os.path.dirname(path))


def make_directory(run: FetchRun, place: int, path: str) -> str:
    """A directory among the fetched files, its full path."""
    root = run.root(place)
    directory = os.path.join(root, path)
    data_directory.make_directories(directory, below=root, owner=run.owners[place])
    return directory
