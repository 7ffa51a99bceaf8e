# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What restores of whole nodes are called: after what they restore, so that the same again goes on where it was. Pure.

``<tag>[-at-<moment>]-<mode>-<cluster>[-<attempt>]``: a restore that is over keeps its name for as long as a node keeps
what it put aside, and the same once more is another attempt.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import MomentPlan

_NAME = re.compile(
    r"(?P<tag>.+?)(?:-at-(?P<day>\d{8})T(?P<clock>\d{6})(?P<fraction>\d{6})Z(?:-arrival)?)?"
    r"-(?:in-place|new-cluster|one-node)-[0-9a-f]{8}(?:-\d+)?\Z"
)
_ATTEMPT = re.compile(r"(-[0-9a-f]{8})-\d+\Z")


def whole_restore_id(
    *, tag: str, cluster_id: str, mode: str, moment: MomentPlan | None = None, kept: t.Container[str] = ()
) -> str:
    """The name of a restore: the same for the same backup, mode and moment; a directory and a file can be called so.

    :param kept: names of restores that are over.
    """
    what = f"{tag}-{moment.label}" if moment else tag
    first = f"{what}-{mode.replace('_', '-')}-{hashlib.sha256(cluster_id.encode()).hexdigest()[:8]}"
    attempts = itertools.chain((first,), (f"{first}-{number}" for number in itertools.count(2)))
    return next(name for name in attempts if name not in kept)


def is_same(restore_id: str, other: str) -> bool:
    """Whether two names are of the same restore, in whichever attempt."""
    return _ATTEMPT.sub(r"\1", restore_id) == _ATTEMPT.sub(r"\1", other)


def restore_point_of(restore_id: str) -> str | None:
    """What a restore of that name restores, as an operator writes it; ``None`` for a name of another kind."""
    match = _NAME.match(restore_id)
    if match is None:
        return None
    day, clock, fraction = match["day"], match["clock"], match["fraction"]
    if day is None:
        return match["tag"]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}.{fraction}Z"
