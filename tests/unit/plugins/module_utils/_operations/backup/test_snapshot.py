# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots on a node that is only a disk: idempotent, ours apart from others'."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import sys

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BusyError,
    InputError,
    LocalFilesError,
    NodeError,
    NodeUnreachableError,
    NotInRingError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import ContentsCounts
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup import snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot import (
    clear_snapshots,
    take_snapshot,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot_notes import (
    left_by_backups,
    read_snapshot_contents,
    read_snapshot_record,
)
from tests.unit.plugins.module_utils._operations.node_on_disk import DiskNode, ticking

HERE = pathlib.Path(__file__).parents[1]
TAG = "backup_20260101_000000"


@dataclasses.dataclass
class Node:
    disk: DiskNode
    version: str = "5.0.8"

    @property
    def settings(self) -> NodeSettings:
        recorded = HERE.parent / "_core" / "cassandra" / "nodetool"
        program = (sys.executable, str(HERE / "nodetool_on_disk.py"), str(self.disk.root), self.version, str(recorded))
        return dataclasses.replace(self.disk.settings, nodetool_command=program)

    @property
    def calls(self) -> list[str]:
        path = self.disk.root / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def tags(self) -> set[str]:
        return {path.name for path in self.disk.root.glob("data*/*/*/snapshots/*")}


@pytest.fixture
def node(tmp_path: pathlib.Path) -> Node:
    disk = DiskNode(tmp_path / "node")
    disk.sstable(disk.table("certificates"), 1)
    disk.sstable(disk.table("local", keyspace="system"), 1)
    return Node(disk)


def test_a_snapshot_is_taken_once_and_recorded(node: Node) -> None:
    first = take_snapshot(node.settings, tag=TAG, now=ticking(1000))
    assert (first.changed, first.before, first.after) == (True, (), (TAG,))
    assert first.record
    assert first.record.began_us < first.record.ended_us
    assert first.record.node.release_version == "5.0.8"
    assert first.record.node.address == "127.40.4.1"
    assert first.record.node.cluster_name == "d"
    calls = len(node.calls)
    second = take_snapshot(node.settings, tag=TAG)
    assert (second.changed, second.record) == (False, first.record)
    assert len(node.calls) == calls, "no Java was started for nothing"
    assert read_snapshot_record(node.settings, tag=TAG) == first.record


def test_a_node_that_is_remembered_says_who_it_is_while_it_takes_the_snapshot(node: Node) -> None:
    node.disk.be_remembered()
    outcome = take_snapshot(node.settings, tag=TAG)
    assert outcome.record
    assert outcome.record.node.address == "127.40.4.1", "what was remembered counts as who it is"
    assert sorted(call.split()[0] for call in node.calls) == ["describecluster", "info", "snapshot", "status"]


def test_a_snapshot_of_a_node_that_does_not_say_who_it_is_does_not_count(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_in_ring(_node: NodeSettings) -> NodeIdentity:
        raise NotInRingError("node1 is not a member of its ring")

    node.disk.be_remembered()
    monkeypatch.setattr(snapshot, "read_identity", not_in_ring)
    with pytest.raises(NotInRingError):
        take_snapshot(node.settings, tag=TAG, for_backup=True)
    assert read_snapshot_record(node.settings, tag=TAG) is None
    assert left_by_backups(node.settings) == (TAG,), "nobody would clear it"


def test_check_mode_says_what_would_be_and_does_nothing(node: Node) -> None:
    outcome = take_snapshot(node.settings, tag=TAG, check_mode=True)
    assert (outcome.changed, outcome.record, outcome.after) == (True, None, (TAG,))
    assert node.tags() == set()
    assert read_snapshot_record(node.settings, tag=TAG) is None


def test_what_a_broken_run_left_is_cleared_and_taken_anew(node: Node) -> None:
    (node.disk.root / "fail-in-snapshot").touch()
    with pytest.raises(NodeError, match="No space left on device") as caught:
        take_snapshot(node.settings, tag="before_upgrade")
    assert caught.value.subject == "node1"
    assert node.tags() == {"before_upgrade"}
    assert read_snapshot_record(node.settings, tag="before_upgrade") is None
    (node.disk.root / "fail-in-snapshot").unlink()
    assert take_snapshot(node.settings, tag="before_upgrade").changed
    assert "clearsnapshot -t before_upgrade" in node.calls


def test_somebody_elses_snapshot_is_neither_taken_over_nor_cleared(node: Node) -> None:
    node.disk.snapshot("backup_before_upgrade_to_5", record=False)
    node.disk.snapshot("by_hand", record=False)
    node.disk.snapshot("truncated-1700000000000-certificates", record=False)
    with pytest.raises(InputError, match="not made by this collection"):
        take_snapshot(node.settings, tag="by_hand")
    with pytest.raises(InputError, match="not made by this collection"):
        clear_snapshots(node.settings, tag="by_hand")
    assert clear_snapshots(node.settings, older_than_seconds=0).cleared == ()
    assert left_by_backups(node.settings) == ()
    assert len(node.tags()) == 3
    assert clear_snapshots(node.settings, tag="by_hand", only_recorded=False).cleared == ("by_hand",)


def test_a_snapshot_of_something_else_under_the_tag_is_refused(node: Node) -> None:
    take_snapshot(node.settings, tag=TAG, keyspaces=["certificate_manager"])
    assert not take_snapshot(node.settings, tag=TAG, keyspaces=["certificate_manager"]).changed
    with pytest.raises(InputError, match="something else: certificate_manager"):
        take_snapshot(node.settings, tag=TAG)


def test_the_wish_reaches_nodetool_as_arguments(node: Node) -> None:
    take_snapshot(node.settings, tag="a", keyspaces=["certificate_manager"], skip_flush=True, ttl="3d")
    take_snapshot(node.settings, tag="b", tables=["certificate_manager.certificates"])
    assert "snapshot -t a -sf --ttl 3d -- certificate_manager" in node.calls
    assert "snapshot -t b -kt certificate_manager.certificates" in node.calls


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"keyspaces": ["nope"]}, "no keyspace nope.* It has certificate_manager"),
        ({"keyspaces": ["nope", "certificate_manager"]}, "no keyspace nope"),
        ({"tables": ["nope.a", "certificate_manager.certificates"]}, "no keyspace nope"),
        ({"tables": ["certificate_manager.nope"]}, r"no table certificate_manager\.nope"),
        ({"tables": ["certificates"]}, "is not a table"),
        ({"tables": ["a.b"], "keyspaces": ["a"]}, "together"),
        ({"keyspaces": ["-x"]}, "cannot be a keyspace"),
        ({"ttl": "soon"}, "not a time to live"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything_happens(
    node: Node, wish: dict[str, object], why: str
) -> None:
    with pytest.raises(InputError, match=why):
        take_snapshot(node.settings, tag=TAG, **wish)  # type: ignore[arg-type]
    assert not [call for call in node.calls if call.startswith("snapshot")]


def test_a_time_to_live_needs_cassandra_4_1(node: Node) -> None:
    node.version = "4.0.19"
    with pytest.raises(InputError, match=r"4\.0\.19 has no time to live"):
        take_snapshot(node.settings, tag=TAG, ttl="3d")
    assert node.tags() == set()


def test_a_node_that_is_down_is_unreachable(node: Node) -> None:
    (node.disk.root / "down").touch()
    with pytest.raises(NodeUnreachableError, match=r"node1.*Connection refused"):
        take_snapshot(node.settings, tag=TAG)


def test_a_nodetool_that_is_not_there_is_named(node: Node) -> None:
    with pytest.raises(NodeError, match="/no/such/nodetool"):
        take_snapshot(node.disk.settings, tag=TAG)


def test_clearing_by_tag_takes_all_that_was_noted_along(node: Node) -> None:
    take_snapshot(node.settings, tag=TAG)
    assert clear_snapshots(node.settings, tag=TAG, check_mode=True).changed
    assert node.tags() == {TAG}
    assert clear_snapshots(node.settings, tag=TAG).cleared == (TAG,)
    assert node.tags() == set()
    assert read_snapshot_record(node.settings, tag=TAG) is None
    assert not clear_snapshots(node.settings, tag=TAG).changed


def test_clearing_by_age_takes_ours_that_are_older(node: Node) -> None:
    now = 2_000_000_000_000_000
    take_snapshot(node.settings, tag="old", now=ticking(now - 7200 * 10**6))
    take_snapshot(node.settings, tag="new", now=ticking(now - 60 * 10**6))
    node.disk.snapshot("backup_of_somebody", record=False)
    outcome = clear_snapshots(node.settings, older_than_seconds=3600, now=lambda: now)
    assert outcome.cleared == ("old",)
    assert node.tags() == {"new", "backup_of_somebody"}


def test_what_backups_left_is_told_from_what_is_kept(node: Node) -> None:
    take_snapshot(node.settings, tag="before_migration")
    take_snapshot(node.settings, tag="nightly", for_backup=True)
    assert left_by_backups(node.settings) == ("nightly",)
    with pytest.raises(InputError, match="to be kept, and not by a backup"):
        take_snapshot(node.settings, tag="before_migration", for_backup=True)
    with pytest.raises(InputError, match="taken by a backup"):
        take_snapshot(node.settings, tag="nightly")


def test_what_a_snapshot_holds_is_noted_when_it_is_taken(node: Node) -> None:
    record = take_snapshot(node.settings, tag=TAG).record
    assert record is not None
    contents = read_snapshot_contents(node.settings, record)
    assert contents is not None
    assert [(str(each.table), each.files) for each in contents.tables] == [
        ("certificate_manager.certificates", 6),
        ("system.local", 6),
    ]
    assert contents.counts == record.contents
    assert read_snapshot_contents(node.settings, dataclasses.replace(record, began_us=record.began_us + 1)) is None


@pytest.mark.parametrize("what", ["file", "table"])
def test_a_snapshot_that_lost_something_is_not_taken_for_what_was_taken(node: Node, what: str) -> None:
    take_snapshot(node.settings, tag=TAG)
    table = node.disk.table("certificates") / "snapshots" / TAG
    if what == "file":
        (table / "nb-1-big-Filter.db").unlink()
    else:
        shutil.rmtree(table)
    with pytest.raises(
        LocalFilesError, match=r"not what was taken: certificate_manager\.certificates has .* and had 6"
    ):
        take_snapshot(node.settings, tag=TAG)
    assert node.tags() == {TAG}, "what is left of it was cleared"


def test_a_snapshot_that_was_cleared_half_way_is_taken_anew(node: Node) -> None:
    take_snapshot(node.settings, tag=TAG)
    (node.disk.root / "fail-in-clear").touch()
    with pytest.raises(NodeError):
        clear_snapshots(node.settings, tag=TAG)
    (node.disk.root / "fail-in-clear").unlink()
    assert node.tags() == {TAG}
    assert read_snapshot_record(node.settings, tag=TAG) is None
    again = take_snapshot(node.settings, tag=TAG)
    assert again.changed
    assert again.record is not None
    assert again.record.contents is not None
    assert again.record.contents.tables == 2


def test_files_that_cassandra_lists_and_that_are_not_there_stop_the_snapshot(node: Node) -> None:
    (node.disk.root / "hide-data").touch()
    with pytest.raises(LocalFilesError, match=r"lacks 1 of the files .* nb-1-big-Data\.db"):
        take_snapshot(node.settings, tag=TAG)
    assert read_snapshot_record(node.settings, tag=TAG) is None


def test_a_table_in_a_directory_without_an_id_is_named(node: Node) -> None:
    nameless = node.disk.data_directories[0] / "shop" / "orders"
    nameless.mkdir(parents=True)
    node.disk.sstable(nameless, 1)
    with pytest.raises(LocalFilesError, match="shop/orders is a table's directory without the table's id"):
        take_snapshot(node.settings, tag=TAG)
    assert read_snapshot_record(node.settings, tag=TAG) is None


def test_a_snapshot_that_is_nowhere_is_no_snapshot(node: Node) -> None:
    config = node.disk.root / "cassandra.yaml"
    (node.disk.root / "other").mkdir()
    config.write_text(config.read_text().replace(str(node.disk.data_directories[0]), str(node.disk.root / "other")))
    with pytest.raises(LocalFilesError, match=r"there is nothing of it in .*other"):
        take_snapshot(node.settings, tag=TAG)


def test_a_keyspace_without_tables_is_a_snapshot_with_nothing_in_it(node: Node) -> None:
    (node.disk.data_directories[0] / "empty").mkdir()
    outcome = take_snapshot(node.settings, tag=TAG, keyspaces=["empty"], for_backup=True, now=ticking(1000))
    assert outcome.record
    assert outcome.record.contents == ContentsCounts(tables=0, files=0, size=0)
    calls = len(node.calls)
    assert take_snapshot(node.settings, tag=TAG, keyspaces=["empty"], for_backup=True).record == outcome.record
    assert len(node.calls) == calls
    with pytest.raises(InputError, match="of something else: empty"):
        take_snapshot(node.settings, tag=TAG, for_backup=True)
    assert left_by_backups(node.settings) == (TAG,)
    assert clear_snapshots(node.settings, tag=TAG).cleared == (TAG,)
    assert left_by_backups(node.settings) == ()
    both = take_snapshot(node.settings, tag="both", keyspaces=["empty", "certificate_manager"]).record
    assert both
    assert both.contents
    assert both.contents.tables == 1


def test_keyspaces_with_tables_of_which_nothing_is_there_are_no_snapshot(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    (node.disk.data_directories[0] / "empty").mkdir()
    monkeypatch.setattr(snapshot, "backed_up_tables", lambda _directories, tag: iter(()))
    with pytest.raises(LocalFilesError, match="there is nothing of it"):
        take_snapshot(node.settings, tag=TAG, keyspaces=["empty", "certificate_manager"])


def test_nothing_is_cleared_while_a_snapshot_is_uploaded(node: Node) -> None:
    take_snapshot(node.settings, tag=TAG)
    with node_lock(node.settings.state_directory, name="upload", node="node1"), pytest.raises(BusyError):
        clear_snapshots(node.settings, tag=TAG)
    assert node.tags() == {TAG}


def test_either_a_tag_or_an_age_is_needed(node: Node) -> None:
    for wish in ({}, {"tag": "a", "older_than_seconds": 1}):
        with pytest.raises(InputError):
            clear_snapshots(node.settings, **wish)  # type: ignore[arg-type]


def test_a_backup_clears_what_a_backup_took_and_nothing_that_is_kept(node: Node) -> None:
    node.disk.snapshot("by_hand", record=False)
    take_snapshot(node.settings, tag="before_migration")
    take_snapshot(node.settings, tag=TAG, for_backup=True)
    for tag in ("by_hand", "before_migration"):
        assert not clear_snapshots(node.settings, tag=tag, for_backup=True).changed
    assert clear_snapshots(node.settings, tag=TAG, for_backup=True).cleared == (TAG,)
    assert node.tags() == {"by_hand", "before_migration"}


@pytest.mark.parametrize("for_backup", [False, True])
def test_a_snapshot_that_is_kept_is_not_taken_anew_when_what_it_held_is_forgotten(
    node: Node, *, for_backup: bool
) -> None:
    take_snapshot(node.settings, tag="kept", for_backup=for_backup)
    (pathlib.Path(node.settings.state_directory) / "snapshot-contents" / "kept.json").unlink()
    if for_backup:
        assert take_snapshot(node.settings, tag="kept", for_backup=True).changed
        return
    with pytest.raises(InputError, match="is not known any more"):
        take_snapshot(node.settings, tag="kept")
    assert "clearsnapshot" not in " ".join(node.calls)


def test_an_index_that_is_built_after_the_snapshot_leaves_it_as_it_was(node: Node) -> None:
    take_snapshot(node.settings, tag=TAG)
    with (node.disk.table("certificates") / "nb-1-big-TOC.txt").open("ab") as toc:
        toc.write(b"SAI+aa+by_owner+Meta.db\n")
    assert not take_snapshot(node.settings, tag=TAG).changed
