# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether and how a backup can be restored to given nodes: a decision from facts. Pure.

Nothing that could go wrong later may be left for later: every reason against a restore is collected here, and all of
them are told at once, before anything is touched.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BusyError,
    InputError,
    NodeError,
    NoSpaceError,
    PlanRefusedError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.model import (
    ClusterManifest,
    NodeIdentity,
    NodeSummary,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.moment_planning import MomentPlan, moment_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import build, plain
from ansible_collections.revive.cassandra.plugins.module_utils._core.progress import format_size

IN_PLACE = "in_place"
NEW_CLUSTER = "new_cluster"
#: Of the bytes that a target needs, how much more has to be free.
SPACE_MARGIN = 0.05

_Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class DataPlace:
    """One of a node's data directories.

    :param device: the file system, as ``stat`` numbers it; directories of the same one share ``free_bytes``.
    :param free_bytes: what the user that fetches may still write there.
    :param staged_bytes: what an earlier run of the same restore has fetched into it.
    """

    path: str
    device: int
    free_bytes: int
    staged_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class PendingRestore:
    """A switch that has been begun on a node and is neither finished nor rolled back."""

    restore_id: str
    phase: str


@dataclasses.dataclass(frozen=True)
class TargetNode:
    """A node that is to be restored, as planning needs to know it. It travels between hosts as plain values.

    :param running: whether Cassandra runs on it.
    :param identity: who it is in its ring; of a node that does not run, what was last known; ``None`` if nothing is.
    :param identity_stale: whether ``identity`` is what was last known.
    :param release_version: of the installed Cassandra; ``None`` if it cannot be found out.
    :param address: under which the other nodes reach it.
    :param seeds: addresses that its configuration names, without ports.
    :param datacenter: empty if it cannot be found out, as the rack.
    :param partitioner: as configured; empty means Cassandra's default.
    :param local_system: where ``system_schema`` goes if that is none of ``data_directories``.
    :param holds_data: whether there is a table with data outside of the system keyspaces.
    :param has_system_local: whether the node's own ``system.local`` is there, in place or put aside.
    """

    name: str
    running: bool
    identity: NodeIdentity | None
    identity_stale: bool
    release_version: str | None
    cluster_name: str
    address: str
    is_seed: bool
    seeds: tuple[str, ...]
    num_tokens: int | None
    datacenter: str
    rack: str
    partitioner: str
    data_directories: tuple[DataPlace, ...]
    local_system: DataPlace | None
    holds_data: bool
    has_system_local: bool
    pending: PendingRestore | None
    native_transport_port: int = 9042
    cql_address: str = ""

    @property
    def places(self) -> tuple[DataPlace, ...]:
        """All directories that keyspaces go into, numbered as in backups: the one for the local system ones last."""
        return (*self.data_directories, *((self.local_system,) if self.local_system else ()))

    def to_result(self) -> _Json:
        """The facts as plain values."""
        return t.cast(_Json, plain(self))

    @classmethod
    def from_result(cls, value: t.Mapping[str, t.Any]) -> TargetNode:
        """The facts from :meth:`to_result`.

        :raises InputError: if they are something else.
        """
        try:
            identity = value["identity"]
            local = value["local_system"]
            pending = value["pending"]
            return build(
                cls,
                {
                    **value,
                    "identity": build(NodeIdentity, {**identity, "tokens": tuple(identity["tokens"])})
                    if identity
                    else None,
                    "seeds": tuple(value["seeds"]),
                    "data_directories": tuple(build(DataPlace, place) for place in value["data_directories"]),
                    "local_system": build(DataPlace, local) if local else None,
                    "pending": build(PendingRestore, pending) if pending else None,
                },
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"These are no facts of a node: {type(error).__name__}: {error}.",
                subject=str(dict(value).get("name", "")),
                next_step="Give what reading the node returned.",
            ) from error


@dataclasses.dataclass(frozen=True)
class Assignment:
    """What one target gets: everything of one source node.

    :param tokens: the source's, which the target takes over.
    :param files: to be laid down.
    :param size: bytes on the target's disks.
    :param stored_size: bytes to fetch if none is there yet.
    :param data_directory_map: for each data directory of the source the target's; empty if their numbers differ, and
        SSTables are then spread.
    :param release_version: of the target's Cassandra.
    """

    target_name: str
    source_host_id: str
    source_name: str
    source_address: str
    target_address: str
    datacenter: str
    rack: str
    tokens: tuple[str, ...]
    files: int
    size: int
    stored_size: int
    is_seed: bool
    data_directory_map: tuple[int, ...]
    manifest_key: str
    manifest_sha256: str
    manifest_size: int
    release_version: str = ""


@dataclasses.dataclass(frozen=True)
class RestorePlan:
    """A restore that can go well, as far as can be seen beforehand.

    :param restore_id: the same for the same backup, mode and moment, so that a second run goes on where the first
        stopped.
    :param assignments: seeds first, which is the order to start in.
    :param warnings: what an operator should know and that does not stop the restore.
    :param moment: what of the commit logs is replayed on the backup; ``None`` for the backup itself.
    """

    restore_id: str
    tag: str
    mode: str
    restore_auth: bool
    cluster_id: str
    source_cluster_name: str
    target_cluster_name: str
    snapshot_began_us: int
    snapshot_ended_us: int
    assignments: tuple[Assignment, ...]
    warnings: tuple[str, ...]
    files: int
    size: int
    stored_size: int
    moment: MomentPlan | None = None

    def to_result(self) -> _Json:
        """The plan as plain values."""
        return t.cast(_Json, plain(self))

    @classmethod
    def from_result(cls, value: t.Mapping[str, t.Any]) -> RestorePlan:
        """The plan from :meth:`to_result`.

        :raises InputError: if the values are something else.
        """
        try:
            assignments = tuple(
                build(
                    Assignment,
                    {
                        **each,
                        "tokens": tuple(each["tokens"]),
                        "data_directory_map": tuple(each["data_directory_map"]),
                    },
                )
                for each in value["assignments"]
            )
            moment = MomentPlan.from_result(value["moment"]) if value.get("moment") else None
            return build(
                cls,
                {**value, "assignments": assignments, "warnings": tuple(value["warnings"]), "moment": moment},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"This is no plan of a restore: {type(error).__name__}: {error}.",
                next_step="Give what planning returned.",
            ) from error

    def assignment_of(self, target_name: str) -> Assignment:
        """What one target gets.

        :raises InputError: if the plan does not know it.
        """
        for assignment in self.assignments:
            if assignment.target_name == target_name:
                return assignment
        raise InputError(
            f"The plan has no node {target_name}.",
            subject=target_name,
            next_step=f"It has {', '.join(each.target_name for each in self.assignments)}.",
        )


def restore_id_of(*, tag: str, cluster_id: str, mode: str, moment: MomentPlan | None = None) -> str:
    """The name of a restore: the same for the same backup, mode and moment; a directory and a file can be called so."""
    what = f"{tag}-{moment.label}" if moment else tag
    return f"{what}-{mode.replace('_', '-')}-{hashlib.sha256(cluster_id.encode()).hexdigest()[:8]}"


def plan_restore(
    *,
    manifest: ClusterManifest,
    targets: t.Sequence[TargetNode],
    new_cluster: bool,
    confirm_cluster: str | None,
    restore_auth: bool,
    node_mapping: t.Mapping[str, str] | None = None,
    space_margin: float = SPACE_MARGIN,
    moment: MomentPlan | None = None,
) -> RestorePlan:
    """Which target gets what.

    :param new_cluster: whether the targets become a new cluster with its own name and addresses, or are the nodes that
        were backed up.
    :param confirm_cluster: the name of the cluster whose data may be replaced.
    :param restore_auth: whether roles and passwords come back, or stay the target's.
    :param node_mapping: source (name or host id) to target (name), for those that are not to be matched by rule.
    :param space_margin: of the bytes that a target needs, how much more has to be free.
    :param moment: what of the logs of the backup's nodes is replayed on it.
    :raises PlanRefusedError: with every reason against it.
    """
    mode = NEW_CLUSTER if new_cluster else IN_PLACE
    restore_id = restore_id_of(tag=manifest.tag, cluster_id=manifest.cluster_id, mode=mode, moment=moment)
    reasons: list[ReviveError] = [*_manifest_reasons(manifest, new_cluster=new_cluster), *group_reasons(targets)]
    explicit, mapping_reasons = _explicit_pairs(manifest, targets=targets, node_mapping=node_mapping or {})
    reasons += mapping_reasons
    match = _match_new_cluster if new_cluster else _match_in_place
    pairs, match_reasons = match(manifest, targets=targets, explicit=explicit)
    reasons += match_reasons
    for target in targets:
        reasons += _target_reasons(target, restore_id=restore_id, confirm_cluster=confirm_cluster)
        reasons += version_reasons(target, sources=[summary.node for summary in manifest.nodes])
        if moment:
            reasons += moment_reasons(moment, manifest=manifest, release_version=target.release_version or "")
    for source, target in pairs:
        work_bytes = moment.work_bytes(source.node.host_id) if moment else 0
        reasons += space_reasons(target, source=source, margin=space_margin, work_bytes=work_bytes)
        if not new_cluster:
            reasons += _same_node_reasons(target, source=source.node)
    if new_cluster:
        reasons += _seed_reasons(targets, manifest=manifest)
    if reasons:
        raise PlanRefusedError(list({str(reason): reason for reason in reasons}.values()))
    assignments = tuple(
        sorted(
            (assignment_for(source, target=target) for source, target in pairs),
            key=lambda each: (not each.is_seed, _natural(each.target_name)),
        )
    )
    warn = _warnings_new_cluster if new_cluster else _warnings_in_place
    return RestorePlan(
        restore_id=restore_id,
        tag=manifest.tag,
        mode=mode,
        restore_auth=restore_auth,
        cluster_id=manifest.cluster_id,
        source_cluster_name=manifest.cluster_name,
        target_cluster_name=targets[0].cluster_name,
        snapshot_began_us=manifest.snapshot_began_us,
        snapshot_ended_us=manifest.snapshot_ended_us,
        assignments=assignments,
        warnings=(*_partial_warnings(manifest), *warn(pairs), *newer_warnings(pairs)),
        files=sum(each.files for each in assignments),
        size=sum(each.size for each in assignments),
        stored_size=sum(each.stored_size for each in assignments),
        moment=moment,
    )


Pair = tuple[NodeSummary, TargetNode]


def _manifest_reasons(manifest: ClusterManifest, *, new_cluster: bool) -> t.Iterator[ReviveError]:
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
            f"The backup {manifest.tag} has no system_schema, without which no table is known.",
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


def _explicit_pairs(
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
                    next_step=f"It has {_names(manifest.nodes)}; a host id is never ambiguous.",
                )
            )
        elif target_name not in by_name or by_name[target_name] in explicit.values():
            reasons.append(
                InputError(
                    f"The mapping gives {source_word} to {target_name}, which is "
                    f"{'given another node too' if target_name in by_name else 'no target'}.",
                    subject=target_name,
                    next_step=f"The targets are {', '.join(by_name)}.",
                )
            )
        else:
            explicit[sources[0]] = by_name[target_name]
    return explicit, reasons


def _match_in_place(
    manifest: ClusterManifest, *, targets: t.Sequence[TargetNode], explicit: t.Mapping[str, TargetNode]
) -> tuple[list[Pair], list[ReviveError]]:
    """Each node with itself: by host id; one whose host id is not known by its address."""
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
            f"{source.node.name} ({source.node.address}, host id {source.node.host_id}) of the backup is none of the "
            "targets.",
            subject=source.node.name,
            next_step="Add it to the inventory; if the node is gone, restore with target_cluster=true.",
        )
        for source in missing
    ]
    reasons += [
        NodeError(
            f"{target.name} ({target.address}"
            + (f", host id {target.identity.host_id}" if target.identity else ", its host id is not known")
            + ") is not in the backup.",
            subject=target.name,
            next_step="Take it out of the inventory, or restore with target_cluster=true onto as many nodes as the "
            "backup has.",
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


def _match_new_cluster(
    manifest: ClusterManifest, *, targets: t.Sequence[TargetNode], explicit: t.Mapping[str, TargetNode]
) -> tuple[list[Pair], list[ReviveError]]:
    """Racks with racks of as many nodes, racks named alike first; within a rack in the order of names."""
    reasons: list[ReviveError] = []
    if len(manifest.nodes) != len(targets):
        more, fewer = len(manifest.nodes) > len(targets), len(manifest.nodes) - len(targets)
        reasons.append(
            NodeError(
                f"The backup has {len(manifest.nodes)} nodes ({_names(manifest.nodes)}), there are {len(targets)} "
                f"targets ({', '.join(target.name for target in targets)}): "
                f"{abs(fewer)} {'missing' if more else 'too many'}.",
                subject=manifest.tag,
                next_step="Give exactly as many nodes; a restore to another number goes table by table.",
            )
        )
    for source in manifest.nodes:
        chosen = explicit.get(source.node.host_id)
        if chosen is not None and chosen.datacenter != source.node.datacenter:
            reasons.append(
                NodeError(
                    f"The mapping gives {source.node.name} of data centre {source.node.datacenter} to {chosen.name} of "
                    f"{chosen.datacenter}.",
                    subject=chosen.name,
                    next_step="Map within a data centre.",
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
                f"Data centre {datacenter or '(unknown)'} is "
                f"{'not among the targets' if sources else 'not in the backup'} ({some}).",
                subject=datacenter,
                next_step="Replication names data centres, so they have to be called the same: see "
                "cassandra-rackdc.properties of each target.",
            )
        ]
    racks = _match_racks(sources, targets=targets, explicit=explicit)
    if racks is None:
        return [], [
            NodeError(
                f"The racks of data centre {datacenter} do not fit: the backup has "
                f"{_counts(each.node.rack for each in sources)}, the targets have "
                f"{_counts(each.rack for each in targets)}.",
                subject=datacenter,
                next_step="Give the targets racks of the same sizes, so that each keeps its replicas.",
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
        key=lambda each: (_natural(each.node.name), each.node.host_id),
    )
    free = sorted((each for each in targets if each.name not in taken), key=lambda each: _natural(each.name))
    return [*chosen, *zip(rest, free)]


def _target_reasons(target: TargetNode, *, restore_id: str, confirm_cluster: str | None) -> t.Iterator[ReviveError]:
    if target.pending is not None and target.pending.restore_id != restore_id:
        yield BusyError(
            f"On {target.name} another restore, {target.pending.restore_id}, has been begun and not ended "
            f"({target.pending.phase}).",
            subject=target.name,
            next_step="Finish it or roll it back first.",
        )
    if target.holds_data and confirm_cluster != target.cluster_name:
        given = f"confirm_cluster is {confirm_cluster!r}" if confirm_cluster else "confirm_cluster is not set"
        yield InputError(
            f"{target.name} holds data of the cluster {target.cluster_name!r} and {given}.",
            subject=target.name,
            next_step=f"If that data is to be replaced, pass confirm_cluster={target.cluster_name!r}.",
        )


def version_reasons(target: TargetNode, *, sources: t.Sequence[NodeIdentity]) -> t.Iterator[ReviveError]:
    """Why a target's Cassandra cannot read what the sources' wrote."""
    newest = max(sources, key=lambda source: _version(source.release_version))
    if not target.release_version or not _version(target.release_version):
        yield NodeError(
            f"The version of Cassandra on {target.name} cannot be found out.",
            subject=target.name,
            next_step="Pass release_version, such as '5.0.8', for this node.",
        )
    elif _version(target.release_version) < _version(newest.release_version):
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
    new_cluster = "If it has lost its disk or joined anew, restore with target_cluster=true."
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
            f"{target.name} is in data centre {target.datacenter}, in the backup it is in {source.datacenter}.",
            subject=target.name,
            next_step="Correct cassandra-rackdc.properties.",
        )
    if not target.has_system_local:
        yield NodeError(
            f"{target.name} has no system.local any more, so it does not know who it is.",
            subject=target.name,
            next_step="Pass target_cluster=true: it then gets its tokens from the backup.",
        )


def _seed_reasons(targets: t.Sequence[TargetNode], *, manifest: ClusterManifest) -> t.Iterator[ReviveError]:
    if targets and not any(target.is_seed for target in targets):
        yield NodeError(
            "None of the targets is a seed, so that none of them could start first.",
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


def space_reasons(
    target: TargetNode, *, source: NodeSummary, margin: float, work_bytes: int
) -> t.Iterator[ReviveError]:
    """What is missing on each file system; data directories on the same one are added up.

    :param work_bytes: that a staging instance needs, in the first of them.
    """
    needed: dict[int, int] = {}
    free: dict[int, int] = {}
    paths: dict[int, list[str]] = {}
    for place, size in zip(target.places, sizes_per_directory(source, len(target.places))):
        needed[place.device] = needed.get(place.device, 0) + max(0, size - place.staged_bytes)
        free[place.device] = min(free.get(place.device, place.free_bytes), place.free_bytes)
        paths.setdefault(place.device, []).append(place.path)
    if target.places:
        needed[target.places[0].device] += work_bytes
    for device, bytes_needed in needed.items():
        with_margin = int(bytes_needed * (1 + margin))
        if with_margin > free[device]:
            yield NoSpaceError(
                f"{target.name} needs {format_size(with_margin)} below {', '.join(paths[device])} and has "
                f"{format_size(free[device])} free.",
                subject=target.name,
                next_step=f"Free {format_size(with_margin - free[device])}: the old data stays until the restore is "
                "finished; snapshots that are not needed are a good start.",
            )


def sizes_per_directory(source: NodeSummary, count: int) -> tuple[int, ...]:
    """How many bytes each of ``count`` data directories gets: as at the source, or evenly spread."""
    if len(source.data_directory_sizes) == count:
        return source.data_directory_sizes
    total = sum(source.data_directory_sizes)
    return tuple(-(-total // count) for _each in range(count)) if count else ()


def assignment_for(source: NodeSummary, *, target: TargetNode) -> Assignment:
    """All of the source's for the target."""
    same = len(source.data_directory_sizes) == len(target.places)
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
        data_directory_map=tuple(range(len(target.places))) if same else (),
        manifest_key=source.manifest_key,
        manifest_sha256=source.manifest_sha256,
        manifest_size=source.manifest_size,
        release_version=target.release_version or "",
    )


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
            "cluster; with target_cluster=false they would keep their identity."
        )
    names = {source.node.cluster_name for source, _target in pairs} & {target.cluster_name for _source, target in pairs}
    if names:
        yield (
            f"The new cluster is called {', '.join(sorted(names))} as the old one. If nodes of the old one are up "
            "and can be reached, both would mix: give the new one another cluster_name, or keep them apart."
        )
    moved = [f"{source.node.rack} becomes {target.rack}" for source, target in pairs if source.node.rack != target.rack]
    if moved:
        yield f"Racks are called differently: {', '.join(sorted(set(moved)))}."


def _warnings_in_place(pairs: t.Sequence[Pair]) -> t.Iterator[str]:
    for _source, target in pairs:
        if target.identity is None:
            yield f"{target.name} does not run and has told no host id yet; it was recognised by its address."
        elif target.identity_stale:
            yield f"{target.name} does not run; who it is was last heard before it stopped."


def newer_warnings(pairs: t.Sequence[Pair]) -> t.Iterator[str]:
    """What is to be known where Cassandra is newer than in the backup."""
    newer = [
        f"{target.name} {target.release_version} instead of {source.node.release_version}"
        for source, target in pairs
        if _version(target.release_version or "") > _version(source.node.release_version)
    ]
    if newer:
        yield f"Cassandra is newer than in the backup: {', '.join(newer)}. There is no way back."


def _partial_warnings(manifest: ClusterManifest) -> t.Iterator[str]:
    if manifest.keyspaces or manifest.tables_asked:
        yield (
            f"The backup holds {', '.join((*manifest.keyspaces, *manifest.tables_asked))} only; all other tables of "
            "its schema come back empty."
        )


def _version(text: str) -> tuple[int, ...]:
    """``5.0.8`` as numbers; empty if there are none. A pre-release counts as its release."""
    match = re.match(r"\d+(\.\d+)*", text)
    numbers = tuple(int(number) for number in match[0].split(".")) if match else ()
    return numbers + (0,) * (3 - len(numbers)) if numbers else ()


def _partitioner(name: str) -> str:
    return name.rsplit(".", 1)[-1] or "Murmur3Partitioner"


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
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
