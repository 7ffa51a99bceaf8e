# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching a node's files from the repository, while the old cluster may still serve.

What is fetched lies inside each data directory, so the switch is a matter of renames. A file gets its name there
only when its whole object has been compared with the manifest; a journal keeps which have, so a run that was
killed goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import explained, sync_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.rate_limit import RateLimit
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.workers import Workers
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import BackedUpObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import Reserve
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings, TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_objects import fetch_object
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_preparation import (
    local_manifest,
    prepare,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_run import (
    FetchRun,
    write_journal,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import (
    LOCK_NAME,
    over,
    own_state,
)

#: Objects handed to the workers in advance, for each worker.
_AHEAD = 4


@dataclasses.dataclass(frozen=True)
class FetchOutcome:
    """What was fetched.

    :param files: that are fetched now, and ``size`` their bytes.
    :param fetched_bytes: of objects as they are stored, by this run.
    :param reused_bytes: of files that an earlier run had fetched.
    """

    changed: bool
    files: int
    size: int
    fetched_bytes: int
    reused_bytes: int
    seconds: float


def fetch_backup(
    node: NodeSettings,
    store: ObjectStore,
    *,
    settings: RepositorySettings,
    wanted: journal.FetchHeader,
    manifest_key: str,
    owner: str | None,
    group: str | None,
    transfer: TransferSettings,
    reserve: Reserve,
    progress: Progress,
) -> FetchOutcome:
    """Fetch everything that one node of a backup had, verified. What is fetched already is not fetched again.

    :param wanted: of which backup and node, and which tables; where to is added here, by the node's configuration.
    :param manifest_key: of the source's node manifest.
    :param owner: user and ``group`` that Cassandra runs as; ``None`` takes those of the data directories.
    :param reserve: what stays free of each file system; reaching it ends the fetch, and what is fetched stays.
    :raises ObjectCorruptError: if an object is not what the manifest says; its files are not fetched.
    :raises ObjectMissingError: if an object is not there.
    :raises NoSpaceError: before anything is fetched, if it would not fit; later, if others have used what was free.
    :raises BusyError: if another restore is under way on the node.
    :raises StoreError, LocalFilesError, ManifestError: if store, files or manifest cannot be used.
    """
    began = time.monotonic()
    restore_id = journal.check_restore_id(wanted.restore_id)
    with node_lock(node.state_directory, name=LOCK_NAME, node=node.name):
        if not _is_needed(node, restore_id=restore_id):
            return FetchOutcome(changed=False, files=0, size=0, fetched_bytes=0, reused_bytes=0, seconds=0.0)
        manifest = local_manifest(
            node,
            store,
            settings=settings,
            restore_id=restore_id,
            key=manifest_key,
            sha256=wanted.manifest_sha256,
        )
        config = read_config(node.config_file)
        with Workers(transfer.workers, ahead=_AHEAD, name="revive-fetch") as workers:
            run = prepare(
                node,
                store,
                settings=settings,
                config=config,
                manifest=manifest,
                header=dataclasses.replace(wanted, places=data_directory.data_places(config)),
                owner=owner,
                group=group,
                reserve=reserve,
                limit=RateLimit(max_bytes_per_second=transfer.max_bytes_per_second),
                progress=progress,
                workers=workers,
            )
            with contextlib.closing(run.records):
                for _fetched in workers.in_order(functools.partial(_fetch, run), _missing(run)):
                    pass
        changed = _complete(run)
    return FetchOutcome(
        changed=changed,
        files=run.needs.files,
        size=run.needs.size,
        fetched_bytes=run.fetched_bytes,
        reused_bytes=run.needs.reused_bytes,
        seconds=time.monotonic() - began,
    )


def _is_needed(node: NodeSettings, *, restore_id: str) -> bool:
    """Whether there is anything to stage; after a switch has begun there is not.

    :raises BusyError: if another restore is under way.
    :raises NodeError: if this one has to be ended first.
    """
    state = own_state(node, restore_id=restore_id)
    if state is None or state.phase == journal.PREPARING:
        return True
    if state.phase in journal.OVER:
        raise over(node, state)
    if state.discard:
        raise NodeError(
            f"The restore {restore_id} on {node.name} was being rolled back.",
            subject=node.name,
            next_step=f"Roll it back all the way, with {option('state', 'rolled_back')}, then run it again.",
        )
    return False


def _missing(run: FetchRun) -> t.Iterator[tuple[int, BackedUpObject]]:
    """The objects that are to be fetched, numbered."""
    for number, entry in enumerate(run.entries()):
        if isinstance(entry, BackedUpObject):
            place = run.place_of(entry)
            if not all(run.is_staged(place, entry, file) for file in entry.files):
                yield number, entry


def _fetch(run: FetchRun, numbered: tuple[int, BackedUpObject]) -> None:
    number, entry = numbered
    fetch_object(run, entry, place=run.place_of(entry), number=number)


def _complete(run: FetchRun) -> bool:
    """Take away what does not belong, make names durable, and mark that all is there; whether anything changed."""
    removed = _tidy(run)
    for place in range(len(run.header.places)):
        data_directory.remove_tree(run.partials(place))
    complete = journal.FetchComplete(files=run.needs.files, size=run.needs.size, tables=run.needs.tables)
    write_journal(run, complete=complete)
    return bool(run.fetched_bytes or removed or not run.was_complete)


def _tidy(run: FetchRun) -> int:
    """Delete fetched files that are not asked for, set owner and mode of all others; how many were deleted."""
    removed = 0
    for place, owner in enumerate(run.owners):
        root = run.root(place)
        with explained("go through", root):
            for directory, _directories, names in os.walk(root, topdown=False):
                for name in names:
                    full = os.path.join(directory, name)
                    if (place, os.path.relpath(full, root)) in run.fetched:
                        data_directory.set_owner(full, owner=owner)
                    else:
                        os.unlink(full)
                        removed += 1
                if directory != root:
                    os.chmod(directory, data_directory.DIRECTORY_MODE)
                    data_directory.set_owner(directory, owner=owner)
                sync_directory(directory)
    return removed
