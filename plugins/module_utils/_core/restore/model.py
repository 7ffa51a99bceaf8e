# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a restore is about, as frozen dataclasses: what each node gets, and the plan. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build, plain
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import NodeSummary
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import DEFAULT_RESERVE
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode

IN_PLACE = "in_place"
NEW_CLUSTER = "new_cluster"
#: A node that was lost with its disk comes back as itself into its cluster, which serves.
ONE_NODE = "one_node"

_Json = dict[str, t.Any]


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
    :param schema_of: of a source that is not in the backup: the host id of the node whose schema the target gets
        instead. Everything else comes from the other nodes, by a repair. Empty if it gets all of its own.
    :param only_tables: ``<keyspace>/<table>-<id>`` of what it gets then.
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
    schema_of: str = ""
    only_tables: tuple[str, ...] = ()

    @property
    def fetched_from(self) -> str:
        """The host id of the node of the backup whose files the target gets."""
        return self.schema_of or self.source_host_id


@dataclasses.dataclass(frozen=True)
class Trial:
    """An encrypted object that has to be read, which shows whether an identity opens it.

    :param recipients: the public keys that its node's backup encrypted for, if that is known.
    """

    source_host_id: str
    source_name: str
    key: str
    recipients: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class RestorePlan:
    """A restore that can go well, as far as can be seen beforehand.

    :param restore_id: the same for the same backup, mode and moment, so a second run goes on where the first
        stopped.
    :param assignments: seeds first, which is the order to start in.
    :param warnings: what an operator should know and that does not stop the restore.
    :param moment: what of the commit logs is replayed on the backup; ``None`` for the backup itself.
    :param reserve: what stays free of each node's file systems, as the operator wrote it.
    :param signed: who has signed the backup, in a sentence; empty in plans of releases that did not say.
    :param trials: what each target has to open before it fetches; empty if nothing is encrypted.
    :param notes: what goes away and how it is reached again, in lines.
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
    reserve: str = DEFAULT_RESERVE
    trials: tuple[Trial, ...] = ()
    signed: str = ""
    notes: tuple[str, ...] = ()

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
