# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to reach a node and its files, and how hard to work: what modules turn their options into. Pure."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class NodeSettings:
    """A Cassandra node as seen from itself.

    :param name: what the inventory calls the node; for messages.
    :param nodetool_command: the program and its fixed arguments; further ones are appended.
    :param config_file: the node's ``cassandra.yaml``.
    :param state_directory: ours on the node: snapshot records, upload journals, hash cache, locks.
    :param jmx_password_file: handed to nodetool by path, so no password is in an argument list.
    :param jmx_ssl_properties_file: Java's properties for TLS with passwords in them; JMX is spoken with TLS if given.
    :param timeout_seconds: of one nodetool command.
    :param release_version: for a node that is down and cannot be asked for its version; ``None`` asks.
    :param listen_address: where it listens for other nodes; ``None`` for what ``cassandra.yaml`` says.
    """

    name: str
    nodetool_command: tuple[str, ...] = ("nodetool",)
    config_file: str = "/etc/cassandra/cassandra.yaml"
    state_directory: str = "/var/lib/revive-cassandra"
    jmx_username: str | None = None
    jmx_password_file: str | None = None
    jmx_ssl_properties_file: str | None = None
    timeout_seconds: int = 600
    release_version: str | None = None
    listen_address: str | None = None


@dataclasses.dataclass(frozen=True)
class TransferSettings:
    """How hard a transfer may work.

    :param workers: objects in flight at once; memory grows with this, not with their number or size.
    :param max_bytes_per_second: of all workers of this node together; ``None`` for no limit.
    """

    workers: int = 4
    max_bytes_per_second: int | None = None


@dataclasses.dataclass(frozen=True)
class CqlSettings:
    """How to speak CQL to a node.

    :param consistency: a consistency level's name, such as ``LOCAL_QUORUM`` or ``ALL``.
    :param ca_certificates: a file; TLS is used when it is given.
    :param client_certificate: a file that is shown to nodes that ask for one, and ``client_key`` the one with its key.
    :param verify_hostname: whether a node's certificate has to be for the address that is connected to.
    :param only_this_address: ask this node only, not any of its cluster; for what each node knows of itself.
    """

    address: str
    port: int = 9042
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    consistency: str = "LOCAL_QUORUM"
    timeout_seconds: int = 60
    ca_certificates: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    verify_hostname: bool = True
    only_this_address: bool = False


@dataclasses.dataclass(frozen=True)
class InstanceOptions:
    """What an operator may decide about staging instances.

    :param launch_command: starts the installed Cassandra in the foreground.
    :param address: a spare loopback address.
    :param heap_mib: of the instance; its direct memory may be as much again.
    :param nice: how far it gives way to other processes, 0 to 19.
    """

    launch_command: tuple[str, ...] = ("cassandra", "-f")
    address: str = "127.0.0.254"
    heap_mib: int = 1024
    nice: int = 10
