# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes to a cluster, and keeps the truth of it: a bulk load, and a process that goes on until it is told to stop."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

from cassandra import ConsistencyLevel
from cassandra.cluster import NoHostAvailable

from lab.cluster import Cluster
from lab.errors import LabError
from lab.processes import ProcessIdentity, wait_until
from lab.schema import create_schema
from lab.truth import TruthFile, now_us
from lab.workload import Operation, Workload, prepare

_IN_FLIGHT = 64
_BATCH = 200
_LOAD_TRIES = 10
_REPLICAS_MAX = 3
_STOP_TIMEOUT_SECONDS = 120.0


def set_up_schema(*, cluster: Cluster) -> None:
    """Create the lab's keyspace on a cluster, with three replicas in each datacenter, or as many as it has nodes."""
    with cluster.session() as session:
        create_schema(session=session, replication=cluster.replication(at_most=_REPLICAS_MAX))


def load(*, cluster: Cluster, truth_path: Path, certificates: int) -> int:
    """Write that many certificates and their companions, as fast as the cluster takes them, and return the rows.

    Creates the schema. Inserts that time out are sent again, with their timestamps, until they are acknowledged.
    Appends and increments cannot be: those that time out on an overloaded machine stay attempts.

    :raises LabError: an insert failed ten times.
    """
    set_up_schema(cluster=cluster)
    truth = TruthFile(truth_path)
    with cluster.session(consistency=ConsistencyLevel.LOCAL_QUORUM, credentials=cluster.application) as session:
        sender = _Sender(session=session, truth=truth, tries=_LOAD_TRIES)
        batch: list[Operation] = []
        for operation in Workload(truth=truth).loading(certificates=certificates):
            batch.append(operation)
            if len(batch) == _BATCH:
                sender.send(*batch)
                batch.clear()
        sender.send(*batch)
        sender.wait()
    truth.close()
    if sender.inserts_failed:
        raise LabError(f"{sender.inserts_failed} inserts were not acknowledged; the last: {sender.last_error}")
    return truth.acknowledged


def keep_writing(
    *,
    cluster: Cluster,
    truth_path: Path,
    writes_per_second: float,
    stop: threading.Event,
    consistency: int,
    counting: bool = True,
) -> tuple[int, int]:
    """Write until ``stop`` is set; return how many writes were attempted and how many acknowledged.

    Nodes may come and go: what is not acknowledged stays an attempt.

    :param counting: whether counters are incremented too.
    """
    truth = TruthFile(truth_path)
    workload = Workload(truth=truth, counting=counting)
    with cluster.session(consistency=consistency, credentials=cluster.application) as session:
        sender = _Sender(session=session, truth=truth, tries=1)
        due = time.monotonic()
        while not stop.is_set():
            sender.send(workload.next())
            due = max(due + 1 / writes_per_second, time.monotonic() - 1)
            stop.wait(max(0.0, due - time.monotonic()))
        sender.wait()
    truth.close()
    return truth.attempts, truth.acknowledged


@dataclasses.dataclass(frozen=True)
class Writer:
    """A writer in a process of its own, of which there is one per cluster."""

    directory: Path
    truth_path: Path

    @classmethod
    def start(
        cls,
        *,
        root: Path,
        cluster: Cluster,
        truth_path: Path | None = None,
        writes_per_second: float = 50.0,
        counting: bool = True,
    ) -> Writer:
        """Start writing to a cluster whose schema is there; returns after the first acknowledged write.

        :param truth_path: ``truth.jsonl`` in the writer's directory by default; it is appended to.
        :param counting: whether counters are incremented too.
        :raises LabError: a writer of this cluster runs already, or it ends at once.
        """
        writer = cls._at(root=root, name=cluster.name, truth_path=truth_path)
        if writer.is_running():
            raise LabError(f"a writer of {cluster.name} runs already: process {writer.pid}")
        writer.directory.mkdir(parents=True, exist_ok=True)
        (writer.directory / "truth").write_text(str(writer.truth_path), encoding="utf-8")
        writer._run(root=root, cluster=cluster, writes_per_second=writes_per_second, counting=counting)
        return writer

    @classmethod
    def load(cls, root: Path, name: str) -> Writer:
        """Return the writer of the cluster of that name, running or not.

        :raises LabError: there never was one.
        """
        directory = root.resolve() / "writers" / name
        if not directory.exists():
            raise LabError(f"nothing was ever written to {name} by a writer of {root}")
        recorded = directory / "truth"
        truth_path = Path(recorded.read_text(encoding="utf-8")) if recorded.exists() else None
        return cls._at(root=root, name=name, truth_path=truth_path)

    @classmethod
    def names(cls, root: Path) -> tuple[str, ...]:
        """Return the names of the clusters that have, or had, a writer or a load."""
        return tuple(sorted(path.name for path in root.resolve().glob("writers/*")))

    @classmethod
    def set_aside(cls, *, root: Path, name: str) -> Path | None:
        """Make place for the truth of a new cluster with an old one's name; return where the old truth now is."""
        truth = root.resolve() / "writers" / name / "truth.jsonl"
        if not truth.exists():
            return None
        return truth.rename(truth.with_name(f"truth-{now_us()}.jsonl"))

    @classmethod
    def _at(cls, *, root: Path, name: str, truth_path: Path | None) -> Writer:
        directory = root.resolve() / "writers" / name
        return cls(directory=directory, truth_path=(truth_path or directory / "truth.jsonl").resolve())

    @property
    def pid(self) -> int | None:
        """Return the id of the process, None if it does not run."""
        process = self._process()
        return None if process is None else process.pid

    def is_running(self) -> bool:
        """Tell whether the process runs."""
        return self._process() is not None

    def stop(self) -> str:
        """Tell the writer to finish what it has begun, wait for it, and return its last line: what it has written."""
        process = self._process()
        if process is not None:
            process.end(signal_number=signal.SIGTERM, timeout_seconds=_STOP_TIMEOUT_SECONDS)
        return self._log_tail(lines=1)

    def kill(self) -> None:
        """End the writer with SIGKILL."""
        process = self._process()
        if process is not None:
            process.end(signal_number=signal.SIGKILL, timeout_seconds=_STOP_TIMEOUT_SECONDS)

    def destroy(self) -> None:
        """End the writer and remove its directory, with the truth file if that is there."""
        self.kill()
        shutil.rmtree(self.directory)

    def _process(self) -> ProcessIdentity | None:
        process = ProcessIdentity.read(path=self.directory / "process")
        return process if process is not None and process.is_running() else None

    def _run(self, *, root: Path, cluster: Cluster, writes_per_second: float, counting: bool) -> None:
        size_before = self.truth_path.stat().st_size if self.truth_path.exists() else 0
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "lab",
            "--root",
            root.resolve(),
            "write",
            "--cluster",
            cluster.name,
        ]
        command += ["--foreground", "--rate", str(writes_per_second), "--truth", self.truth_path]
        command += [] if counting else ["--no-counting"]
        with (self.directory / "writer.log").open("wb") as log:
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
            )
        process = ProcessIdentity.of(pid=started.pid)
        if process is not None:
            process.write(path=self.directory / "process")

        def has_written() -> bool:
            if not self.truth_path.exists():
                return False
            with self.truth_path.open("rb") as file:
                file.seek(size_before)
                return b'"acknowledged"' in file.read()

        with contextlib.suppress(LabError):
            wait_until(
                lambda: started.poll() is not None or has_written(),
                timeout_seconds=_STOP_TIMEOUT_SECONDS,
                what="the writer's first write",
            )
        if not has_written():
            self.kill()
            raise LabError(f"the writer wrote nothing:\n{self._log_tail(lines=20)}")

    def _log_tail(self, *, lines: int) -> str:
        log = self.directory / "writer.log"
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        return "\n".join(said.splitlines()[-lines:])


class _Sender:
    """Sends operations, a limited number at a time, and records each in the truth file before and after."""

    def __init__(self, *, session: t.Any, truth: TruthFile, tries: int) -> None:
        self.last_error: BaseException | None = None
        self.inserts_failed = 0
        self._session = session
        self._truth = truth
        self._tries = tries
        self._statements = prepare(session=session)
        self._slots = threading.Semaphore(_IN_FLIGHT)

    def send(self, *operations: Operation) -> None:
        """Send operations, waiting while too many are under way."""
        ids = self._truth.attempt(*(operation.write for operation in operations))
        for one_id, operation in zip(ids, operations):
            self._slots.acquire()
            self._execute(one_id, operation, self._tries if operation.is_idempotent else 1)

    def wait(self) -> None:
        """Return when nothing is under way any more."""
        for _slot in range(_IN_FLIGHT):
            self._slots.acquire()
        self._slots.release(_IN_FLIGHT)

    def _execute(self, one_id: str, operation: Operation, tries_left: int) -> None:
        try:
            future = self._session.execute_async(self._statements[operation.statement], operation.parameters)
        except NoHostAvailable as error:
            self._failed(error, one_id, operation, tries_left)
            return
        future.add_callbacks(
            callback=self._succeeded,
            callback_args=(one_id,),
            errback=self._failed,
            errback_args=(one_id, operation, tries_left),
        )

    def _succeeded(self, _rows: t.Any, one_id: str) -> None:
        self._truth.acknowledge(one_id)
        self._slots.release()

    def _failed(self, error: BaseException, one_id: str, operation: Operation, tries_left: int) -> None:
        self.last_error = error
        if tries_left > 1:
            self._execute(one_id, operation, tries_left - 1)
        else:
            self.inserts_failed += operation.is_idempotent
            self._slots.release()
