# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching a node's files from the repository into a staging area, while the old cluster may still serve.

The staging area lies inside each data directory, so that the switch is a matter of renames. A file gets its name there
only when its whole object has been compared with the manifest; a journal keeps which have, so that a run that was
killed goes on.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import itertools
import os
import tarfile
import threading
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import NodeConfig, read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.data_directory import Owner
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    ensure_directory,
    explained,
    file_sha256,
    remove_if_there,
    sync_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.rate_limit import RateLimit
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BusyError,
    ManifestError,
    NodeError,
    NoSpaceError,
    ObjectCorruptError,
    StoreError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_size
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import parse_node_manifest_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import read_node_manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    FileEntry,
    NodeManifestHeader,
    TableEntry,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal, placement
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings, TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    fetch_journal_path,
    manifest_path,
    pending,
    read_state,
)

_CHUNK_BYTES = 1024 * 1024
#: Objects handed to the workers in advance, for each worker.
_AHEAD = 4
#: Room that a file system keeps for the journal, directories and what else happens on it.
_RESERVE_BYTES = 16 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class FetchOutcome:
    """What was fetched.

    :param files: that are staged now, and ``size`` their bytes.
    :param fetched_bytes: of objects as they are stored, by this run.
    :param reused_bytes: of files that an earlier run had staged.
    """

    changed: bool
    files: int
    size: int
    fetched_bytes: int
    reused_bytes: int
    seconds: float


def fetch_backup(
    node: NodeSettings,
    store: ObjectStore,
    *,
    settings: RepositorySettings,
    restore_id: str,
    tag: str,
    source_host_id: str,
    manifest_key: str,
    manifest_sha256: str,
    restore_auth: bool,
    owner: str | None,
    group: str | None,
    transfer: TransferSettings,
    progress: Progress,
    tables: tuple[str, ...] = (),
    own_system: bool = False,
) -> FetchOutcome:
    """Stage everything that one node of a backup had, verified. What is staged already is not fetched again.

    :param tables: ``<keyspace>/<table>-<id>`` of the only ones that are wanted; empty for all.
    :param own_system: whether what tells who the node was is fetched too.
    :param source_host_id: the node of the backup whose files this node gets.
    :param owner: user and ``group`` that Cassandra runs as; ``None`` takes those of the data directories.
    :raises ObjectCorruptError: if an object is not what the manifest says; its files are not staged.
    :raises ObjectMissingError: if an object is not there.
    :raises NoSpaceError: before anything is fetched, if it would not fit.
    :raises BusyError: if another restore is under way on the node.
    :raises StoreError, LocalFilesError, ManifestError: if store, files or manifest cannot be used.
    """
    began = time.monotonic()
    journal.check_restore_id(restore_id)
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        if not _is_needed(node, restore_id=restore_id):
            return FetchOutcome(changed=False, files=0, size=0, fetched_bytes=0, reused_bytes=0, seconds=0.0)
        manifest = _local_manifest(
            node, store, settings=settings, restore_id=restore_id, key=manifest_key, sha256=manifest_sha256
        )
        config = read_config(node.config_file)
        run = _prepare(
            node,
            store,
            settings=settings,
            config=config,
            manifest=manifest,
            header=journal.FetchHeader(
                restore_id=restore_id,
                tag=tag,
                source_host_id=source_host_id,
                manifest_sha256=manifest_sha256,
                restore_auth=restore_auth,
                places=data_directory.data_places(config),
                tables=tables,
                own_system=own_system,
            ),
            owner=owner,
            group=group,
            transfer=transfer,
            progress=progress,
        )
        with contextlib.closing(run.records):
            _transfer(run, workers=transfer.workers)
        changed = _complete(run)
    return FetchOutcome(
        changed=changed,
        files=run.needs.files,
        size=run.needs.size,
        fetched_bytes=run.fetched_bytes,
        reused_bytes=run.needs.reused_bytes,
        seconds=time.monotonic() - began,
    )


@dataclasses.dataclass
class _Needs:
    """What a manifest asks for: for each place the bytes to come, and what is there already."""

    files: int = 0
    size: int = 0
    tables: int = 0
    reused_files: int = 0
    reused_bytes: int = 0
    missing: dict[int, int] = dataclasses.field(default_factory=dict)


_Staged = dict[tuple[int, str], journal.StagedFile]


class _Run:
    """One fetch under way. Workers share it; what changes is behind its lock."""

    def __init__(
        self,
        *,
        node: NodeSettings,
        store: ObjectStore,
        settings: RepositorySettings,
        header: journal.FetchHeader,
        manifest: str,
        owners: t.Sequence[Owner],
        limit: RateLimit,
        progress: Progress,
    ) -> None:
        self.node, self.store, self.settings, self.header, self.manifest = node, store, settings, header, manifest
        self.owners, self.limit, self.progress = owners, limit, progress
        self.places = placement.Places(data=0, local=0)
        self.chosen: dict[tuple[str, str, str], int] | None = None
        self.staged: _Staged = {}
        self.needs = _Needs()
        self.fetched_bytes = 0
        self.was_complete = False
        self.stopping = threading.Event()
        self.records: t.BinaryIO
        self._lock = threading.Lock()

    def root(self, place: int) -> str:
        """The staging area of a place."""
        return os.path.join(self._work(place), "new")

    def parts(self, place: int) -> str:
        """Where files are that have no name yet."""
        return os.path.join(self._work(place), "part")

    def _work(self, place: int) -> str:
        return os.path.join(self.header.places[place], journal.WORK_DIRECTORY, self.header.restore_id)

    def entries(self) -> t.Iterator[BackedUpObject | TableEntry]:
        """The tables and objects that are to be staged, in the order of the manifest."""
        with explained("read", self.manifest), open(self.manifest, "rb") as lines:
            for record in read_node_manifest(lines, subject=self.manifest):
                if not isinstance(record, (BackedUpObject, TableEntry)) or not self.header.wants(record.table):
                    continue
                if self.header.tables and isinstance(record, BackedUpObject) and placement.is_of_an_index(record):
                    # Tables alone are imported, and Cassandra makes their indexes anew.
                    continue
                yield record

    def place_of(self, entry: BackedUpObject) -> int:
        """The place of an object's files."""
        return placement.place_of(entry, places=self.places, chosen=self.chosen)

    def is_staged(self, place: int, entry: BackedUpObject, file: FileEntry) -> bool:
        """Whether a file is there, verified, by the journal."""
        known = self.staged.get((place, placement.file_path(entry.table, file.path)))
        return known is not None and (known.size, known.sha256) == (file.size, file.sha256)

    def record(self, files: t.Sequence[journal.StagedFile], *, stored_size: int) -> None:
        """Write down files that are staged and verified."""
        lines = b"".join(journal.encode_fetch_record(file) for file in files)
        with self._lock:
            self.fetched_bytes += stored_size
            with explained("write", fetch_journal_path(self.node, restore_id=self.header.restore_id)):
                self.records.write(lines)
                self.records.flush()
            for file in files:
                self.staged[file.place, file.path] = file

    def check(self) -> None:
        """:raises _StoppedError: if another worker has failed."""
        if self.stopping.is_set():
            raise _StoppedError


class _StoppedError(Exception):
    """Another worker has failed, and that failure is the one to tell."""


def _is_needed(node: NodeSettings, *, restore_id: str) -> bool:
    """Whether there is anything to stage; after a switch has begun there is not.

    :raises BusyError: if another restore is under way.
    :raises NodeError: if this one has to be ended first.
    """
    other = pending(node)
    if other is not None and other.restore_id != restore_id:
        raise BusyError(
            f"On {node.name} the restore {other.restore_id} has been begun and not ended ({other.phase}).",
            subject=node.name,
            next_step="Finish it or roll it back first.",
        )
    state = read_state(node, restore_id=restore_id)
    if state is None or state.phase == journal.PREPARING:
        return True
    if state.phase == journal.FINISHED:
        raise NodeError(
            f"The restore {restore_id} is finished on {node.name}, and what it put aside was kept.",
            subject=node.name,
            next_step="Finish it with keep_old=false before the same backup is restored again.",
        )
    if state.discard:
        raise NodeError(
            f"The restore {restore_id} on {node.name} was being rolled back.",
            subject=node.name,
            next_step="Roll it back to the end, then run it again.",
        )
    return False


def _local_manifest(
    node: NodeSettings, store: ObjectStore, *, settings: RepositorySettings, restore_id: str, key: str, sha256: str
) -> str:
    """The path of the node manifest, fetched unless it is there, and compared with its hash before it is believed."""
    path = manifest_path(node, restore_id=restore_id)
    ensure_directory(os.path.dirname(path))
    if os.path.exists(path) and file_sha256(path) == sha256:
        return path
    parsed = parse_node_manifest_key(key)
    if parsed is None:
        raise ManifestError(f"{key} is not the key of a node manifest.", subject=key)
    digest = hashlib.sha256()
    temporary = f"{path}.new"
    with explained("write", temporary), open(temporary, "wb") as file:
        for chunk in decode(store.get_stream(key), parsed[2], identity_file=settings.identity_file):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != sha256:
        remove_if_there(temporary)
        raise ObjectCorruptError(
            f"The node manifest {key} is not the one that the backup's manifest names.",
            subject=key,
            next_step="Bring the object back from a copy of the repository, or restore another backup.",
        )
    with explained("write", path):
        os.replace(temporary, path)
    return path


def _prepare(
    node: NodeSettings,
    store: ObjectStore,
    *,
    settings: RepositorySettings,
    config: NodeConfig,
    manifest: str,
    header: journal.FetchHeader,
    owner: str | None,
    group: str | None,
    transfer: TransferSettings,
    progress: Progress,
) -> _Run:
    """Decide where everything goes, see what is there, and that the rest fits."""
    run = _Run(
        node=node,
        store=store,
        settings=settings,
        header=header,
        manifest=manifest,
        owners=[data_directory.resolve_owner(owner=owner, group=group, like=place) for place in header.places],
        limit=RateLimit(max_bytes_per_second=transfer.max_bytes_per_second),
        progress=progress,
    )
    separate = len(header.places) > len(config.data_file_directories)
    run.places = placement.Places(
        data=len(config.data_file_directories), local=len(header.places) - 1 if separate else 0
    )
    source = _source(run)
    if source.data_directories != len(header.places):
        run.chosen = placement.spread(
            (entry for entry in run.entries() if isinstance(entry, BackedUpObject)), places=run.places
        )
    _load_journal(run)
    run.needs = _needs(run)
    _check_space(run)
    _make_staging(run)
    _begin_journal(run)
    progress.begin(activity="fetching", total_bytes=run.needs.size, total_files=run.needs.files)
    progress.advance(transferred_bytes=run.needs.reused_bytes, files=run.needs.reused_files)
    return run


def _source(run: _Run) -> NodeManifestHeader:
    """The manifest's header, compared with what is to be restored."""
    with explained("read", run.manifest), open(run.manifest, "rb") as lines:
        header = next(read_node_manifest(itertools.islice(lines, 1), subject=run.manifest), None)
    if (
        not isinstance(header, NodeManifestHeader)
        or header.tag != run.header.tag
        or header.node.host_id != run.header.source_host_id
    ):
        raise ManifestError(
            f"The node manifest is not that of {run.header.source_host_id} in the backup {run.header.tag}.",
            subject=run.header.source_host_id,
            next_step="Plan again.",
        )
    return header


def _load_journal(run: _Run) -> None:
    """What an earlier run staged, as far as it is for the same and still there untouched."""
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
            elif isinstance(record, journal.StagedFile):
                if _untouched(os.path.join(run.root(record.place), record.path), record):
                    run.staged[record.place, record.path] = record
            else:
                run.was_complete = same


def _untouched(path: str, record: journal.StagedFile) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return (status.st_size, status.st_ino, status.st_mtime_ns) == (record.size, record.inode, record.mtime_ns)


def _needs(run: _Run) -> _Needs:
    """Count everything, and check every name, before anything is written.

    :raises ManifestError: if two different files would get one name.
    """
    needs = _Needs()
    seen: dict[tuple[int, str], str] = {}
    for entry in run.entries():
        if isinstance(entry, TableEntry):
            placement.table_path(entry.table)
            needs.tables += 1
            continue
        if not entry.files or (not entry.packed and len(entry.files) != 1):
            raise ManifestError(f"The manifest lists {entry.stored.key} without its file.", subject=entry.stored.key)
        if not entry.packed and entry.files[0].sha256 != entry.stored.sha256:
            raise ManifestError(
                f"The manifest has two hashes for {entry.stored.key}, which holds one file.", subject=entry.stored.key
            )
        place = run.place_of(entry)
        if not 0 <= place < run.places.count:
            raise ManifestError(f"The manifest names a data directory {place}.", subject=entry.stored.key)
        for file in entry.files:
            path = placement.file_path(entry.table, file.path)
            if seen.setdefault((place, path), file.sha256) != file.sha256:
                raise ManifestError(
                    f"The manifest has two files {path}.", subject=path, next_step="Choose another backup."
                )
            needs.files += 1
            needs.size += file.size
            if run.is_staged(place, entry, file):
                needs.reused_files += 1
                needs.reused_bytes += file.size
            else:
                needs.missing[place] = needs.missing.get(place, 0) + file.size
    if len(seen) != needs.files:
        raise ManifestError("The manifest lists a file twice.", subject=run.manifest)
    # What is staged and no longer asked for must not count as staged.
    run.staged = {key: record for key, record in run.staged.items() if seen.get(key) == record.sha256}
    return needs


def _check_space(run: _Run) -> None:
    """:raises NoSpaceError: if what is missing does not fit; directories on one file system are added up."""
    needed: dict[int, int] = {}
    free: dict[int, int] = {}
    for place, missing in run.needs.missing.items():
        device, free_bytes = data_directory.free_space(run.header.places[place])
        needed[device] = needed.get(device, _RESERVE_BYTES) + missing
        free[device] = free_bytes
    for device, bytes_needed in needed.items():
        if bytes_needed > free[device]:
            places = [place for place in run.header.places if data_directory.free_space(place)[0] == device]
            raise NoSpaceError(
                f"{run.node.name} needs {format_size(bytes_needed)} below {', '.join(places)} and has "
                f"{format_size(free[device])} free.",
                subject=run.node.name,
                next_step=f"Free {format_size(bytes_needed - free[device])}, then run it again. "
                "Nothing has been fetched.",
            )


def _make_staging(run: _Run) -> None:
    """The directories for all tables, also for those without data; what was begun and not named goes.

    In each data directory, as Cassandra has them: those that are missing it makes itself, with the mode of its umask.
    """
    for number, place in enumerate(run.header.places):
        like = data_directory.resolve_owner(owner=None, group=None, like=place)
        if not os.path.isdir(place):
            with explained("make the directory", place):
                os.makedirs(place, mode=data_directory.DIRECTORY_MODE)
                data_directory.set_owner(place, owner=run.owners[number])
        data_directory.remove_tree(run.parts(number))
        data_directory.make_directories(run.root(number), below=place, owner=like)
        data_directory.make_directories(run.parts(number), below=place, owner=like)
    for entry in run.entries():
        if isinstance(entry, TableEntry):
            local = entry.table.keyspace in placement.LOCAL_KEYSPACES
            for number in (run.places.local,) if local else range(run.places.data):
                _make_directory(run, number, placement.table_path(entry.table))


def _make_directory(run: _Run, place: int, path: str) -> str:
    """A directory in the staging area, its full path."""
    root = run.root(place)
    directory = os.path.join(root, path)
    data_directory.make_directories(directory, below=root, owner=run.owners[place])
    return directory


def _begin_journal(run: _Run) -> None:
    """Write the journal anew with what still holds, without the mark that all is there, and open it for more."""
    path = fetch_journal_path(run.node, restore_id=run.header.restore_id)
    _write_journal(run, complete=None)
    with explained("open", path):
        run.records = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by who called


def _write_journal(run: _Run, *, complete: journal.FetchComplete | None) -> None:
    path = fetch_journal_path(run.node, restore_id=run.header.restore_id)
    temporary = f"{path}.new"
    with explained("write", path):
        with open(temporary, "wb") as file:
            file.write(journal.encode_fetch_record(run.header))
            for record in run.staged.values():
                file.write(journal.encode_fetch_record(record))
            if complete is not None:
                file.write(journal.encode_fetch_record(complete))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_directory(os.path.dirname(path))


def _transfer(run: _Run, *, workers: int) -> None:
    """Fetch what is missing with several workers; only so many objects are held as they can do at once."""
    under_way: collections.deque[concurrent.futures.Future[None]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(max_workers=workers, thread_name_prefix="revive-fetch") as pool:
        try:
            for number, entry in enumerate(run.entries()):
                if isinstance(entry, TableEntry):
                    continue
                place = run.place_of(entry)
                if all(run.is_staged(place, entry, file) for file in entry.files):
                    continue
                run.check()
                under_way.append(pool.submit(_fetch_object, run, entry, place=place, number=number))
                while len(under_way) >= workers * _AHEAD or (under_way and under_way[0].done()):
                    under_way.popleft().result()
            while under_way:
                under_way.popleft().result()
        except _StoppedError:
            raise _first_failure(run, under_way) from None
        except BaseException:
            run.stopping.set()
            for future in under_way:
                future.cancel()
            raise


def _first_failure(run: _Run, futures: t.Iterable[concurrent.futures.Future[None]]) -> BaseException:
    """The failure that stopped the others."""
    for future in futures:
        if not future.cancel():
            error = future.exception()
            if error is not None and not isinstance(error, _StoppedError):
                return error
    return AssertionError(f"the workers of {run.node.name} were stopped, and none has failed")


def _fetch_object(run: _Run, entry: BackedUpObject, *, place: int, number: int) -> None:
    """Bring one object's files into the staging area, all or none."""
    parts = [os.path.join(run.parts(place), f"{number}-{index}") for index in range(len(entry.files))]
    try:
        run.check()
        content = _Content(run, entry)
        if entry.packed:
            _unpack(content, entry, parts=parts)
        else:
            _receive(content.read, entry.files[0], part=parts[0])
        content.check_all()
        staged = []
        with explained("write", run.root(place)):
            for part, file in zip(parts, entry.files):
                staged.append(_name_part(run, part, entry=entry, file=file, place=place))
        run.record(staged, stored_size=entry.stored.stored_size)
        run.progress.advance(files=len(entry.files))
    except BaseException as error:
        run.stopping.set()
        for part in parts:
            with contextlib.suppress(OSError):
                os.unlink(part)
        if isinstance(error, StoreError):
            raise _with_place(error, run=run, entry=entry) from error
        raise


class _Content:
    """An object's content as a file to read from, never longer than the manifest says.

    Packs are hashed on their way. An object that is one file has that file's hash, which is taken where it is written.
    """

    def __init__(self, run: _Run, entry: BackedUpObject) -> None:
        self._run, self._entry = run, entry
        self._digest = hashlib.sha256()
        self._size = 0
        self._rest = memoryview(b"")
        stored = run.store.get_stream(entry.stored.key)
        self._chunks = decode(self._limited(stored), entry.stored.codecs, identity_file=run.settings.identity_file)

    def _limited(self, chunks: t.Iterable[bytes]) -> t.Iterator[bytes]:
        for chunk in chunks:
            self._run.check()
            self._run.limit.take(len(chunk))
            yield chunk

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end.

        :raises ObjectCorruptError: if there are more than the manifest says.
        """
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            if self._entry.packed:
                self._digest.update(chunk)
            self._size += len(chunk)
            if self._size > self._entry.stored.size:
                raise ObjectCorruptError("is longer than the manifest says")
            self._rest = memoryview(chunk)
            self._run.progress.advance(transferred_bytes=len(chunk) if not self._entry.packed else 0)
        taken = self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return bytes(taken)

    def check_all(self) -> None:
        """Read to the end, and compare.

        :raises ObjectCorruptError: if it is not what the manifest says.
        """
        while self.read(_CHUNK_BYTES):
            pass
        if self._size != self._entry.stored.size:
            raise ObjectCorruptError(f"has {self._size} bytes instead of {self._entry.stored.size}")
        if self._entry.packed:
            if self._digest.hexdigest() != self._entry.stored.sha256:
                raise ObjectCorruptError("has another content than its SHA-256 says")
            self._run.progress.advance(transferred_bytes=sum(file.size for file in self._entry.files))


def _unpack(content: _Content, entry: BackedUpObject, *, parts: t.Sequence[str]) -> None:
    """The members of a tar, each exactly once and none else. Their names only say which file of the manifest it is."""
    wanted = {file.path: (file, part) for file, part in zip(entry.files, parts)}
    try:
        with tarfile.open(fileobj=t.cast(t.Any, content), mode="r|", bufsize=tarfile.RECORDSIZE) as tar:
            for member in tar:
                file, part = wanted.pop(member.name, (None, ""))
                body = tar.extractfile(member) if member.isreg() else None
                if file is None or body is None:
                    raise ObjectCorruptError(f"holds {member.name!r}, which the manifest does not list once")
                _receive(body.read, file, part=part)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ObjectCorruptError(f"is no tar that can be read ({error})") from error
    if wanted:
        raise ObjectCorruptError(f"does not hold {', '.join(sorted(wanted))}")


def _receive(read: t.Callable[[int], bytes], file: FileEntry, *, part: str) -> None:
    """Write a file that has no name yet, durable, and compare it with the manifest."""
    digest = hashlib.sha256()
    size = 0
    with explained("write", part), open(part, "wb", buffering=0) as target:
        while True:
            chunk = read(_CHUNK_BYTES)
            if not chunk:
                break
            digest.update(chunk)
            size += len(chunk)
            if size > file.size:
                break
            _write_all(target, chunk)
        os.fchmod(target.fileno(), data_directory.FILE_MODE)
        os.fsync(target.fileno())
    if (size, digest.hexdigest()) != (file.size, file.sha256):
        raise ObjectCorruptError(f"has another content for {file.path} than the manifest says")


def _write_all(target: t.Any, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[target.write(rest) :]


def _name_part(run: _Run, part: str, *, entry: BackedUpObject, file: FileEntry, place: int) -> journal.StagedFile:
    """Give a verified file its name in the staging area."""
    path = placement.file_path(entry.table, file.path)
    _make_directory(run, place, os.path.dirname(path))
    data_directory.set_owner(part, owner=run.owners[place])
    target = os.path.join(run.root(place), path)
    os.rename(part, target)
    status = os.stat(target)
    return journal.StagedFile(
        place=place,
        path=path,
        size=status.st_size,
        sha256=file.sha256,
        inode=status.st_ino,
        mtime_ns=status.st_mtime_ns,
    )


def _with_place(error: StoreError, *, run: _Run, entry: BackedUpObject) -> StoreError:
    """The same error, naming object, node, table and files."""
    names = ", ".join(file.path for file in entry.files[:3]) + (", ..." if len(entry.files) > 3 else "")
    where = f"{entry.table}: {names}, for {run.node.name} from {run.header.source_host_id}"
    if isinstance(error, ObjectCorruptError):
        return ObjectCorruptError(
            f"The object {entry.stored.key} {error.message.rstrip('.')} ({where}).",
            subject=entry.stored.key,
            next_step="Nothing of it was taken over. Bring the object back from a copy of the repository, or restore "
            "another backup.",
        )
    return type(error)(
        f"{error.message.rstrip('.')} ({where}).", subject=error.subject or entry.stored.key, next_step=error.next_step
    )


def _complete(run: _Run) -> bool:
    """Take away what does not belong, make names durable, and mark that all is there; whether anything changed."""
    removed = _tidy(run)
    for place in range(len(run.header.places)):
        data_directory.remove_tree(run.parts(place))
    complete = journal.FetchComplete(files=run.needs.files, size=run.needs.size, tables=run.needs.tables)
    _write_journal(run, complete=complete)
    return bool(run.fetched_bytes or removed or not run.was_complete)


def _tidy(run: _Run) -> int:
    """Delete staged files that are not asked for, set owner and mode of all others; how many were deleted."""
    removed = 0
    for place, owner in enumerate(run.owners):
        root = run.root(place)
        with explained("go through", root):
            for directory, _directories, names in os.walk(root, topdown=False):
                for name in names:
                    full = os.path.join(directory, name)
                    if (place, os.path.relpath(full, root)) in run.staged:
                        data_directory.set_owner(full, owner=owner)
                    else:
                        os.unlink(full)
                        removed += 1
                if directory != root:
                    os.chmod(directory, data_directory.DIRECTORY_MODE)
                    data_directory.set_owner(directory, owner=owner)
                sync_directory(directory)
    return removed
