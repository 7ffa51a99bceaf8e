# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may work on a node."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core import lease as leases
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.lease import Instant, Lease, Owner, Sight

MINUTE_US = 60_000_000
BEGAN_US = 1_795_372_923_000_000
FIRST = Owner(
    id="first", operation="backup", works_on="backup_1", started_by="ops@control", job="AWX job 42", quiet_seconds=7200
)
SECOND = Owner(id="second", operation="restore", works_on="shop-1", started_by="eve@other", quiet_seconds=7200)


def instant(minutes: float, *, boot: str = "one", clock_minutes: float | None = None) -> Instant:
    """So long after the beginning, on a machine whose clock says the same or something else."""
    wall = minutes if clock_minutes is None else clock_minutes
    return Instant(
        wall_us=BEGAN_US + round(wall * MINUTE_US), boot=boot, uptime_us=1_000_000 + round(minutes * MINUTE_US)
    )


def sight(now: Instant, *, owner: Owner = FIRST, working: int = 0) -> Sight:
    """A lease that was taken at the beginning and not heard of since."""
    return Sight(lease=Lease(owner=owner, since_us=BEGAN_US, seen=instant(0)), now=now, working=working)


def is_free(found: Sight | None, wanted: Owner = SECOND, **options: tuple[str, ...]) -> bool:
    """Whether who wants the node has it."""
    return leases.in_the_way(found, wanted, **options) is None


def test_a_node_without_a_lease_is_free() -> None:
    assert is_free(None)


def test_a_lease_keeps_others_out_until_it_has_been_quiet_for_too_long() -> None:
    assert not is_free(sight(instant(119)))
    assert is_free(sight(instant(120)))


def test_a_process_that_works_counts_as_alive_however_long_it_is_quiet() -> None:
    assert not is_free(sight(instant(60 * 24 * 7), working=4711))


def test_a_module_that_was_run_by_hand_and_killed_leaves_the_node_free() -> None:
    by_hand = Owner(id="hand", operation="cassandra_snapshot")

    assert is_free(sight(instant(0), owner=by_hand))
    assert not is_free(sight(instant(0), owner=by_hand, working=4711))


def test_the_same_play_goes_on() -> None:
    assert is_free(sight(instant(1), working=4711), FIRST)


def test_the_same_again_waits_forty_minutes_only_and_never_for_a_process_that_works() -> None:
    again = dataclasses.replace(SECOND, operation="backup", works_on="backup_1")

    assert not is_free(sight(instant(39)), again)
    assert is_free(sight(instant(40)), again)
    assert not is_free(sight(instant(40), working=4711), again)
    assert not is_free(sight(instant(40)), dataclasses.replace(again, works_on="backup_2"))


def test_what_works_on_nothing_is_never_the_same() -> None:
    nameless = dataclasses.replace(FIRST, works_on="")

    assert not is_free(sight(instant(40), owner=nameless), dataclasses.replace(nameless, id="second"))


def test_a_lease_that_is_given_up_is_taken_over_whatever_it_says() -> None:
    assert is_free(sight(instant(0), working=4711), given_up=("first",))
    assert not is_free(sight(instant(0)), given_up=("another",))


@pytest.mark.parametrize("clock_minutes", [-60 * 24 * 365, 60 * 24 * 365])
def test_while_the_machine_runs_its_clock_may_jump(clock_minutes: float) -> None:
    assert not is_free(sight(instant(119, clock_minutes=clock_minutes)))
    assert is_free(sight(instant(120, clock_minutes=clock_minutes)))


def test_after_a_start_of_the_machine_its_clock_counts() -> None:
    assert not is_free(sight(instant(-1000, boot="two", clock_minutes=119)))
    assert is_free(sight(instant(-1000, boot="two", clock_minutes=120)))


def test_a_sign_of_life_from_the_future_is_none() -> None:
    assert is_free(sight(instant(0, boot="two", clock_minutes=-1)))


def test_who_takes_over_says_from_whom_and_who_goes_on_keeps_the_beginning() -> None:
    over = leases.taken(sight(instant(120)), SECOND, now=instant(120))
    own = leases.taken(sight(instant(5)), dataclasses.replace(FIRST, works_on="more"), now=instant(5))

    assert (over.took_over, over.since_us) == ("first", instant(120).wall_us)
    assert (own.took_over, own.since_us, own.owner.works_on) == ("", BEGAN_US, "more")


def test_the_refusal_says_who_since_when_until_when_and_how_to_take_it_over() -> None:
    said = str(leases.refusal(sight(instant(30)), SECOND, node="n1"))

    assert said == (
        "n1 is taken by backup backup_1, started by ops@control, AWX job 42, since 2026-11-22T18:42:03Z; "
        "last sign of life 2026-11-22T18:42:03Z. Wait for its end; without a sign of life it is free at "
        "2026-11-22T20:42:03Z. If you know that it is dead, take it over at once with take_over_lease=first: if it "
        "lives, that stops it half-way."
    )


def test_the_refusal_names_a_process_that_works() -> None:
    said = str(leases.refusal(sight(instant(30), working=4711), SECOND, node="n1"))

    assert "its process 4711 works. It is free when that has ended." in said


def test_a_play_hears_that_its_node_was_taken_over() -> None:
    taken = leases.taken(sight(instant(1)), SECOND, now=instant(1))
    said = str(leases.refusal(Sight(lease=taken, now=instant(2), working=0), FIRST, node="n1"))

    assert said.startswith(
        "This play had it, and it was taken over. n1 is taken by restore shop-1, started by eve@other"
    )


def test_a_lease_is_read_as_it_was_written() -> None:
    controller = leases.Controller(machine="control", boot="b", processes="pid:[1]", pid=12, started=34)
    lease = Lease(owner=dataclasses.replace(FIRST, controller=controller), since_us=1, seen=instant(0), took_over="x")

    assert leases.LEASE.decode(leases.LEASE.encode(lease), subject="lease.json") == lease


def test_an_id_cannot_lead_out_of_the_directory() -> None:
    with pytest.raises(InputError, match="cannot be the id"):
        Owner(id="../x", operation="backup")
