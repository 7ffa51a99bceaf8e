# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore that is killed at a random instant, then one to another point, then ``undo``: one state each time."""

from __future__ import annotations

import contextlib
import re
import typing as t

import pytest

from lab.checker import check
from lab.distribution import CASSANDRA_5_0
from lab.playbook import PlaybookRun
from lab.truth import now_us
from tests.lab.instants import after, kill_controller, killing_modules, play_and_at, seeded_random
from tests.lab.rehearsal import TAG, Rehearsal

pytestmark = pytest.mark.lab

_INSTANTS = 20
_OTHER = "taken_later"
_PRESENT = "the present"
_PLAYBOOK = "disaster_recovery"


class Points:
    """A cluster with two backups and a present after them, none of which is like another; nobody writes any more.

    :ivar seconds: how long a restore takes that nothing happens to.
    """

    def __init__(self, *, rehearsal: Rehearsal) -> None:
        self.rehearsal = rehearsal
        rehearsal.play("backup", backup_tag=_OTHER).require_success()
        rehearsal.write_more()
        self._until_us = {TAG: rehearsal.began_us(TAG), _OTHER: rehearsal.began_us(_OTHER), _PRESENT: now_us()}
        self.chance = seeded_random()
        assert self.state() == _PRESENT
        self.seconds = self.restore(TAG).require_success().seconds
        assert self.state() == TAG
        self.undo_all()

    def state(self) -> str:
        """Which of the three states the cluster serves, to the microsecond."""
        self.rehearsal.cluster.wait_until_settled()
        truth = self.rehearsal.truth()
        with self.rehearsal.cluster.session() as session:
            found = {
                name: check(session, truth, until_us=until_us, exact=True) for name, until_us in self._until_us.items()
            }
        right = [name for name, result in found.items() if result.ok]
        assert len(right) == 1, "\n".join(f"{name}: {result.summary()}" for name, result in found.items())
        return right[0]

    def restore(self, point: str) -> PlaybookRun:
        """Restore to a backup."""
        return self._play(restore_point=point, restore_confirm_cluster=self.rehearsal.cluster.cluster_name)

    def undo(self, restore_id: str) -> None:
        """Undo a restore."""
        self._play(restore_action="undo", restore_id=restore_id).require_success()

    def undo_all(self) -> None:
        """Undo, the newest first, until the present is back: at most the killed one had ended, and the other one."""
        for _ in range(2):
            self.undo(self.finished()[-1])
            state = self.state()
            if state == _PRESENT:
                return
            assert state == TAG, "undoing a restore has to lead to what was there before it"
        raise AssertionError("the present did not come back")

    def finished(self) -> list[str]:
        """The restores that are finished on every node and keep what was there before them."""
        said = self._play(restore_action="status").require_success().output
        nodes = len(self.rehearsal.cluster.nodes)
        found: dict[str, int] = {}
        name = ""
        for line in said.splitlines():
            begins = re.search(r"(\S+) restores \S+:", line)
            name = begins[1] if begins else name
            found[name] = found.get(name, 0) + len(re.findall(r"\S+: finished, ", line))
        return [name for name, number in found.items() if number == nodes]

    def _play(self, **variables: t.Any) -> PlaybookRun:
        run = self.rehearsal.play(_PLAYBOOK, **variables)
        print(run.output)
        return run


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Points]:
    with contextlib.ExitStack() as ending:
        yield Points(
            rehearsal=Rehearsal(root=tmp_path_factory.mktemp("instants"), version=CASSANDRA_5_0, ending=ending)
        )


@pytest.mark.parametrize(
    "number", [pytest.param(n, id=f"{'first' if n % 2 else 'second'}-{n}") for n in range(_INSTANTS)]
)
def test_killed_at_a_random_instant_then_to_another_point_then_undone(points: Points, number: int) -> None:
    rehearsal = points.rehearsal
    play_and_at(
        after(points.chance.uniform(0, points.seconds)),
        kill_controller if number % 4 < 2 else killing_modules(rehearsal.directory),
        playbook=_PLAYBOOK,
        inventory=rehearsal.inventory,
        directory=rehearsal.directory,
        variables=rehearsal.restore_variables,
    )
    _to_the_other_point(points)
    points.undo_all()


def _to_the_other_point(points: Points) -> None:
    run = points.restore(_OTHER)
    if run.exit_status == 0:
        assert points.state() == _OTHER
        return
    # It is refused for the one that was killed, with both ways on. One of them:
    assert "Nothing has been touched" in run.output, run.output
    begun = re.search(r"give restore_action=undo and restore_id=(\S+) to revive", run.output)
    assert begun, run.output
    points.undo(begun[1])
    assert points.state() == _PRESENT
    points.restore(_OTHER).require_success()
    assert points.state() == _OTHER
