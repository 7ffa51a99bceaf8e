# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit-log archiving of a lab's cluster: Cassandra links its segments into a spool, an agent a node ships them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.cluster import Cluster
from lab.errors import LabError
from lab.inventory import Repository
from lab.node import Node
from lab.node_venv import ensure_node_venv
from lab.playbook import collections_path
from lab.processes import ProcessIdentity, wait_until
from lab.state_files import write_private

_SCRIPT = Path(__file__).parent.parent / "roles" / "archive" / "files" / "archive_segment"
_AGENT = "ansible_collections.revive.cassandra.plugins.module_utils._agent"
_STOP_TIMEOUT_SECONDS = 60.0
_COVER_TIMEOUT_SECONDS = 180.0


def prepare_archiving(cluster: Cluster) -> None:
    """Have nodes that are not started yet link every segment into a spool beside their commit log."""
    for node in cluster.nodes:
        root = _archive_root(node)
        for part in ("spool", "archived", "dropped"):
            (root / part).mkdir(parents=True)
        script = node.directory / "archive" / _SCRIPT.name
        script.parent.mkdir()
        shutil.copy(_SCRIPT, script)
        script.with_name("archive_segment.conf").write_text(f"root={root}\npolicy=block\nmax_bytes=0\n")
        (node.conf_directory / "commitlog_archiving.properties").write_text(f"archive_command={script} %path %name\n")


@dataclasses.dataclass(frozen=True)
class Agents:
    """One agent for each node of a cluster."""

    cluster: Cluster
    interval_seconds: float

    @classmethod
    def start(cls, *, cluster: Cluster, repository: Repository, interval_seconds: float = 2.0) -> Agents:
        """Start shipping; the repository has to be there. Returns when every log is covered up to now.

        :raises LabError: an agent ended, or did not cover its log.
        """
        agents = cls(cluster=cluster, interval_seconds=interval_seconds)
        for node in cluster.nodes:
            agents._start(node, repository=repository)
        return agents

    def covered_until_us(self) -> int:
        """Up to when everything acknowledged by any node is in the repository; 0 if an agent has not said yet."""
        return min(int(_status(node).get("covered_until_us", 0)) for node in self.cluster.nodes)

    def wait_until_covered(self, moment_us: int) -> None:
        """Return when every log is covered up to a moment.

        :raises LabError: it is not in three minutes; with what the agents said.
        """
        try:
            wait_until(
                lambda: self.covered_until_us() >= moment_us,
                timeout_seconds=_COVER_TIMEOUT_SECONDS,
                what=f"the logs of {self.cluster.name} to be covered",
            )
        except LabError as error:
            said = "\n".join(f"{node.name}: {_status(node)}\n{_log(node)}" for node in self.cluster.nodes)
            raise LabError(f"{error}\n{said}") from error

    def kill(self) -> None:
        """End all agents with SIGKILL, as the loss of their machines does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End all agents in order."""
        self._end(signal.SIGTERM)

    def _end(self, signal_number: signal.Signals) -> None:
        def end(node: Node) -> None:
            process = ProcessIdentity.read(path=_directory(node) / "process")
            if process is not None:
                process.end(signal_number=signal_number, timeout_seconds=_STOP_TIMEOUT_SECONDS)

        with ThreadPoolExecutor(max_workers=len(self.cluster.nodes)) as pool:
            list(pool.map(end, self.cluster.nodes))

    def _start(self, node: Node, *, repository: Repository) -> None:
        directory = _directory(node)
        directory.mkdir(exist_ok=True)
        server = repository.server
        write_private(
            path=directory / "credentials.json",
            text=json.dumps({"access_key_id": server.access_key_id, "secret_access_key": server.secret_access_key}),
        )
        config = {
            "node_name": node.name,
            "host_id": _host_id(node),
            "commitlog_directory": str(node.commitlog_directory),
            "archive_root": str(_archive_root(node)),
            "state_directory": str(node.directory / "revive"),
            "repository": {
                "bucket": repository.bucket,
                "prefix": f"{repository.prefix}/",
                "endpoint_url": server.endpoint_url,
                "region": server.region,
                "credentials_file": str(directory / "credentials.json"),
            },
            "interval_seconds": self.interval_seconds,
        }
        write_private(path=directory / "agent.json", text=json.dumps(config))
        with (directory / "agent.log").open("ab") as log:
            started = subprocess.Popen(
                [ensure_node_venv() / "bin" / "python", "-m", _AGENT, "--config", directory / "agent.json"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(collections_path())},
            )
        process = ProcessIdentity.of(pid=started.pid)
        if process is None:
            raise LabError(f"the agent of {node.name} ended at once:\n{_log(node)}")
        process.write(path=directory / "process")


def _archive_root(node: Node) -> Path:
    return node.commitlog_directory / ".revive"


def _directory(node: Node) -> Path:
    return node.directory / "agent"


def _host_id(node: Node) -> str:
    found = re.search(r"^ID\s*:\s*(\S+)$", node.nodetool("info"), re.MULTILINE)
    if found is None:
        raise LabError(f"{node.name} does not say its host id")
    return found[1]


def _status(node: Node) -> dict[str, t.Any]:
    try:
        text = (node.directory / "revive" / "agent" / "status.json").read_text(encoding="utf-8")
        return t.cast("dict[str, t.Any]", json.loads(text))
    except (FileNotFoundError, ValueError):
        return {}


def _log(node: Node) -> str:
    path = _directory(node) / "agent.log"
    return path.read_text(encoding="utf-8", errors="replace")[-3000:] if path.exists() else "no log"
