# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archiving of a lab's cluster: nodes that need no restart for it, and what their agents say."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

from lab.cluster import Cluster
from lab.errors import LabError
from lab.node import Node
from lab.processes import wait_until
from lab.truth import now_us

_SCRIPT = Path(__file__).parent.parent / "roles" / "archive" / "files" / "archive_segment"
_COVER_TIMEOUT_SECONDS = 180.0
_LOG_BYTES = 3000


def prepare_archiving(cluster: Cluster) -> None:
    """Give nodes that are not started yet the setting that the playbook ``enable_archiving`` would restart them for.

    It is still for the playbook to start the agents.
    """
    for node in cluster.nodes:
        root = node.commitlog_directory / ".revive"
        for part in ("spool", "archived", "dropped"):
            (root / part).mkdir(parents=True)
        script = node.directory / "archive" / _SCRIPT.name
        script.parent.mkdir()
        shutil.copy(_SCRIPT, script)
        script.with_name("archive_segment.conf").write_text(f"root={root}\npolicy=block\nmax_bytes=0\n")
        (node.conf_directory / "commitlog_archiving.properties").write_text(f"archive_command={script} %path %name\n")


def agent_status(node: Node) -> dict[str, t.Any]:
    """What a node's agent said last; nothing if it has not said anything yet."""
    try:
        text = (_agent_directory(node) / "status.json").read_text(encoding="utf-8")
        return t.cast("dict[str, t.Any]", json.loads(text))
    except FileNotFoundError:
        return {}


def ship_now(cluster: Cluster) -> None:
    """Return when everything is in the repository that was written before, as soon as that can be.

    :raises LabError: it is not in three minutes; with what the agents said.
    """
    moment_us = now_us()
    for node in cluster.nodes:
        (_agent_directory(node) / "ship-now").touch()
    wait_until_covered(cluster, moment_us)


def covered_until_us(cluster: Cluster) -> int:
    """Up to when everything acknowledged by any node is in the repository; 0 if an agent has not said yet."""
    return min(int(agent_status(node).get("covered_until_us", 0)) for node in cluster.nodes)


def wait_until_covered(cluster: Cluster, moment_us: int) -> None:
    """Return when every log is covered up to a moment.

    :raises LabError: it is not in three minutes; with what the agents said.
    """
    try:
        wait_until(
            lambda: covered_until_us(cluster) >= moment_us,
            timeout_seconds=_COVER_TIMEOUT_SECONDS,
            what=f"the logs of {cluster.name} to be covered",
        )
    except LabError as error:
        said = "\n".join(f"{node.name}: {agent_status(node)}\n{_log(node)}" for node in cluster.nodes)
        raise LabError(f"{error}\n{said}") from error


def _agent_directory(node: Node) -> Path:
    return node.directory / "revive" / "archive" / "agent"


def _log(node: Node) -> str:
    path = node.log_path.with_name("agent.log")
    return path.read_text(encoding="utf-8", errors="replace")[-_LOG_BYTES:] if path.exists() else "no log"
