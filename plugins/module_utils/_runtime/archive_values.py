# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules say of the archive of a cluster's commit logs, as plain values."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive import report
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import Window
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us, moment_or_none


def archive(value: report.ClusterArchive) -> dict[str, t.Any]:
    """How the archive of a cluster's commit logs stands."""
    nodes = []
    for node in value.nodes:
        values = dataclasses.asdict(node)
        del values["covered_until_us"]
        values["covered_until"] = moment_or_none(node.covered_until_us)
        values["windows"] = [_window(window) for window in node.windows]
        values["gaps"] = [dataclasses.asdict(gap) for gap in node.gaps]
        nodes.append(values)
    return {"nodes": nodes, "windows": [_window(window) for window in value.windows]}


def _window(window: Window) -> dict[str, t.Any]:
    return {
        "tag": window.tag,
        "from": format_us(window.from_us),
        "until": format_us(window.until_us),
        "limited_by": window.limited_by,
        "ended_by": window.ended_by,
    }
