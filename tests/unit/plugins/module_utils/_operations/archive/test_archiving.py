# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.archiving import (
    ArchivingOutcome,
    ArchivingSettings,
    configure_archiving,
)
from tests.unit.plugins.module_utils._agent.simulated_log import SCRIPT, SimulatedLog


def run_script(log: SimulatedLog, path: pathlib.Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), str(path), path.name],
        env={"REVIVE_ARCHIVE_CONF": str(log.conf)},
        check=False,
        capture_output=True,
    )


@pytest.fixture(name="log")
def _log(tmp_path: pathlib.Path) -> SimulatedLog:
    log = SimulatedLog(tmp_path)
    log.start(now_ms=1_800_000_000_000)
    log.write(100)
    return log


def test_a_segment_is_linked_and_what_lay_beside_it_is_noted(log: SimulatedLog) -> None:
    path = log.path(log.active)
    for _twice in range(2):
        assert run_script(log, path).returncode == 0
        assert os.path.samefile(path, log.root / "spool" / path.name)
    listed = (log.root / "archived" / path.name).read_text().split()
    assert listed == [str(name) for name in log.segments()]
    assert sorted(os.listdir(log.root / "spool")) == [path.name]
    assert log.segments()[0] == log.active, "the archive's directory is no segment"


def test_the_same_name_with_another_content_keeps_both(log: SimulatedLog) -> None:
    path = log.path(log.active)
    (log.root / "spool").mkdir(parents=True)
    (log.root / "spool" / path.name).write_bytes(b"other")
    assert run_script(log, path).returncode == 0
    assert len(os.listdir(log.root / "spool")) == 2
    (log.root / "spool" / path.name).write_bytes(path.read_bytes())
    assert run_script(log, path).returncode == 0
    assert len(os.listdir(log.root / "spool")) == 2


def test_a_full_spool_blocks_nothing_or_drops_by_its_policy(log: SimulatedLog) -> None:
    path = log.path(log.active)
    (log.root / "spool").mkdir(parents=True)
    (log.root / "spool" / "CommitLog-7-1.log").write_bytes(os.urandom(20_000))
    log.configure(policy="drop_and_record_gap", max_bytes=10_000)
    assert run_script(log, path).returncode == 0
    assert not (log.root / "spool" / path.name).exists()
    assert (log.root / "dropped" / path.name).exists()
    log.configure(policy="block", max_bytes=10_000)
    assert run_script(log, path).returncode == 0
    assert (log.root / "spool" / path.name).exists()


def test_a_script_that_cannot_link_says_so_and_fails(log: SimulatedLog) -> None:
    done = run_script(log, log.directory / "CommitLog-7-5.log")
    assert done.returncode != 0
    assert b"cannot link or copy" in done.stderr
    log.conf.unlink()
    assert run_script(log, log.path(log.active)).returncode != 0


@pytest.fixture(name="node")
def _node(tmp_path: pathlib.Path) -> NodeSettings:
    for name in ("conf", "data", "commitlog", "hints", "saved_caches", "bin"):
        (tmp_path / name).mkdir()
    config = tmp_path / "conf" / "cassandra.yaml"
    lines = [f"{name}_directory: {tmp_path / name}" for name in ("commitlog", "hints", "saved_caches")]
    config.write_text("\n".join([*lines, f"data_file_directories: [{tmp_path / 'data'}]", ""]))
    nodetool = tmp_path / "bin" / "nodetool"
    nodetool.write_text("#!/bin/sh\necho \"nodetool: ConnectException: 'Connection refused'.\"\nexit 1\n")
    nodetool.chmod(0o755)
    return NodeSettings(
        name="n1", config_file=str(config), state_directory=str(tmp_path / "state"), nodetool_command=(str(nodetool),)
    )


def test_configuring_twice_changes_nothing_and_absent_undoes_it(node: NodeSettings, tmp_path: pathlib.Path) -> None:
    settings = ArchivingSettings(script_path=str(tmp_path / "bin" / "archive_segment"))
    properties = tmp_path / "conf" / "commitlog_archiving.properties"
    properties.write_text("# A comment.\narchive_command=\nprecision=MICROSECONDS\n")
    before = properties.read_text()
    planned = configure(node, settings, check_mode=True)
    assert planned.changed
    assert properties.read_text() == before
    first = configure(node, settings)
    assert first.changed
    assert f"archive_command={settings.script_path} %path %name\n" in properties.read_text()
    assert (tmp_path / "commitlog" / ".revive" / "spool").is_dir()
    assert not configure(node, settings).changed
    assert configure(node, settings, present=False).changed
    assert properties.read_text() == before
    assert not configure(node, settings, present=False).changed


def test_a_node_that_has_not_read_the_file_yet_is_to_be_restarted(node: NodeSettings, tmp_path: pathlib.Path) -> None:
    settings = ArchivingSettings(script_path=str(tmp_path / "bin" / "archive_segment"))
    configure(node, settings)
    for uptime, needed in ((3600, True), (-60, False)):
        nodetool = tmp_path / "bin" / "nodetool"
        nodetool.write_text(f"#!/bin/sh\necho 'Uptime (seconds)       : {max(uptime, 0)}'\n")
        if uptime < 0:
            os.utime(tmp_path / "conf" / "commitlog_archiving.properties", (1_700_000_000, 1_700_000_000))
        outcome = configure(node, settings)
        assert (outcome.changed, outcome.restart_needed) == (False, needed)


def test_settings_of_a_restore_never_stay(node: NodeSettings, tmp_path: pathlib.Path) -> None:
    settings = ArchivingSettings(script_path=str(tmp_path / "bin" / "archive_segment"))
    properties = tmp_path / "conf" / "commitlog_archiving.properties"
    properties.write_text(
        "restore_point_in_time=2026:01:01 00:00:00\nrestore_directories=/x\nrestore_command=cp %from %to\n"
    )
    for present in (True, False):
        outcome = configure(node, settings, present=present)
        assert bool(outcome.removed_restore_settings) is present
        assert "2026" not in properties.read_text()


def test_another_tools_command_is_not_replaced_unasked(node: NodeSettings, tmp_path: pathlib.Path) -> None:
    properties = tmp_path / "conf" / "commitlog_archiving.properties"
    properties.write_text("archive_command=/opt/other %path %name\n")
    settings = ArchivingSettings(script_path=str(tmp_path / "bin" / "archive_segment"))
    with pytest.raises(InputError, match="another command: /opt/other"):
        configure(node, settings)
    assert not configure(node, settings, present=False).changed


def configure(
    node: NodeSettings, settings: ArchivingSettings, *, present: bool = True, check_mode: bool = False
) -> ArchivingOutcome:
    return configure_archiving(node, settings, present=present, check_mode=check_mode)
