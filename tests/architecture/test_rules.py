# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule fails on a file that breaks it, and says nothing about one that keeps it."""

from __future__ import annotations

import textwrap
import typing as t

import pytest

from tests.architecture import rules

CORE = "plugins/module_utils/_core/sample.py"
ADAPTER = "plugins/module_utils/_adapters/sample.py"
OPERATION = "plugins/module_utils/_operations/sample.py"
RUNTIME = "plugins/module_utils/_runtime/sample.py"
MODULE = "plugins/modules/cassandra_sample.py"
ACTION = "plugins/action/cassandra_sample.py"

MODULE_UTILS = f"{rules.PACKAGE}.module_utils"


def source(path: str, text: str) -> rules.Source:
    return rules.Source(path, textwrap.dedent(text))


def lines_of(violations: list[rules.Violation]) -> list[int]:
    return [violation.line for violation in violations]


@pytest.mark.parametrize(
    ("path", "statement"),
    [
        (CORE, "import boto3"),
        (CORE, "import ansible.module_utils.basic"),
        (CORE, f"from {MODULE_UTILS}._adapters import nodetool"),
        (CORE, f"from {MODULE_UTILS} import _adapters"),
        (CORE, f"import {MODULE_UTILS}._runtime.entry"),
        (ADAPTER, "from ansible.module_utils.common.text.converters import to_text"),
        (ADAPTER, f"from {MODULE_UTILS}._operations.upload import run"),
        (ADAPTER, f"from {MODULE_UTILS}._runtime import entry"),
        (ADAPTER, "import requests"),
        (ADAPTER, "from ansible_collections.amazon.aws.plugins.module_utils import s3"),
        (OPERATION, "import obstore"),
        (OPERATION, f"from {MODULE_UTILS}._runtime.entry import run"),
        (OPERATION, "import ansible"),
        (RUNTIME, "import boto3"),
        (RUNTIME, f"from {MODULE_UTILS}._operations.upload import run"),
        (MODULE, f"from {MODULE_UTILS}._adapters import nodetool"),
        (MODULE, "from ansible.module_utils.basic import AnsibleModule"),
        (MODULE, "import boto3"),
        (ACTION, f"from {MODULE_UTILS}._adapters import nodetool"),
        (ACTION, "import obstore"),
        ("plugins/module_utils/stray.py", "import json"),
    ],
)
def test_an_import_that_points_up_or_out_is_found(path: str, statement: str) -> None:
    assert rules.imports_only_what_its_layer_may(source(path, f"{statement}\n"))


@pytest.mark.parametrize(
    ("path", "statement"),
    [
        (CORE, "from __future__ import annotations\nimport typing as t"),
        (CORE, f"from {MODULE_UTILS}._core.errors import ReviveError"),
        (CORE, f"from {MODULE_UTILS} import _core"),
        (ADAPTER, "import obstore.store\nimport yaml"),
        (ADAPTER, f"from {MODULE_UTILS}._core import manifest"),
        (OPERATION, f"from {MODULE_UTILS}._adapters import nodetool"),
        (RUNTIME, "from ansible.module_utils.basic import AnsibleModule"),
        (RUNTIME, f"from {MODULE_UTILS}._adapters.object_store import open_store"),
        (MODULE, f"from {MODULE_UTILS}._core.restore_model import RestorePlan"),
        (MODULE, f"from {MODULE_UTILS}._runtime import entry"),
        (MODULE, f"from {MODULE_UTILS}._operations.upload import run"),
        (ACTION, "from ansible.plugins.action import ActionBase"),
        (ACTION, f"from {rules.PACKAGE}.plugin_utils._progress import lines"),
    ],
)
def test_an_import_that_points_down_is_fine(path: str, statement: str) -> None:
    assert not rules.imports_only_what_its_layer_may(source(path, f"{statement}\n"))


ROOM = "plugins/module_utils/{}/sample.py"


@pytest.mark.parametrize(
    ("room", "statement"),
    [
        ("_core/cassandra", f"from {MODULE_UTILS}._core.repository.manifest import read_node_manifest"),
        ("_core/repository", f"from {MODULE_UTILS}._core.archive import chain"),
        ("_core/repository", f"from {MODULE_UTILS}._core import restore"),
        ("_core/archive", f"from {MODULE_UTILS}._core.backup.expected import tables"),
        ("_operations/backup", f"from {MODULE_UTILS}._operations.archive import logs"),
        ("_operations/backup", f"import {MODULE_UTILS}._core.restore.model"),
        ("_operations/restore", f"from {MODULE_UTILS}._operations.tables.notes import Notes"),
        ("_core", f"from {MODULE_UTILS}._core.cassandra import names"),
        ("_agent", f"from {MODULE_UTILS}._core.restore.model import RestorePlan"),
        ("_agent", f"from {MODULE_UTILS}._core.backup.expected import tables"),
    ],
)
def test_a_room_may_not_use_one_after_it_or_beside_it(room: str, statement: str) -> None:
    assert rules.capabilities_point_left(source(ROOM.format(room), f"{statement}\n"))


@pytest.mark.parametrize(
    ("room", "statement"),
    [
        ("_core/restore", f"from {MODULE_UTILS}._core.restore.model import RestorePlan"),
        ("_core/tables", f"from {MODULE_UTILS}._core.restore.model import RestorePlan"),
        ("_operations/archive", f"from {MODULE_UTILS}._core.repository import ledger"),
        ("_operations/backup", f"from {MODULE_UTILS}._core.errors import NodeError"),
        ("_core/cassandra", "import json"),
        ("_agent", f"from {MODULE_UTILS}._core.archive import chain"),
        ("_adapters", f"from {MODULE_UTILS}._core.restore.staging import InstancePlaces"),
    ],
)
def test_a_room_may_use_itself_and_those_before_it(room: str, statement: str) -> None:
    assert not rules.capabilities_point_left(source(ROOM.format(room), f"{statement}\n"))


def test_an_import_is_found_wherever_it_hides() -> None:
    text = """
    import typing
    if typing.TYPE_CHECKING:
        import boto3
    def late():
        try:
            import obstore
        except ImportError:
            from cassandra import cluster
    """
    assert lines_of(rules.imports_only_what_its_layer_may(source(CORE, text))) == [4, 7, 9]


@pytest.mark.parametrize(
    "statement",
    [
        "from ansible.module_utils.basic import AnsibleModule",
        "from ansible.module_utils import basic",
        "import ansible.module_utils.basic",
    ],
)
def test_ansible_module_is_for_the_runtime(statement: str) -> None:
    assert rules.only_the_runtime_knows_ansible_module(source(ACTION, statement))
    assert not rules.only_the_runtime_knows_ansible_module(source(RUNTIME, statement))


@pytest.mark.parametrize(
    "line",
    [
        "import subprocess",
        "import os.path",
        "from pathlib import Path",
        "import time",
        "open('x')",
        "print('x')",
        "datetime.datetime.now()",
        "date.today()",
    ],
)
def test_core_does_not_touch_the_world(line: str) -> None:
    assert rules.core_stays_out_of_the_world(source(CORE, line))
    assert not rules.core_stays_out_of_the_world(source(ADAPTER, line))


def test_relative_imports_are_found() -> None:
    assert rules.imports_are_absolute(source(CORE, "from . import errors"))
    assert rules.imports_are_absolute(source(CORE, "from ..other import errors"))
    assert not rules.imports_are_absolute(source(CORE, "from json import loads"))


def test_a_library_in_two_files_is_found_in_both() -> None:
    first = source("plugins/module_utils/_adapters/a.py", "import boto3")
    second = source("plugins/module_utils/_adapters/b.py", "import json\nfrom botocore.config import Config")
    other = source("plugins/module_utils/_adapters/c.py", "import obstore")
    found = rules.each_library_is_imported_in_one_file([first, second, other])
    assert [(violation.path, violation.line) for violation in found] == [(first.path, 1), (second.path, 2)]
    assert not rules.each_library_is_imported_in_one_file([first, other])


def test_a_function_longer_than_a_screen_is_found() -> None:
    def function(body_lines: int) -> rules.Source:
        body = "    x = 1\n" * body_lines
        return source(CORE, f'def f():\n    """Of any\n\n    length.\n    """\n{body}')

    assert not rules.functions_fit_a_screen(function(rules.MAX_FUNCTION_LINES - 1))
    assert lines_of(rules.functions_fit_a_screen(function(rules.MAX_FUNCTION_LINES))) == [1]


def test_a_thick_module_is_found_and_its_documentation_does_not_count() -> None:
    documentation = 'DOCUMENTATION = r"""\n' + "text\n" * 200 + '"""\n'
    thin = documentation + "# why\n\n" * 100 + "x = 1\n" * rules.MAX_MODULE_CODE_LINES
    assert rules.code_lines(source(MODULE, thin)) == rules.MAX_MODULE_CODE_LINES
    assert not rules.modules_are_thin(source(MODULE, thin))
    assert rules.modules_are_thin(source(MODULE, thin + "x = 1\n"))


def test_a_module_without_a_program_documents_an_action_plugin() -> None:
    assert rules.runs_on_nodes(source(MODULE, 'DOCUMENTATION = ""\ndef main() -> None:\n    pass\n'))
    assert not rules.runs_on_nodes(source(MODULE, 'DOCUMENTATION = "def main() -> None:"\n'))


def test_code_over_several_lines_counts_as_several() -> None:
    text = '''
    """Says what it is."""
    TEXT = """
    one
    """
    call(
        1,
    )
    def f():
        """Says what it does."""
        return 1  # and why
    '''
    assert rules.code_lines(source(MODULE, text)) == 3 + 3 + 2


@pytest.mark.parametrize(
    "documented",
    [
        {},
        {"attributes": {"check_mode": {"support": "full"}}},
        {"attributes": {"check_mode": {"support": "yes"}, "diff_mode": {"support": "full"}}},
        {"attributes": {"check_mode": {"support": "none"}, "diff_mode": {"support": "none"}}},
    ],
)
def test_a_module_that_does_not_promise_is_found(documented: dict[str, t.Any]) -> None:
    assert rules.attributes_are_promised(source(MODULE, ""), documented)


def test_a_module_that_promises_is_fine() -> None:
    attributes = {"check_mode": {"support": "full"}, "diff_mode": {"support": "none"}}
    assert not rules.attributes_are_promised(source(MODULE, ""), {"attributes": attributes})


def test_the_parts_of_a_fragment_are_found_by_the_name_that_modules_extend() -> None:
    text = """
    class ModuleDocFragment:
        DOCUMENTATION = "a"
        INFO = "b"
    """
    found = rules.fragments(source("plugins/doc_fragments/_sample.py", text))
    assert found == {"_sample": "a", "_sample.info": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept:\n    pass",
        "try:\n    f()\nexcept (ValueError, BaseException) as error:\n    ...",
        "for x in y:\n    try:\n        f()\n    except Exception:\n        continue",
        "import contextlib\nwith contextlib.suppress(Exception):\n    f()",
    ],
)
def test_a_swallowed_error_is_found(text: str) -> None:
    assert rules.no_error_is_swallowed(source(ADAPTER, text))


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    f()\nexcept OSError:\n    pass",
        "try:\n    f()\nexcept Exception as error:\n    raise StoreError from error",
        "import contextlib\nwith contextlib.suppress(FileNotFoundError):\n    f()",
    ],
)
def test_an_error_that_is_named_or_handled_is_fine(text: str) -> None:
    assert not rules.no_error_is_swallowed(source(ADAPTER, text))


def test_a_file_without_the_header_is_found() -> None:
    header = "\n".join(rules.HEADER)
    assert rules.has_header(source(CORE, "import json\n"))
    assert rules.has_header(source(CORE, f"\n{header}\n"))
    assert not rules.has_header(source(CORE, f"{header}\nimport json\n"))
    assert not rules.has_header(source("tools/x.py", f"#!/usr/bin/env python3\n{header}\n"))
    assert not rules.has_header(source("lab/__init__.py", ""))


@pytest.mark.parametrize("path", ["lab/utils.py", "plugins/module_utils/_common/x.py", "roles/misc/tasks/main.yml"])
def test_a_name_that_says_nothing_is_found(path: str) -> None:
    assert rules.name_says_something(path)


@pytest.mark.parametrize("path", [CORE, "plugins/plugin_utils/_progress.py", "lab/commonwealth.py"])
def test_a_name_that_says_something_is_fine(path: str) -> None:
    assert not rules.name_says_something(path)
