# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moments, sizes and durations as people read them. Pure."""

from __future__ import annotations

import datetime


def format_us(moment_us: int) -> str:
    """A moment in UTC as ISO 8601 with microseconds."""
    seconds, microseconds = divmod(moment_us, 1_000_000)
    whole = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{microseconds:06d}Z"


def moment_or_none(moment_us: int) -> str | None:
    """A moment as :func:`format_us` has it; ``None`` for 0, which is never."""
    return format_us(moment_us) if moment_us else None


_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def format_size(size: float) -> str:
    """``412.3 MiB``, ``17 B``."""
    if size < 1024:
        return f"{int(size)} B"
    scaled = float(size)
    for unit in _UNITS:
        scaled /= 1024
        if scaled < 1024:
            return f"{scaled:.1f} {unit}"
    return f"{scaled:.1f} {_UNITS[-1]}"


def format_duration(seconds: float) -> str:
    """``0:17``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_ago(moment_us: int, *, now_us: int) -> str:
    """How long ago a moment was: ``4:42 min``, ``3:04:42 h``, or in days."""
    seconds = max(0, now_us - moment_us) / 1e6
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.1f} days"
    return f"{format_duration(seconds)} {'h' if round(seconds) >= 3600 else 'min'}"
