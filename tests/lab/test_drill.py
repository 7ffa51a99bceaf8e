# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill itself, as ``make drill`` runs it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from lab.distribution import CASSANDRA_4_1, CASSANDRA_5_0, series_of
from lab.drill import run_drill
from lab.drill_frame import FrameSettings
from lab.signing_key import SIGNER


@pytest.mark.parametrize(
    ("version", "nodes", "encrypted"),
    [
        pytest.param(CASSANDRA_5_0, 2, True, id=series_of(CASSANDRA_5_0)),
        pytest.param(CASSANDRA_4_1, 3, False, id=series_of(CASSANDRA_4_1)),
    ],
)
def test_a_cluster_that_is_lost_altogether_is_rebuilt_from_the_bucket(
    version: str, nodes: int, tmp_path: Path, *, encrypted: bool
) -> None:
    show = io.StringIO()
    settings = FrameSettings(
        root=tmp_path,
        version=version,
        nodes=nodes,
        certificates=1_000,
        writes_per_second=20,
        encrypted=encrypted,
        signed=encrypted,
    )
    try:
        report = run_drill(settings, show=show)
    except BaseException:
        sys.stdout.write(show.getvalue())
        raise
    assert report.check.ok, report.check.summary()
    assert report.check.rows_required > settings.certificates
    assert report.old_addresses_seen == ()
    assert 0 < report.second_backup["new_stored_size"] < report.second_backup["stored_size"]
    output = show.getvalue()
    assert "is complete in s3://" in output
    assert "certificate_manager.certificates" in output
    signed = f"It is signed by {SIGNER}." if encrypted else "It is not signed."
    assert output.count(signed) >= 2, "the backups say who has signed them"
    if encrypted:
        # What the plan says, and the report.
        assert output.count(f"The backup is signed by {SIGNER} (SHA256:") >= 2
        assert "the commit logs that are replayed on it are not" in output
    else:
        assert output.count("The backup is not signed.") >= 2


def test_what_a_quorum_acknowledged_while_a_node_was_down_is_there_after_recovery_and_repair(tmp_path: Path) -> None:
    show = io.StringIO()
    settings = FrameSettings(root=tmp_path, nodes=3, certificates=1_000, writes_per_second=20, missing_node=True)
    try:
        report = run_drill(settings, show=show)
    except BaseException:
        sys.stdout.write(show.getvalue())
        raise
    assert report.check.ok, report.check.summary()
    assert report.alone is not None
    assert report.alone.ok, report.alone.summary()
    assert report.alone.rows_required > settings.certificates
    assert "Repaired from the others, since the backup has nothing of them" in show.getvalue()
