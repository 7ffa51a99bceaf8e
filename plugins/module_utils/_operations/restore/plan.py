# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning a restore from what the repository has and what the nodes said; nothing is touched."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import clock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import (
    BY_TIMESTAMP,
    plan_moment,
    unreadable_bases,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    ManifestError,
    ObjectCorruptError,
    ObjectMissingError,
    PlanRefusedError,
    ReviveError,
    StoreDeniedError,
    StoreError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    parse_node_manifest_key,
    table_prefix,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.listing import Newest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import read_node_manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    ClusterManifest,
    NodeManifestHeader,
    NodeSummary,
    TableEntry,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import (
    moment_warnings,
    signed_line,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.expired import expired_warnings
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan, Trial
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import (
    MomentPlan,
    check_past,
    moment_plan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import is_asked_for
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.node_planning import Ring, plan_node
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.placement import file_path, is_wanted
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.planning import plan_restore
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.point import (
    Latest,
    Moment,
    RestorePoint,
    TagPoint,
    parse_restore_point,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import DEFAULT_RESERVE
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive import looks
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.bases import bases_of
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import load_logs
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import (
    load_signed,
    newest_backup,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import open_repository
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.opening import (
    Encrypted,
    log_trials,
    manifest_trials,
    why_closed,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.present import with_present

#: So many objects of one node are named one by one when they are missing; then only how many more.
_NAMED_OBJECTS = 10
_NAMED_BASES = 3

Record = t.Union[TableEntry, BackedUpObject]


def make_plan(
    store: ObjectStore,
    *,
    restore_point: str | RestorePoint,
    targets: t.Sequence[TargetNode],
    new_cluster: bool,
    confirm_cluster: str | None,
    restore_auth: bool,
    node_mapping: t.Mapping[str, str] | None = None,
    reserve: str = DEFAULT_RESERVE,
    identity_file: str | None = None,
    here: str = "this host",
    cut: str = BY_TIMESTAMP,
    now_us: int | None = None,
) -> tuple[ClusterManifest, RestorePlan]:
    """The backup, and who gets what of it, after a look at every object that it needs.

    :param restore_point: a tag, ``latest`` or a moment.
    :param identity_file: of an encrypted backup: tried on a few objects, when all else has been looked at. The node
        manifests of releases that encrypted them are read with it.
    :param here: the host that it is on, for messages.
    :param cut: how the logs are cut at a moment.
    :param reserve: what stays free of each file system.
    :param now_us: this moment, which a restore point may not be later than.
    :raises InputError: if the restore point cannot be understood, or is in the future.
    :raises MomentRefusedError: if it is a moment that the logs do not reach.
    :raises BackupMissingError, BackupIncompleteError: if there is no such backup.
    :raises PlanRefusedError: with every reason, those in the repository too.
    :raises StoreError: if the store does not answer.
    """
    point = find_point(store, restore_point, cut=cut, identity_file=identity_file, now_us=now_us)
    manifest, signer = load_signed(store, point.tag)
    reasons: list[ReviveError] = []
    plan: RestorePlan | None = None
    try:
        plan = plan_restore(
            manifest=manifest,
            targets=targets,
            new_cluster=new_cluster,
            confirm_cluster=confirm_cluster,
            restore_auth=restore_auth,
            node_mapping=node_mapping,
            reserve=reserve,
            moment=point.moment,
        )
    except PlanRefusedError as error:
        reasons += error.reasons
    found = check_objects(
        store,
        manifest,
        wants=lambda table: is_wanted(table, restore_auth=restore_auth),
        identity_file=identity_file,
        here=here,
    )
    trials = (*found.trials, *point.trials)
    reasons += [*found.reasons, *why_closed(store, trials, identity_file=identity_file, here=here)]
    if reasons or plan is None:
        raise PlanRefusedError(reasons)
    as_of_us = point.moment.moment_us if point.moment else manifest.snapshot_began_us
    expired = expired_warnings(manifest.schema_cql, as_of_us=as_of_us, now_us=now_us)
    warnings = (*point.warnings, *expired, *plan.warnings)
    plan = dataclasses.replace(plan, warnings=warnings, trials=trials, signed=signed_line(signer))
    return manifest, plan if new_cluster else with_present(plan, store, now_us=now_us)


def not_asked_for(
    store: ObjectStore, begun: t.Sequence[str], *, restore_point: str, mode: str, cut: str = BY_TIMESTAMP
) -> list[str]:
    """Of restores of whole nodes that were begun, those that are others than the one that is asked for.

    Nothing is planned, since the nodes may be half-way; and of the store only ``latest`` needs an answer.

    :param begun: their names.
    :param mode: ``in_place``, ``new_cluster`` or ``one_node``; the others as of :func:`make_plan`.
    :raises RepositoryError: if there is no repository.
    """
    point = parse_restore_point(restore_point)
    if isinstance(point, Latest):
        point = TagPoint(newest_backup(store).manifest.tag)
    try:
        cluster_id: str | None = open_repository(store).cluster_id
    except StoreError:
        cluster_id = None
    same = functools.partial(is_asked_for, point=point, mode=mode, cut=cut, cluster_id=cluster_id)
    return [restore_id for restore_id in begun if not same(restore_id)]


def make_node_plan(
    store: ObjectStore,
    *,
    restore_point: str,
    target: TargetNode,
    ring: Ring,
    confirm_cluster: str | None,
    now_us: int,
    node_mapping: t.Mapping[str, str] | None = None,
    past_gc_grace: bool = False,
    counters_quiet: bool = False,
    identity_file: str | None = None,
    here: str = "this host",
    cut: str = BY_TIMESTAMP,
    reserve: str = DEFAULT_RESERVE,
) -> tuple[ClusterManifest, RestorePlan]:
    """The backup, and what a node that was lost with its disk gets of it, after a look at every object that it needs.

    Parameters and errors as of :func:`make_plan` and :func:`plan_node`.
    """
    point = find_point(store, restore_point, cut=cut, identity_file=identity_file, now_us=now_us)
    manifest, signer = load_signed(store, point.tag)
    reasons: list[ReviveError] = []
    plan: RestorePlan | None = None
    try:
        plan = plan_node(
            manifest=manifest,
            target=target,
            ring=ring,
            now_us=now_us,
            confirm_cluster=confirm_cluster,
            node_mapping=node_mapping,
            past_gc_grace=past_gc_grace,
            counters_quiet=counters_quiet,
            moment=point.moment,
            reserve=reserve,
        )
    except PlanRefusedError as error:
        reasons += error.reasons
    if plan is not None:
        mine = plan.assignments[0].source_host_id
        found = check_objects(
            store,
            dataclasses.replace(manifest, nodes=tuple(each for each in manifest.nodes if each.node.host_id == mine)),
            wants=lambda table: is_wanted(table, restore_auth=True, own_system=True),
            identity_file=identity_file,
            here=here,
        )
        trials = (*found.trials, *(trial for trial in point.trials if trial.source_host_id == mine))
        reasons += [*found.reasons, *why_closed(store, trials, identity_file=identity_file, here=here)]
        plan = dataclasses.replace(plan, trials=trials)
    if reasons or plan is None:
        raise PlanRefusedError(reasons)
    warnings = (*point.warnings, *plan.warnings)
    return manifest, dataclasses.replace(plan, warnings=warnings, signed=signed_line(signer))


class FoundPoint(t.NamedTuple):
    """Where a restore begins: a backup, and what of the logs comes on top; with what to know, and to try, of both."""

    tag: str
    moment: MomentPlan | None
    warnings: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()


def find_point(
    store: ObjectStore,
    restore_point: str | RestorePoint,
    *,
    cut: str = BY_TIMESTAMP,
    identity_file: str | None = None,
    now_us: int | None = None,
    newest: t.Callable[[ObjectStore], Newest] = newest_backup,
    wants: t.Callable[[str], bool] | None = None,
) -> FoundPoint:
    """What a restore point stands for; parameters and errors as of :func:`make_plan`.

    :param newest: which backup ``latest`` is; by default the newest of everything.
    :param wants: which tables are restored, each as ``keyspace.table``; ``None`` for all.
    """
    point = parse_restore_point(restore_point) if isinstance(restore_point, str) else restore_point
    if isinstance(point, Latest):
        latest = newest(store)
        return FoundPoint(tag=latest.manifest.tag, moment=None, warnings=latest.warnings)
    if not isinstance(point, Moment):
        return FoundPoint(tag=point.tag, moment=None)
    check_past(point, now_us=now_us if now_us is not None else clock.now_us())
    logs = load_logs(store)
    bases = bases_of(store, identity_file=identity_file, wants=wants)
    found = plan_moment(point.us, bases=bases, logs=logs, cut=cut)
    moment = moment_plan(found, logs=logs)
    warnings = (
        *moment_warnings(allowed_signers=store.allowed_signers),
        *looks.warnings_at(store, tag=found.tag, moment_us=point.us, wants=wants),
        *unreadable_bases(bases, most=_NAMED_BASES),
    )
    return FoundPoint(tag=found.tag, moment=moment, warnings=warnings, trials=log_trials(found))


class Found(t.NamedTuple):
    """What a look at a backup's objects has shown.

    :param reasons: everything that is wrong with them.
    :param trials: what of them an identity has to open; empty if nothing is encrypted.
    """

    reasons: list[ReviveError]
    trials: tuple[Trial, ...]


def check_objects(
    store: ObjectStore,
    manifest: ClusterManifest,
    *,
    wants: t.Callable[[TableRef], bool],
    identity_file: str | None = None,
    here: str = "this host",
    take: t.Callable[[NodeSummary, Record], None] | None = None,
) -> Found:
    """Everything that is wrong in the repository with a backup, by listings and without reading data.

    Every node manifest is read and compared with its hash; every object has to be there with a size that it can have.

    :param wants: which tables' objects are needed.
    :param take: is given each of their records, with the node that it is of.
    :raises StoreError: if the store does not answer.
    """
    sealed = manifest_trials(manifest)
    reasons = why_closed(store, sealed, identity_file=identity_file, here=here)
    if reasons:
        return Found(reasons, ())
    listings: dict[TableRef, dict[str, int]] = {}
    encrypted = Encrypted()
    for summary in manifest.nodes:
        wrong: list[ReviveError] = []
        try:
            for entry in _entries(store, summary, tag=manifest.tag, identity_file=identity_file):
                if not wants(entry.table):
                    continue
                if take is not None:
                    take(summary, entry)
                if isinstance(entry, BackedUpObject):
                    error = _look(store, entry, summary=summary, listings=listings)
                    if error is not None:
                        wrong.append(error)
                    else:
                        encrypted.take(summary, entry)
        except StoreDeniedError:
            raise
        except (ManifestError, ObjectMissingError, ObjectCorruptError) as error:
            wrong.insert(0, error)
        reasons += wrong[:_NAMED_OBJECTS]
        if len(wrong) > _NAMED_OBJECTS:
            reasons.append(
                ObjectMissingError(
                    f"{len(wrong) - _NAMED_OBJECTS} more objects of {summary.node.name} are missing or differ.",
                    subject=summary.node.name,
                    next_step="Restore another backup.",
                )
            )
    return Found(reasons, (*sealed, *encrypted.trials()))


def _entries(store: ObjectStore, summary: NodeSummary, *, tag: str, identity_file: str | None) -> t.Iterator[Record]:
    """Tables and objects of a node's manifest; what is wrong with the manifest itself is raised on the way."""
    parsed = parse_node_manifest_key(summary.manifest_key)
    if parsed is None:
        raise ManifestError(f"{summary.manifest_key} is not the key of a node manifest.", subject=summary.manifest_key)
    digest = hashlib.sha256()
    key = summary.manifest_key
    chunks = decode(store.get_stream(key), parsed[2], identity_file=identity_file, what=key)
    for record in read_node_manifest(_lines(chunks, digest=digest), subject=summary.manifest_key):
        if isinstance(record, NodeManifestHeader):
            if (record.tag, record.node.host_id) != (tag, summary.node.host_id):
                raise ManifestError(
                    f"{summary.manifest_key} is the manifest of {record.node.name} in {record.tag}.",
                    subject=summary.manifest_key,
                )
        elif isinstance(record, (TableEntry, BackedUpObject)):
            yield record
    if digest.hexdigest() != summary.manifest_sha256:
        raise ObjectCorruptError(
            f"The manifest {summary.manifest_key} of {summary.node.name} has another content than when the backup was "
            "completed.",
            subject=summary.manifest_key,
            next_step="Bring the object back from a copy of the repository, or restore another backup.",
        )


def _lines(chunks: t.Iterable[bytes], *, digest: t.Any) -> t.Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        digest.update(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest


def _look(
    store: ObjectStore, entry: BackedUpObject, *, summary: NodeSummary, listings: dict[TableRef, dict[str, int]]
) -> ReviveError | None:
    """What is wrong with one object; its table is listed once."""
    for file in entry.files:
        file_path(entry.table, file.path)
    if entry.table not in listings:
        listings[entry.table] = {info.key: info.size for info in store.list(table_prefix(entry.table))}
    size = listings[entry.table].get(entry.stored.key)
    names = ", ".join(file.path for file in entry.files[:3])
    if size is None:
        return ObjectMissingError(
            f"The object {entry.stored.key} ({entry.table}: {names}) of {summary.node.name} is not in the repository.",
            subject=entry.stored.key,
            next_step="Bring it back from a copy of the repository, or restore another backup.",
        )
    if entry.stored.contradicts_itself or not entry.stored.may_have(size):
        return ObjectCorruptError(
            f"The object {entry.stored.key} ({entry.table}: {names}) of {summary.node.name} has {size} bytes, "
            f"which cannot hold its content of {entry.stored.size}.",
            subject=entry.stored.key,
            next_step="Bring it back from a copy of the repository, or restore another backup.",
        )
    return None
