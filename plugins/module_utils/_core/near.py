# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a mistyped name may have been meant for. Pure."""

from __future__ import annotations

import difflib
import typing as t

_SHOWN = 3
_LIKENESS = 0.6


def near(name: str, known: t.Iterable[str]) -> tuple[str, ...]:
    """The names that there are and that are most like one that there is not; nearest first, three at most."""
    alike = {each: _likeness(name.casefold(), each.casefold()) for each in set(known)}
    found = sorted((each for each in alike if alike[each] >= _LIKENESS), key=lambda each: (-alike[each], each))
    return tuple(found[:_SHOWN])


def _likeness(name: str, other: str) -> float:
    """Of ``keyspace.table`` each has to be like the other's, or every table of a keyspace would be."""
    if name.count(".") == other.count(".") == 1:
        pairs = list(zip(name.split("."), other.split(".")))
    else:
        pairs = [(name, other)]
    return min(difflib.SequenceMatcher(a=each, b=there).ratio() for each, there in pairs)


def did_you_mean(name: str, known: t.Iterable[str]) -> str:
    """A question for the next step, with a blank behind it; empty if nothing is like it."""
    found = near(name, known)
    return f"Did you mean {' or '.join(found)}? " if found else ""
