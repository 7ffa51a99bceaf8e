# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import os
import pathlib
import random
import typing as t

import hypothesis
import pytest
from hypothesis import strategies as st

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.archive_directory import ArchiveDirectory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._agent.book import Book
from ansible_collections.revive.cassandra.plugins.module_utils._agent.shipper import Shipper
from ansible_collections.revive.cassandra.plugins.module_utils._agent.watcher import Watcher
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import AgentConfig
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import (
    Chain,
    NodeLog,
    chains,
    read_listing,
    segment_chains,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.collection import COLLECTION_VERSION
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import StoreError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectInfo,
    ObjectStore,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import ledger_key, piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import GAP, LEDGER_HEAD, Gap
from tests.unit.plugins.module_utils._agent.simulated_log import SimulatedLog

HOST = "0f0f0f0f-1111-2222-3333-444444444444"
START_MS = 1_800_000_000_000


class Away(ObjectStore):
    """A store that can be away, and that may do what it says it has not done."""

    def __init__(self) -> None:
        self.inner = open_memory_store()
        self.away = False
        self.lies = False
        self.requests = 0

    @property
    def location(self) -> str:
        return self.inner.location

    def _check(self) -> None:
        self.requests += 1
        if self.away:
            raise StoreError("The store is away.")

    def put(self, key: str, body: bytes) -> None:
        self._check()
        self.inner.put(key, body)

    def put_new(self, key: str, body: bytes) -> bool:
        self._check()
        done = self.inner.put_new(key, body)
        if self.lies:
            self.lies = False
            raise StoreError("The answer was lost.")
        return done

    def put_stream(self, key: str, chunks: t.Iterator[bytes], *, size: int | None) -> int:
        self._check()
        return self.inner.put_stream(key, chunks, size=size)

    def get(self, key: str) -> bytes:
        self._check()
        return self.inner.get(key)

    def get_stream(self, key: str) -> t.Iterator[bytes]:
        return self.inner.get_stream(key)

    def head(self, key: str) -> ObjectInfo | None:
        return self.inner.head(key)

    def list(self, prefix: str) -> t.Iterator[ObjectInfo]:
        self._check()
        return self.inner.list(prefix)

    def refuses_second_put(self, key: str) -> bool:
        return self.inner.refuses_second_put(key)


class Node:
    """A simulated log, an agent, and a clock that both share."""

    def __init__(self, directory: pathlib.Path, **options: t.Any) -> None:
        self.now_us = START_MS * 1000
        self.directory = directory
        self.store = Away()
        self.dead = False
        self.log = SimulatedLog(directory)
        self.config = AgentConfig(
            node_name="n1",
            host_id=HOST,
            commitlog_directory=str(self.log.directory),
            archive_root=str(self.log.root),
            state_directory=str(directory / "state"),
            repository=RepositorySettings(bucket="b"),
            **{"piece_bytes": 700, **options},
        )
        self.start_agent()

    def start_agent(self) -> None:
        """A new process: nothing is known but what is on disk."""
        files = ArchiveDirectory(log_directory=self.config.commitlog_directory, root=self.config.archive_root)
        book = Book(host_id=HOST, path=str(self.directory / "state" / "agent" / "state.json"))
        book.load()
        self.book = book
        self.shipper = Shipper(
            self.config, store=self.store, book=book, files=files, clock=lambda: self.now_us, sleep=self.sleep
        )
        self.watcher = Watcher(
            self.config, book=book, files=files, clock=lambda: self.now_us, monotonic=lambda: self.now_us / 1e6
        )

    def sleep(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)

    def start(self, *, dies_early: bool = False) -> None:
        self.sleep(10)
        self.dead = dies_early
        self.log.start(now_ms=self.now_us // 1000, dies_early=dies_early)

    def cycle(self) -> None:
        self.sleep(5)
        self.watcher.look()
        self.shipper.cycle()

    def repository(self) -> NodeLog:
        listing = read_listing(self.store.inner.list("commitlogs/"))[HOST]
        head = LEDGER_HEAD.decode(self.store.inner.get(ledger_key(HOST)), subject="") if listing.has_head else None
        return NodeLog(
            host_id=HOST,
            name="n1",
            pieces=tuple(listing.pieces),
            runs=tuple(listing.runs),
            gaps=tuple(GAP.decode(self.store.inner.get(key), subject=key) for key in listing.gap_keys),
            head=head,
        )

    def gaps(self) -> list[Gap]:
        return list(self.repository().gaps)

    def chains(self) -> tuple[Chain, ...]:
        return chains(self.repository())

    def restored(self, *, chain: int = -1) -> dict[int, bytes]:
        """What the repository gives back of a chain's segments."""
        found = {}
        for segment in self.chains()[chain].segments:
            data = bytearray()
            for piece in segment.pieces:
                body = b"".join(decode(iter([self.store.inner.get(piece_key(HOST, piece))]), piece.codecs))
                assert len(body) == piece.end - piece.start
                data[piece.start : piece.end] = body
            found[segment.segment.id] = bytes(data)
        return found

    def shipped_bytes(self) -> int:
        return sum(piece.end - piece.start for piece in self.repository().pieces)


@pytest.fixture(autouse=True, scope="module")
def _without_fsync() -> t.Iterator[None]:
    """Nothing here pulls the plug, and the disk is shared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


@pytest.fixture(name="node")
def _node(tmp_path: pathlib.Path) -> Node:
    node = Node(tmp_path)
    node.start()
    return node


def assert_all_there(node: Node) -> None:
    """One chain, equal to the log, each byte once, covered up to the last look."""
    assert node.gaps() == []
    (chain,) = node.chains()
    restored = node.restored()
    truth = {segment_id: data for segment_id, data in node.log.truth.items() if segment_id in restored}
    assert restored == truth
    missing = {each: data for each, data in node.log.truth.items() if each not in restored and len(data) > 20}
    assert missing == {}
    assert node.shipped_bytes() == sum(map(len, restored.values()))
    assert chain.until_us >= node.now_us - 1_000_000


def test_the_head_says_which_release_the_agent_is_from(node: Node) -> None:
    node.cycle()

    head = node.repository().head
    assert head is not None
    assert head.agent_version == COLLECTION_VERSION


def test_a_quiet_log_is_shipped_up_to_its_last_marker_and_covered(node: Node) -> None:
    node.log.write(100)
    node.cycle()
    assert_all_there(node)
    node.cycle()
    assert_all_there(node)


def test_segments_are_shipped_whole_and_leave_the_spool(node: Node) -> None:
    for _turn in range(60):
        node.log.write(300)
        node.cycle()
    assert_all_there(node)
    assert len(node.chains()[0].segments) > 4
    assert [path.name for path in (node.log.root / "spool").iterdir()] == []


def test_what_is_written_without_a_marker_is_not_covered(node: Node) -> None:
    node.cycle()
    node.log.write(50, sync=False)
    before = node.now_us
    node.cycle()
    head = node.repository().head
    assert head is not None
    assert head.covered_until_us <= before
    assert head.pending_since_us is not None
    node.log.write(10)
    node.cycle()
    assert_all_there(node)


def test_a_restart_is_followed_while_the_agent_watches(node: Node) -> None:
    for ending in (node.log.crash, node.log.stop, node.log.crash):
        for _turn in range(20):
            node.log.write(300)
        node.cycle()
        ending()
        node.start()
        node.log.write(40)
        node.cycle()
    assert_all_there(node)


def test_restarts_are_followed_that_happened_while_the_agent_was_down(node: Node) -> None:
    for ending in (node.log.crash, node.log.stop, node.log.stop, node.log.crash):
        for _turn in range(20):
            node.log.write(300)
        node.sleep(100)
        ending()
        node.start()
        node.log.write(40)
    node.start_agent()
    node.cycle()
    node.cycle()
    assert_all_there(node)


def test_an_agent_that_comes_while_the_node_starts_sees_that_nothing_is_gone(node: Node) -> None:
    node.log.write(300)
    node.cycle()
    node.log.write(300)
    node.log.crash()
    for _turn in range(3):
        node.start(dies_early=True)
    node.start_agent()
    node.sleep(100)
    node.cycle()
    node.start()
    node.log.write(10)
    node.cycle()
    node.cycle()
    assert_all_there(node)


def test_an_agent_that_lost_its_state_goes_on_from_the_repository(node: Node) -> None:
    for _turn in range(10):
        for _turn in range(10):
            node.log.write(200)
        node.cycle()
        (node.directory / "state" / "agent" / "state.json").unlink()
        node.start_agent()
    node.cycle()
    assert_all_there(node)


def test_a_store_that_is_away_loses_nothing_and_a_lost_answer_doubles_nothing(node: Node) -> None:
    node.cycle()
    node.store.away = True
    for _turn in range(50):
        node.log.write(300)
        with pytest.raises(StoreError):
            node.cycle()
    node.store.away = False
    node.store.lies = True
    with pytest.raises(StoreError):
        node.cycle()
    node.log.write(300)
    node.cycle()
    assert_all_there(node)


def test_a_segment_deleted_from_the_spool_is_a_gap_that_ends_the_chain(node: Node) -> None:
    node.cycle()
    node.store.away = True
    while len(list((node.log.root / "spool").glob("*"))) < 3:
        node.log.write(300)
        with pytest.raises(StoreError):
            node.cycle()
    victim = sorted((node.log.root / "spool").glob("*"))[1]
    victim.unlink()
    node.store.away = False
    node.cycle()
    node.cycle()
    (gap,) = node.gaps()
    assert gap.cause == "lost_from_spool"
    assert str(gap.first) in victim.name
    before, after = node.chains()
    assert before.last_id < gap.first < after.segments[0].segment.id
    assert before.until_us < node.now_us
    assert "gone from the spool" in before.ended_by


def test_a_segment_deleted_while_the_agent_was_down_is_a_gap(node: Node) -> None:
    node.cycle()
    while len(list((node.log.root / "spool").glob("*"))) < 3:
        node.log.write(300)
    sorted((node.log.root / "spool").glob("*"))[2].unlink()
    node.start_agent()
    node.cycle()
    assert [gap.cause for gap in node.gaps()] == ["lost_from_spool"]


def test_a_segment_that_the_agent_never_saw_in_the_spool_is_lost_from_there_by_the_scripts_note(node: Node) -> None:
    node.cycle()
    victim = node.log.active
    node.log.write(300)
    node.watcher.look()
    while node.log.active == victim:
        node.log.write(300)
    node.log.delete(victim)
    (node.log.root / "spool" / str(victim)).unlink()
    node.cycle()
    assert [(gap.cause, gap.first) for gap in node.gaps()] == [("lost_from_spool", victim.id)]


def test_a_full_spool_drops_by_its_policy_and_keeps_the_oldest(tmp_path: pathlib.Path) -> None:
    node = Node(tmp_path, spool_max_bytes=40_000, spool_policy="drop_and_record_gap")
    node.log.configure(policy="drop_and_record_gap", max_bytes=40_000)
    node.start()
    node.log.write(10)
    node.cycle()
    node.store.away = True
    for _turn in range(200):
        node.log.write(300)
        node.sleep(1)
        node.watcher.look()
    node.store.away = False
    node.cycle()
    node.cycle()
    gaps = node.gaps()
    assert {gap.cause for gap in gaps} == {"dropped"}
    first = node.chains()[0]
    assert len(first.segments) > 5
    assert first.until_us > START_MS * 1000 + 40_000_000, "what was kept extends the window"
    assert not list((node.log.root / "dropped").glob("*"))
    node.log.write(10)
    node.cycle()
    assert node.chains()[-1].ended_by == ""


def test_a_segment_that_was_never_archived_is_taken_in_by_the_agent(node: Node) -> None:
    node.cycle()
    node.log.archiving = False
    for _turn in range(30):
        node.log.write(300)
    for _turn in range(10):
        node.cycle()
        node.log.write(20)
    node.log.archiving = True
    node.start()
    node.log.write(20)
    node.cycle()
    assert_all_there(node)


def test_a_restart_at_which_nothing_was_archived_is_a_gap(node: Node) -> None:
    node.log.write(100)
    node.cycle()
    node.log.write(100)
    node.log.archiving = False
    node.sleep(60)
    node.start()
    node.log.write(10)
    node.start_agent()
    node.cycle()
    assert "vanished" in {gap.cause for gap in node.gaps()}
    assert len(node.chains()) == 2


def test_a_damaged_segment_is_a_gap(node: Node) -> None:
    node.cycle()
    node.store.away = True
    while not list((node.log.root / "spool").glob("*")):
        node.log.write(300)
    node.start_agent()
    victim = next((node.log.root / "spool").glob("*"))
    data = bytearray(victim.read_bytes())
    marker = 20
    end = int.from_bytes(data[marker : marker + 4], "big")
    data[end + 5] ^= 0xFF
    victim.write_bytes(bytes(data))
    node.store.away = False
    node.cycle()
    assert [gap.cause for gap in node.gaps()] == ["damaged"]


def test_a_segment_that_is_another_one_than_was_shipped_is_a_gap(node: Node) -> None:
    node.log.write(100)
    node.cycle()
    path = node.log.path(node.log.active)
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF
    path.write_bytes(bytes(data))
    node.start_agent()
    node.cycle()
    assert [gap.cause for gap in node.gaps()] == ["changed"]


def test_a_clock_that_goes_back_takes_the_coverage_with_it(node: Node) -> None:
    node.log.write(100)
    node.cycle()
    node.now_us -= 3_600_000_000
    node.log.write(100)
    node.cycle()
    head = node.repository().head
    assert head is not None
    assert head.clock_stepped_us is not None
    assert node.now_us - 1_000_000 <= head.covered_until_us <= node.now_us


def test_overlapping_pieces_give_the_bytes_once(node: Node) -> None:
    node.log.write(300)
    node.cycle()
    piece = node.repository().pieces[0]
    body = node.store.inner.get(piece_key(HOST, piece))
    node.store.inner.put(piece_key(HOST, dataclasses.replace(piece, read_us=piece.read_us + 1)), body)
    assert len(segment_chains(node.repository().pieces)[0].pieces) == len({p.start for p in node.repository().pieces})
    assert node.restored()[piece.segment.id] == node.log.truth[piece.segment.id]


def test_a_quiet_log_costs_one_request_a_cycle(node: Node) -> None:
    node.log.write(100)
    node.cycle()
    before = node.store.requests
    for _turn in range(20):
        node.cycle()
    assert node.store.requests - before == 20


STEPS = st.sampled_from(
    [
        "write", "write", "write", "burst", "write without marker", "cycle", "cycle", "watch", "store away",
        "store back", "dies while it starts",
        "agent restarted", "agent lost its state", "crash", "stop", "crash without archiving", "archiving fails",
        "delete from spool", "time passes", "lost answer",
    ]
)  # fmt: skip


#: What a node does that runs.
WORK = ("write", "burst", "write without marker", "stop")


def do(node: Node, step: str, chance: random.Random) -> None:
    log = node.log
    if step != "dies while it starts" and node.dead and step in WORK:
        node.start()
    if step == "write":
        log.write(chance.randrange(1, 900), now_us=node.now_us)
    elif step == "burst":
        for _turn in range(chance.randrange(2, 30)):
            log.write(chance.randrange(100, 900), now_us=node.now_us)
            node.sleep(0.01)
    elif step == "write without marker":
        log.write(chance.randrange(1, 900), sync=False, now_us=node.now_us)
    elif step == "cycle":
        try_cycle(node)
    elif step == "watch":
        node.watcher.look()
    elif step == "store away":
        node.store.away = True
    elif step == "store back":
        node.store.away = False
    elif step == "lost answer":
        node.store.lies = True
    elif step == "agent restarted":
        node.start_agent()
    elif step == "agent lost its state":
        (node.directory / "state" / "agent" / "state.json").unlink(missing_ok=True)
        node.start_agent()
    elif step in ("crash", "stop", "crash without archiving"):
        log.archiving = log.archiving and step != "crash without archiving"
        log.stop() if step == "stop" else log.crash()
        node.start()
        log.archiving = True
    elif step == "dies while it starts":
        log.crash()
        node.start(dies_early=True)
    elif step == "archiving fails":
        log.archiving = False
    elif step == "delete from spool":
        spooled = sorted((log.root / "spool").glob("*"))
        if spooled:
            chance.choice(spooled).unlink()
    else:
        node.sleep(chance.choice([1, 20, 3000]))


def try_cycle(node: Node) -> None:
    try:
        node.cycle()
    except StoreError:
        assert node.store.away or not node.store.lies


@hypothesis.settings(
    max_examples=int(os.environ.get("REVIVE_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(steps=st.lists(STEPS, min_size=5, max_size=60), seed=st.integers(0, 2**16))
def test_whatever_happens_nothing_is_lost_in_silence(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], seed: int
) -> None:
    node = Node(tmp_path_factory.mktemp("node"))
    chance = random.Random(seed)
    node.start()
    node.cycle()
    for step in steps:
        do(node, step, chance)
    node.store.away = node.store.lies = False
    node.log.archiving = True
    do(node, "write", chance)
    for _turn in range(12):
        node.cycle()
    gaps = node.gaps()
    found = node.chains()
    restored = {each: data for number in range(len(found)) for each, data in node.restored(chain=number).items()}
    for segment_id, data in node.log.truth.items():
        lost = any(gap.first <= segment_id <= gap.last for gap in gaps)
        if len(data) > 20 and not lost:
            assert restored.get(segment_id) == data, "either all of it is there, or it is said to be lost"
        elif segment_id in restored:
            assert data.startswith(restored[segment_id])
    ends = {part.segment.id: (number, part.end) for number, chain in enumerate(found) for part in chain.segments}
    for at_us, segment_id, end in node.log.acknowledged:
        for number, chain in enumerate(found):
            if at_us < chain.until_us and segment_id >= chain.segments[0].segment.id:
                assert ends.get(segment_id, (0, 0)) >= (number, end), "what is said to be covered is there"
    assert node.shipped_bytes() == sum(map(len, restored.values())), "no byte twice"
    assert found[-1].ended_by == ""
    assert found[-1].until_us >= node.now_us - 1_000_000
