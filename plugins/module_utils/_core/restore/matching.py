# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which node gets the data of which node of the backup: in place its own, in a new cluster rack by rack. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.near import did_you_mean
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    NodeSummary,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import Pair
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode


def explicit_pairs(
    manifest: ClusterManifest, *, targets: t.Sequence[TargetNode], node_mapping: t.Mapping[str, str]
) -> tuple[dict[str, TargetNode], list[ReviveError]]:
    """The targets that were named, by their source's host id."""
    reasons: list[ReviveError] = []
    explicit: dict[str, TargetNode] = {}
    by_name = {target.name: target for target in targets}
    for source_word, target_name in node_mapping.items():
        sources = [each.node.host_id for each in manifest.nodes if source_word in (each.node.host_id, each.node.name)]
        if len(sources) != 1:
            reasons.append(
                InputError(
                    f"The mapping names {source_word}, which is "
                    f"{'more than one node' if sources else 'no node'} of the backup {manifest.tag}.",
                    subject=source_word,
                    next_step=f"{did_you_mean(source_word, (each.node.name for each in manifest.nodes))}"
                    f"It has {_names(manifest.nodes)}; a host id is never ambiguous.",
                )
            )
        elif target_name not in by_name or by_name[target_name] in explicit.values():
            reasons.append(
                InputError(
                    f"The mapping gives {source_word} to {target_name}, which is "
                    f"{'given another node too' if target_name in by_name else 'not a target'}.",
                    subject=target_name,
                    next_step=f"{did_you_mean(target_name, by_name)}The targets are {', '.join(by_name)}.",
                )
            )
        else:
            explicit[sources[0]] = by_name[target_name]
    return explicit, reasons


def match_in_place(
    manifest: ClusterManifest, *, targets: t.Sequence[TargetNode], explicit: t.Mapping[str, TargetNode]
) -> tuple[list[Pair], list[ReviveError]]:
    """Each node with itself: by host id, or by address where the host id is not known."""
    pairs: list[Pair] = []
    missing: list[NodeSummary] = []
    for source in manifest.nodes:
        found = explicit.get(source.node.host_id) or _itself(source.node, targets=targets)
        if found is not None:
            pairs.append((source, found))
        else:
            missing.append(source)
    used = [target.name for _source, target in pairs]
    extra = [target for target in targets if target.name not in used]
    reasons: list[ReviveError] = [
        NodeError(
            f"{source.node.name} ({source.node.address}, host id {source.node.host_id}) of the backup is not "
            "among the targets.",
            subject=source.node.name,
            next_step=f"Add it to the inventory; if the node is gone, restore with {option('new_cluster', 'true')}.",
        )
        for source in missing
    ]
    reasons += [
        NodeError(
            f"{target.name} ({target.address}"
            + (f", host id {target.identity.host_id}" if target.identity else ", its host id is not known")
            + ") is not in the backup.",
            subject=target.name,
            next_step=f"Take it out of the inventory, or restore with {option('new_cluster', 'true')} onto as many "
            "nodes as the backup has.",
        )
        for target in extra
    ]
    return pairs, reasons


def _itself(source: NodeIdentity, *, targets: t.Sequence[TargetNode]) -> TargetNode | None:
    for target in targets:
        if target.identity is not None and target.identity.host_id == source.host_id:
            return target
    for target in targets:
        if target.identity is None and target.address == source.address:
            return target
    return None


def match_new_cluster(
    manifest: ClusterManifest, *, targets: t.Sequence[TargetNode], explicit: t.Mapping[str, TargetNode]
) -> tuple[list[Pair], list[ReviveError]]:
    """Racks with racks of as many nodes, racks of the same name first; within a rack in the order of names."""
    reasons: list[ReviveError] = []
    if len(manifest.nodes) != len(targets):
        more, fewer = len(manifest.nodes) > len(targets), len(manifest.nodes) - len(targets)
        reasons.append(
            NodeError(
                f"The backup has {len(manifest.nodes)} nodes ({_names(manifest.nodes)}), there are {len(targets)} "
                f"targets ({', '.join(target.name for target in targets)}): "
                f"{abs(fewer)} {'missing' if more else 'too many'}.",
                subject=manifest.tag,
                next_step="Give exactly as many nodes. Onto another number of nodes, restore table by table.",
            )
        )
    for source in manifest.nodes:
        chosen = explicit.get(source.node.host_id)
        if chosen is not None and chosen.datacenter != source.node.datacenter:
            reasons.append(
                NodeError(
                    f"The mapping gives {source.node.name} of datacenter {source.node.datacenter} to {chosen.name} of "
                    f"{chosen.datacenter}.",
                    subject=chosen.name,
                    next_step="Map within one datacenter.",
                )
            )
    pairs: list[Pair] = []
    for datacenter in sorted({each.node.datacenter for each in manifest.nodes} | {each.datacenter for each in targets}):
        found, found_reasons = _match_datacenter(
            datacenter,
            sources=[each for each in manifest.nodes if each.node.datacenter == datacenter],
            targets=[each for each in targets if each.datacenter == datacenter],
            explicit=explicit,
        )
        pairs += found
        reasons += found_reasons
    return pairs, reasons


def _match_datacenter(
    datacenter: str,
    *,
    sources: t.Sequence[NodeSummary],
    targets: t.Sequence[TargetNode],
    explicit: t.Mapping[str, TargetNode],
) -> tuple[list[Pair], list[ReviveError]]:
    if not sources or not targets:
        some = ", ".join([each.node.name for each in sources] or [each.name for each in targets])
        return [], [
            NodeError(
                f"Datacenter {datacenter or '(unknown)'} is "
                f"{'not among the targets' if sources else 'not in the backup'} ({some}).",
                subject=datacenter,
                next_step="Replication names datacenters, so they need the same names: see "
                "cassandra-rackdc.properties on each target.",
            )
        ]
    racks = _match_racks(sources, targets=targets, explicit=explicit)
    if racks is None:
        return [], [
            NodeError(
                f"The racks of datacenter {datacenter} do not match: the backup has "
                f"{_counts(each.node.rack for each in sources)}, the targets have "
                f"{_counts(each.rack for each in targets)}.",
                subject=datacenter,
                next_step="Give the targets racks of the same sizes, so each keeps its replicas.",
            )
        ]
    pairs: list[Pair] = []
    for source_rack, target_rack in racks.items():
        pairs += _match_rack(
            [each for each in sources if each.node.rack == source_rack],
            targets=[each for each in targets if each.rack == target_rack],
            explicit=explicit,
        )
    return pairs, []


def _match_racks(
    sources: t.Sequence[NodeSummary], *, targets: t.Sequence[TargetNode], explicit: t.Mapping[str, TargetNode]
) -> dict[str, str] | None:
    """Which rack becomes which; ``None`` if there is no way. What was mapped by hand decides for its whole rack."""
    source_sizes = _sizes(each.node.rack for each in sources)
    target_sizes = _sizes(each.rack for each in targets)
    racks: dict[str, str] = {}
    for source in sources:
        chosen = explicit.get(source.node.host_id)
        if chosen is not None and racks.setdefault(source.node.rack, chosen.rack) != chosen.rack:
            return None
    for rack, size in source_sizes.items():
        if rack not in racks and target_sizes.get(rack) == size and rack not in racks.values():
            racks[rack] = rack
    for rack, size in source_sizes.items():
        if rack not in racks:
            free = [name for name, room in target_sizes.items() if room == size and name not in racks.values()]
            if not free:
                return None
            racks[rack] = free[0]
    fits = sorted(racks.values()) == sorted(target_sizes) and all(
        source_sizes[source] == target_sizes.get(target) for source, target in racks.items()
    )
    return racks if fits else None


def _match_rack(
    sources: t.Sequence[NodeSummary], *, targets: t.Sequence[TargetNode], explicit: t.Mapping[str, TargetNode]
) -> list[Pair]:
    chosen = [(each, explicit[each.node.host_id]) for each in sources if each.node.host_id in explicit]
    taken = {target.name for _source, target in chosen}
    rest = sorted(
        (each for each in sources if each.node.host_id not in explicit),
        key=lambda each: (natural(each.node.name), each.node.host_id),
    )
    free = sorted((each for each in targets if each.name not in taken), key=lambda each: natural(each.name))
    return [*chosen, *zip(rest, free)]


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """An order of names in which ``node-10`` comes after ``node-9``."""
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.split(r"([0-9]+)", name) if part)


def _names(nodes: t.Iterable[NodeSummary]) -> str:
    return ", ".join(each.node.name for each in nodes)


def _sizes(racks: t.Iterable[str]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for rack in sorted(racks):
        sizes[rack] = sizes.get(rack, 0) + 1
    return sizes


def _counts(racks: t.Iterable[str]) -> str:
    return ", ".join(f"{rack} with {size}" for rack, size in _sizes(racks).items())
