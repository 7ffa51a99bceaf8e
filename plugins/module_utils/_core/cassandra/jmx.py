# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How nodetool gets into a node's JMX: what Java is told, and what a refusal means. Pure.

A node's TLS for JMX is Java's, so nodetool is told by Java's own properties, such as ``javax.net.ssl.trustStore``. They
are in a file, as Cassandra's own ``nodetool-ssl.properties``. Cassandra's script puts that file's passwords into an
argument list, where everybody reads them. From Java 9 on, Java itself reads the file that ``JDK_JAVA_OPTIONS`` names.
"""

from __future__ import annotations

import re
import shlex
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option

#: Java tells when it has read this one.
_VARIABLE = "JDK_JAVA_OPTIONS"
_PROPERTY = re.compile(r"-D(?P<name>[^=\s]+)=(?P<value>.*)\Z", re.DOTALL)
_TLS: t.Final = option("jmx_ssl_properties_file")
_STORES = ("javax.net.ssl.trustStore", "javax.net.ssl.keyStore")

# As nodetool of 5.0.9 was seen to fail on a node that runs. Whoever reads one of these as "not there" would take a
# node that serves for one that is down.
_NOT_LET_IN = re.compile(
    r"Authentication failed|FailedLoginException|Invalid username or password|SecurityException|Credentials required"
    r"|Access denied",
    re.IGNORECASE,
)
_TLS_FAILURE = re.compile(
    r"\bSSL\w*Exception|non-JRMP server|KeyManagementException|KeyStoreException|CertPath\w*Exception"
    r"|Certificate\w*Exception|NoSuchAlgorithmException|received fatal alert|unrecognized SSL message"
    r"|SSL peer shut down|terminated the handshake",
    re.IGNORECASE,
)
_TLS_ADVICE: t.Final = (
    (
        re.compile("valid certification path|PKIX path|unknown authority"),
        f"The trust store in {_TLS} has to hold the authority that signed the node's certificate.",
    ),
    (
        re.compile("fatal alert: [a-z_]*(certificate|unknown_ca|handshake_failure)"),
        f"The node wants the certificate of a client that it trusts: name a key store with one in {_TLS}.",
    ),
    (
        re.compile("(?i)unrecognized SSL message|plaintext connection|SSL peer shut down|terminated the handshake"),
        f"It speaks without TLS there: leave {_TLS} out, or give another port in {option('nodetool_command')}.",
    ),
    (
        re.compile("problem accessing trust store"),
        f"Check javax.net.ssl.trustStore, its password and its type in {_TLS}.",
    ),
    (
        re.compile("KeyManagement|keystore password"),
        f"Check javax.net.ssl.keyStore, its password and its type in {_TLS}.",
    ),
)


def java_options(path: str) -> str:
    """What ``JDK_JAVA_OPTIONS`` has to say for TLS by this file, which has the passwords: the variable has none."""
    return f'@"{path}" -Dssl.enable=true'


def stores_in(text: str, *, path: str) -> tuple[str, ...]:
    """The files with keys and authorities that such a file names.

    :raises InputError: if it is not one.
    """
    try:
        reader = shlex.shlex(text, posix=True, punctuation_chars=False)
        reader.whitespace_split = True
        words = list(reader)
    except ValueError as error:
        raise _not_properties(path, f"{error}") from error
    properties = {}
    for number, word in enumerate(words, start=1):
        found = _PROPERTY.match(word)
        if not found:
            # Not the word itself, which may be a password.
            raise _not_properties(path, f"word {number} of it does not begin with -DNAME=")
        properties[found["name"]] = found["value"]
    return tuple(properties[name] for name in _STORES if name in properties)


def _not_properties(path: str, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read as Java's properties: {why}.",
        subject=path,
        next_step=f"{_TLS} is a file with lines as -Djavax.net.ssl.trustStore=PATH. What has blanks, quotes or "
        "# in it stands in double quotes.",
    )


def refusal_advice(printed: str, *, tls: bool, password_file: str | None) -> str | None:
    """What an operator does about a nodetool that a running node did not let in; ``None`` if it is something else.

    :param printed: all that it printed.
    :param tls: whether it was told to use TLS.
    :param password_file: that it was given.
    """
    if password_file and f"{password_file} (" in printed:
        return (
            f"{option('jmx_password_file')} has to be a file on the node that nodetool may read, with lines of a "
            "user, a blank, and the password."
        )
    if tls and "could not open `" in printed:
        return f"{_TLS} has to be a file on the node that nodetool may read."
    if _NOT_LET_IN.search(printed):
        return (
            f"Give {option('jmx_username')}, and {option('jmx_password_file')} with a line of that user, a blank, and "
            "the password. If it is let in and may not do this, it needs readwrite there."
        )
    if not _TLS_FAILURE.search(printed):
        return None
    if not tls:
        return (
            f"If JMX uses TLS there, give {_TLS}. If it does not, something else answers on that port: give "
            f"JMX's in {option('nodetool_command')}."
        )
    if _VARIABLE not in printed:
        return (
            f"nodetool's Java did not read {_TLS}: it needs Java 9 or later, and a command that hands its "
            f"environment on. Where that cannot be, leave it out, and give {option('nodetool_command')} with --ssl: "
            "then Cassandra's script reads nodetool-ssl.properties in .cassandra of its user's home."
        )
    for pattern, advice in _TLS_ADVICE:
        if pattern.search(printed):
            return advice
    return f"Check what {_TLS} says."
