# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the repository reaches to the present is read from few objects, and never more is said than there is."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    cluster_manifest_key,
    gap_key,
    ledger_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import (
    GAP,
    LEDGER_HEAD,
    Gap,
    LedgerHead,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.present import Present
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import record_import
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.present import (
    present_in,
    with_present,
)
from tests.unit.plugins.module_utils._core.restore.plans import restore_plan
from tests.unit.plugins.module_utils._operations.archive.test_bases import back_up
from tests.unit.plugins.module_utils._operations.node_on_disk import DiskNode


@pytest.fixture(name="store")
def _store() -> ObjectStore:
    return open_memory_store(prefix="p/")


@pytest.fixture(name="manifest")
def _manifest(store: ObjectStore, tmp_path: pathlib.Path) -> ClusterManifest:
    node = DiskNode(tmp_path / "node")
    node.sstable(node.table("certificates"), 1)
    return back_up(store, node, "first")


def covered(store: ObjectStore, manifest: ClusterManifest, *, from_us: int, until_us: int) -> str:
    host_id = manifest.nodes[0].node.host_id
    head = LedgerHead(
        host_id=host_id,
        node_name="n1",
        agent_version="1",
        interval_seconds=5,
        written_us=until_us,
        covered_from_us=from_us,
        covered_until_us=until_us,
        last_segment=2,
        open_segments=(),
    )
    store.put(ledger_key(host_id), LEDGER_HEAD.encode(head))
    return host_id


def test_without_archiving_only_the_newest_backup_is_known(store: ObjectStore, manifest: ClusterManifest) -> None:
    assert present_in(store) == Present(tag="first", backup_us=manifest.snapshot_began_us)
    store.put(cluster_manifest_key("broken"), b"{")
    assert present_in(store).tag == "first", "a backup that cannot be read"


def test_nothing_is_known_of_an_empty_repository(store: ObjectStore) -> None:
    assert present_in(store) == Present()


def test_logs_that_go_on_from_the_newest_backup_reach_as_far_as_all_nodes_are_covered(
    store: ObjectStore, manifest: ClusterManifest
) -> None:
    began_us, until_us = manifest.snapshot_began_us, manifest.snapshot_ended_us + 9
    covered(store, manifest, from_us=began_us, until_us=until_us)
    assert present_in(store).reached_us == until_us
    covered(store, manifest, from_us=began_us + 1, until_us=until_us)
    assert present_in(store).reached_us is None, "the log begins after the backup"
    covered(store, manifest, from_us=began_us, until_us=manifest.snapshot_ended_us - 1)
    assert present_in(store).reached_us is None, "the log ends before the backup does"


def test_no_moment_is_named_across_a_gap(store: ObjectStore, manifest: ClusterManifest) -> None:
    began_us, until_us = manifest.snapshot_began_us, manifest.snapshot_ended_us + 9
    host_id = covered(store, manifest, from_us=began_us, until_us=until_us)
    record_import(store, host_id=host_id, at_us=until_us, detail="look", look=True)
    for recorded_us, reached_us in ((began_us - 1, until_us), (began_us + 1, None)):
        gap = Gap(host_id=host_id, cause="restored", first=1, last=1, after_us=0, recorded_us=recorded_us)
        store.put(gap_key(gap), GAP.encode(gap))
        assert present_in(store).reached_us == reached_us


def test_no_moment_is_named_across_an_import_into_tables_that_were_there(
    store: ObjectStore, manifest: ClusterManifest
) -> None:
    until_us = manifest.snapshot_ended_us + 9
    host_id = covered(store, manifest, from_us=manifest.snapshot_began_us, until_us=until_us)
    record_import(store, host_id=host_id, at_us=until_us, detail="merge")
    assert present_in(store).reached_us is None


def test_a_plan_in_place_is_told_with_them(store: ObjectStore, manifest: ClusterManifest) -> None:
    now_us = manifest.snapshot_began_us + 60_000_000
    plan = with_present(
        restore_plan(mode="in_place", snapshot_began_us=manifest.snapshot_began_us, warnings=("w",)),
        store,
        now_us=now_us,
    )
    assert plan.notes[0].endswith("leaves the cluster: 1:00 min of writes.")
    assert plan.notes[-1].startswith("Warning: The present is in no window of moments")
    assert plan.warnings == ("w",)
