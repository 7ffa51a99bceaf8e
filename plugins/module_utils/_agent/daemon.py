# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The daemon: one thread ships, one watches, one records the schema; none of them ends because of a failure."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import sys
import threading
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.archive_directory import ArchiveDirectory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    ensure_directory,
    remove_if_there,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._agent.book import Book, state_path
from ansible_collections.revive.cassandra.plugins.module_utils._agent.schema_recorder import SchemaRecorder
from ansible_collections.revive.cassandra.plugins.module_utils._agent.shipper import Shipper
from ansible_collections.revive.cassandra.plugins.module_utils._agent.watcher import Watcher
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import AgentConfig
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_status import (
    AGENT_LOCK,
    SHIP_NOW_FILE,
    STATUS,
    STATUS_FILE,
    AgentStatus,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore

_POLL_SECONDS = 0.2
_FIRST_BACKOFF_SECONDS = 1.0
_WATCH_SECONDS = 3.0

#: What can fail, worst first.
SHIP = "ship"
WATCH = "watch"
RECORD = "record the schema"


@dataclasses.dataclass(frozen=True)
class _Failure:
    """What is failing now."""

    code: str
    text: str
    since_us: int


class Daemon:
    """One node's agent.

    :param store: instead of the configured one, for tests.
    """

    def __init__(self, config: AgentConfig, *, store: ObjectStore | None = None) -> None:
        self._config = config
        self._store = store
        self._stop = threading.Event()
        self._files = ArchiveDirectory(log_directory=config.commitlog_directory, root=config.archive_root)
        self._book = Book(host_id=config.host_id, path=state_path(config.agent_directory))
        self._watcher = Watcher(config, book=self._book, files=self._files, clock=now_us)
        self._shipper: Shipper | None = None
        self._failures: dict[str, _Failure] = {}
        self._status_lock = threading.Lock()
        self._status = AgentStatus(pid=os.getpid(), node_name=config.node_name, host_id=config.host_id)

    def stop(self, *_signal: t.Any) -> None:
        """End after the current piece."""
        self._stop.set()

    def run(self) -> None:
        """Run until :meth:`stop`.

        :raises BusyError: if another agent of this node is running.
        :raises LocalFilesError: if the state directory cannot be used.
        """
        config = self._config
        ensure_directory(config.agent_directory)
        with node_lock(config.state_directory, name=AGENT_LOCK, node=config.node_name):
            self._book.load()
            self._note(f"ships the commit log of {config.node_name} to {config.repository}")
            helpers = [threading.Thread(target=self._watch, name="revive-watch", daemon=True)]
            if config.cql is not None and config.schema_interval_seconds > 0:
                helpers.append(threading.Thread(target=self._record, name="revive-schema", daemon=True))
            for helper in helpers:
                helper.start()
            self._ship()
            for helper in helpers:
                helper.join(timeout=10)
            self._write_status()

    def _ship(self) -> None:
        config = self._config
        backoff = _FIRST_BACKOFF_SECONDS
        while not self._stop.is_set():
            began = time.monotonic()
            # Asked before the cycle begins: the cycle answers it.
            remove_if_there(os.path.join(config.agent_directory, SHIP_NOW_FILE))
            if self._attempt(SHIP, self._cycle):
                backoff = _FIRST_BACKOFF_SECONDS
                self._write_status()
                self._wait(config.interval_seconds - (time.monotonic() - began))
            else:
                self._write_status()
                self._wait(random.uniform(backoff / 2, backoff))
                backoff = min(backoff * 2, config.max_backoff_seconds)

    def _cycle(self) -> None:
        if self._shipper is None:
            self._shipper = Shipper(
                self._config,
                store=self._open_store(),
                book=self._book,
                files=self._files,
                keep_on=lambda: not self._stop.is_set(),
            )
        self._shipper.cycle()

    def _open_store(self) -> ObjectStore:
        return self._store or open_store(self._config.repository, retry_seconds=self._config.retry_seconds)

    def _record(self) -> None:
        recorder: SchemaRecorder | None = None

        def look() -> None:
            nonlocal recorder
            if recorder is None and self._config.cql is not None:
                recorder = SchemaRecorder(self._config, self._config.cql, store=self._open_store(), clock=now_us)
            if recorder is not None:
                recorder.look()

        while not self._stop.is_set():
            self._attempt(RECORD, look)
            self._stop.wait(self._config.schema_interval_seconds)
        if recorder is not None:
            recorder.close()

    def _watch(self) -> None:
        while not self._stop.is_set():
            self._attempt(WATCH, self._watcher.look)
            self._write_status()
            self._stop.wait(min(_WATCH_SECONDS, max(0.2, self._config.interval_seconds)))

    def _wait(self, seconds: float) -> None:
        """Wait until the time is over, somebody asks to ship now, or the agent has to end."""
        until = time.monotonic() + seconds
        asked = os.path.join(self._config.agent_directory, SHIP_NOW_FILE)
        while not self._stop.is_set() and not os.path.exists(asked):
            left = until - time.monotonic()
            if left <= 0:
                return
            self._stop.wait(min(left, _POLL_SECONDS))

    def _attempt(self, what: str, act: t.Callable[[], t.Any]) -> bool:
        """Do it; a failure is logged once when it begins and once when it ends, and is in the status meanwhile."""
        try:
            act()
        except Exception as error:
            code = error.code if isinstance(error, ReviveError) else "unexpected"
            text = str(error) if isinstance(error, ReviveError) else f"{type(error).__name__}: {error}"
            before = self._failures.get(what)
            if before is None or before.text != text:
                self._note(f"cannot {what}: {text}")
            self._failures[what] = _Failure(code=code, text=text, since_us=before.since_us if before else now_us())
            return False
        if self._failures.pop(what, None):
            self._note(f"can {what} again")
        return True

    def _write_status(self) -> None:
        published = self._shipper.published if self._shipper else None
        failing = next((what for what in (SHIP, WATCH, RECORD) if what in self._failures), "")
        failure = self._failures.get(failing)
        state = self._book.state
        try:
            spool_bytes, spool_segments = self._files.usage()
            with self._status_lock:
                self._status = dataclasses.replace(
                    self._status,
                    running=not self._stop.is_set(),
                    written_us=now_us(),
                    covered_from_us=published.covered_from_us if published else 0,
                    covered_until_us=published.covered_until_us if published else 0,
                    published_us=published.written_us if published else 0,
                    pending_since_us=published.pending_since_us if published else None,
                    clock_stepped_us=state.clock_stepped_us,
                    last_gap=state.last_gap,
                    gaps_to_tell=len(state.gaps),
                    spool_bytes=spool_bytes,
                    spool_segments=spool_segments,
                    spool_limit_bytes=self._config.spool_max_bytes,
                    spool_policy=self._config.spool_policy,
                    interval_seconds=self._config.interval_seconds,
                    failing=failing,
                    error_code=failure.code if failure else "",
                    error=failure.text if failure else "",
                    failing_since_us=failure.since_us if failure else None,
                )
                path = os.path.join(self._config.agent_directory, STATUS_FILE)
                write_atomically(path, STATUS.encode(self._status), durable=False)
        except ReviveError as error:
            self._note(f"cannot write the status: {error}")

    def _note(self, text: str) -> None:
        sys.stderr.write(json.dumps({"agent": self._config.node_name, "says": text}) + "\n")
        sys.stderr.flush()


def run_until_terminated(config: AgentConfig) -> None:
    """Run the agent until SIGTERM or SIGINT."""
    daemon = Daemon(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, daemon.stop)
    daemon.run()
