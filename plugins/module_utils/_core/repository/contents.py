# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a snapshot holds, as a few numbers a table that tell whether it still does. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.sstable_statistics import RowEstimate
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import written_flat

_NAMES_SHOWN = 3
_DIGESTS = 2**256
_GROWING = "-TOC.txt"


@dataclasses.dataclass(frozen=True)
class TableContents:
    """What a snapshot holds of a table.

    Two are equal if they have the same files, whatever their size together is.

    :param size: bytes of all files.
    :param digest: of where the files are, their names and their sizes, in whatever order: 64 hexadecimal digits.
    :param rows: as the SSTables tell; ``None`` if they do not, or in notes from before that was looked at.
    """

    table: TableRef = dataclasses.field(metadata=written_flat(id="table_id"))
    files: int
    size: int = dataclasses.field(compare=False)
    digest: str
    rows: RowEstimate | None = dataclasses.field(default=None, compare=False)


@dataclasses.dataclass(frozen=True)
class SnapshotContents:
    """All that a snapshot held when it had just been taken.

    :param began_us: of the snapshot, which tells it from an earlier one of the same tag.
    """

    tag: str
    began_us: int
    tables: tuple[TableContents, ...]

    @property
    def counts(self) -> ContentsCounts:
        """All tables together."""
        return ContentsCounts(
            tables=len(self.tables),
            files=sum(each.files for each in self.tables),
            size=sum(each.size for each in self.tables),
        )


@dataclasses.dataclass(frozen=True)
class ContentsCounts:
    """How much a snapshot held; ``size`` in bytes."""

    tables: int
    files: int
    size: int


class TableCounter:
    """Counts files of a table, in whatever order they come; needs the memory of one."""

    def __init__(self, table: TableRef) -> None:
        self._table = table
        self._files = self._size = self._digest = 0

    def add(self, *, data_directory: int, path: str, size: int) -> None:
        """Count a file; its path is relative to the table's directory, in the data directory of that number."""
        self._files += 1
        self._size += size
        # Cassandra appends to it when it builds an index, and the snapshot has the same file.
        shown = 0 if path.endswith(_GROWING) else size
        one = hashlib.sha256(f"{data_directory} {shown} {path}".encode("utf-8", "surrogateescape")).digest()
        self._digest = (self._digest + int.from_bytes(one, "big")) % _DIGESTS

    def contents(self) -> TableContents:
        """What was counted."""
        return TableContents(table=self._table, files=self._files, size=self._size, digest=f"{self._digest:064x}")


def difference(was: t.Iterable[TableContents], now: t.Iterable[TableContents]) -> str:
    """In what a snapshot is not what it was, in a few words; empty if it is the same."""
    before, after = {each.table: each for each in was}, {each.table: each for each in now}
    changed = [
        f"{table} has {_count(after.get(table))} and had {_count(before.get(table))}"
        for table in sorted({*before, *after})
        if before.get(table) != after.get(table)
    ]
    more = f", and {len(changed) - _NAMES_SHOWN} more" if len(changed) > _NAMES_SHOWN else ""
    return ", ".join(changed[:_NAMES_SHOWN]) + more


def _count(contents: TableContents | None) -> str:
    return "nothing" if contents is None else f"{contents.files} files of {contents.size} bytes"
