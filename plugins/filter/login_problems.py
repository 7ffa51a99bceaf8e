# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes would not let a role in over CQL."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.logins import problems
from ansible_collections.revive.cassandra.plugins.plugin_utils._role_words import role_variables


def login_problems(logins: t.Mapping[str, t.Any], role: str, *, denied: bool = True) -> list[str]:
    """Why nodes do not let a role in, by what each said of its login."""
    return problems(logins, denied=denied, variables=role_variables(role))


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By its name."""
        return {"login_problems": login_problems}
