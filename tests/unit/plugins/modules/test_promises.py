# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module promises of check mode, diff and idempotency, some test shows, for each state that it has."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import typing as t

import pytest
import yaml

from ansible_collections.revive.cassandra.plugins.modules import decide_together
from tests.unit.plugins.modules.test_check_mode import CASES, REPOSITORY, ROOT, Case, replace_operations
from tests.unit.plugins.modules.test_every_module import MODULES, NAMES, documentation

BACKUP = "module_utils/_operations/backup/test_upload_and_publish.py"
SNAPSHOT = "module_utils/_operations/backup/test_snapshot.py"
MARKER = "module_utils/_operations/repository/test_marker.py"
FETCH = "module_utils/_operations/restore/test_fetch.py"
STEPS = "module_utils/_operations/restore/test_moment_steps.py"
SWITCH = "module_utils/_operations/restore/test_switch.py"
IMPORT = "module_utils/_operations/tables/test_importing.py"
KEEP = "module_utils/_operations/tables/test_keeping.py"
MAKE = "module_utils/_operations/tables/test_making.py"
VIEWS = (
    "module_utils/_operations/tables/test_views.py"
    "::test_what_makes_a_view_is_on_the_disk_before_it_is_dropped_and_taken_up_by_the_next_run"
)
ROWS = "module_utils/_operations/tables/test_row_verification.py"
ARCHIVE = "module_utils/_operations/archive/test_setup.py"
LEASES = "modules/test_leases.py"
EVERY_MODULE = "modules/test_check_mode.py"
READING = "modules/test_promises.py"


@dataclasses.dataclass(frozen=True)
class Shown:
    """Which tests, below tests/unit/plugins, show what is promised of a module in a state.

    :param check_mode: that check mode says what the same would then do; empty if none does.
    :param second_time: that the second time nothing changes; empty if none does.
    """

    check_mode: str = ""
    second_time: str = ""


ONLY_READS = f"{READING}::test_what_only_reads_changes_nothing"
STATEMENTS = f"{MAKE}::test_check_mode_says_which_statements_there_would_be"
GIVEN_UP = "module_utils/_operations/restore/test_listing.py::test_what_was_fetched_only_is_given_up_once"
SWITCHED = f"{STEPS}::test_check_mode_says_what_a_switched_node_would_do"
STAGED = f"{STEPS}::test_a_node_stages_what_the_plan_names_of_its_sources_log"
COMPLETED = f"{MAKE}::test_a_new_table_is_completed_once_and_says_whose_it_is_until_it_is_released"
HAD_ONCE = f"{LEASES}::test_having_a_node_and_giving_it_back_changes_something_once"
#: By module and state; those that only read are known by their documentation.
SHOWN = {
    ("cassandra_backup_publish", ""): Shown(
        f"{BACKUP}::test_check_mode_says_what_an_upload_and_a_publication_would_do",
        f"{BACKUP}::test_a_backup_is_visible_when_it_is_published_and_not_before",
    ),
    ("cassandra_backup_upload", ""): Shown(
        f"{BACKUP}::test_check_mode_says_what_an_upload_and_a_publication_would_do",
        f"{BACKUP}::test_a_second_upload_of_the_same_snapshot_changes_nothing_and_reads_nothing",
    ),
    ("cassandra_lease", "held"): Shown(HAD_ONCE, HAD_ONCE),
    ("cassandra_lease", "released"): Shown(HAD_ONCE, HAD_ONCE),
    ("cassandra_repository", "present"): Shown(
        f"{MARKER}::test_check_mode_writes_nothing", f"{MARKER}::test_an_empty_prefix_becomes_a_repository_once"
    ),
    ("cassandra_restore", "fetched"): Shown("", f"{FETCH}::test_fetching_again_fetches_nothing"),
    ("cassandra_restore", "staged"): Shown(STAGED, STAGED),
    ("cassandra_restore", "switched"): Shown(
        SWITCHED, f"{SWITCH}::test_a_switch_lays_down_what_was_fetched_and_keeps_who_the_node_is"
    ),
    ("cassandra_restore", "serving"): Shown(
        f"{STEPS}::test_an_index_is_rebuilt_once", f"{STEPS}::test_an_index_is_rebuilt_once"
    ),
    ("cassandra_restore", "repaired"): Shown(f"{STEPS}::test_a_repair_is_made_each_time", ""),
    ("cassandra_restore", "rolled_back"): Shown(
        SWITCHED, f"{SWITCH}::test_a_roll_back_restores_names_inodes_contents_and_configuration"
    ),
    ("cassandra_restore", "finished"): Shown(
        SWITCHED, f"{SWITCH}::test_finishing_keeps_what_was_put_aside_until_it_is_said_that_it_can_go"
    ),
    ("cassandra_restore", "abandoned"): Shown(GIVEN_UP, GIVEN_UP),
    ("cassandra_snapshot", "present"): Shown(
        f"{SNAPSHOT}::test_check_mode_says_what_would_be_and_does_nothing",
        f"{SNAPSHOT}::test_a_snapshot_is_taken_once_and_recorded",
    ),
    ("cassandra_snapshot", "absent"): Shown(
        f"{SNAPSHOT}::test_clearing_by_tag_takes_all_that_was_noted_along",
        f"{SNAPSHOT}::test_clearing_by_tag_takes_all_that_was_noted_along",
    ),
    ("cassandra_table_restore", "created"): Shown(
        STATEMENTS, f"{MAKE}::test_what_is_missing_is_made_and_what_was_cut_off_is_made_anew"
    ),
    ("cassandra_table_restore", "fetched"): Shown("", f"{FETCH}::test_fetching_again_fetches_nothing"),
    ("cassandra_table_restore", "staged"): Shown(STAGED, STAGED),
    ("cassandra_table_restore", "saved"): Shown(
        f"{KEEP}::test_what_is_emptied_is_kept_once_before_and_known_by_the_nodes_own_memory", ""
    ),
    ("cassandra_table_restore", "emptied"): Shown(STATEMENTS, ""),
    ("cassandra_table_restore", "imported"): Shown(
        f"{IMPORT}::test_what_is_imported_is_not_imported_again_and_what_failed_is",
        f"{IMPORT}::test_what_is_imported_is_not_imported_again_and_what_failed_is",
    ),
    ("cassandra_table_restore", "completed"): Shown(STATEMENTS, ""),
    ("cassandra_table_restore", "verified"): Shown(
        f"{ROWS}::test_what_could_not_be_compared_is_said_beforehand", ONLY_READS
    ),
    ("cassandra_table_restore", "released"): Shown(STATEMENTS, COMPLETED),
    ("cassandra_table_restore", "put_back"): Shown(
        "", f"{KEEP}::test_what_was_there_before_the_import_is_put_back_and_nothing_later"
    ),
    ("cassandra_table_restore", "viewed"): Shown(VIEWS, ""),
    ("cassandra_table_restore", "finished"): Shown(
        f"{IMPORT}::test_finished_nothing_is_left_but_the_tables",
        f"{IMPORT}::test_finished_nothing_is_left_but_the_tables",
    ),
    ("commitlog_archive", "present"): Shown(
        f"{ARCHIVE}::test_the_same_again_changes_nothing_and_check_mode_never_does",
        f"{ARCHIVE}::test_the_same_again_changes_nothing_and_check_mode_never_does",
    ),
    ("commitlog_archive", "absent"): Shown(
        f"{ARCHIVE}::test_absent_leaves_nothing_but_what_was_there",
        f"{ARCHIVE}::test_absent_leaves_nothing_but_what_was_there",
    ),
    ("commitlog_archive_ship", ""): Shown(f"{EVERY_MODULE}::test_check_mode_writes_nothing", ""),
}


def promised(name: str, promise: str) -> tuple[str, str]:
    """What a module promises, and why it is no more than that."""
    attribute = documentation(name)["attributes"][promise]
    return attribute["support"], " ".join(attribute.get("details", ()))


def only_reads(name: str) -> bool:
    """Whether a module says of itself that it never changes anything."""
    return promised(name, "idempotent") == ("full", "The module only reads.")


def states(name: str) -> list[str]:
    """The states that a module has; one without a name for a module that has none."""
    option = importlib.import_module(f"{MODULES}.{name}").ARGUMENTS.options.get("state", {"choices": [""]})
    return list(option["choices"])


def state_of(case: Case) -> str:
    """The state that a case is of."""
    option = importlib.import_module(f"{MODULES}.{case.module}").ARGUMENTS.options.get("state", {})
    return str(case.options.get("state") or option.get("default", ""))


@functools.cache
def names_in_file(file: str) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse((ROOT / "tests/unit/plugins" / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


WRITING = [name for name in NAMES if not only_reads(name)]
STATES = [(name, state) for name in WRITING for state in states(name)]


def test_every_state_is_in_the_table_and_in_the_cases_of_check_mode() -> None:
    assert set(SHOWN) == set(STATES)
    assert {(case.module, state_of(case)) for case in CASES} >= set(STATES)


@pytest.mark.parametrize("shown", SHOWN.values(), ids=map("-".join, SHOWN))
def test_the_tests_that_the_table_names_are_there(shown: Shown) -> None:
    for reference in filter(None, (shown.check_mode, shown.second_time)):
        file, _colons, name = reference.partition("::")
        assert name.startswith("test_")
        assert name in names_in_file(file), reference


@pytest.mark.parametrize(("name", "state"), STATES)
@pytest.mark.parametrize(("promise", "of"), [("check_mode", "check_mode"), ("idempotent", "second_time")])
def test_what_is_promised_of_a_state_a_test_shows(name: str, state: str, promise: str, of: str) -> None:
    support, details = promised(name, promise)
    reference = getattr(SHOWN[name, state], of)
    if support == "full":
        assert reference
    elif support == "partial":
        assert reference or f"V({state})" in details, "neither shown nor excepted"
    else:
        assert (support, bool(details), reference) == ("none", True, "")


@pytest.mark.parametrize("name", WRITING)
def test_a_promise_that_is_kept_in_part_says_which(name: str) -> None:
    for promise in ("check_mode", "diff_mode", "idempotent"):
        support, details = promised(name, promise)
        assert support in ("full", "partial", "none")
        assert details or support != "partial", promise


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    "case", [case for case in CASES if promised(case.module, "diff_mode")[0] == "full"], ids=lambda case: case.module
)
def test_a_difference_that_is_promised_is_there_in_both_modes(
    case: Case, run_module: t.Any, replace_operation: t.Any, *, check_mode: bool
) -> None:
    replace_operations(replace_operation)
    options = {"repository": REPOSITORY, **case.options}

    told = run_module(case.module, check_mode=check_mode, diff=True, **options)["diff"]
    for each in told if isinstance(told, list) else [told]:
        assert {"before", "after"} <= set(each)
    assert told != []
    assert "diff" not in run_module(case.module, check_mode=check_mode, **options)


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if only_reads(case.module) or state_of(case) == "verified"],
    ids=lambda case: case.module,
)
def test_what_only_reads_changes_nothing(
    case: Case, run_module: t.Any, replace_operation: t.Any, *, check_mode: bool
) -> None:
    writes = replace_operations(replace_operation)

    result = run_module(case.module, check_mode=check_mode, repository=REPOSITORY, **case.options)

    assert result.get("changed", False) is False
    assert not {name for name, calls in writes.items() if calls} - {"tables.row_verification.verify_rows"}


def test_the_module_that_an_action_does_makes_the_promises_of_those_that_only_read() -> None:
    attributes = yaml.safe_load(decide_together.DOCUMENTATION)["attributes"]

    assert {name: attribute["support"] for name, attribute in attributes.items()} == {
        "check_mode": "full",
        "diff_mode": "N/A",
        "idempotent": "full",
    }
    assert "test_all_hosts_go_on_together" in names_in_file("action/test_decide_together.py")
