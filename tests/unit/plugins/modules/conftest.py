# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module's ``main()`` as Ansible would, with the operations behind it replaced at one seam."""

from __future__ import annotations

import importlib
import json
import pathlib
import typing as t

import pytest
from ansible.module_utils import testing

from ansible_collections.revive.cassandra.plugins.module_utils._runtime import entry

MODULE_NAMES = sorted(
    path.stem for path in (pathlib.Path(__file__).resolve().parents[4] / "plugins/modules").glob("*.py")
)
MODULES = "ansible_collections.revive.cassandra.plugins.modules"
OPERATIONS = "ansible_collections.revive.cassandra.plugins.module_utils._operations"

SECRET = "s3cr3t-of-the-store"
REPOSITORY = {"bucket": "backups", "prefix": "lab", "access_key_id": "AKIA", "secret_access_key": SECRET}

Result = dict[str, t.Any]


class RunModule(t.Protocol):
    """Runs a module by name and returns what it printed."""

    def __call__(self, name: str, /, *, check_mode: bool = False, diff: bool = False, **options: t.Any) -> Result: ...


class ReplaceOperation(t.Protocol):
    """Replaces ``file.function`` of the operations; returns the calls that will have been made."""

    def __call__(
        self, name: str, /, result: t.Any = None, *, error: Exception | None = None
    ) -> list[dict[str, t.Any]]: ...


@pytest.fixture
def run_module(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> RunModule:
    """Run a module; the store is only a name, and what is noted on the node is the test's own."""
    monkeypatch.setattr(entry, "open_store", lambda settings: f"store of {settings.bucket}")

    def run(name: str, /, *, check_mode: bool = False, diff: bool = False, **options: t.Any) -> Result:
        module = importlib.import_module(f"{MODULES}.{name}")
        internal = {"_ansible_check_mode": check_mode, "_ansible_diff": diff, "_ansible_remote_tmp": "/tmp"}
        noted = {"state_directory": str(tmp_path / "state")}
        with testing.patch_module_args({**noted, **options, **internal}), pytest.raises(SystemExit):
            module.main()
        result: Result = json.loads(capsys.readouterr().out)
        return result

    return run


@pytest.fixture
def replace_operation(monkeypatch: pytest.MonkeyPatch) -> ReplaceOperation:
    """Put a fake in the place of an operation; every module is imported before, so that one that took a reference
    when it was imported is found in whatever order tests run."""
    for module in MODULE_NAMES:
        importlib.import_module(f"{MODULES}.{module}")

    def replace(name: str, /, result: t.Any = None, *, error: Exception | None = None) -> list[dict[str, t.Any]]:
        file, _dot, function = name.rpartition(".")
        calls: list[dict[str, t.Any]] = []

        def fake(*positional: t.Any, **named: t.Any) -> t.Any:
            calls.append({"positional": positional, **named})
            if error is not None:
                raise error
            return result

        monkeypatch.setattr(importlib.import_module(f"{OPERATIONS}.{file}"), function, fake)
        return calls

    return replace
