# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether and how some tables of a backup can be brought into a cluster that serves: a decision from facts. Pure.

To a moment it is planned twice. What has to be fetched and replayed is known from the backup and the logs; which tables
there were at the moment, and how they were made, is known when that has been done, before any table is touched.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    TableRef,
    parse_table_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    PlanRefusedError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    TableSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import DEFAULT_RESERVE
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.choosing import (
    choose_tables,
    unmatched_texts,
    unnamed_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.making import Making
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.matching import (
    Matching,
    nodes_by_datacenter,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    Contents,
    Selection,
    StagedTables,
    TableRestore,
    TablesPlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.permitted import (
    ANYTHING,
    Permitted,
    missing_rights,
)


def contents_at(
    moment: MomentPlan, *, restore: RestorePlan, schema: cql.Schema, staged: t.Sequence[StagedTables]
) -> Contents:
    """What all nodes together have staged.

    :param restore: by which it was fetched.
    :raises InputError: if it is not of every node of that.
    """
    by_name = {each.name: each for each in staged}
    tables: dict[str, Totals] = {}
    for name in restore.target_names:
        if name not in by_name:
            raise InputError(
                f"{name} has not staged its part.",
                subject=name,
                next_step="Give what staging returned on every node.",
            )
        for each in by_name[name].sizes:
            tables[each.table] = tables.get(each.table, Totals()) + Totals(files=each.files, size=each.size)
    found = ((parse_table_directory(*name.split("/", 1)), totals) for name, totals in sorted(tables.items()))
    return Contents(
        name=f"the moment {format_us(moment.moment_us)}",
        as_of_us=moment.moment_us,
        schema=schema,
        tables=tuple(
            TableSummary(table=table, files=totals.files, size=totals.size)
            for table, totals in found
            if table is not None
        ),
        sizes={},
        directory_sizes={},
    )


def plan_fetch(
    *,
    manifest: ClusterManifest,
    contents: Contents,
    moment: MomentPlan,
    fetched: t.Sequence[str],
    selection: Selection,
    targets: t.Sequence[TargetNode],
    reserve: str = DEFAULT_RESERVE,
) -> TablesPlan:
    """Which node fetches and replays what, for a moment.

    :param contents: of the backup that it begins with.
    :param fetched: as of :class:`TablesPlan`.
    :param reserve: what stays free of each file system, as :func:`parse_reserve` reads it.
    :raises PlanRefusedError: with every reason against it.
    """
    nodes = Matching(
        manifest=manifest, contents=contents, selection=selection, targets=targets, moment=moment, reserve=reserve
    )
    there = [each.table for each in contents.tables]
    reasons = [*nodes.reasons, *unnamed_reasons(selection, example=there[0] if there else None)]
    if reasons:
        raise PlanRefusedError(reasons)
    return TablesPlan(
        restore=nodes.plan(),
        selection=selection,
        fetched=tuple(fetched),
        unmatched=unmatched_texts(contents, selection=selection),
    )


def plan_rest(
    plan: TablesPlan,
    *,
    contents: Contents,
    now: cql.Schema,
    nodes: t.Mapping[str, int],
    permitted: Permitted = ANYTHING,
) -> TablesPlan:
    """The whole plan of a moment that has been staged.

    :param plan: by which it was, and ``contents`` what came of it.
    :param now: the cluster's schema.
    :param nodes: how many it has in each datacenter.
    :param permitted: what may be made in it.
    :raises PlanRefusedError: with every reason against it.
    """
    chosen = choose_tables(contents, selection=plan.selection)
    whole = _whole(plan, contents=contents, chosen=chosen, now=now, nodes=nodes, permitted=permitted)
    restore = dataclasses.replace(
        whole.restore,
        files=sum(each.files for each in whole.tables),
        size=sum(each.size for each in whole.tables),
    )
    return dataclasses.replace(whole, restore=restore, unmatched=())


def plan_tables(
    *,
    manifest: ClusterManifest,
    contents: Contents,
    chosen: t.Sequence[TableRef],
    fetched: t.Sequence[str],
    now: cql.Schema,
    selection: Selection,
    targets: t.Sequence[TargetNode],
    reserve: str = DEFAULT_RESERVE,
    permitted: Permitted = ANYTHING,
) -> TablesPlan:
    """Which node imports what of a backup into which table, and what has to be made for it.

    :param chosen: from :func:`choose_tables`, and ``fetched`` as of :class:`TablesPlan`.
    :param now: the cluster's schema, and ``permitted`` what may be made in it.
    :raises PlanRefusedError: with every reason against it.
    """
    nodes = Matching(
        manifest=manifest, contents=contents, selection=selection, targets=targets, moment=None, reserve=reserve
    )
    first = TablesPlan(restore=nodes.plan(), selection=selection, fetched=tuple(fetched))
    return _whole(
        first,
        contents=contents,
        chosen=chosen,
        now=now,
        nodes=nodes_by_datacenter(targets),
        reasons=nodes.reasons,
        permitted=permitted,
    )


def _whole(
    plan: TablesPlan,
    *,
    contents: Contents,
    chosen: t.Sequence[TableRef],
    now: cql.Schema,
    nodes: t.Mapping[str, int],
    permitted: Permitted,
    reasons: t.Sequence[ReviveError] = (),
) -> TablesPlan:
    """A plan of who fetches what, with where the tables go and what has to be made for them.

    :param reasons: what speaks against it already.
    :raises PlanRefusedError: with every reason against it.
    """
    restore, selection = plan.restore, plan.selection
    making = Making(
        contents=contents,
        now=now,
        selection=selection,
        restore_id=restore.restore_id,
        nodes=nodes,
        permitted=permitted,
    )
    tables = tuple(made for table in chosen if (made := making.table(table)) is not None)
    making.tell_of_the_rest(tables)
    making.take_up(permitted.owed)
    found = [
        *reasons,
        *making.reasons,
        *missing_rights(permitted, before=making.before, tables=tables, views=making.views, now=now),
        *_twice(tables),
        *(_nothing_left(making.warnings) if not tables and not making.reasons else ()),
        *_other_cluster(
            tables,
            source=restore.source_cluster_name,
            target=restore.target_cluster_name,
            confirmed=selection.confirm_cluster,
        ),
    ]
    if found:
        raise PlanRefusedError(found)
    return dataclasses.replace(
        plan,
        restore=dataclasses.replace(restore, warnings=(*dict.fromkeys(making.warnings), *restore.warnings)),
        tables=tables,
        before_cql=tuple(dict.fromkeys(making.before)),
        after_cql=tuple(dict.fromkeys(making.after)),
        indexes=tuple(dict.fromkeys(making.indexes)),
        views=tuple(dict.fromkeys(making.views)),
    )


def _other_cluster(
    tables: t.Sequence[TableRestore], *, source: str, target: str, confirmed: str
) -> t.Iterator[ReviveError]:
    """Tables that are there in another cluster than the backup's are touched only if somebody named it."""
    there = [str(table) for table in tables if not table.is_new]
    if there and target not in (source, confirmed):
        yield InputError(
            f"{', '.join(there)} would be touched in the cluster {target}, and the backup is of {source}.",
            subject=target,
            next_step=f"If you mean that, pass {option('confirm_cluster', target)}.",
        )


def _nothing_left(warnings: t.Sequence[str]) -> t.Iterator[ReviveError]:
    yield InputError(
        "None of the tables that are meant can be restored.", subject="tables", next_step=" ".join(warnings)
    )


def _twice(tables: t.Sequence[TableRestore]) -> t.Iterator[ReviveError]:
    names = [str(table) for table in tables]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield InputError(
            f"Two tables would both become {name}.",
            subject=name,
            next_step=f"Restore them one after the other, each with its own {option('suffix')}.",
        )
