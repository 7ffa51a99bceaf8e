# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores that nodes have begun, seen over all nodes: which may be gone on with, and what there is. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_size
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import FINISHED, SWITCHED
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.naming import is_same, restore_point_of

_Node = t.Mapping[str, t.Any]


def other_restores(begun: t.Iterable[str], asked: str) -> list[str]:
    """Of restores that were begun, those that stand in the way of the one that is asked for.

    One of them at most may be gone on with, so two of the same in different attempts both do.
    """
    names = sorted(set(begun))
    return [name for name in names if len(names) > 1 or not is_same(name, asked)]


def ways_to_go_on(begun: t.Iterable[str]) -> list[str]:
    """What an operator gives to go on with each of these restores."""
    return [f"restore_point={restore_point_of(name) or name}" for name in begun]


def switched_hosts(nodes: t.Mapping[str, _Node | None], restore_id: str) -> list[str]:
    """The hosts whose data is that of a restore: switched to it, or finished.

    :param nodes: by host, what each node is, as reading it returned.
    """
    return [host for host, node in nodes.items() if node is not None and _is_switched(node, restore_id)]


def _is_switched(node: _Node, restore_id: str) -> bool:
    states = [node.get("pending"), *(node.get("kept") or ())]
    phases = {state["phase"] for state in states if state and state["restore_id"] == restore_id}
    return bool(phases & {SWITCHED, FINISHED})


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
