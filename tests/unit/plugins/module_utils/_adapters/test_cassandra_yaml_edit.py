# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's ``cassandra.yaml`` gets tokens without losing a byte that has nothing to do with them."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import cassandra_yaml, cassandra_yaml_edit
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, LocalFilesError
from tests.unit.plugins.module_utils._adapters.handwritten_yaml import TEXT, write_config


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    return write_config(tmp_path)


def test_tokens_are_set_and_everything_else_stays(config: pathlib.Path) -> None:
    assert cassandra_yaml_edit.set_ring_position(str(config), tokens=["-12", "34"], check_mode=False)
    expected = TEXT.replace(
        "num_tokens: 16  # the default\n",
        'num_tokens: 2  # the default\ninitial_token: "-12,34"\nauto_bootstrap: false\n',
    )
    assert config.read_text() == expected
    assert config.stat().st_mode & 0o777 == 0o640
    found = cassandra_yaml.read_config(str(config))
    assert found.num_tokens == 2


def test_setting_the_same_tokens_again_changes_nothing(config: pathlib.Path) -> None:
    cassandra_yaml_edit.set_ring_position(str(config), tokens=["1", "2"], check_mode=False)
    inode = config.stat().st_ino
    assert not cassandra_yaml_edit.set_ring_position(str(config), tokens=["1", "2"], check_mode=False)
    assert config.stat().st_ino == inode


def test_check_mode_writes_nothing(config: pathlib.Path) -> None:
    assert cassandra_yaml_edit.set_ring_position(str(config), tokens=["1"], check_mode=True)
    assert config.read_text() == TEXT
    assert os.listdir(config.parent) == ["cassandra.yaml"]


def test_the_original_comes_back_exactly(config: pathlib.Path) -> None:
    config.write_text(TEXT.rstrip("\n"))
    cassandra_yaml_edit.set_ring_position(str(config), tokens=["1"], check_mode=False)
    cassandra_yaml_edit.set_ring_position(str(config), tokens=["2"], check_mode=False)
    assert cassandra_yaml_edit.put_back(str(config))
    assert config.read_text() == TEXT.rstrip("\n")
    assert not cassandra_yaml_edit.put_back(str(config))
    assert os.listdir(config.parent) == ["cassandra.yaml"]


def test_a_linked_configuration_stays_a_link(config: pathlib.Path) -> None:
    link = config.with_name("link.yaml")
    link.symlink_to(config)
    cassandra_yaml_edit.set_ring_position(str(link), tokens=["1"], check_mode=False)
    assert link.is_symlink()
    assert 'initial_token: "1"' in config.read_text()


_SET = 'num_tokens: 2\ninitial_token: "-1,2"\nauto_bootstrap: false\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\n", "a: 1\n" + 'initial_token: "-1,2"\nnum_tokens: 2\nauto_bootstrap: false\n'),
        ("num_tokens: 16", _SET),
        ("num_tokens: 16\nb: 1", _SET + "b: 1"),
        ("num_tokens:\nb: 1\n", _SET + "b: 1\n"),
        ("num_tokens:   # the default\n", _SET.replace(": 2", ": 2   # the default")),
        ("num_tokens: 3\nnum_tokens: 16\n", "num_tokens: 3\n" + _SET),
        ("\ufeffnum_tokens: 16\n", "\ufeff" + _SET),
        ("num_tokens: 16\r\nb: 1\r\n", _SET.replace("\n", "\r\n") + "b: 1\r\n"),
        ("num_tokens: 16\n...\n", _SET + "...\n"),
        ("a: 1\n...\n", 'a: 1\ninitial_token: "-1,2"\nnum_tokens: 2\nauto_bootstrap: false\n...\n'),
        ("  num_tokens: 16\n  b: 1\n", "".join(f"  {line}\n" for line in _SET.splitlines()) + "  b: 1\n"),
        ("'num_tokens': '0x10'\n", _SET.replace("num_tokens", "'num_tokens'")),
        (
            "num_tokens: 2\ninitial_token: -5,\n  6  # mine\nauto_bootstrap: yes\n",
            'num_tokens: 2\ninitial_token: "-1,2"  # mine\nauto_bootstrap: false\n',
        ),
        (
            "auto_bootstrap: On\ninitial_token: |\n  -5,\n  6\n\n# num_tokens: 1\nnum_tokens: 4\n",
            'auto_bootstrap: false\ninitial_token: "-1,2"\n\n# num_tokens: 1\nnum_tokens: 2\n',
        ),
        ('initial_token: "1,\n  2"\n', 'initial_token: "-1,2"\nnum_tokens: 2\nauto_bootstrap: false\n'),
        (
            "{num_tokens: 16, initial_token: 5, auto_bootstrap: no, b: [1]}",
            '{num_tokens: 2, initial_token: "-1,2", auto_bootstrap: no, b: [1]}',
        ),
    ],
)
def test_however_the_file_is_written_only_the_three_settings_change(
    config: pathlib.Path, before: str, after: str
) -> None:
    config.write_bytes(before.encode())
    assert cassandra_yaml_edit.set_ring_position(str(config), tokens=["-1", "2"], check_mode=False)
    assert config.read_bytes().decode() == after
    assert not cassandra_yaml_edit.set_ring_position(str(config), tokens=["-1", "2"], check_mode=False)


@pytest.mark.parametrize(
    "text",
    [
        "num_tokens: &n 16\nb: *n\n",
        "b: &n 16\nnum_tokens: *n\n",
        "{num_tokens: 16}",
        "initial_token: [1, 2]\n",
        "num_tokens: ${N}\n",
        "auto_bootstrap:\n",
        "a: 1\n\tb\n",
    ],
)
def test_a_file_that_cannot_be_changed_safely_is_left_alone(config: pathlib.Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(LocalFilesError, match=r"cannot be changed safely|line 1: |line 2, is not valid"):
        cassandra_yaml_edit.set_ring_position(str(config), tokens=["1"], check_mode=False)
    assert config.read_text() == text
    assert os.listdir(config.parent) == ["cassandra.yaml"]


def test_tokens_that_are_none_are_refused(config: pathlib.Path) -> None:
    with pytest.raises(InputError):
        cassandra_yaml_edit.set_ring_position(str(config), tokens=["a b"], check_mode=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("num_tokens: 16\nb: 1\n", "num_tokens: 2\nb: 1\n"),
        ("a: 1\r\n", "a: 1\r\nnum_tokens: 2\r\n"),
        (
            "num_tokens: 4  # four\nauto_bootstrap: yes  # mine\n",
            "num_tokens: 2  # four\nauto_bootstrap: yes  # mine\n",
        ),
        ("num_tokens: 4\nauto_bootstrap: no\n", "num_tokens: 2\nauto_bootstrap: no\n"),
        ("num_tokens: 4\ninitial_token:\n", "num_tokens: 2\ninitial_token: \n"),
        # What the operator sets anyway has to fit num_tokens.
        ("num_tokens: 1\ninitial_token: -7\n", 'num_tokens: 2\ninitial_token: "-1,2"\n'),
        (
            "{num_tokens: 4, initial_token: 5, auto_bootstrap: on}",
            '{num_tokens: 2, initial_token: "-1,2", auto_bootstrap: on}',
        ),
        ("  num_tokens: 4\n  b: 1", "  num_tokens: 2\n  b: 1"),
        (
            "num_tokens: 4\ninitial_token:  # none\nauto_bootstrap: true",
            "num_tokens: 2\ninitial_token:   # none\nauto_bootstrap: true",
        ),
    ],
)
def test_what_a_node_needed_for_its_first_start_is_taken_out_again(
    config: pathlib.Path, before: str, after: str
) -> None:
    config.write_bytes(before.encode())
    cassandra_yaml_edit.set_ring_position(str(config), tokens=["-1", "2"], check_mode=False)
    changed = config.read_bytes()
    assert cassandra_yaml_edit.settle(str(config), tokens=["-1", "2"], check_mode=True) == (changed.decode() != after)
    assert config.read_bytes() == changed
    assert cassandra_yaml_edit.settle(str(config), tokens=["-1", "2"], check_mode=False) == (changed.decode() != after)
    assert config.read_bytes().decode() == after
    assert not cassandra_yaml_edit.settle(str(config), tokens=["-1", "2"], check_mode=False)
    assert cassandra_yaml_edit.put_back(str(config))
    assert config.read_bytes().decode() == before


def test_what_somebody_has_changed_since_is_left_alone(config: pathlib.Path) -> None:
    cassandra_yaml_edit.set_ring_position(str(config), tokens=["1"], check_mode=False)
    config.write_text(
        config.read_text().replace('"1"', '"5"  # mine').replace("auto_bootstrap: false", "auto_bootstrap: true")
    )
    assert not cassandra_yaml_edit.settle(str(config), tokens=["1"], check_mode=False)
    assert 'initial_token: "5"  # mine' in config.read_text()


def test_a_remark_that_somebody_has_made_stays(config: pathlib.Path) -> None:
    cassandra_yaml_edit.set_ring_position(str(config), tokens=["1"], check_mode=False)
    config.write_text(config.read_text().replace("auto_bootstrap: false", "auto_bootstrap: false  # why?"))
    assert cassandra_yaml_edit.settle(str(config), tokens=["1"], check_mode=False)
    assert config.read_text() == TEXT.replace("num_tokens: 16", "num_tokens: 1").replace(
        "# initial_token:", "  # why?\n# initial_token:"
    )


def test_without_the_kept_original_nothing_is_taken_out(config: pathlib.Path) -> None:
    cassandra_yaml_edit.set_ring_position(str(config), tokens=["1"], check_mode=False)
    cassandra_yaml_edit.forget_original(str(config))
    assert not cassandra_yaml_edit.settle(str(config), tokens=["1"], check_mode=False)


def test_a_file_that_could_not_be_replaced_is_refused_before_it_has_to_be(
    config: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cassandra_yaml_edit.check_changeable(str(config))
    assert config.read_text() == TEXT
    monkeypatch.setattr(cassandra_yaml_edit, "mount_points_in", lambda path: [path])
    with pytest.raises(LocalFilesError, match="is a mount point and cannot be replaced"):
        cassandra_yaml_edit.check_changeable(str(config))
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(LocalFilesError, match="cannot be replaced by this user"):
        cassandra_yaml_edit.check_changeable(str(config))
    config.write_text("initial_token: [1, 2]\n")
    with pytest.raises(LocalFilesError, match="line 1: initial_token is a list"):
        cassandra_yaml_edit.check_changeable(str(config))
