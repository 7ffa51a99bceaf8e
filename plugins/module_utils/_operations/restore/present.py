# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the repository reaches to the present, by few objects: for this, a plan must not list years of logs."""

from __future__ import annotations

import contextlib
import dataclasses

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import clock
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    ObjectMissingError,
    RepositoryError,
    StoreDeniedError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    BACKUPS_PREFIX,
    IMPORTS_PREFIX,
    commit_log_prefix,
    ledger_key,
    parse_cluster_manifest_key,
    parse_gap_time,
    parse_import_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import LEDGER_HEAD
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import RestorePlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.present import (
    Present,
    leaving_lines,
    present_lines,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import load_backup


def with_present(plan: RestorePlan, store: ObjectStore, *, now_us: int | None = None) -> RestorePlan:
    """A plan with what a restore in place leaves behind, and how that is reached again.

    :param now_us: this moment.
    :raises StoreError: if the store does not answer.
    """
    now_us = clock.now_us() if now_us is None else now_us
    until_us = plan.moment.reached_us if plan.moment else plan.snapshot_began_us
    lines, warnings = present_lines(present_in(store), restore_id=plan.restore_id, now_us=now_us)
    # Of now, not of the restore: so it is no warning of the report's.
    warned = (f"Warning: {warning}" for warning in warnings)
    return dataclasses.replace(plan, notes=(*leaving_lines(until_us=until_us, now_us=now_us), *lines, *warned))


def present_in(store: ObjectStore) -> Present:
    """What the repository has of the cluster as it is now.

    In doubt less is said than there is: where a node's log had any gap since the newest backup, no moment is named.
    What may not be read counts as not there.

    :raises StoreError: if the store does not answer.
    """
    manifest = _newest_of_everything(store)
    if manifest is None:
        return Present()
    reached_us = None
    with contextlib.suppress(StoreDeniedError, RepositoryError):
        reached_us = _reached_us(store, manifest)
    return Present(tag=manifest.tag, backup_us=manifest.snapshot_began_us, reached_us=reached_us)


def _newest_of_everything(store: ObjectStore) -> ClusterManifest | None:
    stored = ((entry.modified_us, parse_cluster_manifest_key(entry.key)) for entry in store.list(BACKUPS_PREFIX))
    for _modified_us, tag in sorted(((when or 0, tag) for when, tag in stored if tag), reverse=True):
        try:
            manifest = load_backup(store, tag)
        except RepositoryError:
            continue
        if manifest.whole:
            return manifest
    return None


def _reached_us(store: ObjectStore, manifest: ClusterManifest) -> int | None:
    """Up to when every node's log goes on from a backup without a gap."""
    if manifest.degraded:
        # No moment is reached from it.
        return None
    since_us = manifest.snapshot_began_us
    if any((parse_import_key(entry.key) or 0) >= since_us for entry in store.list(IMPORTS_PREFIX)):
        return None
    ends = []
    for summary in manifest.nodes:
        host_id = summary.node.host_id
        try:
            head = LEDGER_HEAD.decode(store.get(ledger_key(host_id)), subject=ledger_key(host_id))
        except ObjectMissingError:
            return None
        gaps = (parse_gap_time(entry.key) for entry in store.list(f"{commit_log_prefix(host_id)}gaps/"))
        if not 0 < head.covered_from_us <= since_us or any((at_us or 0) >= since_us for at_us in gaps):
            return None
        ends.append(head.covered_until_us)
    reached_us = min(ends, default=0)
    return reached_us if reached_us >= manifest.snapshot_ended_us else None
