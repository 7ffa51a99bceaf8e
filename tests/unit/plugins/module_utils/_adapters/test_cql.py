# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import datetime
import ssl
import typing as t

import pytest
from cassandra import AuthenticationFailed
from cassandra.cluster import NoHostAvailable
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    CqlDeniedError,
    InputError,
    NodeUnreachableError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import in_words
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings


class _Refusing:
    """The driver's cluster, which no node lets in."""

    def __init__(self, said: Exception) -> None:
        self._said = said

    def connect(self) -> t.NoReturn:
        raise NoHostAvailable("Unable to connect to any servers", {"127.0.0.1:9042": self._said})

    def shutdown(self) -> None:
        pass


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        pytest.param("Provided username ca and/or password are incorrect", CqlDeniedError, id="wrong password"),
        pytest.param(
            "Unable to perform authentication: Operation timed out - received only 1 responses.",
            NodeUnreachableError,
            id="not checked",
        ),
    ],
)
def test_a_login_that_could_not_be_checked_is_no_refusal(
    monkeypatch: pytest.MonkeyPatch, reason: str, expected: type[Exception]
) -> None:
    said = AuthenticationFailed(f"Failed to authenticate to 127.0.0.1:9042: Error from server: {reason}")
    monkeypatch.setattr(cql, "_cluster", lambda *_args, **_options: _Refusing(said))
    settings = CqlSettings(address="127.0.0.1", port=9042, username="ca", password="secret")

    with pytest.raises(expected), cql.connect(settings):
        pass


# As 5.0.9 was seen to answer, with and without TLS, asking for a certificate and not.
@pytest.mark.parametrize(
    ("said", "settings", "advice"),
    [
        pytest.param("[Errno 104] Connection reset by peer", {}, "have to use TLS, give cql_ca_certificates", id="TLS"),
        pytest.param(
            "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required (_ssl.c:2546)",
            {"ca_certificates": "ca.pem"},
            "wants a client's certificate, give cql_client_certificate and cql_client_key",
            id="client certificate",
        ),
        pytest.param(
            "EOF occurred in violation of protocol (_ssl.c:2393)",
            {"ca_certificates": "ca.pem", "client_certificate": "me.pem", "client_key": "me.key"},
            "trusts the client's certificate",
            id="client certificate of a stranger",
        ),
        pytest.param(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain",
            {"ca_certificates": "ca.pem"},
            "the authority that signed its certificate in cql_ca_certificates",
            id="another authority",
        ),
        pytest.param(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: IP address mismatch, certificate is not valid "
            "for '127.0.0.1'. (_ssl.c:992)",
            {"ca_certificates": "ca.pem"},
            "connect to an address that it is for, or, if that cannot be, set cql_verify_hostname to false",
            id="another host",
        ),
        pytest.param(
            "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:992)",
            {"ca_certificates": "ca.pem"},
            "leave cql_ca_certificates out",
            id="no TLS",
        ),
    ],
)
def test_a_connection_that_fails_for_tls_says_what_to_give(
    monkeypatch: pytest.MonkeyPatch, said: str, settings: dict[str, str], advice: str
) -> None:
    monkeypatch.setattr(cql, "_cluster", lambda *_args, **_options: _Refusing(OSError(said)))
    with pytest.raises(NodeUnreachableError) as caught, cql.connect(CqlSettings(address="127.0.0.1", **settings)):  # type: ignore[arg-type]
        pass
    assert advice in in_words(str(caught.value), None)
    assert said in str(caught.value)


@pytest.fixture(scope="module", name="pem")
def _pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate that signed itself, its key, and another key."""
    directory = tmp_path_factory.mktemp("pem")
    keys = [ec.generate_private_key(ec.SECP256R1()) for _each in range(2)]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "me")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=keys[0].public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(keys[0], hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = (pem, serialization.PrivateFormat.PKCS8)
    bodies = {
        "certificate": certificate.public_bytes(pem),
        "key": keys[0].private_bytes(*private, serialization.NoEncryption()),
        "other_key": keys[1].private_bytes(*private, serialization.NoEncryption()),
        "locked_key": keys[0].private_bytes(*private, serialization.BestAvailableEncryption(b"secret")),
        "nonsense": b"nonsense",
    }
    for each, body in bodies.items():
        (directory / each).write_bytes(body)
    return {each: str(directory / each) for each in (*bodies, "nothing")}


def test_a_node_is_known_by_its_authority_and_its_address(pem: dict[str, str]) -> None:
    settings = CqlSettings(address="127.0.0.1", ca_certificates=pem["certificate"])
    context = cql._tls(settings)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert [each["serialNumber"] for each in context.get_ca_certs()] == ["01"]
    context = cql._tls(dataclasses.replace(settings, verify_hostname=False))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, False)
    shown = dataclasses.replace(settings, client_certificate=pem["certificate"], client_key=pem["key"])
    assert cql._tls(shown) is not None
    assert cql._tls(CqlSettings(address="127.0.0.1")) is None


@pytest.mark.parametrize("file", ["nonsense", "nothing"])
def test_authorities_that_cannot_be_used_are_named(pem: dict[str, str], file: str) -> None:
    with pytest.raises(InputError, match="certificate authorities") as caught:
        cql._tls(CqlSettings(address="127.0.0.1", ca_certificates=pem[file]))
    assert caught.value.subject == pem[file]


@pytest.mark.parametrize("key", ["other_key", "locked_key", "nonsense", "nothing"])
def test_a_key_that_cannot_be_used_is_named(pem: dict[str, str], key: str) -> None:
    settings = CqlSettings(
        address="127.0.0.1",
        ca_certificates=pem["certificate"],
        client_certificate=pem["certificate"],
        client_key=pem[key],
    )
    with pytest.raises(InputError, match="a client's certificate and its key") as caught:
        cql._tls(settings)
    assert pem[key] in str(caught.value)


def test_a_clients_certificate_without_an_authority_is_refused() -> None:
    settings = CqlSettings(address="127.0.0.1", client_certificate="me.pem", client_key="me.key")
    with pytest.raises(InputError, match="needs TLS"):
        cql._tls(settings)
