# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a node's replica holds, row by row, what the backup holds for it.

The files that were fetched are still there when Cassandra has taken its links of them. A throw-away Cassandra opens
them with the schema that the backup itself has, so nothing that made and filled the table has to be believed. It also
opens a snapshot of the table that is served, with the schema that it is served by; then each range of tokens that the
node has a replica of is read from both. The serving Cassandra is not asked for rows: whom it would ask in turn is its
own decision, also at ONE. Every node does that with its own replica. If all hold what they should, so does what they
say together, at any consistency level.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import ipaddress
import os
import shutil
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory, files
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import Cql, connect
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_instance import (
    StagingInstance,
    check_memory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import full_name, quoted
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import SCHEMA_KEYSPACE, renumbered
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import parse_describering
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import parse_schema
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.token_ranges import (
    TokenRange,
    cut,
    merged,
    unwrapped,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import Progress
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import (
    CqlSettings,
    InstanceOptions,
    NodeSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.row_comparison import (
    RowLayout,
    TableRows,
    VerifiedTable,
    are_same,
    compare,
    is_as_it_should_be,
    tolerated,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.twins import ONE_REPLICA, Twin, twins_of
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.counting import describe_schema
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import records, recovery
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    work_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.notes import read_notes, write_notes
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.part import TablePart, restore_parts
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.snapshots import (
    clear_snapshot,
    snapshot_directories,
    verification_snapshot,
)

_INSTANCE = "verification"
# Rows may be of megabytes, and both sides and this process hold a page of them.
_PAGE_ROWS, _PAGE_ROWS_UNKNOWN = 500, 50
_PAGE_BYTES = 8 * 1024 * 1024
_RANGES_AT_LEAST = 64
_RANGE_BYTES = 4 * 1024 * 1024
#: A row may expire between one reading and the other.
_ATTEMPTS = 3

_Connect = t.Callable[[CqlSettings], t.ContextManager[Cql]]


@dataclasses.dataclass(frozen=True)
class VerifyOutcome:
    """What was compared, and how long it took."""

    tables: tuple[VerifiedTable, ...]
    seconds: float


def verify_rows(
    part: TablePart,
    *,
    cql: CqlSettings,
    options: InstanceOptions,
    progress: Progress,
    check_mode: bool,
    connect: _Connect = connect,
) -> VerifyOutcome:
    """Compare each table that was restored with the files that it was restored from; nothing is changed.

    Best done before anybody reads the tables: a read of several replicas gives each what it lacks of the others, which
    is told from a loss by write times, where cells have them. What was compared once is not compared again.
    Nothing is done where the backup holds no schema of Cassandra's own, as one of some tables only.

    :param cql: of the node itself.
    :param check_mode: say only whether it could be done, as far as that can be seen before any table is touched.
    :raises NodeError: if a table does not hold what it should, naming how many rows and some of their tokens; if there
        is not enough memory for an instance, or no program to start it with, or it does not come up; if a table cannot
        be read.
    :raises NodeUnreachableError: if the node does not answer.
    :raises DependencyError: if the driver is missing.
    :raises LocalFilesError: if files cannot be linked.
    """
    began = time.monotonic()
    node = part.node
    found: list[VerifiedTable] = []
    if part.plan.comparable:
        _check_possible(part, cql=cql, options=options, connect=connect)
    if check_mode or not part.plan.comparable:
        return VerifyOutcome(tables=(), seconds=0.0)
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        notes = read_notes(node, restore_id=part.plan.restore.restore_id)
        if notes.verified is not None:
            return VerifyOutcome(tables=notes.verified, seconds=0.0)
        instance = _instance_for(part, options=options)
        with connect(_local(cql)) as now:
            keyspaces = {table.keyspace for table in _compared(part)}
            ranges = {each: _owned_ranges(node, each, cql=now) for each in keyspaces}
        schema = parse_schema(describe_schema(_local(cql), connect=connect))
        twins = twins_of(_compared(part), schema=schema)
        progress.begin(activity="starting a Cassandra of its own to compare rows", total_bytes=0, total_files=0)
        instance.prepare()
        with (
            _snapshot_of_now(part, data=instance.paths.data, twins=twins),
            instance.running(replay=(), moment_us=None, owns_all=True),
            connect(_of_instance(instance, cql=cql)) as session,
        ):
            # This process gives way as the instance does: beside both Cassandra serves.
            os.nice(options.nice)
            _make_readable(session, twins)
            progress.begin(
                activity="comparing rows",
                total_bytes=sum(table.size for table in _compared(part)),
                total_files=len(_compared(part)),
            )
            for twin in twins:
                table = twin.restored
                rows = _Comparison(twin, cql=session, since_us=notes.import_began_ms * 1000).run(
                    ranges[table.keyspace], progress=progress
                )
                found.append(VerifiedTable(keyspace=table.keyspace, table=table.table, rows=rows))
        data_directory.remove_tree(instance.paths.directory)
        for table, each in zip(_compared(part), found):
            _check(node, table, rows=each.rows)
        # Whoever reads the tables from now on has their replicas made the same.
        notes = dataclasses.replace(notes, verified=tuple(found))
        write_notes(node, notes, restore_id=part.plan.restore.restore_id)
    return VerifyOutcome(tables=tuple(found), seconds=time.monotonic() - began)


def _instance_for(part: TablePart, *, options: InstanceOptions) -> StagingInstance:
    """One that can open what was fetched, in the restore's own directory."""
    node, first = part.node, restore_parts(part)[0].plan
    place = records.fetched_places(node, restore_id=first.restore_id)[0]
    directory = os.path.join(work_directory(place, part.plan.restore.restore_id), _INSTANCE)
    owner = data_directory.resolve_owner(owner=part.owner, group=part.group, like=place)
    data_directory.make_directories(os.path.dirname(directory), below=place, owner=owner)
    return StagingInstance(
        recovery.instance_settings(node, directory=directory, options=options, owner=part.owner, like=place),
        identity=recovery.identity_of(
            records.source_of(node, restore_id=first.restore_id),
            release_version=first.assignments[0].release_version,
        ),
    )


def _check_possible(part: TablePart, *, cql: CqlSettings, options: InstanceOptions, connect: _Connect) -> None:
    """Refuse, before any table is touched, what would be refused afterwards."""
    check_memory(options.heap_mib)
    program = options.launch_command[0]
    if shutil.which(program) is None:
        raise NodeError(
            f"{part.node.name} has no program {program}, which reads the rows of what was fetched.",
            subject=program,
            next_step=f"Give the command that starts Cassandra in the foreground as {option('staging_command')}.",
        )
    with connect(_local(cql)) as session:
        session.rows("SELECT key FROM system.local")


def _compared(part: TablePart) -> list[TableRestore]:
    return [table for table in part.plan.tables if table.is_comparable]


def _local(cql: CqlSettings) -> CqlSettings:
    """This node alone, for what it knows of itself."""
    return dataclasses.replace(cql, only_this_address=True, consistency="ONE")


def _of_instance(instance: StagingInstance, *, cql: CqlSettings) -> CqlSettings:
    return CqlSettings(
        address=instance.paths.address,
        port=instance.paths.native_port,
        consistency="ONE",
        timeout_seconds=cql.timeout_seconds,
        only_this_address=True,
    )


@contextlib.contextmanager
def _snapshot_of_now(part: TablePart, *, data: str, twins: t.Sequence[Twin]) -> t.Iterator[None]:
    """Lay the files of both below ``data``: those that were fetched, and those of a snapshot that is kept meanwhile."""
    _place_files(part, data=data)
    node, name = part.node, verification_snapshot(part.plan.restore.restore_id)
    clear_snapshot(part, name=name)
    try:
        names = ",".join(f"{twin.restored.keyspace}.{twin.restored.table}" for twin in twins)
        Nodetool(node).run("snapshot", "-t", name, "-kt", names)
        for twin in twins:
            for directory in snapshot_directories(part, twin.restored, name=name):
                _link_files(directory, os.path.join(data, twin.directory))
        yield
    finally:
        clear_snapshot(part, name=name)


def _place_files(part: TablePart, *, data: str) -> None:
    """Lay the schema of one node of the backup, and the tables' files of all that this node got, below ``data``."""
    sources = [
        (number, os.path.join(work_directory(place, each.plan.restore_id), "new"))
        for number, each in enumerate(restore_parts(part))
        for place in records.fetched_places(part.node, restore_id=each.plan.restore_id)
    ]
    for number, root in sources:
        if number == 0:
            _link_below(os.path.join(root, SCHEMA_KEYSPACE), os.path.join(data, SCHEMA_KEYSPACE))
        for table in _compared(part):
            _link_files(os.path.join(root, table.source), os.path.join(data, table.source))


def _link_below(source: str, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(source)):
            _link_files(os.path.join(source, name), os.path.join(target, name))


def _link_files(source: str, target: str) -> None:
    """Have a directory hold a table's files too, under names that nothing there has; who owns them comes later."""
    with files.explained("make the directory", target):
        os.makedirs(target, exist_ok=True)
    taken = [os.path.basename(path) for path in data_directory.components_in(target)]
    paths = {os.path.basename(path): path for path in data_directory.components_in(source)}
    names = {paths[name]: new for name, new in renumbered(paths, taken=taken).items()}
    data_directory.link_components(names, target=target, owner=data_directory.Owner(), link=_link)


def _link(source: str, target: str) -> None:
    """A hard link, or where another data directory lies on another file system a symbolic one."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        os.symlink(source, target)


def _make_readable(then: Cql, twins: t.Sequence[Twin]) -> None:
    """Have the instance own all of the tables, leave out what it would otherwise make again, indexes and views, and
    open what is served."""
    tables = [twin.restored for twin in twins]
    for table in tables:
        where = (table.source_keyspace, table.source_table)
        for view, base in then.rows(
            "SELECT view_name, base_table_name FROM system_schema.views WHERE keyspace_name = %s", where[:1]
        ):
            if base == table.source_table:
                then.rows(f"DROP MATERIALIZED VIEW {full_name(table.source_keyspace, view)}")
        for (index,) in then.rows(
            "SELECT index_name FROM system_schema.indexes WHERE keyspace_name = %s AND table_name = %s", where
        ):
            then.rows(f"DROP INDEX {full_name(table.source_keyspace, index)}")
    for keyspace in sorted({table.source_keyspace for table in tables}):
        then.rows(f"ALTER KEYSPACE {quoted(keyspace)} WITH replication = {ONE_REPLICA}")
    # Tables of one keyspace share it and its types.
    for statement in dict.fromkeys(each for twin in twins for each in twin.statements):
        then.rows(statement)


def _owned_ranges(node: NodeSettings, keyspace: str, *, cql: Cql) -> tuple[TokenRange, ...]:
    """The ranges that the node has a replica of."""
    ((mine,),) = cql.rows("SELECT broadcast_address FROM system.local")
    own = ipaddress.ip_address(str(mine))
    ring = parse_describering(Nodetool(node).run("describering", keyspace))
    return merged(
        each
        for start, end, replicas in ring
        if own in map(ipaddress.ip_address, replicas)
        for each in unwrapped(start, end)
    )


class _Comparison:
    """One table, then and now."""

    def __init__(self, twin: Twin, *, cql: Cql, since_us: int) -> None:
        table = twin.restored
        self._table, self._cql, self._since_us = table, cql, since_us
        self._then, self._now = (table.source_keyspace, table.source_table), (twin.keyspace, twin.name)
        self._layout = RowLayout.of(
            cql.rows(
                "SELECT column_name, kind, position, type FROM system_schema.columns "
                "WHERE keyspace_name = %s AND table_name = %s",
                (table.source_keyspace, table.source_table),
            )
        )
        if not self._layout.partition_key:
            raise NodeError(
                f"The schema in the backup has no {table.source_keyspace}.{table.source_table}.",
                subject=str(table),
                next_step="It was made while the backup was taken. Restore from a later one, or verify files only.",
            )

    def run(self, ranges: t.Sequence[TokenRange], *, progress: Progress) -> TableRows:
        """Compare range by range; one request at a time."""
        pieces = cut(ranges, at_least=max(_RANGES_AT_LEAST, self._table.size // _RANGE_BYTES))
        found = TableRows()
        for each in pieces:
            found += self._piece(each)
            progress.advance(transferred_bytes=self._table.size // len(pieces))
        progress.advance(transferred_bytes=self._table.size % max(1, len(pieces)), files=1)
        return found

    def _piece(self, tokens: TokenRange) -> TableRows:
        rows = are_same(
            self._texts(self._then, tokens, times=False),
            self._texts(self._now, tokens, times=False),
        )
        if rows is not None:
            return TableRows(rows=rows, same=rows)
        found = TableRows()
        for _attempt in range(_ATTEMPTS):
            found = compare(
                map(self._layout.row, self._texts(self._then, tokens, times=True)),
                map(self._layout.row, self._texts(self._now, tokens, times=True)),
                is_own=self._table.is_own,
                since_us=self._since_us if self._table.from_import else 0,
            )
            if not (found.missing or found.different or found.lacking):
                break
        return found

    def _texts(self, table: tuple[str, str], tokens: TokenRange, *, times: bool) -> t.Iterator[str]:
        statement = self._layout.statement(*table, times=times)
        return (str(text) for (text,) in self._cql.stream(statement, tokens, page_rows=_page_rows(self._table)))


def _page_rows(table: TableRestore) -> int:
    """How many rows are asked for at once, by their size in the backup; all replicas' files outweigh compression."""
    if not table.rows:
        return _PAGE_ROWS_UNKNOWN
    return max(1, min(_PAGE_ROWS, _PAGE_BYTES * table.rows // max(1, table.size)))


def _more_than(table: TableRestore, rows: TableRows) -> str:
    if rows.different or table.is_own:
        return ""
    return f". That is more than the {tolerated(rows.rows)} that clients may have deleted since the import"


def _check(node: NodeSettings, table: TableRestore, *, rows: TableRows) -> None:
    """:raises NodeError: if rows are not what they should be."""
    if is_as_it_should_be(rows, is_own=table.is_own, from_import=table.from_import):
        return
    tokens = ", ".join(map(str, rows.examples))
    key = "token(its partition key)"
    raise NodeError(
        f"{table} on {node.name} does not hold what {table.source_keyspace}.{table.source_table} held: of {rows.rows} "
        f"rows {rows.missing} are missing, {rows.lacking} lack cells, and {rows.different} differ although nobody has "
        f"written them since{_more_than(table, rows)}; some of their partitions have the tokens {tokens}.",
        subject=str(table),
        next_step=f"Look at them (SELECT ... WHERE {key} = ...). What was fetched is kept. If clients have deleted "
        f"them since, all is well. Otherwise restore it with {option('mode', 'beside')}, or from another backup.",
    )
