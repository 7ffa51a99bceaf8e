# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters by which a role decides for all nodes of a play together."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.revive.cassandra.plugins.module_utils._core import together
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import staging
from ansible_collections.revive.cassandra.plugins.plugin_utils._registered import registered
from ansible_collections.revive.cassandra.plugins.plugin_utils._role_words import role_variables


def problems(hostvars: t.Any, hosts: t.Sequence[str], name: str, evidence: str, role: str = "") -> list[str]:
    """What went wrong on which host, by a variable that a task registered on each."""
    return together.problems(registered(hostvars, hosts, name), evidence=evidence, variables=role_variables(role))


def agent_problems(hostvars: t.Any, hosts: t.Sequence[str], name: str, role: str = "") -> list[str]:
    """Which hosts' agents are not working, by a variable that a task registered on each."""
    return together.agent_problems(registered(hostvars, hosts, name), variables=role_variables(role))


def ring_problems(ring: t.Sequence[t.Mapping[str, t.Any]], host_ids: t.Mapping[str, str]) -> list[str]:
    """Why a ring is not whole, or not the hosts of the play."""
    try:
        return together.ring_problems(ring, host_ids=host_ids)
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(f"This is not a ring: {type(error).__name__}: {error}") from error


def schema_problems(schemas: t.Mapping[str, str], moment_us: int) -> list[str]:
    """Why the nodes' schemas at a moment cannot be those of one cluster."""
    return staging.schema_problems(schemas, moment_us=int(moment_us))


def by_host(hostvars: t.Any, hosts: t.Sequence[str], name: str, *keys: str) -> dict[str, t.Any]:
    """A variable that a task registered on each host, or a value in it; ``None`` where it is not there."""
    return {host: _inner(value, keys) for host, value in registered(hostvars, hosts, name).items()}


def _inner(value: t.Any, keys: t.Sequence[str]) -> t.Any:
    for key in keys:
        value = value.get(key) if isinstance(value, t.Mapping) else None
    return value


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By their names."""
        return {
            "agent_problems": agent_problems,
            "by_host": by_host,
            "problems": problems,
            "ring_problems": ring_problems,
            "schema_problems": schema_problems,
        }
