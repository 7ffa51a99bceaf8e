# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds the tree to the architecture; ``docs/architecture.md`` says what each layer is for."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import typing as t

import pytest
import yaml

from tests.architecture import rules

ROOT = pathlib.Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
MODULES = PLUGINS / "modules"
CODE = ("plugins", "gate", "lab", "bench", "tests", "tools")


def read(path: pathlib.Path) -> rules.Source:
    """A file of the tree."""
    return rules.Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def python_files(*directories: str) -> list[rules.Source]:
    """All Python files below some directories of the checkout, but for what ansible-test leaves there."""
    found = sorted(path for directory in directories for path in (ROOT / directory).rglob("*.py"))
    return [read(path) for path in found if not path.is_relative_to(ROOT / "tests" / "output")]


def tracked_files() -> list[str]:
    """What git has or would add, below the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


def yaml_file(name: str) -> t.Any:
    """A YAML file of the checkout."""
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def assert_kept(violations: t.Iterable[rules.Violation]) -> None:
    """Fail with every violation on a line of its own."""
    found = [str(violation) for violation in violations]
    assert not found, "\n" + "\n".join(found)


PLUGIN_SOURCES = python_files("plugins")
MODULE_SOURCES = python_files("plugins/modules")


@pytest.mark.parametrize(
    "rule",
    [
        rules.imports_only_what_its_layer_may,
        rules.capabilities_point_left,
        rules.only_the_runtime_knows_ansible_module,
        rules.core_stays_out_of_the_world,
        rules.imports_are_absolute,
        rules.functions_fit_a_screen,
        rules.no_error_is_swallowed,
    ],
)
def test_plugins_keep_the_rule(rule: t.Callable[[rules.Source], list[rules.Violation]]) -> None:
    assert_kept(violation for source in PLUGIN_SOURCES for violation in rule(source))


def test_each_library_is_imported_in_one_file() -> None:
    assert_kept(rules.each_library_is_imported_in_one_file(PLUGIN_SOURCES))


def test_every_room_is_a_capability() -> None:
    """And none is empty, so that the rule has something to hold."""
    known = frozenset.union(*rules.CAPABILITIES)
    for layer in ("_core", "_operations"):
        there = {path.parent.name for path in (PLUGINS / "module_utils" / layer).glob("*/*.py")}
        assert there <= known
    assert known == {path.parent.name for path in (PLUGINS / "module_utils").glob("_*/*/*.py")}


def test_every_library_is_required_on_nodes() -> None:
    text = (ROOT / "roles" / "node" / "files" / "requirements.txt").read_text(encoding="utf-8")
    required = set(re.findall(r"^([A-Za-z0-9._-]+?)\s*(?:[<>=!~].*)?$", text, re.MULTILINE))
    assert required == set(rules.LIBRARIES.values())


def test_modules_are_thin() -> None:
    assert_kept(violation for source in MODULE_SOURCES for violation in rules.modules_are_thin(source))


def documented(source: rules.Source) -> dict[str, t.Any]:
    """A module's documentation, with the attributes of the fragments that it extends below its own."""
    fragments = {
        f"revive.cassandra.{name}": yaml.safe_load(text)
        for fragment in python_files("plugins/doc_fragments")
        for name, text in rules.fragments(fragment).items()
    }
    own: dict[str, t.Any] = yaml.safe_load(rules.documentation(source)["DOCUMENTATION"])
    parts = [fragments[name] for name in own.get("extends_documentation_fragment", [])] + [own]
    attributes: dict[str, dict[str, t.Any]] = {}
    for part in parts:
        for name, promise in (part.get("attributes") or {}).items():
            attributes[name] = {**attributes.get(name, {}), **promise}
    return {**own, "attributes": attributes}


def test_modules_promise_check_mode_and_diff() -> None:
    assert_kept(
        violation
        for source in MODULE_SOURCES
        for violation in rules.attributes_are_promised(source, documented(source))
    )


def test_the_action_group_has_every_module_that_runs_on_nodes_and_no_other() -> None:
    group = yaml_file("meta/runtime.yml")["action_groups"]["cassandra"]
    assert group == [pathlib.PurePath(source.path).stem for source in MODULE_SOURCES if rules.runs_on_nodes(source)]


def test_an_action_plugin_belongs_to_a_module() -> None:
    assert {path.stem for path in (PLUGINS / "action").glob("*.py")} <= {path.stem for path in MODULES.glob("*.py")}


def test_what_does_not_run_on_nodes_has_an_action_plugin() -> None:
    without = {pathlib.PurePath(source.path).stem for source in MODULE_SOURCES if not rules.runs_on_nodes(source)}
    assert without <= {path.stem for path in (PLUGINS / "action").glob("*.py")}


def test_the_readme_lists_every_module_role_and_playbook_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z_.]+)` \|", readme, re.MULTILINE)
    there = [path.stem for path in MODULES.glob("*.py")]
    there += [path.name for path in (ROOT / "roles").glob("[!_]*") if (path / "tasks").is_dir()]
    there += [f"revive.cassandra.{path.stem}" for path in (ROOT / "playbooks").glob("[!_]*.yml")]
    assert sorted(listed) == sorted(there)


def test_every_role_has_an_argument_spec() -> None:
    roles = [path for path in (ROOT / "roles").glob("*") if (path / "tasks").is_dir()]
    assert not [path.name for path in roles if not (path / "meta" / "argument_specs.yml").is_file()]


def test_playbooks_have_names_that_ansible_can_find() -> None:
    names = [path.stem for path in (ROOT / "playbooks").glob("*.yml")]
    assert not [name for name in names if not re.fullmatch(r"[a-z_][a-z0-9_]*", name)]


def test_every_python_file_has_the_header() -> None:
    assert_kept(violation for source in python_files(*CODE) for violation in rules.has_header(source))


def test_names_say_what_is_in_it() -> None:
    assert_kept(violation for path in tracked_files() for violation in rules.name_says_something(path))


def test_core_is_imported_without_ansible_or_any_library() -> None:
    """In a Python of its own: isolated, and without site-packages."""
    core = PLUGINS / "module_utils" / "_core"
    below = sorted(path.relative_to(core).with_suffix("").parts for path in core.rglob("*.py"))
    names = [".".join((rules.PACKAGE, "module_utils", "_core", *parts)) for parts in below]
    assert names
    program = (
        "import importlib, sys\n"
        "collections, *names = sys.argv[1:]\n"
        "sys.path.append(collections)\n"
        "for name in names: importlib.import_module(name)\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(loaded - set(sys.stdlib_module_names) - {'__main__', 'ansible_collections'}))\n"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(ROOT / ".cache" / "collections"), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_pages_on_the_architecture_name_files_that_there_are() -> None:
    """Of ``docs/changing.md``, at most four of them for one kind of change."""
    rows = [line for line in (ROOT / "docs" / "changing.md").read_text(encoding="utf-8").splitlines() if "|" in line][
        2:
    ]
    assert rows
    for row in rows:
        kind, files = row.strip("|").split("|")
        named = [name for name in re.findall(r"`([\w./<>-]+)`", files) if "/" in name or "." in name]
        assert len(named) <= 4, kind
        missing = [name for name in named if "<" not in name and not _is_there(name)]
        assert not missing, kind


def _is_there(name: str) -> bool:
    return any((place / name).exists() for place in (ROOT, PLUGINS / "module_utils"))


def test_the_map_has_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert frozenset(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == frozenset.union(*rules.CAPABILITIES)
