# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's commit log and the archive's spool, as the agent sees them.

Below the archive's root lie ``spool`` (links to segments), ``archived`` and ``dropped`` (what the script noted when it
archived or dropped a segment: the names that lay in the log's directory).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.commit_log_files import reader_of, segments_in
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    local_error,
    names_in,
    read_if_there,
    remove_if_there,
    sync_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.accounting import (
    Reading,
    SegmentOnDisk,
    Sighting,
    Witness,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import (
    MAX_HEADER_BYTES,
    SegmentName,
    follow_markers,
    parse_header,
    parse_segment_name,
)

SPOOL = "spool"
ARCHIVED = "archived"
DROPPED = "dropped"
_READ_BYTES = 1024 * 1024
_MARKER_BYTES = 8


class SegmentGoneError(Exception):
    """A segment that was there a moment ago is gone; look again."""


class ArchiveDirectory:
    """The files of one node's log.

    :param log_directory: Cassandra's ``commitlog_directory``.
    :param root: of the archive.
    """

    def __init__(self, *, log_directory: str, root: str) -> None:
        self._log_directory = log_directory
        self._root = root

    def sight(self, *, at_us: int) -> Sighting:
        """What is there now.

        :param at_us: the time, taken before the call.
        :raises LocalFilesError: if a directory cannot be read.
        """
        # In this order: a segment leaves the log's directory only once it is in the spool.
        in_log = segments_in(self._log_directory)
        in_spool = segments_in(self._path(SPOOL))
        found = []
        for name in sorted(in_log | in_spool):
            with contextlib.suppress(SegmentGoneError):
                spooled = name in in_spool
                empty = not spooled and self._is_empty(name)
                found.append(SegmentOnDisk(name=name, in_log=name in in_log, in_spool=spooled, empty=empty))
        return Sighting(
            at_us=at_us,
            segments=tuple(found),
            witnesses=self._witnesses(),
            dropped=tuple(sorted(segments_in(self._path(DROPPED)))),
        )

    def read(self, name: SegmentName, *, known_end: int, sealed: bool) -> Reading:
        """How far a segment is written.

        :param known_end: an end that was read before, or 0.
        :param sealed: whether it gets no more; then what lies behind the markers does not count.
        :raises SegmentGoneError: if it is not there.
        :raises LocalFilesError: if it cannot be read.
        """
        with self._open(name) as descriptor:
            length = os.fstat(descriptor).st_size
            read_at = reader_of(descriptor)
            header = parse_header(read_at(0, MAX_HEADER_BYTES))
            if header is None or header.id != name.id:
                return Reading(segment_id=name.id, end=0, written=0 if header is None else 1, sealed=sealed)
            position = max(known_end, header.length)
            end = follow_markers(read_at, segment_id=name.id, position=position, length=length)
            written = end if sealed else _last_written(descriptor, start=end, length=length)
            return Reading(segment_id=name.id, end=end, written=written, sealed=sealed)

    def is_damaged(self, name: SegmentName, *, end: int) -> bool:
        """Whether the chain of markers ends at ``end`` in something that is not a clean end.

        :raises SegmentGoneError: if the segment is not there.
        """
        with self._open(name) as descriptor:
            room = os.fstat(descriptor).st_size - end
            return room >= _MARKER_BYTES and any(os.pread(descriptor, _MARKER_BYTES, end))

    def read_bytes(self, name: SegmentName, *, start: int, end: int) -> bytes:
        """Bytes of a segment.

        :raises SegmentGoneError: if it is not there, or is shorter.
        """
        with self._open(name) as descriptor:
            data = os.pread(descriptor, end - start, start)
        if len(data) != end - start:
            raise SegmentGoneError(f"{name} is shorter than {end} bytes")
        return data

    def link_into_spool(self, name: SegmentName) -> None:
        """Do what the archive script does, for a segment that it was not called for or failed on.

        By copy, where the spool is on another file system, or another mount of the same one, as in a sandbox.

        :raises SegmentGoneError: if it is not there.
        :raises LocalFilesError: if that fails.
        """
        source, target = os.path.join(self._log_directory, str(name)), self._path(SPOOL, str(name))
        try:
            os.makedirs(self._path(SPOOL), mode=0o750, exist_ok=True)
            try:
                os.link(source, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy(source, target)
            sync_directory(self._path(SPOOL))
        except FileExistsError:
            return
        except FileNotFoundError:
            raise SegmentGoneError(str(name)) from None
        except OSError as error:
            raise local_error(error, doing="link", path=target) from error

    def forget(self, name: SegmentName) -> None:
        """Remove a segment that is whole in the repository from the spool; what was noted about it goes last.

        :raises LocalFilesError: if that fails.
        """
        for part in (SPOOL, ARCHIVED):
            remove_if_there(self._path(part, str(name)))

    def forget_dropped(self, *, up_to: int, but: t.Container[int]) -> None:
        """Remove the notes that segments were dropped, once the gaps are in the repository.

        :raises LocalFilesError: if that fails.
        """
        for name in segments_in(self._path(DROPPED)):
            if name.id <= up_to and name.id not in but:
                remove_if_there(self._path(DROPPED, str(name)))

    def spooled(self) -> tuple[SegmentName, ...]:
        """The segments in the spool."""
        return tuple(sorted(segments_in(self._path(SPOOL))))

    def noted(self) -> tuple[SegmentName, ...]:
        """The segments that are noted as archived."""
        return tuple(sorted(segments_in(self._path(ARCHIVED))))

    def usage(self) -> tuple[int, int]:
        """Bytes on disk and number of files of the spool.

        :raises LocalFilesError: if it cannot be read.
        """
        size = count = 0
        for name in names_in(self._path(SPOOL)):
            with contextlib.suppress(FileNotFoundError):
                size += os.stat(self._path(SPOOL, name)).st_blocks * 512
                count += 1
        return size, count

    def _path(self, *parts: str) -> str:
        return os.path.join(self._root, *parts)

    def _witnesses(self) -> tuple[Witness, ...]:
        found = []
        for part in (ARCHIVED, DROPPED):
            for name in segments_in(self._path(part)):
                path = self._path(part, str(name))
                text = read_if_there(path)
                if text is None:
                    continue
                listed = map(parse_segment_name, text.decode("ascii", "replace").splitlines())
                with contextlib.suppress(FileNotFoundError):
                    found.append(
                        Witness(
                            archived=name.id,
                            at_us=os.stat(path).st_mtime_ns // 1000,
                            listed=tuple(sorted(each.id for each in listed if each is not None)),
                        )
                    )
        return tuple(found)

    def _is_empty(self, name: SegmentName) -> bool:
        with self._open(name) as descriptor:
            length = os.fstat(descriptor).st_size
            header = parse_header(os.pread(descriptor, MAX_HEADER_BYTES, 0))
            start = header.length if header else 0
            # A quick look first: a segment in use has its first marker.
            if header and any(os.pread(descriptor, _MARKER_BYTES, start)):
                return False
            return header is None or _last_written(descriptor, start=start, length=length) <= start

    @contextlib.contextmanager
    def _open(self, name: SegmentName) -> t.Iterator[int]:
        # The log's directory first: in this order the segment cannot slip past.
        for directory in (self._log_directory, self._path(SPOOL)):
            path = os.path.join(directory, str(name))
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise local_error(error, doing="read", path=path) from error
            try:
                yield descriptor
            except OSError as error:
                raise local_error(error, doing="read", path=path) from error
            finally:
                os.close(descriptor)
            return
        raise SegmentGoneError(str(name))


def _copy(source: str, target: str) -> None:
    """Copy a file whole or not at all, and to disk; until then under a name that is not a segment's."""
    directory, name = os.path.split(target)
    temporary = os.path.join(directory, f".{name}.copy")
    with open(source, "rb") as reading, open(temporary, "wb") as writing:
        shutil.copyfileobj(reading, writing, _READ_BYTES)
        writing.flush()
        os.fsync(writing.fileno())
    os.replace(temporary, target)


def _last_written(descriptor: int, *, start: int, length: int) -> int:
    """Behind the last non-zero byte after ``start``; holes are skipped."""
    last = position = start
    while position < length:
        try:
            position = os.lseek(descriptor, position, os.SEEK_DATA)
            hole = os.lseek(descriptor, position, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            hole = length
        while position < hole:
            data = os.pread(descriptor, min(_READ_BYTES, hole - position), position)
            if not data:
                return last
            kept = len(data.rstrip(b"\0"))
            if kept:
                last = position + kept
            position += len(data)
    return last
