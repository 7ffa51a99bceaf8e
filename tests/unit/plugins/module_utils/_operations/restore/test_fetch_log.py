# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Segments put together from their pieces."""

from __future__ import annotations

import hashlib
import struct
import typing as t
import zlib
from pathlib import Path

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import SegmentChain, segment_chains
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NoSpaceError, ObjectCorruptError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Piece
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import Reserve
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_log import fetch_segments

HOST = "00000000-0000-0000-0000-000000000001"


class Store:
    """What of a store is read here, in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads = 0

    def get_stream(self, key: str) -> t.Iterator[bytes]:
        self.reads += 1
        body = self.objects[key]
        yield from (body[at : at + 7] for at in range(0, len(body), 7))


def _segment(number: int, *, length: int = 400) -> bytes:
    low, high = number & 0xFFFFFFFF, number >> 32
    checksum = zlib.crc32(struct.pack(">iIII", 7, low, high, 2) + b"{}")
    head = struct.pack(">iqH", 7, number, 2) + b"{}" + struct.pack(">I", checksum)
    return head + bytes((number + at) % 251 for at in range(length - len(head)))


def _ship(store: Store, data: bytes, number: int, *cuts: tuple[int, int]) -> list[Piece]:
    pieces = []
    for start, end in cuts:
        body = data[start:end]
        sha256 = hashlib.sha256(body).hexdigest()
        piece = Piece(SegmentName(id=number, version=7), start, end, end, end, final=end == len(data), sha256=sha256)
        store.objects[piece_key(HOST, piece)] = body
        pieces.append(piece)
    return pieces


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def chains(store: Store) -> t.Sequence[SegmentChain]:
    pieces = _ship(store, _segment(5), 5, (0, 100), (60, 250), (250, 400))
    return segment_chains([*pieces, *_ship(store, _segment(6), 6, (0, 180))])


def _fetch(store: Store, chains: t.Sequence[SegmentChain], directory: Path) -> tuple[str, ...]:
    return fetch_segments(t.cast(t.Any, store), host_id=HOST, segments=chains, directory=str(directory))


def test_pieces_that_overlap_make_the_segment(store: Store, chains: t.Sequence[SegmentChain], tmp_path: Path) -> None:
    paths = [Path(path) for path in _fetch(store, chains, tmp_path / "log")]
    assert [path.name for path in paths] == ["CommitLog-7-5.log", "CommitLog-7-6.log"]
    assert paths[0].read_bytes() == _segment(5)
    assert paths[1].read_bytes() == _segment(6)[:180]


def test_what_is_there_is_not_fetched_twice_and_what_is_not_wanted_goes(
    store: Store, chains: t.Sequence[SegmentChain], tmp_path: Path
) -> None:
    first, _second = _fetch(store, chains, tmp_path)
    (tmp_path / "CommitLog-7-9.log").write_bytes(b"of another moment")
    (tmp_path / "CommitLog-7-6.log").write_bytes(b"shorter")
    reads = store.reads
    _fetch(store, chains, tmp_path)
    assert store.reads == reads + 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CommitLog-7-5.log", "CommitLog-7-6.log"]
    assert Path(first).read_bytes() == _segment(5)


def test_what_was_damaged_on_its_way_is_read_again(
    store: Store, chains: t.Sequence[SegmentChain], tmp_path: Path
) -> None:
    once = {piece_key(HOST, chains[0].pieces[0])}

    class Unlucky(Store):
        def get_stream(self, key: str) -> t.Iterator[bytes]:
            first = key in once
            once.discard(key)
            yield from (b"x" + chunk[1:] if first else chunk for chunk in super().get_stream(key))

    unlucky = Unlucky()
    unlucky.objects = store.objects
    assert Path(_fetch(unlucky, chains, tmp_path)[0]).read_bytes() == _segment(5)
    assert not once


def test_a_log_that_reaches_what_has_to_stay_free_stops_and_goes_on_from_there(
    store: Store, chains: t.Sequence[SegmentChain], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def file_system(_path: str) -> data_directory.FileSystem:
        free = 1000 if (tmp_path / "CommitLog-7-5.log").exists() else 1 << 30
        return data_directory.FileSystem(device=1, free_bytes=free, size_bytes=0)

    with monkeypatch.context() as filled:
        filled.setattr(data_directory, "file_system", file_system)
        with pytest.raises(NoSpaceError, match=r"node1 has 1000 B free below .* 1\.0 MiB have to stay free.* stay in"):
            fetch_segments(
                t.cast(t.Any, store),
                host_id=HOST,
                segments=chains,
                directory=str(tmp_path),
                workers=1,
                node="node1",
                reserve=Reserve(size=1 << 20),
            )
    reads = store.reads
    _fetch(store, chains, tmp_path)
    assert store.reads == reads + 1


@pytest.mark.parametrize("damage", [b"x", b"", None])
def test_a_damaged_piece_is_named_and_no_segment_made(
    store: Store, chains: t.Sequence[SegmentChain], tmp_path: Path, damage: bytes | None
) -> None:
    key = piece_key(HOST, chains[0].pieces[1])
    body = store.objects[key]
    store.objects[key] = body + b"more" if damage is None else damage + body[1:]
    with pytest.raises(ObjectCorruptError, match="0000000060-0000000250"):
        _fetch(store, chains, tmp_path)
    assert not (tmp_path / "CommitLog-7-5.log").exists()
