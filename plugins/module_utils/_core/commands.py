# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is printed to be pasted: variables of a role, and playbooks with them. Pure.

Whatever is in a value, blanks, quotes, accents or a dollar sign, a shell and Ansible together read just that value.
"""

from __future__ import annotations

import json
import re
import shlex
import typing as t

#: What a shell and Ansible's ``name=value`` leave as it is.
PLAIN_VALUE = re.compile(r"[\w.,:/@%+-]+\Z", re.ASCII)
#: What Ansible would take for a template.
_TEMPLATE = re.compile(r"\{[{%#]")


def extra_variable(name: str, value: str) -> str:
    """``-e`` with one variable.

    Ansible splits ``name=value`` at blanks, whatever the quotes: as JSON a value comes whole.
    """
    if PLAIN_VALUE.match(value):
        return f"-e {name}={value}"
    text = json.dumps(value, ensure_ascii=False)
    if _TEMPLATE.search(value):
        return f"-e {shlex.quote(f'{{{json.dumps(name)}: !unsafe {text}}}')}"
    return f"-e {shlex.quote(f'{{{json.dumps(name)}: {text}}}')}"


def playbook(name: str, variables: t.Mapping[str, str]) -> str:
    """A playbook of this collection with its variables, as they stand behind ``ansible-playbook`` and what is the same
    in every command: the inventory, and where the repository is."""
    return " ".join((f"revive.cassandra.{name}", *(extra_variable(*each) for each in variables.items())))
