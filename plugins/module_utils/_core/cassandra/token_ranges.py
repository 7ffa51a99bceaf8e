# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ring of the Murmur3 partitioner cut into ranges. Pure."""

from __future__ import annotations

import typing as t

MIN_TOKEN = -(2**63)
MAX_TOKEN = 2**63 - 1

#: From after the first to the second, included.
TokenRange = tuple[int, int]


def ring_ranges(tokens: t.Iterable[int], *, at_least: int) -> tuple[TokenRange, ...]:
    """Ranges that together make the whole ring, each once, each on one set of replicas.

    :param tokens: of all nodes, in any order.
    :param at_least: larger ranges are split until there are that many, or they cannot be split.
    """
    bounds = sorted({MIN_TOKEN, MAX_TOKEN, *tokens})
    return cut(list(zip(bounds, bounds[1:])), at_least=at_least)


def cut(ranges: t.Sequence[TokenRange], *, at_least: int) -> tuple[TokenRange, ...]:
    """The same ranges, the larger ones split until there are that many, or they cannot be split."""
    widest = max(1, sum(end - start for start, end in ranges) // max(1, at_least))
    found: list[TokenRange] = []
    for start, end in ranges:
        parts = min(-(-(end - start) // widest), end - start)
        edges = [start + (end - start) * part // parts for part in range(parts + 1)]
        found += zip(edges, edges[1:])
    return tuple(found)


def merged(ranges: t.Iterable[TokenRange]) -> tuple[TokenRange, ...]:
    """The same tokens in as few ranges as there can be, sorted."""
    found: list[TokenRange] = []
    for start, end in sorted(ranges):
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)


def unwrapped(start: int, end: int) -> tuple[TokenRange, ...]:
    """A range of the ring that may wrap around, as ranges that do not."""
    if start < end:
        return ((start, end),)
    return tuple(each for each in ((start, MAX_TOKEN), (MIN_TOKEN, end)) if each[0] < each[1])


def split(token_range: TokenRange) -> tuple[TokenRange, ...]:
    """The halves of a range; the range itself if it is a single token."""
    start, end = token_range
    if end - start < 2:
        return (token_range,)
    middle = start + (end - start) // 2
    return ((start, middle), (middle, end))
