# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our small files on the node: written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
    NoSpaceError,
)

_CHUNK_BYTES = 1024 * 1024


def local_error(error: OSError, *, doing: str, path: str) -> LocalFilesError:
    """What the operating system said, as an error that names the file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceError(
            f"Cannot {doing} {path}: the file system is full.", subject=path, next_step="Make room, then try again."
        )
    next_step = ""
    if error.errno in (errno.EACCES, errno.EPERM):
        next_step = "Run as the user that Cassandra runs as, or as root (become)."
    return LocalFilesError(f"Cannot {doing} {path}: {error.strerror or error}.", subject=path, next_step=next_step)


def ensure_directory(path: str) -> None:
    """Make one of our directories, readable only by its owner, with those above it.

    :raises LocalFilesError: if that fails.
    """
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise local_error(error, doing="make the directory", path=path) from error


def write_atomically(path: str, body: bytes, *, durable: bool = True) -> None:
    """Put ``body`` in place of what was at ``path``; after a crash either the old or the new is there.

    :param durable: whether to wait until it is on disk; not for what is rewritten every few seconds.
    :raises LocalFilesError: if that fails.
    """
    ensure_directory(os.path.dirname(path))
    temporary = f"{path}.new"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            sync_directory(os.path.dirname(path))
    except OSError as error:
        raise local_error(error, doing="write", path=path) from error


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_if_there(path: str) -> bytes | None:
    """A small file, or ``None`` if there is none.

    :raises LocalFilesError: if it is there and cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise local_error(error, doing="read", path=path) from error


def remove_if_there(path: str) -> bool:
    """Delete a file; whether there was one.

    :raises LocalFilesError: if it is there and cannot be deleted.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise local_error(error, doing="delete", path=path) from error
    return True


def names_in(path: str) -> t.Sequence[str]:
    """The names in a directory, sorted; none if it is not there.

    :raises LocalFilesError: if it is there and cannot be read.
    """
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise local_error(error, doing="read the directory", path=path) from error


def read_chunks(path: str, *, chunk_bytes: int) -> t.Iterator[bytes]:
    """A file's bytes in chunks.

    :raises LocalFilesError: if it cannot be read.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            while True:
                chunk = file.read(chunk_bytes)
                if not chunk:
                    return
                yield chunk
    except OSError as error:
        raise local_error(error, doing="read", path=path) from error


def inode_of(status: os.stat_result) -> tuple[int, int]:
    """The same for two names only if they are links to one file."""
    return status.st_dev, status.st_ino


def file_sha256(path: str) -> str:
    """The SHA-256 of a file's content, in hexadecimal.

    :raises LocalFilesError: if it cannot be read.
    """
    digest = hashlib.sha256()
    for chunk in read_chunks(path, chunk_bytes=_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def explained(doing: str, path: str) -> t.Iterator[None]:
    """Turns an error of the operating system into one that names the path.

    :raises LocalFilesError: for any ``OSError`` inside.
    """
    try:
        yield
    except OSError as error:
        raise local_error(error, doing=doing, path=str(error.filename or path)) from error


def file_names_in(directory: str) -> tuple[str, ...]:
    """The names of the files in a directory; none if it is not there."""
    return tuple(name for name in names_in(directory) if os.path.isfile(os.path.join(directory, name)))
