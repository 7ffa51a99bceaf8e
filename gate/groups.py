# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of the lab's tests: every test is in one, and in one only.

A group is what one pytest runs, with the clusters that its tests share; groups run beside each other. Those of the gate
are what `make test` runs; each of the others is a ``make test-slow GROUP=...`` of its own, in 40 minutes or less.
Collecting ``tests/lab`` fails for a test that is in no group or in two, and so does a test of the architecture.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

_ID = re.compile(r"(?P<module>[^:]*\.py)::(?P<name>[^\[]*)(?:\[(?P<case>.*)\])?", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Selection:
    """Tests of one module below ``tests/lab``.

    :ivar case: only those with this parameter: what a version or a size is called in their ids.
    :ivar named: only those whose name begins with one of these.
    :ivar but: not those whose name begins with one of these.
    """

    module: str
    case: str | None = None
    named: tuple[str, ...] = ("",)
    but: tuple[str, ...] = ()

    def has(self, test_id: str) -> bool:
        """Tell whether a test is one of these, by pytest's id of it."""
        found = _ID.fullmatch(test_id)
        if found is None or found["module"].rpartition("/")[2] != self.module:
            return False
        if self.case is not None and f"-{self.case}-" not in f"-{found['case']}-":
            return False
        return found["name"].startswith(self.named) and not (self.but and found["name"].startswith(self.but))


@dataclasses.dataclass(frozen=True)
class Group:
    """What one pytest runs.

    :ivar proves: for who chooses one.
    :ivar nodes: of Cassandra that run at once at most, staging instances included: each takes 0.8 GiB.
    :ivar minutes: about, on two quiet cores, by what its tests took one after the other; it decides who begins first.
    :ivar gate: whether `make test` runs it.
    """

    name: str
    proves: str
    tests: tuple[Selection, ...]
    nodes: int
    minutes: float
    gate: bool = False


# Of the moments: the gate has one of each kind.
_ONLY_SLOW: t.Final = ("test_another_moment_", "test_by_arrival_", "test_by_timestamp_")

GROUPS: t.Final = (
    Group(
        name="archive",
        proves="the log is shipped while agents, the spool and the store fail, and what is lost is told",
        tests=(Selection("test_archiving.py"),),
        nodes=2,
        minutes=6,
        gate=True,
    ),
    Group(
        name="archive-loss",
        proves="archiving is turned on under writes; a lost cluster loses no more than the interval and two seconds",
        tests=(Selection("test_archive_loss.py"),),
        nodes=3,
        minutes=6,
        gate=True,
    ),
    Group(
        name="moment-two-nodes",
        proves="a lost cluster of two nodes is rebuilt to the microsecond, on 5.0",
        tests=(Selection("test_moment.py", case="5.0-2", but=_ONLY_SLOW),),
        nodes=4,
        minutes=6,
        gate=True,
    ),
    Group(
        name="moment-in-place",
        proves="a node goes back to a moment in place; archiving is turned off and on",
        tests=(Selection("test_moment.py", named=("test_in_place_", "test_turning_archiving_")),),
        nodes=2,
        minutes=7,
        gate=True,
    ),
    Group(
        name="drill",
        proves="a cluster that is lost altogether is rebuilt from the bucket, encrypted, signed, to a moment, on 5.0",
        tests=(Selection("test_drill.py", case="5.0"),),
        nodes=2,
        minutes=6,
        gate=True,
    ),
    Group(
        name="hardened",
        proves="with TLS and passwords for clients, nodes and JMX: archived, backed up, lost, rebuilt to a moment",
        tests=(Selection("test_hardened.py"),),
        nodes=4,
        minutes=7,
        gate=True,
    ),
    Group(
        name="faults",
        proves="a restore in place that fails half-way leaves what was there, and the next one converges",
        tests=(Selection("test_restore_faults.py"),),
        nodes=2,
        minutes=6,
        gate=True,
    ),
    Group(
        name="oldest",
        proves="Cassandra 4.0 is backed up and restored",
        tests=(Selection("test_oldest_version.py"),),
        nodes=2,
        minutes=3,
        gate=True,
    ),
    Group(
        name="lab",
        proves="the lab itself: its clusters, its S3 server, its checker",
        tests=(Selection("test_lab_cluster.py"), Selection("test_object_store.py")),
        nodes=3,
        minutes=2,
        gate=True,
    ),
    Group(
        name="moment",
        proves="moments of a lost cluster of three nodes on 5.0, also by arrival",
        tests=(
            Selection("test_moment.py", case="5.0-3"),
            Selection("test_moment.py", case="5.0-2", named=_ONLY_SLOW),
        ),
        nodes=6,
        minutes=20,
    ),
    Group(
        name="missing-node",
        proves="a cluster that is lost after a backup without one of its nodes has what a quorum acknowledged",
        tests=(Selection("test_drill.py", named=("test_what_a_quorum_",)),),
        nodes=3,
        minutes=6,
    ),
    Group(
        name="drill-4.1",
        proves="a cluster of three nodes that is lost altogether is rebuilt from the bucket, on 4.1",
        tests=(Selection("test_drill.py", case="4.1"),),
        nodes=3,
        minutes=5,
    ),
    Group(
        name="moment-4.1",
        proves="moments of lost clusters of one and three nodes on 4.1, also by arrival",
        tests=(Selection("test_moment.py", case="4.1-1"), Selection("test_moment.py", case="4.1-3")),
        nodes=6,
        minutes=25,
    ),
    Group(
        name="staging",
        proves="a staging instance alone, on 5.0 and 4.1: the cut, damaged segments, clocks, a dead parent",
        tests=(Selection("test_staging.py"),),
        nodes=2,
        minutes=20,
    ),
    *(
        Group(
            name=f"table-modes-{series}",
            proves=f"tables at a moment and of a backup into a cluster that serves, by each mode, on {series}",
            tests=(Selection("test_table_modes.py", case=series),),
            nodes=6,
            minutes=25,
        )
        for series in ("5.0", "4.1", "4.0")
    ),
    Group(
        name="tables",
        proves="tables of a backup beside, over and in place of what is there; refusals; views",
        tests=(Selection("test_restore_tables.py"), Selection("test_table_views.py")),
        nodes=6,
        minutes=25,
    ),
    Group(
        name="table-kills",
        proves="a restore of tables that is killed in each of its phases converges",
        tests=(Selection("test_table_kills.py"),),
        nodes=6,
        minutes=20,
    ),
    Group(
        name="other-shape",
        proves="into clusters with other nodes, racks, datacenters and replicas",
        tests=(Selection("test_other_shape.py"),),
        nodes=6,
        minutes=20,
    ),
    Group(
        name="one-node",
        proves="a node that was lost with its disk comes back as itself",
        tests=(Selection("test_one_node.py"),),
        nodes=3,
        minutes=10,
    ),
    Group(
        name="two-datacenters",
        proves="a table, and all of it, back in two datacenters, and both into one",
        tests=(Selection("test_two_datacenters.py"),),
        nodes=6,
        minutes=15,
    ),
    Group(
        name="modern",
        proves="tables, and all of it, back in 5.0's newest form, with 16 tokens a node, by a role without superuser",
        tests=(Selection("test_modern.py"),),
        nodes=2,
        minutes=10,
    ),
    Group(
        name="backup-instants",
        proves="a backup that something happens to at 20 random instants is complete and right, or not visible",
        tests=(Selection("test_backup_instants.py"),),
        nodes=2,
        minutes=25,
    ),
    *(
        Group(
            name=f"restore-instants-{half}",
            proves=f"ten of twenty: killed at a random instant, then to another point, then undone ({half} half)",
            tests=(Selection("test_restore_instants.py", case=half),),
            nodes=2,
            minutes=25,
        )
        for half in ("first", "second")
    ),
    Group(
        name="quiet-loss",
        proves="a quiet cluster that is destroyed loses no more than the interval and two seconds, 25 times",
        tests=(Selection("test_quiet_loss.py"),),
        nodes=3,
        minutes=20,
    ),
)


def groups_named(names: t.Iterable[str]) -> tuple[Group, ...]:
    """The groups of these names; ``gate`` stands for all of the gate's.

    :raises ValueError: there is no group of such a name.
    """
    found: list[Group] = []
    for name in names:
        named = [group for group in GROUPS if group.name == name or (name == "gate" and group.gate)]
        if not named:
            raise ValueError(f"There is no group {name}; there are: {', '.join(group.name for group in GROUPS)}.")
        found += named
    return tuple(found)


def groups_with(test_id: str, *, groups: t.Iterable[Group] = GROUPS) -> tuple[Group, ...]:
    """The groups that have a test, by pytest's id of it: one, if all is well."""
    return tuple(group for group in groups if any(tests.has(test_id) for tests in group.tests))


def not_in_one_group(test_ids: t.Iterable[str], *, groups: t.Iterable[Group] = GROUPS) -> list[str]:
    """What is wrong with the groups of some tests; nothing if each is in one and in one only."""
    groups = tuple(groups)
    wrong = []
    for test_id in test_ids:
        names = [group.name for group in groups_with(test_id, groups=groups)]
        if len(names) != 1:
            wrong.append(f"{test_id} is in {'no group' if not names else ' and '.join(names)}")
    return wrong
