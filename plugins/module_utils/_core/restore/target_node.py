# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that is to be restored, as frozen dataclasses that travel between hosts as plain values. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build, plain

_Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class FetchedBytes:
    """What a restore has fetched into a data directory, in bytes."""

    restore_id: str
    size: int


@dataclasses.dataclass(frozen=True)
class DataPlace:
    """One of a node's data directories.

    :param device: the file system, as ``stat`` numbers it; directories of the same one share ``free_bytes``.
    :param free_bytes: what the user that fetches may still write there.
    :param fetched: what restores that were begun have fetched into it.
    :param file_system_bytes: how large the file system is; 0 if that is not known.
    :param strangers: directories in it that are named like keyspaces, and are somebody's own.
    """

    path: str
    device: int
    free_bytes: int
    fetched: tuple[FetchedBytes, ...] = ()
    file_system_bytes: int = 0
    strangers: tuple[str, ...] = ()

    def fetched_bytes(self, restore_id: str) -> int:
        """What earlier runs of a restore have fetched into it, for whichever nodes of the backup."""
        return sum(each.size for each in self.fetched if f"{each.restore_id}.".startswith(f"{restore_id}."))


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """Something on a node by which a switch would fail, as an error would tell it.

    :param new_cluster: whether it only is one for a node of a new cluster.
    """

    message: str
    subject: str
    next_step: str
    new_cluster: bool = False


@dataclasses.dataclass(frozen=True)
class PendingRestore:
    """A switch that has been begun on a node and is neither finished nor rolled back.

    :param restore_auth: whether roles and passwords come back with it.
    """

    restore_id: str
    phase: str
    restore_auth: bool = True


@dataclasses.dataclass(frozen=True)
class KeptRestore:
    """A switch that is over on a node: ``finished``, with what was there before put aside, or ``undone``."""

    restore_id: str
    phase: str


@dataclasses.dataclass(frozen=True)
class TargetNode:
    """A node that is to be restored, as planning needs to know it. It travels between hosts as plain values.

    :param running: whether Cassandra runs on it.
    :param identity: who it is in its ring; of a node that does not run, what was last known; ``None`` if nothing is.
    :param identity_stale: whether ``identity`` is what was last known.
    :param release_version: of the installed Cassandra; ``None`` if it cannot be found out.
    :param address: under which the other nodes reach it.
    :param seeds: addresses that its configuration names, without ports.
    :param datacenter: empty if it cannot be found out, as the rack.
    :param partitioner: as configured; empty means Cassandra's default.
    :param local_system: where ``system_schema`` goes if that is none of ``data_directories``.
    :param holds_data: whether there is a table with data outside of the system keyspaces.
    :param has_system_local: whether the node's own ``system.local`` is there, in place or put aside.
    :param started_us: when the process that runs was started, to the second; ``None`` if that is not known.
    :param kept: restores that are over, and of which the node keeps what was there before or after.
    :param load_bytes: about what its tables take on disk, as the process says; ``None`` if that is not known.
    :param obstacles: by which its directories cannot be exchanged, or its configuration cannot be changed.
    """

    name: str
    running: bool
    identity: NodeIdentity | None
    identity_stale: bool
    release_version: str | None
    cluster_name: str
    address: str
    is_seed: bool
    seeds: tuple[str, ...]
    num_tokens: int | None
    datacenter: str
    rack: str
    partitioner: str
    data_directories: tuple[DataPlace, ...]
    local_system: DataPlace | None
    holds_data: bool
    has_system_local: bool
    pending: PendingRestore | None
    native_transport_port: int = 9042
    cql_address: str = ""
    started_us: int | None = None
    load_bytes: int | None = None
    kept: tuple[KeptRestore, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def places(self) -> tuple[DataPlace, ...]:
        """All directories that keyspaces go into, numbered as in backups: the one for the local system ones last."""
        return (*self.data_directories, *((self.local_system,) if self.local_system else ()))

    def to_result(self) -> _Json:
        """The facts as plain values."""
        return t.cast(_Json, plain(self))

    @classmethod
    def from_result(cls, value: t.Mapping[str, t.Any]) -> TargetNode:
        """The facts from :meth:`to_result`.

        :raises InputError: if they are something else.
        """
        try:
            return build(cls, value)
        except PlainValueError as error:
            raise InputError(
                f"These are not the facts of a node: {error}.",
                subject=str(dict(value).get("name", "")),
                next_step="Give what reading the node returned.",
            ) from error


def kept_restores(targets: t.Iterable[TargetNode]) -> frozenset[str]:
    """The names of all restores that are over on some of these nodes, and that still have something there."""
    return frozenset(kept.restore_id for target in targets for kept in target.kept)
