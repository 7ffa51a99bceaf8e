# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores in place that fail half-way: the cluster goes on serving what it had, and the next run converges."""

from __future__ import annotations

import contextlib
import re
import signal
import typing as t

import pytest

from lab.distribution import CASSANDRA_5_0
from lab.playbook import PlaybookRun, run_playbook
from tests.lab.rehearsal import (
    BUCKET,
    PREFIX,
    TAG,
    Rehearsal,
    fetched_bytes,
    kill_the_controller,
    play_and,
    signal_modules,
    switch_phase,
)

_SLOW_BYTES_PER_SECOND = 200_000
_OTHER_TAG = "taken_later"


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Rehearsal]:
    with contextlib.ExitStack() as ending:
        yield Rehearsal(root=tmp_path_factory.mktemp("rehearsal"), version=CASSANDRA_5_0, ending=ending)


def test_a_corrupted_object_is_named_and_nothing_is_touched(rehearsal: Rehearsal) -> None:
    key = rehearsal.certificate_object()
    client = rehearsal.server.client()
    body = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    damaged = bytearray(body)
    damaged[len(damaged) // 2] ^= 0x01
    client.put_object(Bucket=BUCKET, Key=key, Body=bytes(damaged))
    try:
        run = rehearsal.play("disaster_recovery", **rehearsal.restore_variables)
    finally:
        client.put_object(Bucket=BUCKET, Key=key, Body=body)
    assert run.exit_status != 0, run.output
    assert key.removeprefix(f"{PREFIX}/") in run.output
    assert "Stop Cassandra" not in run.output, run.output
    rehearsal.require_original()


def test_the_schema_is_kept_as_it_is_also_where_it_has_the_password_in_it(rehearsal: Rehearsal) -> None:
    statements = [text for text in rehearsal.manifest()["schema_cql"] if "certificate_manager.certificates" in text]
    assert rehearsal.cluster.superuser.password in "".join(statements), "the password is no part of the schema"
    assert "**" not in "".join(statements)


def test_a_target_that_was_not_confirmed_is_refused_and_the_message_says_how(rehearsal: Rehearsal) -> None:
    run = rehearsal.play("disaster_recovery", restore_point=TAG)
    assert run.exit_status != 0, run.output
    assert "restore_confirm_cluster" in run.output
    assert rehearsal.cluster.cluster_name in run.output
    unknown = rehearsal.play("disaster_recovery", **{**rehearsal.restore_variables, "restore_point": "never_made"})
    assert unknown.exit_status != 0, unknown.output
    assert "never_made" in unknown.output
    assert TAG in unknown.output, "the message does not say which backups there are"
    rehearsal.require_original()


def test_who_comes_second_is_told_who_works_and_the_first_ends_well(rehearsal: Rehearsal) -> None:
    first, tag = rehearsal.cluster.nodes[0], "slow_one"
    # A module that is stopped before it has said anything counts as one that did not start.
    journals = [node.directory / "revive" / "uploads" / f"{tag}.jsonl" for node in rehearsal.cluster.nodes]
    second: dict[str, PlaybookRun] = {}

    def come_second() -> None:
        assert signal_modules(rehearsal.directory, module="cassandra_backup_upload", number=signal.SIGSTOP)
        try:
            for name, variables in (
                ("backup", {"backup_tag": "second_one"}),
                ("disaster_recovery", rehearsal.restore_variables),
                ("disaster_recovery", {"restore_action": "status"}),
            ):
                second[str(variables.get("restore_action", name))] = run_playbook(
                    name, inventory=rehearsal.inventory, directory=rehearsal.directory / "second", variables=variables
                )
        finally:
            signal_modules(rehearsal.directory, module="cassandra_backup_upload", number=signal.SIGCONT)

    run = play_and(
        come_second,
        playbook="backup",
        is_time=lambda: all(journal.exists() for journal in journals),
        inventory=rehearsal.inventory,
        directory=rehearsal.directory,
        variables={
            "backup_tag": tag,
            "backup_max_bytes_per_second": _SLOW_BYTES_PER_SECOND // 4,
            "ansible_pipelining": False,
        },
    )
    for name, touching in (("backup", "Take the snapshot"), ("disaster_recovery", "Fetch everything")):
        output = second[name].output
        assert second[name].exit_status != 0, output
        assert re.search(
            rf"{first.name} is taken by backup {tag}, started by \S+, since 20\S+Z; its process \d+ works", output
        )
        assert "cassandra_take_over_lease=" in output, output
        assert touching not in output, output
    assert f"is taken by backup {tag}" in second["status"].require_success().output
    run.require_success()
    listed = rehearsal.server.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/backups/")
    keys = {entry["Key"] for entry in listed["Contents"]}
    assert f"{PREFIX}/backups/{tag}/manifest.json" in keys
    assert not any("second_one" in key for key in keys)
    status = rehearsal.play("disaster_recovery", restore_action="status").require_success()
    assert "Nobody works on these nodes." in status.output, status.output


def test_a_backup_whose_controller_was_killed_keeps_the_next_one_from_nothing(rehearsal: Rehearsal) -> None:
    first, tag = rehearsal.cluster.nodes[0], "killed_one"
    kill_the_controller(
        "backup",
        is_time=(first.directory / "revive" / "uploads" / f"{tag}.jsonl").exists,
        inventory=rehearsal.inventory,
        directory=rehearsal.directory,
        variables={"backup_tag": tag, "backup_max_bytes_per_second": _SLOW_BYTES_PER_SECOND * 5},
    )
    run = rehearsal.play("backup", backup_tag="after_the_killed_one").require_success()
    assert f"It was taken over: {first.name} is taken by backup {tag}" in " ".join(run.output.split()), run.output
    tags = first.nodetool("listsnapshots")
    assert tag not in tags
    assert "after_the_killed_one" not in tags
    assert not (first.directory / "revive" / "lease" / "lease.json").exists()


def test_a_module_that_is_killed_while_it_fetches_leaves_the_cluster_serving(rehearsal: Rehearsal) -> None:
    run = rehearsal.play_and_kill(
        lambda: fetched_bytes(rehearsal.directory) > 0, restore_max_bytes_per_second=_SLOW_BYTES_PER_SECOND
    )
    assert run.exit_status != 0, run.output
    assert "Stop Cassandra" not in run.output, run.output
    rehearsal.require_original()


def test_a_module_that_is_killed_while_it_switches_is_rolled_back_on_every_node(rehearsal: Rehearsal) -> None:
    first = rehearsal.cluster.nodes[0]
    # So many that the switch takes long enough to be hit.
    strangers = [first.data_directories[0] / f"stranger_{number}" for number in range(4000)]
    for stranger in strangers:
        stranger.mkdir()
    state = first.directory / "revive" / "restores"
    try:
        run = rehearsal.play_and_kill(lambda: switch_phase(state) in ("moving_old", "moving_new"))
    finally:
        left = [stranger for stranger in strangers if not stranger.is_dir()]
        for stranger in set(strangers) - set(left):
            stranger.rmdir()
    assert run.exit_status != 0, run.output
    assert "as it was before" in run.output, run.output
    assert not left, f"{len(left)} directories did not come back"
    rehearsal.require_original()


def test_a_controller_that_dies_after_the_switch_and_runs_again_converges(rehearsal: Rehearsal) -> None:
    rehearsal.play("backup", backup_tag=_OTHER_TAG).require_success()
    rehearsal.play_and_kill_the_controller(
        lambda: all(
            switch_phase(node.directory / "revive" / "restores") == "switched" for node in rehearsal.cluster.nodes
        )
    )
    other = {**rehearsal.restore_variables, "restore_point": _OTHER_TAG}
    run = rehearsal.play("disaster_recovery", **other)
    assert run.exit_status != 0, run.output
    way_on = f"give restore_point={TAG} in revive.cassandra.disaster_recovery"
    for words in ("Nothing has been touched", way_on, "restore_action=undo and restore_id="):
        assert words in run.output, run.output
    assert "Start Cassandra" not in run.output, run.output
    run = rehearsal.play("disaster_recovery", **rehearsal.restore_variables).require_success()
    assert "It is finished now; nothing else was done" in run.output
    rehearsal.require_restored()
    for node in rehearsal.cluster.nodes:
        for directory in node.data_directories:
            assert directory.stat().st_mode & 0o777 == 0o750
            tables = [path for path in (directory / "certificate_manager").iterdir() if path.is_dir()]
            assert tables
            assert {path.stat().st_mode & 0o777 for path in tables} == {0o750}
            assert {path.owner() for path in tables} == {directory.owner()}


def test_a_finished_restore_is_undone_and_the_same_once_more_gives_up_nothing(rehearsal: Rehearsal) -> None:
    run = rehearsal.play("disaster_recovery", restore_action="status").require_success()
    (first,) = set(re.findall(rf"{TAG}-in-place-[0-9a-f]{{8}}", run.output))
    assert run.output.count("finished, ") == len(rehearsal.cluster.nodes), run.output
    run = rehearsal.play("disaster_recovery", restore_action="undo", restore_id=first).require_success()
    rehearsal.require_original()
    # Two nodes cannot answer for three. By then they serve, and what could not be counted is no reason to undo it.
    run = rehearsal.play("disaster_recovery", **rehearsal.restore_variables, restore_verify_consistency="THREE")
    assert run.exit_status != 0, run.output
    assert f"{TAG} is restored and was started on every node, but it could not be verified." in run.output
    rehearsal.require_restored()
    run = rehearsal.play("disaster_recovery", **rehearsal.restore_variables).require_success()
    assert f"had switched every node to the restore {first}-2," in run.output
    rehearsal.require_restored()
    run = rehearsal.play("disaster_recovery", restore_action="remove_old", restore_id=first).require_success()
    for node in rehearsal.cluster.nodes:
        for directory in node.data_directories:
            assert [path.name for path in (directory / ".revive").iterdir()] == [f"{first}-2"]
    rehearsal.require_restored()


def test_a_backup_whose_snapshot_is_cleared_in_part_is_not_visible_and_a_strangers_stays(rehearsal: Rehearsal) -> None:
    first, tag, theirs = rehearsal.cluster.nodes[0], "cleared_in_part", "backup_before_upgrade_to_5"
    first.nodetool("snapshot", "-t", theirs)
    run = play_and(
        lambda: print(first.nodetool("clearsnapshot", "-t", tag, "--", "system_traces")),
        playbook="backup",
        is_time=(first.directory / "revive" / "uploads" / f"{tag}.jsonl").exists,
        inventory=rehearsal.inventory,
        directory=rehearsal.directory,
        variables={"backup_tag": tag, "backup_max_bytes_per_second": _SLOW_BYTES_PER_SECOND // 10},
    )
    assert run.exit_status != 0, run.output
    assert f"Snapshot {tag} of node {first.name} is no more what was taken: system_traces." in run.output
    assert not rehearsal.is_visible(tag)
    tags = first.nodetool("listsnapshots")
    assert tag not in tags
    assert theirs in tags, "a backup cleared a snapshot that it had not made"


def test_a_backup_without_one_of_the_nodes_fails_names_it_and_leaves_nothing(rehearsal: Rehearsal) -> None:
    lost = rehearsal.cluster.nodes[-1]
    lost.kill()
    try:
        run = rehearsal.play("backup", backup_tag="without_one")
    finally:
        lost.start()
        rehearsal.cluster.wait_until_settled()
    assert run.exit_status != 0, run.output
    assert lost.name in run.output or lost.address in run.output, run.output
    listed = rehearsal.server.client().list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/backups/without_one/")
    assert "Contents" not in listed, listed
    for node in rehearsal.cluster.nodes[:-1]:
        assert "without_one" not in node.nodetool("listsnapshots")
