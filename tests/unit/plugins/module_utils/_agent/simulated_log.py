# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's commit log on disk, written as Cassandra writes it: for tests of the agent, without Cassandra.

Sizes are small, the order of events is the real one: a segment is made in advance with its header, is preallocated,
gets its markers after its data, and is archived when the next one is in use, before it is deleted.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import subprocess

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import (
    SegmentName,
    encode_header,
    encode_marker,
)

SCRIPT = pathlib.Path(__file__).parents[5] / "roles" / "archive" / "files" / "archive_segment"


class SimulatedLog:
    """One node's log.

    :ivar truth: by segment id, the bytes that a replay of the segment would read.
    :ivar acknowledged: of each write that a replay would find, the time, the segment and where it ends.
    """

    def __init__(self, directory: pathlib.Path, *, segment_bytes: int = 4096, seed: int = 0, first_id: int = 0) -> None:
        self.directory = directory / "commitlog"
        self.root = self.directory / ".revive"
        self.conf = directory / "archive_segment.conf"
        self.directory.mkdir(parents=True, exist_ok=True)
        self._segment_bytes = segment_bytes
        self._random = random.Random(seed)
        self.archiving = True
        self.real_script = False
        self.truth: dict[int, bytes] = {}
        self.acknowledged: list[tuple[int, int, int]] = []
        self._next_id = first_id
        self._active = SegmentName(id=0, version=7)
        self._marker = self._position = 0
        self.configure()

    def configure(self, *, policy: str = "block", max_bytes: int = 0) -> None:
        """Write the archive script's settings."""
        self.policy, self.max_bytes = policy, max_bytes
        self.conf.write_text(f"root={self.root}\npolicy={policy}\nmax_bytes={max_bytes}\n")

    def start(self, *, now_ms: int, dies_early: bool = False) -> None:
        """Begin a run: archive what is there, then replay and delete it; or end before that."""
        leftovers = self.segments()
        self._next_id = max(now_ms, max((name.id for name in leftovers), default=0) + 1)
        self._activate(self._make())
        self._make_reserve()
        if dies_early:
            return
        for name in leftovers:
            self.archive(name)
        for name in leftovers:
            self.path(name).unlink()

    def crash(self) -> None:
        """What kill -9 leaves: everything as it is. What had no marker is not replayed, by Cassandra neither."""
        active, end = self._active.id, len(self.truth.get(self._active.id, b""))
        self.acknowledged = [each for each in self.acknowledged if each[1] != active or each[2] <= end]

    def stop(self) -> None:
        """A clean stop: a new segment is begun, the reserve discarded."""
        self._switch()
        self._sync()
        reserve = SegmentName(id=self._active.id + 1, version=7)
        self.path(reserve).unlink()

    def write(self, size: int, *, sync: bool = True, now_us: int = 0) -> None:
        """Append a mutation, and a marker behind it unless ``sync`` is off."""
        if self._position + size + 16 > self._segment_bytes:
            self._switch()
        data = bytes(self._random.randrange(1, 256) for _turn in range(size))
        self._put(self._position, data)
        self._position += size
        self.acknowledged.append((now_us, self._active.id, self._position))
        if sync:
            self._sync()

    def segments(self) -> list[SegmentName]:
        """The segments in the log's directory."""
        names = (name.split("-") for name in os.listdir(self.directory) if name.startswith("CommitLog-"))
        return sorted(SegmentName(version=int(parts[1]), id=int(parts[2][:-4])) for parts in names)

    def path(self, name: SegmentName) -> pathlib.Path:
        """A segment's file in the log's directory."""
        return self.directory / str(name)

    @property
    def active(self) -> SegmentName:
        """The segment that is written to."""
        return self._active

    def delete(self, name: SegmentName) -> None:
        """Flushed, so Cassandra deletes it."""
        with contextlib.suppress(FileNotFoundError):
            self.path(name).unlink()

    def archive(self, name: SegmentName) -> bool:
        """What the archive script does; whether it succeeded."""
        if not self.archiving:
            return False
        if not self.real_script:
            return self._archive_here(name)
        done = subprocess.run(
            ["/bin/sh", str(SCRIPT), str(self.path(name)), str(name)],
            env={"REVIVE_ARCHIVE_CONF": str(self.conf)},
            check=False,
            capture_output=True,
        )
        return done.returncode == 0

    def _archive_here(self, name: SegmentName) -> bool:
        """The same without processes and fsync; ``test_archive_script`` holds the two together."""
        for part in ("spool", "archived", "dropped"):
            (self.root / part).mkdir(parents=True, exist_ok=True)
        target = self.root / "spool" / str(name)
        used = sum(map(_space, (self.root / "spool").iterdir()))
        drop = self.policy == "drop_and_record_gap" and self.max_bytes and used >= self.max_bytes
        if drop and not target.exists():
            (self.root / "dropped" / str(name)).write_text("\n".join(map(str, self.segments())))
            return True
        if not target.exists():
            os.link(self.path(name), target)
        (self.root / "archived" / str(name)).write_text("\n".join(map(str, self.segments())))
        return True

    def _make(self) -> SegmentName:
        name = SegmentName(id=self._next_id, version=7)
        self._next_id += 1
        header = encode_header(name)
        with open(self.path(name), "wb") as file:
            file.write(header)
            file.truncate(self._segment_bytes)
        self.truth[name.id] = header
        return name

    def _make_reserve(self) -> None:
        self._make()

    def _activate(self, name: SegmentName) -> None:
        self._active = name
        self._marker = len(encode_header(name))
        self._position = self._marker + 8

    def _switch(self) -> None:
        """The next segment becomes active; the one before gets its last marker, is archived and then deleted."""
        old = self._active
        self._sync()
        reserve = SegmentName(id=old.id + 1, version=7)
        self._activate(reserve)
        self._make_reserve()
        if self.archive(old):
            self.delete(old)

    def _sync(self) -> None:
        if self._position == self._marker + 8:
            return
        end = self._position
        self._put(self._marker, encode_marker(segment_id=self._active.id, position=self._marker, end=end))
        self.truth[self._active.id] = self.path(self._active).read_bytes()[:end]
        self._marker, self._position = end, end + 8

    def _put(self, position: int, data: bytes) -> None:
        with open(self.path(self._active), "r+b") as file:
            file.seek(position)
            file.write(data)


def _space(path: pathlib.Path) -> int:
    """What a file takes; the agent may have shipped and removed it just now."""
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0
