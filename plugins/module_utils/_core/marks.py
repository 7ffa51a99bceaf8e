# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that texts name, and what their reader calls them. Pure.

A text marks an option as module documentation does, ``O(mode=beside)``, between two control characters. So what looks
like a mark in somebody's data, such as the name of a cluster, never is one. Who shows the text turns its marks into the
words of whoever reads it: a module's options, or a role's variables.
"""

from __future__ import annotations

import dataclasses
import json
import re

from ansible_collections.revive.cassandra.plugins.module_utils._core.commands import PLAIN_VALUE, extra_variable

_START, _END = "\x02", "\x03"
_MARK = re.compile(f"{_START}O\\((?P<option>[a-z_.]+)(?:=(?P<value>[^{_END}]*))?\\){_END}")
#: What roles call otherwise than by the option's name behind a prefix.
_OTHERWISE = {
    "new_cluster": "target_cluster",
    "keep_old=false": "restore_action=remove_old",
    "state=rolled_back": "restore_action=undo",
}
#: Of variables that several roles share, after the role's own.
_PREFIXES = ("restore", "backup", "cassandra")


@dataclasses.dataclass(frozen=True)
class RoleVariables:
    """What a role calls the options of its modules.

    :param role: its name without the collection's.
    :param names: the variables in its argument specs.
    """

    role: str
    names: frozenset[str]

    def of(self, option_name: str) -> str | None:
        """The variable that stands for a module's option; ``None`` if the role has none.

        It is called as the option, or as the option behind a prefix.

        :param option_name: of a module; that of a suboption follows a dot.
        """
        name = option_name.rpartition(".")[2]
        called = (_OTHERWISE.get(name, name), *(f"{prefix}_{name}" for prefix in (self.role, *_PREFIXES)))
        return next((each for each in called if each in self.names), None)


def option(name: str, value: str | None = None) -> str:
    """The mark of an option in a text, with the value that it is given, if any.

    :param name: of a module; that of a suboption follows a dot.
    """
    given = "" if value is None else "=" + re.sub(f"[{_START}{_END}]", "", value)
    return f"{_START}O({name}{given}){_END}"


def in_words(text: str, variables: RoleVariables | None = None) -> str:
    """A text with its marks turned into the reader's words.

    :param variables: of the role whose reader it is; without it, options are called as modules call them.
    """
    return _MARK.sub(lambda match: _said(match["option"], match["value"], variables), text)


def _said(name: str, value: str | None, variables: RoleVariables | None) -> str:
    variable = None
    if variables:
        other = _OTHERWISE.get(f"{name}={value}", "")
        if other.partition("=")[0] in variables.names:
            return other
        variable = variables.of(name)
    if value is None:
        return variable or name
    if PLAIN_VALUE.match(value):
        return f"{variable or name}={value}"
    if variable:
        return extra_variable(variable, value)
    return f"{name}={json.dumps(value, ensure_ascii=False)}"
