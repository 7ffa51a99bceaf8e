# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching a node's commit log: segments put together from their pieces, as a staging instance replays them."""

from __future__ import annotations

import concurrent.futures
import functools
import hashlib
import os
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    ensure_directory,
    local_error,
    names_in,
    sync_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import SegmentChain
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import (
    MAX_HEADER_BYTES,
    parse_header,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ObjectCorruptError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Piece
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import (
    NOTHING,
    Reserve,
    reserve_reached,
)

_PART = ".part"
#: What a network or a memory garbled once is not damage in the repository.
_READS = 2


class PieceCorruptError(ObjectCorruptError):
    """A piece of a commit log is not what its name says.

    :param piece: which.
    """

    def __init__(self, message: str, *, subject: str, next_step: str, piece: Piece) -> None:
        super().__init__(message, subject=subject, next_step=next_step)
        self.piece = piece


def fetch_segments(
    store: ObjectStore,
    *,
    host_id: str,
    segments: t.Sequence[SegmentChain],
    directory: str,
    identity_file: str | None = None,
    workers: int = 4,
    node: str = "",
    reserve: Reserve = NOTHING,
) -> tuple[str, ...]:
    """Put the segments of a plan together in a directory of their own, in which nothing else remains.

    Each piece is compared with its SHA-256, and a segment gets its name only when it is whole, so a run that was
    killed goes on with those that are missing. Memory is bounded by a piece for each worker.

    :param host_id: of the source node.
    :param workers: segments fetched at a time.
    :param node: that it is fetched to, for messages.
    :param reserve: what stays free of the directory's file system.
    :returns: paths in the order of replay.
    :raises PieceCorruptError: if a piece is not what its key says, read twice.
    :raises ObjectCorruptError: if pieces do not make their segment.
    :raises ObjectMissingError: if one is not there.
    :raises LocalFilesError: if the directory cannot be written.
    :raises NoSpaceError: if the file system has only what has to stay free; segments that are whole stay.
    """
    ensure_directory(directory)
    paths = tuple(os.path.join(directory, str(chain.segment)) for chain in segments)
    wanted = {os.path.basename(path): chain.end for path, chain in zip(paths, segments)}
    there = _tidied(directory, wanted=wanted)
    with concurrent.futures.ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [
            pool.submit(
                _fetch_segment,
                store,
                chain,
                host_id=host_id,
                path=path,
                identity_file=identity_file,
                check_room=functools.partial(_check_room, directory, node=node, reserve=reserve),
            )
            for path, chain in zip(paths, segments)
            if os.path.basename(path) not in there
        ]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        finally:
            for future in futures:
                future.cancel()
    sync_directory(directory)
    return paths


def _check_room(directory: str, *, node: str, reserve: Reserve) -> None:
    found = data_directory.file_system(directory)
    kept = reserve.of(found.size_bytes)
    if found.free_bytes < kept:
        done = f"Whole segments of the commit log stay in {directory}."
        raise reserve_reached(node, below=directory, kept=kept, free=found.free_bytes, done=done)


def _tidied(directory: str, *, wanted: t.Mapping[str, int]) -> frozenset[str]:
    """Remove what an earlier run for another moment left; what can stay. Bytes before a sync marker never change, so
    a segment of the same length is the same."""
    there = set()
    for name in names_in(directory):
        path = os.path.join(directory, name)
        if os.path.getsize(path) == wanted.get(name):
            there.add(name)
        else:
            os.unlink(path)
    return frozenset(there)


def _fetch_segment(
    store: ObjectStore,
    chain: SegmentChain,
    *,
    host_id: str,
    path: str,
    identity_file: str | None,
    check_room: t.Callable[[], None],
) -> None:
    end = 0
    try:
        with open(f"{path}{_PART}", "wb") as file:
            for piece in chain.pieces:
                check_room()
                body = _read_piece(store, piece, host_id=host_id, identity_file=identity_file)
                # Pieces overlap where a request that seemed to have failed was done after all.
                file.write(body[end - piece.start :])
                end = max(end, piece.end)
            file.flush()
            os.fsync(file.fileno())
        _check_segment(f"{path}{_PART}", chain)
        os.rename(f"{path}{_PART}", path)
    except OSError as error:
        raise local_error(error, doing="write", path=path) from error


def _read_piece(store: ObjectStore, piece: Piece, *, host_id: str, identity_file: str | None) -> bytes:
    key = piece_key(host_id, piece)
    for _attempt in range(_READS):
        body = _read_body(store, piece, key=key, identity_file=identity_file)
        if body is not None:
            return body
    raise PieceCorruptError(
        f"{key} is not what its name says.",
        subject=key,
        next_step="Choose a moment before it. A backup taken now closes the gap for later moments.",
        piece=piece,
    )


def _read_body(store: ObjectStore, piece: Piece, *, key: str, identity_file: str | None) -> bytes | None:
    """A piece's bytes; ``None`` if they are not those that its name says."""
    body = bytearray()
    try:
        for chunk in decode(store.get_stream(key), piece.codecs, identity_file=identity_file, what=key):
            body += chunk
            if len(body) > piece.end - piece.start:
                return None
    except ObjectCorruptError:
        return None
    fits = len(body) == piece.end - piece.start and hashlib.sha256(body).hexdigest() == piece.sha256
    return bytes(body) if fits else None


def _check_segment(path: str, chain: SegmentChain) -> None:
    """:raises ObjectCorruptError: unless it is the segment, as long as it was to be."""
    with open(path, "rb") as file:
        header = parse_header(file.read(MAX_HEADER_BYTES))
    if os.path.getsize(path) != chain.end or header is None or header.id != chain.segment.id:
        raise ObjectCorruptError(
            f"The pieces of {chain.segment} do not add up to that segment.",
            subject=str(chain.segment),
            next_step="Choose a moment before it.",
        )
