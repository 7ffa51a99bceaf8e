# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters by which a backup decides whether it can do without the nodes that are down."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.revive.cassandra.plugins.module_utils._core.backup import absence, coverage
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BackupIncompleteError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import in_words
from ansible_collections.revive.cassandra.plugins.plugin_utils._registered import registered
from ansible_collections.revive.cassandra.plugins.plugin_utils._role_words import role_variables

_Values = t.Mapping[str, t.Any]
#: What an inventory may say of where a host is, besides its name.
_ADDRESSES = ("cassandra_listen_address", "ansible_host")


def absent_nodes(
    hostvars: t.Any,
    hosts: t.Sequence[str],
    name: str,
    host_ids: t.Mapping[str, str | None],
    step: str = "",
    evidence: str = "",
    role: str = "",
) -> dict[str, t.Any]:
    """Which nodes are down, by the ring that a task registered on each host that serves."""
    outcomes = registered(hostvars, hosts, name)
    words = role_variables(role)
    reasons = absence.reasons_of(outcomes, evidence="ring", variables=words)
    if step:
        reasons |= absence.reasons_of(registered(hostvars, hosts, step), evidence=evidence, variables=words)
    try:
        found = absence.absence(
            rings={host: None if host in reasons else outcome["ring"] for host, outcome in outcomes.items()},
            host_ids=host_ids,
            reasons=reasons,
            addresses={host: [host, *_addresses(hostvars, host)] for host in hosts},
        )
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(f"These are not rings: {type(error).__name__}: {error}") from error
    return {
        "present": list(found.present),
        "missing": [dataclasses.asdict(each) for each in found.missing],
        "problems": list(found.problems),
    }


def _addresses(hostvars: t.Any, host: str) -> t.Iterator[str]:
    for variable in _ADDRESSES:
        value = hostvars[host].get(variable)
        if value:
            yield str(value)


def coverage_without(
    missing: t.Sequence[_Values],
    members: t.Sequence[_Values],
    host_ids: t.Sequence[str],
    schema_cql: t.Sequence[str],
    allowed: str = coverage.COVERED,
    keyspaces: t.Sequence[str] = (),
    tables: t.Sequence[str] = (),
    role: str = "",
) -> dict[str, list[str]]:
    """What a backup without some nodes has of each keyspace's replicas, and why that is not enough."""
    held = {*keyspaces, *(each.partition(".")[0] for each in tables)}
    if not missing:
        return {"lines": [], "problems": []}
    try:
        found = coverage.degraded_backup(
            missing=coverage.missing_nodes(missing),
            members=coverage.ring_members(members),
            present=host_ids,
            schema_cql=schema_cql,
            holds=lambda keyspace: not held or keyspace in held,
            allowed=allowed,
        )
    except BackupIncompleteError as error:
        return {"lines": [], "problems": [in_words(error.marked, role_variables(role))]}
    except ReviveError as error:
        raise AnsibleFilterError(str(error)) from error
    return {"lines": found.lines(), "problems": []}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By their names."""
        return {"absent_nodes": absent_nodes, "coverage_without": coverage_without}
