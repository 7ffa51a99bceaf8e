# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup that something happens to at a random instant is complete and right, or it is not visible."""

from __future__ import annotations

import contextlib
import random
import shutil
import typing as t
from pathlib import Path

import pytest

from lab.distribution import CASSANDRA_5_0
from lab.node import Node
from lab.schema import KEYSPACE
from lab.small_disk import fill_disk, free_disk, small_disk
from tests.lab.instants import Act, after, kill_controller, killing_modules, play_and_at, seeded_random
from tests.lab.rehearsal import Rehearsal

pytestmark = pytest.mark.lab

_INSTANTS = 20
# So slow that what is new since the backup before takes about as long as the rest of the play.
_BYTES_PER_SECOND = 25_000
_STATE_MEBIBYTES = 64

What = tuple[t.Callable[[], bool], Act]
Kind = t.Callable[["Backups", str], What]


class Backups:
    """A rehearsal whose nodes keep the collection's state on small disks of their own, and backups that are made of it.

    :ivar kinds: what happens to each of the backups, by their numbers.
    :ivar seconds: how long a backup takes that nothing happens to.
    """

    def __init__(self, *, rehearsal: Rehearsal, chance: random.Random) -> None:
        self.rehearsal = rehearsal
        self.chance = chance
        self.nodes = rehearsal.cluster.nodes
        kinds = [*_KINDS] * (_INSTANTS // len(_KINDS))
        self.kinds = [*kinds, *chance.sample([*_KINDS], _INSTANTS - len(kinds))]
        chance.shuffle(self.kinds)
        self.seconds = self.backup("undisturbed", after(0), lambda _group: None)

    def backup(self, tag: str, instant: t.Callable[[], bool], act: Act) -> float:
        """Back up what is new, with something that happens at an instant; judge it, and return how long it took."""
        rehearsal = self.rehearsal
        rehearsal.write_more()
        run = play_and_at(
            instant,
            act,
            playbook="backup",
            inventory=rehearsal.inventory,
            directory=rehearsal.directory,
            variables={"backup_tag": tag, "backup_max_bytes_per_second": _BYTES_PER_SECOND},
        )
        for node in self.nodes:
            free_disk(_state(node))
        visible = rehearsal.is_visible(tag)
        assert visible or run.exit_status != 0, f"{tag} is called done, and is not there"
        if visible:
            self._require_right(tag)
        print(f"{tag}: exit {run.exit_status}, {'complete and right' if visible else 'not visible'}")
        return run.seconds

    def _require_right(self, tag: str) -> None:
        rehearsal = self.rehearsal
        into = f"of_{tag}"
        rehearsal.play(
            "restore_tables", restore_point=tag, restore_keyspaces=KEYSPACE, restore_into_keyspace=into
        ).require_success()
        rehearsal.require_held_by(tag, keyspace=into)
        with rehearsal.cluster.session() as session:
            session.execute(f"DROP KEYSPACE {into}")

    def snapshot_of(self, tag: str) -> list[Path]:
        """The directories of a backup's snapshot on a node that has it; none if no node has."""
        return [
            found
            for node in self.nodes
            for directory in node.data_directories
            for found in directory.glob(f"*/*/snapshots/{tag}")
        ]


def _state(node: Node) -> Path:
    return node.directory / "revive"


@pytest.fixture(scope="module")
def backups(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Backups]:
    with contextlib.ExitStack() as ending:
        rehearsal = Rehearsal(
            root=tmp_path_factory.mktemp("instants"),
            version=CASSANDRA_5_0,
            ending=ending,
            prepare=lambda cluster: [
                ending.enter_context(small_disk(_state(node), mebibytes=_STATE_MEBIBYTES)) for node in cluster.nodes
            ],
        )
        yield Backups(rehearsal=rehearsal, chance=seeded_random())


@pytest.mark.parametrize("number", range(_INSTANTS))
def test_at_a_random_instant_it_is_complete_and_right_or_not_visible(backups: Backups, number: int) -> None:
    kind = backups.kinds[number]
    tag = f"{kind}_{number}"
    backups.backup(tag, *_KINDS[kind](backups, tag))


def test_the_next_one_is_as_any_other_and_takes_away_what_the_others_left(backups: Backups) -> None:
    backups.backup("after_all", after(0), lambda _group: None)
    assert backups.rehearsal.is_visible("after_all")
    left = [name for node in backups.nodes for name in _KINDS if name in node.nodetool("listsnapshots")]
    assert not left


def _clear_all(backups: Backups, tag: str) -> What:
    node = backups.chance.choice(backups.nodes)
    return _since_its_snapshot(backups, tag), lambda _group: print(node.nodetool("clearsnapshot", "-t", tag))


def _clear_a_table(backups: Backups, tag: str) -> What:
    def clear(_group: int) -> None:
        for directory in _one_of(backups, backups.snapshot_of(tag)):
            shutil.rmtree(directory, ignore_errors=True)

    return _since_its_snapshot(backups, tag), clear


def _remove_a_file(backups: Backups, tag: str) -> What:
    def remove(_group: int) -> None:
        files = [path for directory in backups.snapshot_of(tag) for path in directory.rglob("*") if path.is_file()]
        for path in _one_of(backups, files):
            path.unlink(missing_ok=True)

    return _since_its_snapshot(backups, tag), remove


def _fill_a_disk(backups: Backups, _tag: str) -> What:
    state = _state(backups.chance.choice(backups.nodes))
    return _any_time(backups), lambda _group: fill_disk(state)


def _kill_modules(backups: Backups, _tag: str) -> What:
    return _any_time(backups), killing_modules(backups.rehearsal.directory)


def _kill_controller(backups: Backups, _tag: str) -> What:
    return _any_time(backups), kill_controller


def _any_time(backups: Backups) -> t.Callable[[], bool]:
    return after(backups.chance.uniform(0, backups.seconds))


def _since_its_snapshot(backups: Backups, tag: str) -> t.Callable[[], bool]:
    """An instant from the first moment at which there is something to be changed."""
    later = after(backups.chance.uniform(0, backups.seconds / 2))
    return lambda: bool(backups.snapshot_of(tag)) and later()


def _one_of(backups: Backups, paths: list[Path]) -> list[Path]:
    print(f"of {len(paths)}")
    return [backups.chance.choice(paths)] if paths else []


_KINDS: t.Final[dict[str, Kind]] = {
    "clear_all": _clear_all,
    "clear_a_table": _clear_a_table,
    "remove_a_file": _remove_a_file,
    "fill_a_disk": _fill_a_disk,
    "kill_modules": _kill_modules,
    "kill_controller": _kill_controller,
}
