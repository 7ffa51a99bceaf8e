# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a restore, from what its steps returned."""

from __future__ import annotations

import json
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import members, report
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment_report import NodeReplay
from ansible_collections.revive.cassandra.plugins.plugin_utils._role_words import report_words

Values = t.Mapping[str, t.Any]


def restore_report(
    planned: Values,
    fetched: t.Mapping[str, Values],
    counts: t.Sequence[Values],
    began_us: int,
    ended_us: int,
    staged: t.Mapping[str, Values] | None = None,
    *,
    stopped_us: int | None = None,
    removed_old: bool = False,
) -> dict[str, t.Any]:
    """What was backed up against what is there, how long it took, and how fast."""
    try:
        made = report.restore_report(
            plan=RestorePlan.from_result(planned["plan"]),
            manifest=CLUSTER_MANIFEST.decode(json.dumps(planned["manifest"]).encode(), subject="the plan's manifest"),
            nodes=[build(report.NodeResult, {**value, "name": name}) for name, value in fetched.items()],
            rows={f"{count['keyspace']}.{count['table']}": count["rows"] for count in counts},
            about={f"{count['keyspace']}.{count['table']}": count.get("estimated_rows") for count in counts},
            began_us=int(began_us),
            ended_us=int(ended_us),
            replays=[NodeReplay.from_result(name, value) for name, value in (staged or {}).items()],
            stopped_us=None if stopped_us is None else int(stopped_us),
            removed_old=bool(removed_old),
        )
    except (ReviveError, PlainValueError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"There is nothing to report on: {type(error).__name__}: {error}") from error
    return report_words(made, "restore")


def member_problems(plan: Values, ring: t.Sequence[Values]) -> list[str]:
    """What of a restored cluster's members is otherwise than planned."""
    try:
        return members.member_problems(RestorePlan.from_result(plan), ring)
    except (ReviveError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"These are no members of a ring: {type(error).__name__}: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By their names."""
        return {"member_problems": member_problems, "restore_report": restore_report}
