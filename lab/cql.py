# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CQL sessions: the one place of the lab that builds drivers."""

from __future__ import annotations

import contextlib
import ssl
import time
import typing as t

from cassandra import AuthenticationFailed, ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    FallthroughRetryPolicy,
    TokenAwarePolicy,
    WhiteListRoundRobinPolicy,
)

_REQUEST_TIMEOUT_SECONDS = 60.0
_LOGIN_TIMEOUT_SECONDS = 60.0
_LOGIN_PAUSE_SECONDS = 0.5
# What a node says that could not read the role, as on a machine at its limit; of a wrong password it says otherwise.
_NOT_CHECKED = "Unable to perform authentication"


@contextlib.contextmanager
def cql_session(
    *,
    addresses: t.Sequence[str],
    port: int,
    username: str,
    password: str,
    consistency: int = ConsistencyLevel.LOCAL_QUORUM,
    datacenter: str = "dc1",
    only_these_addresses: bool = False,
    request_timeout_seconds: float = _REQUEST_TIMEOUT_SECONDS,
    tls: ssl.SSLContext | None = None,
) -> t.Iterator[Session]:
    """Open a session; statements run at ``consistency`` unless they say otherwise, and are never retried.

    A login that no node could check is tried again for a minute.

    :param tls: of clusters whose clients have to use it.
    :param only_these_addresses: coordinators are the given nodes only, even when the cluster has more.
    :raises cassandra.cluster.NoHostAvailable: none of the addresses answers, or the login is refused.
    """
    policy = (
        WhiteListRoundRobinPolicy(list(addresses))
        if only_these_addresses
        else TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=datacenter))
    )
    profile = ExecutionProfile(
        load_balancing_policy=policy,
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=consistency,
        request_timeout=request_timeout_seconds,
    )

    def driver() -> Cluster:
        return Cluster(
            contact_points=list(addresses),
            port=port,
            auth_provider=PlainTextAuthProvider(username=username, password=password),
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            reconnection_policy=ConstantReconnectionPolicy(delay=1.0, max_attempts=None),
            protocol_version=4,
            ssl_context=tls,
            connect_timeout=30,
            control_connection_timeout=30,
            max_schema_agreement_wait=60,
        )

    session = _logged_in(driver)
    try:
        yield session
    finally:
        session.cluster.shutdown()


def _logged_in(driver: t.Callable[[], Cluster]) -> Session:
    """A session of the first driver whose login was checked."""
    until = time.monotonic() + _LOGIN_TIMEOUT_SECONDS
    while True:
        cluster = driver()
        try:
            return cluster.connect()
        except BaseException as error:
            cluster.shutdown()
            if time.monotonic() > until or not _was_not_checked(error):
                raise
        time.sleep(_LOGIN_PAUSE_SECONDS)


def _was_not_checked(error: BaseException) -> bool:
    causes = error.errors.values() if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict) else ()
    return any(isinstance(cause, AuthenticationFailed) and _NOT_CHECKED in str(cause) for cause in causes)
