# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each option that a text marks is one of some module, and the roles that show it have a variable for it."""

from __future__ import annotations

import ast
import functools
import importlib
import pathlib
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.plugin_utils._role_words import role_variables

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
PACKAGE = "ansible_collections.revive.cassandra.plugins"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py") if "def main(" in path.read_text())
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "tasks").is_dir())
#: What a role gives its modules by itself, or says as another variable with a value.
BY_ITSELF = {"state", "staged", "keep_old"}
#: What no reader of a role is told: it plans no restore, decrypts nothing, or only looks at nodes for who has them.
NEVER_SAID = {
    ("archive", "release_version"),
    ("backup", "release_version"),
    ("backup", "repository.identity_file"),
    ("service", "lease.lease_minutes"),
    ("service", "take_over_lease"),
}
#: Roles that give their modules no repository, so none of its options can be at fault.
WITHOUT_REPOSITORY = {"service"}
#: Roles that ask nodes by nodetool only, so none of the options of a login over CQL can be at fault.
WITHOUT_CQL = {"service"}


def marked(path: pathlib.Path) -> t.Iterator[str]:
    """The options that a file's texts mark by name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "option":
            continue
        if isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def options_of(module: str) -> set[str]:
    """Of a module, with suboptions behind a dot."""
    options = importlib.import_module(f"{PACKAGE}.modules.{module}").ARGUMENTS.options
    inner = {f"{name}.{each}" for name, spec in options.items() for each in spec.get("options", ())}
    return set(options) | inner


@functools.cache
def imported(path: pathlib.Path) -> frozenset[pathlib.Path]:
    """The files of module_utils that a file imports."""
    imports = [
        ((node.module or "")[len(PACKAGE) + 1 :].split("."), node.names)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}.module_utils")
    ]
    below = [(PLUGINS.joinpath(*module), names) for module, names in imports]
    places = [place for package, names in below for place in (package, *(package / each.name for each in names))]
    return frozenset(place.with_suffix(".py") for place in places if place.with_suffix(".py").is_file())


def reached(path: pathlib.Path, seen: set[pathlib.Path]) -> set[pathlib.Path]:
    """The files that one imports, and those that they do, and itself."""
    if path not in seen:
        seen.add(path)
        for each in imported(path):
            reached(each, seen)
    return seen


SOURCES = {path: set(marked(path)) for path in sorted((PLUGINS / "module_utils").rglob("*.py"))}
OPTIONS = {module: options_of(module) for module in MODULES}


def modules_in(role: str) -> set[str]:
    """The modules that a role's tasks run."""
    text = "\n".join(path.read_text() for path in (ROOT / "roles" / role / "tasks").rglob("*.yml"))
    return set(re.findall(r"revive\.cassandra\.(\w+):", text)) & set(MODULES)


def test_texts_mark_options() -> None:
    assert sum(map(len, SOURCES.values())) > 15


def test_each_mark_is_an_option_of_a_module() -> None:
    known = set().union(*OPTIONS.values())
    assert not [f"{path.name}: {name}" for path, names in SOURCES.items() for name in names - known]


def test_each_role_has_a_variable_for_each_mark_that_its_modules_can_say() -> None:
    lost = set()
    for role in ROLES:
        variables = role_variables(role)
        assert variables is not None, role
        for module in modules_in(role):
            paths = reached(PLUGINS / "modules" / f"{module}.py", set())
            said = {name for path in paths for name in SOURCES.get(path, ())}
            if role in WITHOUT_REPOSITORY:
                said = {name for name in said if not name.startswith("repository.")}
            if role in WITHOUT_CQL:
                said = {name for name in said if not name.startswith("cql_")}
            lost |= {(role, name) for name in said & OPTIONS[module] if variables.of(name) is None}
    assert {each for each in lost if each[1] not in BY_ITSELF} <= NEVER_SAID


def test_roles_do_not_rewrite_texts() -> None:
    texts = {path: path.read_text() for path in (ROOT / "roles").rglob("*.yml")}
    assert not [path for path, text in texts.items() if "regex_replace" in text]
