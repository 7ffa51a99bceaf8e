# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to restore to: a tag, ``latest``, or a moment. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import check_tag
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us

LATEST = "latest"

# With colons: what has none could be a tag.
_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})[Tt ](?P<time>\d{2}:\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d{2}:?\d{2})?\Z"
)
_LOOKS_LIKE_A_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:|\d{1,2}:\d{2}")
_EXAMPLE = "Write it as 2026-03-01T14:05:06.123456Z, or with an offset such as +02:00 instead of Z."


@dataclasses.dataclass(frozen=True)
class Latest:
    """The newest complete backup."""

    def __str__(self) -> str:
        return LATEST


@dataclasses.dataclass(frozen=True)
class TagPoint:
    """The backup of that tag."""

    tag: str

    def __str__(self) -> str:
        return self.tag


@dataclasses.dataclass(frozen=True)
class Moment:
    """Everything written at or before a moment, in microseconds since the epoch."""

    us: int

    def __str__(self) -> str:
        return format_us(self.us)


RestorePoint = t.Union[Latest, TagPoint, Moment]


def parse_restore_point(text: str) -> RestorePoint:
    """What an operator wrote as a restore point.

    :param text: a tag, ``latest``, or ISO 8601 with a zone, to the microsecond.
    :raises InputError: if it is none of them; a time without zone is refused, since it names a different moment on each
        machine.
    """
    written = text.strip()
    if written.lower() == LATEST:
        return Latest()
    match = _MOMENT.match(written)
    if match:
        return _moment(match, written=written)
    if _LOOKS_LIKE_A_TIME.search(written):
        raise InputError(f"{written!r} is not a moment that can be read.", subject=written, next_step=_EXAMPLE)
    return TagPoint(check_tag(written))


def _moment(match: re.Match[str], *, written: str) -> Moment:
    if match["zone"] is None:
        raise InputError(
            f"{written!r} has no time zone, so it is not clear which moment it is.", subject=written, next_step=_EXAMPLE
        )
    fraction = match["fraction"] or ""
    if len(fraction) > 6:
        raise InputError(
            f"{written!r} is finer than a microsecond, which Cassandra does not know.",
            subject=written,
            next_step=_EXAMPLE,
        )
    zone = "+00:00" if match["zone"] in "Zz" else match["zone"]
    if ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    try:
        moment = datetime.datetime.fromisoformat(f"{match['date']}T{match['time']}:{match['second'] or '00'}{zone}")
    except ValueError as error:
        raise InputError(f"{written!r} is not a moment: {error}.", subject=written, next_step=_EXAMPLE) from error
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    seconds = round((moment - epoch).total_seconds())
    return Moment(seconds * 1_000_000 + int(fraction.ljust(6, "0") if fraction else 0))
