# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster has that is run as security departments ask for: certificates for everybody, and a password for JMX.

Clients, other nodes and nodetool have to show a certificate of the cluster's own authority, and see the node's. What is
secret is in files that only their owner reads. The commit log is compressed, and clients come in by another port.
"""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import secrets
import ssl
import typing as t
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from lab.state_files import write_private, write_private_bytes

_NATIVE_PORT = 9142
_DAYS = 30
_JMX_USER = "operator"
_PEM = serialization.Encoding.PEM


@dataclasses.dataclass(frozen=True)
class Hardening:
    """The files of one cluster's certificates and passwords, in a directory of their own."""

    directory: Path

    @classmethod
    def create(cls, *, directory: Path, addresses: t.Mapping[str, str]) -> Hardening:
        """Make an authority, and what it signs: for each node by its address, for clients, and for nodetool.

        :param addresses: by the name of the node's directory.
        """
        hardening = cls(directory=directory)
        authority = _Authority()
        password = secrets.token_urlsafe(18)
        write_private(path=hardening._store_password, text=password)
        write_private(path=hardening.ca_certificates, text=authority.certificate.public_bytes(_PEM).decode())
        store = pkcs12.serialize_java_truststore(
            [pkcs12.PKCS12Certificate(authority.certificate, b"lab")], _lock(password)
        )
        write_private_bytes(path=hardening.trust_store, body=store)
        for name, address in {**addresses, "client": "127.0.0.1"}.items():
            key, certificate = authority.issue(name=name, addresses=sorted({address, "127.0.0.1"}))
            write_private_bytes(
                path=hardening.key_store(name),
                body=pkcs12.serialize_key_and_certificates(
                    name.encode(), key, certificate, [authority.certificate], _lock(password)
                ),
            )
            if name == "client":
                hardening._write_client(key, certificate)
        write_private(path=hardening.jmx_password_file, text=f"{_JMX_USER} {secrets.token_urlsafe(18)}\n")
        write_private(path=hardening.jmx_access_file, text=f"{_JMX_USER} readwrite\n")
        properties = _java_stores(hardening.key_store("client"), hardening.trust_store, password)
        write_private(
            path=hardening.jmx_ssl_properties_file,
            text="".join(f"-D{name}={value}\n" for name, value in properties.items()),
        )
        return hardening

    @property
    def native_port(self) -> int:
        """Return the port by which clients come in; everybody expects 9042."""
        return _NATIVE_PORT

    @property
    def jmx_username(self) -> str:
        """Return who may use JMX."""
        return _JMX_USER

    @property
    def jmx_password_file(self) -> Path:
        """Return the file with JMX's user and password: for the node, and for nodetool."""
        return self.directory / "jmxremote.password"

    @property
    def jmx_access_file(self) -> Path:
        """Return the file with what JMX's user may do."""
        return self.directory / "jmxremote.access"

    @property
    def jmx_ssl_properties_file(self) -> Path:
        """Return the file with nodetool's side of TLS, in the form of Cassandra's own."""
        return self.directory / "nodetool-ssl.properties"

    @property
    def ca_certificates(self) -> Path:
        """Return the file with the authority, for clients."""
        return self.directory / "ca.pem"

    @property
    def client_certificate(self) -> Path:
        """Return the certificate that clients show."""
        return self.directory / "client.pem"

    @property
    def client_key(self) -> Path:
        """Return its key."""
        return self.directory / "client.key"

    @property
    def trust_store(self) -> Path:
        """Return the authority as Java wants it."""
        return self.directory / "trust.p12"

    def key_store(self, name: str) -> Path:
        """Return a key with its certificate as Java wants them."""
        return self.directory / f"{name}.p12"

    def client_context(self) -> ssl.SSLContext:
        """Return what the lab's own clients connect with."""
        context = ssl.create_default_context(cafile=str(self.ca_certificates))
        context.load_cert_chain(self.client_certificate, self.client_key)
        return context

    def settings(self, *, node: str) -> dict[str, t.Any]:
        """Return what ``cassandra.yaml`` has more than others, by name."""
        password = self._store_password.read_text(encoding="utf-8")
        stores = {
            "keystore": str(self.key_store(node)),
            "keystore_password": password,
            "truststore": str(self.trust_store),
            "truststore_password": password,
            "store_type": "PKCS12",
            "require_client_auth": True,
        }
        return {
            "client_encryption_options": {"enabled": True, "optional": False, **stores},
            "server_encryption_options": {"internode_encryption": "all", "optional": False, **stores},
            "commitlog_compression": [{"class_name": "LZ4Compressor"}],
        }

    @property
    def jvm_options(self) -> tuple[str, ...]:
        """Return what a node's JVM needs for a password of JMX, as in Cassandra's own ``jvm17-server.options``."""
        return ("--add-exports=java.management/com.sun.jmx.remote.security=ALL-UNNAMED",)

    def jvm_properties(self, *, node: str) -> dict[str, str]:
        """Return the properties of a node's JVM that others do not have."""
        password = self._store_password.read_text(encoding="utf-8")
        jmx = "com.sun.management.jmxremote"
        return {
            f"{jmx}.authenticate": "true",
            f"{jmx}.password.file": str(self.jmx_password_file),
            f"{jmx}.access.file": str(self.jmx_access_file),
            f"{jmx}.ssl": "true",
            f"{jmx}.ssl.need.client.auth": "true",
            **_java_stores(self.key_store(node), self.trust_store, password),
        }

    def nodetool_arguments(self) -> tuple[str, ...]:
        """Return what nodetool logs in with."""
        return "-u", self.jmx_username, "-pwf", str(self.jmx_password_file)

    def nodetool_environment(self) -> dict[str, str]:
        """Return what makes nodetool use TLS; no argument list has a password."""
        return {"JDK_JAVA_OPTIONS": f"@{self.jmx_ssl_properties_file} -Dssl.enable=true"}

    def inventory_variables(self) -> dict[str, str]:
        """Return what roles have to be told, by the names of their variables."""
        return {
            "cassandra_cql_ca_certificates": str(self.ca_certificates),
            "cassandra_cql_client_certificate": str(self.client_certificate),
            "cassandra_cql_client_key": str(self.client_key),
            "cassandra_jmx_username": self.jmx_username,
            "cassandra_jmx_password_file": str(self.jmx_password_file),
            "cassandra_jmx_ssl_properties_file": str(self.jmx_ssl_properties_file),
        }

    @property
    def _store_password(self) -> Path:
        return self.directory / "store.password"

    def _write_client(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        write_private(path=self.client_key, text=private.decode())
        write_private(path=self.client_certificate, text=certificate.public_bytes(_PEM).decode())


class _Authority:
    """Signs what one cluster needs, and is gone then."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _common_name("Revive Lab cluster authority")
        self.certificate = (
            self._builder(self._key, self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, *, name: str, addresses: t.Sequence[str]) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """A key, and its certificate for some addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(each)) for each in addresses])
        builder = self._builder(key, _common_name(name)).add_extension(alternatives, critical=False)
        return key, builder.sign(self._key, hashes.SHA256())

    def _builder(self, key: ec.EllipticCurvePrivateKey, subject: x509.Name) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(hours=1),
            not_valid_after=now + datetime.timedelta(days=_DAYS),
        )


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _java_stores(key_store: Path, trust_store: Path, password: str) -> dict[str, str]:
    return {
        "javax.net.ssl.keyStore": str(key_store),
        "javax.net.ssl.keyStorePassword": password,
        "javax.net.ssl.keyStoreType": "PKCS12",
        "javax.net.ssl.trustStore": str(trust_store),
        "javax.net.ssl.trustStorePassword": password,
        "javax.net.ssl.trustStoreType": "PKCS12",
    }


def _lock(password: str) -> serialization.KeySerializationEncryption:
    return serialization.BestAvailableEncryption(password.encode())
