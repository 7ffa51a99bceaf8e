# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nodetool is told of TLS, and what its refusals mean."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import jmx
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import in_words

_NOTE = 'NOTE: Picked up JDK_JAVA_OPTIONS: @"/etc/jmx.properties" -Dssl.enable=true\n'
_FAILED = "nodetool: Failed to connect to '127.0.0.1:7199' - "


# As nodetool of 5.0.9 was seen to fail on a node that runs.
@pytest.mark.parametrize(
    ("printed", "tls", "advice"),
    [
        pytest.param(
            f"{_FAILED}ConnectIOException: 'non-JRMP server at remote endpoint'.",
            False,
            "If JMX uses TLS there, give jmx_ssl_properties_file.",
            id="TLS is missing",
        ),
        pytest.param(
            f"{_NOTE}{_FAILED}SunCertPathBuilderException: "
            "'unable to find valid certification path to requested target'.",
            True,
            "The trust store in jmx_ssl_properties_file has to hold the authority",
            id="another authority",
        ),
        pytest.param(
            f"{_NOTE}{_FAILED}SSLHandshakeException: 'Received fatal alert: bad_certificate'.",
            True,
            "wants the certificate of a client that it trusts: name a key store with one in jmx_ssl_properties_file",
            id="no certificate of a client",
        ),
        pytest.param(
            f"{_NOTE}{_FAILED}EOFException: 'SSL peer shut down incorrectly'.",
            True,
            "It speaks without TLS there: leave jmx_ssl_properties_file out",
            id="no TLS there",
        ),
        pytest.param(
            f"{_NOTE}{_FAILED}KeyManagementException: 'problem accessing trust store'.",
            True,
            "Check javax.net.ssl.trustStore, its password and its type in jmx_ssl_properties_file.",
            id="password of the trust store",
        ),
        pytest.param(
            f"{_NOTE}{_FAILED}KeyManagementException: 'keystore password was incorrect'.",
            True,
            "Check javax.net.ssl.keyStore, its password and its type in jmx_ssl_properties_file.",
            id="password of the key store",
        ),
        pytest.param(
            f"{_FAILED}ConnectIOException: 'non-JRMP server at remote endpoint'.",
            True,
            "nodetool's Java did not read jmx_ssl_properties_file: it needs Java 9 or later",
            id="Java 8, or a command that keeps its environment to itself",
        ),
        pytest.param(
            f"{_NOTE}error: Authentication failed! Credentials required\n",
            True,
            "Give jmx_username, and jmx_password_file with a line of that user",
            id="no login",
        ),
        pytest.param(
            "error: Invalid username or password\n-- StackTrace --\njavax.security.auth.login.FailedLoginException: no",
            False,
            "Give jmx_username, and jmx_password_file with a line of that user",
            id="wrong password",
        ),
        pytest.param(
            "error: /etc/jmx.password (No such file or directory)",
            False,
            "jmx_password_file has to be a file on the node",
            id="no file with the password",
        ),
        pytest.param(
            f"{_NOTE}Error: could not open `/etc/jmx.properties'",
            True,
            "jmx_ssl_properties_file has to be a file on the node that nodetool may read",
            id="no file with the properties",
        ),
    ],
)
def test_a_refusal_says_what_to_give(printed: str, advice: str, *, tls: bool) -> None:
    said = jmx.refusal_advice(printed, tls=tls, password_file="/etc/jmx.password")
    assert said is not None
    assert advice in in_words(said)


@pytest.mark.parametrize(
    "printed",
    [
        f"{_FAILED}ConnectException: 'Connection refused'.",
        f"{_NOTE}{_FAILED}ConnectException: 'Connection refused'.",
        "nodetool: Unknown keyspace/cf pair (certificate_manager.certificates)",
        "error: Server is not initialized yet, cannot run nodetool.",
    ],
)
def test_what_is_no_refusal_is_left_to_others(printed: str) -> None:
    assert jmx.refusal_advice(printed, tls=True, password_file="/etc/jmx.password") is None


def test_the_files_that_properties_name_are_found() -> None:
    text = (
        "# as in Cassandra's own nodetool-ssl.properties\n"
        "-Djavax.net.ssl.keyStore=/etc/client.p12 -Djavax.net.ssl.keyStorePassword=secret\n"
        '-Djavax.net.ssl.trustStore="/etc/our trust.p12"\n'
        "-Dcom.sun.management.jmxremote.registry.ssl=true\n"
    )
    assert jmx.stores_in(text, path="/etc/jmx.properties") == ("/etc/our trust.p12", "/etc/client.p12")
    assert jmx.stores_in("", path="/etc/jmx.properties") == ()


@pytest.mark.parametrize("text", ["javax.net.ssl.keyStorePassword=secret", "-Dname", '-Dname="secret'])
def test_what_is_no_file_of_properties_is_refused_without_its_passwords(text: str) -> None:
    with pytest.raises(InputError, match="cannot be read as Java's properties") as caught:
        jmx.stores_in(text, path="/etc/jmx.properties")
    assert caught.value.subject == "/etc/jmx.properties"
    assert "secret" not in str(caught.value)
    assert "jmx_ssl_properties_file" in str(caught.value)


def test_java_is_told_the_file_and_no_password() -> None:
    assert jmx.java_options("/etc/our jmx.properties") == '@"/etc/our jmx.properties" -Dssl.enable=true'
