# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's SSTables as of a moment, from a fetched base and the segments of its commit log.

A throw-away Cassandra starts three times. First it knows no table but its own, and replays the schema and what was
truncated: it has to read every mutation before it can leave it out, and with the base's schema could not read those
that were written after an ALTER. Then, with the base's schema beside that, it says which tables there were at the
moment. The third time it replays their data. It never sees the base's data, so what comes out is what was written
since, and is laid down beside the base's SSTables.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql_wire import CqlWire
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    file_names_in,
    names_in,
    read_if_there,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.hard_links import link, link_tree
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_instance import (
    StagingInstance,
    StagingSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.mutation import parse_mutation_head
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    DESCRIBE_SCHEMA,
    SCHEMA_KEYSPACE,
    SYSTEM_KEYSPACE,
    TableRef,
    parse_table_directory,
    renumbered,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replay_log import (
    ReplayReport,
    cannot_read_a_mutation,
    parse_replay,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.truncation import (
    Truncation,
    parse_truncations,
    truncated_since,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.versions import (
    check_precision,
    data_replay_list,
    schema_replay_list,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    LocalFilesError,
    NodeError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import SnapshotRecord
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import SourceIdentity


@dataclasses.dataclass(frozen=True)
class FetchedBase:
    """A backup's files of one node, as fetched and not yet laid down.

    :param directories: one for each data directory, each ``<keyspace>/<table>-<id>/`` below it.
    :param snapshot_began_us: by the source node's clock.
    :param active_segment: where its commit log stood then, with ``active_position``, as the backup recorded it.
    """

    directories: tuple[str, ...]
    snapshot_began_us: int
    active_segment: int
    active_position: int

    @classmethod
    def of_snapshot(cls, record: SnapshotRecord, *, directories: t.Sequence[str]) -> FetchedBase:
        """From what the backup recorded about the node's snapshot."""
        return cls(
            directories=tuple(directories),
            snapshot_began_us=record.began_us,
            active_segment=record.commit_log.active_segment,
            active_position=record.commit_log.active_position,
        )


@dataclasses.dataclass(frozen=True)
class StagedTable:
    """A table there was at the moment.

    :param keep_base: whether what the base has of it belongs to it: not if it was truncated since.
    :param staged: the directory with what was written since; it may have no files.
    """

    table: TableRef
    keep_base: bool
    staged: str


@dataclasses.dataclass(frozen=True)
class StagedMoment:
    """What a node held at a moment, beside its base.

    :param moment_us: ``None`` if the cut is where the segments end.
    :param tables: of the keyspaces asked for, those of the schema not among them.
    :param schema: the directory of ``system_schema``'s tables as of the moment, the base's SSTables included.
    :param schema_sha256: of the schema's rows; nodes of a cluster that agree on their schema have the same.
    :param truncations: all that the node remembered at the moment.
    :param schema_cql: the statements that make the schema, with the ids of tables.
    :param indexes: old secondary indexes, as ``(keyspace, table, index)``.
    :param later_schema: mutations that only a later schema can read, all proven to be later than the moment.
    """

    moment_us: int | None
    tables: tuple[StagedTable, ...]
    schema: str
    schema_sha256: str
    schema_cql: tuple[str, ...]
    truncations: tuple[Truncation, ...]
    indexes: tuple[tuple[str, str, str], ...]
    schema_replay: ReplayReport
    data_replay: ReplayReport
    later_schema: int
    schema_seconds: float
    data_seconds: float


def recover_to_moment(
    *,
    settings: StagingSettings,
    identity: SourceIdentity,
    base: FetchedBase,
    segments: t.Sequence[str],
    moment_us: int | None,
    wants: t.Callable[[TableRef], bool] | None = None,
    whole_keyspaces: bool = True,
) -> StagedMoment:
    """Make the SSTables of what was written from the base to the moment.

    The cut is by write timestamp: a mutation of which any cell is later is left out whole, one at the moment itself is
    in. Without a moment everything in ``segments`` is in, so the cut is where they end.

    :param segments: paths, from the base's position on, each once; nothing but the last may end early.
    :param wants: which tables are wanted; ``None`` for all but those of ``system``. What the base lacks cannot be
        wanted unless it was made since.
    :param whole_keyspaces: whether it wants all tables of a keyspace or none.
    :raises InputError: for a moment this Cassandra would round, or before the base was complete.
    :raises NodeError: if an instance does not come up, or a part of the log cannot be read.
    :raises LocalFilesError: if files cannot be linked or written.
    """
    _check(identity=identity, base=base, moment_us=moment_us)
    instance = StagingInstance(settings, identity=identity)
    instance.prepare()
    began = time.monotonic()
    schema_replay = _replay_schema(instance, identity=identity, segments=segments, moment_us=moment_us)
    _add_base_schema(base, into=os.path.join(instance.paths.data, SCHEMA_KEYSPACE))
    schema = os.path.join(settings.directory, "schema")
    # A start may add to its schema; what goes to the target is what base and log say.
    link_tree(os.path.join(instance.paths.data, SCHEMA_KEYSPACE), schema)
    first = _read_schema(instance)
    between = time.monotonic()
    wanted = [table for table in first.tables if wants is None or wants(table)]
    replay_list = data_replay_list(
        release_version=identity.release_version,
        tables=[(table.keyspace, table.table) for table in wanted],
        whole_keyspaces=whole_keyspaces,
    )
    replay, later = _data_pass(instance, replay=replay_list, segments=segments, moment_us=moment_us)
    return StagedMoment(
        moment_us=moment_us,
        tables=tuple(_staged(table, first=first, base=base, data=instance.paths.data) for table in wanted),
        schema=schema,
        schema_sha256=first.sha256,
        schema_cql=first.statements,
        truncations=first.truncations,
        indexes=first.indexes,
        schema_replay=schema_replay,
        data_replay=replay,
        later_schema=later,
        schema_seconds=between - began,
        data_seconds=time.monotonic() - between,
    )


@dataclasses.dataclass(frozen=True)
class _Schema:
    tables: tuple[TableRef, ...]
    truncations: tuple[Truncation, ...]
    indexes: tuple[tuple[str, str, str], ...]
    sha256: str
    statements: tuple[str, ...]


def _check(*, identity: SourceIdentity, base: FetchedBase, moment_us: int | None) -> None:
    if moment_us is None:
        return
    check_precision(release_version=identity.release_version, moment_us=moment_us)
    if moment_us < base.snapshot_began_us:
        raise InputError(
            f"The base was taken after {format_us(moment_us)}.",
            subject=format_us(moment_us),
            next_step="Choose an older base.",
        )


def _replay_schema(
    instance: StagingInstance, *, identity: SourceIdentity, segments: t.Sequence[str], moment_us: int | None
) -> ReplayReport:
    """The first start, of an instance with no table but Cassandra's own."""
    instance.place_segments(segments)
    replay = schema_replay_list(identity.release_version)
    with instance.running(replay=replay, moment_us=moment_us) as log:
        return parse_replay(log)


def _read_schema(instance: StagingInstance) -> _Schema:
    """The second start, with nothing to replay: what the schema of base and log is."""
    instance.place_segments(())
    with (
        instance.running(replay=(), moment_us=None),
        CqlWire(address=instance.paths.address, port=instance.paths.native_port) as cql,
    ):
        rows = {
            name: cql.select_json(f'SELECT JSON * FROM {SCHEMA_KEYSPACE}."{name}"')
            for name in _schema_tables(instance.paths.data)
        }
        (local,) = cql.select_json("SELECT JSON truncated_at FROM system.local")
        described = cql.texts(DESCRIBE_SCHEMA)
    tables = [
        TableRef(keyspace=row["keyspace_name"], table=row[column], id=row["id"].replace("-", ""))
        for name, column in (("tables", "table_name"), ("views", "view_name"))
        for row in rows[name]
    ]
    lines = sorted(json.dumps([name, row], sort_keys=True) for name, found in rows.items() for row in found)
    return _Schema(
        tables=tuple(sorted(each for each in tables if each.keyspace not in (SYSTEM_KEYSPACE, SCHEMA_KEYSPACE))),
        truncations=parse_truncations(local["truncated_at"]),
        indexes=tuple(
            sorted(
                (row["keyspace_name"], row["table_name"], row["index_name"])
                for row in rows["indexes"]
                # Others, SAI among them, look at each SSTable and build what is missing by themselves.
                if row["kind"] != "CUSTOM"
            )
        ),
        sha256=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        statements=tuple(row[-1] for row in described),
    )


def _data_pass(
    instance: StagingInstance, *, replay: t.Sequence[str], segments: t.Sequence[str], moment_us: int | None
) -> tuple[ReplayReport, int]:
    """The report, and how many mutations only a later schema can read."""
    if not replay:
        return ReplayReport(files=0, replayed=0, unknown={}, unreadable=(), milliseconds=0), 0
    instance.place_segments(segments)
    try:
        with instance.running(replay=replay, moment_us=moment_us) as log:
            return parse_replay(log), 0
    except NodeError:
        if moment_us is None or not cannot_read_a_mutation(instance.log()):
            raise
    _forget_data(instance.paths.data)
    instance.place_segments(segments)
    with instance.running(replay=replay, moment_us=moment_us, tolerate_unreadable=True) as log:
        report = parse_replay(log)
    for path in report.unreadable:
        _prove_later(path, moment_us=moment_us)
    return report, len(report.unreadable)


def _prove_later(path: str, *, moment_us: int) -> None:
    """A mutation that does not fit the schema of the moment has to be one of a later schema, and so later itself.

    :raises NodeError: if that cannot be shown.
    """
    head = parse_mutation_head(read_if_there(path) or b"")
    if head.first_timestamp_us <= moment_us:
        raise NodeError(
            f"A mutation of the table with id {head.table_id}, from {format_us(head.first_timestamp_us)} on,"
            f" does not fit the schema at {format_us(moment_us)}.",
            subject=head.table_id,
            next_step=f"Choose a moment before it or after the schema change that it needs; it is in {path}.",
        )


def _staged(table: TableRef, *, first: _Schema, base: FetchedBase, data: str) -> StagedTable:
    truncated = any(
        each.table_id == table.id
        and truncated_since(
            each,
            snapshot_began_us=base.snapshot_began_us,
            segment=base.active_segment,
            position=base.active_position,
        )
        for each in first.truncations
    )
    return StagedTable(table=table, keep_base=not truncated, staged=os.path.join(data, table.keyspace, table.directory))


def _schema_tables(data: str) -> tuple[str, ...]:
    found = (parse_table_directory(SCHEMA_KEYSPACE, name) for name in names_in(os.path.join(data, SCHEMA_KEYSPACE)))
    return tuple(table.table for table in found if table is not None)


def _forget_data(data: str) -> None:
    """What a start that failed has left of the second pass."""
    for keyspace in names_in(data):
        if keyspace not in (SYSTEM_KEYSPACE, SCHEMA_KEYSPACE):
            shutil.rmtree(os.path.join(data, keyspace))


def _add_base_schema(base: FetchedBase, *, into: str) -> None:
    """The base's ``system_schema``, wherever its parts are, beside what the instance has replayed.

    :raises LocalFilesError: if there is none.
    """
    found = False
    for directory in base.directories:
        for name in names_in(os.path.join(directory, SCHEMA_KEYSPACE)):
            source, target = os.path.join(directory, SCHEMA_KEYSPACE, name), os.path.join(into, name)
            os.makedirs(target, mode=0o750, exist_ok=True)
            for old, new in renumbered(file_names_in(source), taken=file_names_in(target)).items():
                link(os.path.join(source, old), os.path.join(target, new))
                found = True
    if not found:
        raise LocalFilesError(
            "The fetched base has no schema.",
            subject=", ".join(base.directories),
            next_step="Fetch it with the keyspace system_schema.",
        )
