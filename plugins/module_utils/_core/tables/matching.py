# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which node gets what of the nodes of a backup when tables are restored, and whether it can take that. Pure.

Each node imports the files that the node with the same tokens had, so every range arrives once for each replica. In a
cluster of another shape each node imports what all of them had, and drops what is not its own. So every replica has all
that any replica had, whatever the tokens and factors are, and nothing has to be streamed or repaired.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import Pair, RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan, moment_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.planning import (
    assignment_for,
    group_reasons,
    newer_warnings,
    pending_reasons,
    plan_of,
    version_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import (
    parse_reserve,
    sizes_per_directory,
    space_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.choosing import selection_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Contents, Selection


class Matching:
    """Which node gets what others had, and what speaks against it."""

    def __init__(
        self,
        *,
        manifest: ClusterManifest,
        contents: Contents,
        selection: Selection,
        targets: t.Sequence[TargetNode],
        moment: MomentPlan | None,
        reserve: str,
    ) -> None:
        self.restore_id = tables_restore_id(manifest, selection=selection, moment=moment)
        self.reasons: list[ReviveError] = [*selection_reasons(selection), *group_reasons(targets)]
        self._manifest, self._moment, self._selection, self._reserve = manifest, moment, selection, reserve
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
        kept = parse_reserve(reserve)
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
                target,
                restore_id=self.restore_id,
                source=together,
                reserve=kept,
                work_bytes=work_bytes,
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
            reserve=self._reserve,
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


def tables_restore_id(manifest: ClusterManifest, *, selection: Selection, moment: MomentPlan | None = None) -> str:
    """The name of a restore: the same for the same backup and moment and the same words of the operator."""
    asked = dataclasses.asdict(selection)
    # What was not asked when the first restores got their names has no part in them.
    del asked["past_gc_grace"]
    words = json.dumps([manifest.cluster_id, asked], sort_keys=True)
    what = f"{manifest.tag}-{moment.label}" if moment else manifest.tag
    return f"{what}-{selection.mode}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"


def _together(sources: t.Sequence[NodeSummary], *, places: int) -> NodeSummary:
    """What several nodes had, as if one had had it, in so many places."""
    sizes = [sizes_per_directory(source, places) for source in sources]
    return dataclasses.replace(
        sources[0],
        totals=sum((source.totals for source in sources), Totals()),
        data_directory_sizes=tuple(map(sum, zip(*sizes))),
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
