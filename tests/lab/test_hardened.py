# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster as security departments ask for it: archived, backed up encrypted, lost, rebuilt, and a table beside.

What it takes to get in is in ``lab/hardening.py``.
"""

from __future__ import annotations

import dataclasses
import io
import random
import sys
from pathlib import Path

from lab.archiving import covered_until_us, ship_now
from lab.checker import check
from lab.cluster import Cluster
from lab.drill_frame import DrillFrame, FrameSettings
from lab.schema import CERTIFICATES
from lab.truth import moment_text, now_us, read_truth

_TAG = "hardened"
#: What had its timestamp when coverage ended may have been acknowledged after that, and is lost with the cluster.
_IN_FLIGHT_US = 1_000_000


def test_a_hardened_cluster_is_backed_up_and_rebuilt_to_a_moment(tmp_path: Path) -> None:
    show = io.StringIO()
    settings = FrameSettings(
        root=tmp_path, nodes=2, certificates=300, writes_per_second=20, encrypted=True, hardened=True
    )
    try:
        with DrillFrame(settings, show=show) as drill:
            _run(drill)
            passwords = _passwords_below(tmp_path)
    finally:
        sys.stdout.write(show.getvalue())
    assert len(passwords) == 4
    assert not [password for password in passwords if password in show.getvalue()]


def _run(drill: DrillFrame) -> None:
    old = drill.start_old_cluster(archiving=True)
    writer = drill.start_writer(old)
    drill.say("turning archiving on, encrypted, while clients write")
    drill.play("enable_archiving", old)
    drill.say("the backup, while clients write")
    drill.play("backup", old, backup_tag=_TAG)
    backed_up_us = now_us()
    drill.let_it_write(more_bytes=20_000)
    ship_now(old)
    moment_us = random.SystemRandom().randrange(backed_up_us, covered_until_us(old) - _IN_FLIGHT_US)
    drill.lose(old, writer=writer)

    new = drill.new_cluster(old)
    drill.bring_identity(new)
    drill.say(f"rebuilding on new nodes to {moment_text(moment_us)}, from the bucket alone")
    drill.play("disaster_recovery", new, restore_point=moment_text(moment_us), target_cluster="true")
    with new.session(credentials=old.application) as session:
        result = check(session, read_truth(drill.truth_path), until_us=moment_us, exact=True)
    assert result.ok, result.summary()
    assert result.rows_required > drill.settings.certificates

    drill.say("a table of the backup beside what there is")
    drill.play(
        "restore_tables",
        new,
        restore_point=_TAG,
        restore_tables=f"{CERTIFICATES.keyspace}.{CERTIFICATES.name}",
        restore_into_keyspace="beside",
    )
    _require_beside(drill, new)


def _require_beside(drill: DrillFrame, cluster: Cluster) -> None:
    """Hold the copy to the rows that the backup must have."""
    until_us = min(node["snapshot_began_us"] for node in drill.manifest(_TAG)["nodes"])
    beside = dataclasses.replace(CERTIFICATES, keyspace="beside")
    with cluster.session() as session:
        result = check(session, read_truth(drill.truth_path), until_us=until_us, tables=[beside])
    assert result.ok, result.summary()


def _passwords_below(root: Path) -> set[str]:
    """The passwords of Java's stores, and of JMX, of both clusters."""
    return {
        path.read_text(encoding="utf-8").split()[-1]
        for name in ("store.password", "jmxremote.password")
        for path in root.glob(f"clusters/*/secrets/{name}")
    }
