# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules say, in the words of the role that shows it."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core import together
from ansible_collections.revive.cassandra.plugins.plugin_utils import _role_words


def role_words(said: t.Any, role: str) -> str | list[str]:
    """Why a task failed, by its result; or marked lines as they are read."""
    if isinstance(said, t.Mapping):
        return together.reason(said, variables=_role_words.role_variables(role)) or "no reason given"
    return _role_words.role_words(said, role)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """By its name."""
        return {"role_words": role_words}
