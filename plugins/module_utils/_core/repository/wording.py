# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup in one line, for people. Pure."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import (
    format_duration,
    format_size,
    format_us,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest


def backup_line(manifest: ClusterManifest) -> str:
    """A complete backup in one line."""
    totals = manifest.totals
    part = "" if manifest.whole else f"only {manifest.asked}, "
    if manifest.degraded:
        part = f"DEGRADED, without {manifest.degraded.names}, {part}"
    return (
        f"{manifest.tag}: {part}{format_us(manifest.snapshot_ended_us)}, {len(manifest.nodes)} nodes, "
        f"{len(manifest.tables)} tables, {format_size(totals.size)} in {totals.files} files, "
        f"{format_size(totals.new_stored_size)} new, "
        f"took {format_duration((manifest.completed_us - manifest.began_us) / 1e6)}"
    )
