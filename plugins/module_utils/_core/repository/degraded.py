# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a manifest says of a backup that was taken while nodes were down. Pure.

A write is on as many replicas as had to acknowledge it. So it is in the backup if more had to than are missing.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import AUTH_KEYSPACE

_NAMED = 3


@dataclasses.dataclass(frozen=True)
class MissingNode:
    """A member of the ring that was down, and is not in the backup.

    :param name: what the inventory calls it, as far as that is known; otherwise its address.
    :param reason: what came of asking it.
    """

    host_id: str
    name: str
    address: str
    datacenter: str
    rack: str
    tokens: tuple[str, ...] = ()
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class DatacenterCoverage:
    """What a backup has of a keyspace's replicas in a datacenter.

    :param datacenter: empty where the strategy does not look at datacenters.
    :param replicas: of each range, and ``fewest`` those of the range of which the backup has the fewest.
    """

    datacenter: str
    replicas: int
    fewest: int

    @property
    def keeps_quorum(self) -> bool:
        """Whether each write that a quorum of these replicas had acknowledged is there."""
        return self.replicas // 2 + 1 > self.replicas - self.fewest

    def __str__(self) -> str:
        return f"{self.fewest} of {self.replicas}{f' in {self.datacenter}' if self.datacenter else ''}"


@dataclasses.dataclass(frozen=True)
class KeyspaceCoverage:
    """What a backup has of a keyspace's replicas.

    :param replicas: of each range in all datacenters, and ``fewest`` those of the range with the fewest in the backup.
    :param ranges: how many ranges have how many replicas in the backup: pairs, the fewest replicas first.
    :param uncovered: the ranges of which it has none, from after the first token to the second.
    """

    keyspace: str
    replication: str
    replicas: int
    fewest: int
    datacenters: tuple[DatacenterCoverage, ...]
    ranges: tuple[tuple[int, int], ...]
    uncovered: tuple[tuple[int, int], ...] = ()

    @property
    def levels(self) -> tuple[str, ...]:
        """The consistency levels at which each write that was acknowledged is in the backup, weakest first."""
        together = DatacenterCoverage("", self.replicas, self.fewest)
        found = ["ONE"] if self.fewest == self.replicas else []
        local = [each.datacenter for each in self.datacenters if each.keeps_quorum]
        if local and len(local) == len(self.datacenters):
            found.append("LOCAL_QUORUM")
        elif local:
            found.append(f"LOCAL_QUORUM in {' and '.join(local)}")
        if together.keeps_quorum:
            found.append("QUORUM")
        if local:
            found.append("EACH_QUORUM")
        return (*found, "ALL") if self.fewest else ()

    @property
    def keeps_quorum(self) -> bool:
        """Whether each write that was acknowledged at QUORUM or LOCAL_QUORUM, wherever, is in the backup."""
        together = DatacenterCoverage("", self.replicas, self.fewest)
        return together.keeps_quorum and all(each.keeps_quorum for each in self.datacenters)

    @property
    def counts(self) -> str:
        """How many replicas it has, for people."""
        return ", ".join(map(str, self.datacenters)) or f"{self.fewest} of {self.replicas}"


@dataclasses.dataclass(frozen=True)
class Degraded:
    """What a backup lacks.

    :param missing: nodes that are not in it.
    :param keyspaces: what it has of each one's replicas nevertheless.
    """

    missing: tuple[MissingNode, ...]
    keyspaces: tuple[KeyspaceCoverage, ...]

    @property
    def names(self) -> str:
        """The missing nodes, for people."""
        return ", ".join(
            f"{each.name} ({each.address})" if each.name != each.address else each.name for each in self.missing
        )

    @property
    def lacks_roles(self) -> bool:
        """Whether roles may not be in it."""
        return any(each.keyspace == AUTH_KEYSPACE and each.uncovered for each in self.keyspaces)

    @property
    def line(self) -> str:
        """In one sentence that it is degraded, and by whom."""
        return f"DEGRADED: taken without {self.names}, which {'was' if len(self.missing) == 1 else 'were'} down."

    def lines(self) -> list[str]:
        """What that means, for people, a sentence each."""
        by_meaning: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for each in self.keyspaces:
            if not each.uncovered:
                by_meaning.setdefault((each.counts, each.levels), []).append(each.keyspace)
        found = [self.line]
        for (counts, levels), keyspaces in by_meaning.items():
            found.append(
                f"Of the replicas of {_some(keyspaces)} it has {counts}: what was acknowledged at {_or(levels)} is in "
                "it"
                f"{'' if 'ONE' in levels else ', what fewer replicas had acknowledged may not be'}."
            )
        for each in self.keyspaces:
            if each.uncovered:
                found.append(
                    f"Of {each.keyspace} it has no replica of {dict(each.ranges)[0]} of "
                    f"{sum(number for _replicas, number in each.ranges)} ranges: what is in them is not in the backup."
                )
        return found


def _some(names: t.Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more keyspaces" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _or(levels: t.Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(levels[:-1]), levels[-1])))
