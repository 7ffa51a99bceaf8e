# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables that were made beside others to look at: they end no window of moments, but no log has their data. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import TableImport

_NAMED = 10


def look_warnings(
    looks: t.Iterable[TableImport], *, moment_us: int, wants: t.Callable[[str], bool] | None = None
) -> tuple[str, ...]:
    """What of a moment is not as it was: tables that had been brought back beside others since its backup.

    :param looks: since the backup that the moment is reached from.
    :param wants: which tables are restored, each as ``keyspace.table``; ``None`` for all.
    """
    first: dict[str, tuple[int, str]] = {}
    for look in sorted(looks, key=lambda each: each.at_us):
        if look.at_us <= moment_us:
            for table in (name for name in look.tables if wants is None or wants(name)):
                first.setdefault(table, (look.at_us, look.detail))
    if not first:
        return ()
    names = sorted(first)
    shown = ", ".join(f"{name} (by {first[name][1]} at {format_us(first[name][0])})" for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (
        (
            "These tables were brought back beside others before the moment, and no log has what was imported into "
            f"them: {shown}{more}. They come back with only what clients have written to them since. If they are "
            "needed, restore them again."
        ),
    )
