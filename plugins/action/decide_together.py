# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails on every host of a play together, unless a step was done on all of them."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.revive.cassandra.plugins.module_utils._core import together
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import RoleVariables
from ansible_collections.revive.cassandra.plugins.plugin_utils._registered import registered
from ansible_collections.revive.cassandra.plugins.plugin_utils._role_words import role_variables

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "register": {"type": "str"},
    "key": {"type": "str", "no_log": False},
    "hosts": {"type": "list", "elements": "str"},
    "ran_once": {"type": "bool", "default": False},
    "problems": {"type": "list", "elements": "str"},
    "otherwise": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):
    """Runs on the controller only, once for each host: all hosts see the same, so all fail or none does."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Look at what every host has registered."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            argument_spec=ARGUMENTS,
            required_one_of=[["register", "problems"]],
            required_together=[["register", "key"]],
        )
        role = self._task._role
        words = role_variables(role.get_name()) if role else None
        found = [*_problems(options, task_vars or {}, words), *(options["problems"] or ())]
        result.update(changed=False, problems=found)
        if found:
            result.update(failed=True, msg=f"{options['otherwise'].strip()} {'; '.join(found)}".strip())
        return result


def _problems(
    options: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any], words: RoleVariables | None
) -> list[str]:
    """What went wrong, by what the hosts registered, in the words of the role that the task is in."""
    name, key = options["register"], options["key"]
    if not name:
        return []
    if options["ran_once"]:
        return together.problems_of_one(variables.get(name), evidence=key, variables=words)
    hosts = variables["ansible_play_hosts_all"] if options["hosts"] is None else options["hosts"]
    return together.problems(registered(variables["hostvars"], hosts, name), evidence=key, variables=words)
