# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots on a node: taken with a record of what was asked and when, cleared by tag or age."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.commit_log_files import read_position
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    read_if_there,
    remove_if_there,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.snapshot_files import (
    backed_up_tables,
    data_directories,
    snapshot_tags,
    table_contents,
    table_snapshots,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import check_keyspace, check_tag
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.versions import has_snapshot_ttl
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    LocalFilesError,
    ManifestError,
    NodeError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import (
    SnapshotContents,
    difference,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import (
    SNAPSHOT,
    SNAPSHOT_CONTENTS,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import SnapshotRecord
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot_notes import (
    contents_path,
    has_notes,
    intent_path,
    is_of_backup,
    noted_tags,
    read_snapshot_contents,
    read_snapshot_record,
    record_path,
    remove_notes,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot_subjects import (
    check_exist,
    has_tables,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.identity import (
    read_identity,
    remembered_identity,
)


@dataclasses.dataclass(frozen=True)
class SnapshotOutcome:
    """The outcome of taking a snapshot.

    :param record: ``None`` in check mode when it would be taken.
    :param before: the tags on the node before, and ``after`` those after it, sorted, for a diff.
    """

    changed: bool
    record: SnapshotRecord | None
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class ClearOutcome:
    """Which snapshots were cleared, or would be."""

    changed: bool
    cleared: tuple[str, ...]


def record_snapshot(node: NodeSettings, record: SnapshotRecord, *, directories: t.Sequence[str]) -> SnapshotRecord:
    """Note a snapshot that was just taken, with what it holds; the record as it was noted.

    :raises LocalFilesError: if the snapshot does not hold what Cassandra lists for it, or holds no table though it
        was asked of more than keyspaces without any.
    """
    contents = _contents(record, directories=directories)
    if not contents.tables and (not record.keyspaces or has_tables(node, keyspaces=record.keyspaces)):
        raise LocalFilesError(
            f"Cassandra took snapshot {record.tag} of node {node.name}, and there is nothing of it in "
            f"{', '.join(directories)}.",
            subject=node.name,
            next_step="Check that these are the data directories of the Cassandra that runs there.",
        )
    write_atomically(contents_path(node, record.tag), SNAPSHOT_CONTENTS.encode(contents))
    record = dataclasses.replace(record, contents=contents.counts)
    write_atomically(record_path(node, record.tag), SNAPSHOT.encode(record))
    return record


def take_snapshot(
    node: NodeSettings,
    *,
    tag: str,
    keyspaces: t.Sequence[str] = (),
    tables: t.Sequence[str] = (),
    ttl: str | None = None,
    skip_flush: bool = False,
    for_backup: bool = False,
    check_mode: bool = False,
    now: t.Callable[[], int] = now_us,
) -> SnapshotOutcome:
    """Take a snapshot, unless the same one exists.

    :param keyspaces: those to take; all if neither these nor tables are given.
    :param tables: those to take, as ``keyspace.table``; not together with keyspaces.
    :param ttl: after how long Cassandra itself clears it, such as ``3d``; from Cassandra 4.1.
    :param skip_flush: take what is on disk only.
    :param for_backup: a backup takes it, and clears it; one that is left is what the next backup clears.
    :raises InputError: if the tag, a keyspace or a table cannot be used, or the tag is somebody else's snapshot.
    :raises NodeError: if the node does not answer or refuses.
    :raises LocalFilesError: if there is less in the snapshot than Cassandra put there.
    :raises BusyError: if another operation works on the node's snapshots.
    """
    check_tag(tag)
    wanted_keyspaces, wanted_tables = _checked_names(keyspaces, tables)
    directories = data_directories(read_config(node.config_file))
    with node_lock(node.state_directory, name="snapshot", node=node.name):
        tags = snapshot_tags(directories)
        before = tuple(sorted(tags))
        known = _usable_record(node, tag=tag)
        # Of keyspaces without tables there is nothing in the directories.
        if known is not None and (tag in tags or (known.contents and not known.contents.tables)):
            _check_same(known, keyspaces=wanted_keyspaces, tables=wanted_tables, for_backup=for_backup)
            _check_whole(node, known, directories=directories)
            return SnapshotOutcome(changed=False, record=known, before=before, after=before)
        if tag in tags and os.path.exists(record_path(node, tag)) and not is_of_backup(node, tag=tag):
            raise InputError(
                f"What snapshot {tag} of node {node.name} held when it was taken is not known any more.",
                subject=tag,
                next_step=f"Use another tag, or, if it can go: nodetool clearsnapshot -t {tag}",
            )
        if tag in tags and not has_notes(node, tag=tag):
            raise InputError(
                f"Node {node.name} has a snapshot {tag} that was not made by this collection.",
                subject=tag,
                next_step=f"Use another tag, or clear it with: nodetool clearsnapshot -t {tag}",
            )
        remembered = None if check_mode or ttl else remembered_identity(node)
        identity = remembered or read_identity(node)
        check_exist(node, keyspaces=wanted_keyspaces, tables=wanted_tables)
        if ttl:
            _check_ttl(ttl, release_version=identity.release_version)
        after = tuple(sorted({*before, tag}))
        if check_mode:
            return SnapshotOutcome(changed=True, record=None, before=before, after=after)
        if tag in tags:
            _clear(node, tag=tag, directories=directories)
        begun = SnapshotRecord(
            tag=tag,
            began_us=now(),
            ended_us=0,
            node=identity,
            commit_log=read_position(read_config(node.config_file).commitlog_directory),
            keyspaces=wanted_keyspaces,
            tables=wanted_tables,
            for_backup=for_backup,
        )
        record = _take(node, begun, ttl=ttl, skip_flush=skip_flush, ask_again=remembered is not None, now=now)
        record = record_snapshot(node, record, directories=directories)
        remove_if_there(intent_path(node, tag))
        return SnapshotOutcome(changed=True, record=record, before=before, after=after)


def clear_snapshots(
    node: NodeSettings,
    *,
    tag: str | None = None,
    older_than_seconds: int | None = None,
    only_recorded: bool = True,
    for_backup: bool = False,
    check_mode: bool = False,
    now: t.Callable[[], int] = now_us,
) -> ClearOutcome:
    """Clear one snapshot by its tag, or our own by age, with what we noted about them.

    :param older_than_seconds: by its record if there is one, otherwise by when its newest directory was made.
    :param for_backup: leave alone, without a word, what no backup took.
    :param only_recorded: refuse to clear a tag that this collection did not make; by age only our own are cleared.
    :raises InputError: if neither tag nor age is given, or the tag is somebody else's snapshot.
    :raises NodeError: if the node does not answer or refuses.
    :raises BusyError: if another operation works on the node's snapshots, or uploads one.
    """
    if (tag is None) == (older_than_seconds is None):
        raise InputError("Either a tag or an age is needed.", subject="tag", next_step="Give one of them.")
    if tag is not None:
        check_tag(tag)
        # Before the locks: whoever holds them may be the one because of whom there is nothing to clear.
        if for_backup and not is_of_backup(node, tag=tag):
            return ClearOutcome(changed=False, cleared=())
    directories = data_directories(read_config(node.config_file))
    with contextlib.ExitStack() as locks:
        for name in ("snapshot", "upload"):
            locks.enter_context(node_lock(node.state_directory, name=name, node=node.name))
        tags = snapshot_tags(directories)
        if tag is not None:
            if tag in tags and only_recorded and not has_notes(node, tag=tag):
                raise InputError(
                    f"Node {node.name} has a snapshot {tag} that was not made by this collection.",
                    subject=tag,
                    next_step=f"If it can go: nodetool clearsnapshot -t {tag}",
                )
            doomed = [tag] if tag in tags or has_notes(node, tag=tag) else []
        else:
            limit = now() / 1e6 - (older_than_seconds or 0)
            ours = {name: made for name, made in tags.items() if has_notes(node, tag=name)}
            ours.update({name: 0.0 for name in noted_tags(node) if name not in tags})
            doomed = sorted(name for name, made in ours.items() if _taken_at(node, tag=name, made=made) < limit)
        if not check_mode:
            for name in doomed:
                if name in tags:
                    _clear(node, tag=name, directories=directories)
                remove_notes(node, tag=name, now=now)
        return ClearOutcome(changed=bool(doomed), cleared=tuple(doomed))


def _take(
    node: NodeSettings,
    begun: SnapshotRecord,
    *,
    ttl: str | None,
    skip_flush: bool,
    ask_again: bool,
    now: t.Callable[[], int],
) -> SnapshotRecord:
    """Take the snapshot that was begun; its record, not noted yet.

    :param ask_again: who the node is, when that is only remembered. This runs while the snapshot is taken, since each
        nodetool starts a Java machine.
    """
    # The intent first: a run that dies in between leaves a snapshot that is known as ours.
    write_atomically(intent_path(node, begun.tag), SNAPSHOT.encode(begun))
    arguments = ["snapshot", "-t", begun.tag]
    if skip_flush:
        arguments.append("-sf")
    if ttl:
        arguments += ["--ttl", ttl]
    if begun.tables:
        arguments += ["-kt", ",".join(begun.tables)]
    elif begun.keyspaces:
        arguments += ["--", *begun.keyspaces]
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        answer = pool.submit(read_identity, node) if ask_again else None
        Nodetool(node).run(*arguments)
        ended_us = now()
        # Without an answer there is no record, and the snapshot counts as left by a broken run.
        identity = answer.result() if answer else begun.node
    return dataclasses.replace(begun, ended_us=ended_us, node=identity)


def _contents(record: SnapshotRecord, *, directories: t.Sequence[str]) -> SnapshotContents:
    """What the snapshot holds now."""
    tables = backed_up_tables(directories, tag=record.tag)
    return SnapshotContents(
        tag=record.tag,
        began_us=record.began_us,
        tables=tuple(table_contents(table, parts) for table, parts in tables),
    )


def _check_whole(node: NodeSettings, record: SnapshotRecord, *, directories: t.Sequence[str]) -> None:
    """Refuse a snapshot that is not what was taken; it is left as it is."""
    noted = read_snapshot_contents(node, record)
    differs = difference(noted.tables if noted else (), _contents(record, directories=directories).tables)
    if differs:
        raise LocalFilesError(
            f"Snapshot {record.tag} of node {node.name} is not what was taken: {differs}.",
            subject=node.name,
            next_step=f"Use another tag, or, if what is left of it can go: nodetool clearsnapshot -t {record.tag}",
        )


def _clear(node: NodeSettings, *, tag: str, directories: t.Sequence[str]) -> None:
    # Half cleared, it is ours and nobody takes it for the snapshot that it was.
    record = read_if_there(record_path(node, tag))
    if record is not None:
        write_atomically(intent_path(node, tag), record)
        remove_if_there(record_path(node, tag))
    Nodetool(node).run("clearsnapshot", "-t", tag)
    left = next(table_snapshots(directories, tag=tag), None)
    if left is not None:
        # A dropped table keeps its snapshots, and nodetool of 4.0 does not find them.
        raise NodeError(
            f"nodetool did not clear snapshot {tag} on node {node.name}: {left.path} is still there.",
            subject=node.name,
            next_step="If its table was dropped, delete that directory by hand.",
        )


def _checked_names(keyspaces: t.Sequence[str], tables: t.Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if keyspaces and tables:
        raise InputError(
            "Keyspaces and tables cannot be given together.",
            subject="tables",
            next_step="Give the keyspaces' tables one by one, or keyspaces only.",
        )
    for table in tables:
        keyspace, dot, name = table.partition(".")
        if not dot:
            raise InputError(f"{table!r} is not a table.", subject=table, next_step="Write keyspace.table.")
        check_keyspace(keyspace)
        check_keyspace(name)
    return tuple(sorted({check_keyspace(name) for name in keyspaces})), tuple(sorted(set(tables)))


def _check_ttl(ttl: str, *, release_version: str) -> None:
    if not has_snapshot_ttl(release_version):
        raise InputError(
            f"Cassandra {release_version} has no time to live for snapshots; it came with 4.1.",
            subject="ttl",
            next_step="Leave it out, and clear snapshots by age.",
        )
    if not ttl[:-1].strip().isdigit() or ttl[-1] not in "dhms":
        raise InputError(f"{ttl!r} is not a time to live.", subject="ttl", next_step="Write it like 3d, 12h or 90m.")


def _check_same(
    record: SnapshotRecord, *, keyspaces: tuple[str, ...], tables: tuple[str, ...], for_backup: bool
) -> None:
    if record.for_backup != for_backup:
        owner = "by a backup" if record.for_backup else "to be kept, and not by a backup"
        raise InputError(
            f"Snapshot {record.tag} of node {record.node.name} was taken {owner}.",
            subject=record.tag,
            next_step="Use another tag.",
        )
    if (record.keyspaces, record.tables) != (keyspaces, tables):
        had = ", ".join((*record.keyspaces, *record.tables)) or "everything"
        raise InputError(
            f"Node {record.node.name} has a snapshot {record.tag} of something else: {had}.",
            subject=record.tag,
            next_step="Use another tag, or clear that snapshot.",
        )


def _usable_record(node: NodeSettings, *, tag: str) -> SnapshotRecord | None:
    """The record of a snapshot of which is known what it held."""
    with contextlib.suppress(ManifestError):
        record = read_snapshot_record(node, tag=tag)
        return record if record and read_snapshot_contents(node, record) else None
    return None


def _taken_at(node: NodeSettings, *, tag: str, made: float) -> float:
    """When a snapshot was taken, in seconds since the epoch."""
    with contextlib.suppress(ManifestError):
        record = read_snapshot_record(node, tag=tag)
        return record.ended_us / 1e6 if record else made
    return made
