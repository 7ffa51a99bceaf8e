# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether and how a backup can be restored to given nodes: a decision from facts. Pure.

Nothing that could go wrong is left for later: every reason against a restore is collected here, and all of
them are reported at once, before anything is touched.
"""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.versions import release_of
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BusyError,
    InputError,
    NodeError,
    PlanRefusedError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.matching import (
    explicit_pairs,
    match_in_place,
    match_new_cluster,
    natural,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.missing import (
    bytes_to_repair,
    from_others,
    missing_warnings,
    role_reasons,
    with_missing,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    IN_PLACE,
    NEW_CLUSTER,
    Assignment,
    Pair,
    RestorePlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan, moment_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import whole_restore_id
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.obstacles import obstacle_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import (
    DEFAULT_RESERVE,
    parse_reserve,
    space_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import (
    TargetNode,
    kept_restores,
)


def plan_restore(
    *,
    manifest: ClusterManifest,
    targets: t.Sequence[TargetNode],
    new_cluster: bool,
    confirm_cluster: str | None,
    restore_auth: bool,
    node_mapping: t.Mapping[str, str] | None = None,
    reserve: str = DEFAULT_RESERVE,
    moment: MomentPlan | None = None,
) -> RestorePlan:
    """Which target gets what.

    :param new_cluster: whether the targets become a new cluster with its own name and addresses, or are the nodes that
        were backed up.
    :param confirm_cluster: the name of the cluster whose data may be replaced.
    :param restore_auth: whether roles and passwords come back, or stay the target's.
    :param node_mapping: source (name or host id) to target (name), for those that are not to be matched by rule.
    :param reserve: what stays free of each file system, as :func:`parse_reserve` reads it.
    :param moment: what of the logs of the backup's nodes is replayed on it.
    :raises PlanRefusedError: with every reason against it.
    """
    mode = NEW_CLUSTER if new_cluster else IN_PLACE
    restore_id = whole_restore_id(
        tag=manifest.tag, cluster_id=manifest.cluster_id, mode=mode, moment=moment, kept=kept_restores(targets)
    )
    reasons: list[ReviveError] = [
        *manifest_reasons(manifest, new_cluster=new_cluster),
        *role_reasons(manifest, restore_auth=restore_auth),
        *group_reasons(targets),
    ]
    # From here on with the nodes that were down, which get what the others have.
    manifest = with_missing(manifest)
    explicit, mapping_reasons = explicit_pairs(manifest, targets=targets, node_mapping=node_mapping or {})
    reasons += mapping_reasons
    match = match_new_cluster if new_cluster else match_in_place
    pairs, match_reasons = match(manifest, targets=targets, explicit=explicit)
    reasons += match_reasons
    for target in targets:
        reasons += target_reasons(target, restore_id=restore_id, confirm_cluster=confirm_cluster)
        reasons += obstacle_reasons(target, manifest=manifest, new_cluster=new_cluster)
        reasons += version_reasons(target, sources=[summary.node for summary in manifest.nodes])
        if moment:
            reasons += moment_reasons(moment, manifest=manifest, release_version=target.release_version or "")
    for source, target in pairs:
        work_bytes = moment.work_bytes(source.node.host_id) if moment else 0
        work_bytes += bytes_to_repair(manifest, source=source)
        reasons += space_reasons(
            target, restore_id=restore_id, source=source, reserve=parse_reserve(reserve), work_bytes=work_bytes
        )
        if not new_cluster:
            reasons += _same_node_reasons(target, source=source.node)
    if new_cluster:
        reasons += _seed_reasons(targets, manifest=manifest)
    if reasons:
        raise PlanRefusedError(reasons)
    assignments = (from_others(assignment_for(source, target=target), manifest=manifest) for source, target in pairs)
    return plan_of(
        manifest,
        restore_id=restore_id,
        mode=mode,
        restore_auth=restore_auth,
        target_cluster_name=targets[0].cluster_name,
        assignments=tuple(sorted(assignments, key=lambda each: (not each.is_seed, natural(each.target_name)))),
        warnings=tuple(_warnings(manifest, pairs=pairs, new_cluster=new_cluster)),
        moment=moment,
        reserve=reserve,
    )


def plan_of(
    manifest: ClusterManifest,
    *,
    restore_id: str,
    mode: str,
    restore_auth: bool,
    target_cluster_name: str,
    assignments: tuple[Assignment, ...],
    warnings: tuple[str, ...],
    moment: MomentPlan | None,
    reserve: str,
) -> RestorePlan:
    """The plan of a restore of a backup, once it is known who gets what."""
    return RestorePlan(
        restore_id=restore_id,
        tag=manifest.tag,
        mode=mode,
        restore_auth=restore_auth,
        cluster_id=manifest.cluster_id,
        source_cluster_name=manifest.cluster_name,
        target_cluster_name=target_cluster_name,
        snapshot_began_us=manifest.snapshot_began_us,
        snapshot_ended_us=manifest.snapshot_ended_us,
        assignments=assignments,
        warnings=(*(manifest.degraded.lines() if manifest.degraded else ()), *warnings),
        files=sum(each.files for each in assignments),
        size=sum(each.size for each in assignments),
        stored_size=sum(each.stored_size for each in assignments),
        moment=moment,
        reserve=reserve,
    )


def manifest_reasons(manifest: ClusterManifest, *, new_cluster: bool) -> t.Iterator[ReviveError]:
    """Why a backup is not enough for whole nodes."""
    partial = manifest.keyspaces or manifest.tables_asked
    if partial and not new_cluster:
        yield InputError(
            f"The backup {manifest.tag} holds {', '.join((*manifest.keyspaces, *manifest.tables_asked))} only; "
            "everything else on these nodes would be lost.",
            subject=manifest.tag,
            next_step="Restore these tables alone, or choose a backup of everything.",
        )
    if not any(summary.table.keyspace == "system_schema" for summary in manifest.tables):
        yield InputError(
            f"The backup {manifest.tag} has no system_schema, and without it no table is known.",
            subject=manifest.tag,
            next_step="Restore its tables alone, or choose a backup of everything.",
        )


def group_reasons(targets: t.Sequence[TargetNode]) -> t.Iterator[ReviveError]:
    """What is wrong with the targets as a group."""
    if not targets:
        yield InputError("There are no nodes to restore to.", next_step="Put them into the group cassandra_nodes.")
    for what in ("name", "address"):
        values = [getattr(target, what) for target in targets if getattr(target, what)]
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield InputError(f"Two targets have the {what} {value}.", subject=value, next_step="Correct the inventory.")
    names = {target.cluster_name for target in targets}
    if len(names) > 1:
        yield NodeError(
            f"The targets are configured for different clusters: {', '.join(sorted(names))}.",
            subject=", ".join(target.name for target in targets),
            next_step="Give all of them the same cluster_name in cassandra.yaml.",
        )


def pending_reasons(target: TargetNode, *, restore_id: str) -> t.Iterator[ReviveError]:
    """Why a target cannot be restored while another restore is under way on it."""
    if target.pending is not None and target.pending.restore_id != restore_id:
        yield BusyError(
            f"On {target.name} another restore, {target.pending.restore_id}, was begun and is not finished "
            f"({target.pending.phase}).",
            subject=target.name,
            next_step=f"Finish it, or roll it back with {option('state', 'rolled_back')}.",
        )


def target_reasons(target: TargetNode, *, restore_id: str, confirm_cluster: str | None) -> t.Iterator[ReviveError]:
    """Why a target's data must not be touched."""
    yield from pending_reasons(target, restore_id=restore_id)
    if target.holds_data and confirm_cluster != target.cluster_name:
        given = f"is {confirm_cluster!r}" if confirm_cluster else "is not set"
        yield InputError(
            f"{target.name} holds data of the cluster {target.cluster_name!r}, and {option('confirm_cluster')} "
            f"{given}.",
            subject=target.name,
            next_step=f"If that data may be replaced, pass {option('confirm_cluster', target.cluster_name)}.",
        )


def version_reasons(target: TargetNode, *, sources: t.Sequence[NodeIdentity]) -> t.Iterator[ReviveError]:
    """Why a target's Cassandra cannot read what the sources' wrote."""
    newest = max(sources, key=lambda source: release_of(source.release_version) or ())
    there, needed = release_of(target.release_version), release_of(newest.release_version)
    if there is None:
        yield NodeError(
            f"The version of Cassandra on {target.name} cannot be found out.",
            subject=target.name,
            next_step=f"Pass {option('release_version')}, such as '5.0.8', for this node.",
        )
    elif needed is not None and there < needed:
        yield NodeError(
            f"{target.name} has Cassandra {target.release_version}, the backup was made by {newest.release_version}.",
            subject=target.name,
            next_step=f"Install {newest.release_version} or newer on {target.name}.",
        )
    for source in sources:
        if _partitioner(target.partitioner) != _partitioner(source.partitioner):
            yield NodeError(
                f"{target.name} has the partitioner {_partitioner(target.partitioner)}, the backup's is "
                f"{_partitioner(source.partitioner)}.",
                subject=target.name,
                next_step=f"Set partitioner: {source.partitioner} in its cassandra.yaml.",
            )
            break


def _same_node_reasons(target: TargetNode, *, source: NodeIdentity) -> t.Iterator[ReviveError]:
    new_cluster = f"If it has lost its disk or joined again, restore with {option('new_cluster', 'true')}."
    if target.identity is not None:
        if target.identity.host_id != source.host_id:
            yield NodeError(
                f"{target.name} has the host id {target.identity.host_id}, in the backup it is {source.host_id}.",
                subject=target.name,
                next_step=new_cluster,
            )
        elif target.identity.tokens and set(target.identity.tokens) != set(source.tokens):
            yield NodeError(
                f"{target.name} has other tokens than when it was backed up.",
                subject=target.name,
                next_step=new_cluster,
            )
    if target.datacenter and target.datacenter != source.datacenter:
        yield NodeError(
            f"{target.name} is in datacenter {target.datacenter}, in the backup it is in {source.datacenter}.",
            subject=target.name,
            next_step="Correct cassandra-rackdc.properties.",
        )
    if not target.has_system_local:
        yield NodeError(
            f"{target.name} has no system.local any more, so it does not know who it is.",
            subject=target.name,
            next_step=f"Pass {option('new_cluster', 'true')}: it then gets its tokens from the backup.",
        )


def _seed_reasons(targets: t.Sequence[TargetNode], *, manifest: ClusterManifest) -> t.Iterator[ReviveError]:
    if targets and not any(target.is_seed for target in targets):
        yield NodeError(
            "None of the targets is a seed, so none of them could start first.",
            subject=", ".join(target.name for target in targets),
            next_step="Name some of their addresses as seeds in every cassandra.yaml.",
        )
    own = {target.address for target in targets}
    old = {summary.node.address for summary in manifest.nodes} - own
    for target in targets:
        foreign = sorted(set(target.seeds) & old)
        if foreign:
            yield NodeError(
                f"{target.name} has nodes of the old cluster as seeds: {', '.join(foreign)}.",
                subject=target.name,
                next_step="Name addresses of the new cluster only.",
            )


def assignment_for(source: NodeSummary, *, target: TargetNode) -> Assignment:
    """All of the source's for the target."""
    return Assignment(
        target_name=target.name,
        source_host_id=source.node.host_id,
        source_name=source.node.name,
        source_address=source.node.address,
        target_address=target.address,
        datacenter=target.datacenter or source.node.datacenter,
        rack=target.rack or source.node.rack,
        tokens=source.node.tokens,
        files=source.totals.files,
        size=source.totals.size,
        stored_size=source.totals.stored_size,
        is_seed=target.is_seed,
        manifest_key=source.manifest_key,
        manifest_sha256=source.manifest_sha256,
        manifest_size=source.manifest_size,
        release_version=target.release_version or "",
    )


def _warnings(manifest: ClusterManifest, *, pairs: t.Sequence[Pair], new_cluster: bool) -> t.Iterator[str]:
    yield from _partial_warnings(manifest)
    yield from missing_warnings(manifest, pairs=pairs, new_cluster=new_cluster)
    yield from (_warnings_new_cluster if new_cluster else _warnings_in_place)(pairs)
    yield from newer_warnings(pairs)


def _warnings_new_cluster(pairs: t.Sequence[Pair]) -> t.Iterator[str]:
    host_ids = {source.node.host_id for source, _target in pairs}
    alive = [
        target.name
        for _source, target in pairs
        if target.running and target.identity and target.identity.host_id in host_ids
    ]
    if alive:
        yield (
            f"{', '.join(alive)} run as nodes of the cluster that was backed up. They become nodes of a new "
            f"cluster; with {option('new_cluster', 'false')} they would keep their identity."
        )
    names = {source.node.cluster_name for source, _target in pairs} & {target.cluster_name for _source, target in pairs}
    if names:
        yield (
            f"The new cluster is called {', '.join(sorted(names))} like the old one. If nodes of the old one are up "
            "and can be reached, the two would mix: give the new one another cluster_name, or keep them apart."
        )
    moved = [f"{source.node.rack} becomes {target.rack}" for source, target in pairs if source.node.rack != target.rack]
    if moved:
        yield f"Racks have other names: {', '.join(sorted(set(moved)))}."


def _warnings_in_place(pairs: t.Sequence[Pair]) -> t.Iterator[str]:
    for _source, target in pairs:
        if target.identity is None:
            yield f"{target.name} does not run, and its host id is not known; it was recognized by its address."
        elif target.identity_stale:
            yield f"{target.name} does not run; its host id and tokens are those from before it stopped."


def newer_warnings(pairs: t.Sequence[Pair]) -> t.Iterator[str]:
    """What an operator has to know where Cassandra is newer than in the backup."""
    newer = [
        f"{target.name} {target.release_version} instead of {source.node.release_version}"
        for source, target in pairs
        if (release_of(target.release_version) or ()) > (release_of(source.node.release_version) or ())
    ]
    if newer:
        yield f"Cassandra is newer than in the backup: {', '.join(newer)}. There is no way back to the older version."


def _partial_warnings(manifest: ClusterManifest) -> t.Iterator[str]:
    if manifest.keyspaces or manifest.tables_asked:
        yield (
            f"The backup holds {', '.join((*manifest.keyspaces, *manifest.tables_asked))} only; all other tables of "
            "its schema come back empty."
        )


def _partitioner(name: str) -> str:
    return name.rsplit(".", 1)[-1] or "Murmur3Partitioner"
