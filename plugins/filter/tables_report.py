# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a restore of tables, from what its steps returned."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment_report import NodeReplay
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.report import NodeResult
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables import report
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TablesPlan
from ansible_collections.revive.cassandra.plugins.plugin_utils._role_words import report_words

Values = t.Mapping[str, t.Any]


def tables_report(
    plan: Values,
    fetched: t.Mapping[str, Values],
    imported: t.Mapping[str, Values],
    counts: t.Sequence[Values],
    began_us: int,
    ended_us: int,
    staged: t.Mapping[str, Values] | None = None,
    verified: t.Mapping[str, Values] | None = None,
    before_us: int | str = "",
) -> dict[str, t.Any]:
    """What was backed up against what is there, and how long it took."""
    try:
        made = report.tables_report(
            TablesPlan.from_result(plan),
            fetched=[build(NodeResult, {**value, "name": name}) for name, value in fetched.items()],
            imported=[build(report.NodeImport, {**value, "name": name}) for name, value in imported.items()],
            rows={f"{count['keyspace']}.{count['table']}": count["rows"] for count in counts},
            began_us=int(began_us),
            ended_us=int(ended_us),
            before_us=int(before_us) if before_us else None,
            replays=[NodeReplay.from_result(name, value) for name, value in (staged or {}).items()],
            compared=[rows for name, value in (verified or {}).items() for rows in report.NodeRows.all_of(name, value)],
            compared_seconds=max((value["seconds"] for value in (verified or {}).values()), default=0.0),
        )
    except (ReviveError, PlainValueError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"There is nothing to report on: {type(error).__name__}: {error}") from error
    return report_words(made, "restore")


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By its name."""
        return {"tables_report": tables_report}
