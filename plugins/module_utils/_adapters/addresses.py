# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses of the node on which this runs, as Cassandra takes them from ``cassandra.yaml``.

As in its ``DatabaseDescriptor``: an address, else that of an interface, else that of the machine's own name; clients
are served on the same, unless the file says where. Nothing is asked for over the network but names.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import ipaddress
import pathlib
import socket
import struct

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import NodeConfig
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option

_SIOCGIFADDR = 0x8915
#: One line an address: it in hexadecimal, three numbers, flags, the interface.
_IPV6_ADDRESSES = pathlib.Path("/proc/net/if_inet6")
_MAX_INTERFACE_NAME = 15


@dataclasses.dataclass(frozen=True)
class NodeAddresses:
    """Where a node is reached; ``None`` where neither the file nor the machine's name tells.

    :param listen: where it listens for other nodes.
    :param broadcast: under which the other nodes know it, as nodetool prints it.
    :param native: where it takes clients of its own machine, as it is written, so a certificate can be for it.
    """

    listen: str | None
    broadcast: str | None
    native: str | None


def node_addresses(config: NodeConfig, *, listen_address: str | None = None) -> NodeAddresses:
    """The node's addresses.

    :param listen_address: if somebody knows better than the file where it listens for other nodes.
    :raises LocalFilesError: if the file names an interface that the machine does not have, or without an address.
    """
    listen: str | None
    if listen_address:
        listen = listen_address
    elif config.listen_address is not None:
        # Java takes an empty name for the machine itself.
        listen = config.listen_address or "127.0.0.1"
    elif config.listen_interface:
        listen = _of_interface(config, "listen_interface")
    else:
        listen = _own_name()
    bound: str | None
    if config.rpc_address is not None:
        bound = config.rpc_address or "127.0.0.1"
    elif config.rpc_interface:
        bound = _of_interface(config, "rpc_interface")
    else:
        bound = listen
    if bound and _is_wildcard(bound):
        # Any of the machine's own will do. Certificates are for what clients are told, if it is one of them.
        told = config.broadcast_rpc_address
        bound = told if told and is_own(told) else listen
    broadcast = config.broadcast_address or listen
    return NodeAddresses(
        listen=listen and address_of(listen),
        broadcast=broadcast and _as_nodetool_prints(address_of(broadcast)),
        native=bound,
    )


def address_of(name: str) -> str:
    """The address that Java takes for a name: the first of IPv4, else the first; the name itself if it has none."""
    return next(iter(addresses_of(name)), name)


def addresses_of(name: str) -> tuple[str, ...]:
    """The addresses of a name, those of IPv4 first; none if it has none."""
    with contextlib.suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        ordered = sorted(found, key=lambda each: each[0] != socket.AF_INET)
        return tuple(dict.fromkeys(str(each[4][0]) for each in ordered))
    return ()


def is_own(name: str) -> bool:
    """Whether an address, or that of a name, is one of this machine's."""
    address = address_of(name)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return True
    return False


def interface_addresses(name: str) -> tuple[str, ...]:
    """The addresses of an interface of this machine in the order of Java: IPv6 first, the last that is listed first.

    None if there is no such interface.
    """
    newest: list[str] = []
    with contextlib.suppress(OSError):
        for line in _IPV6_ADDRESSES.read_text(encoding="ascii").splitlines():
            fields = line.split()
            if len(fields) == 6 and fields[5] == name:
                address = ipaddress.IPv6Address(int(fields[0], 16))
                newest.insert(0, f"{address}%{name}" if address.is_link_local else str(address))
    packed = name.encode("utf-8", "replace")
    if len(packed) <= _MAX_INTERFACE_NAME:
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            answer = fcntl.ioctl(asked.fileno(), _SIOCGIFADDR, struct.pack("256s", packed))
            newest.append(socket.inet_ntoa(answer[20:24]))
    return tuple(newest)


def _of_interface(config: NodeConfig, setting: str) -> str:
    """The first address of the preferred kind, else the first."""
    interface, prefer_ipv6 = (
        (config.listen_interface, config.listen_interface_prefer_ipv6)
        if setting == "listen_interface"
        else (config.rpc_interface, config.rpc_interface_prefer_ipv6)
    )
    addresses = interface_addresses(interface or "")
    if not addresses:
        raise LocalFilesError(
            f"{setting} in {config.path} is {interface}, and this machine has no such interface with an address.",
            subject=config.path,
            next_step="Cassandra itself would not start with it. "
            + (
                f"Correct it, or say the address with {option('listen_address')}."
                if setting == "listen_interface"
                else "Correct it."
            ),
        )
    return next((each for each in addresses if (":" in each) == prefer_ipv6), addresses[0])


def _own_name() -> str | None:
    """The address of the machine's own name."""
    return next(iter(addresses_of(socket.gethostname())), None)


def _as_nodetool_prints(address: str) -> str:
    """Java leaves out no part of an address of IPv6, and no more than the zeros before each."""
    with contextlib.suppress(ValueError):
        parsed = ipaddress.ip_address(address)
        if parsed.version == 6:
            return ":".join(f"{int(part, 16):x}" for part in parsed.exploded.partition("%")[0].split(":"))
    return address


def _is_wildcard(address: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(address).is_unspecified
    return False
