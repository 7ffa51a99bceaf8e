# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether nodes are those that were backed up, or copies of their machines. Pure.

Host ids tell clusters apart, and a copy of a machine has that of the original. Nodes may be added, removed and
replaced between two backups, all but one of them even: then there are new host ids, and the others stay where they are.
What was copied is elsewhere, all of it, since two machines cannot have one address. So one node that is known and where
it was shows that this is the cluster. If all that are known are elsewhere, they were copied or moved: nobody can tell
which but the operator, who says it once, by an address that the next backup makes an old one.

What cannot be told: a copy in a network of its own, under the addresses of the original.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import WrongClusterError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option

#: The option that says that a cluster has moved.
MOVED_FROM = "repository.moved_from"
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Sighting:
    """Where the newest backup that has a node had it.

    :param now: the node's address now.
    """

    host_id: str
    name: str
    address: str
    tag: str
    at_us: int
    now: str

    @property
    def is_there_still(self) -> bool:
        """Whether it is where it was."""
        return _plain(self.address) == _plain(self.now)


def why_copied(
    sightings: t.Sequence[Sighting], *, members: int, location: str, moved_from: str | None
) -> WrongClusterError | None:
    """Why nodes may be copies of those that were backed up; ``None`` if they are those, or there is nothing to tell by.

    :param sightings: of all members that some backup has.
    :param members: how many nodes the cluster has.
    :param moved_from: where the operator says that the cluster was.
    """
    if not sightings or any(each.is_there_still for each in sightings):
        return None
    if moved_from and _plain(moved_from) in {_plain(each.address) for each in sightings}:
        return None
    newest_first = sorted(sightings, key=lambda each: (-each.at_us, each.name))
    named = "; ".join(
        f"{each.host_id}, now at {each.now}, was {each.name} at {each.address} in {each.tag} of {format_us(each.at_us)}"
        for each in newest_first[:_NAMED]
    )
    more = f"; and {len(sightings) - _NAMED} more" if len(sightings) > _NAMED else ""
    return WrongClusterError(
        f"Of this cluster's {members} nodes {len(sightings)} were backed up to {location}, each at another address: "
        f"{named}{more}. They are copies of the machines that were backed up, or these were moved.",
        subject=location,
        next_step="Give a cluster of copies a prefix of its own. If the machines were moved, and none is left at the "
        f"old addresses, say so for one run: {option(MOVED_FROM, newest_first[0].address)}.",
    )


def _plain(address: str) -> str:
    """An address in the one form that all of its spellings have."""
    try:
        return str(ipaddress.ip_address(address.strip("[]")))
    except ValueError:
        return address.lower()
