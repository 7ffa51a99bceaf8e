# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes are down, and which only cannot be asked. Pure.

A node is missing only if every node that serves sees it down. One that somebody sees up can be written to; a backup
without it would lack that, and nobody could tell.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core import together
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import RoleVariables
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.degraded import MissingNode

_Values = t.Mapping[str, t.Any]
_UP, _DOWN_AND_NORMAL = "U", "DN"


@dataclasses.dataclass(frozen=True)
class Absence:
    """Who is there, and who is not.

    :param present: hosts that can be backed up.
    :param missing: members of the ring that are down.
    :param problems: why there can be no backup, a sentence each; then ``missing`` is empty.
    """

    present: tuple[str, ...]
    missing: tuple[MissingNode, ...]
    problems: tuple[str, ...]


def absence(
    *,
    rings: t.Mapping[str, t.Sequence[_Values] | None],
    host_ids: t.Mapping[str, str | None],
    reasons: t.Mapping[str, str],
    addresses: t.Mapping[str, t.Sequence[str]],
) -> Absence:
    """Tell which nodes are down, by what those that serve see.

    :param rings: by host of the play: the ring as it sees it; nothing of one that could not be asked, or has failed.
    :param host_ids: by host, as far as they are known.
    :param reasons: by host, what came of asking it.
    :param addresses: by host, what it may be called in a ring.
    """
    serving = {host: ring for host, ring in rings.items() if ring}
    absent = [host for host in rings if host not in serving]
    if not serving:
        return Absence((), (), tuple(f"{host}: {reasons.get(host) or 'gave no reason'}" for host in absent))
    claimed = {host_ids.get(host): host for host in serving if host_ids.get(host)}
    ring = next(iter(serving.values()))
    views = {each["host_id"]: {host: _state(each["host_id"], seen) for host, seen in serving.items()} for each in ring}
    unasked = [each for each in ring if each["host_id"] not in claimed]
    named = _named(unasked, absent=absent, host_ids=host_ids, addresses=addresses)
    problems: list[str] = []
    down: list[_Values] = []
    for member in ring:
        states, name = views[member["host_id"]], claimed.get(member["host_id"])
        host = named.get(member["host_id"], "")
        found = _problem(member, states=states, name=name, host=host, reason=reasons.get(host, ""))
        if found:
            problems.append(found)
        elif name is None:
            down.append(member)
    strangers = {each["host_id"] for seen in serving.values() for each in seen} - set(views)
    problems += [f"{host_id} is in the ring of some nodes only" for host_id in sorted(strangers)]
    problems += [
        f"{host} is in this play but not in the ring" for host_id, host in claimed.items() if host_id not in views
    ]
    if not problems and len(down) > len(absent):
        problems += [
            f"{_where(each)} is down, and not in this play: add it, or remove it from the ring"
            for each in down
            if each["host_id"] not in named
        ]
    if not problems and len(down) < len(absent):
        problems += [
            f"{host}: {reasons.get(host) or 'gave no reason'}" for host in absent if host not in named.values()
        ]
    if problems:
        return Absence(tuple(serving), (), tuple(problems))
    missing = tuple(
        MissingNode(
            host_id=each["host_id"],
            name=named.get(each["host_id"]) or str(each["address"]),
            address=each["address"],
            datacenter=each["datacenter"],
            rack=each["rack"],
            reason=reasons.get(named.get(each["host_id"], ""), ""),
        )
        for each in down
    )
    return Absence(tuple(serving), missing, ())


def reasons_of(
    outcomes: t.Mapping[str, t.Any], *, evidence: str, variables: RoleVariables | None = None
) -> dict[str, str]:
    """By host, why a step was not done there; parameters as of :func:`together.problems`."""
    return {
        host: problem[len(host) + 2 :]
        for host, outcome in outcomes.items()
        for problem in together.problems({host: outcome}, evidence=evidence, variables=variables)
    }


def _problem(member: _Values, *, states: t.Mapping[str, str], name: str | None, host: str, reason: str) -> str:
    """What speaks against a backup in what the nodes see of a member; nothing if it is up, or down and not asked.

    :param name: of the host that it is, if that serves; otherwise ``host``, if that is known, with the ``reason``.
    """
    label = f"{name}, {_where(member)}," if name else _where(member)
    changing = next(filter(None, map(together.changes, states.values())), "")
    if changing:
        return f"{label} {changing}: {together.UNTIL_OVER}"
    wanted = "UN" if name else _DOWN_AND_NORMAL
    others = [f"{state or 'not at all'} by {other}" for other, state in states.items() if state != wanted]
    if not others:
        return ""
    if name:
        return f"{label} is seen {', '.join(others)}, not UN"
    up = ", ".join(other for other, state in states.items() if state.startswith(_UP))
    what = f"{host}: {reason.rstrip('.') or 'it could not be asked'}; it" if host else f"{label} could not be asked; it"
    if up:
        return f"{what} is not left out, since {up} can see it up, and clients may write to it"
    return f"{what} is seen {', '.join(others)}"


def _state(host_id: str, ring: t.Sequence[_Values]) -> str:
    return next((str(each["state"]) for each in ring if each["host_id"] == host_id), "")


def _named(
    down: t.Sequence[_Values],
    *,
    absent: t.Sequence[str],
    host_ids: t.Mapping[str, str | None],
    addresses: t.Mapping[str, t.Sequence[str]],
) -> dict[str, str]:
    """Which host each of the members that are down is, as far as that can be told."""
    found: dict[str, str] = {}
    for member in down:
        for host in absent:
            known = host_ids.get(host)
            if known == member["host_id"] or (not known and member["address"] in addresses.get(host, ())):
                found.setdefault(member["host_id"], host)
    rest = [each for each in down if each["host_id"] not in found]
    free = [host for host in absent if host not in found.values()]
    if len(rest) == len(free) == 1:
        found[rest[0]["host_id"]] = free[0]
    return found


def _where(member: _Values) -> str:
    return f"{member['address']} ({member['host_id']}, {member['datacenter']}, {member['rack']})"
