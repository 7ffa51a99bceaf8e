# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning a restore of tables from the repository, the cluster's schema and what the nodes said."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import BY_TIMESTAMP
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import SCHEMA_KEYSPACE, TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    PlanRefusedError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.listing import Newest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
    TableEntry,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import (
    Signer,
    signed_line,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import Trial
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.placement import is_of_an_index
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import DEFAULT_RESERVE
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.choosing import (
    choose_tables,
    holds,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.matching import (
    nodes_by_datacenter,
    ring_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    Contents,
    Selection,
    StagedTables,
    TablesPlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.permitted import ANYTHING, Permitted
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.planning import (
    contents_at,
    plan_fetch,
    plan_rest,
    plan_tables,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.counting import (
    describe_schema,
    ring_tokens,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import (
    load_signed,
    newest_backup,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.opening import why_closed
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.plan import (
    FoundPoint,
    Record,
    check_objects,
    find_point,
)

_Ring = t.Callable[[CqlSettings], t.Collection[int]]
_Describe = t.Callable[[CqlSettings], t.Sequence[str]]
_Permits = t.Callable[[CqlSettings], Permitted]


def _anything(_cql: CqlSettings) -> Permitted:
    return ANYTHING


def make_tables_plan(
    store: ObjectStore,
    *,
    restore_point: str,
    selection: Selection,
    targets: t.Sequence[TargetNode],
    cql_settings: CqlSettings,
    identity_file: str | None = None,
    here: str = "this host",
    cut: str = BY_TIMESTAMP,
    reserve: str = DEFAULT_RESERVE,
    now_us: int | None = None,
    describe: _Describe = describe_schema,
    ring_of: _Ring = ring_tokens,
    permits: _Permits = _anything,
) -> TablesPlan:
    """Who imports what of a backup or a moment, after a look at every object that is needed.

    To a moment it says what is fetched and replayed; :func:`complete_tables_plan` says the rest, from what came of it.

    :param restore_point: a tag, ``latest`` or a moment; ``latest`` is the newest backup that has what is selected.
    :param identity_file: as of :func:`make_plan`, and ``here``.
    :param cut: how the logs are cut at a moment.
    :param reserve: what stays free of each file system.
    :param now_us: this moment, which a restore point may not be later than.
    :param permits: what tells what may be made in the cluster.
    :raises InputError: if the restore point cannot be understood, or is in the future.
    :raises MomentRefusedError: if it is a moment that the logs do not reach.
    :raises NewestUnknownError: if a backup that may be the latest cannot be read.
    :raises BackupMissingError, BackupIncompleteError: if there is no such backup.
    :raises PlanRefusedError: with every reason, those in the repository too.
    :raises NodeUnreachableError: if the cluster does not answer.
    :raises StoreError: if the store does not answer.
    """
    ring = list(ring_reasons(targets, ring=ring_of(cql_settings))) if selection.reshape else []
    found = _find(store, restore_point, selection=selection, cut=cut, identity_file=identity_file, now_us=now_us)
    moment, (manifest, signer) = found.moment, load_signed(store, found.tag)
    if moment:
        base = _plan_base(
            store,
            manifest,
            moment=moment,
            selection=selection,
            targets=targets,
            identity_file=identity_file,
            reserve=reserve,
            here=here,
            found=found,
            reasons=ring,
        )
        return _told(base, warnings=found.warnings, trials=base.restore.trials, signer=signer)
    contents = _contents(manifest, schema=cql.parse_schema(manifest.schema_cql))
    chosen = choose_tables(contents, selection=selection)
    wanted = {*chosen, *(each.table for each in manifest.tables if each.table.keyspace == SCHEMA_KEYSPACE)}
    needs = _Found()
    looked = check_objects(
        store, manifest, wants=wanted.__contains__, identity_file=identity_file, here=here, take=needs.take
    )
    reasons = [*ring, *looked.reasons, *why_closed(store, looked.trials, identity_file=identity_file, here=here)]
    plan: TablesPlan | None = None
    try:
        plan = plan_tables(
            manifest=manifest,
            # What the snapshots noted has no keyspaces, but is there also where nobody could ask the cluster.
            contents=needs.added_to(contents, schema=contents.schema.with_missing(cql.parse_schema(needs.texts))),
            chosen=chosen,
            fetched=_sources(wanted),
            now=cql.parse_schema(describe(cql_settings)),
            selection=selection,
            targets=targets,
            reserve=reserve,
            permitted=permits(cql_settings),
        )
    except PlanRefusedError as error:
        reasons += error.reasons
    if reasons or plan is None:
        raise PlanRefusedError(reasons)
    return _told(plan, warnings=found.warnings, trials=looked.trials, signer=signer)


def _told(
    plan: TablesPlan, *, trials: tuple[Trial, ...], signer: Signer | None, warnings: tuple[str, ...] = ()
) -> TablesPlan:
    """A plan with what to try before anything is fetched, and what is known of its restore point and its backup."""
    warnings = (*warnings, *plan.restore.warnings)
    restore = dataclasses.replace(plan.restore, warnings=warnings, trials=trials, signed=signed_line(signer))
    return dataclasses.replace(plan, restore=restore)


def complete_tables_plan(
    plan: TablesPlan,
    *,
    staged: t.Sequence[StagedTables],
    targets: t.Sequence[TargetNode],
    cql_settings: CqlSettings,
    describe: _Describe = describe_schema,
    permits: _Permits = _anything,
) -> TablesPlan:
    """The whole plan of a restore to a moment, from the first one and what all nodes have made of it.

    :param permits: as of :func:`make_tables_plan`.
    :raises InputError: if the plan is of no moment, or a node's part is missing.
    :raises PlanRefusedError: with every reason against it.
    :raises NodeUnreachableError: if the cluster does not answer.
    """
    moment = plan.restore.moment
    if moment is None or not staged:
        raise InputError(
            "Only the plan of a moment is completed by what its nodes have staged.",
            subject="staged",
            next_step=f"Leave out {option('staged')}: the plan of a backup is whole.",
        )
    contents = contents_at(moment, restore=plan.restore, schema=cql.parse_schema(staged[0].schema_cql), staged=staged)
    now = cql.parse_schema(describe(cql_settings))
    return plan_rest(
        plan,
        contents=contents,
        now=now,
        nodes=nodes_by_datacenter(targets),
        permitted=permits(cql_settings),
    )


def _find(
    store: ObjectStore,
    restore_point: str,
    *,
    selection: Selection,
    cut: str,
    identity_file: str | None,
    now_us: int | None,
) -> FoundPoint:
    """What the restore point stands for, for these tables; errors as of :func:`make_tables_plan`."""
    return find_point(
        store,
        restore_point,
        cut=cut,
        identity_file=identity_file,
        now_us=now_us,
        newest=functools.partial(_newest, selection=selection),
        wants=selection.wants_name,
    )


def _newest(store: ObjectStore, *, selection: Selection) -> Newest:
    """The newest backup that has what is selected; without one, the newest that should, to say what it lacks."""
    return newest_backup(
        store,
        fits=[
            lambda manifest: holds(manifest, selection=selection, there=True),
            lambda manifest: holds(manifest, selection=selection),
        ],
        wanted=", ".join(selection.patterns) or "everything",
    )


def _plan_base(
    store: ObjectStore,
    manifest: ClusterManifest,
    *,
    moment: MomentPlan,
    selection: Selection,
    targets: t.Sequence[TargetNode],
    identity_file: str | None,
    reserve: str,
    here: str,
    found: FoundPoint,
    reasons: t.Sequence[ReviveError],
) -> TablesPlan:
    """What is fetched and replayed for a moment: the tables' files, as far as the backup has them, and its schema."""
    wanted = [
        each.table for each in manifest.tables if each.table.keyspace == SCHEMA_KEYSPACE or selection.wants(each.table)
    ]
    needs = _Found()
    looked = check_objects(
        store, manifest, wants=set(wanted).__contains__, identity_file=identity_file, here=here, take=needs.take
    )
    trials = (*looked.trials, *found.trials)
    reasons = [*reasons, *looked.reasons, *why_closed(store, trials, identity_file=identity_file, here=here)]
    contents = _contents(manifest, schema=cql.parse_schema(manifest.schema_cql))
    try:
        plan = plan_fetch(
            manifest=manifest,
            contents=needs.added_to(contents, schema=contents.schema),
            moment=moment,
            fetched=_sources(wanted),
            selection=selection,
            targets=targets,
            reserve=reserve,
        )
    except PlanRefusedError as error:
        raise PlanRefusedError([*reasons, *error.reasons]) from error
    if reasons:
        raise PlanRefusedError(reasons)
    return dataclasses.replace(plan, restore=dataclasses.replace(plan.restore, trials=trials))


def _contents(manifest: ClusterManifest, *, schema: cql.Schema) -> Contents:
    return Contents(
        name=f"the backup {manifest.tag}",
        as_of_us=manifest.snapshot_began_us,
        schema=schema,
        tables=manifest.tables,
        sizes={},
        directory_sizes={},
    )


def _sources(tables: t.Iterable[TableRef]) -> tuple[str, ...]:
    return tuple(f"{table.keyspace}/{table.directory}" for table in sorted(tables))


class _Found:
    """What the node manifests say of the tables that are wanted."""

    def __init__(self) -> None:
        self.totals: dict[str, Totals] = {}
        self.directory_sizes: dict[str, list[int]] = {}
        self.texts: dict[str, None] = {}

    def added_to(self, contents: Contents, *, schema: cql.Schema) -> Contents:
        """Contents with their sizes."""
        sizes = {host_id: tuple(sizes) for host_id, sizes in self.directory_sizes.items()}
        return dataclasses.replace(contents, schema=schema, sizes=self.totals, directory_sizes=sizes)

    def take(self, summary: NodeSummary, record: Record) -> None:
        """Count a record in."""
        host_id = summary.node.host_id
        if isinstance(record, TableEntry):
            if record.table.keyspace != SCHEMA_KEYSPACE:
                self.texts.setdefault(record.schema_cql)
            return
        if is_of_an_index(record):
            return
        size = sum(file.size for file in record.files)
        more = Totals(files=len(record.files), size=size, objects=1, stored_size=record.stored.stored_size)
        self.totals[host_id] = self.totals.get(host_id, Totals()) + more
        sizes = self.directory_sizes.setdefault(host_id, [0] * len(summary.data_directory_sizes))
        sizes[record.data_directory] += size
