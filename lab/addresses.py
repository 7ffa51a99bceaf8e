# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback networks and ports of which every cluster has its own, also next to other labs on the machine.

A cluster takes a number; its network is 127.A.B.0/24 and its JMX ports lie in a block, both derived from the number.
JMX cannot share a port across loopback addresses: without passwords Cassandra binds it to 127.0.0.1 only.
Numbers, and the ports of S3 servers, are handed out under a lock in the cache, so two labs that start at the same
moment do not meet, and a server that was stopped finds its port again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import socket
import typing as t
from pathlib import Path

from lab.cache import cache_root, locked
from lab.errors import LabError

NODES_MAX = 16
_NETWORKS = range(500)
_FIRST_JMX_PORT = 17200
_FIRST_STAGING_ADDRESS = 101
# Of S3 servers: below the kernel's range for outgoing connections.
_PORTS = range(26000, 32000)
_PORTS_TRIED = 200
_NATIVE_PORT = 9042
_STORAGE_PORT = 7000


@dataclasses.dataclass(frozen=True)
class Network:
    """The addresses of one cluster; `number` decides all of them."""

    number: int

    def address(self, *, node: int) -> str:
        """Return the address of the node with this number, from 1."""
        return f"127.{40 + self.number // 250}.{1 + self.number % 250}.{node}"

    def staging_address(self, *, node: int) -> str:
        """Return the address of the staging instances beside the node with this number, from 1."""
        return self.address(node=_FIRST_STAGING_ADDRESS + node - 1)

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
    number = _reserve("networks", _NETWORKS, owner=owner, is_free=lambda number: Network(number=number).is_free())
    if number is None:
        raise LabError("every loopback network of the lab is taken: destroy clusters that are no longer needed")
    return Network(number=number)


def release_network(*, network: Network, owner: Path) -> None:
    """Give a network back, unless it is another's by now."""
    _release("networks", network.number, owner=owner)


def reserve_port(*, owner: Path, address: str) -> int:
    """Take a port on which nobody listens now, for the server whose directory is `owner`; kept as long as that exists.

    :raises LabError: none of those tried is free.
    """
    ports = random.SystemRandom().sample(_PORTS, _PORTS_TRIED)
    port = _reserve("ports", ports, owner=owner, is_free=lambda port: can_bind(address=address, port=port))
    if port is None:
        raise LabError(f"found no free port on {address}")
    return port


def release_port(*, port: int, owner: Path) -> None:
    """Give a port back, unless it is another's by now."""
    _release("ports", port, owner=owner)


def _reserve(kind: str, numbers: t.Iterable[int], *, owner: Path, is_free: t.Callable[[int], bool]) -> int | None:
    """The first of some numbers that is free and that no other owner has that still exists."""
    with _reservations(kind) as reservations:
        for number in numbers:
            reservation = reservations / str(number)
            taken_by = Path(reservation.read_text(encoding="utf-8")) if reservation.exists() else None
            if taken_by is not None and taken_by != owner and taken_by.exists():
                continue
            if is_free(number):
                reservation.write_text(str(owner), encoding="utf-8")
                return number
    return None


def _release(kind: str, number: int, *, owner: Path) -> None:
    """Another may have taken it already, if the owner's directory is gone."""
    with _reservations(kind) as reservations:
        reservation = reservations / str(number)
        if reservation.exists() and reservation.read_text(encoding="utf-8") == str(owner):
            reservation.unlink()


@contextlib.contextmanager
def _reservations(kind: str) -> t.Iterator[Path]:
    """The directory of files named by what is taken, with who has it in each; nobody else changes them meanwhile."""
    directory = cache_root() / kind
    with locked(path=cache_root() / "locks" / f"{kind}.lock"):
        directory.mkdir(exist_ok=True)
        yield directory


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
