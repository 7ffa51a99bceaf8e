# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows how far ``cassandra_backup_upload`` is while it works."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.plugin_utils._progress_action import ProgressActionBase

#: What is sent in a few seconds is not worth a module in the background, and more modules to watch it.
LITTLE_BYTES = 64 * 1024 * 1024


class ActionModule(ProgressActionBase):
    """An upload takes as long as there is something new to upload."""

    def is_long(self, options: t.Mapping[str, t.Any]) -> bool:
        """Unless the node has only little to send, without a rate limit."""
        load = options.get("load_bytes")
        return load is None or int(load) > LITTLE_BYTES or options.get("max_bytes_per_second") is not None
