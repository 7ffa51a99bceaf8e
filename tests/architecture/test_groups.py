# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every test of the lab is in the gate or in another group, and in one only."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from gate.groups import GROUPS, Group, Selection, groups_named, groups_with, not_in_one_group

ROOT = pathlib.Path(__file__).parents[2]
_SLOW_MINUTES_MAX = 40


def collected(*arguments: str, cache: pathlib.Path) -> list[str]:
    """What pytest finds in the lab's tests, by its ids."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", f"cache_dir={cache}", "tests/lab", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.fixture(scope="module")
def lab_test_ids(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All tests of the lab."""
    return collected(cache=tmp_path_factory.mktemp("cache"))


def test_every_test_of_the_lab_is_in_one_group(lab_test_ids: list[str]) -> None:
    assert lab_test_ids
    assert not_in_one_group(lab_test_ids) == []


def test_every_module_of_the_lab_has_tests_in_a_group(lab_test_ids: list[str]) -> None:
    modules = {path.name for path in (ROOT / "tests" / "lab").glob("test_*.py")}
    assert modules == {test_id.partition("::")[0].rpartition("/")[2] for test_id in lab_test_ids}


def test_a_group_names_no_tests_that_there_are_not(lab_test_ids: list[str]) -> None:
    stale = [
        (group.name, tests)
        for group in GROUPS
        for tests in group.tests
        if not any(tests.has(test_id) for test_id in lab_test_ids)
    ]
    assert stale == []


def test_a_group_that_is_asked_for_has_its_tests_and_no_other(lab_test_ids: list[str], tmp_path: pathlib.Path) -> None:
    (group,) = groups_named(["table-modes-4.0"])
    found = collected("--groups=table-modes-4.0", cache=tmp_path)
    assert found == [test_id for test_id in lab_test_ids if groups_with(test_id) == (group,)]
    assert found


def test_groups_have_names_of_their_own_and_end_in_time() -> None:
    names = [group.name for group in GROUPS]
    assert len(set(names)) == len(names)
    assert "gate" not in names
    assert not [group.name for group in GROUPS if group.minutes > _SLOW_MINUTES_MAX]


def test_a_test_in_no_group_and_one_in_two_are_found() -> None:
    one = Group(name="one", proves="", tests=(Selection("test_a.py"),), nodes=1, minutes=1)
    other = Group(name="other", proves="", tests=(Selection("test_a.py", case="5.0"),), nodes=1, minutes=1)
    ids = ["tests/lab/test_a.py::test_x", "tests/lab/test_a.py::test_x[5.0-2]", "tests/lab/test_b.py::test_x"]
    assert not_in_one_group(ids, groups=[one, other]) == [
        "tests/lab/test_a.py::test_x[5.0-2] is in one and other",
        "tests/lab/test_b.py::test_x is in no group",
    ]


@pytest.mark.parametrize(
    "tests",
    [
        Selection("test_a.py"),
        Selection("test_a.py", case="5.0"),
        Selection("test_a.py", case="5.0-3"),
        Selection("test_a.py", named=("test_in_",)),
        Selection("test_a.py", but=("test_out_",)),
    ],
)
def test_a_test_is_known_by_module_name_and_case(tests: Selection) -> None:
    assert tests.has("tests/lab/test_a.py::test_in_place[5.0-3]")


@pytest.mark.parametrize(
    "tests",
    [
        Selection("test_aa.py"),
        Selection("test_a.py", case="3-5.0"),
        Selection("test_a.py", named=("test_out_",)),
        Selection("test_a.py", but=("test_in_",)),
    ],
)
def test_another_test_is_not_taken_for_it(tests: Selection) -> None:
    assert not tests.has("tests/lab/test_a.py::test_in_place[5.0-3]")


def test_a_group_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="table-kills"):
        groups_named(["nothing"])


def test_the_gate_stands_for_all_of_its_groups() -> None:
    assert groups_named(["gate"]) == tuple(group for group in GROUPS if group.gate)
