# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the repository says about the nodes' commit logs, for planning and reports, and records of what went wrong."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import (
    LogListing,
    NodeLog,
    read_listing,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.report import (
    ClusterArchive,
    report_archive,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import Base
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    COMMIT_LOGS_PREFIX,
    commit_log_prefix,
    gap_key,
    import_key,
    ledger_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import (
    GAP,
    IMPORT,
    LEDGER_HEAD,
    Gap,
    Piece,
    TableImport,
)


def load_logs(store: ObjectStore, *, host_ids: tuple[str, ...] | None = None) -> tuple[NodeLog, ...]:
    """Everything that the repository says about the nodes' logs, except the bytes themselves.

    :param host_ids: of the nodes wanted; ``None`` for all.
    :raises StoreError: if the store cannot be read.
    :raises ManifestError: if a record's version is not known.
    """
    if host_ids is None:
        listings = read_listing(store.list(COMMIT_LOGS_PREFIX))
    else:
        listings = {}
        for host_id in host_ids:
            listings.update(read_listing(store.list(commit_log_prefix(host_id))))
    return tuple(_load(store, listing) for _host_id, listing in sorted(listings.items()))


def read_archive(store: ObjectStore, bases: t.Sequence[Base], *, now_us: int) -> ClusterArchive:
    """The state of all nodes' archives.

    :raises StoreError, ManifestError: as :func:`load_logs`.
    """
    return report_archive(load_logs(store), bases, now_us=now_us)


def record_corrupt_piece(store: ObjectStore, *, log: NodeLog, piece: Piece, detail: str) -> Gap:
    """Record that a piece is not what its name says, so no restore is planned across it again.

    :raises StoreError: if the store does not accept it.
    """
    before = [each for each in log.pieces if each.segment < piece.segment]
    gap = Gap(
        host_id=log.host_id,
        cause="piece_corrupt",
        first=piece.segment.id,
        last=piece.segment.id,
        after_us=max((each.covered_us for each in before), default=0),
        recorded_us=now_us(),
        detail=detail,
    )
    store.put_new(gap_key(gap), GAP.encode(gap))
    return gap


def has_log(store: ObjectStore, *, host_id: str) -> bool:
    """Whether the repository has a log of a node.

    :raises StoreError: if the store does not answer.
    """
    return any(True for _entry in store.list(commit_log_prefix(host_id)))


def record_restore(store: ObjectStore, *, host_id: str, restored_us: int, restore_id: str) -> Gap | None:
    """Record that a node was restored in place: what its log holds from then on does not continue what it held before.

    Nothing else would show it. The node starts as after any stop, and a moment after the restore, reached from a
    backup before it, would bring back what had been undone. The gap's id is not a segment's: the run before began
    earlier, the one that follows later. ``None`` if the repository has no log of the node.

    :param restored_us: when its directories were switched, by its own clock.
    :raises StoreError: if the store does not accept it.
    """
    if not has_log(store, host_id=host_id):
        return None
    number = restored_us // 1000
    gap = Gap(
        host_id=host_id,
        cause="restored",
        first=number,
        last=number,
        after_us=0,
        recorded_us=restored_us,
        detail=restore_id,
    )
    store.put_new(gap_key(gap), GAP.encode(gap))
    return gap


def record_import(
    store: ObjectStore, *, host_id: str, at_us: int, detail: str, tables: tuple[str, ...] = (), look: bool = False
) -> None:
    """Record that a node was given tables of a backup: no log has their data, so a moment after that needs a
    later backup.

    :param at_us: by the node's own clock; recorded before the first table and again after the last.
    :param tables: ``keyspace.table`` of them.
    :param look: whether all of them were made for that, beside what there was: then no window ends, since nothing else
        is concerned, and who restores a later moment is told that these are empty.
    :raises StoreError: if the store does not accept it.
    """
    record = TableImport(host_id=host_id, at_us=at_us, detail=detail, tables=tables)
    store.put_new(import_key(at_us=at_us, host_id=host_id, look=look), IMPORT.encode(record))


def _load(store: ObjectStore, listing: LogListing) -> NodeLog:
    head = None
    if listing.has_head:
        key = ledger_key(listing.host_id)
        head = LEDGER_HEAD.decode(store.get(key), subject=key)
    return NodeLog(
        host_id=listing.host_id,
        name=head.node_name if head else listing.host_id,
        pieces=tuple(listing.pieces),
        runs=tuple(listing.runs),
        gaps=tuple(GAP.decode(store.get(key), subject=key) for key in listing.gap_keys),
        head=head,
    )
