# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node is and has, whether it runs or not: all that planning a restore needs to know about it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import re
import subprocess

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory, programs
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.addresses import (
    addresses_of,
    node_addresses,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import NodeConfig, read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import names_in, read_if_there
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.keyspace_directories import strangers_in
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import SYSTEM_KEYSPACE
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import (
    NodeStatus,
    parse_version,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import (
    DATA,
    OVER,
    WORK_DIRECTORY,
    JournalState,
    ManagedDirectory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import (
    DataPlace,
    FetchedBytes,
    KeptRestore,
    PendingRestore,
    TargetNode,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.identity import (
    known_process,
    remembered_identity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.ring import read_ring
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import all_states
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.switch_checks import obstacles

_RACK_FILE = "cassandra-rackdc.properties"
_VERSION = re.compile(r"^v?(\d+\.\d+(?:\.\d+)?\S*)\s*$", re.MULTILINE)
_VERSION_TIMEOUT_SECONDS = 30
_BRACKETED = re.compile(r"\[(?P<address>[^]]+)\](?::\d+)?\Z")


def read_node(node: NodeSettings) -> TargetNode:
    """Everything that planning needs to know about a node. Only reads, except that it remembers who the node is.

    :raises LocalFilesError: if the configuration or a directory cannot be read.
    :raises NodeError: if nodetool fails for another reason than that the node does not run.
    """
    config = read_config(node.config_file)
    running, identity, info = known_process(node)
    states = tuple(all_states(node))
    switch = next((state for state in states if state.phase not in OVER), None)
    where = node_addresses(config, listen_address=node.listen_address)
    # A node that runs says it itself. Of one that is stopped, what it said may be older than its configuration.
    address = (identity.address if running and identity else where.broadcast) or _remembered(identity)
    datacenter, rack = _position(config, identity=identity if running else None)
    places = data_directory.data_places(config)
    space = [_place(path) for path in places]
    separate = len(places) > len(config.data_file_directories)
    return TargetNode(
        name=node.name,
        running=running,
        identity=identity,
        identity_stale=identity is not None and not running,
        release_version=_release_version(node, running=running, identity=identity),
        cluster_name=config.cluster_name,
        address=address,
        is_seed=_is_seed(address, config=config),
        seeds=_seeds(config),
        num_tokens=config.num_tokens,
        datacenter=datacenter,
        rack=rack,
        partitioner=config.partitioner or "",
        data_directories=tuple(space[:-1] if separate else space),
        local_system=space[-1] if separate else None,
        holds_data=data_directory.holds_user_data(_data_roots(places, switch=switch)),
        has_system_local=_has_system_local(_data_roots(places, switch=switch)),
        pending=PendingRestore(switch.restore_id, switch.phase, restore_auth=switch.restore_auth) if switch else None,
        native_transport_port=config.native_transport_port,
        cql_address=where.native or address,
        started_us=None if info is None or info.uptime_seconds is None else now_us() - info.uptime_seconds * 1_000_000,
        load_bytes=info.load_bytes if info else None,
        kept=tuple(KeptRestore(state.restore_id, state.phase) for state in states if state.phase in OVER),
        obstacles=obstacles(config),
    )


def read_node_and_ring(node: NodeSettings) -> tuple[TargetNode, tuple[NodeStatus, ...]]:
    """What :func:`read_node` and :func:`read_ring` return, asked at once: each question starts a Java machine.

    :raises NodeUnreachableError: if the node does not answer; and as :func:`read_node`.
    """
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        ring = pool.submit(read_ring, node)
        facts = read_node(node)
        return facts, ring.result()


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where a node takes clients of its own machine."""

    address: str
    port: int


def read_endpoint(node: NodeSettings) -> Endpoint:
    """Where the node takes clients, by its configuration; it is not asked, so it may be starting.

    :raises LocalFilesError: if the configuration cannot be read.
    """
    config = read_config(node.config_file)
    where = node_addresses(config, listen_address=node.listen_address)
    return Endpoint(address=where.native or _remembered(remembered_identity(node)), port=config.native_transport_port)


def _release_version(node: NodeSettings, *, running: bool, identity: NodeIdentity | None) -> str | None:
    """Of the running node; else what is installed, else what somebody says, else what ran last."""
    if running and identity is not None:
        return identity.release_version
    if running:
        with contextlib.suppress(NodeError):
            return parse_version(Nodetool(node).run("version"))
    return _installed_version(node) or node.release_version or (identity.release_version if identity else None)


def _installed_version(node: NodeSettings) -> str | None:
    """What ``cassandra -v`` says, beside nodetool or in the path; it starts no node."""
    beside = os.path.join(os.path.dirname(node.nodetool_command[0]), "cassandra")
    for program in dict.fromkeys((beside, "cassandra")):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = programs.run([program, "-v"], timeout_seconds=_VERSION_TIMEOUT_SECONDS)
            match = _VERSION.search(done.stdout.decode("utf-8", "replace"))
            if done.returncode == 0 and match:
                return match[1]
    return None


def _remembered(identity: NodeIdentity | None) -> str:
    """Where a node was, whose configuration and name do not say where it is."""
    return identity.address if identity is not None else "localhost"


def _position(config: NodeConfig, *, identity: NodeIdentity | None) -> tuple[str, str]:
    """Datacenter and rack: of the running node, else of the file that most snitches read; else empty."""
    if identity is not None:
        return identity.datacenter, identity.rack
    text = read_if_there(os.path.join(os.path.dirname(os.path.realpath(config.path)), _RACK_FILE)) or b""
    values = {}
    for line in text.decode("utf-8", "replace").splitlines():
        name, found, value = line.partition("=")
        if found and not name.lstrip().startswith("#"):
            values[name.strip()] = value.strip()
    return values.get("dc", ""), values.get("rack", "")


def _seeds(config: NodeConfig) -> tuple[str, ...]:
    """Seeds without their ports."""
    seeds = []
    for seed in config.seeds:
        bracketed = _BRACKETED.match(seed)
        if bracketed:
            seeds.append(bracketed["address"])
        else:
            seeds.append(seed.split(":")[0] if seed.count(":") == 1 else seed)
    return tuple(seeds)


def _is_seed(address: str, *, config: NodeConfig) -> bool:
    """Whether the node is one of the seeds, by whichever name or way of writing an address."""
    own = {address, *addresses_of(address)}
    return any(own.intersection((seed, *addresses_of(seed))) for seed in _seeds(config))


def _place(path: str) -> DataPlace:
    found = data_directory.file_system(path)
    directory = ManagedDirectory(path=path, kind=DATA, work_directory="")
    fetched = [
        FetchedBytes(restore_id, sum(status.st_size for _path, status in data_directory.files_below(root)))
        for restore_id in names_in(os.path.join(path, WORK_DIRECTORY))
        if os.path.isdir(root := directory.fetched(restore_id))
    ]
    return DataPlace(
        path=path,
        device=found.device,
        free_bytes=found.free_bytes,
        fetched=tuple(fetched),
        file_system_bytes=found.size_bytes,
        strangers=tuple(strangers_in(path)),
    )


def _data_roots(places: tuple[str, ...], *, switch: JournalState | None) -> list[str]:
    """Where the node's own data may be: in its directories, and put aside by a switch that was begun."""
    roots = list(places)
    if switch is not None:
        roots += [each.aside(switch.restore_id) for each in switch.directories if each.kind == DATA]
    return roots


def _has_system_local(roots: list[str]) -> bool:
    return any(
        data_directory.has_sstables(directory)
        for root in roots
        for directory in data_directory.table_directories(root, keyspace=SYSTEM_KEYSPACE, tables={"local"})
    )
