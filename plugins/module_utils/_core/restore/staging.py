# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a throw-away Cassandra is told to replay, what its log says about it, and what follows from that. Pure.

A staging instance has directories, ports and a configuration of its own. Segments lie in its commit-log directory
before it starts: Cassandra takes the limit above which it skips segments in silence from the newest file there, so
a clock that is behind the source's does no harm, and no command has to be started for each file.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us

#: Cassandra's start script is handed its options in one string, which Linux limits to 128 KiB.
MAX_REPLAY_LIST_CHARACTERS = 100_000

#: Settings of the node that the instance must not share, that would open something to others, that were sized for
#: another heap, or that would forbid what is only done in the instance.
_DROPPED_SETTINGS = re.compile(
    r"(?:allocate_tokens_for_|alter_table_enabled|ddl_enabled|maximum_replication_factor|minimum_replication_factor"
    r"|page_size_|simplestrategy_enabled|audit_logging|broadcast_|cidr_|client_encryption|counter_cache_|cdc_|file_cache_"
    r"|full_query_logging|heap_dump|initial_token|internode_authenticator|jmx_|key_cache_|listen_|local_system_"
    r"|memtable_allocation_type|memtable_heap_space|memtable_offheap_space|memtable_cleanup|native_transport_port_ssl"
    r"|network_authorizer|networking_cache_|num_tokens|role_manager|row_cache_|rpc_|server_encryption|ssl_storage_port"
    r"|startup_checks)"
)
_Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class SourceIdentity:
    """Whose log it is.

    :param release_version: of the Cassandra that replays it, which has to be the one that wrote it or newer.
    :param partitioner: empty for Cassandra's default.
    """

    cluster_name: str
    datacenter: str
    rack: str
    release_version: str
    partitioner: str = ""


@dataclasses.dataclass(frozen=True)
class InstancePaths:
    """Where a staging instance lies and listens: directories below ``directory``, an address, three ports."""

    directory: str
    address: str
    storage_port: int
    native_port: int
    jmx_port: int

    @property
    def conf(self) -> str:
        """Of the copied configuration."""
        return f"{self.directory}/conf"

    @property
    def data(self) -> str:
        """The one data directory."""
        return f"{self.directory}/data"

    @property
    def commitlog(self) -> str:
        """Of segments to be replayed; Cassandra deletes them there when it has."""
        return f"{self.directory}/commitlog"

    @property
    def logs(self) -> str:
        """Of ``system.log`` and ``stdout.log``."""
        return f"{self.directory}/logs"

    @property
    def temporary(self) -> str:
        """Where Cassandra puts mutations that it cannot read."""
        return f"{self.directory}/tmp"

    @property
    def others(self) -> tuple[str, ...]:
        """Hints, caches and change data, all of which stay empty."""
        return tuple(f"{self.directory}/{name}" for name in ("hints", "saved_caches", "cdc_raw"))


def staging_settings(node_settings: t.Mapping[str, t.Any], *, paths: InstancePaths, identity: SourceIdentity) -> _Json:
    """The instance's ``cassandra.yaml``: the node's, with everything of its own that must be its own.

    What decides about formats stays (segment size, compression, encryption, SSTable format, memtables by name).
    """
    kept = {name: value for name, value in node_settings.items() if not _DROPPED_SETTINGS.match(name)}
    hints, caches, cdc = paths.others
    own: _Json = {
        "cluster_name": identity.cluster_name,
        "num_tokens": 1,
        "listen_address": paths.address,
        "rpc_address": paths.address,
        "storage_port": paths.storage_port,
        "native_transport_port": paths.native_port,
        "start_native_transport": True,
        "endpoint_snitch": "GossipingPropertyFileSnitch",
        "data_file_directories": [paths.data],
        "commitlog_directory": paths.commitlog,
        "hints_directory": hints,
        "saved_caches_directory": caches,
        "cdc_raw_directory": cdc,
        "cdc_enabled": False,
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"{paths.address}:{paths.storage_port}"}],
            }
        ],
        "authenticator": "AllowAllAuthenticator",
        "authorizer": "AllowAllAuthorizer",
        "auto_bootstrap": False,
        "auto_snapshot": False,
        "snapshot_before_compaction": False,
        "incremental_backups": False,
        "hinted_handoff_enabled": False,
        # Anything wrong ends the process, so nothing passes for done that is not.
        "disk_failure_policy": "die",
        "commit_failure_policy": "die",
    }
    if identity.partitioner:
        own["partitioner"] = identity.partitioner
    return {**kept, **own}


def settings_text(settings: t.Mapping[str, t.Any]) -> str:
    """A ``cassandra.yaml``. JSON is YAML."""
    return json.dumps(settings, indent=1) + "\n"


def jvm_options(
    *,
    paths: InstancePaths,
    replay: t.Sequence[str],
    heap_mib: int,
    tolerate_unreadable: bool = False,
    owns_all: bool = False,
) -> tuple[str, ...]:
    """Options of an instance's JVM; each later than the node's own, so that it counts.

    Never compacted: a compaction without the base's SSTables would drop tombstones that those need. No default
    superuser is made either, which would happen in a ``system_auth`` that looks empty.

    :param owns_all: whether it joins a ring of its own, in which every row is its; otherwise tables cannot be read.
    :param replay: ``keyspace`` (from 5.0) or ``keyspace.table``; nothing only where there are no segments.
    :raises InputError: if the list is longer than can be handed over.
    """
    replay_list = ",".join(replay)
    if len(replay_list) > MAX_REPLAY_LIST_CHARACTERS:
        raise InputError(
            f"{len(replay)} tables are more than one staging instance can be told to replay.",
            subject="replayList",
            next_step="Restore fewer keyspaces at a time.",
        )
    properties: _Json = {
        "cassandra.config": f"file://{paths.conf}/cassandra.yaml",
        "logback.configurationFile": f"file://{paths.conf}/logback.xml",
        "cassandra.logdir": paths.logs,
        "cassandra.storagedir": paths.directory,
        "cassandra.jmx.local.port": paths.jmx_port,
        "cassandra.join_ring": str(owns_all).lower(),
        "cassandra.start_native_transport": "true",
        "cassandra.load_ring_state": "false",
        "cassandra.ignore_dc": "true",
        "cassandra.ignore_rack": "true",
        "cassandra.autocompaction_on_startup_enabled": "false",
        "cassandra.superuser_setup_delay_ms": 10**12,
        "cassandra.skip_wait_for_gossip_to_settle": 0,
        "java.io.tmpdir": paths.temporary,
    }
    if owns_all:
        # Nobody else is there to be waited for.
        properties["cassandra.ring_delay_ms"] = 0
    if replay_list:
        properties["cassandra.replayList"] = replay_list
    if tolerate_unreadable:
        properties["cassandra.commitlog.ignorereplayerrors"] = "true"
    return (
        f"-Xms{heap_mib}m",
        f"-Xmx{heap_mib}m",
        f"-XX:MaxDirectMemorySize={heap_mib}m",
        "-XX:+ExitOnOutOfMemoryError",
        *(f"-D{name}={value}" for name, value in properties.items()),
    )


def check_one_schema(schemas: t.Mapping[str, str], *, moment_us: int | None) -> None:
    """Refuse a moment at which the nodes' schemas differ, in the middle of a schema change.

    :param schemas: by node, what stands for its schema.
    :raises NodeError: if there are several.
    """
    groups: dict[str, list[str]] = {}
    for node, schema in sorted(schemas.items()):
        groups.setdefault(schema, []).append(node)
    if len(groups) > 1:
        differing = "; ".join(", ".join(nodes) for nodes in sorted(groups.values(), key=len))
        when = "where their logs end" if moment_us is None else f"at {format_us(moment_us)}"
        raise NodeError(
            f"The nodes' schemas differ {when}: {differing}.",
            subject=min(groups.values(), key=len)[0],
            next_step="A schema change was under way. Choose a moment a few seconds earlier or later.",
        )


def schema_problems(schemas: t.Mapping[str, str], *, moment_us: int) -> list[str]:
    """Why the nodes' schemas at a moment cannot be those of one cluster; empty if they can.

    :param schemas: by node, what stands for its schema.
    """
    try:
        check_one_schema(schemas, moment_us=moment_us)
    except NodeError as error:
        return [str(error)]
    return []


def without_agents(text: str) -> str:
    """A JVM's start settings without what the node opens to others: agents, debuggers and remote JMX.

    A second JVM with the same agent would find its port taken and not start. Cassandra's own agent, jamm, stays.
    """
    return "".join(
        f"# not in a staging instance: {line}" if _is_agent(line) else line for line in text.splitlines(keepends=True)
    )


_SETS_OPTIONS = ("-", "JVM_OPTS=", "export JVM_OPTS=", "JVM_EXTRA_OPTS=")
_AGENT = re.compile(
    r"-javaagent:(?!\S*jamm)|-agentlib:|-agentpath:|-Xrunjdwp|jmxremote\.port|cassandra\.jmx\.remote\.port"
)


def _is_agent(line: str) -> bool:
    stripped = line.strip()
    return bool(_AGENT.search(stripped)) and stripped.startswith(_SETS_OPTIONS)
