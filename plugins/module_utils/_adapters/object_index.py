# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and sizes of many objects, on disk, so memory does not grow with their number."""

from __future__ import annotations

import sqlite3
import threading
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectInfo


class ObjectIndex:
    """A throw-away map from key to size in a private temporary file; safe to use from several threads.

    :raises LocalFilesError: from every method, if there is no room for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # An empty name is a temporary database that spills to disk and is gone when it is closed.
        self._database = sqlite3.connect("", check_same_thread=False)
        self._database.execute("PRAGMA cache_size=-8192")
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute("CREATE TABLE objects (key TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID")

    def add(self, objects: t.Iterable[ObjectInfo]) -> None:
        """Add these, replacing what has the same key."""
        with self._lock, _mended():
            self._database.executemany(
                "INSERT OR REPLACE INTO objects VALUES (?, ?)", ((entry.key, entry.size) for entry in objects)
            )

    def find(self, key: str) -> int | None:
        """The size of an object, ``None`` if it is not there."""
        with self._lock, _mended():
            row = self._database.execute("SELECT size FROM objects WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def remove(self, key: str) -> int | None:
        """Remove an object; the size it had, ``None`` if it was not there."""
        with self._lock, _mended():
            row = self._database.execute("SELECT size FROM objects WHERE key = ?", (key,)).fetchone()
            if row is not None:
                self._database.execute("DELETE FROM objects WHERE key = ?", (key,))
        return None if row is None else int(row[0])

    def first_keys(self, count: int) -> tuple[str, ...]:
        """The first keys in order."""
        with self._lock, _mended():
            rows = self._database.execute("SELECT key FROM objects ORDER BY key LIMIT ?", (count,)).fetchall()
        return tuple(row[0] for row in rows)

    def __len__(self) -> int:
        with self._lock, _mended():
            return int(self._database.execute("SELECT count(*) FROM objects").fetchone()[0])

    def clear(self) -> None:
        """Empty it."""
        with self._lock, _mended():
            self._database.execute("DELETE FROM objects")

    def close(self) -> None:
        """Throw it away."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> ObjectIndex:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class _mended:  # noqa: N801 - used as a statement
    """Turns the database's errors into ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise LocalFilesError(
                f"A temporary file cannot be used: {error}.", next_step="Make room where temporary files go (TMPDIR)."
            ) from error
