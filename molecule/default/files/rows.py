# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows on a host's cluster, with the driver in the node's virtual environment.

``rows.py ADDRESS USER PASSWORD set-up NEW_USER NEW_PASSWORD`` | ``write FIRST COUNT`` | ``read CONSISTENCY``

``read`` prints, for every table, how many rows it has and a digest of all their values: two prints are equal only if
the rows are.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import WhiteListRoundRobinPolicy

_SCHEMA = (
    "CREATE KEYSPACE IF NOT EXISTS shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3}",
    "CREATE TYPE IF NOT EXISTS shop.money (currency text, cents bigint)",
    """CREATE TABLE IF NOT EXISTS shop.orders (
        id bigint PRIMARY KEY, customer text, total frozen<money>, lines list<text>, receipt blob)""",
    "CREATE INDEX IF NOT EXISTS orders_customer ON shop.orders (customer) USING 'sai'",
    "CREATE TABLE IF NOT EXISTS shop.visits (page text PRIMARY KEY, seen counter)",
)
_TABLES = ("orders", "visits")


def set_up(session: Session, user: str, password: str) -> None:
    """Make a superuser whom every node knows, and the tables."""
    for keyspace in ("system_auth", "system_distributed", "system_traces"):
        session.execute(
            f"ALTER KEYSPACE {keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': 3}}"
        )
    session.execute(
        f"CREATE ROLE IF NOT EXISTS {user} WITH LOGIN = true AND SUPERUSER = true AND PASSWORD = '{password}'"
    )
    for statement in _SCHEMA:
        session.execute(statement)


def write(session: Session, first: int, count: int) -> None:
    """Write orders with these numbers, and count visits."""
    insert = session.prepare("INSERT INTO shop.orders (id, customer, total, lines, receipt) VALUES (?, ?, ?, ?, ?)")
    orders = [
        (
            number,
            f"customer-{number % 97}",
            ("EUR", number * 7),
            [f"line {number}"],
            hashlib.sha512(b"%d" % number).digest() * 8,
        )
        for number in range(first, first + count)
    ]
    visit = session.prepare("UPDATE shop.visits SET seen = seen + 1 WHERE page = ?")
    pages = [(f"page-{number % 50}",) for number in range(first, first + count)]
    for statement, rows in ((insert, orders), (visit, pages)):
        execute_concurrent_with_args(session, statement, rows, concurrency=32)


def read(session: Session) -> dict[str, object]:
    """Return the number of rows and their digest, by table."""
    found: dict[str, object] = {}
    for table in _TABLES:
        rows = sorted(repr(tuple(row)) for row in session.execute(f"SELECT * FROM shop.{table}", timeout=60))
        found[table] = [len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()]
    return found


def main() -> None:
    """Do what the command line says."""
    address, user, password, action, *words = sys.argv[1:]
    consistency = ConsistencyLevel.name_to_value[words[0]] if action == "read" else ConsistencyLevel.ALL
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([address]), consistency_level=consistency, request_timeout=60
    )
    cluster = Cluster(
        [address],
        auth_provider=PlainTextAuthProvider(user, password),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        control_connection_timeout=30,
        connect_timeout=30,
    )
    began = time.monotonic()
    session = cluster.connect()
    try:
        if action == "set-up":
            set_up(session, *words)
        elif action == "write":
            write(session, int(words[0]), int(words[1]))
        else:
            print(json.dumps({**read(session), "seconds": round(time.monotonic() - began, 1)}))
    finally:
        cluster.shutdown()


main()
