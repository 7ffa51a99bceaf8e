# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said where a Python library that a node needs is not there, or is of no use."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import DependencyError


def unusable(library: str, error: object) -> DependencyError:
    """The error that names a library, why it cannot be imported, and who installs it."""
    return DependencyError(
        f"The Python library {library} cannot be used on this machine: {error}.",
        subject=library,
        next_step="Run the playbook revive.cassandra.prepare_nodes, which installs it for the modules.",
    )
