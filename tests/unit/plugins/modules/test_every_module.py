# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every module, whatever it does."""

from __future__ import annotations

import importlib
import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import Arguments

MODULES = "ansible_collections.revive.cassandra.plugins.modules"
ROOT = pathlib.Path(__file__).resolve().parents[4]
#: Those that run on nodes: a module without a program only documents an action plugin.
NAMES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if "def main(" in path.read_text())
#: What a specification says and documentation says too.
SHARED_KEYS = ("type", "elements", "choices", "default", "required")


def documentation(name: str) -> dict[str, t.Any]:
    """A module's options and attributes with those of its fragments, merged as Ansible does."""
    document = yaml.safe_load(importlib.import_module(f"{MODULES}.{name}").DOCUMENTATION)
    merged: dict[str, t.Any] = {"options": {}, "attributes": {}}
    for part in (*map(fragment, document["extends_documentation_fragment"]), document):
        merged["options"].update(part.get("options") or {})
        for attribute, value in (part.get("attributes") or {}).items():
            merged["attributes"].setdefault(attribute, {}).update(value)
    return merged


def fragment(reference: str) -> dict[str, t.Any]:
    """A documentation fragment by its full name, ``revive.cassandra.<file>[.<variable>]``."""
    _namespace, _collection, file, *variable = reference.split(".")
    module = importlib.import_module(f"ansible_collections.revive.cassandra.plugins.doc_fragments.{file}")
    text = getattr(module.ModuleDocFragment, variable[0].upper() if variable else "DOCUMENTATION")
    value: dict[str, t.Any] = yaml.safe_load(text)
    return value


def described(options: t.Mapping[str, t.Any], *, inner: str) -> dict[str, t.Any]:
    """Options reduced to what specification and documentation share; defaults written out."""
    return {
        name: {
            **{key: option.get(key) for key in SHARED_KEYS},
            "required": option.get("required", False),
            "inner": described(option.get(inner) or {}, inner=inner),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_has_the_options_of_the_specification(name: str) -> None:
    arguments: Arguments = importlib.import_module(f"{MODULES}.{name}").ARGUMENTS

    assert described(documentation(name)["options"], inner="suboptions") == described(
        arguments.options, inner="options"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_promise_is_made(name: str) -> None:
    attributes = documentation(name)["attributes"]

    assert {"check_mode", "diff_mode", "idempotent", "action_group"} <= set(attributes)
    assert all("support" in attribute for attribute in attributes.values())


@pytest.mark.parametrize("name", NAMES)
def test_examples_use_options_that_there_are(name: str) -> None:
    module = importlib.import_module(f"{MODULES}.{name}")
    own = [
        task[f"revive.cassandra.{name}"] or {}
        for task in yaml.safe_load(module.EXAMPLES)
        if f"revive.cassandra.{name}" in task
    ]

    assert own
    assert {option for task in own for option in task} <= set(module.ARGUMENTS.options)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_that_could_be_a_secret_says_whether_it_is(name: str) -> None:
    options = importlib.import_module(f"{MODULES}.{name}").ARGUMENTS.options
    repository = options["repository"]["options"]

    assert repository["secret_access_key"]["no_log"] is True
    assert repository["session_token"]["no_log"] is True
    for option, spec in options.items():
        if any(word in option for word in ("password", "secret", "token")):
            assert "no_log" in spec, option


def test_all_modules_that_run_on_nodes_are_in_the_action_group() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())

    assert runtime["action_groups"]["cassandra"] == NAMES
