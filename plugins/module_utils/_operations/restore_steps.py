# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's part of a planned restore: fetch it, switch to it, go back, or let the old go. Each says what it changed."""

from __future__ import annotations

import dataclasses

from ansible_collections.revive.cassandra.plugins.module_utils._core.planning import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings, TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations import fetch, switch
from ansible_collections.revive.cassandra.plugins.module_utils._operations import node as node_operation


@dataclasses.dataclass(frozen=True)
class Part:
    """What this node gets of a plan, and who owns it then.

    :param owner: a user's name; ``None`` for who owns the data directory; ``group`` alike.
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
) -> fetch.FetchOutcome:
    """Download what belongs on this node beside its data; errors as of :func:`fetch.fetch_backup`."""
    assignment = part.plan.assignment_of(part.node.name)
    return fetch.fetch_backup(
        part.node,
        store,
        settings=repository,
        restore_id=part.plan.restore_id,
        tag=part.plan.tag,
        source_host_id=assignment.source_host_id,
        manifest_key=assignment.manifest_key,
        manifest_sha256=assignment.manifest_sha256,
        restore_auth=part.plan.restore_auth,
        owner=part.owner,
        group=part.group,
        transfer=transfer,
        progress=progress,
    )


def switch_part(part: Part, *, check_mode: bool) -> bool:
    """Exchange the directories; whether they had to be. Errors as of :func:`switch.switch_node`."""
    if check_mode:
        under_way = switch.pending(part.node)
        return under_way is None or under_way.phase != "switched"
    outcome = switch.switch_node(
        part.node,
        restore_id=part.plan.restore_id,
        mode=part.plan.mode,
        tokens=part.plan.assignment_of(part.node.name).tokens,
        restore_auth=part.plan.restore_auth,
        owner=part.owner,
        group=part.group,
        is_running=lambda: node_operation.is_running(part.node),
    )
    return outcome.changed


def roll_back(node: NodeSettings, *, restore_id: str, check_mode: bool) -> switch.RollBackOutcome:
    """Put everything back; errors as of :func:`switch.roll_back`."""
    if check_mode:
        return switch.RollBackOutcome(changed=switch.pending(node) is not None, refetch=False)
    return switch.roll_back(node, restore_id=restore_id, is_running=lambda: node_operation.is_running(node))


def finish(node: NodeSettings, *, restore_id: str, keep_old: bool, check_mode: bool) -> switch.FinishOutcome:
    """Give up the way back; errors as of :func:`switch.finish`."""
    if check_mode:
        return switch.FinishOutcome(changed=switch.pending(node) is not None, freed_bytes=0)
    return switch.finish(node, restore_id=restore_id, keep_old=keep_old)
