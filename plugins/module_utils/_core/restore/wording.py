# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans and backups in lines that people read. Pure."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_size, format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    IN_PLACE,
    NEW_CLUSTER,
    ONE_NODE,
    Assignment,
    RestorePlan,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import moment_plan_lines


def plan_lines(plan: RestorePlan) -> list[str]:
    """What a restore will do, to be read before it begins."""
    what = {
        NEW_CLUSTER: "as the new cluster",
        IN_PLACE: "in place, on cluster",
        ONE_NODE: f"for {', '.join(plan.target_names)} alone, into the cluster",
    }[plan.mode]
    return [
        f"Restore {plan.tag} of cluster {plan.source_cluster_name} {what} {plan.target_cluster_name}.",
        *(
            moment_plan_lines(plan.moment, tag=plan.tag)
            if plan.moment
            else [f"Everything up to {format_us(plan.snapshot_began_us)} comes back; what was written later does not."]
        ),
        *plan.notes,
        f"{plan.files} files, {format_size(plan.size)}; at most {format_size(plan.stored_size)} to fetch.",
        *([plan.signed] if plan.signed else ()),
        "Roles and passwords come back from the backup."
        if plan.restore_auth
        else "Roles and passwords stay as they are on the nodes.",
        *(_assignment_line(each) for each in plan.assignments),
        *(f"Warning: {warning}" for warning in plan.warnings),
    ]


def _assignment_line(assignment: Assignment) -> str:
    start = "starts first" if assignment.is_seed else "starts after the seeds"
    return (
        f"{assignment.target_name} ({assignment.target_address}, {assignment.datacenter}, {assignment.rack}) gets "
        f"{assignment.source_name} ({assignment.source_address}): {assignment.files} files, "
        f"{format_size(assignment.size)}; {start}"
    )
