# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Cassandra node: a directory, an address, a process.

Everything a node can be told goes through the commands in its ``bin`` directory, the same that Ansible roles call.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

from lab.addresses import is_listening
from lab.errors import LabError
from lab.hardening import Hardening
from lab.node_files import NodeLayout
from lab.processes import ProcessIdentity, wait_until

START_TIMEOUT_SECONDS = 300.0

# Cassandra logs its whole configuration as one line.
_LOG_LINE_MAX = 400


@dataclasses.dataclass(frozen=True)
class Node(NodeLayout):
    """A node of a cluster. ``name`` is ``<cluster>-n<number>``; paths are those of its :class:`NodeLayout`."""

    name: str
    address: str
    staging_address: str
    native_port: int
    storage_port: int
    jmx_port: int
    datacenter: str
    rack: str
    hardening: Hardening | None = None

    @property
    def pid(self) -> int | None:
        """Return the id of the running process, None if the node is down."""
        process = self.process()
        return None if process is None else process.pid

    def process(self) -> ProcessIdentity | None:
        """Return the identity of the running process, None if the node is down."""
        process = ProcessIdentity.read(path=self.process_path)
        return process if process is not None and process.is_running() else None

    def is_running(self) -> bool:
        """Tell whether the process runs; it may still be starting."""
        return self.process() is not None

    def is_serving(self) -> bool:
        """Tell whether the node accepts CQL connections."""
        return self.is_running() and is_listening(address=self.address, port=self.native_port)

    def has_data(self) -> bool:
        """Tell whether Cassandra has ever started here since the directories were made or wiped."""
        return any(any(directory.iterdir()) for directory in self.data_directories if directory.is_dir())

    def start(self, *, wait: bool = True, jvm_options: tuple[str, ...] = ()) -> None:
        """Start the node; nothing to do if it runs.

        :param wait: return only when it accepts CQL connections.
        :param jvm_options: for this start only.
        :raises LabError: it ended instead, or took longer than five minutes; with the tail of its log.
        """
        self._command("start", environment={"CASSANDRA_JVM_OPTIONS": " ".join(jvm_options)})
        if wait:
            self.wait_until_serving()

    def wait_until_serving(self) -> None:
        """Return when the node accepts CQL connections.

        :raises LabError: as :meth:`start`.
        """
        self._wait_until_listening(port=self.native_port, what="CQL")

    def wait_until_gossiping(self) -> None:
        """Return when other nodes can reach this one, some seconds before it serves.

        :raises LabError: as :meth:`start`.
        """
        self._wait_until_listening(port=self.storage_port, what="other nodes")

    def stop(self) -> None:
        """Stop the node gracefully: on SIGTERM Cassandra drains itself. Nothing to do if it is down."""
        self._command("stop")

    def kill(self) -> None:
        """End the node with SIGKILL, as a crash does. Nothing to do if it is down."""
        self._command("kill")

    def agent(self) -> ProcessIdentity | None:
        """Return the identity of the agent that ships the commit log, None if it does not run."""
        process = ProcessIdentity.read(path=self.process_path.with_name("agent"))
        return process if process is not None and process.is_running() else None

    def kill_agent(self) -> None:
        """End the agent with SIGKILL. Nothing to do if it does not run."""
        self._command("stop_agent", "KILL")

    def wipe(self) -> None:
        """Empty the data, commit-log, hint, cache and CDC directories, as a new disk would be.

        :raises LabError: the node runs.
        """
        if self.is_running():
            raise LabError(f"{self.name} runs: stop or kill it before wiping it")
        for directory in self.state_directories:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(mode=0o750)

    def nodetool(self, *arguments: str) -> str:
        """Run nodetool against this node and return its standard output.

        :raises LabError: it failed; with what it said.
        """
        if self.hardening is None:
            return self._command("nodetool", *arguments)
        login, environment = self.hardening.nodetool_arguments(), self.hardening.nodetool_environment()
        return self._command("nodetool", *login, *arguments, environment=environment)

    def log_tail(self, *, lines: int = 40) -> str:
        """Return the end of ``system.log``, of what it warns of, and of the JVM's own output."""
        tails = []
        for path in (self.log_path, self.log_path.with_name("stdout.log")):
            if path.exists():
                text = path.read_text(encoding="utf-8", errors="replace").splitlines()
                bad = [number for number, line in enumerate(text[:-lines]) if line.startswith(("WARN", "ERROR"))]
                # With what follows each: the beginning of its stack trace.
                shown = sorted({at for number in bad[-lines // 2 :] for at in range(number, number + 5)})
                shown = [at for at in shown if at < len(text) - lines] + [*range(len(text))][-lines:]
                told = [text[at][:_LOG_LINE_MAX] for at in shown]
                tails.append(f"--- {self.name}: {path}\n" + "\n".join(told))
        return "\n".join(tails) or f"--- {self.name} has no log"

    def command_path(self, *, name: str) -> Path:
        """Return the path of one of the node's own commands: ``start``, ``stop``, ``kill``, ``nodetool``, ..."""
        return self.bin_directory / name

    def _wait_until_listening(self, *, port: int, what: str) -> None:
        try:
            wait_until(
                lambda: is_listening(address=self.address, port=port) or not self.is_running(),
                timeout_seconds=START_TIMEOUT_SECONDS,
                what=f"{self.name} to listen for {what}",
            )
        except LabError as error:
            raise LabError(f"{error}\n{self.log_tail()}") from error
        if not self.is_running():
            raise LabError(f"{self.name} ended while it started\n{self.log_tail()}")

    def _command(self, name: str, *arguments: str, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [self.command_path(name=name), *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()
            raise LabError(f"{self.name}: {' '.join([name, *arguments])} ended with {done.returncode}: {said}")
        return done.stdout
