# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores that nodes have begun, seen over all nodes: which may be gone on with, and what there is. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_size
from ansible_collections.revive.cassandra.plugins.module_utils._core.near import did_you_mean
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import (
    FINISHED,
    OVER,
    REMOVING,
    SWITCHED,
    UNDONE,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import (
    is_by_arrival,
    is_of_one_node,
    restore_point_of,
)

_Node = t.Mapping[str, t.Any]


def ways_to_go_on(begun: t.Iterable[str]) -> list[str]:
    """What an operator gives to go on with each of these restores."""
    return [_way_to_go_on(restore_id) for restore_id in begun]


def _way_to_go_on(restore_id: str) -> str:
    cut = " and restore_cut=by_arrival" if is_by_arrival(restore_id) else ""
    return f"restore_point={restore_point_of(restore_id) or restore_id}{cut} in {restored_by(restore_id)}"


def restored_by(restore_id: str) -> str:
    """Which playbook goes on with a restore, and undoes it."""
    return "revive.cassandra." + ("restore_node" if is_of_one_node(restore_id) else "disaster_recovery")


def switched_hosts(nodes: t.Mapping[str, _Node | None], restore_id: str) -> list[str]:
    """The hosts whose data is that of a restore: switched to it, or finished.

    :param nodes: by host, what each node is, as reading it returned.
    """
    return [host for host, phase in _phases(nodes, restore_id).items() if phase in (SWITCHED, FINISHED)]


def undo_problems(nodes: t.Mapping[str, _Node | None], restore_id: str) -> list[str]:
    """Why a restore cannot be undone on all of its nodes together; a sentence each.

    :param nodes: as of :func:`switched_hosts`.
    """
    phases = _phases(nodes, restore_id)
    if FINISHED not in phases.values():
        # Of one that was begun, some nodes may not have come to their switch.
        return []
    return [
        f"{host} has nothing of it: it was removed there, or the node has come since"
        if phase is None
        else f"{host} is removing what was there before it"
        for host, phase in phases.items()
        if phase in (None, REMOVING)
    ]


def remove_problems(nodes: t.Mapping[str, _Node | None], restore_id: str) -> list[str]:
    """Why what a restore keeps cannot be removed; a sentence each.

    :param nodes: as of :func:`switched_hosts`.
    """
    phases = _phases(nodes, restore_id)
    found = [f"{host} has not finished it ({phase})" for host, phase in phases.items() if phase and phase not in OVER]
    if not found and {FINISHED, UNDONE} <= set(phases.values()):
        undone = [host for host, phase in phases.items() if phase == UNDONE]
        found = [f"{', '.join(undone)} went back, the others did not; undo it again, which goes on with these"]
    return found


def unknown_restore(restores: t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]] | None], restore_id: str) -> list[str]:
    """Why there is nothing to do for a restore that no node has anything of; a sentence, or none.

    :param restores: as of :func:`restore_lines`.
    """
    names = sorted({each["restore_id"] for found in restores.values() for each in found or ()})
    if restore_id in names:
        return []
    there = f"They have {', '.join(names)}." if names else "They have nothing of any restore."
    return [f"no node has anything of a restore {restore_id}. {did_you_mean(restore_id, names)}{there}"]


def _phases(nodes: t.Mapping[str, _Node | None], restore_id: str) -> dict[str, str | None]:
    return {host: _phase(node, restore_id) for host, node in nodes.items()}


def _phase(node: _Node | None, restore_id: str) -> str | None:
    """How far a restore is on a node; ``None`` if its switch was not begun there."""
    states = [] if node is None else [node.get("pending"), *(node.get("kept") or ())]
    return next((str(state["phase"]) for state in states if state and state["restore_id"] == restore_id), None)


def restore_lines(restores: t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]] | None]) -> list[str]:
    """What nodes have of restores, in lines that people read.

    :param restores: by host, what listing them returned; ``None`` where that is not known.
    """
    lines: list[str] = []
    names = sorted({each["restore_id"] for found in restores.values() for each in found or ()})
    for name in names:
        of_hosts = {
            host: each for host, found in restores.items() for each in found or () if each["restore_id"] == name
        }
        lines.append(f"{name} restores {restore_point_of(name) or 'tables'}:")
        lines += [f"  {host}: {_takes(each)}" for host, each in of_hosts.items()]
        lines += [
            f"  {host}: nothing" for host, found in restores.items() if found is not None and host not in of_hosts
        ]
    unknown = [host for host, found in restores.items() if found is None]
    if unknown:
        lines.append(f"Not known of {', '.join(unknown)}.")
    return lines or ["No node has anything of a restore."]


def _takes(each: t.Mapping[str, t.Any]) -> str:
    parts = (
        ("fetched_bytes", "fetched"),
        ("old_bytes", "from before it, put aside"),
        ("new_bytes", "of what it restored, taken out"),
    )
    sizes = [f"{format_size(each[name])} {what}" for name, what in parts if each[name]]
    return ", ".join((each["phase"], *sizes))
