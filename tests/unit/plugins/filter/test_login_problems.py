# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes would not let a role in over CQL."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.filter.login_problems import FilterModule
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option

_PROBLEMS = FilterModule().filters()["login_problems"]
_FILE = f"ca.pem cannot be used. Give it in {option('cql_ca_certificates')}."
_LOGINS = {
    "n1": {"tried": True, "problem": "", "code": ""},
    "n2": {"tried": True, "problem": "n2 does not let ops in.", "code": "cql_denied"},
    "n3": {"tried": False, "problem": _FILE, "code": "invalid_input"},
    "n4": {"tried": False, "problem": _FILE, "code": "invalid_input"},
    "n5": None,
}


def test_a_reason_is_told_once_in_the_words_of_the_role() -> None:
    assert _PROBLEMS(_LOGINS, "backup") == [
        "n2: n2 does not let ops in.",
        "n3, n4: ca.pem cannot be used. Give it in cassandra_cql_ca_certificates.",
    ]


def test_a_password_may_come_with_the_restore() -> None:
    assert [each[:6] for each in _PROBLEMS(_LOGINS, "restore", denied=False)] == ["n3, n4"]


def test_nodes_that_let_in_are_no_problem() -> None:
    assert _PROBLEMS({"n1": _LOGINS["n1"], "n5": None}, "backup") == []
