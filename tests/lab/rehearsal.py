# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster with a backup, and the means to restore it, to interrupt that, and to judge what became of it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

from lab.checker import check
from lab.cluster import Cluster, Credentials
from lab.inventory import Repository, write_inventory
from lab.leftovers import destroy_at_the_end
from lab.playbook import PlaybookRun, finish_playbook, run_playbook, start_playbook
from lab.processes import wait_until
from lab.s3 import S3Server
from lab.schema import KEYSPACE, TABLES, Table
from lab.truth import Write, read_truth, wait_until_grown
from lab.writer import Writer, load

BUCKET = "rehearsal-backups"
PREFIX = "rehearsal"
TAG = "before_the_mistake"
_CERTIFICATES = 1_500
_KILL_TIMEOUT_SECONDS = 600
_MORE_TRUTH_BYTES = 30_000


class Rehearsal:
    """A cluster with a backup and with writes that came after it."""

    def __init__(
        self,
        *,
        root: Path,
        version: str,
        ending: contextlib.ExitStack,
        num_tokens: int = 8,
        prepare: t.Callable[[Cluster], object] = lambda _cluster: None,
    ) -> None:
        """Make the cluster, its backup and the writes.

        :param num_tokens: of each node.
        :param prepare: what is done to its directories before it starts.
        """
        self.root = root
        self.directory = root / "ansible"
        self.truth_path = root / "truth.jsonl"
        self.server = S3Server.start(root=root)
        ending.callback(self.server.destroy)
        self.server.create_bucket(BUCKET)
        self.cluster = Cluster.create(root=root, name="rehearsal", version=version, nodes=2, num_tokens=num_tokens)
        destroy_at_the_end(self.cluster, ending)
        prepare(self.cluster)
        self.cluster.start()
        load(cluster=self.cluster, truth_path=self.truth_path, certificates=_CERTIFICATES)
        self.inventory = root / "inventory.yml"
        self.log_in_as(self.cluster.superuser)
        self.play("backup", backup_tag=TAG).require_success()
        self.snapshot_began_us = self.began_us(TAG)
        self.write_more()

    def log_in_as(self, credentials: Credentials) -> None:
        """Play with this role of Cassandra from now on."""
        repository = Repository(server=self.server, bucket=BUCKET, prefix=PREFIX)
        write_inventory(path=self.inventory, clusters=[self.cluster], repository=repository, credentials=credentials)

    def write_more(self) -> None:
        """Let clients write for a while after the backup."""
        writer = Writer.start(root=self.root, cluster=self.cluster, truth_path=self.truth_path)
        try:
            wait_until_grown(self.truth_path, more_bytes=_MORE_TRUTH_BYTES)
        finally:
            writer.stop()

    def play(self, name: str, **variables: t.Any) -> PlaybookRun:
        """Run a playbook to its end."""
        return run_playbook(name, inventory=self.inventory, directory=self.directory, variables=variables)

    @property
    def restore_variables(self) -> dict[str, t.Any]:
        """What an operator passes to go back to the backup."""
        return {"restore_point": TAG, "restore_confirm_cluster": self.cluster.cluster_name}

    def play_and_kill(self, is_time: t.Callable[[], bool], **variables: t.Any) -> PlaybookRun:
        """Restore, and end the modules at work with SIGKILL as soon as it is time."""
        return kill_a_module(
            "disaster_recovery",
            module="cassandra_restore",
            is_time=is_time,
            inventory=self.inventory,
            directory=self.directory,
            variables={**self.restore_variables, **variables},
        )

    def play_and_kill_the_controller(self, is_time: t.Callable[[], bool]) -> None:
        """Restore, and end Ansible itself with SIGKILL as soon as it is time."""
        kill_the_controller(
            "disaster_recovery",
            is_time=is_time,
            inventory=self.inventory,
            directory=self.directory,
            variables=self.restore_variables,
        )

    def truth(self) -> tuple[Write, ...]:
        """Return all writes so far."""
        return read_truth(self.truth_path)

    def require_original(self) -> None:
        """Require every node to serve every row that was ever acknowledged."""
        self.cluster.wait_until_settled()
        with self.cluster.session() as session:
            result = check(session, self.truth())
        assert result.ok, result.summary()

    def require_restored(self, *, keyspace: str = KEYSPACE) -> None:
        """Require what the backup holds, and that later writes are not there."""
        self._require(keyspace=keyspace, until_us=self.snapshot_began_us)
        with self.cluster.session() as session:
            everything = check(session, self.truth(), tables=_tables_in(keyspace))
        assert everything.missing, "writes from after the backup are still there: nothing was restored"

    def require_held_by(self, tag: str, *, keyspace: str = KEYSPACE) -> None:
        """Require what another backup holds; nobody may have written while it was made."""
        self._require(keyspace=keyspace, until_us=self.began_us(tag), exact=True)

    def began_us(self, tag: str) -> int:
        """When the first node's snapshot of a backup began."""
        return min(int(node["snapshot_began_us"]) for node in self.manifest(tag)["nodes"])

    def _require(self, *, keyspace: str, until_us: int, exact: bool = False) -> None:
        with self.cluster.session() as session:
            result = check(session, self.truth(), until_us=until_us, exact=exact, tables=_tables_in(keyspace))
        assert result.ok, result.summary()

    def manifest(self, tag: str = TAG) -> dict[str, t.Any]:
        """Return a backup's manifest."""
        answer = self.server.client().get_object(Bucket=BUCKET, Key=f"{PREFIX}/backups/{tag}/manifest.json")
        return t.cast("dict[str, t.Any]", json.loads(answer["Body"].read()))

    def is_visible(self, tag: str) -> bool:
        """Tell whether a backup has its manifest, which is what makes it one."""
        listed = self.server.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/backups/{tag}/manifest")
        return bool(listed.get("KeyCount"))

    def certificate_object(self) -> str:
        """Return the key of the largest object of the certificates' table."""
        client = self.server.client()
        listed = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/data/certificate_manager/certificates-")
        return str(max(listed["Contents"], key=lambda entry: entry["Size"])["Key"])


def _tables_in(keyspace: str) -> list[Table]:
    return [dataclasses.replace(table, keyspace=keyspace) for table in TABLES]


def fetched_bytes(directory: Path) -> int:
    """Return how many bytes the modules at work say that they have fetched, so far, together."""
    total = 0
    for path in (directory / "ansible-async").glob("revive-*.progress"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            report = json.loads(path.read_text(encoding="utf-8"))
            total += report["done_bytes"] if report["activity"].startswith("fetch") else 0
    return total


def switch_phase(restores: Path) -> str:
    """Return the phase that a node's switch has written down; empty if there is none."""
    for path in restores.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            return str(json.loads(path.read_text(encoding="utf-8"))["phase"])
    return ""


def kill_a_module(
    playbook: str,
    *,
    module: str,
    is_time: t.Callable[[], bool],
    inventory: Path,
    directory: Path,
    variables: t.Mapping[str, t.Any],
) -> PlaybookRun:
    """Run a playbook, and end those of its modules of a name that are at work with SIGKILL as soon as it is time."""

    def kill() -> None:
        assert signal_modules(directory, module=module, number=signal.SIGKILL), "no module was at work"

    return play_and(
        kill,
        playbook=playbook,
        is_time=is_time,
        inventory=inventory,
        directory=directory,
        # So that a module that is at work is known by its file.
        variables={**variables, "ansible_pipelining": False},
    )


def play_and(
    act: t.Callable[[], None],
    *,
    playbook: str,
    is_time: t.Callable[[], bool],
    inventory: Path,
    directory: Path,
    variables: t.Mapping[str, t.Any],
) -> PlaybookRun:
    """Run a playbook to its end, and do something once as soon as it is time."""
    began = time.monotonic()
    process = start_playbook(playbook, inventory=inventory, directory=directory, variables=variables)
    try:
        _wait_to_kill(is_time, process)
        assert process.poll() is None, f"it ended before:\n{_rest(process)}"
        act()
    finally:
        run = finish_playbook(playbook, process=process, began=began)
        print(run.output)
    return run


def kill_the_controller(
    playbook: str,
    *,
    is_time: t.Callable[[], bool],
    inventory: Path,
    directory: Path,
    variables: t.Mapping[str, t.Any],
) -> None:
    """Run a playbook, and end Ansible itself with SIGKILL as soon as it is time."""
    process = start_playbook(playbook, inventory=inventory, directory=directory, variables=variables, new_session=True)
    try:
        _wait_to_kill(is_time, process)
        assert process.poll() is None, f"it ended before:\n{_rest(process)}"
    finally:
        # Its workers too. Cassandra has a session of its own and goes on.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def signal_modules(directory: Path, *, number: int, module: str = "") -> list[int]:
    """Send a signal to the modules that are at work, all or those of a name; which processes they are."""
    signalled = []
    for process in modules_at_work(directory, module=module):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
            signalled.append(process)
    return signalled


def modules_at_work(directory: Path, *, module: str = "") -> list[int]:
    """The processes of the modules, all or those of a name, that plays with this directory have started.

    Only of plays without pipelining: their modules are known by their files.
    """
    found = []
    name = f"AnsiballZ_{module}".encode() + (b".py" if module else b"")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().split(b"\0")
            is_module = any(name in part for part in command)
            is_ours = any(os.fsencode(directory) in part for part in command)
            is_wrapper = any(b"async_wrapper" in part for part in command)
            if is_module and is_ours and not is_wrapper:
                found.append(int(entry.name))
    return found


def _wait_to_kill(is_time: t.Callable[[], bool], process: subprocess.Popen[str]) -> None:
    wait_until(
        lambda: is_time() or process.poll() is not None,
        timeout_seconds=_KILL_TIMEOUT_SECONDS,
        what="the moment to kill",
        interval_seconds=0.002,
    )


def _rest(process: subprocess.Popen[str]) -> str:
    return process.stdout.read() if process.stdout is not None else ""
