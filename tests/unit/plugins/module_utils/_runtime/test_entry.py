# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils import testing
from ansible.release import __version__
from packaging.version import Version

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import StoreDeniedError
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import arguments, entry

SECRET = "s3cr3t-of-the-store"
# From 2.21 on, the options are in a result only where that is asked for; before, they always were.
ASK_FOR_OPTIONS = {"_ansible_inject_invocation": True} if Version(__version__) >= Version("2.21") else {}


def run(
    use_case: t.Callable[[entry.Call], entry.Result], capsys: pytest.CaptureFixture[str], *, secret: str = SECRET
) -> str:
    """What a module with this use case prints."""
    repository = {"bucket": "b", "access_key_id": "AKIA", "secret_access_key": secret}
    with testing.patch_module_args({"repository": repository, **ASK_FOR_OPTIONS}), pytest.raises(SystemExit):
        entry.run(arguments.shared_arguments(repository_required=True), use_case)
    return capsys.readouterr().out


@pytest.mark.parametrize("kind", [ValueError, StoreDeniedError])
def test_no_error_prints_a_secret(kind: type[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    def leak(call: entry.Call) -> entry.Result:
        raise kind(f"refused {call.params['repository']['secret_access_key']}") from OSError(SECRET)

    assert SECRET not in run(leak, capsys)


def test_no_result_prints_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert SECRET not in run(lambda call: {"changed": False, "said": f"<{SECRET}>"}, capsys)


def test_a_result_is_not_changed_by_a_secret_that_is_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    statement = "CREATE TABLE cassandra.t WITH compaction = {'class': 'org.apache.cassandra.db.compaction.X'}"
    printed = run(lambda _call: {"changed": False, "schema_cql": [statement]}, capsys, secret="cassandra")
    result = json.loads(printed)

    assert result["schema_cql"] == [statement]
    assert result["invocation"]["module_args"]["repository"]["secret_access_key"] != "cassandra"


def test_what_nobody_expected_says_so_and_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_call: entry.Call) -> entry.Result:
        raise KeyError("x")

    result = json.loads(run(fail, capsys))

    assert result["error"]["code"] == "internal_error"
    assert any("KeyError" in line for line in result["traceback"])


def test_a_prefix_ends_in_a_slash_however_it_is_written() -> None:
    for prefix in ("lab", "/lab/", "lab/"):
        params = {"repository": {"bucket": "b", "prefix": prefix, "recipients": []}}
        assert arguments.repository_settings(params).prefix == "lab/"


@pytest.mark.parametrize("bucket", ["", "s3://b", "b/c"])
def test_what_is_no_bucket_is_refused(bucket: str) -> None:
    with pytest.raises(arguments.InputError):
        arguments.repository_settings({"repository": {"bucket": bucket, "prefix": "", "recipients": []}})


def test_groups_that_share_an_option_cannot_be_added() -> None:
    with pytest.raises(ValueError, match="workers"):
        arguments.transfer_arguments() + arguments.transfer_arguments()
