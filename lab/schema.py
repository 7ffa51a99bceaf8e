# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data model of the lab: a certificate manager's keyspace with everything that makes restores hard.

A user-defined type, a list that grows, a counter table, rows that expire, a secondary index of the old kind, an SAI
index from 5.0 on, and a table whose names need quoting.
"""

from __future__ import annotations

import dataclasses
import typing as t

KEYSPACE = "certificate_manager"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as the writer and the checker see it.

    Every insert replaces all ``value_columns`` of a row at once. ``appended_column`` is a list that only ever grows, by
    appends; ``counter_column`` only ever counts up. Columns whose name needs quoting are written without quotes here.
    """

    name: str
    key_columns: tuple[str, ...]
    value_columns: tuple[str, ...] = ()
    appended_column: str | None = None
    counter_column: str | None = None
    keyspace: str = KEYSPACE

    @property
    def cql_name(self) -> str:
        """Return the name for a statement: with the keyspace, and quoted."""
        return f'{self.keyspace}."{self.name}"'


CERTIFICATES = Table(
    name="certificates",
    key_columns=("serial",),
    value_columns=("status", "subject", "issuer", "not_before", "not_after", "dns_names", "key_info", "der"),
    appended_column="history",
)
OCSP_RESPONSES = Table(
    name="ocsp_responses", key_columns=("serial", "produced_at"), value_columns=("status", "signature")
)
AUDIT_LOG = Table(name="AuditLog", key_columns=("Day", "Sequence"), value_columns=("Actor", "action", "serial"))
ISSUANCE_COUNTERS = Table(name="issuance_counters", key_columns=("issuer", "day"), counter_column="issued")

TABLES = (CERTIFICATES, OCSP_RESPONSES, AUDIT_LOG, ISSUANCE_COUNTERS)

_TYPES_AND_TABLES = (
    "CREATE TYPE IF NOT EXISTS {ks}.key_info (algorithm text, size_bits int, fingerprint blob)",
    """CREATE TABLE IF NOT EXISTS {ks}.certificates (
        serial text PRIMARY KEY, subject text, issuer text, not_before timestamp, not_after timestamp, status text,
        dns_names frozen<list<text>>, key_info frozen<key_info>, der blob, history list<text>)""",
    """CREATE TABLE IF NOT EXISTS {ks}.ocsp_responses (
        serial text, produced_at timestamp, status text, signature blob, PRIMARY KEY (serial, produced_at))
        WITH default_time_to_live = 604800 AND CLUSTERING ORDER BY (produced_at DESC)""",
    """CREATE TABLE IF NOT EXISTS {ks}."AuditLog" (
        "Day" text, "Sequence" bigint, "Actor" text, action text, serial text, PRIMARY KEY ("Day", "Sequence"))""",
    """CREATE TABLE IF NOT EXISTS {ks}.issuance_counters (
        issuer text, day text, issued counter, PRIMARY KEY (issuer, day))""",
    "CREATE INDEX IF NOT EXISTS certificates_status ON {ks}.certificates (status)",
)
_SAI_INDEX = "CREATE INDEX IF NOT EXISTS certificates_subject ON {ks}.certificates (subject) USING 'sai'"


def create_schema(*, session: t.Any, replication: str) -> None:
    """Create the keyspace with its types, tables and indexes, as far as they are not there.

    :param session: of the driver; its server's version decides whether there is an SAI index.
    :param replication: of the keyspace, as CQL.
    """
    session.execute(f"CREATE KEYSPACE IF NOT EXISTS {KEYSPACE} WITH replication = {replication}")
    for statement in _TYPES_AND_TABLES:
        session.execute(statement.format(ks=KEYSPACE))
    if has_sai(session=session):
        session.execute(_SAI_INDEX.format(ks=KEYSPACE))


def has_sai(*, session: t.Any) -> bool:
    """Tell whether the server knows SAI indexes: from 5.0 on."""
    version = session.execute("SELECT release_version FROM system.local").one().release_version
    return int(version.split(".")[0]) >= 5
