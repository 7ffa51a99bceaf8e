# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a restore of tables into a cluster that serves: make what is missing, fetch, import, complete.

What was fetched is never handed over itself. Cassandra gets hard links of it, in a new directory for each attempt, and
moves those. So an import that died is done again from the beginning, without fetching; and importing the
same files twice changes nothing, since every cell in them has its own timestamp.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import (
    read_config,
    read_settings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import Cql, connect
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    file_sha256,
    inode_of,
    names_in,
    remove_if_there,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as schema_core
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.truncation import parse_truncations
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import check_one_schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import (
    CqlSettings,
    InstanceOptions,
    NodeSettings,
    TransferSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.making import (
    is_being_restored,
    is_compacted,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import record_import
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.counting import describe_schema
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
    Notes,
    notes_path,
    read_notes,
    write_notes,
)

#: Longer than any import or index takes.
_TIMEOUT_SECONDS = 7 * 24 * 3600
_DATA = "-Data.db"
_TRUNCATION = re.compile(r"truncated-(?P<ms>\d+)-")

_Connect = t.Callable[[CqlSettings], t.ContextManager[Cql]]


@dataclasses.dataclass(frozen=True)
class TablePart:
    """What this node gets of a plan, and who owns it then.

    :param owner: a user's name; ``None`` for who owns the data directory; the same for ``group``.
    """

    node: NodeSettings
    plan: TablesPlan
    owner: str | None = None
    group: str | None = None


@dataclasses.dataclass(frozen=True)
class SaveOutcome:
    """What was kept.

    :param emptied: whether the tables have been emptied since, so there was nothing to keep.
    :param snapshots: that this restore has taken on the node.
    :param exact: whether what is written between them and the truncation is kept too: Cassandra does that itself,
        unless it is told not to.
    """

    changed: bool
    emptied: bool
    snapshots: tuple[str, ...]
    exact: bool = True


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
    """Download what this node imports beside its data; errors as of :func:`fetch.fetch_backup`."""
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


def restore_parts(part: TablePart) -> list[steps.Part]:
    """What this node gets of each node of the backup."""
    return [
        steps.Part(node=part.node, plan=plan, owner=part.owner, group=part.group)
        for plan in part.plan.restore.parts_of(part.node.name)
    ]


def make_tables(
    plan: TablesPlan, *, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Make the keyspaces, types and tables that are missing, on one node for the whole cluster.

    :returns: the statements that did something; none if all of it is there.
    :raises NodeError: if Cassandra refuses one, or a table of that name is not this restore's.
    :raises NodeUnreachableError: if it does not answer.
    """
    now = schema_core.parse_schema(describe_schema(cql, connect=connect))
    done: list[str] = []
    with connect(cql) as session:
        for made in schema_core.parse_schema([";\n".join(plan.before_cql)]).objects:
            there = now.find(made.kind, made.keyspace, made.name)
            if there is not None and made.kind == schema_core.TABLE:
                # A column that was dropped and added again stands last in what makes it, and elsewhere afterwards.
                if set(schema_core.columns_of(there)) == set(schema_core.columns_of(made)):
                    continue
                # It was cut off between being made and losing the columns that were dropped; nothing is in it yet.
                _check_ours(there, restore_id=plan.restore.restore_id)
                done.append(f"DROP TABLE {schema_core.full_name(there.keyspace, there.name)}")
            elif there is not None:
                continue
            done += made.statements
        if not check_mode:
            for statement in done:
                session.rows(statement)
    return tuple(done)


def complete_tables(
    plan: TablesPlan, *, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Give the new tables the properties and indexes that they had, on one node for the whole cluster.

    They still say whose they are, so an interrupted restore can be told.

    :returns: the statements that did something.
    :raises NodeError: if Cassandra refuses one.
    :raises NodeUnreachableError: if it does not answer.
    """
    now = schema_core.parse_schema(describe_schema(cql, connect=connect))
    done = []
    for table in plan.tables:
        there = now.find(schema_core.TABLE, table.keyspace, table.table)
        if table.compaction and (there is None or not is_compacted(there)):
            name = schema_core.full_name(table.keyspace, table.table)
            done.append(f"ALTER TABLE {name} WITH compaction = {table.compaction}")
    for statement in plan.after_cql:
        made = schema_core.parse_schema([statement]).objects
        if not made or now.find(made[0].kind, made[0].keyspace, made[0].name) is None:
            done.append(statement)
    for view in schema_core.parse_schema(plan.views).objects:
        done += [f"DROP MATERIALIZED VIEW IF EXISTS {schema_core.full_name(view.keyspace, view.name)}"]
        done += view.statements
    return _executed(done, cql=cql, check_mode=check_mode, connect=connect)


def release_tables(
    plan: TablesPlan, *, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Take the mark of a restore off the new tables, on one node for the whole cluster.

    :returns: the statements that did something.
    :raises NodeError: if Cassandra refuses one.
    :raises NodeUnreachableError: if it does not answer.
    """
    now = schema_core.parse_schema(describe_schema(cql, connect=connect))
    done = []
    for table in plan.tables:
        there = now.find(schema_core.TABLE, table.keyspace, table.table) if table.is_new else None
        if there is not None and is_being_restored(there, restore_id=plan.restore.restore_id):
            name = schema_core.full_name(table.keyspace, table.table)
            done.append(f"ALTER TABLE {name} WITH comment = {table.comment}")
    return _executed(done, cql=cql, check_mode=check_mode, connect=connect)


def save_tables(
    part: TablePart,
    *,
    cql: CqlSettings,
    again: bool,
    check_mode: bool,
    connect: _Connect = connect,
) -> SaveOutcome:
    """Keep what the tables hold that are to be emptied, in a snapshot; nothing to do if they have been since the last.

    :param again: take one in any case, of what an attempt that failed has left, which is put back into nothing.
    :raises NodeError: if nodetool fails.
    :raises NodeUnreachableError: if the node does not answer CQL.
    """
    node, restore_id = part.node, part.plan.restore.restore_id
    tables = [table for table in part.plan.tables if table.replaces]
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        notes = read_notes(node, restore_id=restore_id)
        exact = bool(read_settings(node.config_file).get("auto_snapshot", True))
        emptied = _emptied(tables, notes, cql=cql, connect=connect)
        if (emptied and not again) or check_mode or not tables:
            return SaveOutcome(changed=not emptied, emptied=emptied, snapshots=notes.snapshots, exact=exact)
        saved_ms = now_us() // 1000
        name = f"{restore_id}-{saved_ms}"
        # What an attempt that was killed has still under way finds nothing to import any more.
        for place in data_directory.data_places(read_config(node.config_file)):
            data_directory.remove_tree(os.path.join(work_directory(place, restore_id), "import"))
        names = ",".join(f"{table.keyspace}.{table.table}" for table in tables)
        Nodetool(node).run("snapshot", "-t", name, "-kt", names)
        notes = dataclasses.replace(notes, snapshots=(*notes.snapshots, name))
        if not again:
            notes = dataclasses.replace(
                notes,
                kept=(*notes.kept, name),
                first_saved_ms=notes.first_saved_ms or saved_ms,
                saved_ms=saved_ms,
            )
        write_notes(node, notes, restore_id=restore_id)
    return SaveOutcome(changed=True, emptied=False, snapshots=notes.snapshots, exact=exact)


def empty_tables(
    plan: TablesPlan, *, cql: CqlSettings, check_mode: bool, connect: _Connect = connect
) -> tuple[str, ...]:
    """Empty the tables that are to be replaced, on all nodes at once; the statements that did it.

    :raises NodeError: if Cassandra refuses one, as when a node is down.
    :raises NodeUnreachableError: if it does not answer.
    """
    done = [
        f"TRUNCATE TABLE {schema_core.full_name(table.keyspace, table.table)}"
        for table in plan.tables
        if table.replaces
    ]
    return _executed(done, cql=cql, check_mode=check_mode, connect=connect)


def put_tables_back(part: TablePart) -> tuple[str, ...]:
    """Have the node take back what its tables held before they were emptied; the snapshots that it was taken from.

    Cassandra's own snapshot of the truncation is among them: it has what was written between ours and that.

    :raises NodeError: if nodetool fails.
    :raises LocalFilesError: if files cannot be linked.
    """
    node, plan, restore_id = part.node, part.plan, part.plan.restore.restore_id
    taken: list[str] = []
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        notes = read_notes(node, restore_id=restore_id)
        places = data_directory.data_places(read_config(node.config_file))
        nodetool = Nodetool(dataclasses.replace(node, timeout_seconds=_TIMEOUT_SECONDS))
        for table in plan.tables:
            for snapshot in _snapshots_of(table, notes, places=places) if table.replaces else ():
                found = [
                    (place, os.path.join(directory, "snapshots", snapshot))
                    for place in places
                    for directory in data_directory.table_directories(
                        place, keyspace=table.keyspace, tables=[table.table]
                    )
                ]
                _import(part, nodetool, table, sources=found)
                taken.append(snapshot)
        for index in plan.indexes if taken else ():
            nodetool.run("rebuild_index", *index.split("."))
        # Another attempt begins from scratch.
        write_notes(node, Notes(snapshots=notes.snapshots), restore_id=restore_id)
    return tuple(dict.fromkeys(taken))


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
        nodetool = Nodetool(dataclasses.replace(node, timeout_seconds=_TIMEOUT_SECONDS))
        sstables = size = 0
        if open_tables:
            _tell(node, plan, store=store)
            notes = dataclasses.replace(notes, import_began_ms=notes.import_began_ms or now_us() // 1000)
            write_notes(node, notes, restore_id=restore_id)
        for table in plan.tables:
            staged = [(place, os.path.join(work, "new", table.source)) for place, work in fetched]
            files = [path for _place, directory in staged for path in data_directory.components_in(directory)]
            sstables += sum(path.endswith(_DATA) for path in files)
            size += sum(os.path.getsize(path) for path in files)
            if table not in open_tables:
                continue
            held = 0
            if files:
                _import(part, nodetool, table, sources=staged)
                held = _held(node, table, staged=files)
                if plan.selection.reshape:
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


def _executed(statements: t.Sequence[str], *, cql: CqlSettings, check_mode: bool, connect: _Connect) -> tuple[str, ...]:
    if statements and not check_mode:
        with connect(cql) as session:
            for statement in statements:
                session.rows(statement)
    return tuple(statements)


def _check_ours(table: schema_core.SchemaObject, *, restore_id: str) -> None:
    if not is_being_restored(table, restore_id=restore_id):
        shown = schema_core.shown_name(table.keyspace, table.name)
        raise NodeError(
            f"The table {shown} is there, and this restore did not make it.",
            subject=shown,
            next_step="Plan again: the schema has changed since.",
        )


def verification_snapshot(restore_id: str) -> str:
    """The name of the snapshot of what is served that is kept while rows are compared."""
    return f"{restore_id}-verification"


def snapshot_directories(part: TablePart, table: TableRestore, *, name: str) -> list[str]:
    """Where a snapshot of a table lies, in whichever data directories."""
    found = [
        os.path.join(directory, "snapshots", name)
        for place in data_directory.data_places(read_config(part.node.config_file))
        for directory in data_directory.table_directories(place, keyspace=table.keyspace, tables=[table.table])
    ]
    return [directory for directory in found if os.path.isdir(directory)]


def clear_snapshot(part: TablePart, *, name: str) -> None:
    """Have Cassandra remove a snapshot of the plan's tables, if there is one.

    :raises NodeError: if it does not.
    """
    if any(snapshot_directories(part, table, name=name) for table in part.plan.tables):
        Nodetool(part.node).run("clearsnapshot", "-t", name)


def _import(part: TablePart, nodetool: Nodetool, table: TableRestore, *, sources: t.Sequence[tuple[str, str]]) -> None:
    """Have Cassandra take hard links of a table's files.

    :param sources: directories with such files, each with the data directory that it lies in.
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
    if directories:
        # Elsewhere Cassandra refuses files with tokens that are not the node's own, which tells of a mistake.
        options = ("--no-tokens",) if part.plan.selection.reshape else ()
        with _telling_what_was_refused(part, table, directories=directories):
            nodetool.run("import", *options, table.keyspace, table.table, *directories)
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


def _held(node: NodeSettings, table: TableRestore, *, staged: t.Sequence[str]) -> int:
    """How many SSTables a table has after its import with the very data that was fetched.

    A new table, whose SSTables nobody compacts yet, has to have all. Where Cassandra has moved a file to a data
    directory on another file system, it is known by its content.
    """
    live = {
        path: status
        for place in data_directory.data_places(read_config(node.config_file))
        for directory in data_directory.table_directories(place, keyspace=table.keyspace, tables=[table.table])
        for path in data_directory.components_in(directory)
        if path.endswith(_DATA) and (status := _status(path)) is not None
    }
    found = set(map(inode_of, live.values()))
    wanted = {path: os.stat(path) for path in staged if path.endswith(_DATA)}
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


def _emptied(tables: t.Sequence[TableRestore], notes: Notes, *, cql: CqlSettings, connect: _Connect) -> bool:
    """Whether the node has truncated all of them since what they held was kept, by its own memory of it."""
    if not tables:
        return True
    if not notes.saved_ms:
        return False
    with connect(dataclasses.replace(cql, only_this_address=True, consistency="ONE")) as session:
        ids = {
            (keyspace, table): str(table_id).replace("-", "")
            for keyspace, table, table_id in session.rows(
                "SELECT keyspace_name, table_name, id FROM system_schema.tables"
            )
        }
        ((truncated,),) = session.rows("SELECT truncated_at FROM system.local WHERE key = 'local'")
    known = parse_truncations(
        {str(table_id): f"0x{bytes(value).hex()}" for table_id, value in (truncated or {}).items()}
    )
    when_ms = {each.table_id: each.at_ms for each in known}
    return all(when_ms.get(ids.get((each.keyspace, each.table), ""), 0) >= notes.saved_ms for each in tables)


def _snapshots_of(table: TableRestore, notes: Notes, *, places: t.Sequence[str]) -> list[str]:
    """All that have what the table held before anything was imported: ours, and Cassandra's own of truncations, which
    have what was written between ours and those."""
    found = list(notes.kept)
    for place in places if found else ():
        for directory in data_directory.table_directories(place, keyspace=table.keyspace, tables=[table.table]):
            for name in names_in(os.path.join(directory, "snapshots")):
                match = _TRUNCATION.match(name)
                at_ms = int(match["ms"]) if match else 0
                before = not notes.import_began_ms or at_ms < notes.import_began_ms
                if at_ms >= notes.first_saved_ms and before and name not in found:
                    found.append(name)
    return found


def _tell(node: NodeSettings, plan: TablesPlan, *, store: ObjectStore | None) -> None:
    identity = remembered_identity(node)
    if store is not None and identity is not None:
        record_import(store, host_id=identity.host_id, at_us=now_us(), detail=plan.restore.restore_id)
