# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archiving by agents that are systemd units, and recovery to a moment, over ssh and sudo. In this order."""

from __future__ import annotations

import os
import re

import pytest

from lab.processes import wait_until
from lab.systemd_hosts import NAMES, ROWS, Operator, Service, on, require_rights
from lab.truth import moment_text, now_us

pytestmark = pytest.mark.timeout(1500)

_AGENT = "revive-commitlog-agent"


def _agent(name: str) -> dict[str, str]:
    """What systemd says of a host's agent."""
    shown = on(name).check_output(f"systemctl show {_AGENT} -p ActiveState -p MainPID -p NRestarts -p UnitFileState")
    return dict(line.split("=", 1) for line in shown.splitlines())


def test_turned_on_every_host_has_an_agent_with_few_rights(operator: Operator, service: Service) -> None:
    before, rows = service.processes(), service.rows()
    run = operator.play("enable_archiving").require_success()
    after = service.processes()
    assert all(after[name] != before[name] for name in NAMES), "a unit has not read the new setting"
    assert service.rows() == rows
    assert operator.server.secret_access_key not in run.output
    for name in NAMES:
        host, agent = on(name), _agent(name)
        assert (agent["ActiveState"], agent["UnitFileState"], agent["NRestarts"]) == ("active", "enabled", "0")
        process = f"/proc/{agent['MainPID']}"
        assert host.check_output(f"stat -c %U {process}") == "cassandra"
        assert "CapEff:\t0000000000000000" in host.check_output(f"cat {process}/status")
        assert "NoNewPrivs:\t1" in host.check_output(f"cat {process}/status")
        assert operator.server.secret_access_key not in host.check_output(f"tr '\\0' ' ' <{process}/cmdline")
        key = operator.server.secret_access_key
        holders = host.check_output(f"grep -rlF --exclude-dir=commitlog {key} /etc /opt /var/lib || true").split()
        assert holders, "the agent's key is nowhere"
        for path in holders:
            assert host.file(path).mode & 0o077 == 0, f"{path} on {name}"
    require_rights()


def test_again_it_changes_nothing(operator: Operator, service: Service) -> None:
    before = (service.processes(), [_agent(name) for name in NAMES])
    run = operator.play("enable_archiving").require_success()
    assert re.findall(r"changed=(\d+)", run.output) == ["0", "0", "0"], run.output
    assert (service.processes(), [_agent(name) for name in NAMES]) == before


def test_an_agent_that_is_killed_comes_back_and_ships_what_it_missed(operator: Operator, service: Service) -> None:
    before = _agent("n2")
    on("n2").check_output(f"systemctl kill --signal=KILL {_AGENT}")
    service.script("write", str(2 * ROWS), "100")
    wait_until(
        lambda: _agent("n2")["ActiveState"] == "active" and _agent("n2")["MainPID"] not in ("0", before["MainPID"]),
        timeout_seconds=60,
        what="systemd to start the agent again",
    )
    run = operator.play("ship_commitlogs").require_success()
    assert run.output.count("Covered until ") == len(NAMES)


def test_a_cluster_goes_back_to_a_moment(operator: Operator, service: Service) -> None:
    operator.play("backup", backup_tag="archived").require_success()
    service.script("write", str(3 * ROWS), "200")
    moment_us, rows = now_us(), service.rows()
    service.script("write", str(4 * ROWS), "300")
    later = service.rows()
    assert later != rows
    operator.play("ship_commitlogs").require_success()
    moment = moment_text(moment_us)
    run = operator.play("disaster_recovery", restore_point=moment, restore_confirm_cluster="Hosts").require_success()
    assert f"Moment asked for {moment}, reached {moment}: 0.000000 s before it." in run.output
    assert service.rows() == rows
    require_rights()
    for name in NAMES:
        assert _agent(name)["ActiveState"] == "active"
    # The history forks there, and the agents ship what comes.
    service.script("write", str(5 * ROWS), "10")
    operator.play("ship_commitlogs").require_success()
    assert "GAP" in operator.play("archiving_status").require_success().output


def test_one_table_goes_back_to_a_moment_while_the_units_serve(operator: Operator, service: Service) -> None:
    operator.play("backup", backup_tag="tables").require_success()
    service.script("write", str(6 * ROWS), "100")
    moment_us, then = now_us(), service.rows()
    service.script("write", str(7 * ROWS), "50")
    now, processes = service.rows(), service.processes()
    assert now["orders"] != then["orders"]
    operator.play("ship_commitlogs").require_success()
    run = operator.play(
        "restore_tables", restore_point=moment_text(moment_us), restore_tables="shop.orders", restore_mode="replace"
    ).require_success()
    assert run.output.count("in the tables") == len(NAMES), "what was verified is not told for each node"
    assert service.rows() == {"orders": then["orders"], "visits": now["visits"]}
    beside = operator.play(
        "restore_tables", restore_point="tables", restore_keyspaces="shop", restore_into_keyspace="shop_then"
    ).require_success()
    assert beside.output.count("all of them are in the tables, byte for byte") == len(NAMES)
    assert service.processes() == processes, "a unit was restarted"
    require_rights()


def test_turned_off_nothing_of_it_is_left(operator: Operator, service: Service) -> None:
    rows = service.rows()
    operator.play("disable_archiving").require_success()
    assert service.rows() == rows
    for name in NAMES:
        assert f"{_AGENT}.service" not in on(name).check_output("systemctl list-unit-files --no-legend --no-pager")
        assert not on(name).file(f"/etc/systemd/system/{_AGENT}.service").exists
        assert not on(name).file("/opt/revive-cassandra/archive").exists
        # What the restore in place put aside lies there too, and stays.
        found = on(name).check_output("find /var/lib/cassandra/commitlog -maxdepth 2 -path '*/.revive/*'").split()
        assert not {os.path.basename(path) for path in found} & {"spool", "archived", "dropped"}, found
