# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the nodes of a play let somebody in over CQL, looked at together. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import CqlDeniedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import RoleVariables, in_words


def problems(
    logins: t.Mapping[str, t.Any], *, denied: bool = True, variables: RoleVariables | None = None
) -> list[str]:
    """Why nodes do not let somebody in, a sentence for each reason.

    :param logins: by node, what it said: mappings with ``problem`` and ``code``; anything else was not asked.
    :param denied: whether a role or a password that is not right is one.
    :param variables: of the role that says it, which names options by them.
    """
    nodes: dict[str, list[str]] = {}
    for name, login in logins.items():
        if not isinstance(login, t.Mapping) or not login["problem"]:
            continue
        if denied or login["code"] != CqlDeniedError.code:
            nodes.setdefault(login["problem"], []).append(name)
    return [f"{', '.join(names)}: {in_words(problem, variables)}" for problem, names in nodes.items()]
