# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node is missing only if all that serve see it down."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.backup.absence import Absence, absence, reasons_of


def ring(**states: str) -> list[dict[str, str]]:
    """A ring by its members' states."""
    return [
        {"host_id": f"h{name}", "state": state, "address": f"10.0.0.{name[1:]}", "datacenter": "dc1", "rack": "r1"}
        for name, state in states.items()
    ]


def seen(rings: dict[str, t.Any], **changed: t.Any) -> Absence:
    """What is made of the rings that hosts see."""
    arguments: dict[str, t.Any] = {
        "host_ids": {host: f"h{host}" if found else None for host, found in rings.items()},
        "reasons": {host: "does not answer" for host, found in rings.items() if not found},
        "addresses": {host: [f"10.0.0.{host[1:]}"] for host in rings},
        **changed,
    }
    return absence(rings=rings, **arguments)


WHOLE = ring(n1="UN", n2="UN", n3="UN")
WITHOUT_3 = ring(n1="UN", n2="UN", n3="DN")


def test_with_all_of_them_nobody_is_missing() -> None:
    assert seen(dict.fromkeys(("n1", "n2", "n3"), WHOLE)) == Absence(("n1", "n2", "n3"), (), ())


def test_a_node_that_all_others_see_down_is_missing() -> None:
    found = seen({"n1": WITHOUT_3, "n2": WITHOUT_3, "n3": None})

    assert (found.present, found.problems) == (("n1", "n2"), ())
    assert [(each.host_id, each.name, each.address, each.reason) for each in found.missing] == [
        ("hn3", "n3", "10.0.0.3", "does not answer")
    ]


def test_its_name_is_known_by_its_host_id_or_its_address_or_since_there_is_no_other() -> None:
    two_down = ring(n1="UN", n2="DN", n3="DN")
    rings = {"n1": two_down, "a": None, "b": None}

    by_address = seen(rings, addresses={"n1": (), "a": ["10.0.0.3"], "b": ["10.0.0.2"]})
    by_host_id = seen(rings, host_ids={"n1": "hn1", "a": "hn3", "b": None}, addresses={})

    assert [each.name for each in by_address.missing] == ["b", "a"]
    assert [each.name for each in by_host_id.missing] == ["b", "a"]
    assert [each.name for each in seen(rings, addresses={}).missing] == ["10.0.0.2", "10.0.0.3"]


@pytest.mark.parametrize(
    ("rings", "saying"),
    [
        (
            {"n1": WHOLE, "n2": WHOLE, "n3": None},
            "n3: does not answer; it is not left out, since n1, n2 can see it up, and clients may write to it",
        ),
        ({"n1": WITHOUT_3, "n2": WHOLE, "n3": None}, "n3: does not answer; it is not left out, since n2 can see it up"),
        (
            {"n1": WITHOUT_3, "n2": WITHOUT_3, "n3": WHOLE},
            "n3, 10.0.0.3 (hn3, dc1, r1), is seen DN by n1, DN by n2, not UN",
        ),
        ({"n1": ring(n1="UN", n2="UJ"), "n2": None}, "joins: until that is over"),
        ({"n1": ring(n1="UN", n2="DL"), "n2": None}, "leaves: until that is over"),
        ({"n1": ring(n1="UN", n2="UM"), "n2": ring(n1="UN", n2="UM")}, "moves: until that is over"),
        ({"n1": WITHOUT_3, "n2": WITHOUT_3}, "10.0.0.3 (hn3, dc1, r1) is down, and not in this play"),
        ({"n1": ring(n1="UN", n2="UN"), "n2": WHOLE, "n3": None}, "hn3 is in the ring of some nodes only"),
        ({"n1": ring(n1="UN"), "n2": None}, "n2: does not answer"),
        ({"n1": None, "n2": None}, "n1: does not answer"),
    ],
)
def test_anything_else_is_refused_with_the_reason(rings: dict[str, t.Any], saying: str) -> None:
    found = seen(rings)

    assert any(saying in problem for problem in found.problems), found.problems
    assert found.missing == ()


def test_the_reason_is_what_the_step_said() -> None:
    assert reasons_of({"n1": {"ring": [1]}, "n2": {"unreachable": True, "msg": "timed out"}}, evidence="ring") == {
        "n2": "cannot be reached: timed out"
    }
