# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each node does to get tables back into a cluster that serves: fetch, stage, import, finish.

What was fetched is never handed over itself. Cassandra gets hard links of it, in a new directory for each attempt, and
moves those. So an import that died is done again from the beginning, without fetching; and importing the
same files twice changes nothing, since every cell in them has its own timestamp.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    file_sha256,
    inode_of,
    remove_if_there,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import parse_describering
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import check_one_schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import (
    InstanceOptions,
    NodeSettings,
    TransferSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive import rights
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import record_import
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.identity import remembered_identity
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import (
    fetch,
    recovery,
    staged_record,
    steps,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    fetch_journal_path,
    fetched_places,
    manifest_path,
    work_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.notes import (
    notes_path,
    read_notes,
    write_notes,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.part import (
    TablePart,
    restore_parts,
    table_directories,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.snapshots import (
    clear_snapshot,
    verification_snapshot,
)

#: Longer than any import or index takes.
TIMEOUT_SECONDS = 7 * 24 * 3600
_DATA = "-Data.db"


@dataclasses.dataclass(frozen=True)
class ImportOutcome:
    """What was imported.

    :param tables: that have their data on this node now.
    :param sstables: of them, and ``size`` the bytes of all their files.
    :param held: of the SSTables those whose very data the tables were seen to hold after the import. In a table that
        was there Cassandra may have compacted the others by then.
    """

    changed: bool
    tables: int
    sstables: int
    held: int
    size: int
    seconds: float


def fetch_tables(
    part: TablePart,
    store: ObjectStore,
    *,
    repository: RepositorySettings,
    transfer: TransferSettings,
    progress: Progress,
) -> fetch.FetchOutcome:
    """Download what this node imports beside its data; errors as of :func:`fetch.fetch_backup`.

    :raises StoreDeniedError: if the import could not be recorded later; nothing has been downloaded then.
    """
    who = remembered_identity(part.node)
    if who is not None:
        rights.require_may_record_import(store, host_id=who.host_id)
    outcomes = [
        steps.fetch_part(
            each, store, repository=repository, transfer=transfer, progress=progress, tables=part.plan.fetched
        )
        for each in restore_parts(part)
    ]
    return fetch.FetchOutcome(
        changed=any(each.changed for each in outcomes),
        files=sum(each.files for each in outcomes),
        size=sum(each.size for each in outcomes),
        fetched_bytes=sum(each.fetched_bytes for each in outcomes),
        reused_bytes=sum(each.reused_bytes for each in outcomes),
        seconds=sum(each.seconds for each in outcomes),
    )


def stage_tables(
    part: TablePart,
    store: ObjectStore,
    *,
    repository: RepositorySettings,
    options: InstanceOptions,
    progress: Progress,
) -> staged_record.RecoveryOutcome:
    """Make of what was fetched what the tables held at the moment; errors as of :func:`steps.stage_part`.

    :raises NodeError: if the nodes that the files are of had different schemas at the moment.
    """
    parts = restore_parts(part)
    outcomes = [
        steps.stage_part(
            each,
            store,
            repository=repository,
            options=options,
            progress=progress,
            wants=part.plan.selection.wants,
        )
        for each in parts
    ]
    moment = part.plan.restore.moment
    check_one_schema(
        {each.plan.assignments[0].source_name: outcome.schema_sha256 for each, outcome in zip(parts, outcomes)},
        moment_us=moment.replay_until_us if moment else None,
    )
    return recovery.together(outcomes)


def would_stage(part: TablePart) -> bool:
    """Whether :func:`stage_tables` has anything to do."""
    return any(map(steps.would_stage, restore_parts(part)))


def import_tables(part: TablePart, *, check_mode: bool, store: ObjectStore | None = None) -> ImportOutcome:
    """Have the running node take what was fetched into the tables; those that it has taken are not taken again.

    :param store: the repository, which is told when: what is imported is in no commit log.
    :raises StoreError: if it cannot be told; then nothing has been imported.
    :raises NodeError: if not all is fetched, if nodetool fails, if Cassandra passes files by, or if a new table does
        not hold the very data that was fetched then.
    :raises BusyError: if another restore is under way on the node.
    :raises LocalFilesError: if files cannot be linked.
    """
    node, plan, restore_id = part.node, part.plan, part.plan.restore.restore_id
    began = time.monotonic()
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        notes = read_notes(node, restore_id=restore_id)
        done = set(notes.imported)
        open_tables = [table for table in plan.tables if str(table) not in done]
        if check_mode:
            return ImportOutcome(changed=bool(open_tables), tables=0, sstables=0, held=0, size=0, seconds=0.0)
        fetched = [
            (place, work_directory(place, plan_of_source.restore_id))
            for plan_of_source in plan.restore.parts_of(node.name)
            for place in fetched_places(node, restore_id=plan_of_source.restore_id)
        ]
        nodetool = Nodetool(dataclasses.replace(node, timeout_seconds=TIMEOUT_SECONDS))
        sstables = size = 0
        notes = dataclasses.replace(notes, views=tuple(dict.fromkeys((*notes.views, *plan.views))))
        write_notes(node, notes, restore_id=restore_id)
        if open_tables:
            _tell(node, plan, store=store)
            notes = dataclasses.replace(notes, import_began_ms=notes.import_began_ms or now_us() // 1000)
            write_notes(node, notes, restore_id=restore_id)
        for table in plan.tables:
            sources = [(place, os.path.join(work, "new", table.source)) for place, work in fetched]
            files = [path for _place, directory in sources for path in data_directory.components_in(directory)]
            sstables += sum(path.endswith(_DATA) for path in files)
            size += sum(os.path.getsize(path) for path in files)
            if table not in open_tables:
                continue
            held = 0
            if files:
                with_foreign = take_files(part, nodetool, table, sources=sources)
                held = _held(node, table, fetched=files)
                if with_foreign:
                    nodetool.run("cleanup", table.keyspace, table.table)
            if table is plan.tables[-1]:
                for index in plan.indexes:
                    nodetool.run("rebuild_index", *index.split("."))
                _tell(node, plan, store=store)
            done.add(str(table))
            notes = dataclasses.replace(notes, imported=tuple(sorted(done)), held=notes.held + held)
            write_notes(node, notes, restore_id=restore_id)
    return ImportOutcome(
        changed=bool(open_tables),
        tables=len(plan.tables),
        sstables=sstables,
        held=notes.held,
        size=size,
        seconds=time.monotonic() - began,
    )


def finish_tables(part: TablePart, *, check_mode: bool) -> int | None:
    """Remove what was fetched and what was written down about it; the bytes freed, ``None`` if there was nothing.

    :raises LocalFilesError: if something cannot be deleted; doing it again goes on.
    """
    node, restore_id = part.node, journal.check_restore_id(part.plan.restore.restore_id)
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        names = [restore_id, *(each.restore_id for each in part.plan.restore.parts_of(node.name))]
        records = [notes_path(node, restore_id=restore_id)]
        for name in names:
            records += [fetch_journal_path(node, restore_id=name), manifest_path(node, restore_id=name)]
        places = data_directory.data_places(read_config(node.config_file))
        works = [work_directory(place, name) for place in places for name in names]
        if not any(os.path.exists(path) for path in (*records, *works)):
            return None
        if check_mode:
            return 0
        clear_snapshot(part, name=verification_snapshot(restore_id))
        freed = 0
        for work in works:
            freed += data_directory.remove_tree(work)
            data_directory.remove_if_empty(os.path.dirname(work))
        for path in records:
            remove_if_there(path)
        for name in names:
            staged_record.forget_moment(node, restore_id=name)
    return freed


def take_files(
    part: TablePart, nodetool: Nodetool, table: TableRestore, *, sources: t.Sequence[tuple[str, str]]
) -> bool:
    """Have Cassandra take hard links of a table's files.

    Where a cleanup was pending when they were written, after nodes had joined, they hold keys of ranges that the node
    has no replica of, and Cassandra refuses them; then they are taken with those, as long as the ring is the plan's.

    :param sources: directories with such files, each with the data directory that it lies in.
    :returns: whether they may hold keys that are not the node's own.
    :raises NodeError: if Cassandra refuses files, or passes some by.
    :raises LocalFilesError: if files cannot be linked.
    """
    directories = []
    full = [(place, source) for place, source in sources if data_directory.components_in(source)]
    for number, (place, source) in enumerate(full):
        target = os.path.join(work_directory(place, part.plan.restore.restore_id), "import", str(number), table.source)
        data_directory.remove_tree(target)
        who = data_directory.resolve_owner(owner=part.owner, group=part.group, like=place)
        data_directory.make_directories(target, below=place, owner=who)
        names = {path: os.path.basename(path) for path in data_directory.components_in(source)}
        data_directory.link_components(names, target=target, owner=who)
        directories.append(target)
    with_foreign = part.plan.selection.reshape
    if directories and not with_foreign:
        try:
            nodetool.run("import", table.keyspace, table.table, *directories)
        except NodeError as error:
            # Those that were taken before are empty now.
            directories = [each for each in directories if data_directory.components_in(each)]
            if not any(each in str(error) for each in directories):
                raise
            _check_ring(part, nodetool, table)
            with_foreign = True
    if directories and with_foreign:
        with _telling_what_was_refused(part, table, directories=directories):
            nodetool.run("import", "--no-tokens", table.keyspace, table.table, *directories)
    left = [path for target in directories for path in data_directory.components_in(target) if path.endswith(_DATA)]
    if left:
        raise NodeError(
            f"On {part.node.name} Cassandra has skipped {len(left)} SSTables of {table}, such as "
            f"{os.path.basename(left[0])}.",
            subject=str(table),
            next_step="See Cassandra's log, then run the same again.",
        )
    for target in directories:
        data_directory.remove_tree(target)
    return with_foreign


def _check_ring(part: TablePart, nodetool: Nodetool, table: TableRestore) -> None:
    """:raises NodeError: if the ring is another than the plan's, so a cleanup could drop what no other node got."""
    ring = {end for _start, end, _replicas in parse_describering(nodetool.run("describering", table.keyspace))}
    planned = {int(token) for each in part.plan.restore.assignments for token in each.tokens}
    if ring != planned:
        raise NodeError(
            f"On {part.node.name} Cassandra did not take SSTables of {table}, perhaps for keys that are not the node's "
            "own: the cluster's tokens are not those that the restore was planned with.",
            subject=str(table),
            next_step="Nodes have joined or left meanwhile. When they have settled, run the same again; it plans anew.",
        )


@contextlib.contextmanager
def _telling_what_was_refused(
    part: TablePart, table: TableRestore, *, directories: t.Sequence[str]
) -> t.Iterator[None]:
    """Say where the cause is to be found; of what it does not take, Cassandra tells nodetool the directory alone."""
    try:
        yield
    except NodeError as error:
        refused = [each for each in directories if each in str(error)]
        if not refused:
            raise
        raise NodeError(
            f"On {part.node.name} Cassandra did not take the SSTables of {table} in {refused[0]}.",
            subject=str(table),
            next_step="Its log on that node has the cause, in the lines with 'Failed verifying' or 'Failed "
            "importing'. When that is fixed, run the same again: what was fetched is still there.",
        ) from error


def _held(node: NodeSettings, table: TableRestore, *, fetched: t.Sequence[str]) -> int:
    """How many SSTables a table has after its import with the very data that was fetched.

    A new table, whose SSTables nobody compacts yet, has to have all. Where Cassandra has moved a file to a data
    directory on another file system, it is known by its content.
    """
    live = {
        path: status
        for _place, directory in table_directories(data_directory.data_places(read_config(node.config_file)), table)
        for path in data_directory.components_in(directory)
        if path.endswith(_DATA) and (status := _status(path)) is not None
    }
    found = set(map(inode_of, live.values()))
    wanted = {path: os.stat(path) for path in fetched if path.endswith(_DATA)}
    moved = {path: status for path, status in wanted.items() if inode_of(status) not in found}
    sizes = {status.st_size for status in moved.values()}
    contents = {_hash(path) for path, status in live.items() if status.st_size in sizes}
    missing = [path for path in moved if not contents or file_sha256(path) not in contents]
    if missing and table.is_new:
        raise NodeError(
            f"On {node.name} {len(missing)} of {len(wanted)} SSTables are not in {table} after the import.",
            subject=str(table),
            next_step="See Cassandra's log, then run the same again.",
        )
    return len(wanted) - len(missing)


def _status(path: str) -> os.stat_result | None:
    """Of a file of a table that serves, which may be gone by now."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(path)
    return None


def _hash(path: str) -> str | None:
    """Alike."""
    try:
        return file_sha256(path)
    except LocalFilesError:
        if _status(path) is not None:
            raise
        return None


def _tell(node: NodeSettings, plan: TablesPlan, *, store: ObjectStore | None) -> None:
    identity = remembered_identity(node)
    if store is not None and identity is not None:
        record_import(
            store,
            host_id=identity.host_id,
            at_us=now_us(),
            detail=plan.restore.restore_id,
            tables=tuple(f"{table.keyspace}.{table.table}" for table in plan.tables),
            look=plan.is_look,
        )
