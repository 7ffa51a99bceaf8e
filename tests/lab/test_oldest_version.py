# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oldest Cassandra that is promised: backed up; tables restored beside what is there, and all of it in place."""

from __future__ import annotations

import contextlib
from pathlib import Path

from lab.distribution import CASSANDRA_4_0
from lab.schema import KEYSPACE
from tests.lab.rehearsal import TAG, Rehearsal


def test_cassandra_4_0_is_backed_up_and_restored(tmp_path: Path) -> None:
    with contextlib.ExitStack() as ending:
        rehearsal = Rehearsal(root=tmp_path, version=CASSANDRA_4_0, ending=ending)
        rehearsal.play(
            "restore_tables", restore_point=TAG, restore_keyspaces=KEYSPACE, restore_into_keyspace="restored"
        ).require_success()
        rehearsal.require_restored(keyspace="restored")
        run = rehearsal.play("disaster_recovery", **rehearsal.restore_variables)
        assert run.exit_status == 0, run.output
        rehearsal.require_restored()
