# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who works on a node: one operation at a time, for as long as its play lasts, and not for ever. Pure.

A lease is a note on the node. Each step of its play renews it, and a process that works for it counts as alive without
a word. What nobody has renewed for long enough is over, and who comes next takes it over and says so.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BusyError,
    InputError,
    LocalFilesError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option

#: The same once more need not wait longer for a play of which nothing is heard: it would do what that did.
#: It is longer than a restore waits for its seeds to start and then for the others, in which no step is a sign of life.
SAME_AGAIN_SECONDS = 2400
#: A file is called so.
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")


@dataclasses.dataclass(frozen=True)
class Controller:
    """The process of a play, as another play on the same machine can look for it.

    :param machine: the controller's name, and ``boot`` and ``processes`` what its numbers of processes belong to.
    :param started: when the process started, in ticks of its machine.
    """

    machine: str
    boot: str
    processes: str
    pid: int
    started: int


@dataclasses.dataclass(frozen=True)
class Owner:
    """Who works, or wants to.

    :param id: of the play's run, or of a module's that is run by hand.
    :param operation: what is done, such as ``backup``.
    :param works_on: a tag, or a restore's name; empty if there is none.
    :param started_by: the user, at the controller; empty if that is not known.
    :param job: where the play runs by a number, such as ``AWX job 42``.
    :param controller: ``None`` for who has no play, or one that cannot be looked for.
    :param quiet_seconds: after how long without a sign of life it is over; 0 for one process, which has none else.
    """

    id: str
    operation: str
    works_on: str = ""
    started_by: str = ""
    job: str = ""
    controller: Controller | None = None
    quiet_seconds: int = 0

    def __post_init__(self) -> None:
        """Check the id.

        :raises InputError: if it cannot be one.
        """
        if not _ID.match(self.id):
            raise InputError(f"{self.id!r} cannot be the id of a lease.", subject="lease", next_step="Leave it out.")


@dataclasses.dataclass(frozen=True)
class Instant:
    """A node's time.

    :param wall_us: its clock, which somebody may set, in microseconds since the epoch.
    :param boot: which start of the machine it is; empty where that is not known.
    :param uptime_us: since that start.
    """

    wall_us: int
    boot: str
    uptime_us: int


@dataclasses.dataclass(frozen=True)
class Lease:
    """What a node notes of who works on it.

    :param since_us: when it was taken.
    :param seen: the last sign of life.
    :param took_over: the one that it was taken over from; empty if the node was free.
    """

    owner: Owner
    since_us: int
    seen: Instant
    took_over: str = ""


@dataclasses.dataclass(frozen=True)
class Sight:
    """A lease as it is found.

    :param working: the number of a process that works for it right now; 0 if there is none.
    """

    lease: Lease
    now: Instant
    working: int

    @property
    def left_seconds(self) -> float:
        """How long it lasts without another sign of life; 0 if it is over."""
        return self.left_of(self.lease.owner.quiet_seconds)

    def left_of(self, quiet_seconds: float) -> float:
        """The same, if it lasted so long."""
        quiet = quiet_for_seconds(self.lease.seen, self.now)
        return 0.0 if quiet is None else max(0.0, quiet_seconds - quiet)

    @property
    def is_over(self) -> bool:
        """Whether whoever wants to may take it over."""
        return not self.working and self.left_seconds <= 0


LEASE = Document(
    "lease",
    Lease,
    error=LocalFilesError,
    next_step="If nobody works on this node, delete it.",
)


def quiet_for_seconds(seen: Instant, now: Instant) -> float | None:
    """How long ago something was seen; ``None`` if it is in the future, which says only that a clock was wrong.

    While the machine runs, its uptime says so, whatever becomes of its clock.
    """
    same_boot = bool(seen.boot) and seen.boot == now.boot
    ago_us = now.uptime_us - seen.uptime_us if same_boot else now.wall_us - seen.wall_us
    return None if ago_us < 0 else ago_us / 1e6


def in_the_way(found: Sight | None, wanted: Owner, *, given_up: t.Container[str] = ()) -> Sight | None:
    """What keeps a node from who wants it; ``None`` if the node can be had.

    :param given_up: the leases that may be taken over whatever they say, since their play has ended or somebody asks.
    """
    if found is None or found.is_over:
        return None
    owner = found.lease.owner
    if owner.id == wanted.id or owner.id in given_up:
        return None
    the_same = bool(wanted.works_on) and (owner.operation, owner.works_on) == (wanted.operation, wanted.works_on)
    quiet = found.left_of(min(SAME_AGAIN_SECONDS, owner.quiet_seconds)) <= 0
    return None if the_same and quiet and not found.working else found


def taken(found: Sight | None, wanted: Owner, *, now: Instant) -> Lease:
    """The lease of who takes a node; who has it keeps its beginning."""
    if found is not None and found.lease.owner.id == wanted.id:
        return dataclasses.replace(found.lease, owner=wanted, seen=now)
    return Lease(owner=wanted, since_us=now.wall_us, seen=now, took_over=found.lease.owner.id if found else "")


def renewed(lease: Lease, *, now: Instant) -> Lease:
    """The lease with another sign of life."""
    return dataclasses.replace(lease, seen=now)


def who_works(found: Sight, *, node: str) -> str:
    """Who works on a node, on what, since when, and when something was last heard of it; a sentence."""
    lease, now = found.lease, found.now
    owner = lease.owner
    what = f"{owner.operation} {owner.works_on}".strip()
    by = "".join(f", {part}" for part in (owner.started_by and f"started by {owner.started_by}", owner.job) if part)
    quiet = quiet_for_seconds(lease.seen, now)
    heard_us = lease.seen.wall_us if quiet is None else now.wall_us - round(quiet * 1e6)
    alive = f"its process {found.working} works" if found.working else f"last sign of life {_second(heard_us)}"
    return f"{node} is taken by {what}{by}, since {_second(lease.since_us)}; {alive}."


def refusal(found: Sight, wanted: Owner, *, node: str) -> BusyError:
    """Why a node cannot be had, and the ways on."""
    until = (
        "It is free when that has ended."
        if found.working or not found.left_seconds
        else f"Wait for its end; without a sign of life it is free at {_second(_free_at_us(found))}."
    )
    lost = "This play had it, and it was taken over. " if found.lease.took_over == wanted.id else ""
    return BusyError(
        f"{lost}{who_works(found, node=node)}",
        subject=node,
        next_step=f"{until} If you know that it is dead, take it over at once with "
        f"{option('take_over_lease', found.lease.owner.id)}: if it lives, that stops it half-way.",
    )


def still_works(found: Sight, *, node: str) -> BusyError:
    """Why a node that was taken over cannot be worked on yet."""
    return BusyError(
        f"{who_works(found, node=node)} It was to be taken over, but that process does not end.",
        subject=node,
        next_step="Wait for it to end, or end it; then run the same again.",
    )


def took_over(found: Sight, *, node: str) -> str:
    """What is said of a lease that was taken over."""
    return f"It was taken over: {who_works(found, node=node)}"


def described(found: Sight, *, node: str) -> dict[str, t.Any]:
    """A lease as modules return it."""
    lease, owner = found.lease, found.lease.owner
    return {
        "id": owner.id,
        "operation": owner.operation,
        "works_on": owner.works_on,
        "started_by": owner.started_by,
        "job": owner.job,
        "controller": dataclasses.asdict(owner.controller) if owner.controller else None,
        "since": format_us(lease.since_us),
        "last_sign_of_life": format_us(lease.seen.wall_us),
        "free_at": format_us(_free_at_us(found)),
        "working": bool(found.working),
        "over": found.is_over,
        "summary": who_works(found, node=node),
        "marked": refusal(found, owner, node=node).marked,
    }


def _free_at_us(found: Sight) -> int:
    return found.now.wall_us + round(found.left_seconds * 1e6)


def _second(moment_us: int) -> str:
    """A moment as far as people need it, with its zone."""
    return f"{format_us(moment_us)[:19]}Z"
