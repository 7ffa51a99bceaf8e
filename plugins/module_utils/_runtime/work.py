# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who works on a module's node: its play or, for as long as it runs, the module itself."""

from __future__ import annotations

import contextlib
import platform
import secrets
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.leases import NodeLeases
from ansible_collections.revive.cassandra.plugins.module_utils._core import lease as leases
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BusyError, InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.lease import Controller, Owner
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import Progress

LOOK_SECONDS = 5.0
_Params = t.Mapping[str, t.Any]


class NodeWork:
    """What one run of a module has to do with the lease of its node.

    :param module: its name, which is its operation when it is run by hand.
    """

    def __init__(self, params: _Params, *, module: str) -> None:
        self._given: _Params | None = params["lease"]
        self._given_up = frozenset(params["take_over_lease"])
        self._node: str = params["node_name"] or platform.node()
        self._module = module
        self._leases = NodeLeases(params["state_directory"], node=self._node)
        self._taken = ""
        self._had = False

    @contextlib.contextmanager
    def going_on(self, works_on: str | None) -> t.Iterator[str]:
        """Have the node where something is done to it; otherwise give only a sign of life for the play.

        :param works_on: what is worked on; ``None`` if nothing is done to the node.
        :yields: what is to be said of a lease that was taken over; empty if none was.
        :raises BusyError: if another play works on the node.
        :raises InputError: if the lease's options cannot be used.
        """
        if self._given is None and works_on is None:
            yield ""
            return
        owner = self._owner(works_on or "")
        with contextlib.ExitStack() as ending:
            if self._given is None or self._given["gives_back"]:
                ending.callback(self._leases.give_back, owner.id)
            if works_on is None:
                ending.enter_context(self._leases.kept(owner.id))
                yield ""
                return
            given_up = self._given_up.union(self._given["ended"] if self._given else ())
            before = ending.enter_context(self._leases.taken(owner, given_up=given_up))
            self._taken, self._had = owner.id, before is not None and before.lease.owner.id == owner.id
            yield "" if before is None or self._had else leases.took_over(before, node=self._node)

    def watched(self, progress: Progress) -> Progress:
        """The same progress, which stops the operation when its lease has been taken over."""
        return WatchedProgress(progress, leases=self._leases, owner_id=self._taken) if self._taken else progress

    def look(self) -> dict[str, t.Any] | None:
        """Who works on the node; ``None`` if nobody does."""
        found = self._leases.look()
        return None if found is None else leases.described(found, node=self._node)

    def is_new(self) -> bool:
        """Whether the play has the node only since now, or in check mode would."""
        return not (self._had if self._taken else self.has())

    def give_back(self) -> bool:
        """End the play's lease, or those that were given to take over; whether the node had one."""
        # A node has one lease only.
        return any(self._leases.give_back(owner_id) for owner_id in self._ids())

    def has(self) -> bool:
        """Whether :meth:`give_back` would end one."""
        return any(self._leases.is_of(owner_id) for owner_id in self._ids())

    def _ids(self) -> list[str]:
        return [*([self._given["id"]] if self._given else ()), *self._given_up]

    def _owner(self, works_on: str) -> Owner:
        given = self._given
        if given is None:
            return Owner(id=secrets.token_hex(8), operation=self._module, works_on=works_on, started_by="hand")
        if given["lease_minutes"] < 1:
            raise InputError(
                f"{option('lease.lease_minutes')} is {given['lease_minutes']}.",
                subject="lease.lease_minutes",
                next_step="Give at least 1.",
            )
        try:
            controller = build(Controller, given["controller"]) if given["controller"] else None
        except PlainValueError as error:
            raise InputError(f"This is not the controller of a lease: {error}.", subject="lease") from error
        return Owner(
            id=given["id"],
            operation=given["operation"],
            works_on=works_on or given["works_on"],
            started_by=given["started_by"],
            job=given["job"],
            controller=controller,
            quiet_seconds=given["lease_minutes"] * 60,
        )


class WatchedProgress:
    """Progress of an operation that ends when its node was taken over.

    :raises BusyError: from ``advance``, a few seconds after that.
    """

    def __init__(
        self,
        inner: Progress,
        *,
        leases: NodeLeases,
        owner_id: str,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._leases = leases
        self._owner_id = owner_id
        self._clock = clock
        self._looked_at = clock()

    def begin(self, *, activity: str, total_bytes: int, total_files: int) -> None:
        """Say what begins and how much there is."""
        self._inner.begin(activity=activity, total_bytes=total_bytes, total_files=total_files)

    def advance(self, *, transferred_bytes: int = 0, files: int = 0) -> None:
        """Say what has been done since the last call.

        :raises BusyError: when another play has taken the node over.
        """
        self._inner.advance(transferred_bytes=transferred_bytes, files=files)
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            if not self._leases.is_of(self._owner_id):
                raise BusyError(
                    "This node was taken over by another operation, so this one stopped half-way.",
                    subject=self._owner_id,
                    next_step="See who works with cassandra_node_info; when that has ended, run the same again.",
                )
