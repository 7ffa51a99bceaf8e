# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes have a replica of which range of the ring, as Cassandra 4.0 to 5.0 place them. Pure.

SimpleStrategy takes the next nodes on the ring; NetworkTopologyStrategy does so in each datacenter, and takes a rack
twice only where there are fewer racks than replicas (``NetworkTopologyStrategy.DatacenterEndpoints``).
"""

from __future__ import annotations

import bisect
import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replication import (
    BY_DATACENTER,
    SIMPLE,
    Replication,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.token_ranges import (
    TokenRange,
    unwrapped,
)

#: Each node has all of it, and of itself only.
LOCAL = "LocalStrategy"
_FACTOR = "replication_factor"


@dataclasses.dataclass(frozen=True)
class RingMember:
    """A node in its ring."""

    host_id: str
    datacenter: str
    rack: str
    tokens: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class RangeReplicas:
    """A range of the ring with the nodes that have it.

    :param ranges: one, or the two parts of the one that goes over the ring's end.
    :param host_ids: by datacenter; all of them below ``""`` where the strategy does not look at datacenters.
    """

    ranges: tuple[TokenRange, ...]
    host_ids: t.Mapping[str, tuple[str, ...]]


def why_unknown(replication: Replication) -> str:
    """Why it cannot be told which node has which range; empty if it can."""
    if replication.strategy not in (SIMPLE, BY_DATACENTER):
        return f"its replication {replication.strategy or '(none)'} is not one of Cassandra's own"
    if any(not factor.isdigit() for _name, factor in replication.factors):
        return f"some of its replicas are transient ({replication}), and do not have everything"
    return ""


def replicas_of_ranges(members: t.Sequence[RingMember], replication: Replication) -> t.Iterator[RangeReplicas]:
    """Each range between two neighbouring tokens of the ring, with the nodes that have it.

    :param replication: of which :func:`why_unknown` says nothing.
    """
    if replication.strategy == SIMPLE:
        factor = int(dict(replication.factors).get(_FACTOR, "1"))
        places = {"": _Place(members, factor=factor, by_rack=False)}
    else:
        places = {
            name: _Place([each for each in members if each.datacenter == name], factor=int(factor), by_rack=True)
            for name, factor in replication.factors
        }
    bounds = sorted({token for member in members for token in member.tokens})
    for before, end in zip([*bounds[-1:], *bounds], bounds):
        yield RangeReplicas(
            ranges=unwrapped(before, end), host_ids={name: place.replicas(end) for name, place in places.items()}
        )


class _Place:
    """A datacenter, or the whole ring, of which each range has so many replicas."""

    def __init__(self, members: t.Sequence[RingMember], *, factor: int, by_rack: bool) -> None:
        self._ring = sorted(
            ((token, member) for member in members for token in member.tokens), key=lambda each: each[0]
        )
        self._tokens = [token for token, _member in self._ring]
        self._wanted = min(factor, len(members))
        # Without racks, no two nodes are in one.
        self._by_rack = by_rack
        racks = len({member.rack for member in members}) if by_rack else len(members)
        self._repeats = max(0, factor - racks)
        self._known: dict[int, tuple[str, ...]] = {}

    def replicas(self, token: int) -> tuple[str, ...]:
        """The nodes that have the range that ends with a token."""
        if not self._ring:
            return ()
        first = bisect.bisect_left(self._tokens, token) % len(self._ring)
        if first not in self._known:
            self._known[first] = self._walk(first)
        return self._known[first]

    def _walk(self, first: int) -> tuple[str, ...]:
        found: list[str] = []
        racks: set[str] = set()
        repeats = self._repeats
        for step in range(len(self._ring)):
            if len(found) == self._wanted:
                break
            member = self._ring[(first + step) % len(self._ring)][1]
            rack = member.rack if self._by_rack else member.host_id
            if member.host_id in found or (rack in racks and repeats <= 0):
                continue
            if rack in racks:
                repeats -= 1
            racks.add(rack)
            found.append(member.host_id)
        return tuple(found)
