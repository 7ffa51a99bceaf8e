# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The note on a node that says who works on it, and the processes that do.

In ``lease`` below the state directory: ``lease.json`` is the note, ``lock`` is held for the blink in which it is read
and written, and ``ID.working`` is held, shared, by each process that works for the lease of that id. So a process
that is killed no longer counts, without a word from it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    ensure_directory,
    explained,
    local_error,
    read_if_there,
    remove_if_there,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core import lease as leases
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BusyError, LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.lease import LEASE, Instant, Lease, Owner, Sight

#: Those who read and write the note are done at once, unless something is very wrong.
_LOCK_SECONDS = 30.0
#: A process looks every few seconds whether its lease is still its own.
ENDS_SECONDS = 60.0
_POLL_SECONDS = 0.05


def instant() -> Instant:
    """This machine's time."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
    except OSError:
        boot = ""
    return Instant(wall_us=now_us(), boot=boot, uptime_us=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000)


class NodeLeases:
    """Who works on one node.

    :param node: its name, for messages.
    """

    def __init__(self, state_directory: str, *, node: str, now: t.Callable[[], Instant] = instant) -> None:
        self._directory = os.path.join(state_directory, "lease")
        self._note = os.path.join(self._directory, "lease.json")
        self._node = node
        self._now = now

    def look(self) -> Sight | None:
        """Who works; ``None`` if nobody does.

        :raises LocalFilesError: if the note cannot be read.
        """
        with self._locked(make=False):
            return self._sight()

    @contextlib.contextmanager
    def taken(self, wanted: Owner, *, given_up: t.Container[str] = ()) -> t.Iterator[Sight | None]:
        """Take the node, or go on with what one has; and work for it, which counts as a sign of life.

        Afterwards the lease stays, and lasts from then on as long as it may be quiet.

        :param given_up: as in :func:`lease.in_the_way`.
        :yields: what was found before, also what one has already; ``None`` if there was nothing.
        :raises BusyError: if somebody else works on the node.
        :raises LocalFilesError: if the note cannot be read or written.
        """
        with self._locked():
            found = self._sight()
            other = leases.in_the_way(found, wanted, given_up=given_up)
            if other is not None:
                raise leases.refusal(other, wanted, node=self._node)
            mine = found is not None and found.lease.owner.id == wanted.id
            self._write(leases.taken(found, wanted, now=self._now()))
            working = self._work(wanted.id)
        with contextlib.ExitStack() as ending:
            ending.callback(os.close, working)
            ending.callback(self.renew, wanted.id)
            if found is not None and not mine:
                self._wait_for_the_end_of(found, wanted)
            yield found

    @contextlib.contextmanager
    def kept(self, owner_id: str) -> t.Iterator[None]:
        """Give a sign of life for the lease of that id, if the node has it, and none if not."""
        with contextlib.ExitStack() as ending:
            with contextlib.suppress(LocalFilesError, BusyError), self._locked(make=False):
                if self.is_of(owner_id):
                    ending.callback(os.close, self._work(owner_id))
                    ending.callback(self.renew, owner_id)
            yield

    def renew(self, owner_id: str) -> None:
        """Give a sign of life for a lease, unless it is another's or gone. Fails nowhere: it is about to be over."""
        with contextlib.suppress(LocalFilesError, BusyError), self._locked():
            lease = self._read()
            if lease is not None and lease.owner.id == owner_id:
                self._write(leases.renewed(lease, now=self._now()))

    def give_back(self, owner_id: str) -> bool:
        """End a lease, unless it is another's; whether there was one.

        :raises LocalFilesError: if that fails.
        """
        with self._locked(make=False):
            if not self.is_of(owner_id):
                return False
            remove_if_there(self._note)
            remove_if_there(self._working(owner_id))
            return True

    def is_of(self, owner_id: str) -> bool:
        """Whether the node has the lease of that id.

        :raises LocalFilesError: if the note cannot be read.
        """
        lease = self._read()
        return lease is not None and lease.owner.id == owner_id

    def _read(self) -> Lease | None:
        text = read_if_there(self._note)
        # After a power cut the file may be there with nothing in it; that cut ended all who worked here.
        return LEASE.decode(text, subject=self._note) if text else None

    def _sight(self) -> Sight | None:
        lease = self._read()
        if lease is None:
            return None
        return Sight(lease=lease, now=self._now(), working=self._process_of(lease.owner.id))

    def _write(self, lease: Lease) -> None:
        # Only a power cut could lose it, and that ends all who work here.
        write_atomically(self._note, LEASE.encode(lease), durable=False)

    def _working(self, owner_id: str) -> str:
        return os.path.join(self._directory, f"{owner_id}.working")

    def _work(self, owner_id: str) -> int:
        """Count as a process that works for a lease until the descriptor is closed."""
        path = self._working(owner_id)
        with explained("open the lock", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor

    def _process_of(self, owner_id: str) -> int:
        """A process that works for a lease; 0 if there is none. Who asks holds the lock, or would see who else asks."""
        path = self._working(owner_id)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise local_error(error, doing="open the lock", path=path) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(descriptor, 32, 0).strip()
            return int(said) if said.isdigit() else -1
        finally:
            os.close(descriptor)
        return 0

    def _wait_for_the_end_of(self, found: Sight, wanted: Owner) -> None:
        """Wait until no process works for a lease any more that was taken over.

        :raises BusyError: if one goes on; then it has its lease again, and keeps others out.
        """
        owner_id = found.lease.owner.id
        until = time.monotonic() + ENDS_SECONDS
        while True:
            with self._locked():
                if not self._process_of(owner_id):
                    remove_if_there(self._working(owner_id))
                    return
                if time.monotonic() > until:
                    if self.is_of(wanted.id):
                        self._write(found.lease)
                    raise leases.still_works(found, node=self._node)
            time.sleep(_POLL_SECONDS)

    @contextlib.contextmanager
    def _locked(self, *, make: bool = True) -> t.Iterator[None]:
        """Be the only one who reads and writes the note.

        :param make: whether to make the directory; without it, a node that has none has nothing to lock either.
        """
        if not make and not os.path.isdir(self._directory):
            yield
            return
        ensure_directory(self._directory)
        path = os.path.join(self._directory, "lock")
        with explained("open the lock", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock_patiently(descriptor, node=self._node, path=path)
            yield
        finally:
            os.close(descriptor)


def _lock_patiently(descriptor: int, *, node: str, path: str) -> None:
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise BusyError(
                    f"Another process holds {path} on {node}, and does not let go.",
                    subject=node,
                    next_step="See which process has it open; it hangs.",
                ) from None
        time.sleep(_POLL_SECONDS)
