# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's ``cassandra.yaml`` is read with all its directories, and gets tokens without losing a comment."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import cassandra_yaml
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, LocalFilesError

_TEXT = """\
# NOTE: this file is written by hand.
cluster_name: 'Test Cluster'   # quoted, as it was

# as many as before
num_tokens: 16  # the default
# initial_token:

data_file_directories:
     - /var/lib/cassandra/data1
     - /var/lib/cassandra/data2
commitlog_directory: /var/lib/cassandra/commitlog
hints_directory: /var/lib/cassandra/hints
saved_caches_directory: /var/lib/cassandra/saved_caches
seed_provider:
    # Addresses of hosts
    - class_name: org.apache.cassandra.locator.SimpleSeedProvider
      parameters:
          - seeds: "10.0.0.1:7000, 10.0.0.2"
listen_address: 10.0.0.1
commitlog_sync_period: 10000ms
"""


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "cassandra.yaml"
    path.write_text(_TEXT)
    path.chmod(0o640)
    return path


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
    config.write_text("\n".join(line for line in _TEXT.splitlines() if not line.startswith(name)))
    with pytest.raises(LocalFilesError, match=f"does not set {name}.*Set {name}"):
        cassandra_yaml.read_config(str(config))


def test_change_data_capture_needs_its_directory(config: pathlib.Path) -> None:
    config.write_text(_TEXT + "cdc_enabled: true\n")
    with pytest.raises(LocalFilesError, match="cdc_raw_directory"):
        cassandra_yaml.read_config(str(config))


@pytest.mark.parametrize("text", ["", "- a list\n", "a: [1\n", "\tx"])
def test_what_is_no_configuration_is_refused(config: pathlib.Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(LocalFilesError):
        cassandra_yaml.read_config(str(config))


def test_tokens_are_set_and_everything_else_stays(config: pathlib.Path) -> None:
    assert cassandra_yaml.set_ring_position(str(config), tokens=["-12", "34"], check_mode=False)
    expected = _TEXT.replace(
        "num_tokens: 16  # the default\n",
        'num_tokens: 2  # the default\ninitial_token: "-12,34"\nauto_bootstrap: false\n',
    )
    assert config.read_text() == expected
    assert config.stat().st_mode & 0o777 == 0o640
    found = cassandra_yaml.read_config(str(config))
    assert found.num_tokens == 2


def test_setting_the_same_tokens_again_changes_nothing(config: pathlib.Path) -> None:
    cassandra_yaml.set_ring_position(str(config), tokens=["1", "2"], check_mode=False)
    inode = config.stat().st_ino
    assert not cassandra_yaml.set_ring_position(str(config), tokens=["1", "2"], check_mode=False)
    assert config.stat().st_ino == inode


def test_check_mode_writes_nothing(config: pathlib.Path) -> None:
    assert cassandra_yaml.set_ring_position(str(config), tokens=["1"], check_mode=True)
    assert config.read_text() == _TEXT
    assert os.listdir(config.parent) == ["cassandra.yaml"]


def test_the_original_comes_back_exactly(config: pathlib.Path) -> None:
    config.write_text(_TEXT.rstrip("\n"))
    cassandra_yaml.set_ring_position(str(config), tokens=["1"], check_mode=False)
    cassandra_yaml.set_ring_position(str(config), tokens=["2"], check_mode=False)
    assert cassandra_yaml.put_back(str(config))
    assert config.read_text() == _TEXT.rstrip("\n")
    assert not cassandra_yaml.put_back(str(config))
    assert os.listdir(config.parent) == ["cassandra.yaml"]


def test_a_linked_configuration_stays_a_link(config: pathlib.Path) -> None:
    link = config.with_name("link.yaml")
    link.symlink_to(config)
    cassandra_yaml.set_ring_position(str(link), tokens=["1"], check_mode=False)
    assert link.is_symlink()
    assert 'initial_token: "1"' in config.read_text()


def test_a_value_over_several_lines_is_left_alone(config: pathlib.Path) -> None:
    text = _TEXT + 'initial_token: "1,\n  2"\n'
    config.write_text(text)
    with pytest.raises(LocalFilesError, match=r"cannot be changed safely|not valid"):
        cassandra_yaml.set_ring_position(str(config), tokens=["1"], check_mode=False)
    assert config.read_text() == text


def test_tokens_that_are_none_are_refused(config: pathlib.Path) -> None:
    with pytest.raises(InputError):
        cassandra_yaml.set_ring_position(str(config), tokens=["a b"], check_mode=False)
