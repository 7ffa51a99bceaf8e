# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's part of a planned restore: fetch it, make it into a moment, switch to it, go back, or let the old go.

Each says what it changed.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import NodeLog
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    ObjectMissingError,
    StoreError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import gap_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import OVER, FetchHeader
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    IN_PLACE,
    ONE_NODE,
    RestorePlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import planned_segments
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import parse_reserve
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import (
    InstanceOptions,
    NodeSettings,
    TransferSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive import logs as commit_logs
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive import rights
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra import identity
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.identity import remembered_identity
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import (
    fetch,
    opening,
    records,
    recovery,
    staged_record,
    switch,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_log import PieceCorruptError

#: Longer than any index takes to be rebuilt, and any repair.
_REBUILD_TIMEOUT_SECONDS = 7 * 24 * 3600


@dataclasses.dataclass(frozen=True)
class Part:
    """What this node gets of a plan, and who owns it then.

    :param owner: a user's name; ``None`` for who owns the data directory; the same for ``group``.
    """

    node: NodeSettings
    plan: RestorePlan
    owner: str | None
    group: str | None


def fetch_part(
    part: Part,
    store: ObjectStore,
    *,
    repository: RepositorySettings,
    transfer: TransferSettings,
    progress: Progress,
    tables: tuple[str, ...] = (),
) -> fetch.FetchOutcome:
    """Download what belongs on this node beside its data; errors as of :func:`fetch.fetch_backup`.

    Nothing to do if it has been made into the plan's moment already.

    :raises StoreDeniedError: if a restore in place could not be recorded later; nothing has been downloaded then.
    :param tables: ``<keyspace>/<table>-<id>`` of the only ones that are wanted; empty for all.
    """
    assignment = part.plan.assignment_of(part.node.name)
    _require_may_record(part, store, source_host_id=assignment.source_host_id)
    if part.plan.moment:
        restore_id, restore_auth = part.plan.restore_id, part.plan.restore_auth
        staged = staged_record.staged_files(part.node, restore_id=restore_id, restore_auth=restore_auth)
        if staged is not None:
            return fetch.FetchOutcome(
                changed=False,
                files=staged.files,
                size=staged.size,
                fetched_bytes=0,
                reused_bytes=staged.size,
                seconds=0.0,
            )
        staged_record.forget_moment(part.node, restore_id=restore_id)
    return fetch.fetch_backup(
        part.node,
        store,
        settings=repository,
        wanted=FetchHeader(
            restore_id=part.plan.restore_id,
            tag=part.plan.tag,
            source_host_id=assignment.fetched_from,
            manifest_sha256=assignment.manifest_sha256,
            restore_auth=part.plan.restore_auth,
            tables=tables or assignment.only_tables,
            own_system=part.plan.mode == ONE_NODE,
        ),
        manifest_key=assignment.manifest_key,
        owner=part.owner,
        group=part.group,
        transfer=transfer,
        reserve=parse_reserve(part.plan.reserve),
        progress=progress,
    )


def _require_may_record(part: Part, store: ObjectStore, *, source_host_id: str) -> None:
    """Errors as of :func:`rights.require_may_record_restore`, where the restore will have to be recorded."""
    if part.plan.mode == ONE_NODE:
        rights.require_may_record_restore(store, host_id=source_host_id)
    elif part.plan.mode == IN_PLACE:
        who = remembered_identity(part.node)
        if who is not None:
            rights.require_may_record_restore(store, host_id=who.host_id)


def would_fetch(part: Part, store: t.Callable[[], ObjectStore], *, repository: RepositorySettings) -> bool:
    """Whether :func:`fetch_part` would begin: whether the identity on this node opens what it would fetch is tried.

    :raises IdentityError: if it does not.
    :raises StoreError: if the store does not answer.
    """
    part.plan.assignment_of(part.node.name)
    if part.plan.trials:
        opening.check_opens(part.plan, store(), identity_file=repository.identity_file, node_name=part.node.name)
    return True


def stage_part(
    part: Part,
    store: ObjectStore,
    *,
    repository: RepositorySettings,
    options: InstanceOptions,
    progress: Progress,
    wants: t.Callable[[TableRef], bool] | None = None,
) -> staged_record.RecoveryOutcome:
    """Make of the fetched backup what its node held at the plan's moment. Nothing that serves is touched.

    :param wants: which tables were fetched; ``None`` for everything.
    :raises InputError: if the plan is of a whole backup.
    :raises ObjectMissingError: if the repository has less of the log than when it was planned.
    :raises PieceCorruptError: if a piece is damaged; that is recorded in the repository as a gap.
    :raises ReviveError: as :func:`recovery.stage_moment`.
    """
    plan, assignment = part.plan, part.plan.assignment_of(part.node.name)
    if plan.moment is None:
        raise InputError(
            f"{plan.restore_id} restores a whole backup: there is no moment to stage.",
            subject=plan.restore_id,
            next_step=f"Go on with {option('state', 'switched')}.",
        )
    done = staged_record.staged_outcome(part.node, restore_id=plan.restore_id)
    if done is not None:
        return done
    logs = commit_logs.load_logs(store, host_ids=(assignment.source_host_id,))
    if not logs:
        raise ObjectMissingError(
            f"The repository has no commit log of {assignment.source_name} any more.",
            subject=assignment.source_name,
            next_step="Plan again, and find out what deletes objects there.",
        )
    try:
        return recovery.stage_moment(
            part.node,
            store,
            restore_id=plan.restore_id,
            source=records.source_of(part.node, restore_id=plan.restore_id),
            segments=planned_segments(plan.moment, log=logs[0]),
            moment_us=plan.moment.replay_until_us,
            restore_auth=plan.restore_auth,
            release_version=assignment.release_version,
            options=options,
            reserve=parse_reserve(plan.reserve),
            wants=wants,
            owner=part.owner,
            identity_file=repository.identity_file,
            progress=progress,
        )
    except PieceCorruptError as error:
        raise _recorded(store, log=logs[0], error=error) from error


def _recorded(store: ObjectStore, *, log: NodeLog, error: PieceCorruptError) -> PieceCorruptError:
    """The same error, once the repository says it too, so no plan leads over that piece again."""
    try:
        gap = commit_logs.record_corrupt_piece(store, log=log, piece=error.piece, detail="Found by a restore.")
        next_step = (
            f"{error.next_step} Plans avoid it from now on. If the object is brought back from a copy, "
            f"delete {gap_key(gap)}."
        )
    except StoreError as refused:
        next_step = f"{error.next_step} The repository could not be told, so plans still lead over it: {refused}"
    return PieceCorruptError(error.message, subject=error.subject, next_step=next_step, piece=error.piece)


def would_stage(part: Part) -> bool:
    """Whether :func:`stage_part` has anything to do."""
    return not staged_record.is_staged(part.node, restore_id=part.plan.restore_id)


def switch_part(part: Part, *, check_mode: bool) -> bool:
    """Exchange the directories; whether they had to be. Errors as of :func:`switch.switch_node`."""
    if check_mode:
        under_way = records.pending(part.node)
        return under_way is None or under_way.phase != "switched"
    outcome = switch.switch_node(
        part.node,
        restore_id=part.plan.restore_id,
        mode=part.plan.mode,
        tokens=part.plan.assignment_of(part.node.name).tokens,
        restore_auth=part.plan.restore_auth,
        owner=part.owner,
        group=part.group,
        is_running=lambda: identity.is_running(part.node),
    )
    return outcome.changed


@dataclasses.dataclass(frozen=True)
class Serving:
    """What was done on a node that serves.

    :param indexes: that had to be rebuilt, as of :func:`rebuild_indexes`.
    :param needs_repair: whether it was given the schema only, since the backup does not have the node; a repair brings
        everything else.
    """

    changed: bool
    indexes: tuple[str, ...]
    needs_repair: bool = False


def serve(node: NodeSettings, *, restore_id: str, check_mode: bool, store: ObjectStore | None = None) -> Serving:
    """Note what has to be known as soon as clients may write, rebuild indexes, and settle the configuration.

    :param store: where the node's log may have been archived; a restore in place is recorded there.
    :raises StoreError: if that cannot be done.
    :raises NodeError: as :func:`rebuild_indexes` and :func:`switch.settle_configuration`.
    :raises LocalFilesError: as :func:`switch.settle_configuration`.
    """
    if not check_mode:
        _record_in_log(node, restore_id=restore_id, store=store)
    indexes = rebuild_indexes(node, restore_id=restore_id, check_mode=check_mode)
    settled = switch.settle_configuration(
        node, restore_id=restore_id, who=lambda: identity.read_identity(node), check_mode=check_mode
    )
    fetched = records.fetch_ends(node, restore_id=restore_id)
    return Serving(
        changed=bool(indexes) or settled, indexes=indexes, needs_repair=fetched is not None and bool(fetched[0].tables)
    )


def _record_in_log(node: NodeSettings, *, restore_id: str, store: ObjectStore | None) -> None:
    """Record a restore in place, once: whoever reads the log has to know that it does not go on from before."""
    who = remembered_identity(node)
    if store is not None and who is not None:
        for restored_us in switch.exchanges_in_place_us(node, restore_id=restore_id):
            commit_logs.record_restore(store, host_id=who.host_id, restored_us=restored_us, restore_id=restore_id)


def rebuild_indexes(node: NodeSettings, *, restore_id: str, check_mode: bool) -> tuple[str, ...]:
    """Rebuild, on the running node, the indexes that the moment has and the backup's SSTables were written without.

    A node that remembers them as built would not find what those hold.

    :returns: ``keyspace.table.index`` of those that had to be; none the second time.
    :raises NodeError: if nodetool fails.
    """
    done = staged_record.staged_outcome(node, restore_id=restore_id)
    indexes = done.indexes_to_rebuild if done else ()
    if indexes and not check_mode:
        nodetool = Nodetool(dataclasses.replace(node, timeout_seconds=_REBUILD_TIMEOUT_SECONDS))
        for index in indexes:
            nodetool.run("rebuild_index", *index.split("."))
        staged_record.note_rebuilt(node, restore_id=restore_id)
    return indexes


def repair(node: NodeSettings, *, check_mode: bool) -> bool:
    """Have a node that came back get what the others have written meanwhile: all ranges that it has a replica of.

    :raises NodeError: if nodetool fails; it can be run again.
    """
    if not check_mode:
        Nodetool(dataclasses.replace(node, timeout_seconds=_REBUILD_TIMEOUT_SECONDS)).run("repair", "-full")
    return True


@dataclasses.dataclass(frozen=True)
class RolledBack:
    """What became of a node that goes back.

    :param refetch: whether the fetched files are gone, so the next run has to fetch again.
    :param not_recorded: why the archive could not be told; empty if it was, or has no log of the node.
    """

    changed: bool
    refetch: bool = False
    not_recorded: str = ""


def roll_back(node: NodeSettings, *, restore_id: str, check_mode: bool, store: ObjectStore | None = None) -> RolledBack:
    """Put everything back; errors as of :func:`switch.roll_back`.

    That the archive cannot be told does not keep a node from going back; doing it again tells it.

    :param store: as of :func:`serve`: a log does not go on from what is taken out, either.
    """
    if check_mode:
        _archived(node, store=store)
        return RolledBack(changed=switch.to_roll_back(node, restore_id=restore_id) is not None)
    outcome = switch.roll_back(node, restore_id=restore_id, is_running=lambda: identity.is_running(node))
    if outcome.refetch:
        staged_record.forget_moment(node, restore_id=restore_id)
    try:
        _record_in_log(node, restore_id=restore_id, store=store)
    except StoreError as error:
        told = f"The archive could not be told that {node.name} went back: {error}"
        return RolledBack(changed=outcome.changed, refetch=outcome.refetch, not_recorded=told)
    return RolledBack(changed=outcome.changed, refetch=outcome.refetch)


def _archived(node: NodeSettings, *, store: ObjectStore | None) -> bool:
    """Whether the repository has a log of the node.

    :raises StoreError: if it does not answer.
    """
    who = remembered_identity(node)
    return store is not None and who is not None and commit_logs.has_log(store, host_id=who.host_id)


def finish(
    node: NodeSettings, *, restore_id: str, keep_old: bool, check_mode: bool, store: ObjectStore | None = None
) -> switch.FinishOutcome:
    """Give up the way back; errors as of :func:`switch.finish`.

    :param store: as of :func:`serve`, which may not have come so far.
    :raises StoreError: if that cannot be done; nothing has been finished.
    """
    if check_mode:
        state = records.read_state(node, restore_id=restore_id)
        over = state is None or (state.phase in OVER and keep_old)
        return switch.FinishOutcome(changed=not over, freed_bytes=0)
    _record_in_log(node, restore_id=restore_id, store=store)
    outcome = switch.finish(node, restore_id=restore_id, keep_old=keep_old)
    staged_record.forget_moment(node, restore_id=restore_id)
    return outcome
