# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the members of a restored cluster are those that were planned. Pure."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    NEW_CLUSTER,
    ONE_NODE,
    Assignment,
    RestorePlan,
)

_Member = t.Mapping[str, t.Any]


def member_problems(plan: RestorePlan, members: t.Sequence[_Member]) -> list[str]:
    """What is otherwise than planned, a sentence each.

    A node of a new cluster is known by its tokens, any other by its host id.

    :param members: of the ring, as one node tells over CQL: mappings with ``address``, ``host_id``, ``datacenter``,
        ``rack``, ``tokens`` and ``schema_version``.
    """
    found: list[str] = []
    known: list[_Member] = []
    for assignment in plan.assignments:
        member = next((each for each in members if _is(each, assignment, mode=plan.mode)), None)
        if member is None:
            what = "its tokens" if plan.mode == NEW_CLUSTER else f"the host id {assignment.source_host_id}"
            found.append(f"{assignment.target_name}: no member of the ring has {what}")
        else:
            known.append(member)
            found += _differences(member, assignment)
    if plan.mode != ONE_NODE:
        strangers = [each for each in members if each not in known]
        found += [
            f"{each['address']} ({each['host_id']}, {each['datacenter']}) is in the ring and not in the plan"
            for each in strangers
        ]
    return [*found, *_schema_problems(members, known=known, mode=plan.mode)]


def _schema_problems(members: t.Sequence[_Member], *, known: t.Sequence[_Member], mode: str) -> t.Iterator[str]:
    versions = {each["schema_version"] for each in members}
    if mode == ONE_NODE:
        # Of the others one may be down, and have another schema since before that.
        others = {each["schema_version"] for each in members if each not in known}
        if others and not {each["schema_version"] for each in known} <= others:
            yield "The node does not have the schema of any other"
    elif len(versions) > 1:
        yield f"The nodes do not have the same schema: there are {len(versions)} versions of it"


def _is(member: _Member, assignment: Assignment, *, mode: str) -> bool:
    if mode == NEW_CLUSTER:
        return set(member["tokens"]) == set(assignment.tokens)
    return bool(member["host_id"] == assignment.source_host_id)


def _differences(member: _Member, assignment: Assignment) -> t.Iterator[str]:
    for what, planned in (("datacenter", assignment.datacenter), ("rack", assignment.rack)):
        if planned and member[what] != planned:
            yield f"{assignment.target_name} is in {what} {member[what]}, planned was {planned}"
    if set(member["tokens"]) != set(assignment.tokens):
        yield f"{assignment.target_name} has other tokens than were planned"
    if _is_other_address(member["address"], assignment.target_address):
        yield f"{assignment.target_name} is at {member['address']}, planned was {assignment.target_address}"


def _is_other_address(one: str, other: str) -> bool:
    """Whether both are addresses, and different ones; names say nothing."""
    try:
        return ipaddress.ip_address(one) != ipaddress.ip_address(other)
    except ValueError:
        return False
