# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether and how some tables of a backup can be brought into a cluster that serves: a decision from facts. Pure.

Each node imports the files that the node with the same tokens had, so every range arrives once for each replica. In a
cluster of another shape each node imports what all of them had, and drops what is not its own. So every replica has all
that any replica had, whatever the tokens and factors are, and nothing has to be streamed or repaired.

To a moment it is planned twice. What has to be fetched and replayed is known from the backup and the logs; which tables
there were at the moment, and how they were made, is known when that has been done, before any table is touched.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    SYSTEM_KEYSPACES,
    TableRef,
    parse_table_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    PlanRefusedError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
    TableSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import Pair, RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan, moment_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.planning import (
    SPACE_MARGIN,
    assignment_for,
    group_reasons,
    newer_warnings,
    pending_reasons,
    plan_of,
    sizes_per_directory,
    space_reasons,
    version_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.making import Making
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    BESIDE,
    MODES,
    Contents,
    Selection,
    StagedTables,
    TableRestore,
    TablesPlan,
)


def choose_tables(contents: Contents, *, selection: Selection) -> tuple[TableRef, ...]:
    """The tables that are meant. Views are not among them: they are made from their tables.

    :raises PlanRefusedError: if a pattern means nothing, or a table that Cassandra keeps for itself.
    """
    there = [each.table for each in contents.tables if not _is_view(each.table, schema=contents.schema)]
    chosen = tuple(sorted(filter(selection.wants, there)))
    reasons: list[ReviveError] = list(_unnamed(selection, example=there[0] if there else None))
    reasons += [
        InputError(
            f"{contents.title} has no {pattern} that users made.",
            subject=pattern.split(" ", 1)[1],
            next_step=f"It has {_names(contents, keyspaces=pattern.startswith('keyspace'))}.",
        )
        for pattern in selection.unmatched(there)
    ]
    for name in sorted({f"{each.keyspace}.{each.table}" for each in chosen}):
        same = [each for each in chosen if f"{each.keyspace}.{each.table}" == name]
        if len(same) > 1:
            reasons.append(
                NodeError(
                    f"{contents.title} has {len(same)} tables {name}: it was dropped and made again "
                    "while the snapshots were taken.",
                    subject=name,
                    next_step="Choose another backup.",
                )
            )
    if reasons:
        raise PlanRefusedError(reasons)
    return chosen


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
    space_margin: float = SPACE_MARGIN,
) -> TablesPlan:
    """Which node fetches and replays what, for a moment.

    :param contents: of the backup that it begins with.
    :param fetched: as of :class:`TablesPlan`.
    :raises PlanRefusedError: with every reason against it.
    """
    nodes = _Nodes(
        manifest=manifest, contents=contents, selection=selection, targets=targets, moment=moment, margin=space_margin
    )
    there = [each.table for each in contents.tables]
    reasons = [*nodes.reasons, *_unnamed(selection, example=there[0] if there else None)]
    if reasons:
        raise PlanRefusedError(reasons)
    return TablesPlan(
        restore=nodes.plan(), selection=selection, fetched=tuple(fetched), unmatched=selection.unmatched(there)
    )


def plan_rest(plan: TablesPlan, *, contents: Contents, now: cql.Schema, nodes: t.Mapping[str, int]) -> TablesPlan:
    """The whole plan of a moment that has been staged.

    :param plan: by which it was, and ``contents`` what came of it.
    :param now: the cluster's schema.
    :param nodes: how many it has in each datacenter.
    :raises PlanRefusedError: with every reason against it.
    """
    chosen = choose_tables(contents, selection=plan.selection)
    whole = _whole(plan, contents=contents, chosen=chosen, now=now, nodes=nodes)
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
    space_margin: float = SPACE_MARGIN,
) -> TablesPlan:
    """Which node imports what of a backup into which table, and what has to be made for it.

    :param chosen: from :func:`choose_tables`, and ``fetched`` as of :class:`TablesPlan`.
    :param now: the cluster's schema.
    :raises PlanRefusedError: with every reason against it.
    """
    nodes = _Nodes(
        manifest=manifest, contents=contents, selection=selection, targets=targets, moment=None, margin=space_margin
    )
    first = TablesPlan(restore=nodes.plan(), selection=selection, fetched=tuple(fetched))
    return _whole(
        first,
        contents=contents,
        chosen=chosen,
        now=now,
        nodes=nodes_by_datacenter(targets),
        reasons=nodes.reasons,
    )


def nodes_by_datacenter(targets: t.Sequence[TargetNode]) -> dict[str, int]:
    """How many nodes a cluster has in each datacenter."""
    names = [target.identity.datacenter if target.identity else target.datacenter for target in targets]
    return {name: names.count(name) for name in sorted(set(names))}


def ring_reasons(targets: t.Sequence[TargetNode], *, ring: t.Collection[int]) -> t.Iterator[ReviveError]:
    """Whether every node of the ring is among the targets, which in a cluster of another shape nothing else tells.

    :param ring: all of its tokens.
    """
    known = {int(token) for target in targets if target.identity for token in target.identity.tokens}
    missing = set(ring) - known
    if missing:
        yield NodeError(
            f"The cluster has nodes that are not in the inventory: {len(missing)} of its {len(ring)} tokens are "
            "theirs.",
            subject="targets",
            next_step="Name every node of the cluster in the inventory: each has to import its part.",
        )


def _whole(
    plan: TablesPlan,
    *,
    contents: Contents,
    chosen: t.Sequence[TableRef],
    now: cql.Schema,
    nodes: t.Mapping[str, int],
    reasons: t.Sequence[ReviveError] = (),
) -> TablesPlan:
    """A plan of who fetches what, with where the tables go and what has to be made for them.

    :param reasons: what speaks against it already.
    :raises PlanRefusedError: with every reason against it.
    """
    restore, selection = plan.restore, plan.selection
    making = Making(contents=contents, now=now, selection=selection, restore_id=restore.restore_id, nodes=nodes)
    tables = tuple(making.table(table) for table in chosen)
    found = [
        *reasons,
        *making.reasons,
        *_twice(tables),
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


class _Nodes:
    """Which node gets what others had, and what speaks against it."""

    def __init__(
        self,
        *,
        manifest: ClusterManifest,
        contents: Contents,
        selection: Selection,
        targets: t.Sequence[TargetNode],
        moment: MomentPlan | None,
        margin: float,
    ) -> None:
        self.restore_id = tables_restore_id(manifest, selection=selection, moment=moment)
        self.reasons: list[ReviveError] = [*_selection_reasons(selection), *group_reasons(targets)]
        self._manifest, self._moment, self._selection = manifest, moment, selection
        self._target_cluster_name = targets[0].cluster_name if targets else ""
        find = _all_with_all if selection.reshape else _pairs
        pairs, pair_reasons = find(
            [
                dataclasses.replace(
                    source,
                    totals=contents.sizes.get(source.node.host_id, Totals()),
                    data_directory_sizes=contents.directory_sizes.get(source.node.host_id, ()),
                )
                for source in manifest.nodes
            ],
            targets=targets,
        )
        self.reasons += pair_reasons
        self._pairs = pairs
        for target in targets:
            sources = [source for source, other in pairs if other is target]
            if not sources:
                continue
            work_bytes = sum(moment.work_bytes(source.node.host_id) for source in sources) if moment else 0
            if selection.reshape:
                # What is imported is written again without what is not the node's own.
                work_bytes += sum(source.totals.size for source in sources)
            together = _together(sources, places=len(target.places))
            self.reasons += space_reasons(
                target, restore_id=self.restore_id, source=together, margin=margin, work_bytes=work_bytes
            )
            self.reasons += pending_reasons(target, restore_id=self.restore_id)
            self.reasons += version_reasons(target, sources=[summary.node for summary in manifest.nodes])
            if moment:
                self.reasons += moment_reasons(moment, manifest=manifest, release_version=target.release_version or "")

    def plan(self) -> RestorePlan:
        """Who fetches what."""
        assignments = [assignment_for(source, target=target) for source, target in self._pairs]
        return plan_of(
            self._manifest,
            restore_id=self.restore_id,
            mode=self._selection.mode,
            restore_auth=self._selection.roles,
            target_cluster_name=self._target_cluster_name,
            assignments=tuple(sorted(assignments, key=lambda each: (each.target_name, each.source_name))),
            warnings=tuple(newer_warnings(self._pairs)),
            moment=self._moment,
        )


def _together(sources: t.Sequence[NodeSummary], *, places: int) -> NodeSummary:
    """What several nodes had, as if one had had it, in so many places."""
    sizes = [sizes_per_directory(source, places) for source in sources]
    return dataclasses.replace(
        sources[0],
        totals=sum((source.totals for source in sources), Totals()),
        data_directory_sizes=tuple(map(sum, zip(*sizes))),
    )


def tables_restore_id(manifest: ClusterManifest, *, selection: Selection, moment: MomentPlan | None = None) -> str:
    """The name of a restore: the same for the same backup and moment and the same words of the operator."""
    words = json.dumps([manifest.cluster_id, dataclasses.asdict(selection)], sort_keys=True)
    what = f"{manifest.tag}-{moment.label}" if moment else manifest.tag
    return f"{what}-{selection.mode}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"


def _is_view(table: TableRef, *, schema: cql.Schema) -> bool:
    return schema.find(cql.VIEW, table.keyspace, table.table) is not None


def _unnamed(selection: Selection, *, example: TableRef | None) -> t.Iterator[ReviveError]:
    if not selection.patterns:
        yield InputError(
            "No table was named.",
            subject="tables",
            next_step=f"Give {option('tables')}, such as {example or 'keyspace.table'}, or {option('keyspaces')}.",
        )


def _names(contents: Contents, *, keyspaces: bool) -> str:
    """What users could have meant, by the schema where that is known; what is staged is only what was asked for."""
    known = {(each.table.keyspace, each.table.table) for each in contents.tables}
    known |= {(each.keyspace, each.name) for each in contents.schema.objects if each.kind == cql.TABLE}
    names = sorted(
        {
            keyspace if keyspaces else f"{keyspace}.{table}"
            for keyspace, table in known
            if keyspace not in SYSTEM_KEYSPACES and contents.schema.find(cql.VIEW, keyspace, table) is None
        }
    )
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "none"


def _selection_reasons(selection: Selection) -> t.Iterator[ReviveError]:
    if selection.mode not in MODES:
        yield InputError(
            f"{selection.mode!r} is not a mode.", subject="mode", next_step=f"Choose one of {', '.join(MODES)}."
        )
    if selection.mode != BESIDE and (selection.into_keyspace or selection.suffix):
        yield InputError(
            f"With {option('mode', selection.mode)} the data goes into the table that it came from.",
            subject="into_keyspace",
            next_step=f"Leave out {option('into_keyspace')} and {option('suffix')}, or choose "
            f"{option('mode', BESIDE)}.",
        )
    if (selection.datacenters or selection.replication) and not selection.reshape:
        yield InputError(
            "Each node gets what one node had, so keyspaces have to be replicated as they were.",
            subject="replication",
            next_step=f"Pass {option('reshape', 'true')} too, or leave out {option('datacenters')} and "
            f"{option('replication')}.",
        )
    for name, text in (("into_keyspace", selection.into_keyspace), ("suffix", selection.suffix or "")):
        if not re.fullmatch(r"\w{0,48}", text, re.ASCII):
            yield InputError(
                f"{text!r} cannot be a part of a name.", subject=name, next_step="Use letters, digits and '_'."
            )
    if selection.into_keyspace in SYSTEM_KEYSPACES:
        yield InputError(
            f"{selection.into_keyspace} is Cassandra's own.", subject="into_keyspace", next_step="Give another one."
        )


def _serving(targets: t.Sequence[TargetNode]) -> tuple[list[TargetNode], list[ReviveError]]:
    """The nodes that run, and a reason for each that does not."""
    running = [target for target in targets if target.running and target.identity and not target.identity_stale]
    return running, [
        NodeError(
            f"{target.name} does not run.",
            subject=target.name,
            next_step="Start it: every node has to import its part.",
        )
        for target in targets
        if target not in running
    ]


def _all_with_all(
    sources: t.Sequence[NodeSummary], *, targets: t.Sequence[TargetNode]
) -> tuple[list[Pair], list[ReviveError]]:
    """Each node of the backup with each node that there is now."""
    running, reasons = _serving(targets)
    for target in running:
        partitioners = {source.node.partitioner.rsplit(".", 1)[-1] for source in sources}
        partitioner = (target.identity.partitioner if target.identity else "").rsplit(".", 1)[-1]
        if partitioners != {partitioner}:
            reasons.append(
                NodeError(
                    f"{target.name} has the partitioner {partitioner}, the backup's is {', '.join(partitioners)}.",
                    subject=target.name,
                    next_step="Restore to a cluster with the backup's partitioner.",
                )
            )
    return [(source, target) for target in running for source in sources], reasons


def _pairs(
    sources: t.Sequence[NodeSummary], *, targets: t.Sequence[TargetNode]
) -> tuple[list[Pair], list[ReviveError]]:
    """Each node of the backup with the node that has its tokens now."""
    by_tokens: dict[frozenset[str], NodeSummary] = {frozenset(each.node.tokens): each for each in sources}
    running, reasons = _serving(targets)
    pairs: list[Pair] = []
    for target in running:
        source = by_tokens.pop(frozenset(target.identity.tokens if target.identity else ()), None)
        if source is None:
            reasons.append(_other_shape(f"{target.name} has tokens that no node of the backup had.", target.name))
        else:
            pairs.append((source, target))
    known = {source.node.host_id for source, _target in pairs}
    missing = [each.node.name for each in sources if each.node.host_id not in known]
    if missing and len(pairs) == len(targets):
        reasons.append(_other_shape(f"No node has the tokens of {', '.join(missing)} of the backup.", missing[0]))
    return pairs, reasons


def _other_shape(message: str, subject: str) -> ReviveError:
    return NodeError(
        message,
        subject=subject,
        next_step="Name every node of the cluster in the inventory. If the cluster has other nodes or tokens than when "
        f"it was backed up, pass {option('reshape', 'true')}: each node then fetches what all had.",
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


def _twice(tables: t.Sequence[TableRestore]) -> t.Iterator[ReviveError]:
    names = [str(table) for table in tables]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield InputError(
            f"Two tables would both become {name}.",
            subject=name,
            next_step=f"Restore them one after the other, each with its own {option('suffix')}.",
        )
