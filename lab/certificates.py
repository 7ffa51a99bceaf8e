# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real X.509 certificates, many of them quickly: one authority, elliptic-curve keys, a small pool of subjects' keys.

Nothing is kept on disk: the authority lives as long as its process.
"""

from __future__ import annotations

import dataclasses
import datetime
import secrets
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SUBJECT_KEYS = 16
_DEPARTMENTS = ("payments", "identity", "edge", "mail", "build", "storage", "billing", "search")


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A certificate with what a certificate manager would index. Times are UTC, to the second."""

    serial: str
    subject: str
    issuer: str
    not_before: datetime.datetime
    not_after: datetime.datetime
    dns_names: tuple[str, ...]
    key_algorithm: str
    key_size_bits: int
    key_fingerprint: bytes
    der: bytes


class CertificateAuthority:
    """Issues certificates; not thread-safe."""

    def __init__(self, *, name: str = "Revive Lab CA") -> None:
        """Make the authority's key and the pool of subjects' keys."""
        self.name = f"CN={name},O=Revive Lab"
        self._issuer = _x509_name(common_name=name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subjects = [ec.generate_private_key(ec.SECP256R1()).public_key() for _number in range(_SUBJECT_KEYS)]
        self._fingerprints = [_fingerprint(key=key) for key in self._subjects]
        self._issued = 0

    def issue(self) -> Certificate:
        """Return a new certificate, valid from some day of the last three months on, with a random serial number."""
        number = self._issued
        self._issued += 1
        serial = secrets.randbits(63) | 1 << 62
        host = f"host-{serial:016x}.{_DEPARTMENTS[number % len(_DEPARTMENTS)]}.example.net"
        names = (host, f"www.{host}") if number % 3 == 0 else (host,)
        today = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        not_before = today - datetime.timedelta(days=secrets.randbelow(90))
        not_after = not_before + datetime.timedelta(days=397)
        slot = number % _SUBJECT_KEYS
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_x509_name(common_name=host))
            .issuer_name(self._issuer)
            .public_key(self._subjects[slot])
            .serial_number(serial)
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return Certificate(
            serial=f"{serial:016x}",
            subject=f"CN={host},O=Revive Lab",
            issuer=self.name,
            not_before=not_before,
            not_after=not_after,
            dns_names=names,
            key_algorithm="EC secp256r1",
            key_size_bits=256,
            key_fingerprint=self._fingerprints[slot],
            der=certificate.public_bytes(serialization.Encoding.DER),
        )

    def sign(self, message: bytes) -> bytes:
        """Return the authority's signature of a message, as an OCSP responder makes one."""
        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))


def read_certificate(der: bytes) -> x509.Certificate:
    """Parse a certificate as it is stored; the demo shows one with it."""
    return x509.load_der_x509_certificate(der)


def _x509_name(*, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Revive Lab"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _fingerprint(*, key: t.Any) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize()
