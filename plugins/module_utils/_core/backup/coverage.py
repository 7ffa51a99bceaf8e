# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which replicas a backup has that was taken while nodes were down, and whether that is enough. Pure."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import (
    SCHEMA_KEYSPACE,
    SYSTEM_KEYSPACE,
    SYSTEM_KEYSPACES,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replicas import (
    LOCAL,
    RingMember,
    replicas_of_ranges,
    why_unknown,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replication import (
    Replication,
    replication_of,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.token_ranges import TokenRange, merged
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BackupIncompleteError, InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.degraded import (
    DatacenterCoverage,
    Degraded,
    KeyspaceCoverage,
    MissingNode,
)

#: What has to be there without the nodes that are down: they may not be, what a quorum had acknowledged, one replica.
NONE, QUORUM, COVERED = "none", "quorum", "covered"
#: What is lost with these, Cassandra makes again, or who restores decides whether to go without.
_LET_GO = SYSTEM_KEYSPACES
_NAMED = 3


def missing_nodes(values: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[MissingNode, ...]:
    """Missing nodes from their plain values.

    :raises InputError: if one is something else.
    """
    try:
        return tuple(build(MissingNode, each) for each in values)
    except PlainValueError as error:
        raise InputError(f"These are not missing nodes: {error}.", subject="missing") from error


def ring_members(values: t.Sequence[t.Mapping[str, t.Any]]) -> tuple[RingMember, ...]:
    """The members of a ring, as a node tells of them over CQL.

    :raises InputError: if one is something else.
    """
    try:
        return tuple(
            RingMember(
                host_id=str(each["host_id"]),
                datacenter=str(each["datacenter"]),
                rack=str(each["rack"]),
                tokens=tuple(sorted(int(token) for token in each["tokens"])),
            )
            for each in values
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"These are not members of a ring: {type(error).__name__}: {error}.",
            subject="members",
            next_step="Give what cassandra_table_count_info returned as members.",
        ) from error


def degraded_backup(
    *,
    missing: t.Sequence[MissingNode],
    members: t.Sequence[RingMember],
    present: t.Collection[str],
    schema_cql: t.Sequence[str],
    holds: t.Callable[[str], bool] = lambda _keyspace: True,
    allowed: str = COVERED,
) -> Degraded:
    """What a backup has that is taken without some nodes.

    :param members: of the ring, all of them, with all of their tokens.
    :param present: the host ids of the nodes that are in it.
    :param schema_cql: the statements that make the schema.
    :param holds: whether something of a keyspace belongs to the backup.
    :param allowed: ``quorum`` or ``covered``.
    :raises BackupIncompleteError: if that cannot be told, or is not enough.
    """
    reasons = _ring_reasons(missing, members=members, present=present)
    if reasons:
        raise _refused(reasons, next_step="Wait until no node joins, leaves or moves, and run the backup again.")
    tokens = {each.host_id: tuple(map(str, each.tokens)) for each in members}
    gone = {each.host_id for each in missing}
    by_replication: dict[Replication, list[str]] = {}
    for keyspace in cql.parse_schema(schema_cql).objects:
        replication = replication_of(keyspace) if keyspace.kind == cql.KEYSPACE else None
        local = keyspace.name in (SYSTEM_KEYSPACE, SCHEMA_KEYSPACE)
        if replication is None or local or replication.strategy == LOCAL or not holds(keyspace.name):
            continue
        unknown = why_unknown(replication)
        if unknown and keyspace.name not in SYSTEM_KEYSPACES:
            reasons.append(f"which node has which part of {keyspace.name} is not known: {unknown}")
        elif not unknown:
            by_replication.setdefault(replication, []).append(keyspace.name)
    found = [
        dataclasses.replace(covered, keyspace=keyspace)
        for replication, keyspaces in by_replication.items()
        for covered in [_coverage(replication, members=members, missing=gone)]
        for keyspace in keyspaces
    ]
    reasons += [_why_not(each, allowed=allowed) for each in found if _is_short(each, allowed=allowed)]
    if reasons:
        raise _refused(
            [*reasons[:_NAMED], *([f"{len(reasons) - _NAMED} more keyspaces"] if len(reasons) > _NAMED else [])],
            next_step=f"Start {_names(missing)}, or replace or remove what is lost; then run the backup again. "
            f"What is allowed says {option('missing_nodes')}.",
        )
    return Degraded(
        missing=tuple(dataclasses.replace(each, tokens=tokens[each.host_id]) for each in missing),
        keyspaces=tuple(sorted(found, key=lambda each: each.keyspace)),
    )


def _ring_reasons(
    missing: t.Sequence[MissingNode], *, members: t.Sequence[RingMember], present: t.Collection[str]
) -> list[str]:
    """Why it cannot be told whose ranges are missing."""
    names = {each.host_id: each.name for each in missing}
    known = {each.host_id for each in members}
    return [
        *(
            f"{each.host_id} is a member of the ring, and neither in the backup nor known to be down"
            for each in members
            if each.host_id not in names and each.host_id not in present
        ),
        *(f"{names.get(each, each)} is not a member of the ring" for each in (*names, *present) if each not in known),
        *(f"{names[each]} is in the backup, too" for each in names if each in present),
        *(
            f"the tokens of {names.get(each.host_id, each.host_id)} are not known"
            for each in members
            if not each.tokens
        ),
    ]


def _coverage(
    replication: Replication, *, members: t.Sequence[RingMember], missing: t.Collection[str]
) -> KeyspaceCoverage:
    """Of any keyspace that is replicated so; its name is empty."""
    counts: collections.Counter[int] = collections.Counter()
    totals: dict[str, int] = {}
    fewest: dict[str, int] = {}
    uncovered: list[TokenRange] = []
    for each in replicas_of_ranges(members, replication):
        left = 0
        for name, host_ids in each.host_ids.items():
            there = sum(host_id not in missing for host_id in host_ids)
            left += there
            totals[name] = max(totals.get(name, 0), len(host_ids))
            fewest[name] = min(fewest.get(name, there), there)
        counts[left] += 1
        if not left:
            uncovered += each.ranges
    return KeyspaceCoverage(
        keyspace="",
        replication=str(replication),
        replicas=sum(totals.values()),
        fewest=min(counts, default=0),
        datacenters=tuple(
            DatacenterCoverage(name, totals[name], fewest[name]) for name in sorted(totals) if totals[name]
        ),
        ranges=tuple(sorted(counts.items())),
        uncovered=merged(uncovered),
    )


def _is_short(coverage: KeyspaceCoverage, *, allowed: str) -> bool:
    if coverage.keyspace in _LET_GO:
        return False
    return bool(coverage.uncovered) or (allowed == QUORUM and not coverage.keeps_quorum)


def _why_not(coverage: KeyspaceCoverage, *, allowed: str) -> str:
    if coverage.uncovered:
        ranges = dict(coverage.ranges)
        return (
            f"{ranges[0]} of {sum(ranges.values())} ranges of {coverage.keyspace} ({coverage.replication}) would have "
            "no replica in it"
        )
    return (
        f"it would have {coverage.counts} replicas of {coverage.keyspace} ({coverage.replication}), so what was "
        "acknowledged at QUORUM or LOCAL_QUORUM might not be in it"
    )


def _refused(reasons: t.Sequence[str], *, next_step: str) -> BackupIncompleteError:
    return BackupIncompleteError(
        f"A backup without the nodes that are down is refused: {'; '.join(reasons)}.",
        subject="missing_nodes",
        next_step=next_step,
    )


def _names(missing: t.Sequence[MissingNode]) -> str:
    return " and ".join(each.name for each in missing)
