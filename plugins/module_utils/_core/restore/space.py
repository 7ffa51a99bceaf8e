# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what is restored fits, and what stays free beside it for the Cassandra that serves. Pure.

On a file system that is full, Cassandra can neither compact nor, where its log is on it, take a write.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NoSpaceError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_size
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import NodeSummary
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.target_node import TargetNode

#: What stays free of each file system unless somebody says otherwise: the larger of both.
DEFAULT_RESERVE = "5%,1GiB"
_PART = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|B|KiB|MiB|GiB|TiB)?\Z")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclasses.dataclass(frozen=True)
class Reserve:
    """What stays free of a file system: the largest of all that was said.

    :param size: in bytes.
    :param percent: of the file system.
    """

    size: int = 0
    percent: float = 0.0

    def of(self, file_system_bytes: int) -> int:
        """In bytes, of a file system of that size; 0 if that is not known."""
        return max(self.size, int(file_system_bytes * self.percent / 100))


NOTHING = Reserve()


def parse_reserve(text: str) -> Reserve:
    """What an operator wrote: percents, sizes, or several with commas between them.

    :raises InputError: if it is something else.
    """
    sizes, percents = [0], [0.0]
    for part in text.split(",") if text.strip() else ():
        match = _PART.match(part.strip())
        if match is None or (match["unit"] == "%" and float(match["number"]) >= 100):
            raise InputError(
                f"{text!r} does not say how much stays free.",
                subject="reserve",
                next_step=f"Write {option('reserve')} as 5%, 20GiB, or {DEFAULT_RESERVE} for the larger of both.",
            )
        if match["unit"] == "%":
            percents.append(float(match["number"]))
        else:
            sizes.append(int(float(match["number"]) * 1024 ** _UNITS.index(match["unit"] or "B")))
    return Reserve(size=max(sizes), percent=max(percents))


def space_reasons(
    target: TargetNode, *, restore_id: str, source: NodeSummary, reserve: Reserve, work_bytes: int
) -> t.Iterator[ReviveError]:
    """What is missing on each file system; data directories on the same one are added up.

    :param restore_id: what has been fetched for it needs no more space.
    :param reserve: what stays free of each.
    :param work_bytes: that a staging instance needs, in the first of them.
    """
    needed: dict[int, int] = {}
    free: dict[int, int] = {}
    kept: dict[int, int] = {}
    paths: dict[int, list[str]] = {}
    for place, size in zip(target.places, sizes_per_directory(source, len(target.places))):
        needed[place.device] = needed.get(place.device, 0) + max(0, size - place.fetched_bytes(restore_id))
        free[place.device] = min(free.get(place.device, place.free_bytes), place.free_bytes)
        kept[place.device] = reserve.of(place.file_system_bytes)
        paths.setdefault(place.device, []).append(place.path)
    if target.places:
        needed[target.places[0].device] += work_bytes
    for device, bytes_needed in needed.items():
        # Where nothing is to come, what is free does not get less.
        if bytes_needed and bytes_needed + kept[device] > free[device]:
            yield no_space(target.name, below=paths[device], needed=bytes_needed, kept=kept[device], free=free[device])


def no_space(name: str, *, below: t.Iterable[str], needed: int, kept: int, free: int) -> NoSpaceError:
    """What a node lacks of a file system, before anything is fetched."""
    return NoSpaceError(
        f"{name} needs {format_size(needed)} below {', '.join(below)}, where {format_size(kept)} have to stay free for "
        f"Cassandra, and has {format_size(free)} free.",
        subject=name,
        next_step=f"Free {format_size(needed + kept - free)}: the old data stays until the restore is finished. "
        f"Snapshots that nobody needs are a good start. {option('reserve')} says how much has to stay free.",
    )


def reserve_reached(
    name: str, *, below: str, kept: int, free: int, to_come: int | None = None, done: str = ""
) -> NoSpaceError:
    """That a fetch stopped, because what has to stay free is reached.

    :param to_come: bytes that the fetch still needs there, if that is known.
    :param done: what has been fetched.
    """
    needs = "" if to_come is None else f"{format_size(to_come)} are still to come. "
    return NoSpaceError(
        f"{name} has {format_size(free)} free below {below}, where {format_size(kept)} have to stay free for "
        f"Cassandra, so the fetch has stopped. {needs}{done}".strip(),
        subject=name,
        next_step=f"Free {format_size((to_come or 0) + kept - free)}, then run it again: it goes on from there. "
        f"{option('reserve')} says how much has to stay free.",
    )


def sizes_per_directory(source: NodeSummary, count: int) -> tuple[int, ...]:
    """How many bytes each of ``count`` data directories gets: as at the source, or evenly spread."""
    if len(source.data_directory_sizes) == count:
        return source.data_directory_sizes
    total = sum(source.data_directory_sizes)
    return tuple(-(-total // count) for _each in range(count)) if count else ()
