# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before a fetch: whose manifest it goes by, where everything goes, what is there, and whether the rest fits."""

from __future__ import annotations

import hashlib
import itertools
import os

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import data_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import NodeConfig
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    ensure_directory,
    explained,
    file_sha256,
    remove_if_there,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.rate_limit import RateLimit
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.workers import Workers
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    ManifestError,
    ObjectCorruptError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import parse_node_manifest_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import read_node_manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    NodeManifestHeader,
    TableEntry,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal, placement
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import Reserve, no_space
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_run import (
    FetchNeeds,
    FetchRun,
    begin_journal,
    load_journal,
    make_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import manifest_path

#: What journal and directories take.
_RESERVE_BYTES = 16 * 1024 * 1024


def prepare(
    node: NodeSettings,
    store: ObjectStore,
    *,
    settings: RepositorySettings,
    config: NodeConfig,
    manifest: str,
    header: journal.FetchHeader,
    owner: str | None,
    group: str | None,
    reserve: Reserve,
    limit: RateLimit,
    progress: Progress,
    workers: Workers,
) -> FetchRun:
    """Decide where everything goes, see what is there, and that the rest fits."""
    run = FetchRun(
        node=node,
        store=store,
        settings=settings,
        header=header,
        manifest=manifest,
        owners=[data_directory.resolve_owner(owner=owner, group=group, like=place) for place in header.places],
        reserve=reserve,
        limit=limit,
        progress=progress,
        workers=workers,
    )
    separate = len(header.places) > len(config.data_file_directories)
    run.places = placement.Places(
        data=len(config.data_file_directories), local=len(header.places) - 1 if separate else 0
    )
    source = _source(run)
    if source.data_directories != len(header.places):
        run.chosen = placement.spread(
            (entry for entry in run.entries() if isinstance(entry, BackedUpObject)), places=run.places
        )
    load_journal(run)
    run.needs = _needs(run)
    _check_space(run)
    _make_staging(run)
    begin_journal(run)
    progress.begin(activity="fetching", total_bytes=run.needs.size, total_files=run.needs.files)
    progress.advance(transferred_bytes=run.needs.reused_bytes, files=run.needs.reused_files)
    return run


def local_manifest(
    node: NodeSettings, store: ObjectStore, *, settings: RepositorySettings, restore_id: str, key: str, sha256: str
) -> str:
    """The path of the node manifest, fetched unless it is there, and compared with its hash before it is believed."""
    path = manifest_path(node, restore_id=restore_id)
    ensure_directory(os.path.dirname(path))
    if os.path.exists(path) and file_sha256(path) == sha256:
        return path
    parsed = parse_node_manifest_key(key)
    if parsed is None:
        raise ManifestError(f"{key} is not the key of a node manifest.", subject=key)
    digest = hashlib.sha256()
    temporary = f"{path}.new"
    with explained("write", temporary), open(temporary, "wb") as file:
        for chunk in decode(store.get_stream(key), parsed[2], identity_file=settings.identity_file, what=key):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != sha256:
        remove_if_there(temporary)
        raise ObjectCorruptError(
            f"The node manifest {key} is not the one that the backup's manifest names.",
            subject=key,
            next_step="Bring the object back from a copy of the repository, or restore another backup.",
        )
    with explained("write", path):
        os.replace(temporary, path)
    return path


def _source(run: FetchRun) -> NodeManifestHeader:
    """The manifest's header, compared with what is to be restored."""
    with explained("read", run.manifest), open(run.manifest, "rb") as lines:
        header = next(read_node_manifest(itertools.islice(lines, 1), subject=run.manifest), None)
    if (
        not isinstance(header, NodeManifestHeader)
        or header.tag != run.header.tag
        or header.node.host_id != run.header.source_host_id
    ):
        raise ManifestError(
            f"The node manifest is not that of {run.header.source_host_id} in the backup {run.header.tag}.",
            subject=run.header.source_host_id,
            next_step="Plan again.",
        )
    return header


def _needs(run: FetchRun) -> FetchNeeds:
    """Count everything, and check every name, before anything is written.

    :raises ManifestError: if two different files would get one name.
    """
    needs = FetchNeeds()
    seen: dict[tuple[int, str], str] = {}
    for entry in run.entries():
        if isinstance(entry, TableEntry):
            placement.table_path(entry.table)
            needs.tables += 1
            continue
        if not entry.files or (not entry.packed and len(entry.files) != 1):
            raise ManifestError(f"The manifest lists {entry.stored.key} without its file.", subject=entry.stored.key)
        if not entry.packed and entry.files[0].sha256 != entry.stored.sha256:
            raise ManifestError(
                f"The manifest has two hashes for {entry.stored.key}, which holds one file.", subject=entry.stored.key
            )
        if entry.stored.contradicts_itself:
            raise ManifestError(f"The manifest gives {entry.stored.key} an impossible size.", subject=entry.stored.key)
        place = run.place_of(entry)
        if not 0 <= place < run.places.count:
            raise ManifestError(f"The manifest names a data directory {place}.", subject=entry.stored.key)
        for file in entry.files:
            path = placement.file_path(entry.table, file.path)
            if seen.setdefault((place, path), file.sha256) != file.sha256:
                raise ManifestError(
                    f"The manifest has the file {path} twice.", subject=path, next_step="Choose another backup."
                )
            needs.files += 1
            needs.size += file.size
            if run.is_staged(place, entry, file):
                needs.reused_files += 1
                needs.reused_bytes += file.size
            else:
                needs.missing[place] = needs.missing.get(place, 0) + file.size
    if len(seen) != needs.files:
        raise ManifestError("The manifest lists a file twice.", subject=run.manifest)
    # What is fetched and no longer asked for must not count as fetched.
    run.fetched = {key: record for key, record in run.fetched.items() if seen.get(key) == record.sha256}
    return needs


def _check_space(run: FetchRun) -> None:
    """:raises NoSpaceError: if what is missing does not fit; directories on one file system are added up."""
    needed: dict[int, int] = {}
    free: dict[int, int] = {}
    kept: dict[int, int] = {}
    below: dict[int, list[str]] = {}
    for place, missing in run.needs.missing.items():
        found = data_directory.file_system(run.header.places[place])
        needed[found.device] = needed.get(found.device, _RESERVE_BYTES) + missing
        free[found.device], kept[found.device] = found.free_bytes, run.reserve.of(found.size_bytes)
        below.setdefault(found.device, []).append(run.header.places[place])
    for device, bytes_needed in needed.items():
        if bytes_needed + kept[device] > free[device]:
            raise no_space(
                run.node.name, below=below[device], needed=bytes_needed, kept=kept[device], free=free[device]
            )


def _make_staging(run: FetchRun) -> None:
    """The directories for all tables, also for those without data; what was begun and not named goes.

    In each data directory, as Cassandra has them: those that are missing it makes itself, with the mode of its umask.
    """
    for number, place in enumerate(run.header.places):
        like = data_directory.resolve_owner(owner=None, group=None, like=place)
        if not os.path.isdir(place):
            with explained("make the directory", place):
                os.makedirs(place, mode=data_directory.DIRECTORY_MODE)
                data_directory.set_owner(place, owner=run.owners[number])
        data_directory.remove_tree(run.partials(number))
        data_directory.make_directories(run.root(number), below=place, owner=like)
        data_directory.make_directories(run.partials(number), below=place, owner=like)
    for entry in run.entries():
        if isinstance(entry, TableEntry):
            local = entry.table.keyspace in placement.LOCAL_KEYSPACES
            for number in (run.places.local,) if local else range(run.places.data):
                make_directory(run, number, placement.table_path(entry.table))
