# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that makes a node archive: made, made again, and undone."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import is_locked, node_lock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._agent.config import load_config
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_status import AGENT_LOCK
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.archiving_properties import FILE_NAME
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    RepositoryError,
    WrongClusterError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings, NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.archiving import (
    ArchivingSettings,
    agent_home,
    read_node_agent,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.setup import (
    AgentOptions,
    SetUp,
    set_up_archiving,
    take_down_archiving,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from tests.unit.plugins.module_utils._operations.node_on_disk import DiskNode, host_id

SECRET = "s3cr3t-of-the-store"
PASSWORD = "s3cr3t-of-the-role"
REPOSITORY = RepositorySettings(bucket="b", access_key_id="AKIA", secret_access_key=SECRET, identity_file="/of/me")
AGENT = AgentOptions(cql=CqlSettings(address="127.0.0.1", username="reader", password=PASSWORD))


@dataclasses.dataclass
class Bench:
    """A node that does not run, with a program directory and a repository."""

    root: pathlib.Path
    disk: DiskNode
    store: ObjectStore

    def __post_init__(self) -> None:
        nodetool = self.root / "nodetool"
        nodetool.write_text("#!/bin/sh\necho \"nodetool: ConnectException: 'Connection refused'.\"\nexit 1\n")
        nodetool.chmod(0o755)

    @property
    def node(self) -> NodeSettings:
        return dataclasses.replace(self.disk.settings, nodetool_command=(str(self.root / "nodetool"),))

    @property
    def settings(self) -> ArchivingSettings:
        (self.root / "programs").mkdir(exist_ok=True)
        return ArchivingSettings(script_path=str(self.root / "programs" / "archive_segment"))

    @property
    def home(self) -> pathlib.Path:
        return pathlib.Path(agent_home(self.node))

    @property
    def spool(self) -> pathlib.Path:
        return self.disk.root / "commitlog" / ".revive" / "spool"

    def set_up(self, *, agent: AgentOptions = AGENT, check_mode: bool = False, **more: t.Any) -> SetUp:
        return set_up_archiving(self.node, self.store, REPOSITORY, self.settings, agent, check_mode=check_mode, **more)

    def take_down(self, *, check_mode: bool = False) -> SetUp:
        return take_down_archiving(self.node, self.settings, check_mode=check_mode)

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture(name="bench")
def _bench(tmp_path: pathlib.Path) -> Bench:
    disk = DiskNode(tmp_path / "node")
    store = open_memory_store(prefix="p/")
    ensure_repository(store, cluster_name="lab", host_ids=[disk.identity.host_id], check_mode=False, now_us=1)
    bench = Bench(root=tmp_path, disk=disk, store=store)
    disk.be_remembered()
    return bench


def test_what_is_written_is_what_an_agent_reads_and_its_user_only(bench: Bench) -> None:
    outcome = bench.set_up()
    config = load_config(outcome.agent_config_file)
    assert config.host_id == bench.disk.identity.host_id
    assert config.repository == dataclasses.replace(REPOSITORY, identity_file=None)
    assert config.cql is not None
    assert (config.cql.password, config.cql.only_this_address) == (PASSWORD, True)
    assert config.state_directory == str(bench.home)
    assert bench.spool.is_dir()
    assert {path.stat().st_mode & 0o777 for path in bench.home.iterdir()} == {0o600}
    assert bench.home.stat().st_mode & 0o777 == 0o700


def test_secrets_are_in_their_own_files_only_and_in_no_result(bench: Bench) -> None:
    outcome = bench.set_up()
    holders = {path for path, body in bench.files().items() if SECRET.encode() in body or PASSWORD.encode() in body}
    assert {os.path.basename(path) for path in holders} == {"store.json", "cql.json"}
    assert SECRET not in str(outcome)
    assert PASSWORD not in str(outcome)


def test_the_agent_speaks_to_the_store_as_modules_do_and_a_proxys_password_is_a_secret(bench: Bench) -> None:
    repository = RepositorySettings(
        bucket="b",
        server_side_encryption="aws:kms",
        kms_key_id="k",
        storage_class="STANDARD_IA",
        checksums="none",
        role_arn="arn:aws:iam::1:role/r",
        role_external_id="x",
        shared_credentials_file="/etc/keys",
        proxy_url=f"http://user:{SECRET}@proxy:3128",
    )
    outcome = set_up_archiving(bench.node, bench.store, repository, bench.settings, AGENT, check_mode=False)
    assert load_config(outcome.agent_config_file).repository == repository
    holders = {os.path.basename(path) for path, body in bench.files().items() if SECRET.encode() in body}
    assert holders == {"store.json"}
    assert SECRET not in str(outcome)


def test_others_may_pass_to_the_agents_directory_and_look_into_none(bench: Bench) -> None:
    state = pathlib.Path(bench.node.state_directory)
    state.chmod(0o700)
    assert bench.set_up().changed
    assert state.stat().st_mode & 0o777 == 0o711
    state.chmod(0o750)
    assert bench.set_up().changed
    assert state.stat().st_mode & 0o777 == 0o751


def test_the_same_again_changes_nothing_and_check_mode_never_does(bench: Bench) -> None:
    before = bench.files()
    planned = bench.set_up(check_mode=True)
    assert planned.changed
    assert planned.agent_changed
    assert bench.files() == before
    assert [(each.path, each.after) for each in bench.set_up().files] == [
        (each.path, each.after) for each in planned.files
    ]
    again = bench.set_up()
    assert (again.changed, again.agent_changed) == (False, False)
    slower = dataclasses.replace(AGENT, interval_seconds=30.0)
    changed = bench.set_up(agent=slower)
    assert (changed.changed, changed.agent_changed) == (True, True)
    assert [each.before == each.after for each in changed.files] == [True, False]


@pytest.mark.parametrize("name", ["agent.json", "programs/agent.pyz", "programs/run_agent"])
def test_an_agent_that_began_before_its_files_were_written_is_to_start_again(bench: Bench, name: str) -> None:
    bench.set_up()
    file = bench.home / "agent.json" if name.endswith(".json") else bench.root / name
    file.touch()
    with node_lock(str(bench.home), name=AGENT_LOCK, node="n"):
        began = os.stat(bench.home / "locks" / AGENT_LOCK).st_mtime
        os.utime(file, (began, began))
        assert not bench.set_up().agent_changed
        os.utime(file, (began + 5, began + 5))
        outcome = bench.set_up()
        assert (outcome.changed, outcome.agent_changed) == (False, True)
    assert not bench.set_up().agent_changed, "none runs that would have to know"


def test_a_secret_that_is_not_needed_any_more_is_removed(bench: Bench) -> None:
    bench.set_up()
    assert (bench.home / "cql.json").exists()
    assert bench.set_up(agent=AgentOptions()).agent_changed
    assert not (bench.home / "cql.json").exists()


def test_a_repository_of_another_cluster_or_none_is_refused_before_anything_is_written(bench: Bench) -> None:
    bench.store = open_memory_store(prefix="q/")
    before = bench.files()
    with pytest.raises(RepositoryError, match="no repository"):
        bench.set_up()
    assert bench.set_up(check_mode=True).changed
    ensure_repository(bench.store, cluster_name="other", host_ids=[host_id(7)], check_mode=False, now_us=1)
    for check_mode in (True, False):
        with pytest.raises(WrongClusterError):
            bench.set_up(check_mode=check_mode)
    assert bench.files() == before
    assert bench.set_up(host_ids=[host_id(7)]).changed, "a node that joined is known by its neighbours"


def test_a_node_that_never_said_who_it_is_is_refused(bench: Bench) -> None:
    os.unlink(os.path.join(bench.node.state_directory, "node.json"))
    with pytest.raises(NodeError, match="Who node node1 is"):
        bench.set_up()


def test_an_interval_of_nothing_is_refused(bench: Bench) -> None:
    with pytest.raises(InputError, match="too short"):
        bench.set_up(agent=AgentOptions(interval_seconds=0))


def test_absent_leaves_nothing_but_what_was_there(bench: Bench) -> None:
    before = set(bench.files())
    bench.set_up()
    planned = bench.take_down(check_mode=True)
    assert planned.changed
    assert bench.home.exists()
    # As long as the file is not what a running node has read, all else stays.
    assert bench.take_down().restart_needed
    assert bench.spool.exists()
    assert bench.take_down().changed
    left = {path for path in bench.files() if path not in before}
    # The program's settings go with the program, which the role removes.
    assert {os.path.basename(path) for path in left} <= {"commitlog_archiving.properties", "archive_segment.conf"}
    assert not bench.spool.parent.exists()
    assert not bench.home.exists()
    assert not bench.take_down().changed


def test_segments_that_nobody_shipped_are_never_removed(bench: Bench) -> None:
    bench.set_up()
    (bench.spool / "CommitLog-7-1.log").write_bytes(b"x")
    bench.take_down()
    outcome = bench.take_down()
    assert outcome.kept_spool == str(bench.spool.parent)
    assert (bench.spool / "CommitLog-7-1.log").exists()


def test_what_an_agent_that_runs_needs_is_not_removed(bench: Bench) -> None:
    bench.set_up()
    bench.take_down()
    with node_lock(str(bench.home), name=AGENT_LOCK, node="n"):
        assert read_node_agent(bench.node, spool_directory=None).running
        assert not bench.take_down().changed
        assert bench.home.exists()
    assert not is_locked(str(bench.home), name=AGENT_LOCK)
    assert not read_node_agent(bench.node, spool_directory=None).running
    assert bench.take_down().changed


def test_the_spool_is_told_as_it_is_now(bench: Bench) -> None:
    bench.set_up()
    assert read_node_agent(bench.node, spool_directory=None).spool_bytes == 0
    (bench.spool / "CommitLog-7-1.log").write_bytes(os.urandom(50_000))
    agent = read_node_agent(bench.node, spool_directory=None)
    assert agent.spool_bytes >= 50_000
    assert agent.spool_segments == 1
    assert agent.status is None
    assert read_node_agent(bench.node, spool_directory=str(bench.root / "elsewhere")).spool_segments == 0
    assert json.loads((bench.home / "agent.json").read_text())["archive_root"] == str(bench.spool.parent)


@pytest.mark.parametrize(("started_s", "needed"), [(-60, True), (60, False)])
def test_what_was_read_of_a_node_is_not_asked_again(bench: Bench, started_s: int, *, needed: bool) -> None:
    """Its nodetool fails: what tells whether a restart is needed is when the process was started."""
    bench.set_up()
    changed_us = int(os.stat(bench.disk.root / FILE_NAME).st_mtime * 1e6)
    started_us = changed_us + started_s * 1_000_000
    outcome = bench.set_up(identity=bench.disk.identity, started_us=started_us)
    assert (outcome.changed, outcome.restart_needed) == (False, needed)
    assert not outcome.agent_running
