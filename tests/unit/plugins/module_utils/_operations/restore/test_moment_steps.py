# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's steps to a moment around the staging instance, which lab tests start."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys
import time
import types
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import NodeLog
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import Base, plan_moment
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import (
    SegmentName,
    encode_header,
    encode_marker,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import (
    CommitLogPosition,
    NodeIdentity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    MomentRefusedError,
    NodeError,
    ObjectMissingError,
    StoreDeniedError,
    StoreError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import ledger_key, piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Piece
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import NODE_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    NodeManifestHeader,
    SnapshotRecord,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import (
    IN_PLACE,
    NEW_CLUSTER,
    Assignment,
    RestorePlan,
    TableSize,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import moment_plan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import Reserve
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import (
    InstanceOptions,
    NodeSettings,
    TransferSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive import logs
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import fetch as fetching
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import (
    records,
    recovery,
    staged_record,
    steps,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import switch as switching
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_log import (
    PieceCorruptError,
    fetch_segments,
)
from tests.unit.plugins.module_utils._operations.restore.test_switch import Place

_ID = "backup_1-in-place-0123abcd"
_HOST = "0f0f0f0f-1111-2222-3333-444444444444"
_SEGMENT = 1_800_000_000_000
_US = _SEGMENT * 1000


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Place:
    return Place(tmp_path / "node").make().stage(_ID)


def _note_staged(node: NodeSettings, **changes: t.Any) -> staged_record.RecoveryOutcome:
    """What a run that has staged the moment leaves."""
    values: dict[str, t.Any] = {
        field.name: 0
        for field in dataclasses.fields(staged_record.RecoveryOutcome)
        if field.default is dataclasses.MISSING
    }
    values.update(changed=True, schema_sha256="s", indexes_to_rebuild=("app.t.by_v",), tables=("app.t",), seconds=1.0)
    outcome = staged_record.RecoveryOutcome(**{**values, **changes})
    journal = pathlib.Path(records.fetch_journal_path(node, restore_id=_ID))
    digest = staged_record._journal_sha256(node, restore_id=_ID)
    record = {"journal": digest, "outcome": dataclasses.asdict(outcome)}
    journal.with_name(f"{_ID}.staged").write_text(json.dumps(record))
    return outcome


def _switch(place: Place, *, mode: str) -> None:
    switching.switch_node(
        place.settings,
        restore_id=_ID,
        mode=mode,
        tokens=["1"],
        restore_auth=True,
        owner=None,
        group=None,
        is_running=lambda: False,
    )


def test_what_is_staged_counts_only_with_the_roles_it_was_staged_with(place: Place) -> None:
    assert staged_record.staged_files(place.settings, restore_id=_ID, restore_auth=True) is None
    _note_staged(place.settings)
    staged = staged_record.staged_files(place.settings, restore_id=_ID, restore_auth=True)
    assert staged is not None
    assert staged.files > 0
    assert staged_record.staged_files(place.settings, restore_id=_ID, restore_auth=False) is None


def test_what_is_staged_does_not_count_once_something_else_was_fetched(place: Place) -> None:
    _note_staged(place.settings)
    with open(records.fetch_journal_path(place.settings, restore_id=_ID), "ab") as journal:
        journal.write(b"{}\n")
    assert not staged_record.is_staged(place.settings, restore_id=_ID)


def test_without_a_fetch_there_is_no_source(place: Place) -> None:
    with pytest.raises(NodeError, match="was not fetched to node-1"):
        records.source_of(place.settings, restore_id=_ID)


def test_an_index_is_rebuilt_once(place: Place) -> None:
    calls = place.root / "calls"
    program = place.root / "nodetool.py"
    program.write_text(f"import sys\nopen({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n")
    node = dataclasses.replace(place.settings, nodetool_command=(sys.executable, str(program)))
    _note_staged(node)
    assert steps.serve(node, restore_id=_ID, check_mode=True) == steps.Serving(changed=True, indexes=("app.t.by_v",))
    assert not calls.exists()
    assert steps.serve(node, restore_id=_ID, check_mode=False) == steps.Serving(changed=True, indexes=("app.t.by_v",))
    assert steps.serve(node, restore_id=_ID, check_mode=False) == steps.Serving(changed=False, indexes=())
    assert calls.read_text() == "rebuild_index app t by_v\n"
    assert staged_record.staged_outcome(node, restore_id=_ID) is not None


def test_a_repair_is_made_each_time(place: Place) -> None:
    calls = place.root / "calls"
    program = place.root / "nodetool.py"
    program.write_text(f"import sys\nopen({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n")
    node = dataclasses.replace(place.settings, nodetool_command=(sys.executable, str(program)))
    assert steps.repair(node, check_mode=True)
    assert not calls.exists()
    assert steps.repair(node, check_mode=False)
    assert steps.repair(node, check_mode=False)
    assert calls.read_text() == "repair -full\n" * 2


def test_what_several_nodes_had_is_put_together(place: Place) -> None:
    one = _note_staged(place.settings, replayed=3, segments=1, dropped_tables=2)
    sizes = (TableSize("a/t-1", files=2, size=10), TableSize("a/u-2", files=1, size=1))
    one = dataclasses.replace(one, sizes=sizes)
    other = dataclasses.replace(one, replayed=4, dropped_tables=1, tables=("app.t", "app.u"), sizes=sizes[:1])
    both = recovery.together([one, other])
    assert (both.replayed, both.segments, both.dropped_tables, both.tables) == (7, 2, 2, ("app.t", "app.u"))
    assert both.sizes == (TableSize("a/t-1", files=4, size=20), sizes[1])


def test_sizes_and_schema_are_remembered(place: Place) -> None:
    outcome = _note_staged(place.settings, sizes=(TableSize("a/t-1", files=2, size=10),), schema_cql=("CREATE",))
    again = staged_record.staged_outcome(place.settings, restore_id=_ID)
    assert again == dataclasses.replace(outcome, changed=False)


def test_finishing_forgets_the_moment(place: Place) -> None:
    _note_staged(place.settings)
    _switch(place, mode=IN_PLACE)
    steps.finish(place.settings, restore_id=_ID, keep_old=True, check_mode=False)
    assert not staged_record.is_staged(place.settings, restore_id=_ID)


def test_check_mode_says_what_a_switched_node_would_do(place: Place) -> None:
    def said(*, keep_old: bool) -> tuple[bool, bool]:
        finished = steps.finish(place.settings, restore_id=_ID, keep_old=keep_old, check_mode=True)
        rolled_back = steps.roll_back(place.settings, restore_id=_ID, check_mode=True)
        return rolled_back.changed, finished.changed

    part = steps.Part(place.settings, t.cast(t.Any, None), owner=None, group=None)
    assert said(keep_old=True) == (False, False)
    assert steps.switch_part(part, check_mode=True)
    _switch(place, mode=IN_PLACE)
    assert not steps.switch_part(part, check_mode=True)
    assert said(keep_old=True) == (True, True)
    assert steps.finish(place.settings, restore_id=_ID, keep_old=True, check_mode=False).changed
    assert said(keep_old=True) == (True, False)
    assert said(keep_old=False) == (True, True)
    assert steps.finish(place.settings, restore_id=_ID, keep_old=False, check_mode=False).changed
    assert said(keep_old=False) == (False, False)


@pytest.mark.parametrize("mode", [IN_PLACE, NEW_CLUSTER])
def test_only_a_restore_in_place_that_is_not_finished_parts_a_log(place: Place, mode: str) -> None:
    assert switching.exchanges_in_place_us(place.settings, restore_id=_ID) == ()
    began_us = time.time_ns() // 1000
    _switch(place, mode=mode)
    restored_us = switching.exchanges_in_place_us(place.settings, restore_id=_ID)
    assert len(restored_us) == (1 if mode == IN_PLACE else 0)
    assert all(began_us <= each <= time.time_ns() // 1000 for each in restored_us)
    switching.finish(place.settings, restore_id=_ID, keep_old=True)
    assert switching.exchanges_in_place_us(place.settings, restore_id=_ID) == ()


@pytest.mark.parametrize("far", ["switched", "finished"])
def test_a_log_does_not_go_on_from_a_restore_that_is_undone(
    place: Place, monkeypatch: pytest.MonkeyPatch, far: str
) -> None:
    """Both exchanges are told, also where the first could not be as long as it served."""
    store = open_memory_store(prefix="")
    store.put(ledger_key(_HOST), b"")
    monkeypatch.setattr(steps, "remembered_identity", lambda _node: types.SimpleNamespace(host_id=_HOST))
    monkeypatch.setattr(steps.identity, "is_running", lambda _node: False)
    _switch(place, mode=IN_PLACE)
    (place.root / "commitlog" / "CommitLog-7-3.log").write_bytes(b"written since")
    if far == "finished":
        steps.finish(place.settings, restore_id=_ID, keep_old=True, check_mode=False, store=store)
    for time_and_again in (1, 2):
        outcome = steps.roll_back(place.settings, restore_id=_ID, check_mode=False, store=store)
        assert (outcome.changed, outcome.not_recorded) == (time_and_again == 1, "")
        gaps = [entry.key for entry in store.list("") if entry.key != ledger_key(_HOST)]
        assert len(gaps) == 2, "that it was restored, and that it was undone"


def test_a_store_that_is_down_keeps_no_node_from_going_back_and_is_told_later(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_memory_store(prefix="")
    store.put(ledger_key(_HOST), b"")
    down = types.SimpleNamespace(list=_refuse)
    monkeypatch.setattr(steps, "remembered_identity", lambda _node: types.SimpleNamespace(host_id=_HOST))
    monkeypatch.setattr(steps.identity, "is_running", lambda _node: False)
    _switch(place, mode=IN_PLACE)
    (place.root / "commitlog" / "CommitLog-7-3.log").write_bytes(b"written since")
    with pytest.raises(StoreError, match="is down"):
        steps.roll_back(place.settings, restore_id=_ID, check_mode=True, store=t.cast(t.Any, down))
    outcome = steps.roll_back(place.settings, restore_id=_ID, check_mode=False, store=t.cast(t.Any, down))
    assert outcome.changed
    assert "is down" in outcome.not_recorded
    outcome = steps.roll_back(place.settings, restore_id=_ID, check_mode=False, store=store)
    assert (outcome.changed, outcome.not_recorded) == (False, "")
    assert len([entry for entry in store.list("") if entry.key != ledger_key(_HOST)]) == 2


def _refuse(_prefix: str) -> t.NoReturn:
    raise StoreError("The store is down.", subject="s3")


def test_a_restore_in_place_is_recorded_as_soon_as_it_serves_and_only_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_memory_store(prefix="")
    store.put(ledger_key(_HOST), b"")
    monkeypatch.setattr(steps, "remembered_identity", lambda _node: types.SimpleNamespace(host_id=_HOST))
    _note_staged(place.settings, indexes_to_rebuild=())
    _switch(place, mode=IN_PLACE)

    def gaps() -> list[str]:
        return [entry.key for entry in store.list("") if entry.key != ledger_key(_HOST)]

    steps.serve(place.settings, restore_id=_ID, check_mode=True, store=store)
    assert gaps() == []
    steps.serve(place.settings, restore_id=_ID, check_mode=False, store=store)
    noted = gaps()
    assert len(noted) == 1
    steps.finish(place.settings, restore_id=_ID, keep_old=True, check_mode=False, store=store)
    assert gaps() == noted


def test_a_restore_in_place_is_recorded_where_there_is_a_log_of_the_node() -> None:
    store = open_memory_store(prefix="")
    restored_us = 1_800_000_000_123_456
    record = {"host_id": "h", "restored_us": restored_us, "restore_id": _ID}
    assert logs.record_restore(store, **record) is None
    assert list(store.list("")) == []
    store.put(ledger_key("h"), b"")
    gap = logs.record_restore(store, **record)
    assert gap is not None
    assert (gap.first, gap.last, gap.cause, gap.detail) == (1_800_000_000_123, 1_800_000_000_123, "restored", _ID)
    logs.record_restore(store, **record)
    assert len(list(store.list("commitlogs/h/gaps/"))) == 1


def _segment(path: pathlib.Path, *, ends: t.Sequence[int], size: int) -> str:
    """A segment whose sync markers say that sections end there, cut or filled up to a size."""
    number = 1_800_000_000_000
    body = bytearray(encode_header(SegmentName(id=number, version=7)))
    for end in ends:
        at = len(body)
        body += encode_marker(segment_id=number, position=at, end=end)
        body += b"x" * (end - len(body))
    path.write_bytes(bytes(body[:size]).ljust(size, b"x"))
    return str(path)


def test_a_last_segment_that_ends_between_two_markers_is_cut_at_the_first(tmp_path: pathlib.Path) -> None:
    first = _segment(tmp_path / "CommitLog-7-1.log", ends=[100, 200], size=150)
    last = _segment(tmp_path / "CommitLog-7-2.log", ends=[100, 200], size=150)
    assert recovery._ending_at_a_marker((first, last)) == (first, last)
    assert [pathlib.Path(path).stat().st_size for path in (first, last)] == [150, 100]


def test_a_last_segment_without_a_whole_section_is_left_out(tmp_path: pathlib.Path) -> None:
    first = _segment(tmp_path / "CommitLog-7-1.log", ends=[100], size=100)
    last = _segment(tmp_path / "CommitLog-7-2.log", ends=[100], size=60)
    assert recovery._ending_at_a_marker((first, last)) == (first,)
    assert recovery._ending_at_a_marker(()) == ()


def _plan(target_name: str, *, log: NodeLog, restore_auth: bool = True) -> RestorePlan:
    """To a moment after the first of a log's pieces."""
    base = Base(tag="backup_1", ended_us=_US + 5, positions={_HOST: CommitLogPosition((_SEGMENT,), _SEGMENT, 0)})
    moment = moment_plan(plan_moment(_US + 50, bases=[base], logs=[log]), logs=[log])
    values: dict[str, t.Any] = {field.name: 0 for field in dataclasses.fields(Assignment)}
    values.update(target_name=target_name, source_host_id=_HOST, source_name="source-1", release_version="5.0.8")
    return RestorePlan(
        _ID, "backup_1", IN_PLACE, restore_auth, "c", "a", "a", 1, 2, (Assignment(**values),), (), 1, 1, 1, moment
    )


def _log(store: t.Any) -> NodeLog:
    """A node's log in the repository: one segment in two pieces."""
    name = SegmentName(id=_SEGMENT, version=7)
    for start, read_us in ((0, _US + 10), (10, _US + 100)):
        piece = Piece(name, start, start + 10, read_us, read_us, start > 0, "0" * 64)
        store.put(piece_key(_HOST, piece), b"x" * 10)
    return logs.load_logs(store)[0]


def _source(place: Place) -> None:
    """The node manifest that the fetch has left."""
    node = NodeIdentity(_HOST, "source-1", "10.0.0.1", "dc1", "r1", ("1",), "5.0.8", "Murmur3Partitioner", "a")
    record = SnapshotRecord("backup_1", 1, 2, node, CommitLogPosition((), 0, 0), (), ())
    header = NodeManifestHeader("backup_1", "c", node, record, data_directories=2)
    path = pathlib.Path(records.manifest_path(place.settings, restore_id=_ID))
    path.write_bytes(NODE_MANIFEST.encode(header))


def _stage(part: steps.Part, store: t.Any) -> staged_record.RecoveryOutcome:
    return steps.stage_part(
        part,
        store,
        repository=RepositorySettings(bucket="b"),
        options=InstanceOptions(heap_mib=99),
        progress=t.cast(t.Any, None),
    )


def _fetch_only(directory: pathlib.Path) -> t.Callable[..., None]:
    """What of staging needs no Cassandra."""

    def fetch(_node: NodeSettings, store: t.Any, **options: t.Any) -> None:
        fetch_segments(store, host_id=_HOST, segments=options["segments"], directory=str(directory))

    return fetch


def test_a_node_stages_what_the_plan_names_of_its_sources_log(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_memory_store(prefix="")
    part = steps.Part(place.settings, _plan("node-1", log=_log(store)), owner="cassandra", group=None)
    _source(place)
    calls: list[dict[str, t.Any]] = []
    monkeypatch.setattr(recovery, "stage_moment", lambda *_args, **options: calls.append(options))
    _stage(part, store)
    (call,) = calls
    assert [(each.segment.id, each.end, each.whole) for each in call["segments"]] == [(_SEGMENT, 20, True)]
    assert (call["moment_us"], call["release_version"], call["owner"]) == (_US + 50, "5.0.8", "cassandra")
    assert (call["source"].node.name, call["options"].heap_mib) == ("source-1", 99)
    assert call["reserve"] == Reserve(size=1 << 30, percent=5)
    assert steps.would_stage(part)

    outcome = _note_staged(place.settings)
    assert _stage(part, store) == dataclasses.replace(outcome, changed=False)
    assert len(calls) == 1
    assert not steps.would_stage(part)


def test_a_damaged_piece_that_a_restore_finds_is_a_gap_for_the_next_plan(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    store = open_memory_store(prefix="")
    part = steps.Part(place.settings, _plan("node-1", log=_log(store)), owner=None, group=None)
    _source(place)

    monkeypatch.setattr(recovery, "stage_moment", _fetch_only(tmp_path / "log"))
    with pytest.raises(PieceCorruptError, match=f"delete commitlogs/{_HOST}/gaps/"):
        _stage(part, store)
    with pytest.raises(MomentRefusedError, match="cannot be restored"):
        _plan("node-1", log=logs.load_logs(store)[0])


def test_a_damaged_piece_is_named_also_where_the_repository_cannot_be_told(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    store = open_memory_store(prefix="")
    part = steps.Part(place.settings, _plan("node-1", log=_log(store)), owner=None, group=None)
    _source(place)

    def denied(*_args: object, **_options: object) -> t.NoReturn:
        raise StoreDeniedError("s3:PutObject is not allowed.")

    monkeypatch.setattr(recovery, "stage_moment", _fetch_only(tmp_path / "log"))
    monkeypatch.setattr(logs, "record_corrupt_piece", denied)
    with pytest.raises(PieceCorruptError, match=r"is not what its name says.*could not be told.*s3:PutObject"):
        _stage(part, store)


def test_a_log_that_is_gone_and_a_plan_without_a_moment_are_errors(place: Place) -> None:
    store = open_memory_store(prefix="")
    plan = _plan("node-1", log=_log(store))
    part = steps.Part(place.settings, plan, owner=None, group=None)
    with pytest.raises(ObjectMissingError, match="no commit log of source-1"):
        _stage(part, open_memory_store(prefix=""))
    with pytest.raises(InputError, match="there is no moment to stage"):
        _stage(dataclasses.replace(part, plan=dataclasses.replace(plan, moment=None)), store)


def test_what_is_staged_is_not_fetched_again_unless_roles_are_treated_otherwise(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[dict[str, t.Any]] = []
    monkeypatch.setattr(fetching, "fetch_backup", lambda *_args, **options: fetched.append(options))
    log = _log(open_memory_store(prefix=""))
    _note_staged(place.settings)
    for restore_auth in (True, False):
        plan = _plan("node-1", log=log, restore_auth=restore_auth)
        outcome = steps.fetch_part(
            steps.Part(place.settings, plan, owner=None, group=None),
            t.cast(t.Any, None),
            repository=RepositorySettings(bucket="b"),
            transfer=TransferSettings(),
            progress=t.cast(t.Any, None),
        )
        if restore_auth:
            assert (outcome.changed, outcome.fetched_bytes, fetched) == (False, 0, [])
            assert outcome.files > 0
    assert len(fetched) == 1
    assert not staged_record.is_staged(place.settings, restore_id=_ID)
