# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from cassandra import AuthenticationFailed
from cassandra.cluster import NoHostAvailable

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import CqlDeniedError, NodeUnreachableError
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings


class _Refusing:
    """The driver's cluster, which no node lets in."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def connect(self) -> t.NoReturn:
        said = AuthenticationFailed(f"Failed to authenticate to 127.0.0.1:9042: Error from server: {self._reason}")
        raise NoHostAvailable("Unable to connect to any servers", {"127.0.0.1:9042": said})

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
    monkeypatch.setattr(cql, "_cluster", lambda *_args, **_options: _Refusing(reason))
    settings = CqlSettings(address="127.0.0.1", port=9042, username="ca", password="secret")

    with pytest.raises(expected), cql.connect(settings):
        pass
