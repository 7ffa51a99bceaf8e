# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that say whose clock is off."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.revive.cassandra.plugins.module_utils._core import clocks
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build


def _readings(values: t.Mapping[str, t.Any]) -> dict[str, clocks.ClockReading]:
    """Those of hosts that have answered, with the times on both sides."""
    try:
        return {name: build(clocks.ClockReading, value) for name, value in values.items() if value is not None}
    except PlainValueError as error:
        raise AnsibleFilterError(f"These are no readings of clocks: {error}") from error


def clock_warnings(values: t.Mapping[str, t.Any]) -> list[str]:
    """What is to be said of clocks that are off."""
    return clocks.clock_warnings(_readings(values))


def clock_problems(values: t.Mapping[str, t.Any]) -> list[str]:
    """Which nodes' clocks are so far apart that moments would be wrong."""
    return clocks.clock_problems(_readings(values))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By their names."""
        return {"clock_problems": clock_problems, "clock_warnings": clock_warnings}
