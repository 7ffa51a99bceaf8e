# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback networks and ports of which every cluster has its own, also next to other labs on the machine.

A cluster takes a number; its network is 127.A.B.0/24 and its JMX ports lie in a block, both derived from the number.
JMX cannot share a port across loopback addresses: without passwords Cassandra binds it to 127.0.0.1 only.
Numbers are handed out under a lock in the cache, so two labs that start at the same moment do not meet.
"""

from __future__ import annotations

import dataclasses
import random
import socket
from pathlib import Path

from lab.cache import cache_root, locked
from lab.errors import LabError

NODES_MAX = 16
_NETWORKS = range(500)
_FIRST_JMX_PORT = 17200
_NATIVE_PORT = 9042
_STORAGE_PORT = 7000


@dataclasses.dataclass(frozen=True)
class Network:
    """The addresses of one cluster; `number` decides all of them."""

    number: int

    def address(self, *, node: int) -> str:
        """Return the address of the node with this number, from 1."""
        return f"127.{40 + self.number // 250}.{1 + self.number % 250}.{node}"

    def jmx_port(self, *, node: int) -> int:
        """Return the JMX port, on 127.0.0.1, of the node with this number, from 1."""
        return _FIRST_JMX_PORT + self.number * NODES_MAX + node - 1

    def is_free(self) -> bool:
        """Tell whether nobody listens on the first addresses and ports of this network."""
        return all(
            can_bind(address=self.address(node=node), port=_STORAGE_PORT)
            and can_bind(address=self.address(node=node), port=_NATIVE_PORT)
            and can_bind(address="127.0.0.1", port=self.jmx_port(node=node))
            for node in range(1, NODES_MAX + 1)
        )


def reserve_network(*, owner: Path) -> Network:
    """Take the first free network for the cluster whose directory is `owner`; it is kept as long as that exists.

    :raises LabError: all of them are taken.
    """
    reservations = cache_root() / "networks"
    with locked(path=cache_root() / "locks" / "networks.lock"):
        reservations.mkdir(exist_ok=True)
        for number in _NETWORKS:
            reservation = reservations / str(number)
            taken_by = Path(reservation.read_text(encoding="utf-8")) if reservation.exists() else None
            if taken_by is not None and taken_by != owner and taken_by.exists():
                continue
            network = Network(number=number)
            if network.is_free():
                reservation.write_text(str(owner), encoding="utf-8")
                return network
    raise LabError("every loopback network of the lab is taken: destroy clusters that are no longer needed")


def release_network(*, network: Network) -> None:
    """Give a network back."""
    (cache_root() / "networks" / str(network.number)).unlink(missing_ok=True)


def free_port(*, address: str) -> int:
    """Return a port below the kernel's range for outgoing connections on which nobody listens now."""
    for port in random.SystemRandom().sample(range(26000, 32000), 200):
        if can_bind(address=address, port=port):
            return port
    raise LabError(f"found no free port on {address}")


def can_bind(*, address: str, port: int) -> bool:
    """Tell whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def is_listening(*, address: str, port: int) -> bool:
    """Tell whether somebody accepts connections there now."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0
