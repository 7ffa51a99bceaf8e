# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore is about, as frozen dataclasses: the nodes that are restored, what each gets, and the plan. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build, plain
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import NodeSummary
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan

IN_PLACE = "in_place"
NEW_CLUSTER = "new_cluster"
#: A node that was lost with its disk comes back as itself into its cluster, which serves.
ONE_NODE = "one_node"

_Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class DataPlace:
    """One of a node's data directories.

    :param device: the file system, as ``stat`` numbers it; directories of the same one share ``free_bytes``.
    :param free_bytes: what the user that fetches may still write there.
    :param staged_bytes: what an earlier run of the same restore has fetched into it.
    """

    path: str
    device: int
    free_bytes: int
    staged_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class PendingRestore:
    """A switch that has been begun on a node and is neither finished nor rolled back."""

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
    :param load_bytes: about what its tables take on disk, as the process says; ``None`` if that is not known.
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


@dataclasses.dataclass(frozen=True)
class TableSize:
    """What a node has of a table.

    :param table: ``<keyspace>/<table>-<id>``.
    :param files: with ``size`` bytes.
    """

    table: str
    files: int
    size: int


@dataclasses.dataclass(frozen=True)
class Assignment:
    """What one target gets: everything of one source node.

    :param tokens: the source's, which the target takes over.
    :param files: to be laid down.
    :param size: bytes on the target's disks.
    :param stored_size: bytes to fetch if none is there yet.
    :param release_version: of the target's Cassandra.
    """

    target_name: str
    source_host_id: str
    source_name: str
    source_address: str
    target_address: str
    datacenter: str
    rack: str
    tokens: tuple[str, ...]
    files: int
    size: int
    stored_size: int
    is_seed: bool
    manifest_key: str
    manifest_sha256: str
    manifest_size: int
    release_version: str = ""


@dataclasses.dataclass(frozen=True)
class RestorePlan:
    """A restore that can go well, as far as can be seen beforehand.

    :param restore_id: the same for the same backup, mode and moment, so a second run goes on where the first
        stopped.
    :param assignments: seeds first, which is the order to start in.
    :param warnings: what an operator should know and that does not stop the restore.
    :param moment: what of the commit logs is replayed on the backup; ``None`` for the backup itself.
    """

    restore_id: str
    tag: str
    mode: str
    restore_auth: bool
    cluster_id: str
    source_cluster_name: str
    target_cluster_name: str
    snapshot_began_us: int
    snapshot_ended_us: int
    assignments: tuple[Assignment, ...]
    warnings: tuple[str, ...]
    files: int
    size: int
    stored_size: int
    moment: MomentPlan | None = None

    def to_result(self) -> _Json:
        """The plan as plain values."""
        return t.cast(_Json, plain(self))

    @classmethod
    def from_result(cls, value: t.Mapping[str, t.Any]) -> RestorePlan:
        """The plan from :meth:`to_result`.

        :raises InputError: if the values are something else.
        """
        try:
            return build(cls, value)
        except PlainValueError as error:
            raise InputError(
                f"This is not the plan of a restore: {error}.",
                next_step="Give what planning returned.",
            ) from error

    @property
    def target_names(self) -> tuple[str, ...]:
        """Each target once."""
        return tuple(dict.fromkeys(each.target_name for each in self.assignments))

    def parts_of(self, target_name: str) -> tuple[RestorePlan, ...]:
        """A plan for each source whose files a target gets, with a name of its own if there are several.

        :raises InputError: if the plan does not know the target.
        """
        self.assignment_of(target_name)
        mine = [each for each in self.assignments if each.target_name == target_name]
        if len(mine) == 1:
            return (self,)
        return tuple(
            dataclasses.replace(self, restore_id=f"{self.restore_id}.{number}", assignments=(assignment,))
            for number, assignment in enumerate(mine, start=1)
        )

    def assignment_of(self, target_name: str) -> Assignment:
        """What one target gets.

        :raises InputError: if the plan does not know it.
        """
        for assignment in self.assignments:
            if assignment.target_name == target_name:
                return assignment
        raise InputError(
            f"The plan has no node {target_name}.",
            subject=target_name,
            next_step=f"It has {', '.join(self.target_names)}.",
        )


#: A node of the backup, and the one that gets what it had.
Pair = tuple[NodeSummary, TargetNode]
