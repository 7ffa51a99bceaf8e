# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One operation of a kind at a time per node."""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import ensure_directory, local_error
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BusyError


@contextlib.contextmanager
def node_lock(state_directory: str, *, name: str, node: str) -> t.Iterator[None]:
    """Hold the lock ``name`` of this node; it ends with the process, however that ends.

    :param node: the node's name, for the message.
    :raises BusyError: if another process holds it; it is named by its process id.
    :raises LocalFilesError: if the state directory cannot be used.
    """
    directory = os.path.join(state_directory, "locks")
    ensure_directory(directory)
    path = os.path.join(directory, name)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise local_error(error, doing="open the lock", path=path) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise BusyError(
                f"Another {name} is running on node {node}: process {holder}.",
                subject=node,
                next_step="Wait for it to end, or end that process; then try again.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_locked(state_directory: str, *, name: str) -> bool:
    """Whether a process holds the lock ``name`` right now.

    :raises LocalFilesError: if it cannot be looked at.
    """
    path = os.path.join(state_directory, "locks", name)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise local_error(error, doing="open the lock", path=path) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
