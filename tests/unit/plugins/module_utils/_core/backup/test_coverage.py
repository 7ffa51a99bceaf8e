# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backup has that is taken while nodes are down, and when it is refused."""

from __future__ import annotations

import time

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.backup.coverage import QUORUM, degraded_backup
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replicas import RingMember
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import BackupIncompleteError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.degraded import Degraded, MissingNode

RING = tuple(RingMember(f"h{n}", "dc1", f"r{n}", (n * 1000, n * 1000 + 500)) for n in range(3))
N2 = MissingNode("h2", "n2", "10.0.0.2", "dc1", "r2")


def keyspace(name: str, **factors: int) -> str:
    """The statement that makes a keyspace; by NetworkTopologyStrategy unless it has only a factor."""
    strategy = "SimpleStrategy" if "replication_factor" in factors else "NetworkTopologyStrategy"
    pairs = "".join(f", '{where}': '{factor}'" for where, factor in factors.items())
    return f"CREATE KEYSPACE {name} WITH replication = {{'class': '{strategy}'{pairs}}} AND durable_writes = true;"


def taken(*schema: str, missing: tuple[MissingNode, ...] = (N2,), allowed: str = "covered") -> Degraded:
    """What the backup of the ring of three is without one of them."""
    gone = {each.host_id for each in missing}
    return degraded_backup(
        missing=missing,
        members=RING,
        present=[each.host_id for each in RING if each.host_id not in gone],
        schema_cql=schema,
        allowed=allowed,
    )


def test_two_of_three_replicas_have_what_a_quorum_acknowledged() -> None:
    found = taken(keyspace("shop", dc1=3))

    (shop,) = found.keyspaces
    assert (shop.keyspace, shop.replicas, shop.fewest, shop.ranges, shop.uncovered) == ("shop", 3, 2, ((2, 6),), ())
    assert shop.levels == ("LOCAL_QUORUM", "QUORUM", "EACH_QUORUM", "ALL")
    assert found.missing[0].tokens == ("2000", "2500")
    assert found.lines() == [
        "DEGRADED: taken without n2 (10.0.0.2), which was down.",
        (
            "Of the replicas of shop it has 2 of 3 in dc1: what was acknowledged at LOCAL_QUORUM, QUORUM, EACH_QUORUM "
            "or ALL is in it, what fewer replicas had acknowledged may not be."
        ),
    ]


def test_a_range_without_a_replica_is_refused_by_its_keyspace() -> None:
    with pytest.raises(BackupIncompleteError, match=r"2 of 6 ranges of one .* would have no replica") as caught:
        taken(keyspace("shop", dc1=3), keyspace("one", replication_factor=1))

    assert "Start n2" in caught.value.next_step


def test_one_of_two_replicas_is_enough_unless_each_quorum_has_to_be_there() -> None:
    two_missing = (N2, MissingNode("h1", "n1", "10.0.0.1", "dc1", "r1"))
    assert taken(keyspace("shop", dc1=2), allowed=QUORUM).keyspaces[0].counts == "1 of 2 in dc1"
    assert taken(keyspace("shop", dc1=3), missing=two_missing).keyspaces[0].levels == ("ALL",)

    with pytest.raises(BackupIncompleteError, match="acknowledged at QUORUM or LOCAL_QUORUM might not be in it"):
        taken(keyspace("shop", dc1=3), missing=two_missing, allowed=QUORUM)


def test_roles_that_only_the_missing_node_has_are_told_and_do_not_keep_a_backup_from_being_taken() -> None:
    found = taken(keyspace("shop", dc1=3), keyspace("system_auth", replication_factor=1))

    assert found.lacks_roles
    assert any("Of system_auth it has no replica of 2 of 6 ranges" in line for line in found.lines())


def test_what_no_node_shares_is_not_looked_at() -> None:
    local = "CREATE KEYSPACE system WITH replication = {'class': 'LocalStrategy'};"

    assert [each.keyspace for each in taken(local, keyspace("shop", dc1=3)).keyspaces] == ["shop"]


def test_replication_that_is_not_understood_is_refused() -> None:
    with pytest.raises(BackupIncompleteError, match="shop is not known: some of its replicas are transient"):
        taken("CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3/1'};")


@pytest.mark.parametrize(
    ("present", "members", "saying"),
    [
        (("h0",), RING, "h1 is a member of the ring, and neither in the backup nor known to be down"),
        (("h0", "h1", "h3"), RING, "h3 is not a member"),
        (("h0", "h1", "h2"), RING, "n2 is in the backup, too"),
        (("h0", "h1"), (*RING[:2], RingMember("h2", "dc1", "r2", ())), "the tokens of n2 are not known"),
    ],
)
def test_nodes_have_to_be_the_ring(present: tuple[str, ...], members: tuple[RingMember, ...], saying: str) -> None:
    with pytest.raises(BackupIncompleteError, match=saying):
        degraded_backup(missing=[N2], members=members, present=present, schema_cql=[keyspace("shop", dc1=3)])


def test_only_what_belongs_to_the_backup_has_to_be_covered() -> None:
    found = degraded_backup(
        missing=[N2],
        members=RING,
        present=["h0", "h1"],
        schema_cql=[keyspace("shop", dc1=3), keyspace("one", dc1=1)],
        holds=lambda name: name == "shop",
    )

    assert [each.keyspace for each in found.keyspaces] == ["shop"]


def test_fifty_nodes_of_256_tokens_and_a_hundred_keyspaces_take_seconds() -> None:
    ring = [
        RingMember(f"h{n}", "dc1", f"r{n % 3}", tuple(range(n * 7, 10**9, 50 * 7 * 57_200)[:256])) for n in range(50)
    ]
    schema = [keyspace(f"k{number}", dc1=2 + number % 2) for number in range(100)]
    began = time.process_time()

    found = degraded_backup(
        missing=[MissingNode("h49", "n49", "10.0.0.49", "dc1", "r1")],
        members=ring,
        present=[each.host_id for each in ring[:49]],
        schema_cql=schema,
    )

    assert len(found.keyspaces) == 100
    assert time.process_time() - began < 10
