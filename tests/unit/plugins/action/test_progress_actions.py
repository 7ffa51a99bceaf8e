# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which modules run in the background, with their progress shown, and which are soon done."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.action import (
    cassandra_backup_upload,
    cassandra_restore,
    cassandra_table_restore,
)
from ansible_collections.revive.cassandra.plugins.plugin_utils import _play_process
from ansible_collections.revive.cassandra.plugins.plugin_utils._progress_action import Poll

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("action", "options", "is_long"),
    [
        (cassandra_backup_upload, {}, True),
        (cassandra_backup_upload, {"load_bytes": 65 * MIB}, True),
        (cassandra_backup_upload, {"load_bytes": 64 * MIB}, False),
        (cassandra_backup_upload, {"load_bytes": "1024"}, False),
        (cassandra_backup_upload, {"load_bytes": 64 * MIB, "max_bytes_per_second": 1000}, True),
        (cassandra_restore, {"state": "fetched"}, True),
        (cassandra_restore, {"state": "switched"}, False),
        (cassandra_table_restore, {"state": "fetched"}, True),
        (cassandra_table_restore, {"state": "created"}, False),
    ],
)
def test_what_takes_long_is_watched(action: t.Any, options: dict[str, t.Any], *, is_long: bool) -> None:
    assert object.__new__(action.ActionModule).is_long(options) is is_long


def test_nobody_watches_a_module_whose_play_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    action: t.Any = object.__new__(cassandra_backup_upload.ActionModule)
    monkeypatch.setattr(action, "_poll_patiently", lambda *_names: Poll(job="running", alive=True, report=None))
    monkeypatch.setattr(_play_process, "is_orphan", lambda: True)

    assert action._watch("progress", "results", host="n1")["msg"].startswith(
        "The module on n1 ended without a result: Ansible was killed."
    )
