# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How nodetool is called, and what becomes of its failures."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    NodeSilentError,
    NodeUnreachableError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.identity import is_running

_TELL = 'printf "%s|%s" "$JDK_JAVA_OPTIONS" "$*"'


def _settings(directory: pathlib.Path, script: str, **options: str) -> NodeSettings:
    program = directory / "nodetool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return NodeSettings(name="n1", nodetool_command=(str(program),), **options)  # type: ignore[arg-type]


def _properties(directory: pathlib.Path, *, store: str = "trust.p12") -> str:
    (directory / "trust.p12").touch()
    path = directory / "nodetool-ssl.properties"
    path.write_text(
        f"-Djavax.net.ssl.trustStore={directory / store}\n-Djavax.net.ssl.trustStorePassword=a-secret\n",
        encoding="utf-8",
    )
    return str(path)


def test_without_tls_java_is_told_nothing(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JDK_JAVA_OPTIONS", raising=False)
    settings = _settings(tmp_path, _TELL, jmx_username="operator", jmx_password_file="/etc/jmx.password")
    assert Nodetool(settings).run("status") == "|-u operator -pwf /etc/jmx.password status"


@pytest.mark.parametrize(("given", "before"), [("", ""), ("-Xmx64m", "-Xmx64m ")])
def test_java_reads_what_tls_needs_from_the_file_itself(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, given: str, before: str
) -> None:
    monkeypatch.setenv("JDK_JAVA_OPTIONS", given)
    path = _properties(tmp_path)
    said = Nodetool(_settings(tmp_path, _TELL, jmx_ssl_properties_file=path)).run("status")
    assert said == f'{before}@"{path}" -Dssl.enable=true|status'


def test_a_file_that_is_not_there_is_named_before_nodetool_is_run(tmp_path: pathlib.Path) -> None:
    settings = _settings(tmp_path, "exit 0", jmx_ssl_properties_file=str(tmp_path / "nothing"))
    with pytest.raises(InputError, match=r"No such file.*jmx_ssl_properties_file") as caught:
        Nodetool(settings).run("status")
    assert caught.value.subject == str(tmp_path / "nothing")
    settings = _settings(tmp_path, "exit 0", jmx_ssl_properties_file=_properties(tmp_path, store="gone.p12"))
    with pytest.raises(InputError, match=r"No such file.*jmx_ssl_properties_file") as caught:
        Nodetool(settings).run("status")
    assert caught.value.subject == str(tmp_path / "gone.p12")


# Whoever takes such a node for one that is down exchanges directories under a Cassandra that serves.
@pytest.mark.parametrize(
    "why",
    [
        "ConnectIOException: 'non-JRMP server at remote endpoint'.",
        "SunCertPathBuilderException: 'unable to find valid certification path to requested target'.",
        "SSLHandshakeException: 'Received fatal alert: bad_certificate'.",
        "KeyManagementException: 'null'.",
    ],
)
def test_a_node_whose_tls_does_not_fit_is_not_one_that_is_down(tmp_path: pathlib.Path, why: str) -> None:
    script = f"""cat >&2 <<'END'\nnodetool: Failed to connect to '127.0.0.1:7199' - {why}\nEND\nexit 1"""
    with pytest.raises(NodeError, match="jmx_ssl_properties_file") as caught:
        is_running(_settings(tmp_path, script))
    assert not isinstance(caught.value, NodeUnreachableError)
    assert why.rstrip(".") in str(caught.value)


def test_a_node_that_refuses_connections_is_down(tmp_path: pathlib.Path) -> None:
    script = "echo \"nodetool: Failed to connect to '127.0.0.1:7199' - ConnectException: 'refused'.\" >&2; exit 1"
    assert not is_running(_settings(tmp_path, script, jmx_ssl_properties_file=_properties(tmp_path)))


def test_a_node_that_does_not_answer_in_time_may_run(tmp_path: pathlib.Path) -> None:
    settings = dataclasses.replace(_settings(tmp_path, "sleep 600"), timeout_seconds=1)
    with pytest.raises(NodeSilentError, match=r"did not finish within 1 s.*nodetool_timeout_seconds"):
        is_running(settings)


def test_that_it_failed_to_connect_is_no_reason_to_think_that_a_node_is_down(tmp_path: pathlib.Path) -> None:
    script = "echo \"nodetool: Failed to connect to '127.0.0.1:7199' - OddException: 'of another Java'.\" >&2; exit 1"
    with pytest.raises(NodeError, match="of another Java"):
        is_running(_settings(tmp_path, script))
