# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the identity opens what a restore has to read: found out with a few objects, before anything is touched."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode, public_keys
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import LogPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    IdentityError,
    LocalFilesError,
    ObjectCorruptError,
    ObjectMissingError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import AGE, Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    parse_node_manifest_key,
    piece_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    ClusterManifest,
    NodeSummary,
    StoredObject,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan, Trial

#: The outer layer is all that has to be opened.
_SEALED = Codecs((AGE,))
_NAMED = 3


class Encrypted:
    """Of the encrypted objects that are needed of each node, the smallest and the largest.

    Compaction makes the largest the oldest, as a rule. So where recipients were changed between two backups, one is
    from before and one from after.
    """

    def __init__(self) -> None:
        self._found: dict[str, tuple[NodeSummary, StoredObject, StoredObject]] = {}

    def take(self, summary: NodeSummary, entry: BackedUpObject) -> None:
        """Look at an object of a node."""
        stored = entry.stored
        if not stored.codecs.encrypted:
            return
        _summary, least, most = self._found.get(summary.node.host_id, (summary, stored, stored))
        least, most = min(least, stored, key=_size), max(most, stored, key=_size)
        self._found[summary.node.host_id] = (summary, least, most)

    def trials(self) -> tuple[Trial, ...]:
        """What to try."""
        return tuple(
            Trial(host_id, summary.node.name, key, summary.recipients)
            for host_id, (summary, least, most) in self._found.items()
            for key in dict.fromkeys((least.key, most.key))
        )


def _size(stored: StoredObject) -> int:
    return stored.size


def manifest_trials(manifest: ClusterManifest) -> tuple[Trial, ...]:
    """The node manifests that are encrypted, as earlier releases left them."""
    parsed = ((each, parse_node_manifest_key(each.manifest_key)) for each in manifest.nodes)
    return tuple(
        Trial(each.node.host_id, each.node.name, each.manifest_key, each.recipients)
        for each, key in parsed
        if key and key[2].encrypted
    )


def log_trials(plan: LogPlan) -> tuple[Trial, ...]:
    """What to try of the logs that are replayed: of each the first and the last encrypted piece."""
    found = []
    for node in plan.nodes:
        pieces = [piece for each in node.segments for piece in each.pieces if piece.codecs.encrypted]
        keys = dict.fromkeys(piece_key(node.host_id, piece) for piece in (*pieces[:1], *pieces[-1:]))
        found += [Trial(node.host_id, node.name, key) for key in keys]
    return tuple(found)


def why_closed(
    store: ObjectStore, trials: t.Sequence[Trial], *, identity_file: str | None, here: str
) -> list[ReviveError]:
    """Why something that has to be read cannot be opened here; empty if all that is tried can.

    :param here: the host that the identity has to be on, for messages.
    :raises StoreError: if the store does not answer.
    """
    if not trials:
        return []
    if not identity_file:
        return [_none_given(trials, here=here)]
    try:
        mine = public_keys(identity_file)
    except (IdentityError, LocalFilesError) as error:
        return [type(error)(f"On {here}: {error.message}", subject=error.subject, next_step=error.next_step)]
    reasons: list[ReviveError] = []
    closed: list[Trial] = []
    for trial in trials:
        try:
            _open(store, trial.key, identity_file=identity_file)
        except IdentityError:
            closed.append(trial)
        except ObjectMissingError as error:
            reasons.append(error)
        except ObjectCorruptError as error:
            reasons.append(_damaged(trial, error))
    return reasons + ([_wrong(closed, identity_file=identity_file, mine=mine, here=here)] if closed else [])


def check_opens(plan: RestorePlan, store: ObjectStore, *, identity_file: str | None, node_name: str) -> None:
    """Try on a node what it will fetch.

    :raises ReviveError: the first reason why it cannot be opened.
    """
    sources = {each.fetched_from for each in plan.assignments if each.target_name == node_name}
    mine = [trial for trial in plan.trials if trial.source_host_id in sources]
    for reason in why_closed(store, mine, identity_file=identity_file, here=node_name):
        raise reason


def _open(store: ObjectStore, key: str, *, identity_file: str) -> None:
    with contextlib.ExitStack() as ending:
        stream = decode(store.get_stream(key), _SEALED, identity_file=identity_file, what=key)
        ending.callback(getattr(stream, "close", lambda: None))
        next(stream, None)


def _damaged(trial: Trial, error: ObjectCorruptError) -> ObjectCorruptError:
    return ObjectCorruptError(
        f"The object {trial.key} of {trial.source_name} cannot be opened. {error.message}",
        subject=trial.key,
        next_step="Bring it back from a copy of the repository, or choose another restore point.",
    )


def _none_given(trials: t.Sequence[Trial], *, here: str) -> IdentityError:
    return IdentityError(
        f"The data of {_sources(trials)} is encrypted{_recipients(trials)}, and no identity is given to open it on "
        f"{here}.",
        subject="identity_file",
        next_step="Put a file with the identity of one of its recipients on every node that restores, and name it in "
        f"{option('repository.identity_file')}.",
    )


def _wrong(closed: t.Sequence[Trial], *, identity_file: str, mine: t.Sequence[str], here: str) -> IdentityError:
    has = f" The file has the identity of {', '.join(mine)}." if mine else ""
    return IdentityError(
        f"{identity_file} on {here} does not open the data of {_sources(closed)}, such as {closed[0].key}, which is "
        f"encrypted{_recipients(closed)}.{has}",
        subject=identity_file,
        next_step="Put the identity of one of its recipients there. The file may hold several, one a line: what an "
        "earlier backup has uploaded is encrypted for the recipients of then.",
    )


def _sources(trials: t.Sequence[Trial]) -> str:
    names = list(dict.fromkeys(trial.source_name for trial in trials))
    more = f" and {len(names) - _NAMED} more nodes" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _recipients(trials: t.Sequence[Trial]) -> str:
    """For whom their backup was encrypted; what an earlier one has brought may be for others."""
    keys = dict.fromkeys(key for trial in trials for key in trial.recipients)
    return f" for {', '.join(keys)}" if keys else ""
