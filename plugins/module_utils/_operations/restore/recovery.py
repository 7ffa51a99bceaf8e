# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's part in a restore to a moment, between the fetch of its base and the switch.

What the fetch has staged becomes what the node held at the moment; the switch then lays it down as it does a backup.
All of it happens in the restore's own directory inside the first data directory, so nothing is copied twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pwd
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory, files
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.commit_log_files import reader_of
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_instance import (
    StagingSettings,
    check_memory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import SegmentChain
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import valid_end
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    AUTH_KEYSPACE,
    RESTORED_SYSTEM_KEYSPACES,
    SYSTEM_KEYSPACES,
    TableRef,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_size
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, Progress
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    NodeManifestHeader,
    SnapshotRecord,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import TableSize
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import Reserve
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import SourceIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import InstanceOptions, NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_log import fetch_segments
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.laying_down import (
    LaidDown,
    lay_down,
    note_laid_down,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    fetch_journal_path,
    fetched_places,
    work_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.staged_record import (
    RecoveryOutcome,
    save_outcome,
    staged_outcome,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.staging import (
    FetchedBase,
    StagedMoment,
    recover_to_moment,
)

_LOG, _INSTANCE = "log", "staging"


def stage_moment(
    node: NodeSettings,
    store: ObjectStore,
    *,
    restore_id: str,
    source: NodeManifestHeader,
    segments: t.Sequence[SegmentChain],
    moment_us: int | None,
    restore_auth: bool,
    release_version: str,
    options: InstanceOptions,
    reserve: Reserve,
    wants: t.Callable[[TableRef], bool] | None = None,
    owner: str | None = None,
    identity_file: str | None = None,
    progress: Progress | None = None,
) -> RecoveryOutcome:
    """Make of the node's fetched base what the source held at the moment. Nothing to do if that is done.

    :param wants: which tables the base was fetched of; ``None`` for everything.
    :param source: what the base's node manifest begins with.
    :param segments: of the source's log, as planned; the base's active segment first.
    :param moment_us: ``None`` where the log as shipped is the cut.
    :param release_version: of the Cassandra installed here.
    :param reserve: what stays free of the file system while the log is fetched.
    :param owner: the user Cassandra runs as; ``None`` takes the data directory's.
    :raises NodeError: if the base has not been fetched, if memory is short, or as :func:`recover_to_moment`.
    :raises ReviveError: as :func:`fetch_segments`, :func:`recover_to_moment` and :func:`lay_down`.
    """
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        done = staged_outcome(node, restore_id=restore_id)
        if done is not None:
            return done
        places = fetched_places(node, restore_id=restore_id)
        check_memory(options.heap_mib)
        work = work_directory(places[0], restore_id)
        base = FetchedBase.of_snapshot(
            source.snapshot,
            directories=[os.path.join(work_directory(place, restore_id), "new") for place in places],
        )
        _say(progress, "fetching", segments=segments)
        paths = _fetch_log(
            node,
            store,
            host_id=source.node.host_id,
            segments=segments,
            place=places[0],
            directory=os.path.join(work, _LOG),
            owner=owner,
            reserve=reserve,
            identity_file=identity_file,
        )
        _say(progress, "starting a Cassandra of its own, some times over, to replay", segments=segments)
        staged = recover_to_moment(
            settings=instance_settings(
                node, directory=os.path.join(work, _INSTANCE), options=options, owner=owner, like=places[0]
            ),
            identity=identity_of(source, release_version=release_version),
            base=base,
            segments=paths,
            moment_us=moment_us,
            wants=_wanted(source.snapshot, wants=wants, restore_auth=restore_auth),
            whole_keyspaces=wants is None,
        )
        local = os.path.realpath(read_config(node.config_file).local_system_directory)
        laid = lay_down(staged=staged, base=base, schema_directory=places.index(local))
        note_laid_down(journal_path=fetch_journal_path(node, restore_id=restore_id), base=base)
        outcome = _made(staged, laid=laid, log_bytes=sum(map(os.path.getsize, paths)), segments=len(paths))
        outcome = _with_sizes(outcome, staged=staged, base=base) if wants is not None else outcome
        save_outcome(node, outcome, restore_id=restore_id)
        _clear(work)
    return outcome


def _clear(work: str) -> None:
    for name in (_INSTANCE, _LOG):
        data_directory.remove_tree(os.path.join(work, name))


def together(outcomes: t.Sequence[RecoveryOutcome]) -> RecoveryOutcome:
    """What became of several nodes' bases on one node; they have the same schema."""
    first = outcomes[0]
    sizes: dict[str, TableSize] = {}
    for each in (size for outcome in outcomes for size in outcome.sizes):
        known = sizes.get(each.table, TableSize(table=each.table, files=0, size=0))
        sizes[each.table] = TableSize(table=each.table, files=known.files + each.files, size=known.size + each.size)
    names = ("segments", "log_bytes", "replayed", "unknown", "later_schema", "replay_milliseconds", "seconds")
    sums = {name: sum(getattr(outcome, name) for outcome in outcomes) for name in names}
    most = {
        name: max(getattr(outcome, name) for outcome in outcomes) for name in ("dropped_tables", "truncated_tables")
    }
    return dataclasses.replace(
        first,
        changed=any(outcome.changed for outcome in outcomes),
        tables=tuple(dict.fromkeys(table for outcome in outcomes for table in outcome.tables)),
        sizes=tuple(sizes.values()),
        **sums,
        **most,
    )


def _fetch_log(
    node: NodeSettings,
    store: ObjectStore,
    *,
    host_id: str,
    segments: t.Sequence[SegmentChain],
    place: str,
    directory: str,
    owner: str | None,
    reserve: Reserve,
    identity_file: str | None,
) -> tuple[str, ...]:
    """Put the segments into a directory below one of the node's data directories."""
    # Cassandra goes through all that lies in its data directories when it starts, and does not start if it may not.
    who = data_directory.resolve_owner(owner=owner, group=None, like=place)
    data_directory.make_directories(directory, below=place, owner=who)
    paths = fetch_segments(
        store,
        host_id=host_id,
        segments=segments,
        directory=directory,
        identity_file=identity_file,
        node=node.name,
        reserve=reserve,
    )
    return _ending_at_a_marker(paths)


def _ending_at_a_marker(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The segments, the last one cut at its last sync marker: what an agent had shipped when it was lost may end
    between two, which Cassandra would take for damage. Without any, the segment holds nothing and is left out."""
    if not paths:
        return paths
    with files.explained("read", paths[-1]), open(paths[-1], "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        end = valid_end(reader_of(file.fileno()), length=size)
        if 0 < end < size:
            file.truncate(end)
    return paths if end else paths[:-1]


def _say(progress: Progress | None, activity: str, *, segments: t.Sequence[SegmentChain]) -> None:
    if progress is not None:
        log = f"{len(segments)} segments of commit log, {format_size(sum(each.end for each in segments))}"
        progress.begin(activity=f"{activity} {log}", total_bytes=0, total_files=0)


def identity_of(source: NodeManifestHeader, *, release_version: str) -> SourceIdentity:
    """Whose files they are, for an instance of the Cassandra that is installed here."""
    return SourceIdentity(
        cluster_name=source.node.cluster_name,
        datacenter=source.node.datacenter,
        rack=source.node.rack,
        release_version=release_version,
        partitioner=source.node.partitioner,
    )


def _wanted(
    record: SnapshotRecord, *, wants: t.Callable[[TableRef], bool] | None, restore_auth: bool
) -> t.Callable[[TableRef], bool]:
    """Which tables can be carried on from the base, those that were made since included, and are wanted.

    :raises InputError: if the base has some tables of a keyspace only.
    """
    if record.tables:
        raise InputError(
            f"The backup {record.tag} holds some tables only, so no moment can be reached from it.",
            subject=record.tag,
            next_step="Choose a backup of whole keyspaces.",
        )
    whole = frozenset((*record.keyspaces, *RESTORED_SYSTEM_KEYSPACES)) if record.keyspaces else None

    def wanted(table: TableRef) -> bool:
        known = (whole is None or table.keyspace in whole) and (restore_auth or table.keyspace != AUTH_KEYSPACE)
        return known and (wants is None or wants(table))

    return wanted


def _with_sizes(outcome: RecoveryOutcome, *, staged: StagedMoment, base: FetchedBase) -> RecoveryOutcome:
    sizes = tuple(_size(each.table, base=base) for each in staged.tables)
    return dataclasses.replace(outcome, schema_cql=staged.schema_cql, sizes=sizes)


def _size(table: TableRef, *, base: FetchedBase) -> TableSize:
    """What the base has of a table, once the moment is laid down; of its indexes, which are made again, nothing."""
    directories = [os.path.join(directory, table.keyspace, table.directory) for directory in base.directories]
    files = [path for directory in directories for path in data_directory.components_in(directory)]
    return TableSize(
        table=f"{table.keyspace}/{table.directory}", files=len(files), size=sum(map(os.path.getsize, files))
    )


def instance_settings(
    node: NodeSettings, *, directory: str, options: InstanceOptions, owner: str | None, like: str
) -> StagingSettings:
    """How an instance runs on a node.

    :param owner: the user Cassandra runs as; ``None`` for who owns ``like``.
    """
    user = owner
    if user is None and os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            user = pwd.getpwuid(os.stat(like).st_uid).pw_name
    return StagingSettings(
        directory=directory,
        conf_directory=os.path.dirname(os.path.realpath(node.config_file)),
        launch_command=options.launch_command,
        address=options.address,
        heap_mib=options.heap_mib,
        nice=options.nice,
        user=None if user == "root" else user,
    )


def _made(staged: StagedMoment, *, laid: LaidDown, log_bytes: int, segments: int) -> RecoveryOutcome:
    return RecoveryOutcome(
        changed=True,
        schema_sha256=staged.schema_sha256,
        segments=segments,
        log_bytes=log_bytes,
        replayed=staged.data_replay.replayed,
        unknown=sum(staged.data_replay.unknown.values()),
        later_schema=staged.later_schema,
        dropped_tables=len({os.path.basename(path) for path in laid.dropped}),
        truncated_tables=len({os.path.basename(path) for path in laid.truncated}),
        indexes_to_rebuild=tuple(".".join(each) for each in laid.indexes_to_rebuild),
        tables=tuple(str(each.table) for each in staged.tables if each.table.keyspace not in SYSTEM_KEYSPACES),
        replay_milliseconds=staged.data_replay.milliseconds,
        seconds=staged.schema_seconds + staged.data_seconds,
    )
