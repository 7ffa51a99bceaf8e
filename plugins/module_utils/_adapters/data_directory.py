# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cassandra's directories on the node: what is in them, and moving it, always within one file system.

Everything of ours lies in ``.revive`` inside the directory that it belongs to, owned as that directory is: Cassandra's
start walks its data directories and has to be able to read all that is there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import grp
import os
import pwd
import shutil
import stat
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import NodeConfig
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    explained,
    names_in,
    sync_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.keyspace_directories import keyspaces_in
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.mounts import mount_points_in
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    SYSTEM_KEYSPACES,
    parse_table_directory,
    split_component,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import (
    DATA,
    LOG,
    WORK_DIRECTORY,
    ManagedDirectory,
)

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640

#: SAI components are named after their index, which is a different one on another table.
_SAI = "SAI"
#: The one file of an SSTable that Cassandra writes to again, in place.
_APPENDED = "TOC.txt"
_COPY_BYTES = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Owner:
    """Who owns new files and directories; -1 leaves it as it is."""

    uid: int = -1
    gid: int = -1


def data_places(config: NodeConfig) -> tuple[str, ...]:
    """The directories that hold keyspaces: the data directories, then that of the local system ones if separate."""
    local = config.local_system_data_file_directory
    extra = (local,) if local and local not in config.data_file_directories else ()
    return (*config.data_file_directories, *extra)


def managed_directories(config: NodeConfig) -> tuple[ManagedDirectory, ...]:
    """All directories whose content a switch exchanges.

    Cassandra adds up everything below ``cdc_raw_directory`` against a limit, so what was in there is put aside in the
    commit log's directory, which has to be on the same file system for CDC to work at all.

    :raises LocalFilesError: if one of them is used twice, which Cassandra would not accept either.
    """
    directories = [_managed(path, kind=DATA) for path in data_places(config)]
    commitlog = _managed(config.commitlog_directory, kind=LOG)
    directories += [commitlog, _managed(config.hints_directory, kind=LOG)]
    directories += [_managed(config.saved_caches_directory, kind=LOG)]
    if config.cdc_raw_directory:
        cdc = _managed(config.cdc_raw_directory, kind=LOG)
        if _same_device(cdc.path, commitlog.path):
            cdc = dataclasses.replace(cdc, work_directory=commitlog.work_directory, label="-cdc_raw")
        directories.append(cdc)
    paths = [directory.path for directory in directories]
    for path in paths:
        if paths.count(path) > 1:
            raise LocalFilesError(
                f"{path} is used for two of Cassandra's directories.",
                subject=path,
                next_step=f"Give each its own in {config.path}.",
            )
    return tuple(directories)


def movable(directory: ManagedDirectory, *, others: t.Sequence[ManagedDirectory]) -> list[str]:
    """The names in a directory that a switch exchanges, sorted.

    In a data directory the keyspaces, in another one the files. The rest stays: ``lost+found``, hidden files
    such as the marks of Cassandra's file-system check, a spool of archived segments, another managed directory, what an
    administrator keeps there.
    """
    if not os.path.isdir(directory.path):
        return []
    inside = {
        os.path.relpath(other.path, directory.path).split(os.sep, maxsplit=1)[0]
        for other in others
        if other.path != directory.path and os.path.commonpath([other.path, directory.path]) == directory.path
    }
    if directory.kind == DATA:
        return [name for name in keyspaces_in(directory.path) if name not in inside]
    with explained("read the directory", directory.path), os.scandir(directory.path) as entries:
        names = [entry.name for entry in entries if not entry.is_dir() and not entry.name.startswith(".")]
    return sorted(set(names) - inside)


def check_movable(directory: ManagedDirectory, *, others: t.Sequence[ManagedDirectory]) -> None:
    """Refuse what cannot be renamed.

    :raises LocalFilesError: the first of :func:`not_movable`.
    """
    for problem in not_movable(directory, others=others):
        raise problem


def not_movable(directory: ManagedDirectory, *, others: t.Sequence[ManagedDirectory]) -> t.Iterator[LocalFilesError]:
    """What cannot be renamed: a mount point among what is exchanged, or all of it, if nothing can be written."""
    if not os.path.isdir(directory.path):
        return
    if not os.access(directory.path, os.R_OK | os.W_OK | os.X_OK):
        yield LocalFilesError(
            f"{directory.path} cannot be changed by this user.",
            subject=directory.path,
            next_step="Run as the user that Cassandra runs as, or as root (become).",
        )
        return
    for name in (*movable(directory, others=others), WORK_DIRECTORY):
        for path in mount_points_in(os.path.join(directory.path, name)):
            yield LocalFilesError(
                f"{path} is a mount point and cannot be put aside.",
                subject=path,
                next_step="Unmount it, or make it a data directory of its own.",
            )


def move_children(names: t.Iterable[str], *, source: str, target: str) -> int:
    """Rename children of one directory into another, and make that durable; how many were moved.

    :raises LocalFilesError: if one cannot be moved, or is there already. Those before it have been moved.
    """
    moved = 0
    for name in names:
        destination = os.path.join(target, name)
        with explained("move", os.path.join(source, name)):
            if os.path.lexists(destination):
                raise LocalFilesError(
                    f"{destination} is there already; something has been put in its place.",
                    subject=destination,
                    next_step=f"See which of it and {os.path.join(source, name)} is right, and move the other away.",
                )
            os.rename(os.path.join(source, name), destination)
        moved += 1
    for path in (target, source):
        if moved and os.path.isdir(path):
            with explained("sync", path):
                sync_directory(path)
    return moved


def make_directories(path: str, *, below: str, owner: Owner) -> None:
    """Make a directory and those between it and ``below``, with the mode of Cassandra's and the given owner.

    :raises LocalFilesError: if that fails.
    """
    missing: list[str] = []
    while path != below and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for each in reversed(missing):
        with explained("make the directory", each):
            with contextlib.suppress(FileExistsError):
                os.mkdir(each, DIRECTORY_MODE)
            os.chmod(each, DIRECTORY_MODE)
            set_owner(each, owner=owner)


def set_owner(path: str, *, owner: Owner) -> None:
    """Set a file's or directory's owner, if it is another."""
    if (owner.uid, owner.gid) == (-1, -1):
        return
    status = os.stat(path)
    if owner.uid not in (-1, status.st_uid) or owner.gid not in (-1, status.st_gid):
        os.chown(path, owner.uid, owner.gid)


def resolve_owner(*, owner: str | None, group: str | None, like: str) -> Owner:
    """The ids of names; without a name, as ``like`` has it (or the nearest directory above) if this process is root.

    :raises InputError: if the node does not know a name.
    """
    while not os.path.exists(like) and os.path.dirname(like) != like:
        like = os.path.dirname(like)
    privileged = os.geteuid() == 0
    status = os.stat(like)
    try:
        uid = pwd.getpwnam(owner).pw_uid if owner else (status.st_uid if privileged else -1)
        gid = grp.getgrnam(group).gr_gid if group else (status.st_gid if privileged else -1)
    except KeyError as error:
        raise InputError(
            f"The node has no such user or group: {error}.",
            subject=owner or group or "",
            next_step="Give the user and group that Cassandra runs as.",
        ) from error
    return Owner(uid=uid, gid=gid)


def copy_table_files(source: str, *, target: str, below: str, owner: Owner) -> None:
    """Copy a table's SSTables with those of its indexes, but no snapshots; on disk when it returns.

    Not hard links: they would share owner and mode with the original, and Cassandra appends to ``TOC.txt``.

    :param below: a directory above ``target`` that is there.
    :raises LocalFilesError: if that fails.
    """
    make_directories(target, below=below, owner=owner)
    with explained("copy", source):
        with os.scandir(source) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            destination = os.path.join(target, entry.name)
            if entry.is_file(follow_symlinks=False):
                copy_file(entry.path, target=destination, owner=owner)
            elif entry.is_dir(follow_symlinks=False) and entry.name.startswith("."):
                copy_table_files(entry.path, target=destination, below=target, owner=owner)
        sync_directory(target)


def files_below(path: str) -> t.Iterator[tuple[str, os.stat_result]]:
    """All regular files below a directory, with their paths relative to it; none if it is not there.

    ``.revive``, snapshots and incremental backups are left out.

    :raises LocalFilesError: if something cannot be read.
    """

    def fail(error: OSError) -> None:
        raise error

    if not os.path.isdir(path):
        return
    with explained("read", path):
        for directory, directories, files in os.walk(path, onerror=fail):
            directories[:] = [name for name in directories if name not in (WORK_DIRECTORY, "snapshots", "backups")]
            for name in files:
                full = os.path.join(directory, name)
                yield os.path.relpath(full, path), os.stat(full)


def remove_tree(path: str) -> int:
    """Delete a directory with everything in it; how many bytes that freed. Nothing to do if it is not there.

    :raises LocalFilesError: if something cannot be deleted; doing it again goes on.
    """
    if not os.path.lexists(path):
        return 0
    freed = 0.0
    with explained("delete", path):
        for directory, _directories, files in os.walk(path):
            for name in files:
                status = os.lstat(os.path.join(directory, name))
                if stat.S_ISREG(status.st_mode):
                    # Snapshots are links to the same bytes, which go with the last of them.
                    freed += status.st_size / status.st_nlink
        shutil.rmtree(path)
    return round(freed)


def sync_if_there(path: str) -> None:
    """Make the names in a directory durable, if there is one.

    :raises LocalFilesError: if that fails.
    """
    if os.path.isdir(path):
        with explained("sync", path):
            sync_directory(path)


def remove_if_empty(path: str) -> None:
    """Delete a directory if nothing is in it; otherwise leave it."""
    with contextlib.suppress(OSError):
        os.rmdir(path)


def holds_user_data(places: t.Iterable[str]) -> bool:
    """Whether there is an SSTable of a user's keyspace."""
    return any(
        _has_data(os.path.join(place, keyspace))
        for place in places
        for keyspace in keyspaces_in(place)
        if keyspace not in SYSTEM_KEYSPACES
    )


def table_directories(place: str, *, keyspace: str, tables: t.Container[str] | None) -> list[str]:
    """The directories of some tables of a keyspace, or of all, sorted; without the keyspace, none."""
    parent = os.path.join(place, keyspace)
    if not os.path.isdir(parent):
        return []
    with explained("read the directory", parent):
        names = sorted(os.listdir(parent))
    refs = ((name, parse_table_directory(keyspace, name)) for name in names)
    return [
        os.path.join(parent, name) for name, ref in refs if ref is not None and (tables is None or ref.table in tables)
    ]


def components_in(directory: str) -> list[str]:
    """The paths of the files of SSTables in a directory, sorted; none if it is not there."""
    return [os.path.join(directory, name) for name in names_in(directory) if split_component(name) is not None]


def link_components(
    names: t.Mapping[str, str], *, target: str, owner: Owner, link: t.Callable[[str, str], None] = os.link
) -> None:
    """Link files of SSTables into a directory, without those of indexes; nothing that changes is shared.

    :param names: by path, each file's name there.
    :raises LocalFilesError: if that fails.
    """
    with explained("link", target):
        for path, name in names.items():
            component = (split_component(os.path.basename(path)) or ("", ""))[1]
            if component == _APPENDED:
                copy_file(path, target=os.path.join(target, name), owner=owner)
            elif not component.startswith(_SAI):
                link(path, os.path.join(target, name))


def has_sstables(directory: str) -> bool:
    """Whether a table's directory holds an SSTable."""
    with explained("read the directory", directory):
        return any(name.endswith("-Data.db") for name in os.listdir(directory))


class FileSystem(t.NamedTuple):
    """The file system that a directory is on: its device, the bytes that may be written to it, and its size."""

    device: int
    free_bytes: int
    size_bytes: int


def file_system(path: str) -> FileSystem:
    """The file system of a directory, or of the nearest one above that is there.

    :raises LocalFilesError: if it cannot be asked.
    """
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    with explained("look at", path):
        space = os.statvfs(path)
        return FileSystem(os.stat(path).st_dev, space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize)


def _managed(path: str, *, kind: str) -> ManagedDirectory:
    real = os.path.realpath(path)
    return ManagedDirectory(path=real, kind=kind, work_directory=os.path.join(real, WORK_DIRECTORY))


def _same_device(one: str, other: str) -> bool:
    return os.path.isdir(one) and os.path.isdir(other) and os.stat(one).st_dev == os.stat(other).st_dev


def _has_data(keyspace_directory: str) -> bool:
    return any(path.endswith("-Data.db") for path, _status in files_below(keyspace_directory))


def copy_file(source: str, *, target: str, owner: Owner) -> None:
    """Copy a file, durable, with its times, and with the mode of Cassandra's and the given owner."""
    with open(source, "rb") as reader, open(target, "wb") as writer:
        shutil.copyfileobj(reader, writer, _COPY_BYTES)
        os.fchmod(writer.fileno(), FILE_MODE)
        writer.flush()
        os.fsync(writer.fileno())
    shutil.copystat(source, target)
    os.chmod(target, FILE_MODE)
    set_owner(target, owner=owner)
