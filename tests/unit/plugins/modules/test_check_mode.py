# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In check mode no module calls what writes, except with ``check_mode=True``. Every module has to be here."""

from __future__ import annotations

import dataclasses
import pathlib
import types
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.report import ClusterArchive
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.setup import FileChange, SetUp
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.counting import Seen
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.importing import ImportOutcome
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.keeping import SaveOutcome
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.row_verification import VerifyOutcome

ROOT = pathlib.Path(__file__).resolve().parents[4]
#: Those that run on nodes: a module without a program only documents an action plugin.
NAMES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if "def main(" in path.read_text())

REPOSITORY = {"bucket": "backups", "access_key_id": "AKIA", "secret_access_key": "s3cr3t"}
#: What writes; with whether it takes ``check_mode`` itself.
WRITING = {
    "repository.marker.ensure_repository": True,
    "backup.snapshot.take_snapshot": True,
    "backup.snapshot.clear_snapshots": True,
    "backup.upload.upload_snapshot": False,
    "backup.publish.publish_backup": False,
    "restore.fetch.fetch_backup": False,
    "restore.switch.switch_node": False,
    "restore.switch.roll_back": False,
    "restore.switch.finish": False,
    "restore.listing.abandon": True,
    "archive.setup.set_up_archiving": True,
    "archive.setup.take_down_archiving": True,
    "archive.ship.ship_now": False,
    "archive.logs.record_restore": False,
    "restore.recovery.stage_moment": False,
    "restore.staged_record.forget_moment": False,
    "restore.staged_record.note_rebuilt": False,
    "restore.steps.repair": True,
    "tables.making.make_tables": True,
    "tables.importing.fetch_tables": False,
    "tables.importing.stage_tables": False,
    "tables.keeping.save_tables": True,
    "tables.row_verification.verify_rows": True,
    "tables.keeping.empty_tables": True,
    "tables.importing.import_tables": True,
    "tables.views.complete_all": True,
    "tables.making.release_tables": True,
    "tables.views.make_views_again": True,
    "tables.keeping.put_tables_back": False,
    "tables.importing.finish_tables": True,
}
SET_UP = SetUp(
    changed=True,
    restart_needed=True,
    agent_changed=True,
    removed_restore_settings=(),
    agent_config_file="/x/agent.json",
    commitlog_directory="/log",
    spool_directory="/log/.revive",
    files=(FileChange(path="/etc/cassandra/commitlog_archiving.properties", before="", after="x\n"),),
)
#: What writing gives where it is no outcome with ``changed``.
GIVEN = {
    "restore.steps.repair": True,
    "restore.listing.abandon": None,
    "archive.setup.set_up_archiving": SET_UP,
    "archive.setup.take_down_archiving": SET_UP,
    "tables.making.make_tables": ("CREATE TABLE",),
    "tables.keeping.save_tables": SaveOutcome(changed=True, emptied=False, snapshots=()),
    "tables.keeping.empty_tables": ("TRUNCATE",),
    "tables.importing.import_tables": ImportOutcome(changed=True, tables=0, sstables=0, held=0, size=0, seconds=0.0),
    "tables.views.complete_all": ("ALTER TABLE",),
    "tables.making.release_tables": ("ALTER TABLE",),
    "tables.views.make_views_again": ("CREATE MATERIALIZED VIEW",),
    "tables.importing.finish_tables": 0,
    "tables.row_verification.verify_rows": VerifyOutcome(tables=(), seconds=0.0),
}
READING = {
    "repository.marker.open_repository": None,
    "backup.preview.would_upload": True,
    "backup.preview.would_publish": True,
    "repository.backups.list_backups": (),
    "cassandra.identity.is_running": True,
    "restore.target.read_endpoint": None,
    "restore.target.read_node": types.SimpleNamespace(to_result=dict, running=True),
    "restore.target.read_node_and_ring": (types.SimpleNamespace(to_result=dict, running=True), ()),
    "cassandra.ring.read_ring": (),
    "backup.snapshot_notes.left_by_backups": (),
    "restore.records.pending": None,
    "restore.listing.list_restores": (),
    "restore.plan.not_asked_for": [],
    "restore.records.read_state": None,
    "restore.switch.to_roll_back": None,
    "restore.staged_record.is_staged": False,
    "tables.importing.would_stage": True,
    "restore.staged_record.staged_outcome": types.SimpleNamespace(indexes_to_rebuild=("ks.t.i",)),
    "cassandra.counting.read_tables": Seen(counts=(), schema=(), members=()),
    "archive.ship.read_agent_status": None,
    "archive.archiving.read_node_agent": None,
    "archive.bases.bases_of": (),
    "archive.logs.read_archive": ClusterArchive(nodes=(), windows=()),
}
PLAN = {
    "restore_id": "b1-in-place-0123abcd",
    "tag": "b1",
    "mode": "in_place",
    "restore_auth": True,
    "cluster_id": "c",
    "source_cluster_name": "a",
    "target_cluster_name": "a",
    "snapshot_began_us": 1,
    "snapshot_ended_us": 2,
    "warnings": [],
    "files": 1,
    "size": 1,
    "stored_size": 1,
    "assignments": [
        {
            "target_name": "n1",
            "source_host_id": "h",
            "source_name": "n1",
            "source_address": "10.0.0.1",
            "target_address": "10.0.0.1",
            "datacenter": "dc1",
            "rack": "r1",
            "tokens": ["1"],
            "files": 1,
            "size": 1,
            "stored_size": 1,
            "is_seed": True,
            "manifest_key": "k",
            "manifest_sha256": "s",
            "manifest_size": 1,
            "release_version": "5.0.8",
        }
    ],
}


TABLES_PLAN = {
    "restore": PLAN,
    "selection": {
        "keyspaces": [],
        "tables": ["shop.orders"],
        "mode": "beside",
        "into_keyspace": "",
        "suffix": None,
        "roles": False,
        "reshape": False,
        "datacenters": [],
        "replication": [],
        "confirm_cluster": "",
        "past_gc_grace": False,
    },
    "fetched": [],
    "tables": [],
    "before_cql": [],
    "after_cql": [],
    "indexes": [],
    "views": [],
    "unmatched": [],
}
TABLE_STATES = (
    "created",
    "fetched",
    "staged",
    "saved",
    "emptied",
    "imported",
    "completed",
    "released",
    "put_back",
    "viewed",
    "finished",
)


@dataclasses.dataclass(frozen=True)
class Case:
    """A module with options that would change something; ``changed`` is what check mode says of it."""

    module: str
    options: t.Mapping[str, t.Any]
    changed: bool = True


CASES = [
    Case("cassandra_backup_info", {}, changed=False),
    Case("cassandra_backup_publish", {"tag": "b1", "nodes": [], "began_us": 1}),
    Case("cassandra_backup_upload", {"tag": "b1"}),
    Case("cassandra_lease", {"state": "held", "lease": {"id": "a", "operation": "backup"}}),
    Case("cassandra_lease", {"state": "released", "lease": {"id": "a", "operation": "backup"}}, changed=False),
    Case("cassandra_node_info", {"gather": ["facts", "running", "ring", "snapshots", "restores"]}, changed=False),
    Case("cassandra_node_info", {"gather": ["running", "ring", "endpoint"]}, changed=False),
    Case("cassandra_repository", {"cluster_name": "a", "host_ids": ["h"]}),
    Case("cassandra_restore", {"state": "fetched", "plan": PLAN, "node_name": "n1"}),
    Case("cassandra_restore", {"state": "staged", "plan": PLAN, "node_name": "n1"}),
    Case("cassandra_restore", {"state": "switched", "plan": PLAN, "node_name": "n1"}),
    Case("cassandra_restore", {"state": "serving", "restore_id": "b1"}),
    Case("cassandra_restore", {"state": "repaired", "restore_id": "b1"}),
    Case("cassandra_restore", {"state": "rolled_back", "restore_id": "b1"}, changed=False),
    Case("cassandra_restore", {"state": "finished", "restore_id": "b1"}, changed=False),
    Case("cassandra_restore", {"state": "abandoned", "restore_id": "b1"}, changed=False),
    Case("cassandra_restore_info", {"restore_point": "latest", "targets": []}, changed=False),
    Case(
        "cassandra_restore_info", {"restore_point": "latest", "targets": [], "begun": ["b1-in-place-0"]}, changed=False
    ),
    Case("cassandra_restore_info", {"restore_point": "latest", "targets": [], "others": []}, changed=False),
    Case("cassandra_snapshot", {"tag": "b1"}),
    Case("cassandra_snapshot", {"tag": "b1", "state": "absent"}),
    Case("cassandra_table_count_info", {"native_address": "10.0.0.1"}, changed=False),
    *(
        Case("cassandra_table_restore", {"state": state, "plan": TABLES_PLAN, "native_address": "10.0.0.1"})
        for state in TABLE_STATES
    ),
    Case(
        "cassandra_table_restore",
        {"state": "verified", "plan": TABLES_PLAN, "native_address": "10.0.0.1"},
        changed=False,
    ),
    Case(
        "cassandra_table_restore_info",
        {"restore_point": "latest", "targets": [], "native_address": "10.0.0.1"},
        changed=False,
    ),
    Case(
        "cassandra_table_restore_info",
        {"plan": TABLES_PLAN, "staged": {}, "targets": [], "native_address": "10.0.0.1"},
        changed=False,
    ),
    Case("commitlog_archive", {}),
    Case("commitlog_archive", {"state": "absent"}),
    Case("commitlog_archive_info", {}, changed=False),
    Case("commitlog_archive_ship", {}),
]


def test_every_module_is_held_to_check_mode() -> None:
    assert sorted({case.module for case in CASES}) == NAMES


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.module}-{case.options.get('state', '')}")
def test_check_mode_writes_nothing(case: Case, run_module: t.Any, replace_operation: t.Any) -> None:
    writes = replace_operations(replace_operation)

    result = run_module(case.module, check_mode=True, repository=REPOSITORY, **case.options)

    for name, takes_check_mode in WRITING.items():
        assert all(takes_check_mode and call["check_mode"] is True for call in writes[name]), name
    assert result.get("changed", False) is case.changed, result


def replace_operations(replace_operation: t.Any) -> dict[str, list[dict[str, t.Any]]]:
    """Put fakes in the place of all operations; the calls of each that writes."""
    outcome = types.SimpleNamespace(
        changed=True, created=True, marker={}, record=None, before=(), after=(), cleared=("b1",)
    )
    writes = {name: replace_operation(name, GIVEN.get(name, outcome)) for name in WRITING}
    for name, result in READING.items():
        replace_operation(name, result)
    for name in ("restore.plan.make_plan", "restore.plan.make_node_plan"):
        replace_operation(name, error=PlanRefusedError([]))
    for name in ("tables.plan.make_tables_plan", "tables.plan.complete_tables_plan"):
        replace_operation(name, error=PlanRefusedError([]))
    return writes


def test_an_agent_is_looked_at_without_a_repository(run_module: t.Any, replace_operation: t.Any) -> None:
    replace_operation("archive.archiving.read_node_agent")

    assert run_module("commitlog_archive_info", gather=["agent"])["agent"] is None
    assert run_module("commitlog_archive_info", gather=["repository"])["error"]["subject"] == "repository"
