# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations of a certificate manager on the lab's tables, each as a statement and as a record of the truth."""

from __future__ import annotations

import dataclasses
import datetime
import random
import typing as t

from lab.certificates import Certificate, CertificateAuthority
from lab.schema import AUDIT_LOG, CERTIFICATES, ISSUANCE_COUNTERS, KEYSPACE, OCSP_RESPONSES, Table
from lab.truth import APPEND, DELETE, INCREMENT, INSERT, TruthFile, Write, canonical_key, hash_of_values

STATUSES = ("valid", "revoked", "expired")

_WEEK_SECONDS = 604_800
_SHORT_SECONDS = 120
_ACTORS = ("alice", "bob", "carol", "acme-bot")
# How many of its own certificates a workload remembers, to change them later.
_REMEMBERED = 5000


@dataclasses.dataclass(frozen=True)
class Operation:
    """A write that can be sent: a prepared statement's name, its parameters, and what the truth file says of it."""

    statement: str
    parameters: tuple[t.Any, ...]
    write: Write

    @property
    def is_idempotent(self) -> bool:
        """Tell whether it may be sent again when nobody knows whether it arrived."""
        return self.write.operation in (INSERT, DELETE)


def prepare(*, session: t.Any) -> dict[str, t.Any]:
    """Return the driver's prepared statements by the names that operations use."""
    statements = {f"insert {table.name}": _insert(table=table) for table in (CERTIFICATES, OCSP_RESPONSES, AUDIT_LOG)}
    certificates = CERTIFICATES.cql_name
    statements["delete certificates"] = f"DELETE FROM {certificates} USING TIMESTAMP ? WHERE serial = ?"
    statements["append"] = f"UPDATE {certificates} USING TIMESTAMP ? SET history = history + ? WHERE serial = ?"
    statements["increment"] = (
        f"UPDATE {KEYSPACE}.issuance_counters SET issued = issued + ? WHERE issuer = ? AND day = ?"
    )
    return {name: session.prepare(text) for name, text in statements.items()}


class Workload:
    """Invents operations; not thread-safe. Only rows of its own are ever changed, so several can run at once."""

    def __init__(self, *, truth: TruthFile, counting: bool = True) -> None:
        """Make an authority, and number writes by the clock of a truth file.

        :param counting: whether counters are incremented once loading is over.
        """
        self._truth = truth
        self._counting = counting
        self._authority = CertificateAuthority()
        self._random = random.Random()
        self._kept: list[Certificate] = []
        self._deletable: list[Certificate] = []

    def loading(self, *, certificates: int) -> t.Iterator[Operation]:
        """Yield the operations of a bulk load: the certificates, and for some of them the rows of the other tables."""
        for number in range(certificates):
            certificate = self._authority.issue()
            yield self._insert_certificate(certificate=certificate, status=STATUSES[number % 20 % 3])
            if number % 5 == 0:
                yield self._insert_response(certificate=certificate, lifetime_seconds=_WEEK_SECONDS)
            if number % 7 == 0:
                yield self._log(actor=self._random.choice(_ACTORS), action="issue", serial=certificate.serial)
            if number % 11 == 0:
                yield self._append(certificate=certificate, event="issued")
            if number % 13 == 0:
                yield self._increment(amount=1 + number % 3)

    def next(self) -> Operation:
        """Return one more operation of a manager at work: four in ten issue, others change, log, count or delete."""
        dice = self._random.random()
        if dice < 0.4 or not self._kept or not self._deletable:
            return self._issue()
        kept = self._random.choice(self._kept)
        if dice < 0.5:
            return self._insert_certificate(certificate=kept, status=self._random.choice(STATUSES))
        if dice < 0.65:
            return self._append(certificate=kept, event="renewed")
        if dice < 0.75:
            short = self._random.random() < 0.2
            return self._insert_response(certificate=kept, lifetime_seconds=_SHORT_SECONDS if short else _WEEK_SECONDS)
        if dice < 0.85:
            return self._log(actor=self._random.choice(_ACTORS), action="read", serial=kept.serial)
        if dice < 0.95 and self._counting:
            return self._increment(amount=1)
        return self._delete(certificate=self._deletable.pop(self._random.randrange(len(self._deletable))))

    def _issue(self) -> Operation:
        certificate = self._authority.issue()
        # Lists are appended to without a look at the row, so what can be deleted is never appended to.
        pool = self._deletable if self._random.random() < 0.2 else self._kept
        pool.append(certificate)
        if len(pool) > _REMEMBERED:
            pool.pop(0)
        return self._insert_certificate(certificate=certificate, status="valid")

    def _insert_certificate(self, *, certificate: Certificate, status: str) -> Operation:
        info = (certificate.key_algorithm, certificate.key_size_bits, certificate.key_fingerprint)
        values = (
            status,
            certificate.subject,
            certificate.issuer,
            certificate.not_before,
            certificate.not_after,
            certificate.dns_names,
            info,
            certificate.der,
        )
        return self._inserted(table=CERTIFICATES, key=(certificate.serial,), values=values)

    def _insert_response(self, *, certificate: Certificate, lifetime_seconds: int) -> Operation:
        now = datetime.datetime.now(datetime.timezone.utc)
        produced_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        signature = self._authority.sign(certificate.serial.encode())
        return self._inserted(
            table=OCSP_RESPONSES,
            key=(certificate.serial, produced_at),
            values=("good", signature),
            lifetime_seconds=lifetime_seconds,
        )

    def _log(self, *, actor: str, action: str, serial: str) -> Operation:
        return self._inserted(
            table=AUDIT_LOG, key=(_today(), self._truth.next_timestamp_us()), values=(actor, action, serial)
        )

    def _inserted(
        self, *, table: Table, key: tuple[t.Any, ...], values: tuple[t.Any, ...], lifetime_seconds: int = 0
    ) -> Operation:
        timestamp_us = self._truth.next_timestamp_us()
        return Operation(
            statement=f"insert {table.name}",
            parameters=(*key, *values, timestamp_us, lifetime_seconds),
            write=Write(
                operation=INSERT,
                table=table.name,
                key=canonical_key(key),
                timestamp_us=timestamp_us,
                value_hash=hash_of_values(values),
                expires_us=timestamp_us + lifetime_seconds * 1_000_000 if lifetime_seconds else None,
            ),
        )

    def _append(self, *, certificate: Certificate, event: str) -> Operation:
        timestamp_us = self._truth.next_timestamp_us()
        element = f"{event} {timestamp_us}"
        key = (certificate.serial,)
        return Operation(
            statement="append",
            parameters=(timestamp_us, [element], certificate.serial),
            write=Write(APPEND, CERTIFICATES.name, canonical_key(key), timestamp_us, element=element),
        )

    def _increment(self, *, amount: int) -> Operation:
        key = (self._authority.name, _today())
        return Operation(
            statement="increment",
            parameters=(amount, *key),
            write=Write(
                INCREMENT,
                ISSUANCE_COUNTERS.name,
                canonical_key(key),
                self._truth.next_timestamp_us(),
                amount=amount,
            ),
        )

    def _delete(self, *, certificate: Certificate) -> Operation:
        timestamp_us = self._truth.next_timestamp_us()
        return Operation(
            statement="delete certificates",
            parameters=(timestamp_us, certificate.serial),
            write=Write(DELETE, CERTIFICATES.name, canonical_key((certificate.serial,)), timestamp_us),
        )


def _insert(*, table: Table) -> str:
    columns = [*table.key_columns, *table.value_columns]
    names = ", ".join(f'"{column}"' for column in columns)
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table.cql_name} ({names}) VALUES ({marks}) USING TIMESTAMP ? AND TTL ?"


def _today() -> str:
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()
