# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles of this collection call the options of its modules."""

from __future__ import annotations

import functools
import pathlib
import typing as t

from ansible.parsing.dataloader import DataLoader

from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import RoleVariables, in_words

COLLECTION = "revive.cassandra"
_ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"


@functools.cache
def role_variables(role: str) -> RoleVariables | None:
    """The variables of a role, by its argument specs; ``None`` for a role that is not of this collection.

    :param role: its name, with the collection's or without.
    """
    name = role[len(COLLECTION) + 1 :] if role.startswith(f"{COLLECTION}.") else role
    path = _ROLES / name / "meta" / "argument_specs.yml"
    if not name or "." in name or not path.is_file():
        return None
    entries = DataLoader().load_from_file(str(path))["argument_specs"].values()
    return RoleVariables(role=name, names=frozenset(option for entry in entries for option in entry["options"]))


def report_words(report: t.Mapping[str, t.Any], role: str) -> dict[str, t.Any]:
    """A report whose lines and warnings are in the words of a role."""
    return {**report, **{name: role_words(report[name], role) for name in ("lines", "warnings")}}


def role_words(lines: t.Iterable[str], role: str) -> list[str]:
    """Lines in the words of a role."""
    variables = role_variables(role)
    return [in_words(str(line), variables) for line in lines]
