# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a keyspace is replicated, and how it can be in a cluster of other datacenters and fewer nodes. Pure."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import SchemaObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option

SIMPLE, BY_DATACENTER = "SimpleStrategy", "NetworkTopologyStrategy"
_FACTOR = "replication_factor"
_MAP = re.compile(r"(?P<before>replication\s*=\s*)\{(?P<map>[^}]*)\}", re.IGNORECASE)
_PAIR = re.compile(r"'([^']*)'\s*:\s*'?([^',}]*)'?")
_CLASS = "class"


@dataclasses.dataclass(frozen=True)
class Replication:
    """How a keyspace is replicated.

    :param strategy: the class without its package.
    :param factors: by datacenter, or by ``replication_factor``; as text, since one may be ``3/1``.
    """

    strategy: str
    factors: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return ", ".join([self.strategy, *(f"{name} {factor}" for name, factor in self.factors)])


@dataclasses.dataclass(frozen=True)
class Adapted:
    """How a keyspace can be replicated in a cluster.

    :param warnings: what differs from before; ``reasons``: why it cannot be.
    """

    replication: Replication
    warnings: tuple[str, ...] = ()
    reasons: tuple[ReviveError, ...] = ()


def replication_of(keyspace: SchemaObject) -> Replication:
    """The replication in a keyspace's statement, always in the same form."""
    match = _MAP.search(keyspace.statements[0])
    pairs = dict(_PAIR.findall(match["map"])) if match else {}
    strategy = pairs.pop(_CLASS, "").strip().rsplit(".", 1)[-1]
    return Replication(strategy, tuple(sorted((name, factor.strip()) for name, factor in pairs.items())))


def replicas_among(replication: Replication, *, nodes: t.Mapping[str, int]) -> int:
    """How many nodes have each row; 0 if the strategy does not tell.

    :param nodes: how many there are in each datacenter.
    """
    if replication.strategy == SIMPLE:
        return min(_replicas(dict(replication.factors).get(_FACTOR, "1")), sum(nodes.values()))
    if replication.strategy == BY_DATACENTER:
        return sum(min(_replicas(factor), nodes.get(name, 0)) for name, factor in replication.factors)
    return 0


def with_replication(keyspace: SchemaObject, replication: Replication) -> SchemaObject:
    """The same keyspace with another replication."""
    pairs = [(_CLASS, replication.strategy), *replication.factors]
    text = ", ".join(f"'{name}': '{value}'" for name, value in pairs)
    first, *rest = keyspace.statements
    changed = _MAP.sub(lambda match: f"{match['before']}{{{text}}}", first, count=1)
    return dataclasses.replace(keyspace, statements=(changed, *rest))


def adapted(
    keyspace: SchemaObject,
    *,
    nodes: t.Mapping[str, int],
    datacenters: t.Mapping[str, str],
    replication: t.Mapping[str, int],
) -> Adapted:
    """How a keyspace that was in one cluster can be replicated in another.

    :param nodes: how many there are in each datacenter.
    :param datacenters: what the old ones are called now; others keep their name.
    :param replication: the replicas asked for in each datacenter; empty for those that it had.
    """
    was = replication_of(keyspace)
    name = keyspace.name
    if replication:
        asked = tuple((each, str(factor)) for each, factor in sorted(replication.items()))
        return _in_datacenters(Replication(BY_DATACENTER, asked), name=name, nodes=nodes)
    if was.strategy == SIMPLE:
        factor = dict(was.factors).get(_FACTOR, "1")
        fits, warnings = _fitting(factor, name=name, where="the cluster", nodes=sum(nodes.values()))
        return Adapted(Replication(SIMPLE, ((_FACTOR, fits),)), warnings)
    if was.strategy != BY_DATACENTER:
        return Adapted(was)
    mapped, warnings = _merged(was, name=name, datacenters=datacenters)
    found = _in_datacenters(mapped, name=name, nodes=nodes)
    return dataclasses.replace(found, warnings=(*warnings, *found.warnings))


def _merged(was: Replication, *, name: str, datacenters: t.Mapping[str, str]) -> tuple[Replication, tuple[str, ...]]:
    """By the new names; where datacenters have become one, the most replicas that one of them had."""
    by_name: dict[str, list[tuple[str, str]]] = {}
    for old, factor in was.factors:
        by_name.setdefault(datacenters.get(old, old), []).append((old, factor))
    factors: list[tuple[str, str]] = []
    warnings: list[str] = []
    for new, each in sorted(by_name.items()):
        most = max((factor for _old, factor in each), key=_replicas)
        factors.append((new, most))
        if len(each) > 1:
            had = " and ".join(f"{factor} in {old}" for old, factor in each)
            warnings.append(f"The keyspace {name} had {had} as replicas, which are {new} now, and gets {most} there.")
    return Replication(BY_DATACENTER, tuple(factors)), tuple(warnings)


def _in_datacenters(replication: Replication, *, name: str, nodes: t.Mapping[str, int]) -> Adapted:
    factors: list[tuple[str, str]] = []
    warnings: list[str] = []
    reasons: list[ReviveError] = []
    for datacenter, factor in replication.factors:
        if datacenter not in nodes:
            reasons.append(
                InputError(
                    f"The keyspace {name} is replicated in the datacenter {datacenter}, and the cluster has "
                    f"{', '.join(sorted(nodes))}.",
                    subject=name,
                    next_step=f"Say what it is called now ({option('datacenters')}), or how to replicate the keyspace "
                    f"({option('replication')}).",
                )
            )
            continue
        fits, more = _fitting(factor, name=name, where=datacenter, nodes=nodes[datacenter])
        factors.append((datacenter, fits))
        warnings += more
    return Adapted(Replication(BY_DATACENTER, tuple(factors)), tuple(warnings), tuple(reasons))


def _fitting(factor: str, *, name: str, where: str, nodes: int) -> tuple[str, tuple[str, ...]]:
    """A factor that there are enough nodes for, and what to say if it is a different one."""
    if _replicas(factor) <= nodes:
        return factor, ()
    warning = (
        f"The keyspace {name} had {factor} replicas and gets {nodes}, since {where} has {nodes} nodes. Alter it when "
        "there are more, and repair."
    )
    return str(nodes), (warning,)


def _replicas(factor: str) -> int:
    """How many replicas a factor means; ``3/1`` is three, one of them transient."""
    number = factor.split("/")[0]
    return int(number) if number.isdigit() else 0
