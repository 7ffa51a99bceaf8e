# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What restores of whole nodes are called: after what they restore, so that the same again goes on where it was. Pure.

``<tag>[-at-<moment>[-arrival]]-<mode>-<cluster>[-<attempt>]``: a restore that is over keeps its name for as long as a
node keeps what it put aside, and the same once more is another attempt.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import BY_ARRIVAL
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import ONE_NODE
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.point import Moment, TagPoint

_NAME = re.compile(
    r"(?P<tag>.+?)(?:-at-(?P<day>\d{8})T(?P<clock>\d{6})(?P<fraction>\d{6})Z(?P<arrival>-arrival)?)?"
    r"-(?P<mode>in-place|new-cluster|one-node)-(?P<cluster>[0-9a-f]{8})(?:-\d+)?\Z"
)


def whole_restore_id(
    *, tag: str, cluster_id: str, mode: str, moment: MomentPlan | None = None, kept: t.Container[str] = ()
) -> str:
    """The name of a restore: the same for the same backup, mode and moment; a directory and a file can be called so.

    :param kept: names of restores that are over.
    """
    what = f"{tag}-{moment.label}" if moment else tag
    first = f"{what}-{mode.replace('_', '-')}-{_cluster(cluster_id)}"
    attempts = itertools.chain((first,), (f"{first}-{number}" for number in itertools.count(2)))
    return next(name for name in attempts if name not in kept)


def is_asked_for(
    restore_id: str, *, point: TagPoint | Moment, mode: str, cut: str, cluster_id: str | None = None
) -> bool:
    """Whether a restore of that name, in whichever attempt, is the one that is asked for.

    The backup that a moment was reached from does not matter: another one may be nearer now.

    :param mode: ``in_place``, ``new_cluster`` or ``one_node``.
    :param cut: how the logs are cut at a moment.
    :param cluster_id: whose repository is meant; ``None`` if that is not known.
    """
    match = _NAME.match(restore_id)
    if match is None or match["mode"] != mode.replace("_", "-"):
        return False
    if cluster_id is not None and match["cluster"] != _cluster(cluster_id):
        return False
    if isinstance(point, TagPoint):
        return match["day"] is None and match["tag"] == point.tag
    return _written(match) == str(point) and bool(match["arrival"]) == (cut == BY_ARRIVAL)


def restore_point_of(restore_id: str) -> str | None:
    """What a restore of that name restores, as an operator writes it; ``None`` for a name of another kind."""
    match = _NAME.match(restore_id)
    if match is None:
        return None
    return _written(match) or match["tag"]


def is_by_arrival(restore_id: str) -> bool:
    """Whether its moment is cut by when the log had been shipped."""
    match = _NAME.match(restore_id)
    return match is not None and match["arrival"] is not None


def is_of_one_node(restore_id: str) -> bool:
    """Whether it brings one node back into its cluster, which serves."""
    match = _NAME.match(restore_id)
    return match is not None and match["mode"] == ONE_NODE.replace("_", "-")


def _cluster(cluster_id: str) -> str:
    return hashlib.sha256(cluster_id.encode()).hexdigest()[:8]


def _written(match: re.Match[str]) -> str | None:
    """The moment in a name as an operator writes it, which is how a moment is shown, too."""
    day, clock = match["day"], match["clock"]
    if day is None:
        return None
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}.{match['fraction']}Z"
