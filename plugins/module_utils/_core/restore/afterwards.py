# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the report of a restore says of its times, of the ways back, and of what has to follow. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.commands import playbook
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_duration, format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.begun import restored_by
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    IN_PLACE,
    NEW_CLUSTER,
    ONE_NODE,
    RestorePlan,
)

_SECOND_US = 1_000_000


def time_lines(value: t.Mapping[str, t.Any]) -> list[str]:
    """When what happened, of a report as plain values."""
    lines = [
        (
            f"Begun {value['began']}, served {value['served']}: recovery time (RTO) "
            f"{format_duration(value['rto_seconds'])}."
        )
    ]
    if value["stopped"] is not None:
        what = "The node" if value["mode"] == ONE_NODE else "Cassandra"
        lines.append(
            f"{what} stopped serving {value['stopped']}, and served again {value['served']}: down for "
            f"{format_duration(value['downtime_seconds'])}."
        )
    return lines


def after_lines(plan: RestorePlan, *, stopped_us: int | None, removed_old: bool) -> list[str]:
    """The ways back, and what has to follow.

    What is to be pasted stands behind ``ansible-playbook``, the inventory, and where the repository is.
    """
    name = restored_by(plan.restore_id).rpartition(".")[2]
    undo = playbook(name, {"restore_action": "undo", "restore_id": plan.restore_id})
    remove = playbook("disaster_recovery", {"restore_action": "remove_old", "restore_id": plan.restore_id})
    if removed_old:
        lines = ["What was there before is removed: this restore cannot be undone."]
    else:
        lines = [
            (
                "What was there before is kept, in directories called .revive beside the data. What is to be pasted "
                "stands behind ansible-playbook, with the inventory and the repository of this run."
            )
        ]
        if plan.mode == IN_PLACE:
            lines.append(f"  To have it back, as long as it is kept: {undo}")
        lines.append(f"  To remove it, when you are sure: {remove}")
    if plan.mode == IN_PLACE and stopped_us is not None:
        again = {
            "restore_point": format_us(stopped_us - _SECOND_US),
            "restore_confirm_cluster": plan.target_cluster_name,
        }
        before = playbook(name, again)
        lines.append(
            f"  If commit logs are archived, the second before the stop is a moment, too; try it with --check: {before}"
        )
    if plan.mode == NEW_CLUSTER:
        lines.append("Take a first backup, into a prefix of its own (backup_prefix): the old one refuses this cluster.")
    else:
        lines.append(
            f"No moment after this can be restored until there is a backup. Take one: {playbook('backup', {})}"
        )
    return lines
