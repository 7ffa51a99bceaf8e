# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node remembers between backups: hashes of files that cannot have changed, and what a backup has uploaded."""

from __future__ import annotations

import os
import sqlite3
import threading
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import ensure_directory
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError

#: Forget what no backup has asked for in this time.
KEEP_SECONDS = 90 * 24 * 3600
_COMMIT_EVERY = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS contents (
    fingerprint BLOB PRIMARY KEY, sha256 BLOB NOT NULL, size INTEGER NOT NULL, files BLOB NOT NULL,
    used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS brought (tag TEXT, key TEXT, PRIMARY KEY (tag, key)) WITHOUT ROWID;
"""


class Content(t.NamedTuple):
    """The content of an object.

    :param sha256: hexadecimal, of the file or of the tar.
    :param size: of the file or of the tar.
    :param files: the SHA-256 of every file in it, hexadecimal, in the order of the plan.
    """

    sha256: str
    size: int
    files: tuple[str, ...]


class HashCache:
    """A small database in the state directory; safe to use from several threads. It can be deleted at any time.

    :raises LocalFilesError: from every method, if the database cannot be used.
    """

    def __init__(self, state_directory: str, *, now_seconds: int) -> None:
        self._path = os.path.join(state_directory, "hashes.sqlite")
        self._now = now_seconds
        self._lock = threading.Lock()
        self._pending = 0
        ensure_directory(state_directory)
        try:
            self._database = self._open()
        except sqlite3.OperationalError as error:
            raise self._error(error) from error
        except sqlite3.DatabaseError:
            # Damaged: everything in it can be found out again.
            for suffix in ("", "-wal", "-shm"):
                if os.path.exists(self._path + suffix):
                    os.unlink(self._path + suffix)
            self._database = self._open()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, check_same_thread=False, timeout=60)
        database.execute("PRAGMA journal_mode=WAL")
        # A crash of the machine may cost the newest entries, never more.
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("PRAGMA cache_size=-4096")
        database.executescript(_SCHEMA)
        database.execute("DELETE FROM contents WHERE used < ?", (self._now - KEEP_SECONDS,))
        database.commit()
        return database

    def find(self, fingerprint: bytes) -> Content | None:
        """The content of the files with this fingerprint, if it is known."""
        with self._lock:
            row = self._execute("SELECT sha256, size, files, used FROM contents WHERE fingerprint = ?", fingerprint)
            if row is None:
                return None
            sha256, size, files, used = row
            if used < self._now - 24 * 3600:
                self._execute("UPDATE contents SET used = ? WHERE fingerprint = ?", self._now, fingerprint)
                self._commit_later()
        hashes = tuple(files[start : start + 32].hex() for start in range(0, len(files), 32))
        return Content(sha256=sha256.hex(), size=size, files=hashes)

    def remember(self, fingerprint: bytes, content: Content) -> None:
        """Keep the content of the files with this fingerprint."""
        files = b"".join(bytes.fromhex(value) for value in content.files)
        with self._lock:
            self._execute(
                "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?)",
                fingerprint,
                bytes.fromhex(content.sha256),
                content.size,
                files,
                self._now,
            )
            self._commit_later()

    def brings(self, *, tag: str, key: str) -> bool:
        """Whether a backup stored an object in the repository, or was about to when it was killed."""
        with self._lock:
            return self._execute("SELECT 1 FROM brought WHERE tag = ? AND key = ?", tag, key) is not None

    def note_bringing(self, *, tag: str, key: str) -> None:
        """Note that a backup is about to store an object that was not there; survives the process at once."""
        with self._lock:
            self._execute("INSERT OR IGNORE INTO brought VALUES (?, ?)", tag, key)
            self._commit()

    def forget_uploads(self, *, tag: str) -> None:
        """Forget what a backup has uploaded."""
        with self._lock:
            self._execute("DELETE FROM brought WHERE tag = ?", tag)
            self._commit()

    def close(self) -> None:
        """Write what is pending and close."""
        with self._lock:
            self._commit()
            self._database.close()

    def __enter__(self) -> HashCache:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _execute(self, statement: str, *values: t.Any) -> tuple[t.Any, ...] | None:
        try:
            row = self._database.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise self._error(error) from error
        return t.cast("tuple[t.Any, ...] | None", row)

    def _commit_later(self) -> None:
        self._pending += 1
        if self._pending >= _COMMIT_EVERY:
            self._commit()

    def _commit(self) -> None:
        self._pending = 0
        try:
            self._database.commit()
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _error(self, error: sqlite3.Error) -> LocalFilesError:
        return LocalFilesError(
            f"The hash cache {self._path} cannot be used: {error}.",
            subject=self._path,
            next_step="Make room in its file system and check its owner; the file can be deleted.",
        )
