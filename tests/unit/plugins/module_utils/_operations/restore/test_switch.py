# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch of a node's directories converges or goes back exactly, wherever it is killed.

The kills are real: a forked process ends with ``os._exit`` just before its n-th change to the file system, for every n.
"""

from __future__ import annotations

import builtins
import hashlib
import os
import pathlib
import shutil
import socket
import types
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import cassandra_yaml
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BusyError,
    InputError,
    LocalFilesError,
    NodeError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import records, switch, switch_checks

_RESTORE = "backup_1-in-place-0"
_LOCAL = "system/local-7ad54392bcdd35a684174e047860b377"
_PEERS = "system/peers_v2-c4325fbb8e5e3bafbd070f9250ed818e"
_PAXOS = "system/paxos-b7b7f0c2fd0a34108c053ef614bb7c2d"
_ROLES = "system_auth/roles-5bc52802de2535edaeab188eecebb090"
_SCHEMA = "system_schema/tables-afddfb9dbc1e30688056eed6c302ba09"
_TABLE = "shop/orders-0123456789abcdef0123456789abcdef"
_OLD = {
    0: {
        f"{_LOCAL}/nb-1-big-Data.db": b"i am node 1",
        f"{_LOCAL}/nb-1-big-TOC.txt": b"Data.db",
        f"{_LOCAL}/snapshots/s/nb-1-big-Data.db": b"long ago",
        f"{_PEERS}/nb-1-big-Data.db": b"they are",
        f"{_PAXOS}/nb-1-big-Data.db": b"newer writes",
        f"{_ROLES}/nb-4-big-Data.db": b"today's passwords",
        f"{_SCHEMA}/nb-9-big-Data.db": b"today's schema",
        f"{_TABLE}/nb-7-big-Data.db": b"old rows",
        "lost+found/inode": b"",
        ".cassandra_fs_ownership": b"mine",
    },
    1: {f"{_TABLE}/nb-8-big-Data.db": b"more old rows", "gone_later/t-00000000000000000000000000000001/x": b""},
}
_NEW = {
    0: {
        f"{_ROLES}/nb-2-big-Data.db": b"passwords of then",
        f"{_SCHEMA}/nb-3-big-Data.db": b"schema of then",
        f"{_TABLE}/nb-7-big-Data.db": b"rows of then",
        f"{_TABLE}/.by_name/nb-1-big-Data.db": b"an index",
    },
    1: {f"{_TABLE}/nb-5-big-Data.db": b"more rows of then"},
}
_LOGS = {
    "commitlog": ["CommitLog-7-1.log", "CommitLog-7-2.log", "spool/CommitLog-7-1.log"],
    "hints": ["a.hints"],
    "saved_caches": ["KeyCache-e.db"],
    "cdc_raw": ["CommitLog-7-1.log"],
}


class Place:
    """A node's directories below a directory of the test, and the settings that point at them."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.config = root / "cassandra.yaml"
        self.data = [root / "data1", root / "data2"]
        self.settings = NodeSettings(name="node-1", config_file=str(self.config), state_directory=str(root / "state"))

    def make(self) -> Place:
        self.root.mkdir(exist_ok=True)
        self.config.write_text(
            "# by hand\ncluster_name: c\nnum_tokens: 4 # four\nlisten_address: 127.0.0.1\nstorage_port: 1\n"
            f"native_transport_port: 1\ndata_file_directories: [{self.data[0]}, {self.data[1]}]\n"
            + "".join(f"{name}_directory: {self.root / name}\n" for name in _LOGS)
        )
        for number, files in _OLD.items():
            for name, body in files.items():
                _write(self.data[number] / name, body)
        for directory, names in _LOGS.items():
            for name in names:
                _write(self.root / directory / name, name.encode())
        return self

    def stage(self, restore_id: str = _RESTORE, *, restore_auth: bool = True) -> Place:
        lines = [
            journal.FETCH.encode(
                journal.FetchHeader(
                    restore_id=restore_id,
                    tag="backup_1",
                    source_host_id="h",
                    manifest_sha256="s",
                    restore_auth=restore_auth,
                    places=tuple(map(str, self.data)),
                )
            )
        ]
        files = size = 0
        for number, fetched in _NEW.items():
            for name, body in fetched.items():
                if restore_auth or not name.startswith("system_auth"):
                    path = self.data[number] / ".revive" / restore_id / "new" / name
                    _write(path, body)
                    lines.append(journal.FETCH.encode(_fetched_file(path, place=number, name=name, body=body)))
                    files, size = files + 1, size + len(body)
        lines.append(journal.FETCH.encode(journal.FetchComplete(files=files, size=size, tables=3)))
        _write(self.root / "state" / "restores" / f"{restore_id}.jsonl", b"".join(lines))
        return self

    def switch(
        self,
        *,
        restore_id: str = _RESTORE,
        mode: str = "in_place",
        restore_auth: bool = True,
        running: bool = False,
    ) -> t.Any:
        return switch.switch_node(
            self.settings,
            restore_id=restore_id,
            mode=mode,
            tokens=["-5", "7"],
            restore_auth=restore_auth,
            owner=None,
            group=None,
            is_running=lambda: running,
        )

    def roll_back(self) -> t.Any:
        return switch.roll_back(self.settings, restore_id=_RESTORE)

    def contents(self) -> dict[str, t.Any]:
        """Everything of Cassandra's: names, inodes, modes and contents; not what is ours."""
        found: dict[str, t.Any] = {"yaml": (self.config.read_text(), self.config.stat().st_mode)}
        for top in ("data1", "data2", *_LOGS):
            for path in sorted((self.root / top).rglob("*")):
                if ".revive" not in path.parts:
                    status = path.stat()
                    found[str(path.relative_to(self.root))] = (
                        status.st_ino,
                        status.st_mode,
                        path.read_bytes() if path.is_file() else None,
                    )
        return found

    def check_switched(self, *, mode: str, restore_auth: bool) -> None:
        for number, files in _NEW.items():
            for name, body in files.items():
                if restore_auth or not name.startswith("system_auth"):
                    assert (self.data[number] / name).read_bytes() == body
        own = {f"{_LOCAL}/nb-1-big-Data.db", f"{_LOCAL}/nb-1-big-TOC.txt", f"{_PEERS}/nb-1-big-Data.db"}
        auth = {f"{_ROLES}/nb-4-big-Data.db"} if not restore_auth else set()
        kept = (own | auth) if mode == "in_place" else set()
        wanted = {name for name in _NEW[0] if restore_auth or not name.startswith("system_auth")} | kept
        assert _files(self.data[0]) == wanted | {"lost+found/inode", ".cassandra_fs_ownership"}
        assert _files(self.data[1]) == set(_NEW[1])
        assert _files(self.root / "commitlog") == {"spool/CommitLog-7-1.log"}
        assert not any(_files(self.root / name) for name in ("hints", "saved_caches", "cdc_raw"))
        assert ('initial_token: "-5,7"' in self.config.read_text()) == (mode == "new_cluster")
        assert not list(self.root.glob("*.revive-new"))


def _write(path: pathlib.Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def _fetched_file(path: pathlib.Path, *, place: int, name: str, body: bytes) -> journal.FetchedFile:
    status = path.stat()
    return journal.FetchedFile(
        place=place,
        path=name,
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        inode=status.st_ino,
        mtime_ns=status.st_mtime_ns,
    )


def _files(root: pathlib.Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and ".revive" not in path.parts}


#: Whatever changes a name or a file's content; between two of them the disk stays as it is.
_CHANGES = ((os, "rename"), (os, "replace"), (os, "mkdir"), (os, "rmdir"), (os, "unlink"), (builtins, "open"))


def _killed_before(step: int, work: t.Callable[[], object]) -> bool:
    """Whether ``work``, in a process of its own, was killed before its n-th change; otherwise it came to its end."""
    child = os.fork()
    if child == 0:
        left = [step]

        def counted(real: t.Any) -> t.Any:
            def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
                if real is not builtins_open or "r" not in args[1]:
                    if left[0] == 0:
                        os._exit(9)
                    left[0] -= 1
                return real(*args, **kwargs)

            return call

        builtins_open = builtins.open
        try:
            for module, name in _CHANGES:
                setattr(module, name, counted(getattr(module, name)))
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 9), "it failed instead of being killed"
    return os.waitstatus_to_exitcode(status) == 9


#: The points to be killed at are dealt out to so many tests, so that none takes long.
_SHARES = 8
_EACH_SHARE = pytest.mark.parametrize("share", range(_SHARES))


def _points(work: t.Callable[[pathlib.Path, int], bool], root: pathlib.Path, *, share: int) -> int:
    """Does ``work`` for each point to be killed at, in a directory of its own, until there is none; the last one."""
    step = share
    while work(root / str(step), step):
        step += _SHARES
    return step


_WAYS = [("in_place", True), ("in_place", False), ("new_cluster", True), ("new_cluster", False)]
#: Between them they do everything that the others do.
_DIFFERENT_WAYS = pytest.mark.parametrize(
    "way", [{"mode": "in_place", "restore_auth": False}, {"mode": "new_cluster", "restore_auth": True}]
)


@pytest.fixture(autouse=True)
def _quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that the kernel has; only a power cut would. Other slow looks go too."""
    parsed: dict[str, t.Any] = {}
    read = cassandra_yaml.read_config

    def read_once(path: str) -> t.Any:
        text = path + pathlib.Path(path).read_text()
        if text not in parsed:
            parsed[text] = read(path)
        return parsed[text]

    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    monkeypatch.setattr(cassandra_yaml, "read_config", read_once)
    monkeypatch.setattr(switch_checks.processes, "java_processes_using", lambda _directories: ())


@pytest.fixture(params=_WAYS, ids=lambda way: f"{way[0]}-{'with' if way[1] else 'without'}-auth")
def way(request: pytest.FixtureRequest) -> dict[str, t.Any]:
    return {"mode": request.param[0], "restore_auth": request.param[1]}


def test_a_switch_lays_down_what_was_fetched_and_keeps_who_the_node_is(
    tmp_path: pathlib.Path, way: dict[str, t.Any]
) -> None:
    place = Place(tmp_path).make().stage(restore_auth=way["restore_auth"])
    assert place.switch(**way) == switch.SwitchOutcome(changed=True, phase="switched")
    place.check_switched(**way)
    assert place.switch(**way) == switch.SwitchOutcome(changed=False, phase="switched")


def test_a_roll_back_restores_names_inodes_contents_and_configuration(
    tmp_path: pathlib.Path, way: dict[str, t.Any]
) -> None:
    place = Place(tmp_path).make()
    before = place.contents()
    place.stage(restore_auth=way["restore_auth"]).switch(**way)
    assert place.roll_back() == switch.RollBackOutcome(changed=True, refetch=False)
    assert place.contents() == before
    assert place.roll_back() == switch.RollBackOutcome(changed=False)
    assert records.pending(place.settings) is None
    # And what was fetched serves the next run.
    place.switch(**way)
    place.check_switched(**way)


def test_what_an_administrator_keeps_in_a_data_directory_stays_where_it_is(
    tmp_path: pathlib.Path, way: dict[str, t.Any]
) -> None:
    place = Place(tmp_path).make()
    own = place.data[0] / "exports" / "2026" / "orders.csv"
    _write(own, b"mine")
    before = place.contents()
    place.stage(restore_auth=way["restore_auth"]).switch(**way)
    assert own.read_bytes() == b"mine"
    place.roll_back()
    assert place.contents() == before
    place.switch(**way)
    switch.finish(place.settings, restore_id=_RESTORE, keep_old=False)
    assert own.read_bytes() == b"mine"


@pytest.mark.parametrize("mode", ["in_place", "new_cluster"])
def test_once_a_new_node_has_its_tokens_only_their_number_stays_in_its_configuration(
    tmp_path: pathlib.Path, mode: str
) -> None:
    place = Place(tmp_path).make()
    before = place.contents()
    text = place.config.read_text()
    place.stage().switch(mode=mode)

    def settle(*tokens: str, check_mode: bool = False) -> bool:
        def who() -> t.Any:
            assert mode == "new_cluster", "nobody is asked where it does not matter"
            return types.SimpleNamespace(tokens=tokens)

        return switch.settle_configuration(place.settings, restore_id=_RESTORE, who=who, check_mode=check_mode)

    if mode == "new_cluster":
        switched = place.config.read_text()
        with pytest.raises(NodeError, match="runs with other tokens"):
            settle("1", "7")
        assert settle("7", "-5", check_mode=True)
        assert place.config.read_text() == switched
        assert settle("7", "-5")
        assert place.config.read_text() == text.replace("num_tokens: 4", "num_tokens: 2")
    assert not settle("7", "-5")
    place.roll_back()
    assert place.contents() == before


@_DIFFERENT_WAYS
@_EACH_SHARE
def test_a_switch_killed_anywhere_is_rolled_back_exactly_or_taken_up(
    tmp_path: pathlib.Path, way: dict[str, t.Any], share: int
) -> None:
    def trial(root: pathlib.Path, step: int) -> bool:
        place = Place(root)
        place.make()
        before = place.contents()
        place.stage(restore_auth=way["restore_auth"])
        killed = _killed_before(step, lambda: place.switch(**way))
        place.roll_back()
        assert place.contents() == before
        assert records.pending(place.settings) is None
        assert _killed_before(step, lambda: place.switch(**way)) == killed
        place.switch(**way)
        place.check_switched(**way)
        place.roll_back()
        assert place.contents() == before
        assert not list(root.glob("*.revive-new"))
        return killed

    assert _points(trial, tmp_path, share=share) > 40


@_DIFFERENT_WAYS
@_EACH_SHARE
def test_a_roll_back_killed_anywhere_goes_on_when_run_again(
    tmp_path: pathlib.Path, way: dict[str, t.Any], share: int
) -> None:
    def trial(root: pathlib.Path, step: int) -> bool:
        place = Place(root)
        place.make()
        before = place.contents()
        place.stage(restore_auth=way["restore_auth"]).switch(**way)
        killed = _killed_before(step, place.roll_back)
        # Somebody forgets about the roll back and runs the restore again.
        place.switch(**way)
        place.check_switched(**way)
        assert _killed_before(step, place.roll_back) == killed
        place.roll_back()
        assert place.contents() == before
        return killed

    assert _points(trial, tmp_path, share=share) > 20


@_EACH_SHARE
def test_a_roll_back_of_a_half_done_switch_killed_anywhere_goes_on(tmp_path: pathlib.Path, share: int) -> None:
    def trial(root: pathlib.Path, step: int) -> bool:
        place = Place(root)
        place.make()
        before = place.contents()
        place.stage()
        assert _killed_before(step * 5 % 40, place.switch)
        killed = _killed_before(step, place.roll_back)
        place.roll_back()
        assert place.contents() == before
        return killed

    assert _points(trial, tmp_path, share=share) > 5


@_EACH_SHARE
def test_a_finish_killed_anywhere_goes_on(tmp_path: pathlib.Path, share: int) -> None:
    def trial(root: pathlib.Path, step: int) -> bool:
        place = Place(root).make().stage()
        place.switch()
        after = place.contents()
        killed = _killed_before(step, lambda: switch.finish(place.settings, restore_id=_RESTORE, keep_old=False))
        switch.finish(place.settings, restore_id=_RESTORE, keep_old=False)
        assert place.contents() == after
        assert not list(root.rglob(".revive"))
        assert not os.listdir(root / "state" / "restores")
        return killed

    assert _points(trial, tmp_path, share=share) > 5


@pytest.mark.parametrize("written", ["to tables", "to the log only"])
def test_what_cassandra_has_run_on_is_kept_since_clients_may_have_written_to_it(
    tmp_path: pathlib.Path, written: str
) -> None:
    place = Place(tmp_path).make()
    before = place.contents()
    place.stage().switch()
    _serve(place, flushed=written == "to tables")
    assert place.roll_back() == switch.RollBackOutcome(changed=True, refetch=True)
    assert place.contents() == before
    assert records.pending(place.settings) is None
    _check_kept(place, flushed=written == "to tables")
    assert not switch.roll_back(place.settings, restore_id=_RESTORE).changed
    with pytest.raises(NodeError, match=r"is undone on node-1\. Plan again"):
        place.switch()
    assert not switch.finish(place.settings, restore_id=_RESTORE, keep_old=True).changed
    assert switch.finish(place.settings, restore_id=_RESTORE, keep_old=False).freed_bytes > 20
    assert place.contents() == before
    assert not list(tmp_path.rglob(".revive"))


def _serve(place: Place, *, flushed: bool = True) -> None:
    """Cassandra has been started on what was restored, and clients have written to it."""
    if flushed:
        _write(place.data[0] / _TABLE / "nb-9-big-Data.db", b"compacted")
    _write(place.root / "commitlog" / "CommitLog-7-3.log", b"written since")


def _check_kept(place: Place, *, flushed: bool = True) -> None:
    taken_out = place.data[0] / ".revive" / _RESTORE / "discarded" / _TABLE
    assert (taken_out / "nb-7-big-Data.db").read_bytes() == b"rows of then"
    assert not flushed or (taken_out / "nb-9-big-Data.db").read_bytes() == b"compacted"
    written = place.root / "commitlog" / ".revive" / _RESTORE / "discarded" / "CommitLog-7-3.log"
    assert written.read_bytes() == b"written since"


@_EACH_SHARE
def test_a_finished_restore_in_place_is_undone_also_if_that_is_killed_anywhere(
    tmp_path: pathlib.Path, share: int
) -> None:
    def trial(root: pathlib.Path, step: int) -> bool:
        place = Place(root).make()
        before = place.contents()
        place.stage().switch()
        switch.finish(place.settings, restore_id=_RESTORE, keep_old=True)
        _serve(place)
        killed = _killed_before(step, place.roll_back)
        place.roll_back()
        assert place.contents() == before
        _check_kept(place)
        return killed

    assert _points(trial, tmp_path, share=share) > 20


def test_finishing_keeps_what_was_put_aside_until_it_is_said_that_it_can_go(tmp_path: pathlib.Path) -> None:
    place = Place(tmp_path).make().stage()
    place.switch()
    kept = switch.finish(place.settings, restore_id=_RESTORE, keep_old=True)
    assert kept == switch.FinishOutcome(changed=True, freed_bytes=0)
    assert (place.data[0] / ".revive" / _RESTORE / "old" / _TABLE / "nb-7-big-Data.db").exists()
    assert records.pending(place.settings) is None
    with pytest.raises(NodeError, match=r"is finished on node-1\. Plan again"):
        place.switch()
    freed = switch.finish(place.settings, restore_id=_RESTORE, keep_old=False)
    assert freed.changed
    assert freed.freed_bytes > 50
    assert not switch.finish(place.settings, restore_id=_RESTORE, keep_old=False).changed
    assert not place.roll_back().changed


@pytest.mark.parametrize(
    ("mode", "gone", "why"),
    [
        ("new_cluster", False, "was not in place"),
        ("in_place", True, "held before the restore .* is not all there any more"),
    ],
)
def test_a_finished_restore_without_a_way_back_says_so(
    tmp_path: pathlib.Path, mode: str, why: str, *, gone: bool
) -> None:
    place = Place(tmp_path).make().stage()
    place.switch(mode=mode)
    switch.finish(place.settings, restore_id=_RESTORE, keep_old=True)
    if gone:
        # One of two data directories is enough to have half of the old data.
        shutil.rmtree(place.data[1] / ".revive")
    after = place.contents()
    with pytest.raises(NodeError, match=why):
        place.roll_back()
    assert place.contents() == after


def test_a_finished_restore_is_undone_only_while_it_is_the_last(tmp_path: pathlib.Path) -> None:
    place = Place(tmp_path).make().stage()
    before = place.contents()
    place.switch()
    switch.finish(place.settings, restore_id=_RESTORE, keep_old=True)
    place.stage("another").switch(restore_id="another")
    with pytest.raises(BusyError, match="another was begun and is not finished"):
        place.roll_back()
    switch.finish(place.settings, restore_id="another", keep_old=True)
    with pytest.raises(NodeError, match=r"node-1 was restored again: another\. Undo that first"):
        place.roll_back()
    assert switch.roll_back(place.settings, restore_id="another").changed
    assert place.roll_back().changed
    assert place.contents() == before


@_EACH_SHARE
def test_what_is_being_removed_is_never_gone_back_to(tmp_path: pathlib.Path, share: int) -> None:
    def trial(root: pathlib.Path, step: int) -> bool:
        place = Place(root).make().stage()
        place.switch()
        switch.finish(place.settings, restore_id=_RESTORE, keep_old=True)
        after = place.contents()
        killed = _killed_before(step, lambda: switch.finish(place.settings, restore_id=_RESTORE, keep_old=False))
        whole = all(
            (place.data[number] / ".revive" / _RESTORE / "old" / name).exists()
            for number, files in _OLD.items()
            for name in files
            if not name.startswith(("lost+found", "."))
        )
        state = records.read_state(place.settings, restore_id=_RESTORE)
        if state is not None and state.phase == "finished":
            assert whole
        elif state is not None:
            with pytest.raises(NodeError, match="is not all there any more"):
                place.roll_back()
        switch.finish(place.settings, restore_id=_RESTORE, keep_old=False)
        assert place.contents() == after
        assert not list(root.rglob(".revive"))
        return killed

    assert _points(trial, tmp_path, share=share) > 5


def test_directories_that_are_others_now_are_not_gone_back_in(tmp_path: pathlib.Path) -> None:
    place = Place(tmp_path).make().stage()
    place.switch()
    switch.finish(place.settings, restore_id=_RESTORE, keep_old=True)
    text = place.config.read_text()
    place.config.write_text(text.replace(f", {place.data[1]}]", f", {tmp_path / 'data3'}]"))
    with pytest.raises(NodeError, match=f"other directories than when .*{place.data[1]}, {tmp_path / 'data3'}"):
        place.roll_back()
    place.config.write_text(text)
    assert place.roll_back().changed


def test_a_node_that_is_not_switched_cannot_be_finished(tmp_path: pathlib.Path) -> None:
    place = Place(tmp_path).make().stage()
    assert _killed_before(30, place.switch)
    with pytest.raises(NodeError, match="cannot be finished"):
        switch.finish(place.settings, restore_id=_RESTORE, keep_old=False)


def test_a_running_node_is_refused(tmp_path: pathlib.Path) -> None:
    place = Place(tmp_path).make().stage()
    before = place.contents()
    with pytest.raises(NodeError, match="runs on node-1"):
        place.switch(running=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        place.config.write_text(place.config.read_text().replace("storage_port: 1\n", f"storage_port: {port}\n", 1))
        with pytest.raises(NodeError, match=f"listens on 127.0.0.1:{port}"):
            place.switch()
        place.config.write_text(place.config.read_text().replace(f"storage_port: {port}", "storage_port: 1"))
    assert place.contents()["data1/" + _TABLE] == before["data1/" + _TABLE]


@pytest.mark.parametrize("harm", ["missing", "shorter", "another", "more", "unfinished", "other-auth"])
def test_a_fetched_set_that_is_not_complete_is_refused(tmp_path: pathlib.Path, harm: str) -> None:
    place = Place(tmp_path).make().stage()
    before = place.contents()
    fetched = place.data[0] / ".revive" / _RESTORE / "new" / _TABLE / "nb-7-big-Data.db"
    records = tmp_path / "state" / "restores" / f"{_RESTORE}.jsonl"
    if harm == "missing":
        fetched.unlink()
    elif harm == "shorter":
        fetched.write_bytes(b"rows")
    elif harm == "another":
        fetched.rename(fetched.with_name("x"))
        fetched.write_bytes(b"rows of then")
    elif harm == "more":
        _write(fetched.with_name("nb-70-big-Data.db"), b"")
    elif harm == "unfinished":
        records.write_bytes(records.read_bytes()[:-3])
    with pytest.raises(NodeError, match="not complete"):
        place.switch(restore_auth=harm != "other-auth")
    assert place.contents() == before


def test_another_restore_that_has_been_begun_is_named(tmp_path: pathlib.Path) -> None:
    place = Place(tmp_path).make().stage()
    place.switch()
    with pytest.raises(BusyError, match=_RESTORE):
        place.switch(restore_id="another")
    found = records.pending(place.settings)
    assert found is not None
    assert (found.restore_id, found.phase) == (_RESTORE, "switched")


@pytest.mark.parametrize("at", range(0, 40, 3))
def test_an_error_of_the_file_system_puts_everything_back(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    place = Place(tmp_path).make()
    before = place.contents()
    place.stage()
    real, left = os.rename, [at]

    def failing(source: t.Any, target: t.Any) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise OSError(28, "No space left on device", str(target))
        real(source, target)

    monkeypatch.setattr(os, "rename", failing)
    try:
        place.switch()
    except LocalFilesError as error:
        assert "full" in str(error)  # noqa: PT017 - there may be no error, when there are fewer renames
        assert place.contents() == before
    place.switch()
    place.check_switched(mode="in_place", restore_auth=True)


def test_a_mode_or_id_that_is_none_is_refused(tmp_path: pathlib.Path) -> None:
    place = Place(tmp_path).make()
    with pytest.raises(InputError):
        place.switch(mode="sideways")
    with pytest.raises(InputError):
        switch.roll_back(place.settings, restore_id="../x")
