# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether and how one node that was lost with its disk comes back as itself: a decision from facts. Pure.

It gets everything of its own from the backup, ``system.local`` too: with that it has its host id and its tokens, and
the others know it again. What was written since is with the others, so a repair has to follow; and what was deleted
since has to be known to them still, or it would come back with the old files and be spread by that repair.

Counters are another matter. A node counts from what it holds itself, and the newest of its own counts wins everywhere:
one that counts before it is repaired makes everybody forget what it had counted after the restore point.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import NodeStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import (
    columns_of,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    PlanRefusedError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_duration
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.expired import past_grace
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.matching import explicit_pairs
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import ONE_NODE, RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan, moment_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import whole_restore_id
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.obstacles import obstacle_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.planning import (
    assignment_for,
    group_reasons,
    manifest_reasons,
    newer_warnings,
    plan_of,
    target_reasons,
    version_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import (
    DEFAULT_RESERVE,
    parse_reserve,
    space_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import (
    TargetNode,
    kept_restores,
)

#: Cassandra's own, for tables that do not say.
_UP_AND_NORMAL = "UN"


@dataclasses.dataclass(frozen=True)
class Ring:
    """The cluster that a lost node belongs to.

    :param others: what the other nodes reported.
    :param members: of the ring, as one of them sees it.
    """

    others: tuple[TargetNode, ...]
    members: tuple[NodeStatus, ...]


def plan_node(
    *,
    manifest: ClusterManifest,
    target: TargetNode,
    ring: Ring,
    now_us: int,
    confirm_cluster: str | None = None,
    node_mapping: t.Mapping[str, str] | None = None,
    past_gc_grace: bool = False,
    counters_quiet: bool = False,
    moment: MomentPlan | None = None,
    reserve: str = DEFAULT_RESERVE,
) -> RestorePlan:
    """What a lost node gets.

    :param target: the node, whose Cassandra does not run; it may be another machine.
    :param confirm_cluster: the name of the cluster, if its disk still holds data.
    :param node_mapping: which node of the backup it is, if neither its name nor its address tells.
    :param past_gc_grace: whether it is known that nothing has been deleted that would come back.
    :param counters_quiet: whether nobody counts until the repair is over.
    :param moment: what of the node's log is replayed on the backup.
    :param reserve: what stays free of each file system, as :func:`parse_reserve` reads it.
    :raises PlanRefusedError: with every reason against it.
    """
    restore_id = whole_restore_id(
        tag=manifest.tag, cluster_id=manifest.cluster_id, mode=ONE_NODE, moment=moment, kept=kept_restores((target,))
    )
    reasons: list[ReviveError] = [
        *manifest_reasons(manifest, new_cluster=False),
        *group_reasons([target, *ring.others]),
        *target_reasons(target, restore_id=restore_id, confirm_cluster=confirm_cluster),
        *obstacle_reasons(target, manifest=manifest, new_cluster=False),
        *version_reasons(target, sources=[summary.node for summary in manifest.nodes]),
        *_ring_reasons(ring),
    ]
    if target.running:
        reasons.append(
            NodeError(
                f"{target.name} runs, so it is not lost.",
                subject=target.name,
                next_step="Repair it if it has missed writes, or stop it if its data is to be put aside.",
            )
        )
    source, source_reasons = _itself(manifest, target=target, node_mapping=node_mapping or {})
    reasons += source_reasons
    if source is not None:
        work_bytes = moment.work_bytes(source.node.host_id) if moment else 0
        reasons += space_reasons(
            target, restore_id=restore_id, source=source, reserve=parse_reserve(reserve), work_bytes=work_bytes
        )
        reasons += _membership_reasons(source, target=target, ring=ring)
    if moment:
        reasons += moment_reasons(moment, manifest=manifest, release_version=target.release_version or "")
    age_seconds = (now_us - (moment.reached_us if moment else manifest.snapshot_began_us)) / 1e6
    guarded = _guard(manifest, age_seconds=age_seconds, past_gc_grace=past_gc_grace, counters_quiet=counters_quiet)
    reasons += guarded.reasons
    if reasons or source is None:
        raise PlanRefusedError(reasons)
    return plan_of(
        manifest,
        restore_id=restore_id,
        mode=ONE_NODE,
        restore_auth=True,
        target_cluster_name=target.cluster_name,
        assignments=(assignment_for(source, target=target),),
        warnings=(*_warnings(source, target=target), *guarded.warnings),
        moment=moment,
        reserve=reserve,
    )


def _itself(
    manifest: ClusterManifest, *, target: TargetNode, node_mapping: t.Mapping[str, str]
) -> tuple[NodeSummary | None, list[ReviveError]]:
    """Which node of the backup the target is: as it is mapped, by its host id, by its address, or by its name."""
    explicit, reasons = explicit_pairs(manifest, targets=[target], node_mapping=node_mapping)
    identity = target.identity
    ways: tuple[t.Callable[[NodeSummary], bool], ...] = (
        lambda each: each.node.host_id in explicit,
        lambda each: identity is not None and each.node.host_id == identity.host_id,
        lambda each: each.node.address == target.address,
        lambda each: each.node.name == target.name,
    )
    for way in ways:
        for summary in manifest.nodes:
            if way(summary):
                return summary, reasons
    known = ", ".join(f"{each.node.name} ({each.node.address})" for each in manifest.nodes)
    reason = _was_missing(manifest, target=target, node_mapping=node_mapping)
    if reason is not None:
        return None, [reason]
    reasons.append(
        NodeError(
            f"The backup {manifest.tag} has no node called {target.name} or with the address {target.address}.",
            subject=target.name,
            next_step=f"Say which node of the backup it is, with {option('node_mapping')}; there are {known}.",
        )
    )
    return None, reasons


def _was_missing(
    manifest: ClusterManifest, *, target: TargetNode, node_mapping: t.Mapping[str, str]
) -> ReviveError | None:
    """That the backup does not have the node, since it was down."""
    names = {target.name, target.address, *(source for source, name in node_mapping.items() if name == target.name)}
    names |= {target.identity.host_id} if target.identity else set()
    for each in manifest.degraded.missing if manifest.degraded else ():
        if names & {each.host_id, each.name, each.address}:
            return NodeError(
                f"{each.name} was down when the backup {manifest.tag} was taken, which has nothing of it.",
                subject=target.name,
                next_step="Choose a backup from before, or start the node empty and let the others stream to it "
                "(-Dcassandra.replace_address_first_boot).",
            )
    return None


def _ring_reasons(ring: Ring) -> t.Iterator[ReviveError]:
    if not ring.others:
        yield InputError(
            "No other node of the cluster is known.",
            subject="others",
            next_step="Name all nodes in the inventory. A whole cluster that is lost is restored by the playbook "
            "disaster_recovery.",
        )
    elif not ring.members:
        yield NodeError(
            "None of the other nodes has shown the ring, so nobody knows whether the lost node is still in it.",
            subject=ring.others[0].name,
            next_step=f"See what nodetool status says on {ring.others[0].name}.",
        )
    for other in ring.others:
        if not other.running:
            yield NodeError(
                f"{other.name} does not run either.",
                subject=other.name,
                next_step="Start it first: the repair needs all others. If several are lost, bring them back one by "
                "one, or restore the cluster.",
            )


def _membership_reasons(source: NodeSummary, *, target: TargetNode, ring: Ring) -> t.Iterator[ReviveError]:
    host_id = source.node.host_id
    holders = [other.name for other in ring.others if other.identity and other.identity.host_id == host_id]
    if holders:
        yield NodeError(
            f"{holders[0]} has the host id of {source.node.name} ({host_id}) and runs.",
            subject=holders[0],
            next_step="Give the node that is lost.",
        )
        return
    if not any(member.host_id == host_id for member in ring.members):
        yield NodeError(
            f"The ring does not know {source.node.name} ({host_id}) any more: it was removed or replaced.",
            subject=source.node.name,
            next_step="Add the machine as a new node.",
        )
    up = [each for each in ring.members if each.host_id == host_id and each.state == _UP_AND_NORMAL]
    if up:
        yield NodeError(
            f"The others see {source.node.name} ({up[0].address}) up.",
            subject=source.node.name,
            next_step="Wait until they see it down, or find out where it runs.",
        )
    if target.num_tokens is not None and target.num_tokens != len(source.node.tokens):
        yield NodeError(
            f"{target.name} is configured with num_tokens {target.num_tokens}, and the lost node had "
            f"{len(source.node.tokens)} tokens.",
            subject=target.name,
            next_step=f"Set num_tokens: {len(source.node.tokens)} in its cassandra.yaml.",
        )
    for what, is_now, was in (
        ("datacenter", target.datacenter, source.node.datacenter),
        ("rack", target.rack, source.node.rack),
    ):
        if is_now and is_now != was:
            yield NodeError(
                f"{target.name} is in {what} {is_now}, the node was in {was}.",
                subject=target.name,
                next_step="Correct cassandra-rackdc.properties.",
            )


def _too_old(tables: t.Sequence[str], *, age_seconds: float) -> ReviveError:
    more = f" and {len(tables) - 10} more" if len(tables) > 10 else ""
    return NodeError(
        f"What the node would get is {format_duration(age_seconds)} old, which is more than gc_grace_seconds of "
        f"{', '.join(tables[:10])}{more}: rows that were deleted since could come back on all nodes.",
        subject=tables[0],
        next_step="Choose a newer restore point, or start the node empty and let the others stream to it "
        f"(-Dcassandra.replace_address_first_boot). If nothing was deleted, pass {option('past_gc_grace', 'true')}.",
    )


class _Guarded(t.NamedTuple):
    """What an old node among newer ones could spoil."""

    reasons: tuple[ReviveError, ...]
    warnings: tuple[str, ...]


def _guard(manifest: ClusterManifest, *, age_seconds: float, past_gc_grace: bool, counters_quiet: bool) -> _Guarded:
    reasons: list[ReviveError] = []
    warnings: list[str] = []
    old = past_grace(cql.parse_schema(manifest.schema_cql), age_seconds=age_seconds)
    counters = _counters(manifest)
    if old and past_gc_grace:
        warnings.append(f"Rows of {', '.join(old)} that were deleted since the restore point may come back.")
    elif old:
        reasons.append(_too_old(old, age_seconds=age_seconds))
    if counters and counters_quiet:
        warnings.append(f"Nobody may increment counters in {', '.join(counters)} until the repair is over.")
    elif counters:
        reasons.append(_would_count(counters))
    return _Guarded(tuple(reasons), tuple(warnings))


def _counters(manifest: ClusterManifest) -> list[str]:
    return [
        shown_name(each.keyspace, each.name)
        for each in cql.parse_schema(manifest.schema_cql).objects
        if each.kind == cql.TABLE and any(column.type == "counter" for column in columns_of(each))
    ]


def _would_count(tables: t.Sequence[str]) -> ReviveError:
    return NodeError(
        f"{', '.join(tables)} have counters: if the node counts before it is repaired, all nodes forget what it had "
        "counted since the restore point.",
        subject=tables[0],
        next_step="Stop all increments until the repair is over and pass "
        f"{option('counters_quiet', 'true')}, or start the node empty and let the others stream to it "
        "(-Dcassandra.replace_address_first_boot).",
    )


def _warnings(source: NodeSummary, *, target: TargetNode) -> t.Iterator[str]:
    yield (
        "Until the repair that follows is over, reads at a low consistency level may miss what was written since the "
        "restore point."
    )
    if target.address != source.node.address:
        yield f"{source.node.name} had the address {source.node.address} and now gets {target.address}."
    yield from newer_warnings([(source, target)])
