# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backups that a listing shows, in order, and which of them is the newest. Pure.

The order goes by the store's clock, which is one for all backups; the nodes' clocks are several, and may be off.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    BackupMissingError,
    NewestUnknownError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest, Totals
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import Signer

LATEST = "latest"
#: How far the clock of who writes may be off the store's: S3 refuses a request whose signature is further away. A
#: manifest that is so much younger than it says was written again: copied with its repository, or brought back.
MAX_WRITER_SKEW_US = 15 * 60 * 1_000_000
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class BackupInfo:
    """A backup as a list shows it.

    :param complete: whether it can be restored; then ``manifest`` is there, unless it cannot be read.
    :param node_host_ids: nodes whose manifests are there, sorted.
    :param stored_us: when its manifest was stored, by the store's clock; 0 for one that is not complete.
    :param problem: why a complete backup cannot be read; empty otherwise.
    :param signer: who has signed it; ``None`` if nobody has.
    """

    tag: str
    complete: bool
    node_host_ids: tuple[str, ...]
    stored_us: int = 0
    manifest: ClusterManifest | None = None
    problem: str = ""
    signer: Signer | None = None

    @property
    def totals(self) -> Totals | None:
        """Files and bytes: logical, in objects, and new with this backup."""
        return self.manifest.totals if self.manifest else None

    @property
    def order_us(self) -> int:
        """When it was completed, as far as that is known: of one that cannot be read, not later than this.

        The store's time of the manifest, or, where that was written again since, the time that is in it.
        """
        if self.manifest and self.stored_us - self.manifest.completed_us > MAX_WRITER_SKEW_US:
            return self.manifest.completed_us
        return self.stored_us


@dataclasses.dataclass(frozen=True)
class Newest:
    """The newest backup that fits.

    :param passed_over: newer ones that do not, newest first.
    """

    manifest: ClusterManifest
    wanted: str
    passed_over: tuple[ClusterManifest, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """That it is not the newest of all, if so."""
        if not self.passed_over:
            return ()
        newer = ", ".join(f"{each.tag} of {each.asked}" for each in self.passed_over[:_NAMED])
        if len(self.passed_over) > _NAMED:
            newer += f" and {len(self.passed_over) - _NAMED} more"
        return (f"{LATEST} is {self.manifest.tag}, the newest backup with {self.wanted}. Newer, and without: {newer}.",)


def newest_first(infos: t.Iterable[BackupInfo]) -> list[BackupInfo]:
    """The complete ones by when they were completed, then those that were begun; the tag breaks ties."""
    return sorted(infos, key=lambda info: (info.complete, info.order_us, info.tag), reverse=True)


def newest(
    infos: t.Iterable[BackupInfo], *, location: str, fits: t.Sequence[t.Callable[[ClusterManifest], bool]], wanted: str
) -> Newest:
    """The newest complete backup that fits.

    :param location: where the backups are.
    :param fits: what it has to be, best first: the second counts if there is none for the first.
    :param wanted: what that is in words.
    :raises NewestUnknownError: if one that may be newer cannot be read.
    :raises BackupMissingError: if none fits; what there is instead is named.
    """
    ordered = newest_first(infos)
    readable = [info for info in ordered if info.manifest]
    found = next((info for fit in fits for info in readable if info.manifest and fit(info.manifest)), None)
    unread = [info for info in ordered if info.problem and (found is None or _may_be_newer(info, found))]
    if unread:
        raise _unknown(unread, found, location=location)
    if found is None or found.manifest is None:
        raise _none_fits(ordered, location=location, wanted=wanted)
    newer = readable[: readable.index(found)]
    return Newest(
        manifest=found.manifest,
        wanted=wanted,
        passed_over=tuple(info.manifest for info in newer if info.manifest),
    )


def _may_be_newer(unread: BackupInfo, found: BackupInfo) -> bool:
    # In the same second, who can tell.
    return unread.order_us >= found.order_us


def _unknown(unread: t.Sequence[BackupInfo], found: BackupInfo | None, *, location: str) -> NewestUnknownError:
    named = "; ".join(
        f"{info.tag}, stored {format_us(info.stored_us)}: {info.problem.rstrip('.')}" for info in unread[:_NAMED]
    )
    if len(unread) > _NAMED:
        named += f"; and {len(unread) - _NAMED} more"
    next_step = f"Give another {option('restore_point')}, a tag or a moment."
    if found and found.manifest:
        time = format_us(found.manifest.snapshot_ended_us)
        next_step = f"The newest that can be read is of {time}: {option('restore_point', found.tag)}."
    return NewestUnknownError(
        f"Which backup in {location} is the newest is not known, since what may be it cannot be read: {named}.",
        subject=unread[0].tag,
        next_step=next_step,
    )


def _none_fits(ordered: t.Sequence[BackupInfo], *, location: str, wanted: str) -> BackupMissingError:
    readable = [info.manifest for info in ordered if info.manifest]
    if not readable:
        begun = f" {len(ordered)} were begun and not finished." if ordered else ""
        return BackupMissingError(
            f"There is no complete backup in {location}.{begun}",
            subject=LATEST,
            next_step="Check bucket and prefix, or make a backup.",
        )
    more = f" and {len(readable) - _NAMED} more" if len(readable) > _NAMED else ""
    return BackupMissingError(
        f"No complete backup in {location} has {wanted}. There is "
        f"{', '.join(f'{each.tag} of {each.asked}' for each in readable[:_NAMED])}{more}.",
        subject=LATEST,
        next_step=f"Give another {option('restore_point')}, or make a backup of it.",
    )
