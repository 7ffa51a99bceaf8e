# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was staged of a moment is laid beside the base's SSTables, so the base becomes what the node is to get.

What goes where is written down first, so it can be done again; the fetch's journal then says what there is now.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    file_names_in,
    file_sha256,
    inode_of,
    local_error,
    names_in,
    read_if_there,
    sync_directory,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.hard_links import link
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    SCHEMA_KEYSPACE,
    SYSTEM_KEYSPACE,
    parse_table_directory,
    renumbered,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import (
    FETCH,
    FetchComplete,
    FetchedFile,
    FetchHeader,
    FetchRecord,
    read_fetch_journal,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.staging import (
    FetchedBase,
    StagedMoment,
)

_LAID = "laid.json"


@dataclasses.dataclass(frozen=True)
class LaidDown:
    """What laying down did.

    :param linked: files from the staging instance, the schema's included.
    :param dropped: directories of the base of tables that were not there at the moment.
    :param truncated: directories of the base that were emptied.
    :param indexes_to_rebuild: ``(keyspace, table, index)`` of indexes that the base's SSTables were written without; a
        node that remembers them as built would not find what those hold.
    """

    linked: int
    dropped: tuple[str, ...]
    truncated: tuple[str, ...]
    indexes_to_rebuild: tuple[tuple[str, str, str], ...]


@dataclasses.dataclass(frozen=True)
class _Links:
    """What is laid down where, so that a run that was killed knows its own files: each file and its new name."""

    links: tuple[tuple[str, str], ...]


_LINKS = Document("laid-links", _Links, error=LocalFilesError, bare=lambda links: {"links": links})


def lay_down(*, staged: StagedMoment, base: FetchedBase, schema_directory: int = 0) -> LaidDown:
    """Make of the fetched base what the node is to get: as of the moment.

    Can be run again if it did not come to its end: what goes where is written down first.

    :param schema_directory: which of the base's directories ``system_schema`` belongs into.
    :raises LocalFilesError: if files cannot be linked or removed.
    """
    plan_path = os.path.join(os.path.dirname(staged.schema), _LAID)
    links = _planned_links(plan_path) or _plan_links(staged, base=base, schema_directory=schema_directory)
    write_atomically(plan_path, _LINKS.encode(_Links(tuple(links))))
    dropped, truncated = _clear_base(staged, base=base, ours={target: source for source, target in links})
    for each in staged.tables:
        where = os.path.join(base.directories[0], each.table.keyspace, each.table.directory)
        _make_like(where, like=base.directories[0])
    for source, target in links:
        _make_like(os.path.dirname(target), like=base.directories[0])
        link(source, target)
    for directory in {os.path.dirname(target) for _source, target in links} | set(base.directories):
        sync_directory(directory)
    return LaidDown(
        linked=len(links), dropped=dropped, truncated=truncated, indexes_to_rebuild=_unbuilt(staged, base=base)
    )


def note_laid_down(*, journal_path: str, base: FetchedBase) -> None:
    """Write the fetch's journal again for what is staged now, so the switch accepts that and nothing else.

    :raises LocalFilesError: if the journal cannot be read, or a file not.
    """
    lines = (read_if_there(journal_path) or b"").splitlines(keepends=True)
    header, known = None, {}
    for record in read_fetch_journal(lines):
        if isinstance(record, FetchHeader):
            header = record
        elif isinstance(record, FetchedFile):
            known[record.place, record.path, record.inode, record.mtime_ns] = record
    if header is None:
        raise LocalFilesError(f"{journal_path} is not of a fetch.", subject=journal_path, next_step="Fetch again.")
    files = []
    for place, directory in enumerate(base.directories):
        for path in sorted(_paths_below(directory)):
            found = os.stat(os.path.join(directory, path))
            file = known.get((place, path, found.st_ino, found.st_mtime_ns))
            if file is None or file.size != found.st_size:
                file = FetchedFile(
                    place=place,
                    path=path,
                    size=found.st_size,
                    sha256=file_sha256(os.path.join(directory, path)),
                    inode=found.st_ino,
                    mtime_ns=found.st_mtime_ns,
                )
            files.append(file)
    tables = {file.path.rsplit("/", 1)[0] for file in files}
    complete = FetchComplete(files=len(files), size=sum(file.size for file in files), tables=len(tables))
    records: list[FetchRecord] = [header, *files, complete]
    write_atomically(journal_path, b"".join(map(FETCH.encode, records)))


def _planned_links(path: str) -> t.Sequence[tuple[str, str]]:
    text = read_if_there(path)
    return _LINKS.decode(text, subject=path).links if text else ()


def _plan_links(staged: StagedMoment, *, base: FetchedBase, schema_directory: int) -> list[tuple[str, str]]:
    """Each file of the instance with where it goes; none of the names is taken by the base, in any data directory."""
    links: list[tuple[str, str]] = []
    for name in names_in(staged.schema):
        target = os.path.join(base.directories[schema_directory], SCHEMA_KEYSPACE, name)
        source = os.path.join(staged.schema, name)
        links += [(os.path.join(source, file), os.path.join(target, file)) for file in file_names_in(source)]
    for each in staged.tables:
        where = os.path.join(each.table.keyspace, each.table.directory)
        for folder in _folders(each.staged):
            taken = [
                file
                for directory in base.directories
                if each.keep_base
                for file in file_names_in(os.path.join(directory, where, folder))
            ]
            source = os.path.join(each.staged, folder)
            # All of a table's new SSTables go to one disk; Cassandra moves what belongs elsewhere when it compacts.
            target = os.path.join(base.directories[0], where, folder)
            names = renumbered(file_names_in(source), taken=taken)
            links += [(os.path.join(source, old), os.path.join(target, new)) for old, new in names.items()]
    return links


def _folders(directory: str) -> tuple[str, ...]:
    """A table's directory itself, and those of its old secondary indexes in it."""
    return ("", *(name for name in names_in(directory) if name.startswith(".")))


def _clear_base(
    staged: StagedMoment, *, base: FetchedBase, ours: t.Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Remove of the base what was not there at the moment: tables, and the SSTables of tables truncated since.

    :returns: the directories that went, and those that were emptied.
    """
    tables = {each.table.id: each for each in staged.tables}
    dropped: list[str] = []
    truncated: list[str] = []
    for directory in base.directories:
        for keyspace in names_in(directory):
            for name in names_in(os.path.join(directory, keyspace)):
                table = parse_table_directory(keyspace, name)
                path = os.path.join(directory, keyspace, name)
                if table is None or keyspace == SYSTEM_KEYSPACE:
                    continue
                if keyspace == SCHEMA_KEYSPACE or not (table.id in tables and tables[table.id].keep_base):
                    emptied = keyspace != SCHEMA_KEYSPACE and table.id in tables
                    removed = _empty(path, but=ours)
                    if emptied and removed:
                        truncated.append(path)
                    elif keyspace != SCHEMA_KEYSPACE and not emptied:
                        shutil.rmtree(path)
                        dropped.append(path)
    return tuple(dropped), tuple(truncated)


def _unbuilt(staged: StagedMoment, *, base: FetchedBase) -> tuple[tuple[str, str, str], ...]:
    """Indexes of tables of which the base has SSTables and nothing of the index."""
    tables = {(each.table.keyspace, each.table.table): each for each in staged.tables if each.keep_base}
    found: list[tuple[str, str, str]] = []
    for keyspace, table, index in staged.indexes:
        each = tables.get((keyspace, table))
        if each is None:
            continue
        # An index's SSTables may all be on one disk while the table's are on several.
        table_has, index_has = (
            any(
                _has_others(os.path.join(directory, keyspace, each.table.directory, folder), than=ours)
                for directory in base.directories
            )
            for folder, ours in (("", each.staged), (f".{index}", os.path.join(each.staged, f".{index}")))
        )
        if table_has and not index_has:
            found.append((keyspace, table, index))
    return tuple(found)


def _has_others(directory: str, *, than: str) -> bool:
    """Whether a directory has files that are not links to one of another directory."""
    known = {inode_of(os.stat(os.path.join(than, name))) for name in file_names_in(than)}
    return any(inode_of(os.stat(os.path.join(directory, name))) not in known for name in file_names_in(directory))


def _paths_below(directory: str) -> t.Iterator[str]:
    for parent, _directories, files in os.walk(directory):
        for name in files:
            yield os.path.relpath(os.path.join(parent, name), directory)


def _empty(directory: str, *, but: t.Mapping[str, str]) -> int:
    """Remove the files of a directory, those of an earlier run of ours not; how many went."""
    count = 0
    for parent, _directories, files in os.walk(directory):
        for name in files:
            path = os.path.join(parent, name)
            if path not in but or not os.path.samefile(path, but[path]):
                os.unlink(path)
                count += 1
    return count


def _make_like(directory: str, *, like: str) -> None:
    """Make a directory with those above it, each with owner and mode of ``like``."""
    if os.path.isdir(directory):
        return
    _make_like(os.path.dirname(directory), like=like)
    model = os.stat(like)
    try:
        os.mkdir(directory)
        os.chmod(directory, model.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.chown(directory, model.st_uid, model.st_gid)
    except OSError as error:
        raise local_error(error, doing="make the directory", path=directory) from error
