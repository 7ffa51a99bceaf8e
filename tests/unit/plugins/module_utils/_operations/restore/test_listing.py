# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies of restores on a node is told, and only what was not begun to be switched can be given up."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import listing, switch, switch_checks
from tests.unit.plugins.module_utils._operations.restore.test_switch import _NEW, _RESTORE, _TABLE, Place, _write

_FIRST = "backup_1-in-place-01234567"
_BYTES = sum(len(body) for files in _NEW.values() for body in files.values())


@pytest.fixture(autouse=True)
def _nobody_uses_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch_checks.processes, "java_processes_using", lambda _directories: ())


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Place:
    return Place(tmp_path).make()


def _listed(place: Place) -> dict[str, listing.RestoreOnNode]:
    return {each.restore_id: each for each in listing.list_restores(place.settings)}


def test_each_restore_is_told_with_how_far_it_is_and_what_it_takes(place: Place) -> None:
    assert _listed(place) == {}
    place.stage(_FIRST).stage()
    found = _listed(place)
    assert found[_FIRST] == listing.RestoreOnNode(
        restore_id=_FIRST, restore_point="backup_1", phase="fetched", fetched_bytes=_BYTES, old_bytes=0, new_bytes=0
    )
    place.switch()
    found = _listed(place)
    assert (found[_RESTORE].phase, found[_RESTORE].fetched_bytes, found[_RESTORE].new_bytes) == ("switched", 0, 0)
    assert found[_RESTORE].old_bytes > 50
    switch.finish(place.settings, restore_id=_RESTORE, keep_old=True)
    assert _listed(place)[_RESTORE].phase == "finished"
    _write(place.data[0] / _TABLE / "nb-9-big-Data.db", b"since")
    switch.roll_back(place.settings, restore_id=_RESTORE)
    found = _listed(place)
    assert (found[_RESTORE].phase, found[_RESTORE].old_bytes) == ("undone", 0)
    assert found[_RESTORE].new_bytes > _BYTES


def test_what_no_record_tells_of_is_told_by_its_name_and_what_is_not_ours_is_not(place: Place) -> None:
    lost = place.data[1] / ".revive" / "backup_0-at-20260301T140506123456Z-new-cluster-01234567-2"
    _write(lost / "new" / "x", b"12345")
    _write(place.data[0] / ".revive" / "something" / "x", b"theirs")
    _write(place.root / "commitlog" / ".revive" / "spool" / "CommitLog-7-1.log", b"archived")
    (found,) = listing.list_restores(place.settings)
    assert (found.restore_id, found.phase, found.fetched_bytes) == (lost.name, "unknown", 5)
    assert found.restore_point == "2026-03-01T14:05:06.123456Z"
    for name in ("something", "spool"):
        assert listing.abandon(place.settings, restore_id=name) is None
    assert listing.abandon(place.settings, restore_id=lost.name) == 5
    left = sorted(str(path.relative_to(place.root)) for path in place.root.rglob(".revive/**/*") if path.is_file())
    assert left == ["commitlog/.revive/spool/CommitLog-7-1.log", "data1/.revive/something/x"]


def test_what_was_fetched_only_is_given_up_once(place: Place) -> None:
    before = place.contents()
    place.stage(_FIRST)
    assert listing.abandon(place.settings, restore_id=_FIRST, check_mode=True) == _BYTES
    assert _listed(place)[_FIRST].phase == "fetched"
    assert listing.abandon(place.settings, restore_id=_FIRST) == _BYTES
    assert not list(place.root.rglob(".revive"))
    assert not os.listdir(place.root / "state" / "restores")
    assert listing.abandon(place.settings, restore_id=_FIRST) is None
    assert place.contents() == before


@pytest.mark.parametrize(
    ("far", "why"),
    [("switched", "has begun to exchange"), ("finished", "is finished on node-1"), ("undone", "is undone on node-1")],
)
def test_what_has_exchanged_data_is_not_given_up(place: Place, far: str, why: str) -> None:
    place.stage().switch()
    if far != "switched":
        switch.finish(place.settings, restore_id=_RESTORE, keep_old=True)
    if far == "undone":
        switch.roll_back(place.settings, restore_id=_RESTORE)
    files = _files(place.root)
    with pytest.raises(NodeError, match=why):
        listing.abandon(place.settings, restore_id=_RESTORE)
    assert _files(place.root) == files


def test_what_a_switch_put_aside_is_not_given_up_without_its_record_either(place: Place) -> None:
    place.stage(_FIRST)
    _write(place.data[0] / ".revive" / _FIRST / "old" / "x", b"rows")
    with pytest.raises(NodeError, match="has begun to exchange"):
        listing.abandon(place.settings, restore_id=_FIRST)


def test_a_restore_of_tables_is_told_and_not_given_up_here(place: Place) -> None:
    _write(place.root / "state" / "restores" / "backup_1-beside-0123.tables", b"{}")
    place.stage("backup_1-beside-0123.0")
    assert {each.phase for each in _listed(place).values()} == {"tables"}
    with pytest.raises(InputError, match="restores tables"):
        listing.abandon(place.settings, restore_id="backup_1-beside-0123.0")


def _files(root: pathlib.Path) -> dict[str, t.Any]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
