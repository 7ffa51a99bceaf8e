# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node notes about its snapshots: what was begun, what was taken, and what that held. By it they are ours."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    names_in,
    read_if_there,
    remove_if_there,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.hash_cache import HashCache
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import SnapshotContents
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import (
    SNAPSHOT,
    SNAPSHOT_CONTENTS,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import SnapshotRecord
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings


def read_snapshot_record(node: NodeSettings, *, tag: str) -> SnapshotRecord | None:
    """What the node keeps about a snapshot that was taken; ``None`` if it keeps nothing.

    :raises ManifestError: if what it keeps is damaged.
    """
    path = record_path(node, tag)
    text = read_if_there(path)
    return None if text is None else SNAPSHOT.decode(text, subject=path)


def read_snapshot_contents(node: NodeSettings, record: SnapshotRecord) -> SnapshotContents | None:
    """What the node noted about the tables in a snapshot; ``None`` if it noted nothing about this very one.

    :raises ManifestError: if what it keeps is damaged.
    """
    path = contents_path(node, record.tag)
    text = read_if_there(path)
    contents = None if text is None else SNAPSHOT_CONTENTS.decode(text, subject=path)
    return contents if contents and (contents.began_us, contents.counts) == (record.began_us, record.contents) else None


def left_by_backups(node: NodeSettings) -> tuple[str, ...]:
    """The tags of snapshots that backups took and did not clear, sorted. Only looks at what was noted."""
    return tuple(sorted({tag for tag in noted_tags(node) if is_of_backup(node, tag=tag)}))


def is_of_backup(node: NodeSettings, *, tag: str) -> bool:
    """Whether a backup took the snapshot of that tag, or began to."""
    for path in (record_path(node, tag), intent_path(node, tag)):
        text = read_if_there(path)
        with contextlib.suppress(ManifestError):
            if text is not None and SNAPSHOT.decode(text, subject=path).for_backup:
                return True
    return False


def has_notes(node: NodeSettings, *, tag: str) -> bool:
    """Whether the snapshot of that tag is ours: one that was taken, or begun."""
    return os.path.exists(record_path(node, tag)) or os.path.exists(intent_path(node, tag))


def noted_tags(node: NodeSettings) -> t.Iterator[str]:
    """The tags of all that was taken or begun."""
    for name in names_in(os.path.join(node.state_directory, "snapshots")):
        for ending in (".json", ".begun"):
            if name.endswith(ending):
                yield name[: -len(ending)]


def remove_notes(node: NodeSettings, *, tag: str, now: t.Callable[[], int]) -> None:
    """Forget a snapshot that was cleared, with what its upload left."""
    for path in (record_path(node, tag), intent_path(node, tag), contents_path(node, tag)):
        remove_if_there(path)
    for ending in (".jsonl", ".json"):
        remove_if_there(os.path.join(node.state_directory, "uploads", f"{tag}{ending}"))
    with HashCache(node.state_directory, now_seconds=now() // 1_000_000) as cache:
        cache.forget_uploads(tag=tag)


def record_path(node: NodeSettings, tag: str) -> str:
    """What is there of a snapshot that was taken."""
    return os.path.join(node.state_directory, "snapshots", f"{tag}.json")


def intent_path(node: NodeSettings, tag: str) -> str:
    """What is there of one that was begun."""
    return os.path.join(node.state_directory, "snapshots", f"{tag}.begun")


def contents_path(node: NodeSettings, tag: str) -> str:
    """What is there of the tables in one."""
    # A directory of its own: a tag may have dots.
    return os.path.join(node.state_directory, "snapshot-contents", f"{tag}.json")
