# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup and recovery of a cluster of systemd units, over ssh and sudo. In this order."""

from __future__ import annotations

import re
import typing as t

import pytest

from lab.systemd_hosts import BUCKET, NAMES, ROWS, USER, Backup, Operator, Service, frozen, on, require_rights

pytestmark = pytest.mark.timeout(1500)

_CONFIRMED: t.Mapping[str, t.Any] = {"restore_confirm_cluster": "Hosts"}


def test_a_backup_of_units_is_complete_and_listed(backup: Backup, operator: Operator, service: Service) -> None:
    assert f"Backup {backup.tag} of cluster Hosts is complete in s3://{BUCKET}/hosts" in backup.run.output
    assert backup.rows["orders"][0] == ROWS
    assert backup.rows["visits"][0] > 0
    listing = operator.play("list_backups").require_success()
    assert re.search(rf'"{backup.tag}: .*, 3 nodes, .* took ', listing.output), listing.output
    assert service.snapshots() == {name: [] for name in NAMES}


def test_a_restore_in_place_stops_late_and_leaves_units_rows_and_rights_as_they_were(
    backup: Backup, operator: Operator, service: Service
) -> None:
    before = service.processes()
    history = {name: _history(name) for name in NAMES}
    service.script("write", str(ROWS), "300")
    assert service.rows() != backup.rows
    run = operator.play("disaster_recovery", restore_point=backup.tag, **_CONFIRMED).require_success()
    assert run.output.index("Fetch everything") < run.output.index("Drain it")
    assert service.rows() == backup.rows
    after = service.processes()
    for name in NAMES:
        assert "ActiveState=active" in after[name]
        assert after[name] != before[name], "the unit was not restarted"
        assert on(name).check_output("systemctl show cassandra -p NRestarts --value") == "0"
        assert _history(name)[len(history[name]) :] == ["Stopped", "Started"], (
            "not stopped and started once, by systemd"
        )
    require_rights()


def _history(name: str) -> list[str]:
    """Return what systemd says that it did with the unit, in order."""
    journal = on(name).check_output("journalctl -u cassandra -o cat --no-pager")
    return re.findall(r"^(Started|Stopped) cassandra\.service", journal, flags=re.MULTILINE)


def test_a_roll_back_with_nothing_to_roll_back_says_so_and_does_nothing(
    backup: Backup, operator: Operator, service: Service
) -> None:
    before = service.processes()
    run = operator.play("disaster_recovery", restore_action="rollback").require_success()
    assert "have no restore that was begun and not finished" in run.output
    assert service.processes() == before
    assert service.rows() == backup.rows


def test_what_was_put_aside_is_kept_until_it_is_removed_by_its_id(
    backup: Backup, operator: Operator, service: Service
) -> None:
    kept = {name: _put_aside(name) for name in NAMES}
    ids = {path.rsplit("/", 1)[-1] for paths in kept.values() for path in paths}
    assert len(ids) == 1, kept
    assert all("/old/" in on(name).check_output(f"find {' '.join(kept[name])} -name '*-Data.db'") for name in NAMES)
    before = service.processes()
    operator.play("disaster_recovery", restore_action="remove_old", restore_id=ids.pop()).require_success()
    assert {name: _put_aside(name) for name in NAMES} == {name: [] for name in NAMES}
    assert service.processes() == before
    assert service.rows() == backup.rows


def _put_aside(name: str) -> list[str]:
    return str(on(name).check_output("find /var/lib/cassandra -mindepth 2 -path '*/.revive/*' -prune")).split()


@pytest.mark.parametrize("playbook", ["backup", "disaster_recovery"])
def test_without_rights_a_play_says_what_is_missing(
    playbook: str, backup: Backup, operator: Operator, service: Service
) -> None:
    before = service.processes()
    run = operator.play(playbook, ansible_become=False, backup_tag="rightless", restore_point=backup.tag, **_CONFIRMED)
    assert run.exit_status != 0, run.output
    assert re.search(r"n2: Cannot .*: Permission denied\. Run as .* root \(become\)", run.output), run.output
    assert service.processes() == before
    assert service.snapshots() == {name: [] for name in NAMES}


@pytest.mark.parametrize("playbook", ["backup", "disaster_recovery"])
def test_a_play_with_a_frozen_host_names_it_and_touches_nothing(
    playbook: str, backup: Backup, operator: Operator, service: Service
) -> None:
    before = service.processes()
    with frozen("n3"):
        run = operator.play(playbook, backup_tag="frozen", restore_point=backup.tag, **_CONFIRMED)
        service.wait_for_rows(backup.rows, consistency="QUORUM")
    assert run.exit_status != 0
    assert "fatal: [n3]: UNREACHABLE!" in run.output, run.output
    assert run.seconds < 300, "it waited for ever"
    assert service.processes() == before
    assert service.snapshots() == {name: [] for name in NAMES}
    assert "frozen" not in operator.play("list_backups").output


@pytest.mark.parametrize(
    ("playbook", "task"),
    [("backup", "Give the backup its name and its time"), ("disaster_recovery", "Note when the restore began")],
)
def test_a_host_that_freezes_while_the_play_looks_is_named_and_nothing_is_touched(
    playbook: str, task: str, backup: Backup, operator: Operator, service: Service
) -> None:
    before = service.processes()
    run = operator.play(playbook, freeze=(task, "n3"), backup_tag="freezing", restore_point=backup.tag, **_CONFIRMED)
    _assert_refused_for(run.output, "n3", playbook=playbook)
    assert run.exit_status != 0
    assert run.seconds < 300, "it waited for ever"
    assert service.processes() == before
    assert service.snapshots() == {name: [] for name in NAMES}
    assert service.rows() == backup.rows


def _assert_refused_for(output: str, host: str, *, playbook: str) -> None:
    verdict = "The backup was not begun." if playbook == "backup" else "Nothing has been touched."
    assert re.search(rf'"msg": "{re.escape(verdict)} {host}: ', output), output


def test_roles_stay_as_they_are_if_that_is_asked(operator: Operator, service: Service) -> None:
    rows = service.rows()
    operator.play("backup", backup_tag="roles").require_success()
    service.script("set-up", "later", "made-after-the-backup", user=USER)
    service.script("write", str(ROWS), "100")
    run = operator.play("disaster_recovery", restore_point="roles", restore_auth="false", **_CONFIRMED)
    run.require_success()
    assert service.rows(user="later", password="made-after-the-backup") == rows
    require_rights()
