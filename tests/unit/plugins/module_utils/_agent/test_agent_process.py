# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time
import typing as t

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import (
    AgentConfig,
    encode_config,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import chains
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import load_logs
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.ship import (
    read_agent_status,
    ship_now,
)
from tests.unit.plugins.module_utils._agent.simulated_log import SimulatedLog

HOST = "0f0f0f0f-1111-2222-3333-444444444444"
COLLECTIONS = pathlib.Path(__file__).parents[5] / ".cache" / "collections"
AGENT = "ansible_collections.revive.cassandra.plugins.module_utils._agent"


@pytest.fixture(scope="module", name="endpoint")
def _endpoint() -> t.Iterator[str]:
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s"
    )
    client.create_bucket(Bucket="logs")
    yield endpoint
    server.stop()


class RealAgent:
    """The agent as a process of its own, on a simulated log."""

    def __init__(self, directory: pathlib.Path, *, endpoint: str, prefix: str) -> None:
        self.log = SimulatedLog(directory, segment_bytes=8192)
        self.state_directory = str(directory / "state")
        credentials = directory / "credentials.json"
        credentials.write_text(json.dumps({"access_key_id": "a", "secret_access_key": "s"}))
        credentials.chmod(0o600)
        self.repository = RepositorySettings(
            bucket="logs", prefix=prefix, endpoint_url=endpoint, access_key_id="a", secret_access_key="s"
        )
        config = AgentConfig(
            node_name="n1",
            host_id=HOST,
            commitlog_directory=str(self.log.directory),
            archive_root=str(self.log.root),
            state_directory=self.state_directory,
            repository=self.repository,
            interval_seconds=0.1,
            piece_bytes=4000,
        )
        self.config_file = directory / "agent.json"
        self.config_file.write_bytes(
            encode_config(config, credentials_file=str(credentials), cql_credentials_file=None)
        )
        self.config_file.chmod(0o600)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", AGENT, "--config", str(self.config_file)],
            env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
            stderr=subprocess.PIPE,
        )

    def end(self, *, kill: bool) -> int:
        assert self.process is not None
        self.process.kill() if kill else self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.mark.timeout(240)
def test_an_agent_killed_at_any_moment_ships_each_byte_once(tmp_path: pathlib.Path, endpoint: str) -> None:
    agent = RealAgent(tmp_path, endpoint=endpoint, prefix="killed/")
    agent.log.start(now_ms=time.time_ns() // 1_000_000)
    chance = random.Random(1)
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            agent.log.write(chance.randrange(1, 2000))
            time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    for _turn in range(6):
        agent.start()
        time.sleep(chance.uniform(0.5, 2.0))
        assert agent.end(kill=True) == -9
    done.set()
    writer.join()
    agent.start()
    outcome = ship_now(node="n1", state_directory=agent.state_directory, timeout_seconds=120)
    assert outcome.covered_until_us >= outcome.asked_us
    assert agent.end(kill=False) == 0

    store = open_store(agent.repository)
    (log,) = load_logs(store)
    (chain,) = chains(log)
    assert log.gaps == ()
    found = {
        part.segment.id: b"".join(
            b"".join(decode(iter([store.get(piece_key(HOST, piece))]), piece.codecs)) for piece in part.pieces
        )
        for part in chain.segments
    }
    assert found == {segment_id: data for segment_id, data in agent.log.truth.items() if len(data) > 20}
    assert sum(piece.end - piece.start for piece in log.pieces) == sum(map(len, found.values()))
    assert chain.until_us >= outcome.asked_us


def test_shipping_now_names_the_node_when_its_agent_does_not_run(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NodeError, match=r"node n7 .* its agent is not running") as failed:
        ship_now(node="n7", state_directory=str(tmp_path), timeout_seconds=0.3)
    assert failed.value.subject == "n7"


def test_shipping_now_says_why_the_store_does_not_take_it(tmp_path: pathlib.Path) -> None:
    agent = RealAgent(tmp_path, endpoint="http://127.0.0.1:1", prefix="")
    config = json.loads(agent.config_file.read_text())
    agent.config_file.write_text(json.dumps({**config, "retry_seconds": 1}))
    agent.log.start(now_ms=time.time_ns() // 1_000_000)
    agent.start()
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            status = read_agent_status(agent.state_directory)
            if status is not None and status.failing:
                break
            time.sleep(0.1)
        with pytest.raises(NodeError, match=r"node n1 .* its agent cannot ship"):
            ship_now(node="n1", state_directory=agent.state_directory, timeout_seconds=1)
    finally:
        agent.end(kill=True)


def test_a_second_agent_of_the_same_node_is_refused(tmp_path: pathlib.Path, endpoint: str) -> None:
    agent = RealAgent(tmp_path, endpoint=endpoint, prefix="second/")
    agent.log.start(now_ms=time.time_ns() // 1_000_000)
    agent.start()
    first = agent.process
    deadline = time.monotonic() + 30
    while read_agent_status(agent.state_directory) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    agent.start()
    assert agent.process is not None
    _out, said = agent.process.communicate(timeout=30)
    assert agent.process.returncode == 1
    assert b"Another agent is running on node n1" in said
    agent.process = first
    assert agent.end(kill=False) == 0
