# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every node of a play reported, looked at together. Pure.

A role lets each node say how a step went, and then decides for all of them at once, by what is here.
"""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import RoleVariables, in_words

Values = t.Mapping[str, t.Any]

#: Why there is no backup while a node joins, leaves or moves.
UNTIL_OVER = "until that is over, nobody can tell which node has which range"


def problems(outcomes: t.Mapping[str, t.Any], *, evidence: str, variables: RoleVariables | None = None) -> list[str]:
    """What went wrong on which node, a sentence each; empty if the step was done on all of them.

    Only ``evidence`` counts as success: a node that was never asked, was cut off or crashed has none.

    :param outcomes: by node, what a task registered there; anything but a mapping if it has not run there.
    :param evidence: a key that the task's result has only if it has done its work.
    :param variables: of the role that says it, which names options by them.
    """
    return [
        f"{name}: {_reason(outcome, variables)}"
        for name, outcome in outcomes.items()
        if not (isinstance(outcome, t.Mapping) and _is_done(outcome, evidence))
    ]


def problems_of_one(outcome: t.Any, *, evidence: str, variables: RoleVariables | None = None) -> list[str]:
    """What went wrong in a step that one node did for all, in a sentence; empty if it was done.

    :param outcome: what the task registered; anything but a mapping if it has not run.
    :param evidence: as in :func:`problems`, and ``variables`` too.
    """
    if isinstance(outcome, t.Mapping) and _is_done(outcome, evidence):
        return []
    if not isinstance(outcome, t.Mapping) or outcome.get("skipped"):
        return ["No node did it."]
    reason = _reason(outcome, variables)
    return [f"The node {reason}" if outcome.get("unreachable") else reason]


def changes(state: str) -> str:
    """What a member of a ring is about to do, by its state; nothing if it stays where it is."""
    return {"J": "joins", "L": "leaves", "M": "moves"}.get(state[1:], "")


def ring_problems(ring: t.Sequence[Values], *, host_ids: t.Mapping[str, str]) -> list[str]:
    """Why a ring is not whole, or does not have the nodes of this play; a sentence each.

    :param ring: one node's view: mappings with ``state``, ``address``, ``host_id``, ``datacenter`` and ``rack``.
    :param host_ids: of the play's nodes, by name; empty for a node without one.
    """
    names = {host_id: name for name, host_id in host_ids.items() if host_id}
    found = []
    for member in ring:
        label = names.get(member["host_id"])
        where = f"{member['address']} ({member['host_id']}, {member['datacenter']}, {member['rack']})"
        if changes(member["state"]):
            found.append(f"{label or 'a node'} {changes(member['state'])}: {where}; {UNTIL_OVER}")
        elif label is None:
            found.append(f"{where} is in the ring but not in this play")
        elif member["state"] != "UN":
            found.append(f"{label} is {member['state']}, not UN: {where}")
    seen = {member["host_id"] for member in ring}
    found += [
        f"{name} is in this play but not in the ring"
        for name, host_id in host_ids.items()
        if not host_id or host_id not in seen
    ]
    return found


def agent_problems(outcomes: t.Mapping[str, t.Any], *, variables: RoleVariables | None = None) -> list[str]:
    """Which nodes' agents are not working, a sentence each.

    :param outcomes: by node, what reading its agent returned.
    :param variables: as in :func:`problems`.
    """
    found = problems(outcomes, evidence="agent", variables=variables)
    for name, outcome in outcomes.items():
        if isinstance(outcome, t.Mapping) and _is_done(outcome, "agent"):
            status = outcome["agent"].get("status") or {}
            if not outcome["agent"].get("running"):
                found.append(f"{name}: its agent is not running; run enable_archiving, or start it")
            elif status.get("failing"):
                found.append(f"{name}: its agent cannot {status['failing']}: {status.get('error')}")
            used, limit = outcome["agent"].get("spool_bytes") or 0, status.get("spool_limit_bytes") or 0
            if limit and used >= limit:
                found.append(f"{name}: its spool is at its limit, with {used} of {limit} bytes")
    return found


def _is_done(outcome: Values, evidence: str) -> bool:
    if outcome.get("failed") or outcome.get("unreachable") or outcome.get("skipped"):
        return False
    return outcome.get(evidence) not in (None, "", False)


def reason(outcome: Values, *, variables: RoleVariables | None = None) -> str:
    """Why a task failed, in the words of who says it; empty if it gave no reason.

    :param outcome: what it returned.
    :param variables: as in :func:`problems`.
    """
    error = outcome.get("error")
    marked = error.get("marked") if isinstance(error, t.Mapping) else None
    return in_words(str(marked or outcome.get("msg") or outcome.get("stderr") or "").strip(), variables)


def _reason(outcome: t.Any, variables: RoleVariables | None) -> str:
    if not isinstance(outcome, t.Mapping) or outcome.get("skipped"):
        return "was not reached by this step"
    text = reason(outcome, variables=variables) or "gave no reason"
    return f"cannot be reached: {text}" if outcome.get("unreachable") else text
