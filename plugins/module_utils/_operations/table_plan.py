# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning a restore of tables from the repository, the cluster's schema and what the nodes said."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    PlanRefusedError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.model import (
    NodeSummary,
    TableEntry,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.placement import is_of_an_index
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore_model import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore_point import Moment, parse_restore_point
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.table_planning import (
    Selection,
    TablesPlan,
    choose_tables,
    plan_tables,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backups import load_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.counting import describe_schema
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore_plan import Record, check_objects

_Describe = t.Callable[[CqlSettings], t.Sequence[str]]


def make_tables_plan(
    store: ObjectStore,
    *,
    restore_point: str,
    selection: Selection,
    targets: t.Sequence[TargetNode],
    cql_settings: CqlSettings,
    identity_file: str | None = None,
    describe: _Describe = describe_schema,
) -> TablesPlan:
    """Who imports what of a backup, after a look at every object that is needed.

    :param restore_point: a tag or ``latest``.
    :param identity_file: to read the node manifests of an encrypted backup with.
    :raises InputError: if the restore point is none that tables can be restored to.
    :raises BackupMissingError, BackupIncompleteError: if there is no such backup.
    :raises PlanRefusedError: with every reason, those in the repository too.
    :raises NodeUnreachableError: if the cluster does not answer.
    :raises StoreError: if the store does not answer.
    """
    point = parse_restore_point(restore_point)
    if isinstance(point, Moment):
        raise InputError(
            "Tables are restored from a backup; to a moment only a whole cluster can be restored.",
            subject="restore_point",
            next_step="Give a backup's tag or latest, or restore the moment to another cluster.",
        )
    manifest = load_backup(store, str(point))
    described = cql.parse_schema(manifest.schema_cql)
    chosen = choose_tables(manifest, then=described, selection=selection)
    found = _Found()
    reasons = check_objects(
        store, manifest, wants=set(chosen).__contains__, identity_file=identity_file, take=found.take
    )
    plan: TablesPlan | None = None
    try:
        plan = plan_tables(
            manifest=manifest,
            chosen=chosen,
            sizes=found.totals,
            directory_sizes={host: tuple(sizes) for host, sizes in found.directory_sizes.items()},
            # What the snapshots noted has no keyspaces, but is there also where nobody could ask the cluster.
            then=described.with_missing(cql.parse_schema(found.texts)),
            now=cql.parse_schema(describe(cql_settings)),
            selection=selection,
            targets=targets,
        )
    except PlanRefusedError as error:
        reasons += error.reasons
    if reasons or plan is None:
        raise PlanRefusedError(reasons)
    return plan


class _Found:
    """What the node manifests say of the tables that are wanted."""

    def __init__(self) -> None:
        self.totals: dict[str, Totals] = {}
        self.directory_sizes: dict[str, list[int]] = {}
        self.texts: dict[str, None] = {}

    def take(self, summary: NodeSummary, record: Record) -> None:
        """Count a record in."""
        host_id = summary.node.host_id
        if isinstance(record, TableEntry):
            self.texts.setdefault(record.schema_cql)
            return
        if is_of_an_index(record):
            return
        size = sum(file.size for file in record.files)
        more = Totals(files=len(record.files), size=size, objects=1, stored_size=record.stored.stored_size)
        self.totals[host_id] = self.totals.get(host_id, Totals()) + more
        sizes = self.directory_sizes.setdefault(host_id, [0] * len(summary.data_directory_sizes))
        sizes[record.data_directory] += size
