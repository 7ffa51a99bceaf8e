# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a node: its directories, configuration and commands, as text and on disk."""

from __future__ import annotations

import dataclasses
import json
import shutil
import typing as t
from pathlib import Path

from lab.distribution import Distribution, java_options
from lab.errors import LabError
from lab.hardening import Hardening
from lab.state_files import write_private

_COMMANDS = Path(__file__).parent / "node_bin"

_LOGBACK = """\
<configuration>
  <appender name="SYSTEM" class="ch.qos.logback.core.FileAppender">
    <file>${cassandra.logdir}/system.log</file>
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="SYSTEM"/></root>
</configuration>
"""
_LOGBACK_TOOLS = """\
<configuration>
  <appender name="STDERR" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%-5level %date{HH:mm:ss.SSS} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="STDERR"/></root>
</configuration>
"""


@dataclasses.dataclass(frozen=True)
class NodeLayout:
    """Where everything of one node lies, below its directory."""

    directory: Path
    data_directory_count: int

    @property
    def conf_directory(self) -> Path:
        """Return the directory of ``cassandra.yaml``; it is on the node's class path."""
        return self.directory / "conf"

    @property
    def bin_directory(self) -> Path:
        """Return the directory of the node's commands."""
        return self.directory / "bin"

    @property
    def data_directories(self) -> tuple[Path, ...]:
        """Return ``data``, or ``data1``, ``data2``, ... of a node with several."""
        if self.data_directory_count == 1:
            return (self.directory / "data",)
        return tuple(self.directory / f"data{number}" for number in range(1, self.data_directory_count + 1))

    @property
    def commitlog_directory(self) -> Path:
        """Return the directory of the commit log's segments."""
        return self.directory / "commitlog"

    @property
    def hints_directory(self) -> Path:
        """Return the directory of the hints for other nodes."""
        return self.directory / "hints"

    @property
    def saved_caches_directory(self) -> Path:
        """Return the directory of the saved key caches."""
        return self.directory / "saved_caches"

    @property
    def cdc_raw_directory(self) -> Path:
        """Return the directory of change data capture."""
        return self.directory / "cdc_raw"

    @property
    def log_path(self) -> Path:
        """Return Cassandra's own log."""
        return self.directory / "logs" / "system.log"

    @property
    def process_path(self) -> Path:
        """Return the record of the running process, as :class:`lab.processes.ProcessIdentity` reads it."""
        return self.directory / "run" / "process"

    @property
    def state_directories(self) -> tuple[Path, ...]:
        """Return all that Cassandra itself fills and that a lost disk takes with it."""
        return (
            *self.data_directories,
            self.commitlog_directory,
            self.hints_directory,
            self.saved_caches_directory,
            self.cdc_raw_directory,
        )


@dataclasses.dataclass(frozen=True)
class NodeSettings:
    """What differs from node to node and from cluster to cluster."""

    cluster_name: str
    datacenter: str
    rack: str
    address: str
    native_port: int
    storage_port: int
    jmx_port: int
    seeds: tuple[str, ...]
    num_tokens: int
    heap_mib: int
    snitch: str = "GossipingPropertyFileSnitch"
    hardening: Hardening | None = None


def write_node(
    *, layout: NodeLayout, settings: NodeSettings, distribution: Distribution, class_data_archives: Path
) -> None:
    """Create a node's directory with its configuration and its commands."""
    conf = layout.conf_directory
    for directory in (layout.bin_directory, conf, layout.log_path.parent, layout.process_path.parent):
        directory.mkdir(parents=True, exist_ok=True)
    for directory in layout.state_directories:
        directory.mkdir(mode=0o750, exist_ok=True)
    for command in _COMMANDS.iterdir():
        shutil.copy(command, layout.bin_directory)
    files = configuration_files(
        layout=layout, settings=settings, distribution=distribution, class_data_archives=class_data_archives
    )
    for name, text in files.items():
        # Those of a hardened cluster have passwords in them.
        write_private(path=conf / name, text=text)


def configuration_files(
    *,
    layout: NodeLayout,
    settings: NodeSettings,
    distribution: Distribution,
    class_data_archives: Path | None = None,
) -> dict[str, str]:
    """Return the texts of the files in a node's configuration directory, by their names."""
    server_archive, nodetool_archive = (
        None if class_data_archives is None else class_data_archives / name for name in ("server.jsa", "nodetool.jsa")
    )
    return {
        "cassandra.yaml": cassandra_yaml(layout=layout, settings=settings, series=distribution.series),
        "cassandra-rackdc.properties": f"dc={settings.datacenter}\nrack={settings.rack}\n",
        "logback.xml": _LOGBACK,
        "logback-tools.xml": _LOGBACK_TOOLS,
        "node.env": (
            f"JAVA={distribution.java}\nNODETOOL_JAVA={distribution.nodetool_java}\nJMX_PORT={settings.jmx_port}\n"
        ),
        "jvm.options": _options_file(
            options=server_options(layout=layout, settings=settings, distribution=distribution, archive=server_archive)
        ),
        "nodetool.options": _options_file(
            options=nodetool_options(layout=layout, distribution=distribution, archive=nodetool_archive)
        ),
        "tools.options": _options_file(options=sstable_tool_options(layout=layout, distribution=distribution)),
    }


def cassandra_yaml(*, layout: NodeLayout, settings: NodeSettings, series: tuple[int, int]) -> str:
    """Return the text of ``cassandra.yaml``.

    Everything is Cassandra's default but for authentication, racks, directories, and timeouts that suit a machine with
    several nodes on few cores. The write timeout must stay short: half of the shortest timeout is how long a node waits
    before it tries a refused connection again (4.0 to 5.0), which delays every start and stop of a cluster. The request
    timeout, too: a node that stops waits so long for answers of nodes that stopped before it.
    """
    values: dict[str, t.Any] = {
        "cluster_name": settings.cluster_name,
        "num_tokens": settings.num_tokens,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": settings.snitch,
        "listen_address": settings.address,
        "storage_port": settings.storage_port,
        "rpc_address": settings.address,
        "native_transport_port": settings.native_port,
        "authenticator": "PasswordAuthenticator",
        "authorizer": "CassandraAuthorizer",
        "role_manager": "CassandraRoleManager",
        "commitlog_directory": str(layout.commitlog_directory),
        "hints_directory": str(layout.hints_directory),
        "saved_caches_directory": str(layout.saved_caches_directory),
        "cdc_raw_directory": str(layout.cdc_raw_directory),
        "commitlog_sync": "periodic",
    }
    durations_ms = {
        "commitlog_sync_period": 10_000,
        "read_request_timeout": 30_000,
        "range_request_timeout": 30_000,
        "write_request_timeout": 4_000,
        "counter_write_request_timeout": 10_000,
        "truncate_request_timeout": 120_000,
        "request_timeout": 6_000,
    }
    for name, duration_ms in durations_ms.items():
        if series >= (4, 1):
            values[name] = f"{duration_ms}ms"
        else:
            values[f"{name}_in_ms"] = duration_ms
    if settings.hardening is not None:
        values |= settings.hardening.settings(node=layout.directory.name)
    lines = [f"{name}: {json.dumps(value) if ' ' in str(value) else value}" for name, value in values.items()]
    lines += ["data_file_directories:", *(f"  - {directory}" for directory in layout.data_directories)]
    lines += [
        "seed_provider:",
        "  - class_name: org.apache.cassandra.locator.SimpleSeedProvider",
        "    parameters:",
        f'      - seeds: "{",".join(settings.seeds)}"',
    ]
    return "\n".join(lines) + "\n"


def server_options(
    *, layout: NodeLayout, settings: NodeSettings, distribution: Distribution, archive: Path | None
) -> tuple[str, ...]:
    """Return the options of a node's JVM: small, quick to start, and without a change to what Cassandra does.

    The configuration's directory stands behind the jars: a class data archive serves any class path that begins with
    its own.
    """
    conf = layout.conf_directory
    properties = {
        "cassandra.config": f"file://{conf / 'cassandra.yaml'}",
        "logback.configurationFile": f"file://{conf / 'logback.xml'}",
        "cassandra.logdir": layout.log_path.parent,
        "cassandra.storagedir": layout.directory,
        "cassandra.jmx.local.port": settings.jmx_port,
        "cassandra-foreground": "yes",
        "jdk.attach.allowAttachSelf": "true",
        "io.netty.tryReflectionSetAccessible": "true",
        # How long a node looks for seeds and, joining, for others: the default of 30 s is for real networks.
        "cassandra.ring_delay_ms": 10_000,
        "cassandra.skip_wait_for_gossip_to_settle": 0,
        "cassandra.superuser_setup_delay_ms": 0,
        "cassandra.shutdown_announce_in_ms": 300,
        "cassandra.auth_bcrypt_gensalt_log2_rounds": 4,
        # Each start measures what a row takes in memory on so many: with the default of 100,000, a third of a start.
        "cassandra.memtable_row_overhead_computation_step": 1_000,
        # How often the clock for the expiry of messages is set: 2 ms, the default, is three quarters of what an idle
        # node takes of a processor.
        "cassandra.approximate_time_precision_ms": 20,
        **(settings.hardening.jvm_properties(node=layout.directory.name) if settings.hardening else {}),
    }
    return (
        *java_options(java_release=distribution.java_release),
        *(settings.hardening.jvm_options if settings.hardening else ()),
        f"-Xms{settings.heap_mib}m",
        f"-Xmx{settings.heap_mib}m",
        "-Xss256k",
        "-XX:+ExitOnOutOfMemoryError",
        *(() if archive is None else (f"-XX:SharedArchiveFile={archive}",)),
        *(f"-D{name}={value}" for name, value in properties.items()),
        "-cp",
        ":".join([*map(str, distribution.jars), *(() if archive is None else (str(conf),))]),
    )


def nodetool_options(*, layout: NodeLayout, distribution: Distribution, archive: Path | None) -> tuple[str, ...]:
    """Return the options of nodetool's JVM, which is a Java 17 for every version."""
    return (
        *java_options(java_release=17),
        *_tool_options(layout=layout),
        *(() if archive is None else (f"-XX:SharedArchiveFile={archive}",)),
        "-cp",
        ":".join(map(str, distribution.jars)),
    )


def sstable_tool_options(*, layout: NodeLayout, distribution: Distribution) -> tuple[str, ...]:
    """Return the options of the JVM of sstableloader and the like, which need the server's Java and configuration."""
    return (
        *java_options(java_release=distribution.java_release),
        *_tool_options(layout=layout),
        "-cp",
        ":".join(map(str, [*distribution.jars, layout.conf_directory])),
    )


def _tool_options(*, layout: NodeLayout) -> tuple[str, ...]:
    conf = layout.conf_directory
    return (
        "-Xmx256m",
        f"-Dcassandra.config=file://{conf / 'cassandra.yaml'}",
        f"-Dlogback.configurationFile=file://{conf / 'logback-tools.xml'}",
        f"-Dcassandra.storagedir={layout.directory}",
        # nodetool keeps a history of its commands there.
        f"-Duser.home={layout.process_path.parent}",
    )


def check_directory(*, directory: Path) -> None:
    """Refuse a place where Cassandra's archive commands, which know no quoting, could not work.

    :raises LabError: the path holds a blank or a quote.
    """
    if any(character in str(directory) for character in " \t\"'\\:"):
        raise LabError(f"{directory}: a lab cannot lie in a path with blanks, quotes or colons")


def _options_file(*, options: t.Sequence[str]) -> str:
    """Return options as a Java argument file: one a line; paths have been checked, so nothing needs quoting."""
    return "\n".join(options) + "\n"
