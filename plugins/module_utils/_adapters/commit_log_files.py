# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commit log segments in a node's directory."""

from __future__ import annotations

import os

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import local_error, names_in
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import (
    ReadAt,
    SegmentName,
    parse_segment_name,
    valid_end,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition


def read_position(directory: str) -> CommitLogPosition:
    """Where the commit log stands now.

    Segments can disappear meanwhile, once they are flushed; then they no longer matter.

    :raises LocalFilesError: if the directory or the newest segment cannot be read.
    """
    segments = sorted(segments_in(directory))
    for newest in reversed(segments):
        path = os.path.join(directory, str(newest))
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise local_error(error, doing="read", path=path) from error
        try:
            length = os.fstat(descriptor).st_size
            end = valid_end(reader_of(descriptor), length=length)
        except OSError as error:
            raise local_error(error, doing="read", path=path) from error
        finally:
            os.close(descriptor)
        if end == 0:
            # The next segment is made in advance: the one before it is still active.
            continue
        return CommitLogPosition(
            segments=tuple(segment.id for segment in segments), active_segment=newest.id, active_position=end
        )
    return CommitLogPosition(segments=tuple(segment.id for segment in segments), active_segment=0, active_position=0)


def segments_in(directory: str) -> set[SegmentName]:
    """The segments that a directory has; none if it is not there.

    :raises LocalFilesError: if it cannot be read.
    """
    return {name for name in map(parse_segment_name, names_in(directory)) if name is not None}


def reader_of(descriptor: int) -> ReadAt:
    """Reads an open segment for ``_core.cassandra.commit_log``."""
    return lambda offset, size: os.pread(descriptor, size, offset)
