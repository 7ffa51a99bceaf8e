# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking a cluster in CQL. The only file that imports the driver."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.libraries import unusable
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    CqlDeniedError,
    InputError,
    NodeError,
    NodeUnreachableError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings

# What a node says if it could not read the role in time; a wrong password gives another text (PasswordAuthenticator).
_NOT_CHECKED = "Unable to perform authentication"


@dataclasses.dataclass(frozen=True)
class TableKey:
    """A table and its partition key's columns, as the schema names them."""

    keyspace: str
    table: str
    partition_key: tuple[str, ...]


class Cql(t.Protocol):
    """A session."""

    def rows(self, statement: str, parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        """All rows of a short answer."""

    def stream(self, statement: str, parameters: tuple[t.Any, ...], *, page_rows: int) -> t.Iterator[tuple[t.Any, ...]]:
        """All rows of a long answer, a page at a time."""

    def tokens(self) -> tuple[int, ...]:
        """All tokens of the ring, sorted."""

    def tables(self) -> tuple[TableKey, ...]:
        """All tables, without views and virtual ones, sorted."""

    def count(
        self, statements: t.Iterable[tuple[str, tuple[t.Any, ...]]], *, concurrency: int
    ) -> t.Iterator[int | None]:
        """The first column of the first row of each statement, in their order; ``None`` where it took too long."""


@contextlib.contextmanager
def connect(settings: CqlSettings) -> t.Iterator[Cql]:
    """A session with the node, and with those that it knows in its datacenter.

    :raises NodeUnreachableError: if it does not answer.
    :raises CqlDeniedError: if it refuses the user.
    :raises DependencyError: if the driver is missing.
    :raises InputError: if there is no such consistency level.
    """
    driver = _import_driver()
    consistency = getattr(driver.ConsistencyLevel, settings.consistency.upper(), None)
    if not isinstance(consistency, int):
        raise InputError(
            f"{settings.consistency!r} is not a consistency level.",
            subject="consistency",
            next_step="Give one such as LOCAL_QUORUM, QUORUM or ALL.",
        )
    cluster = _cluster(driver, settings, consistency=consistency)
    try:
        with _explained(driver, settings):
            session = cluster.connect()
        yield _Session(driver, cluster, session, settings)
    finally:
        cluster.shutdown()


def check_files(settings: CqlSettings) -> None:
    """Look at what a connection needs on this machine, without making one.

    :raises DependencyError: if the driver is missing.
    :raises InputError: if certificates or a key cannot be used.
    """
    _import_driver()
    _tls(settings)


class _Session:
    """The driver's session behind the protocol."""

    def __init__(self, driver: t.Any, cluster: t.Any, session: t.Any, settings: CqlSettings) -> None:
        self._driver, self._cluster, self._session, self._settings = driver, cluster, session, settings
        self._prepared: dict[str, t.Any] = {}

    def rows(self, statement: str, parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        with _explained(self._driver, self._settings):
            return [tuple(row) for row in self._session.execute(statement, tuple(parameters) or None)]

    def stream(self, statement: str, parameters: tuple[t.Any, ...], *, page_rows: int) -> t.Iterator[tuple[t.Any, ...]]:
        with _explained(self._driver, self._settings):
            bound = self._prepare(statement).bind(parameters)
            bound.fetch_size = page_rows
            for row in self._session.execute(bound):
                yield tuple(row)

    def tokens(self) -> tuple[int, ...]:
        ((partitioner,),) = self.rows("SELECT partitioner FROM system.local")
        if not str(partitioner).endswith("Murmur3Partitioner"):
            raise NodeError(
                f"Tables are counted by ranges of the Murmur3Partitioner, and the cluster has {partitioner}.",
                subject=self._settings.address,
                next_step="Turn counting off for this cluster.",
            )
        ring: set[int] = set()
        for table in ("system.local", "system.peers_v2"):
            for (tokens,) in self.rows(f"SELECT tokens FROM {table}"):
                ring |= {int(token) for token in tokens or ()}
        return tuple(sorted(ring))

    def tables(self) -> tuple[TableKey, ...]:
        tables = set(self.rows("SELECT keyspace_name, table_name FROM system_schema.tables"))
        keys: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for keyspace, table, column, kind, position in self.rows(
            "SELECT keyspace_name, table_name, column_name, kind, position FROM system_schema.columns"
        ):
            if kind == "partition_key":
                keys.setdefault((keyspace, table), []).append((position, column))
        return tuple(
            TableKey(keyspace=keyspace, table=table, partition_key=tuple(name for _position, name in sorted(columns)))
            for (keyspace, table), columns in sorted(keys.items())
            if (keyspace, table) in tables
        )

    def count(
        self, statements: t.Iterable[tuple[str, tuple[t.Any, ...]]], *, concurrency: int
    ) -> t.Iterator[int | None]:
        from cassandra.concurrent import execute_concurrent

        with _explained(self._driver, self._settings):
            prepared = ((self._prepare(statement), parameters) for statement, parameters in statements)
            for done, result in execute_concurrent(
                self._session, prepared, concurrency=concurrency, raise_on_first_error=False, results_generator=True
            ):
                if not done and not isinstance(result, (self._driver.ReadTimeout, self._driver.OperationTimedOut)):
                    raise result
                if done:
                    (row,) = result
                    yield int(row[0])
                else:
                    yield None

    def _prepare(self, statement: str) -> t.Any:
        if statement not in self._prepared:
            self._prepared[statement] = self._session.prepare(statement)
        return self._prepared[statement]


def _cluster(driver: t.Any, settings: CqlSettings, *, consistency: int) -> t.Any:
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
    from cassandra.policies import DCAwareRoundRobinPolicy, RetryPolicy, TokenAwarePolicy, WhiteListRoundRobinPolicy
    from cassandra.query import tuple_factory

    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([settings.address])
        if settings.only_this_address
        else TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        retry_policy=RetryPolicy(),
        consistency_level=consistency,
        request_timeout=settings.timeout_seconds,
        row_factory=tuple_factory,
    )
    return Cluster(
        [settings.address],
        port=settings.port,
        auth_provider=PlainTextAuthProvider(settings.username, settings.password or "") if settings.username else None,
        ssl_context=_tls(settings),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=min(settings.timeout_seconds, 10),
        control_connection_timeout=min(settings.timeout_seconds, 10),
        # No metadata: the driver's own copy of the schema costs more than the answers.
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
        protocol_version=4,
    )


def _tls(settings: CqlSettings) -> t.Any:
    """What the driver makes connections with; ``None`` for those without TLS."""
    if not settings.ca_certificates:
        if settings.client_certificate:
            raise InputError(
                f"A client's certificate needs TLS, which is used when {option('cql_ca_certificates')} is given.",
                subject="cql_ca_certificates",
                next_step="Give the file with the authority that signed the nodes' certificates.",
            )
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=settings.ca_certificates)
    except OSError as error:
        raise _unusable_file(settings.ca_certificates, "certificate authorities", error) from error
    # Each node that the driver connects to is compared with its own address.
    context.check_hostname = settings.verify_hostname
    if settings.client_certificate:
        try:
            # A key with a password would ask for it on the terminal.
            context.load_cert_chain(settings.client_certificate, settings.client_key, password=lambda: "")
        except OSError as error:
            files = f"{settings.client_certificate} and {settings.client_key}"
            raise _unusable_file(files, "a client's certificate and its key", error) from error
    return context


def _unusable_file(path: str, what: str, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be used as {what}: {error}.",
        subject=path,
        next_step="They have to be PEM files on the node, and readable for who connects.",
    )


@contextlib.contextmanager
def _explained(driver: t.Any, settings: CqlSettings) -> t.Iterator[None]:
    from cassandra.cluster import NoHostAvailable

    where = f"{settings.address}:{settings.port}"
    try:
        yield
    except NoHostAvailable as error:
        causes = list(error.errors.values()) if isinstance(error.errors, dict) else []
        for cause in causes:
            if isinstance(cause, driver.AuthenticationFailed) and _NOT_CHECKED not in str(cause):
                raise CqlDeniedError(
                    f"{where} does not let {settings.username or 'an anonymous user'} in.",
                    subject=settings.address,
                    next_step="Give a user that the cluster knows; a restore with roles brings back the passwords of "
                    "that time.",
                ) from error
        why = "; ".join(str(cause) for cause in causes) or str(error)
        raise NodeUnreachableError(
            f"{where} does not answer CQL{' with TLS' if settings.ca_certificates else ''}: {why}.",
            subject=settings.address,
            next_step=_what_to_check(settings, why),
        ) from error
    except (driver.DriverException, driver.OperationTimedOut) as error:
        raise NodeError(f"{where} did not answer a statement: {error}.", subject=settings.address) from error


def _what_to_check(settings: CqlSettings, why: str) -> str:
    """What an operator does about a node that does not answer."""
    if "IP address mismatch" in why or "Hostname mismatch" in why:
        return (
            f"Its certificate is not for {settings.address}: connect to an address that it is for, or, if that cannot "
            f"be, set {option('cql_verify_hostname')} to false."
        )
    if "CERTIFICATE_VERIFY_FAILED" in why:
        return f"Give the authority that signed its certificate in {option('cql_ca_certificates')}."
    if "WRONG_VERSION_NUMBER" in why:
        return f"It speaks without TLS on that port: give another, or leave {option('cql_ca_certificates')} out."
    if not settings.ca_certificates:
        return (
            "Check address and port, and that the node is up. If its clients have to use TLS, give "
            f"{option('cql_ca_certificates')}."
        )
    if not settings.client_certificate:
        return (
            "Check address and port, that the node is up, and that it offers TLS. If it wants a client's certificate, "
            f"give {option('cql_client_certificate')} and {option('cql_client_key')}."
        )
    return "Check address and port, that the node is up, and that it trusts the client's certificate."


_IMPORT_LOCK = threading.Lock()


def _import_driver() -> t.Any:
    try:
        with _IMPORT_LOCK:
            import cassandra
            import cassandra.cluster
    except Exception as error:
        raise unusable("cassandra-driver", error) from error
    return cassandra
