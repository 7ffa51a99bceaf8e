# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent's code as one file that any Python runs, for nodes that have no Ansible."""

from __future__ import annotations

DOCUMENTATION = r"""
name: agent_package
version_added: 0.1.0
author: the revive.cassandra authors (!UNKNOWN)
short_description: The commit log agent as one file
description:
  - Packs the code of the agent that ships commit logs into a file on the controller, and returns its path.
  - Python runs the file as it is, with the libraries of the role P(revive.cassandra.node#role) and without Ansible.
  - The same release makes the same bytes, so copying it to a node changes nothing a second time.
  - The file is deleted when Ansible ends.
options:
  checksum:
    description: Returns the SHA-1 of the file instead of its path, and writes no file.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Put the agent on the node
  ansible.builtin.copy:
    src: "{{ lookup('revive.cassandra.agent_package') }}"
    dest: /opt/revive-cassandra/archive/agent.pyz
    mode: "0644"
"""

RETURN = r"""
_raw:
  description: The path of the file, or its SHA-1.
  type: list
  elements: str
"""

import hashlib
import io
import os
import pathlib
import typing as t
import zipfile

import ansible.constants as C  # noqa: N812 - Ansible's own name for it
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.lookup import LookupBase

_PACKAGE = ("ansible_collections", "revive", "cassandra", "plugins", "module_utils")
#: What the agent imports; tests/architecture checks that.
_PARTS = ("_adapters", "_agent", "_core")
#: Only these folders below them: the agent has nothing to do with restores.
_CAPABILITIES = ("cassandra", "repository", "archive")
_MAIN = f"from {'.'.join((*_PACKAGE, '_agent'))}.__main__ import main\n\nraise SystemExit(main())\n"
#: The first moment that a zip can hold.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def agent_package(module_utils: pathlib.Path) -> bytes:
    """The package's bytes, which depend on the code only."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_DEFLATED) as package:
        _add(package, "__main__.py", _MAIN.encode())
        # Python finds a package without __init__.py in a zip by the entry of its directory.
        for depth in range(1, len(_PACKAGE) + 1):
            _add(package, "/".join(_PACKAGE[:depth]) + "/", b"")
        for part in _PARTS:
            _add_folder(package, module_utils / part, name="/".join((*_PACKAGE, part)))
    return target.getvalue()


def _add_folder(package: zipfile.ZipFile, folder: pathlib.Path, *, name: str) -> None:
    _add(package, f"{name}/", b"")
    for source in sorted(folder.iterdir()):
        if source.suffix == ".py":
            _add(package, f"{name}/{source.name}", source.read_bytes())
        elif source.is_dir() and source.name in _CAPABILITIES:
            _add_folder(package, source, name=f"{name}/{source.name}")


def _add(package: zipfile.ZipFile, name: str, body: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
    # The same on every system that packs it.
    entry.create_system = 3
    package.writestr(entry, body)


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms: t.Any, variables: t.Any = None, **kwargs: t.Any) -> list[str]:
        """The path of the package, which is written for it, or its checksum."""
        package = agent_package(pathlib.Path(__file__).resolve().parents[1] / "module_utils")
        if boolean(kwargs.get("checksum", False)):
            # Not for security: Ansible's own modules compare files by it.
            return [hashlib.sha1(package, usedforsecurity=False).hexdigest()]
        path = os.path.join(C.DEFAULT_LOCAL_TMP, f"revive-agent-{os.getpid()}.pyz")
        with open(path, "wb") as file:
            file.write(package)
        return [path]
