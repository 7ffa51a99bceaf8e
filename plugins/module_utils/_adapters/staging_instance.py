# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throw-away Cassandra beside the serving node: made, started, waited for, and always ended.

It is started as the node is, by Cassandra's own script, with another configuration: ``CASSANDRA_CONF`` says where, and
``CASSANDRA_INCLUDE`` names a fragment of shell that says it again, since packages' own fragments set it to theirs.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_settings
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import local_error, names_in
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.archiving_properties import (
    archiving_properties,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import parse_segment_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replay_log import (
    decisive_lines,
    replay_is_over,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BusyError,
    InputError,
    LocalFilesError,
    NodeError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import (
    InstancePlaces,
    SourceIdentity,
    jvm_options,
    settings_text,
    staging_settings,
    without_agents,
)

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.2
_LOOK_SECONDS = 0.02
_DAEMON = "CassandraDaemon"
_CONFIG = "-Dcassandra.config="
#: What a JVM uses beside heap and direct memory.
_JVM_MIB = 256
# Below the kernel's range for outgoing connections.
_PORTS = range(20000, 32000)
_LOGBACK = """\
<configuration>
  <appender name="SYSTEM" class="ch.qos.logback.core.FileAppender">
    <file>{logs}/system.log</file>
    <encoder><pattern>%-5level [%thread] %date{{ISO8601}} %F:%L - %msg%n%ex{{full}}</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="SYSTEM"/></root>
</configuration>
"""
# Cassandra's script reads an include instead of the installed one, whose class path is still needed.
_INCLUDE = """\
unset CASSANDRA_INCLUDE
for include in "$(dirname "$0")/cassandra.in.sh" "$HOME/.cassandra.in.sh" /usr/share/cassandra/cassandra.in.sh \\
    /usr/local/share/cassandra/cassandra.in.sh /opt/cassandra/cassandra.in.sh; do
    if [ -r "$include" ]; then
        . "$include"
        break
    fi
done
CASSANDRA_CONF={conf}
CASSANDRA_LOG_DIR={logs}
cassandra_storagedir={directory}
CLASSPATH="{conf}:$CLASSPATH"
"""
_UNSUITABLE = re.compile(r"[^A-Za-z0-9/._+=@-]")


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
        if _UNSUITABLE.search(settings.directory) or not os.path.isabs(settings.directory):
            raise InputError(
                f"{settings.directory!r} cannot hold a staging instance.",
                subject=settings.directory,
                next_step="Use an absolute path without blanks, quotes and other special characters.",
            )
        if not settings.address.startswith("127."):
            raise InputError(
                f"{settings.address} is not a loopback address; a staging instance has no login.",
                subject=settings.address,
                next_step="Give an address in 127.0.0.0/8.",
            )
        self._settings = settings
        self._identity = identity
        self._process: subprocess.Popen[bytes] | None = None
        self.places = InstancePlaces(
            directory=settings.directory, address=settings.address, storage_port=0, native_port=0, jmx_port=0
        )

    def prepare(self) -> None:
        """Make the directory from scratch, empty except for the configuration.

        :raises BusyError: if an instance is running there.
        :raises LocalFilesError: if something else is there, or that fails.
        """
        directory = self._settings.directory
        if os.path.lexists(directory):
            if names_in(directory) and not os.path.exists(os.path.join(directory, _MARK)):
                raise LocalFilesError(
                    f"{directory} is not empty, and not a staging instance's.",
                    subject=directory,
                    next_step="Give a directory that nothing else uses.",
                )
            self._refuse_running()
            shutil.rmtree(directory)
        try:
            os.makedirs(directory, mode=0o700)
            with open(os.path.join(directory, _MARK), "wb"):
                pass
            for each in (self.places.data, self.places.commitlog, self.places.logs, self.places.temporary):
                os.mkdir(each, 0o700)
            for each in self.places.others:
                os.mkdir(each, 0o700)
            shutil.copytree(self._settings.conf_directory, self.places.conf)
        except (OSError, shutil.Error) as error:
            raise LocalFilesError(f"Cannot prepare {directory}: {error}", subject=directory) from error

    def place_segments(self, segments: t.Sequence[str]) -> None:
        """Link the segments into the commit log directory; other files there are removed. The originals stay.

        :raises InputError: if a file is not named like a segment, or two have the same id.
        :raises LocalFilesError: if that fails.
        """
        for name in names_in(self.places.commitlog):
            os.unlink(os.path.join(self.places.commitlog, name))
        seen: dict[int, str] = {}
        for path in segments:
            segment = parse_segment_name(os.path.basename(path))
            if segment is None or segment.id in seen:
                what = f"and {seen[segment.id]} are the same segment" if segment else "is not a commit log segment"
                raise InputError(
                    f"{path} {what}.",
                    subject=path,
                    next_step="Give each segment once, the most complete copy of it.",
                )
            seen[segment.id] = path
            _link_or_copy(path, os.path.join(self.places.commitlog, os.path.basename(path)))

    @contextlib.contextmanager
    def running(
        self,
        *,
        replay: t.Sequence[str],
        moment_us: int | None,
        tolerate_unreadable: bool = False,
        owns_all: bool = False,
    ) -> t.Iterator[str]:
        """Start it, wait until it has replayed and answers CQL on ``places``, hand over its log so far, then end it.

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
        if not replay and names_in(self.places.commitlog):
            raise InputError(
                "Segments are only replayed with a list of what to replay.", subject=self._settings.directory
            )
        self._choose_ports()
        self._configure(moment_us=moment_us)
        options = jvm_options(
            places=self.places,
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
        path = os.path.join(self.places.logs, "system.log")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def _choose_ports(self) -> None:
        address = self._settings.address
        self.places = dataclasses.replace(
            self.places,
            storage_port=free_port(address),
            native_port=free_port(address),
            jmx_port=free_port("127.0.0.1"),
        )

    def _configure(self, *, moment_us: int | None) -> None:
        conf = self.places.conf
        node = read_settings(os.path.join(self._settings.conf_directory, "cassandra.yaml"))
        texts = {
            "cassandra.yaml": settings_text(staging_settings(node, places=self.places, identity=self._identity)),
            "cassandra-rackdc.properties": f"dc={self._identity.datacenter}\nrack={self._identity.rack}\n",
            "commitlog_archiving.properties": archiving_properties(moment_us),
            "logback.xml": _LOGBACK.format(logs=self.places.logs),
            "revive.in.sh": _INCLUDE.format(conf=conf, logs=self.places.logs, directory=self.places.directory),
        }
        for name in names_in(conf):
            path = os.path.join(conf, name)
            if name == "cassandra-env.sh" or (name.startswith("jvm") and name.endswith(".options")):
                with open(path, encoding="utf-8") as file:
                    texts[name] = without_agents(file.read())
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(conf, "cassandra-topology.properties"))
        for name, text in texts.items():
            path = os.path.join(conf, name)
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                raise local_error(error, doing="write", path=path) from error

    def _start(self, options: t.Sequence[str]) -> None:
        for name in names_in(self.places.logs):
            os.unlink(os.path.join(self.places.logs, name))
        user = _runs_as(self._settings)
        if user is not None:
            _give(self._settings.directory, user=user)
        heap = f"{self._settings.heap_mib}M"
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        environment |= {
            "CASSANDRA_CONF": self.places.conf,
            "CASSANDRA_INCLUDE": os.path.join(self.places.conf, "revive.in.sh"),
            "CASSANDRA_LOG_DIR": self.places.logs,
            "MAX_HEAP_SIZE": heap,
            "HEAP_NEWSIZE": f"{max(64, self._settings.heap_mib // 4)}M",
            "LOCAL_JMX": "yes",
            "JVM_EXTRA_OPTS": " ".join(options),
        }
        with open(os.path.join(self.places.logs, "stdout.log"), "wb") as output:
            try:
                self._process = subprocess.Popen(
                    self._settings.launch_command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self.places.directory,
                    env=environment,
                    start_new_session=True,
                    preexec_fn=_dies_with_parent(os.getpid(), nice=self._settings.nice),
                    user=user.pw_uid if user else None,
                    group=user.pw_gid if user else None,
                    extra_groups=[] if user else None,
                )
            except OSError as error:
                raise NodeError(
                    f"Cassandra cannot be started with {self._settings.launch_command[0]}: {error.strerror}.",
                    subject=self._settings.launch_command[0],
                    next_step="Give the command that starts Cassandra in the foreground.",
                ) from error
        _give_way(self._process.pid)
        with open(os.path.join(self._settings.directory, _PID), "w", encoding="ascii") as file:
            file.write(f"{self._process.pid} {_start_ticks(self._process.pid)}\n")

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
            now = (self._log_size(), _cpu_ticks(process.pid) // 100)
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
        for command in _commands_of(group):
            if any(word.endswith(_DAEMON) for word in command):
                given = [word for word in command if word.startswith(_CONFIG)]
                if given and given[-1] == f"{_CONFIG}file://{self.places.conf}/cassandra.yaml":
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
            return probe.connect_ex((self.places.address, self.places.native_port)) == 0

    def _log_size(self) -> int:
        try:
            return os.stat(os.path.join(self.places.logs, "system.log")).st_size
        except FileNotFoundError:
            return -1

    def _failure(self, what: str) -> NodeError:
        said = self.log()
        with (
            contextlib.suppress(OSError),
            open(os.path.join(self.places.logs, "stdout.log"), encoding="utf-8", errors="replace") as file,
        ):
            said += "\n" + file.read()
        return NodeError(
            f"The staging instance in {self._settings.directory} {what}: {decisive_lines(said)}",
            subject=self._settings.directory,
            next_step=f"Its logs are in {self.places.logs}. The serving node was not touched.",
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
        if _start_ticks(pid) == ticks:
            raise BusyError(
                f"A staging instance is running in {self._settings.directory}: process {pid}.",
                subject=self._settings.directory,
                next_step="Wait for it to end, or end that process; then try again.",
            )


#: How we know our directory, and our process from a later one with the same id.
_MARK = ".revive-staging"
_PID = "process"
_NOT_INHERITED = frozenset({"CLASSPATH", "JVM_OPTS", "JVM_EXTRA_OPTS", "CASSANDRA_HEAPDUMP_DIR", "JMX_PORT"})


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


def _link_or_copy(source: str, target: str) -> None:
    try:
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                raise
            shutil.copyfile(source, target)
    except OSError as error:
        raise local_error(error, doing="link", path=source) from error


def _commands_of(group: int) -> t.Iterator[list[str]]:
    """The command lines of all processes of a group, in words."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry)) == group:
                    with open(f"/proc/{entry}/cmdline", "rb") as file:
                        yield file.read().decode("utf-8", "replace").split("\0")


def _runs_as(settings: StagingSettings) -> pwd.struct_passwd | None:
    """The user to become; only if we are root and asked to."""
    if os.geteuid() != 0 or settings.user is None:
        return None
    try:
        return pwd.getpwnam(settings.user)
    except KeyError as error:
        raise InputError(f"There is no user {settings.user}.", subject=settings.user) from error


def _give(directory: str, *, user: pwd.struct_passwd) -> None:
    """Give the whole directory to the user, with the segments that are linked from elsewhere."""
    for parent, _directories, files in os.walk(directory):
        os.chown(parent, user.pw_uid, user.pw_gid)
        for name in files:
            os.chown(os.path.join(parent, name), user.pw_uid, user.pw_gid, follow_symlinks=False)


def _dies_with_parent(parent: int, *, nice: int) -> t.Callable[[], None]:
    """What the child does before it becomes Cassandra: ask the kernel to be killed when its parent ends, however that
    happens; a script that ``exec``s Java hands that on."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def prepare() -> None:
        os.nice(nice)
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def _give_way(pid: int) -> None:
    """Have the kernel end this process before any other, should memory run out: beside it a node may serve."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


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


def _stat_fields(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _start_ticks(pid: int) -> int:
    """When a process began, in ticks since boot: with its id, it is that process and no later one; -1 if it is gone."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else -1


def _cpu_ticks(pid: int) -> int:
    fields = _stat_fields(pid)
    return int(fields[11]) + int(fields[12]) if fields else 0
