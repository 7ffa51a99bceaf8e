# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks ``cassandra_node_info``, and notes when it asked and had the answer, by the controller's clock."""

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Runs the module of the same name."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The module's result, with both times beside the node's own."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        asked_us = time.time_ns() // 1000
        in_background = bool(self._task.async_val) and not self._connection.has_native_async
        result.update(self._execute_module(task_vars=task_vars, wrap_async=in_background))
        if isinstance(result.get("clock"), dict):
            result["clock"].update(asked_us=asked_us, answered_us=time.time_ns() // 1000)
        return result
