# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CQL sessions: the one place of the lab that builds drivers."""

from __future__ import annotations

import contextlib
import typing as t

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    FallthroughRetryPolicy,
    TokenAwarePolicy,
    WhiteListRoundRobinPolicy,
)

_REQUEST_TIMEOUT_SECONDS = 60.0


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
) -> t.Iterator[Session]:
    """Open a session; statements run at ``consistency`` unless they say otherwise, and are never retried.

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
    driver = Cluster(
        contact_points=list(addresses),
        port=port,
        auth_provider=PlainTextAuthProvider(username=username, password=password),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(delay=1.0, max_attempts=None),
        protocol_version=4,
        connect_timeout=30,
        control_connection_timeout=30,
        max_schema_agreement_wait=60,
    )
    try:
        yield driver.connect()
    finally:
        driver.shutdown()
