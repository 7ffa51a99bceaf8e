# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks, files and the rate limit."""

from __future__ import annotations

import errno
import os
import pathlib
import subprocess
import sys
import threading

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    local_error,
    read_if_there,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.hash_cache import Content, HashCache
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.rate_limit import RateLimit
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BusyError,
    LocalFilesError,
    NoSpaceError,
)


class _Clock:
    def __init__(self) -> None:
        self.time = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.time += seconds


def test_the_rate_holds_over_all_takers() -> None:
    clock = _Clock()
    limit = RateLimit(max_bytes_per_second=1000, clock=clock.now, sleep=clock.sleep)
    for _number in range(20):
        limit.take(500)
    assert 9.0 <= clock.time <= 10.0


def test_what_was_not_used_is_not_saved_up() -> None:
    clock = _Clock()
    limit = RateLimit(max_bytes_per_second=1000, clock=clock.now, sleep=clock.sleep)
    clock.time = 100.0
    for _number in range(4):
        limit.take(1000)
    assert clock.time == pytest.approx(103.0)


def test_without_a_limit_nobody_waits() -> None:
    def refuse(_seconds: float) -> None:
        raise AssertionError

    RateLimit(max_bytes_per_second=None, sleep=refuse).take(10**12)


def test_a_lock_names_who_holds_it_and_goes_with_the_process(tmp_path: pathlib.Path) -> None:
    program = (
        "import sys, time\n"
        "from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock\n"
        "with node_lock(sys.argv[1], name='upload', node='n1'):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, env=environment)
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match=str(holder.pid)), node_lock(str(tmp_path), name="upload", node="n1"):
            pass
        with node_lock(str(tmp_path), name="other", node="n1"):
            pass
    finally:
        holder.kill()
        holder.wait()
    with node_lock(str(tmp_path), name="upload", node="n1"):
        pass


def test_a_file_is_written_whole_or_not_at_all(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "deep" / "file")
    write_atomically(path, b"first")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NoSpaceError, match="deep/file"):
        write_atomically(path, b"second")
    assert read_if_there(path) == b"first"
    assert (tmp_path / "deep").stat().st_mode & 0o777 == 0o700


def test_the_operating_systems_words_become_ours() -> None:
    denied = local_error(PermissionError(errno.EACCES, "Permission denied"), doing="read", path="/x")
    assert isinstance(denied, LocalFilesError)
    assert "become" in denied.next_step
    assert isinstance(local_error(OSError(errno.EDQUOT, "Quota"), doing="write", path="/x"), NoSpaceError)


def test_the_cache_keeps_what_it_was_told_and_forgets_what_nobody_asks_for(tmp_path: pathlib.Path) -> None:
    content = Content(sha256="ab" * 32, size=5, files=("cd" * 32, "ef" * 32))
    day = 24 * 3600
    with HashCache(str(tmp_path), now_seconds=0) as cache:
        cache.remember(b"old", content)
        cache.remember(b"used", content)
    with HashCache(str(tmp_path), now_seconds=60 * day) as cache:
        assert cache.find(b"used") == content
        assert cache.find(b"unknown") is None
    with HashCache(str(tmp_path), now_seconds=100 * day) as cache:
        assert cache.find(b"old") is None
        assert cache.find(b"used") == content


def test_a_damaged_cache_begins_anew(tmp_path: pathlib.Path) -> None:
    with HashCache(str(tmp_path), now_seconds=0) as cache:
        cache.note_bringing(tag="t", key="k")
    (tmp_path / "hashes.sqlite").write_bytes(b"no database at all" * 1000)
    with HashCache(str(tmp_path), now_seconds=0) as cache:
        assert not cache.brings(tag="t", key="k")
        cache.note_bringing(tag="t", key="k")
        assert cache.brings(tag="t", key="k")
        cache.forget_uploads(tag="t")
        assert not cache.brings(tag="t", key="k")
