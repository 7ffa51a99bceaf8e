# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of three nodes is lost with its disk while clients write, and comes back as itself; nothing is lost."""

from __future__ import annotations

import contextlib
import re
import typing as t

import pytest
from cassandra import ConsistencyLevel

from lab.checker import check
from lab.distribution import CASSANDRA_5_0
from lab.node import Node
from lab.processes import wait_until
from tests.lab.live_tables import TAG, Live, rows_of

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Live]:
    with contextlib.ExitStack() as ending:
        yield Live(root=tmp_path_factory.mktemp("node"), version=CASSANDRA_5_0, ending=ending, counting=False)


def test_a_node_that_runs_is_not_lost(live: Live) -> None:
    run = _restore(live, live.cluster.nodes[1])
    assert run.exit_status != 0
    assert "runs, so it is not lost" in run.output


def test_a_lost_node_is_back_as_itself_and_repaired(live: Live) -> None:
    cluster, lost = live.cluster, live.cluster.nodes[1]
    with live.session() as session:
        quiet = rows_of(session, 'quiet."Orders"')
    host_id, tokens = _identity(lost)
    lost.kill()
    lost.wipe()
    live.write_more()
    with cluster.session(nodes=[cluster.nodes[0]], consistency=ConsistencyLevel.QUORUM) as session:
        # Written and deleted while it was gone.
        session.execute("INSERT INTO quiet.untouched (k, v) VALUES (1000, 'since')")
        session.execute("DELETE FROM quiet.untouched WHERE k = 3")
    wait_until(lambda: _is_down(cluster.nodes[0], lost), timeout_seconds=120, what="the others to see it down")

    run = _restore(live, lost, "--check", restore_counters_quiet=False)
    assert run.exit_status != 0
    assert "certificate_manager.issuance_counters have counters: if the node counts before it is repaired" in run.output
    assert "restore_counters_quiet=true" in run.output
    run = _restore(live, lost, "--check")
    assert run.exit_status == 0, run.output
    assert f"for {lost.name} alone, into the cluster" in run.output
    run = _restore(live, lost)
    assert run.exit_status == 0, run.output
    assert "is back as itself, and has what the others have" in run.output

    assert _identity(lost) == (host_id, tokens)
    with live.standing_still() as (session, truth):
        result = check(session, truth)
        print(result.summary())
        assert result.ok, result.summary()
        assert rows_of(session, 'quiet."Orders"') == quiet
        keys = {row.k for row in session.execute("SELECT k FROM quiet.untouched")}
        assert 1000 in keys
        assert 3 not in keys
    # By itself it has all of it too.
    with cluster.session(nodes=[lost], consistency=ConsistencyLevel.ONE) as session:
        assert {row.k for row in session.execute("SELECT k FROM quiet.untouched")} == keys


def test_what_is_older_than_gc_grace_is_refused(live: Live) -> None:
    """Of a table whose tombstones go at once, any backup may bring deleted rows back."""
    lost = live.cluster.nodes[2]
    with live.session() as session:
        session.execute("ALTER TABLE quiet.untouched WITH gc_grace_seconds = 1")
    live.play("backup", backup_tag="short_grace").require_success()
    lost.kill()
    lost.wipe()
    wait_until(lambda: _is_down(live.cluster.nodes[0], lost), timeout_seconds=120, what="the others to see it down")
    run = _restore(live, lost, "--check", point="short_grace")
    assert run.exit_status != 0
    assert re.search(r"more than gc_grace_seconds of quiet\.untouched", run.output)
    assert "restore_past_gc_grace=true" in run.output
    run = _restore(live, lost, "--check", point="short_grace", restore_past_gc_grace=True)
    assert run.exit_status == 0, run.output
    assert "may come back" in run.output


def _restore(live: Live, node: Node, *arguments: str, point: str = TAG, **variables: t.Any) -> t.Any:
    given = {"failed_node": node.name, "restore_point": point, "restore_counters_quiet": True, **variables}
    return live.play("restore_node", *arguments, **given)


def _identity(node: Node) -> tuple[str, list[str]]:
    info = node.nodetool("info", "-T")
    found = re.search(r"^ID\s*:\s*(\S+)", info, re.MULTILINE)
    assert found is not None, info
    return found[1], sorted(re.findall(r"^Token\s*:\s*(\S+)", info, re.MULTILINE))


def _is_down(witness: Node, node: Node) -> bool:
    line = next(line for line in witness.nodetool("status").splitlines() if f" {node.address} " in line)
    return line.startswith("DN")
