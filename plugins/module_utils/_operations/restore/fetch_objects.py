# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One object of the repository becomes the files that it holds: received, compared, durable, and named last."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tarfile
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import explained
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ObjectCorruptError, StoreError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import BackedUpObject, FileEntry
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal, placement
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_run import (
    FetchRun,
    make_directory,
)

_CHUNK_BYTES = 1024 * 1024


def fetch_object(run: FetchRun, entry: BackedUpObject, *, place: int, number: int) -> None:
    """Fetch one object's files, all or none."""
    partials = [os.path.join(run.partials(place), f"{number}-{index}") for index in range(len(entry.files))]
    try:
        run.workers.check()
        content = _Content(run, entry, place=place)
        if entry.packed:
            _unpack(content, entry, partials=partials)
        else:
            _receive(content.read, entry.files[0], partial=partials[0])
        content.check_all()
        fetched = []
        with explained("write", run.root(place)):
            for partial, file in zip(partials, entry.files):
                fetched.append(_name_file(run, partial, entry=entry, file=file, place=place))
        run.record(fetched, stored_size=entry.stored.stored_size)
        run.progress.advance(files=len(entry.files))
    except BaseException as error:
        for partial in partials:
            with contextlib.suppress(OSError):
                os.unlink(partial)
        if isinstance(error, StoreError):
            raise _with_place(error, run=run, entry=entry) from error
        raise


class _Content:
    """An object's content as a file to read from, never longer than the manifest says.

    Packs are hashed on their way. An object that is one file has that file's hash, which is taken where it is written.
    """

    def __init__(self, run: FetchRun, entry: BackedUpObject, *, place: int) -> None:
        self._run, self._entry, self._place = run, entry, place
        self._digest = hashlib.sha256()
        self._size = 0
        self._rest = memoryview(b"")
        stored = run.store.get_stream(entry.stored.key)
        self._chunks = decode(
            self._limited(stored),
            entry.stored.codecs,
            identity_file=run.settings.identity_file,
            what=entry.stored.key,
        )

    def _limited(self, chunks: t.Iterable[bytes]) -> t.Iterator[bytes]:
        for chunk in chunks:
            self._run.workers.check()
            self._run.check_room(self._place)
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
                raise ObjectCorruptError("does not have the content that its SHA-256 says")
            self._run.progress.advance(transferred_bytes=sum(file.size for file in self._entry.files))


def _unpack(content: _Content, entry: BackedUpObject, *, partials: t.Sequence[str]) -> None:
    """The members of a tar, each exactly once and none else. Their names only say which file of the manifest it is."""
    wanted = {file.path: (file, partial) for file, partial in zip(entry.files, partials)}
    try:
        with tarfile.open(fileobj=t.cast(t.Any, content), mode="r|", bufsize=tarfile.RECORDSIZE) as tar:
            for member in tar:
                file, partial = wanted.pop(member.name, (None, ""))
                body = tar.extractfile(member) if member.isreg() else None
                if file is None or body is None:
                    raise ObjectCorruptError(f"holds {member.name!r}, which the manifest does not list once")
                _receive(body.read, file, partial=partial)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ObjectCorruptError(f"is not a tar that can be read ({error})") from error
    if wanted:
        raise ObjectCorruptError(f"does not hold {', '.join(sorted(wanted))}")


def _receive(read: t.Callable[[int], bytes], file: FileEntry, *, partial: str) -> None:
    """Write a file that has no name yet, durable, and compare it with the manifest."""
    digest = hashlib.sha256()
    size = 0
    with explained("write", partial), open(partial, "wb", buffering=0) as target:
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
        raise ObjectCorruptError(f"does not have the content of {file.path} that the manifest says")


def _write_all(target: t.Any, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[target.write(rest) :]


def _name_file(
    run: FetchRun, partial: str, *, entry: BackedUpObject, file: FileEntry, place: int
) -> journal.FetchedFile:
    """Give a verified file its name among those that are fetched."""
    path = placement.file_path(entry.table, file.path)
    make_directory(run, place, os.path.dirname(path))
    data_directory.set_owner(partial, owner=run.owners[place])
    target = os.path.join(run.root(place), path)
    os.rename(partial, target)
    status = os.stat(target)
    return journal.FetchedFile(
        place=place,
        path=path,
        size=status.st_size,
        sha256=file.sha256,
        inode=status.st_ino,
        mtime_ns=status.st_mtime_ns,
    )


def _with_place(error: StoreError, *, run: FetchRun, entry: BackedUpObject) -> StoreError:
    """The same error, naming object, node, table and files."""
    names = ", ".join(file.path for file in entry.files[:3]) + (", ..." if len(entry.files) > 3 else "")
    where = f"{entry.table}: {names}, for {run.node.name} from {run.header.source_host_id}"
    if isinstance(error, ObjectCorruptError):
        return ObjectCorruptError(
            f"The object {entry.stored.key} {error.message.rstrip('.')} ({where}).",
            subject=entry.stored.key,
            next_step="None of it was used. Bring the object back from a copy of the repository, or restore "
            "another backup.",
        )
    return type(error)(
        f"{error.message.rstrip('.')} ({where}).", subject=error.subject or entry.stored.key, next_step=error.next_step
    )
