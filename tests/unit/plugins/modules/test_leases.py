# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules have to do with who works on their node, by their ``main()``."""

from __future__ import annotations

import pathlib
import types
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.leases import NodeLeases
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BusyError
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.progress import NoProgress
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.work import WatchedProgress
from tests.unit.plugins.modules.conftest import ReplaceOperation, RunModule

BACKUP = {"id": "backup1", "operation": "backup", "started_by": "ops@control"}
RESTORE = {"id": "restore1", "operation": "restore", "works_on": "shop-1", "started_by": "eve@other"}
CLEARED = types.SimpleNamespace(changed=True, cleared=("old",))


@pytest.fixture(autouse=True)
def snapshots(replace_operation: ReplaceOperation) -> list[dict[str, t.Any]]:
    """What was cleared."""
    return replace_operation("backup.snapshot.clear_snapshots", CLEARED)


def test_a_play_keeps_a_node_from_another_until_it_gives_it_back(
    run_module: RunModule, snapshots: list[dict[str, t.Any]]
) -> None:
    run_module("cassandra_snapshot", state="absent", tag="old", lease=BACKUP, node_name="n1")
    refused = run_module("cassandra_snapshot", state="absent", tag="old", lease=RESTORE, node_name="n1")
    run_module("cassandra_snapshot", state="absent", tag="old", lease={**BACKUP, "gives_back": True}, node_name="n1")
    after = run_module("cassandra_snapshot", state="absent", tag="old", lease=RESTORE, node_name="n1")

    assert refused["failed"]
    assert refused["error"]["code"] == "busy"
    assert refused["msg"].startswith("n1 is taken by backup old, started by ops@control, since ")
    assert "take_over_lease=backup1" in refused["msg"]
    assert not after.get("failed")
    assert len(snapshots) == 3


def test_a_module_by_hand_is_refused_by_a_play_and_leaves_nothing_behind(
    run_module: RunModule, tmp_path: pathlib.Path
) -> None:
    assert not run_module("cassandra_snapshot", state="absent", tag="old").get("failed")
    assert NodeLeases(str(tmp_path / "state"), node="n1").look() is None
    run_module("cassandra_lease", state="held", lease=BACKUP)

    assert run_module("cassandra_snapshot", state="absent", tag="old")["error"]["code"] == "busy"


def test_a_module_by_hand_that_fails_gives_the_node_back(
    run_module: RunModule, replace_operation: ReplaceOperation, tmp_path: pathlib.Path
) -> None:
    replace_operation("backup.snapshot.clear_snapshots", error=BusyError("No."))

    assert run_module("cassandra_snapshot", state="absent", tag="old")["failed"]
    assert NodeLeases(str(tmp_path / "state"), node="n1").look() is None


def test_check_mode_takes_nothing_and_is_not_refused(run_module: RunModule, tmp_path: pathlib.Path) -> None:
    run_module("cassandra_snapshot", state="absent", tag="old", lease=BACKUP, check_mode=True)
    assert not (tmp_path / "state").exists()
    run_module("cassandra_lease", state="held", lease=BACKUP)

    assert not run_module("cassandra_snapshot", state="absent", tag="old", check_mode=True).get("failed")


def test_a_snapshot_that_no_backup_took_is_nothing_to_clear_for_a_backup_that_was_refused(
    run_module: RunModule,
) -> None:
    run_module("cassandra_lease", state="held", lease=RESTORE)
    said = run_module("cassandra_snapshot", state="absent", tag="mine", for_backup=True, lease=BACKUP)

    assert not said.get("failed")


def test_a_lease_is_taken_over_when_its_play_has_ended_or_somebody_asks_and_that_is_said(
    run_module: RunModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("ansible.module_utils.basic.AnsibleModule.warn", lambda _module, text: said.append(text))
    run_module("cassandra_lease", state="held", lease=BACKUP)
    run_module("cassandra_lease", state="held", lease={**RESTORE, "ended": ["backup1"]})
    run_module("cassandra_lease", state="held", lease=BACKUP, take_over_lease=["restore1"])

    ended, asked = said
    assert "It was taken over: " in ended
    assert "is taken by backup, started by ops@control" in ended
    assert "is taken by restore shop-1, started by eve@other" in asked


def test_who_works_is_read_from_the_node(run_module: RunModule) -> None:
    assert run_module("cassandra_node_info", gather=["lease"])["lease"] is None
    run_module("cassandra_lease", state="held", lease=RESTORE, node_name="n1")
    said = run_module("cassandra_node_info", gather=["lease"], node_name="n1")["lease"]

    assert (said["id"], said["operation"], said["works_on"]) == ("restore1", "restore", "shop-1")
    assert (said["over"], said["working"]) == (False, False)
    assert said["summary"].startswith("n1 is taken by restore shop-1, started by eve@other, since ")


def test_having_a_node_and_giving_it_back_changes_something_once(run_module: RunModule) -> None:
    def changed(state: str, **options: t.Any) -> bool:
        return bool(run_module("cassandra_lease", state=state, **options)["changed"])

    assert changed("held", lease=BACKUP, check_mode=True)
    assert changed("held", lease=BACKUP)
    assert not changed("held", lease=BACKUP)
    assert not changed("held", lease=BACKUP, check_mode=True)
    assert not changed("released", lease=RESTORE)
    assert changed("released", take_over_lease=["backup1"], check_mode=True)
    assert changed("released", take_over_lease=["backup1"])
    assert not changed("released", lease=BACKUP)


def test_an_operation_whose_node_is_taken_over_stops(tmp_path: pathlib.Path) -> None:
    now = [0.0]
    leases = NodeLeases(str(tmp_path), node="n1")
    progress = WatchedProgress(NoProgress(), leases=leases, owner_id="gone", clock=lambda: now[0])
    progress.begin(activity="uploading", total_bytes=1, total_files=1)
    progress.advance(files=1)
    now[0] = 5.0

    with pytest.raises(BusyError, match="taken over by another operation"):
        progress.advance(files=1)
