# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of real Cassandra nodes on this machine.

Its state is one directory, ``<root>/clusters/<name>``, with a directory per node and ``cluster.json``, which holds
passwords and can be read by its owner only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import logging
import re
import secrets
import shutil
import typing as t
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cassandra import ConsistencyLevel, DriverException
from cassandra.cluster import NoHostAvailable, Session
from cassandra.protocol import ConfigurationException

from lab.addresses import NODES_MAX, Network, release_network, reserve_network
from lab.class_data import ensure_class_data_archives
from lab.cql import cql_session
from lab.distribution import CASSANDRA_5_0, ensure_distribution
from lab.errors import LabError
from lab.hardening import Hardening
from lab.node import Node
from lab.node_files import NodeSettings, check_directory, write_node
from lab.processes import wait_until
from lab.state_files import write_private

APPLICATION_ROLE = "certs"

_NATIVE_PORT = 9042
_STORAGE_PORT = 7000
# One seed would wait for its peers, and they for it, when a whole cluster starts again; two know that nobody is up.
_SEEDS = 2
# Each look is a login on every node: more often, and a busy machine does nothing else.
_SETTLE_SECONDS = 300.0
_wait_until_settled = functools.partial(wait_until, timeout_seconds=_SETTLE_SECONDS, interval_seconds=0.5)
# On a machine that stalls for seconds, a node of 5.0.9 that started with the others was seen to miss one for good.
_SEES_ALL_OR_STARTS_AGAIN_SECONDS = 90.0
_AUTH_TABLES = ("roles", "role_members", "role_permissions")
_LOG = logging.getLogger(__name__)
# What a node that is just starting may answer.
_NOT_YET = (NoHostAvailable, DriverException)


@dataclasses.dataclass(frozen=True)
class Credentials:
    """A CQL role and its password."""

    username: str
    password: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A cluster. Made with :meth:`create`, found again with :meth:`load`; both leave its processes as they are."""

    directory: Path
    name: str
    version: str
    cluster_name: str
    network: Network
    nodes: tuple[Node, ...]
    superuser: Credentials
    application: Credentials
    hardening: Hardening | None = None

    @classmethod
    def create(
        cls,
        *,
        root: Path,
        name: str,
        version: str = CASSANDRA_5_0,
        nodes: int = 3,
        cluster_name: str | None = None,
        num_tokens: int = 8,
        racks: t.Sequence[str] | None = None,
        datacenters: t.Sequence[str] | None = None,
        heap_mib: int = 448,
        hardened: bool = False,
    ) -> Cluster:
        """Lay out a new cluster, without starting it.

        :param root: the lab's directory; several clusters, known by their ``name``, share it.
        :param cluster_name: what Cassandra calls it; ``name`` by default.
        :param racks: one per node; r1, r2, r3, r1, ... by default.
        :param datacenters: one per node; all in dc1 by default.
        :param hardened: with certificates for everybody, a password for JMX, and what :mod:`lab.hardening` has besides.
        :raises LabError: there is such a cluster already, or an argument makes no sense.
        """
        directory = root.resolve() / "clusters" / name
        _check_arguments(directory=directory, name=name, nodes=nodes, racks=racks, datacenters=datacenters)
        distribution = ensure_distribution(version=version)
        archives = ensure_class_data_archives(distribution=distribution)
        directory.mkdir(parents=True)
        network = reserve_network(owner=directory)
        state = {
            "name": name,
            "version": version,
            "cluster_name": cluster_name or name,
            "network": network.number,
            "datacenters": list(datacenters) if datacenters else ["dc1"] * nodes,
            "racks": list(racks) if racks else [f"r{1 + number % 3}" for number in range(nodes)],
            "superuser": {"username": "cassandra", "password": "cassandra"},
            "application": {"username": APPLICATION_ROLE, "password": secrets.token_urlsafe(18)},
            "hardened": hardened,
        }
        cluster = cls._from_state(directory=directory, state=state)
        if cluster.hardening is not None:
            addresses = {node.directory.name: node.address for node in cluster.nodes}
            Hardening.create(directory=cluster.hardening.directory, addresses=addresses)
        for node in cluster.nodes:
            write_node(
                layout=node,
                settings=cluster._settings(node=node, num_tokens=num_tokens, heap_mib=heap_mib),
                distribution=distribution,
                class_data_archives=archives,
            )
        write_private(path=directory / "cluster.json", text=json.dumps(state, indent=2) + "\n")
        return cluster

    @classmethod
    def load(cls, root: Path, name: str) -> Cluster:
        """Return a cluster that was created earlier, also by another process.

        :raises LabError: there is none of that name; the message lists those there are.
        """
        directory = root.resolve() / "clusters" / name
        try:
            state = json.loads((directory / "cluster.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            there_are = ", ".join(cls.names(root)) or "none"
            raise LabError(f"there is no cluster {name!r} in {root}; there are: {there_are}") from error
        return cls._from_state(directory=directory, state=state)

    @classmethod
    def names(cls, root: Path) -> tuple[str, ...]:
        """Return the names of the clusters in a lab's directory."""
        return tuple(sorted(path.parent.name for path in root.resolve().glob("clusters/*/cluster.json")))

    @classmethod
    def _from_state(cls, *, directory: Path, state: t.Mapping[str, t.Any]) -> Cluster:
        network = Network(number=state["network"])
        racks, datacenters = state["racks"], state["datacenters"]
        hardening = Hardening(directory=directory / "secrets") if state.get("hardened") else None
        nodes = tuple(
            Node(
                directory=directory / f"n{number}",
                # The last node spreads its data over two disks, as some real ones do.
                data_directory_count=2 if number == len(racks) else 1,
                name=f"{state['name']}-n{number}",
                address=network.address(node=number),
                staging_address=network.staging_address(node=number),
                native_port=_NATIVE_PORT if hardening is None else hardening.native_port,
                storage_port=_STORAGE_PORT,
                jmx_port=network.jmx_port(node=number),
                datacenter=datacenter,
                rack=rack,
                hardening=hardening,
            )
            for number, (datacenter, rack) in enumerate(zip(datacenters, racks), start=1)
        )
        return cls(
            directory=directory,
            name=state["name"],
            version=state["version"],
            cluster_name=state["cluster_name"],
            network=network,
            nodes=nodes,
            superuser=Credentials(**state["superuser"]),
            application=Credentials(**state["application"]),
            hardening=hardening,
        )

    def _settings(self, *, node: Node, num_tokens: int, heap_mib: int) -> NodeSettings:
        return NodeSettings(
            cluster_name=self.cluster_name,
            datacenter=node.datacenter,
            rack=node.rack,
            address=node.address,
            native_port=node.native_port,
            storage_port=node.storage_port,
            jmx_port=node.jmx_port,
            seeds=tuple(node.address for node in self.nodes[:_SEEDS]),
            num_tokens=num_tokens,
            heap_mib=heap_mib,
            hardening=self.hardening,
        )

    def start(self) -> None:
        """Start every node and return when each serves CQL and sees all others up and normal.

        A cluster without data is set up on the way: nodes take their tokens without bootstrap, ``system_auth`` is
        replicated to every node, and the application's role is made.

        :raises LabError: a node ended, or the cluster did not settle; with the tail of the log.
        """
        is_new = not any(node.has_data() for node in self.nodes)
        # Bootstrapping nodes would have to join one after the other, to stream nothing.
        options = ("-Dcassandra.auto_bootstrap=false",) if is_new else ()
        seeds, others = self.nodes[:_SEEDS], self.nodes[_SEEDS:]
        for node in seeds:
            node.start(wait=False, jvm_options=options)
        if others:
            for node in seeds:
                node.wait_until_gossiping()
        for node in others:
            node.start(wait=False, jvm_options=options)
        for node in self.nodes:
            node.wait_until_serving()
        if is_new:
            self._set_up_roles()
        self._settle()

    def wait_until_settled(self) -> None:
        """Return when every node, as a coordinator, reaches every node: all are up and normal in everyone's eyes.

        Shown by a read of ``system_auth``, which the lab replicates to all nodes, at ALL. It also repairs what a node
        missed of it.
        """
        self._on_all_nodes(self._wait_until_reaching_all)

    def _settle(self) -> None:
        """The same for nodes that the lab has just started itself: who does not see all after a while starts again."""
        self._on_all_nodes(self._start_again_unless_reaching_all)
        self.wait_until_settled()

    def stop(self) -> None:
        """Stop every node gracefully; each drains itself."""
        self._on_all_nodes(Node.stop)

    def kill(self) -> None:
        """End every node with SIGKILL."""
        self._on_all_nodes(Node.kill)

    def wipe(self) -> None:
        """Empty the state directories of every node.

        :raises LabError: a node runs.
        """
        self._on_all_nodes(Node.wipe)

    def lose(self) -> None:
        """End every node and its agent with SIGKILL, as they are, and their disks with them."""
        self.kill()
        self._on_all_nodes(Node.kill_agent)
        self.wipe()

    def destroy(self) -> None:
        """End every node, with its agent, and remove the cluster with all its directories."""
        self._on_all_nodes(Node.kill_agent)
        self.kill()
        shutil.rmtree(self.directory)
        release_network(network=self.network, owner=self.directory)

    @property
    def datacenter(self) -> str:
        """The one that clients are in."""
        return self.nodes[0].datacenter

    def replication(self, *, at_most: int | None = None) -> str:
        """Of a keyspace with a replica on every node, or with that many in each datacenter, as CQL."""
        nodes = Counter(node.datacenter for node in self.nodes)
        factors = "".join(f", '{name}': {min(count, at_most or count)}" for name, count in nodes.items())
        return f"{{'class': 'NetworkTopologyStrategy'{factors}}}"

    def is_running(self) -> bool:
        """Tell whether any node's process runs."""
        return any(node.is_running() for node in self.nodes)

    @contextlib.contextmanager
    def session(
        self,
        *,
        consistency: int = ConsistencyLevel.LOCAL_QUORUM,
        credentials: Credentials | None = None,
        nodes: t.Sequence[Node] | None = None,
    ) -> t.Iterator[Session]:
        """Open a CQL session, to be used in a ``with`` statement.

        :param consistency: of statements that do not say otherwise.
        :param credentials: the superuser by default; ``cluster.application`` is the other.
        :param nodes: only these coordinate; all by default.
        """
        who = credentials or self.superuser
        with cql_session(
            addresses=[node.address for node in nodes or self.nodes],
            port=self.nodes[0].native_port,
            username=who.username,
            password=who.password,
            consistency=consistency,
            datacenter=self.datacenter,
            only_these_addresses=nodes is not None,
            tls=self.hardening.client_context() if self.hardening else None,
        ) as session:
            yield session

    def _on_all_nodes(self, action: t.Callable[[Node], None]) -> None:
        with ThreadPoolExecutor(max_workers=len(self.nodes)) as pool:
            for result in [pool.submit(action, node) for node in self.nodes]:
                result.result()

    def _set_up_roles(self) -> None:
        _wait_until_settled(
            self._replicates_roles_everywhere,
            what=f"{self.name} to have its default superuser and all of its nodes in normal state",
        )
        # The superuser's row was written to one node before there were more replicas: spread it by reading it.
        self._settle()
        _wait_until_settled(
            self._has_application_role,
            what=f"{self.name} to have the role {self.application.username} on all of its nodes",
        )

    def _has_application_role(self) -> bool:
        """Make it at ALL; false if a replica did not answer in time."""
        who = self.application
        try:
            with self.session(nodes=self.nodes[:1], consistency=ConsistencyLevel.ALL) as session:
                session.execute(
                    f"CREATE ROLE IF NOT EXISTS {who.username} WITH LOGIN = true AND PASSWORD = '{who.password}'"
                )
                session.execute(f"GRANT ALL PERMISSIONS ON ALL KEYSPACES TO {who.username}")
        except _NOT_YET:
            return False
        return True

    def _replicates_roles_everywhere(self) -> bool:
        """Give ``system_auth`` a replica on every node; false if nodes or roles are not ready for it yet."""
        everywhere = self.replication()
        try:
            with self.session(nodes=self.nodes[:1]) as session:
                session.execute(f"ALTER KEYSPACE system_auth WITH replication = {everywhere}")
        except (*_NOT_YET, ConfigurationException):
            # Refused while a node is still joining.
            return False
        return True

    def _start_again_unless_reaching_all(self, node: Node) -> None:
        try:
            self._wait_until_reaching_all(node, timeout_seconds=_SEES_ALL_OR_STARTS_AGAIN_SECONDS)
        except LabError as error:
            _LOG.warning("%s is started again: %s", node.name, error)
            node.stop()
            node.start()

    def _wait_until_reaching_all(self, node: Node, *, timeout_seconds: float = _SETTLE_SECONDS) -> None:
        try:
            _wait_until_settled(
                lambda: self._reaches_all(node),
                timeout_seconds=timeout_seconds,
                what=f"{node.name} to see all of {self.name} up",
            )
        except LabError as error:
            raise LabError(f"{error}\n{node.log_tail()}") from error

    def _reaches_all(self, node: Node) -> bool:
        try:
            with self.session(nodes=[node], consistency=ConsistencyLevel.ALL) as session:
                for table in _AUTH_TABLES:
                    session.execute(f"SELECT * FROM system_auth.{table}")
                peers = list(session.execute("SELECT peer FROM system.peers_v2"))
        except _NOT_YET:
            return False
        return len(peers) == len(self.nodes) - 1


def _check_arguments(
    *,
    directory: Path,
    name: str,
    nodes: int,
    racks: t.Sequence[str] | None,
    datacenters: t.Sequence[str] | None,
) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*", name):
        raise LabError(f"{name!r} cannot name a cluster: use lower-case letters and digits")
    if not 1 <= nodes <= NODES_MAX:
        raise LabError(f"a cluster of {nodes} nodes is not possible here: 1 to {NODES_MAX} are")
    if racks is not None and len(racks) != nodes:
        raise LabError(f"{len(racks)} racks for {nodes} nodes: give one per node")
    if datacenters is not None and len(datacenters) != nodes:
        raise LabError(f"{len(datacenters)} datacenters for {nodes} nodes: give one per node")
    check_directory(directory=directory)
    if directory.exists():
        raise LabError(f"there is a cluster {name!r} already, in {directory}: load or destroy it")
