# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore's report says of the moment: asked for, reached on each node, and what was replayed. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import BY_TIMESTAMP
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import (
    format_duration,
    format_size,
    format_us,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import build
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan


@dataclasses.dataclass(frozen=True)
class NodeReplay:
    """What became of one target's log.

    Mutations later than the moment are left out too; Cassandra counts them nowhere.

    :param replayed: updates that were applied.
    :param unknown: mutations of tables that were not there at the moment.
    :param later_schema: mutations that only a schema later than the moment can read.
    :param tables: ``keyspace.table`` of those that users had made by the moment.
    """

    name: str
    segments: int
    log_bytes: int
    replayed: int
    unknown: int
    later_schema: int
    truncated_tables: int
    dropped_tables: int
    tables: tuple[str, ...]
    seconds: float

    @classmethod
    def from_result(cls, name: str, value: t.Mapping[str, t.Any]) -> NodeReplay:
        """From what staging returned on a node.

        :raises PlainValueError: if it is something else.
        """
        return build(cls, {**value, "name": name})


def moment_report(plan: RestorePlan, *, replays: t.Sequence[NodeReplay]) -> dict[str, t.Any] | None:
    """The moment as plain values; ``None`` for the restore of a backup.

    ``rpo_seconds`` is how much of what was asked for is not reached.
    """
    moment = plan.moment
    if moment is None:
        return None
    nodes = []
    for replay in replays:
        part = moment.part_of(plan.assignment_of(replay.name).source_host_id)
        node = dataclasses.asdict(replay)
        del node["tables"]
        nodes.append(
            {**node, "source": part.name, "reached_us": part.reached_us, "reached": format_us(part.reached_us)}
        )
    return {
        "asked_us": moment.moment_us,
        "asked": format_us(moment.moment_us),
        "cut": moment.cut,
        "reached_us": moment.reached_us,
        "reached": format_us(moment.reached_us),
        "rpo_seconds": (moment.moment_us - moment.reached_us) / 1e6,
        "covered_until": format_us(min(part.covered_us for part in moment.parts)),
        "replayed": sum(replay.replayed for replay in replays),
        "unknown": sum(replay.unknown for replay in replays),
        "later_schema": sum(replay.later_schema for replay in replays),
        "replay_seconds": max((replay.seconds for replay in replays), default=0.0),
        "nodes": nodes,
    }


def moment_report_lines(value: t.Mapping[str, t.Any]) -> list[str]:
    """The same in lines to read."""
    cut = "write timestamp" if value["cut"] == BY_TIMESTAMP else "arrival in the archive"
    counted = (
        f"{value['replayed']} updates replayed in {format_duration(value['replay_seconds'])}. Left out, "
        f"besides what is later than the moment: {value['unknown']} mutations of tables that did not exist at "
        f"the moment, {value['later_schema']} of a later schema."
    )
    lines = [
        f"Moment asked for {value['asked']}, reached {value['reached']}: {value['rpo_seconds']:.6f} s before it.",
        f"The cut went by {cut}; the logs of all nodes were covered until {value['covered_until']}.",
        counted,
    ]
    lines += [
        f"  {node['name']}: reached {node['reached']}; {node['segments']} segments, {format_size(node['log_bytes'])}; "
        f"{node['replayed']} replayed, {node['unknown']} and {node['later_schema']} left out{_emptied(node)}"
        for node in value["nodes"]
    ]
    return lines


def _emptied(node: t.Mapping[str, t.Any]) -> str:
    """What had become of tables between the backup and the moment, if anything."""
    parts = [
        f"{node[name]} {'table' if node[name] == 1 else 'tables'} {what}"
        for name, what in (("truncated_tables", "truncated by then"), ("dropped_tables", "dropped by then"))
        if node[name]
    ]
    return "".join(f"; {part}" for part in parts)
