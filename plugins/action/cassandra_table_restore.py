# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows how far ``cassandra_table_restore`` is while it fetches and while it compares rows."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.plugin_utils._progress_action import ProgressActionBase


class ActionModule(ProgressActionBase):
    """Only these two have something to count."""

    def is_long(self, options: t.Mapping[str, t.Any]) -> bool:
        """For the states that download and compare."""
        return options.get("state") in ("fetched", "verified")
