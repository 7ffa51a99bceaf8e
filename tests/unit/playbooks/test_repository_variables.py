# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules can be told of a repository, every role can be told, in the same words."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import repository_arguments

ROLES = pathlib.Path(__file__).resolve().parents[3] / "roles"
OPTIONS: t.Mapping[str, t.Mapping[str, t.Any]] = repository_arguments().options["repository"]["options"]
#: What only who restores, or only who writes, has to give.
ONE_SIDED = {"identity_file", "recipients", "allowed_signers", "moved_from"}


def _entry_points() -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    for path in sorted(ROLES.glob("*/meta/argument_specs.yml")):
        for name, spec in yaml.safe_load(path.read_text())["argument_specs"].items():
            if "backup_region" in (spec.get("options") or {}):
                yield f"{path.parts[-3]}.{name}", spec["options"]


@pytest.mark.parametrize(
    ("name", "options"), list(_entry_points()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_entry_point_that_reaches_a_repository_takes_all_that_modules_take(
    name: str, options: dict[str, t.Any]
) -> None:
    for option, spec in OPTIONS.items():
        if option in ONE_SIDED:
            continue
        found = options[f"backup_{option}"]
        if "choices" in spec:
            assert [each for each in found["choices"] if each] == spec["choices"], option
        if spec["type"] == "bool":
            assert (found["type"], found["default"]) == ("bool", spec["default"]), option


def test_the_repository_that_roles_hand_on_has_every_option() -> None:
    text = yaml.safe_load((ROLES / "node" / "vars" / "main.yml").read_text())["node_repository"]
    for option in set(OPTIONS) - ONE_SIDED:
        assert f"'{option}': backup_{option} | default(" in text
