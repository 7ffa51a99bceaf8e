# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's ``cassandra.yaml`` is read with all its directories."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import cassandra_yaml
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError
from tests.unit.plugins.module_utils._adapters.handwritten_yaml import TEXT, write_config


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    return write_config(tmp_path)


def test_directories_names_and_seeds_are_read(config: pathlib.Path) -> None:
    found = cassandra_yaml.read_config(str(config))
    assert found.data_file_directories == ("/var/lib/cassandra/data1", "/var/lib/cassandra/data2")
    assert found.local_system_directory == "/var/lib/cassandra/data1"
    assert found.commitlog_directory == "/var/lib/cassandra/commitlog"
    assert found.cdc_raw_directory is None
    assert found.cluster_name == "Test Cluster"
    assert found.num_tokens == 16
    assert found.seeds == ("10.0.0.1:7000", "10.0.0.2")
    assert found.native_transport_port == 9042


@pytest.mark.parametrize("name", ["hints_directory", "commitlog_directory", "saved_caches_directory"])
def test_a_directory_below_cassandras_home_is_refused_with_what_to_set(config: pathlib.Path, name: str) -> None:
    config.write_text("\n".join(line for line in TEXT.splitlines() if not line.startswith(name)))
    with pytest.raises(LocalFilesError, match=f"does not set {name}.*Set {name}"):
        cassandra_yaml.read_config(str(config))


def test_change_data_capture_needs_its_directory(config: pathlib.Path) -> None:
    config.write_text(TEXT + "cdc_enabled: true\n")
    with pytest.raises(LocalFilesError, match="cdc_raw_directory"):
        cassandra_yaml.read_config(str(config))


@pytest.mark.parametrize("text", ["", "- a list\n", "a: [1\n", "\tx"])
def test_what_is_no_configuration_is_refused(config: pathlib.Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(LocalFilesError):
        cassandra_yaml.read_config(str(config))


def test_what_cassandra_reads_of_a_block_at_the_end_is_what_counts(config: pathlib.Path) -> None:
    """Tools that write a block of their own repeat settings; Cassandra takes the last of them."""
    config.write_text(TEXT + "# BEGIN\nnum_tokens: 32\ncommitlog_directory: /data/commitlog\ncdc_enabled: no\n# END\n")
    found = cassandra_yaml.read_config(str(config))
    assert (found.num_tokens, found.commitlog_directory, found.cdc_enabled) == (32, "/data/commitlog", False)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("native_transport_port: ${PORT}", "line 21: native_transport_port \\$\\{PORT\\} is not a whole number"),
        ("storage_port:", "line 21: storage_port has no value"),
        ("data_file_directories: /a", "line 21: data_file_directories /a is not a list"),
        ("data_file_directories: [relative]", "data_file_directories in .* depends on where Cassandra is started"),
        ("hints_directory: [a]", "line 21: hints_directory is a list"),
        ("cluster_name:", "line 21: cluster_name has no value"),
        ("cdc_enabled: 1", "line 21: cdc_enabled 1 is neither true nor false"),
        ("seed_provider: [{class_name: a, parameters: [{seeds: [a, b]}]}]", "line 21: seed_provider.parameters.seeds "),
    ],
)
def test_what_cannot_be_used_is_told_with_file_line_and_setting(config: pathlib.Path, setting: str, told: str) -> None:
    config.write_text(TEXT + setting + "\n")
    with pytest.raises(LocalFilesError, match=told) as refused:
        cassandra_yaml.read_config(str(config))
    assert str(config) in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "buffered", "seconds"),
    [
        ("a: 1", False, 10.0),
        ("commitlog_sync_period: 2s", False, 2.0),
        ("commitlog_sync_period: 5000", False, 5.0),
        ("commitlog_sync_group_window: 500us", False, 0.0005),
        ("commitlog_compression: [{class_name: LZ4Compressor}]", True, 10.0),
        ("commitlog_compression: []", False, 10.0),
        ("commitlog_compression:", False, 10.0),
        ("commitlog_disk_access_mode: direct", True, 10.0),
        ("transparent_data_encryption_options: {enabled: off}", False, 10.0),
        ("transparent_data_encryption_options: {enabled: on}", True, 10.0),
    ],
)
def test_how_the_commit_log_is_written_is_read(
    config: pathlib.Path, setting: str, *, buffered: bool, seconds: float
) -> None:
    config.write_text(TEXT.replace("commitlog_sync_period: 10000ms\n", "") + setting + "\n")
    mode = cassandra_yaml.read_commit_log_mode(str(config))
    assert (mode.buffered, mode.sync_period_seconds) == (buffered, seconds)


@pytest.mark.parametrize("setting", ["commitlog_sync_period: soon", "transparent_data_encryption_options: on"])
def test_what_says_nothing_about_the_commit_log_is_refused_with_its_line(config: pathlib.Path, setting: str) -> None:
    config.write_text(TEXT + setting + "\n")
    with pytest.raises(LocalFilesError, match=f"line 21: {setting.split(':')[0]} "):
        cassandra_yaml.read_commit_log_mode(str(config))


@pytest.mark.parametrize(
    ("setting", "expected"), [("auto_snapshot: no", False), ("auto_snapshot: 'on'", True), ("", True)]
)
def test_whether_a_truncation_takes_a_snapshot_is_read(config: pathlib.Path, setting: str, *, expected: bool) -> None:
    config.write_text(f"{TEXT}{setting}\n")
    assert cassandra_yaml.has_snapshots_before_truncations(str(config)) is expected


def test_what_is_not_utf_8_is_told_with_its_line(config: pathlib.Path) -> None:
    config.write_bytes(b"a: 1\ncluster_name: Caf\xe9\n")
    with pytest.raises(LocalFilesError, match="line 2: what stands there is not UTF-8"):
        cassandra_yaml.read_config(str(config))
