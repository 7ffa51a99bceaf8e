# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upload of one object: looked for, read once, hashed, and sent unless it is there."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
import threading
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import encode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import read_chunks
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.hash_cache import Content, HashCache
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_index import ObjectIndex
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.rate_limit import RateLimit
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.snapshot_files import same_file
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.workers import Workers
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
    ObjectCorruptError,
    StoreDeniedError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectInfo,
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs, may_be_stored_as
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import data_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    FileEntry,
    StoredObject,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.packing import ObjectPlan, SnapshotFile
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings

#: Files up to this size are read once, hashed and sent from memory; larger ones are hashed, then sent as a stream.
WHOLE_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024


class UploadRun:
    """What the workers of one upload share."""

    def __init__(
        self,
        *,
        node: NodeSettings,
        store: ObjectStore,
        settings: RepositorySettings,
        tag: str,
        cache: HashCache,
        index: ObjectIndex,
        progress: Progress,
        limit: RateLimit,
        workers: Workers,
    ) -> None:
        self.node = node
        self.store = store
        self.recipients = settings.recipients
        self.codecs = Codecs.of(compressed=False, encrypted=bool(settings.recipients))
        self.tag = tag
        self.cache = cache
        self.index = index
        self.progress = progress
        self.limit = limit
        self.workers = workers
        self.sent_bytes = 0
        self.sent_objects = 0
        #: Keys of objects that were there with a size that their content cannot have, and were stored again.
        self.mended: list[str] = []
        self._sent_lock = threading.Lock()
        self._busy_keys: set[str] = set()
        self._key_free = threading.Condition()

    @contextlib.contextmanager
    def alone_with(self, key: str) -> t.Iterator[None]:
        """Let one worker at a time look for and store a key: a table can have the same content twice."""
        with self._key_free:
            self._key_free.wait_for(lambda: key not in self._busy_keys)
            self._busy_keys.add(key)
        try:
            yield
        finally:
            with self._key_free:
                self._busy_keys.remove(key)
                self._key_free.notify_all()

    def note_sent(self, stored: StoredObject) -> None:
        """Count an object that is now in the repository."""
        self.index.add((ObjectInfo(key=stored.key, size=stored.stored_size),))
        with self._sent_lock:
            self.sent_bytes += stored.stored_size
            self.sent_objects += 1

    def check(self) -> None:
        """End a worker whose work is no longer wanted."""
        self.workers.check()
        self.progress.advance()


def upload_object(run: UploadRun, plan: ObjectPlan) -> BackedUpObject:
    """Store one object in the repository, unless it is there."""
    run.check()
    fingerprint = _fingerprint(plan)
    content = run.cache.find(fingerprint)
    body: bytes | None = None
    if content is None:
        content, body = _read_content(run, plan)
        run.cache.remember(fingerprint, content)
    key = data_key(plan.table, sha256=content.sha256, codecs=run.codecs)
    with run.alone_with(key):
        stored_size = run.index.find(key)
        if stored_size is None:
            stored_size = _send(run, plan, key=key, content=content, body=body)
        elif not may_be_stored_as(run.codecs, size=content.size, stored_size=stored_size):
            stored_size = _mend(run, plan, key=key, content=content, body=body, found_size=stored_size)
        else:
            run.progress.advance(transferred_bytes=plan.size)
    run.progress.advance(files=len(plan.files))
    files = tuple(
        FileEntry(path=file.path, size=file.size, sha256=sha256) for file, sha256 in zip(plan.files, content.files)
    )
    stored = StoredObject(key=key, sha256=content.sha256, size=content.size, stored_size=stored_size, codecs=run.codecs)
    return BackedUpObject(
        table=plan.table, data_directory=plan.data_directory, stored=stored, packed=plan.packed, files=files
    )


def _mend(run: UploadRun, plan: ObjectPlan, *, key: str, content: Content, body: bytes | None, found_size: int) -> int:
    """Store again what was cut, or grew, in the repository; the bytes stored.

    Its key says what it holds, so every backup that points at it is whole again.
    """
    try:
        stored_size = _send(run, plan, key=key, content=content, body=body)
    except StoreDeniedError as error:
        raise ObjectCorruptError(
            f"{run.store.location}{key} has {found_size} bytes, which cannot hold its content of {content.size}, and "
            f"the store does not let it be replaced: {error.message}",
            subject=key,
            next_step="Allow s3:PutObject on that key, or delete or rename the object; then run the backup again. "
            "Until then other backups that use it are damaged.",
        ) from error
    run.mended.append(key)
    return stored_size


def _send(run: UploadRun, plan: ObjectPlan, *, key: str, content: Content, body: bytes | None) -> int:
    """Store the content under its key; the bytes stored."""
    if body is None and (plan.packed or plan.size <= WHOLE_BYTES):
        body = _read_whole(plan)
        if hashlib.sha256(body).hexdigest() != content.sha256:
            raise _changed(plan)
    # Noted before the object is there, so a run that is killed in between still counts it as its own.
    run.cache.note_bringing(tag=run.tag, key=key)
    if body is not None:
        stored_size = _send_whole(run, key, body)
        run.progress.advance(transferred_bytes=plan.size)
    else:
        stored_size = _send_stream(run, plan.files[0], key=key, sha256=content.sha256)
    if not may_be_stored_as(run.codecs, size=content.size, stored_size=stored_size):
        raise _changed(plan)
    stored = StoredObject(key=key, sha256=content.sha256, size=content.size, stored_size=stored_size, codecs=run.codecs)
    run.note_sent(stored)
    return stored_size


def _send_whole(run: UploadRun, key: str, body: bytes) -> int:
    if run.codecs.encrypted:
        body = b"".join(encode(iter((body,)), run.codecs, recipients=run.recipients))
    run.limit.take(len(body))
    run.store.put(key, body)
    return len(body)


def _send_stream(run: UploadRun, file: SnapshotFile, *, key: str, sha256: str) -> int:
    def checked() -> t.Iterator[bytes]:
        digest = hashlib.sha256()
        for chunk in read_chunks(file.source, chunk_bytes=_CHUNK_BYTES):
            run.check()
            run.limit.take(len(chunk))
            digest.update(chunk)
            yield chunk
            run.progress.advance(transferred_bytes=len(chunk))
        if digest.hexdigest() != sha256:
            # Raised while the store still waits for the rest: nothing becomes visible.
            raise _changed_file(file.source)

    chunks = encode(checked(), run.codecs, recipients=run.recipients) if run.codecs.encrypted else checked()
    # Encryption adds less than a thousandth; the size only has to make the parts large enough.
    expected = file.size + file.size // 1000 + 65536 if run.codecs.encrypted else file.size
    return run.store.put_stream(key, iter(chunks), size=expected)


def _read_content(run: UploadRun, plan: ObjectPlan) -> tuple[Content, bytes | None]:
    """The content of a plan's files, and the object's bytes if they fit into memory."""
    if plan.packed:
        bodies = [_read_file(file) for file in plan.files]
        hashes = tuple(hashlib.sha256(body).hexdigest() for body in bodies)
        tar = _pack(plan.files, bodies)
        return Content(sha256=hashlib.sha256(tar).hexdigest(), size=len(tar), files=hashes), tar
    file = plan.files[0]
    if file.size <= WHOLE_BYTES:
        body = _read_file(file)
        sha256 = hashlib.sha256(body).hexdigest()
        return Content(sha256=sha256, size=len(body), files=(sha256,)), body
    digest = hashlib.sha256()
    size = 0
    for chunk in read_chunks(file.source, chunk_bytes=_CHUNK_BYTES):
        run.check()
        digest.update(chunk)
        size += len(chunk)
    if size != file.size or not same_file(file.source, size=file.size, inode_key=file.inode_key):
        raise _changed_file(file.source)
    return Content(sha256=digest.hexdigest(), size=size, files=(digest.hexdigest(),)), None


def _read_whole(plan: ObjectPlan) -> bytes:
    bodies = [_read_file(file) for file in plan.files]
    return _pack(plan.files, bodies) if plan.packed else bodies[0]


def _read_file(file: SnapshotFile) -> bytes:
    body = b"".join(read_chunks(file.source, chunk_bytes=max(file.size, 1) + 1))
    if len(body) != file.size or not same_file(file.source, size=file.size, inode_key=file.inode_key):
        raise _changed_file(file.source)
    return body


def _pack(files: t.Sequence[SnapshotFile], bodies: t.Sequence[bytes]) -> bytes:
    """A tar that depends only on names and contents, so the same files make the same object."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file, body in zip(files, bodies):
            member = tarfile.TarInfo(file.path)
            member.size = len(body)
            member.mode = 0o640
            tar.addfile(member, io.BytesIO(body))
        end = tar.offset
    # Two empty blocks end a tar. The rest, up to 10 KiB for tapes, would be most of what a small SSTable takes.
    return target.getvalue()[: end + 2 * tarfile.BLOCKSIZE]


def _fingerprint(plan: ObjectPlan) -> bytes:
    """Stays the same as long as the content of the object does."""
    digest = hashlib.sha256()
    for file in plan.files:
        # A single file's content does not depend on its name, a tar's does.
        name = file.path if plan.packed else ""
        digest.update(json.dumps([name, file.size, *file.inode_key]).encode())
    return digest.digest()


def _changed(plan: ObjectPlan) -> LocalFilesError:
    return _changed_file(plan.files[0].source)


def _changed_file(path: str) -> LocalFilesError:
    return LocalFilesError(
        f"{path} changed while it was read.",
        subject=path,
        next_step="Files of a snapshot never change by themselves: find out what writes there, then try again.",
    )
