# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far this machine's clock is off the store's, seen at an object that was just stored."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.clocks import Offset, stored_offset
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import StoreError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore


def ahead_of_store(store: ObjectStore, key: str, *, before_us: int, seconds: float) -> Offset | None:
    """How far the clock is ahead of the store's; ``None`` if the store does not say, which is no reason to fail.

    :param before_us: when storing the object began, and ``seconds`` how long it took.
    """
    try:
        info = store.head(key)
    except StoreError:
        return None
    if info is None or not info.modified_us:
        return None
    return stored_offset(before_us=before_us, after_us=before_us + round(seconds * 1e6), stored_us=info.modified_us)
