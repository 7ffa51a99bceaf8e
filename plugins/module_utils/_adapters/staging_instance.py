# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throw-away Cassandra beside the serving node: started, waited for, and always ended.

It is started as the node is, by Cassandra's own script, with another configuration: :mod:`staging_directory` has that,
and all that lies on disk.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import pwd
import random
import re
import signal
import socket
import subprocess
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import programs
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import names_in
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.processes import (
    commands_of,
    cpu_ticks,
    dies_with_parent,
    give_way,
    start_ticks,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_directory import StagingDirectory
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replay_log import (
    decisive_lines,
    replay_is_over,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BusyError, InputError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import (
    InstancePaths,
    SourceIdentity,
    jvm_options,
)

_POLL_SECONDS = 0.2
_LOOK_SECONDS = 0.02
_DAEMON = "CassandraDaemon"
_CONFIG = "-Dcassandra.config="
#: What a JVM uses beside heap and direct memory.
_JVM_MIB = 256
# Below the kernel's range for outgoing connections.
_PORTS = range(20000, 32000)
#: How we know our process from a later one with the same id.
_PID = "process"
_NOT_INHERITED = frozenset({"CLASSPATH", "JVM_OPTS", "JVM_EXTRA_OPTS", "CASSANDRA_HEAPDUMP_DIR", "JMX_PORT"})


@dataclasses.dataclass(frozen=True)
class StagingSettings:
    """How staging instances run on a node.

    :param directory: only for them, on the data's file system; made from scratch by :meth:`StagingInstance.prepare`.
    :param conf_directory: the node's own configuration, which is copied.
    :param launch_command: starts Cassandra in the foreground, as ``cassandra -f``; honours ``CASSANDRA_CONF`` or
        ``CASSANDRA_INCLUDE``, and ``JVM_EXTRA_OPTS``.
    :param address: a spare loopback address.
    :param heap_mib: of the instance; its direct memory may be as much again.
    :param nice: how far it gives way to other processes, 0 to 19.
    :param user: to run as, which only root can ask for; ``None`` for whoever asks. Cassandra's own script refuses root.
    :param stall_timeout_seconds: without a new log line or any use of the CPU for this long, it is given up.
    :param stop_timeout_seconds: from SIGTERM to SIGKILL.
    """

    directory: str
    conf_directory: str
    launch_command: tuple[str, ...] = ("cassandra", "-f")
    address: str = "127.0.0.254"
    heap_mib: int = 1024
    nice: int = 10
    user: str | None = None
    stall_timeout_seconds: float = 600.0
    stop_timeout_seconds: float = 300.0


class StagingInstance:
    """One directory in which Cassandra is started once or more, each time for a pass over the same segments."""

    def __init__(self, settings: StagingSettings, *, identity: SourceIdentity) -> None:
        """
        :raises InputError: for a directory that Cassandra's script cannot quote, or an address outside loopback.
        """
        self._files = StagingDirectory(
            settings.directory, conf_directory=settings.conf_directory, address=settings.address, identity=identity
        )
        if not settings.address.startswith("127."):
            raise InputError(
                f"{settings.address} is not a loopback address; a staging instance has no login.",
                subject=settings.address,
                next_step="Give an address in 127.0.0.0/8.",
            )
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def paths(self) -> InstancePaths:
        """Where it is, and the ports it listens on since its last start."""
        return self._files.paths

    def prepare(self) -> None:
        """Make the directory from scratch, empty except for the configuration.

        :raises BusyError: if an instance is running there.
        :raises LocalFilesError: if something else is there, or that fails.
        """
        self._files.check_ours()
        self._refuse_running()
        self._files.make()

    def place_segments(self, segments: t.Sequence[str]) -> None:
        """Link the segments into the commit log directory; other files there are removed. The originals stay.

        :raises InputError: if a file is not named like a segment, or two have the same id.
        :raises LocalFilesError: if that fails.
        """
        self._files.place_segments(segments)

    @contextlib.contextmanager
    def running(
        self,
        *,
        replay: t.Sequence[str],
        moment_us: int | None,
        tolerate_unreadable: bool = False,
        owns_all: bool = False,
    ) -> t.Iterator[str]:
        """Start it, wait until it has replayed and answers CQL on ``paths``, hand over its log so far, then end it.

        :param moment_us: later mutations are not replayed; ``None`` for all.
        :param tolerate_unreadable: go on past mutations that cannot be read, which the log then names.
        :param owns_all: whether users' tables will be read.
        :raises NodeError: if it does not come up; with the lines of its log that say why.
        :param replay: what to replay of the segments; empty only if there are none.
        :raises BusyError: if one is already running there.
        :raises InputError: for segments without a list: all would be replayed, the source's peers among it, with which
            the instance would then talk.
        """
        self._refuse_running()
        if not replay and names_in(self.paths.commitlog):
            raise InputError(
                "Segments are only replayed with a list of what to replay.", subject=self._settings.directory
            )
        self._choose_ports()
        self._files.configure(moment_us=moment_us)
        options = jvm_options(
            paths=self.paths,
            replay=replay,
            heap_mib=self._settings.heap_mib,
            tolerate_unreadable=tolerate_unreadable,
            owns_all=owns_all,
        )
        self._start(options)
        try:
            self._wait_until_ready()
            yield self.log()
            self._stop()
        finally:
            self._kill()

    def log(self) -> str:
        """What the last start logged."""
        return self._files.log()

    def _choose_ports(self) -> None:
        address = self._settings.address
        self._files.use_ports(storage=free_port(address), native=free_port(address), jmx=free_port("127.0.0.1"))

    def _start(self, options: t.Sequence[str]) -> None:
        self._files.clear_logs()
        user = _runs_as(self._settings)
        if user is not None:
            self._files.give_to(user)
        heap = f"{self._settings.heap_mib}M"
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        environment |= {
            "CASSANDRA_CONF": self.paths.conf,
            "CASSANDRA_INCLUDE": os.path.join(self.paths.conf, "revive.in.sh"),
            "CASSANDRA_LOG_DIR": self.paths.logs,
            "MAX_HEAP_SIZE": heap,
            "HEAP_NEWSIZE": f"{max(64, self._settings.heap_mib // 4)}M",
            "LOCAL_JMX": "yes",
            "JVM_EXTRA_OPTS": " ".join(options),
        }
        with open(os.path.join(self.paths.logs, "stdout.log"), "wb") as output:
            try:
                self._process = programs.start(
                    self._settings.launch_command,
                    directory=self.paths.directory,
                    environment=environment,
                    output=output,
                    user=(user.pw_uid, user.pw_gid) if user else None,
                    prepare=dies_with_parent(os.getpid(), nice=self._settings.nice),
                )
            except OSError as error:
                raise NodeError(
                    f"Cassandra cannot be started with {self._settings.launch_command[0]}: {error.strerror}.",
                    subject=self._settings.launch_command[0],
                    next_step="Give the command that starts Cassandra in the foreground.",
                ) from error
        give_way(self._process.pid)
        with open(os.path.join(self._settings.directory, _PID), "w", encoding="ascii") as file:
            file.write(f"{self._process.pid} {start_ticks(self._process.pid)}\n")

    def _wait_until_ready(self) -> None:
        process = self._process
        if process is None:
            raise AssertionError("the instance was not started")
        last, since = (-1, -1), time.monotonic()
        known = False
        while True:
            code = process.poll()
            if code is not None:
                raise self._failure(f"ended with {code}")
            known = known or self._has_our_configuration(process.pid)
            if self._listens() and replay_is_over(self.log()):
                return
            now = (self._files.log_size(), cpu_ticks(process.pid) // 100)
            if now != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > self._settings.stall_timeout_seconds:
                raise self._failure(f"did nothing for {self._settings.stall_timeout_seconds:.0f} s")
            # A Cassandra with another configuration is found before it gets to its directories.
            time.sleep(_POLL_SECONDS if known else _LOOK_SECONDS)

    def _has_our_configuration(self, group: int) -> bool:
        """Whether Cassandra has been started with the instance's configuration.

        :raises NodeError: if it has another one, which may be the serving node's: that Cassandra is ended at once.
        """
        for command in commands_of(group):
            if any(word.endswith(_DAEMON) for word in command):
                given = [word for word in command if word.startswith(_CONFIG)]
                if given and given[-1] == f"{_CONFIG}file://{self.paths.conf}/cassandra.yaml":
                    return True
                self._kill()
                raise NodeError(
                    f"{self._settings.launch_command[0]} starts Cassandra without the configuration it was given.",
                    subject=self._settings.launch_command[0],
                    next_step="Give a command that honours CASSANDRA_CONF and JVM_EXTRA_OPTS, as Cassandra's own does.",
                )
        return False

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.paths.address, self.paths.native_port)) == 0

    def _failure(self, what: str) -> NodeError:
        return NodeError(
            f"The staging instance in {self._settings.directory} {what}: {decisive_lines(self._files.said())}",
            subject=self._settings.directory,
            next_step=f"Its logs are in {self.paths.logs}. The serving node was not touched.",
        )

    def _stop(self) -> None:
        """Stop it properly: it drains, so everything is in SSTables."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(self._settings.stop_timeout_seconds)
        except subprocess.TimeoutExpired:
            raise self._failure("did not stop") from None

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            # Its own session: the script and whatever it started.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._settings.directory, _PID))

    def _refuse_running(self) -> None:
        try:
            with open(os.path.join(self._settings.directory, _PID), encoding="ascii") as file:
                pid, ticks = (int(word) for word in file.read().split())
        except (FileNotFoundError, ValueError):
            return
        if start_ticks(pid) == ticks:
            raise BusyError(
                f"A staging instance is running in {self._settings.directory}: process {pid}.",
                subject=self._settings.directory,
                next_step="Wait for it to end, or end that process; then try again.",
            )


def free_port(address: str) -> int:
    """A port that nothing listens on now.

    :raises BusyError: if none is found.
    """
    for port in random.SystemRandom().sample(_PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise InputError(f"{address} is not an address of this node.", subject=address) from error
                continue
            return port
    raise BusyError(f"There is no free port on {address}.", subject=address, next_step="Give another loopback address.")


def _runs_as(settings: StagingSettings) -> pwd.struct_passwd | None:
    """The user to become; only if we are root and asked to."""
    if os.geteuid() != 0 or settings.user is None:
        return None
    try:
        return pwd.getpwnam(settings.user)
    except KeyError as error:
        raise InputError(f"There is no user {settings.user}.", subject=settings.user) from error


def check_memory(heap_mib: int, *, meminfo: str = "/proc/meminfo") -> None:
    """Refuse to start an instance if there is not enough memory beside what runs.

    :raises NodeError: if less is available than it may use.
    """
    needed_mib = 2 * heap_mib + _JVM_MIB
    with contextlib.suppress(FileNotFoundError), open(meminfo, encoding="ascii") as file:
        match = re.search(r"^MemAvailable:\s+(\d+) kB", file.read(), re.MULTILINE)
        available_mib = int(match[1]) // 1024 if match else needed_mib
        if available_mib < needed_mib:
            raise NodeError(
                f"A staging instance with a heap of {heap_mib} MiB may use {needed_mib} MiB, and {available_mib} MiB "
                "of memory are available.",
                subject="staging_heap_mib",
                next_step="Give it a smaller heap, or free memory; the serving node was not touched.",
            )
