# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What any release has left of backups and archiving on a node is of use to this one."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.hash_cache import Content, HashCache
from ansible_collections.revive.cassandra.plugins.module_utils._agent.book import Book, BookState, state_path
from ansible_collections.revive.cassandra.plugins.module_utils._agent.config import load_config
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.accounting import Account, KnownSegment
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import AgentConfig
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_status import AgentStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import chains
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import (
    CommitLogPosition,
    NodeIdentity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import ContentsCounts
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Gap, Run
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    NodeSummary,
    SnapshotRecord,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import load_logs
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.ship import read_agent_status
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot import (
    clear_snapshots,
    record_snapshot,
    take_snapshot,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot_notes import (
    read_snapshot_record,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.identity import remembered_identity
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import open_repository
from tests.unit.formats.cluster import CLUSTER_ID, PLAIN, TAG, UNFINISHED, Archived, Clock, Node, upload
from tests.unit.formats.conftest import Bucket, Tree
from tests.unit.plugins.module_utils._operations.node_on_disk import CountingProgress, host_id

HOST = host_id(1)
#: Who the node was whose nodetool was recorded.
RECORDED = NodeIdentity(
    host_id="6cf2d7eb-aac4-41ce-901b-7f1c00e43ed6",
    name="node1",
    address="127.40.4.1",
    datacenter="dc1",
    rack="r1",
    tokens=(
        "-8341868430079165555",
        "-8325316756948732795",
        "-6195126466924191985",
        "-451425561904200899",
        "3745973173957226645",
        "3746903304866294040",
        "5867069866702248662",
        "6244411107365317395",
    ),
    release_version="5.0.8",
    partitioner="org.apache.cassandra.dht.Murmur3Partitioner",
    cluster_name="d",
)


def test_who_the_node_is_is_remembered(tree: Tree) -> None:
    node = Node.there(tree("snapshots") / "node1", number=1)
    assert remembered_identity(node.settings) == RECORDED
    assert remembered_identity(Node.there(tree("uploads") / "node1", number=1).settings) is None


def test_a_snapshot_that_was_taken_is_known_and_one_that_was_begun_is_not_taken_for_one(
    tree: Tree, release: str
) -> None:
    node = Node.there(tree("snapshots") / "node1", number=1)
    taken = SnapshotRecord(
        tag="taken",
        began_us=1_800_000_000_001_000,
        ended_us=1_800_000_000_002_000,
        node=RECORDED,
        commit_log=CommitLogPosition(segments=(), active_segment=0, active_position=0),
        keyspaces=("shop", "system"),
        tables=(),
        contents=None if release == "0.1.0" else ContentsCounts(tables=4, files=18, size=2685),
    )
    assert read_snapshot_record(node.settings, tag="taken") == taken
    assert read_snapshot_record(node.settings, tag="begun") is None
    assert clear_snapshots(node.settings, older_than_seconds=0, check_mode=True).cleared == ("begun",)
    if release != "0.1.0":
        outcome = take_snapshot(node.settings, tag="taken", keyspaces=["shop", "system"])
        assert (outcome.changed, outcome.record) == (False, taken)


def _refuse_and_note(node: Node, store: ObjectStore, *, tag: str) -> None:
    """What the snapshot held was not noted then: it is refused, until somebody says that it is whole."""
    with pytest.raises(NodeError, match=f"Nobody noted what snapshot {tag} .* take it again"):
        upload(node, store, marker=open_repository(store), tag=tag, clock=Clock(), settings=PLAIN)
    record = read_snapshot_record(node.settings, tag=tag)
    assert record is not None
    for path in node.root.glob(f"data*/*/*/snapshots/{tag}"):
        files = [str(data.relative_to(path)) for data in path.rglob("*-Data.db")]
        (path / "manifest.json").write_text(json.dumps({"files": files}))
    record_snapshot(node.settings, record, directories=list(map(str, node.data_directories)))


def test_an_upload_that_had_ended_is_not_done_again(tree: Tree, bucket: Bucket, release: str) -> None:
    node, store = Node.there(tree("uploads") / "node1", number=1), bucket("uploads")
    before = {info.key for info in store.list("")}
    if release == "0.1.0":
        _refuse_and_note(node, store, tag=TAG)
        before = {info.key for info in store.list("")}
    outcome = upload(node, store, marker=open_repository(store), tag=TAG, clock=Clock(), settings=PLAIN)
    assert outcome.changed == (release == "0.1.0"), "the manifest has to say what the snapshot held"
    assert outcome.summary == NodeSummary(
        node=node.identity,
        manifest_key=f"backups/{TAG}/nodes/{HOST}.jsonl.zst",
        manifest_sha256="05782e6fc18fc4cf45498e27295af618f109c42e71085740051c5c5af2c02725",
        manifest_size=9525,
        totals=Totals(files=30, size=4475, objects=10, stored_size=29160, new_objects=10, new_stored_size=29160),
        data_directory_sizes=(4475,),
        snapshot_began_us=1_800_000_000_000_000,
        snapshot_ended_us=1_800_000_001_000_000,
        upload_began_us=1_800_000_000_001_000,
        upload_ended_us=1_800_000_000_002_000,
        commit_log=CommitLogPosition(segments=(), active_segment=0, active_position=0),
    )
    assert {info.key for info in store.list("")} == before


def test_an_upload_that_was_killed_goes_on_and_counts_what_it_had_brought(
    tree: Tree, bucket: Bucket, release: str
) -> None:
    node, store = Node.there(tree("uploads") / "node1", number=1), bucket("uploads")
    before = {info.key for info in store.list("data/")}
    if release == "0.1.0":
        _refuse_and_note(node, store, tag=UNFINISHED)
    progress = CountingProgress()
    outcome = upload(
        node, store, marker=open_repository(store), tag=UNFINISHED, clock=Clock(), settings=PLAIN, progress=progress
    )
    assert outcome.changed
    assert (outcome.totals.files, outcome.totals.objects, outcome.totals.new_objects) == (42, 14, 4)
    after = {info.key for info in store.list("data/")}
    assert before < after
    assert len(after - before) == UPLOADED_SINCE


UPLOADED_SINCE = 2


def test_hashes_are_remembered(tree: Tree) -> None:
    with HashCache(str(tree("uploads") / "node1" / "state"), now_seconds=1_800_000_000) as cache:
        rows = cache._database.execute("SELECT fingerprint FROM contents").fetchall()
        contents = [cache.find(fingerprint) for (fingerprint,) in rows]
    assert CONTENT in contents
    assert len(contents) == 12


_LINES = "bdb0889f94d291ce56e5e56a5df9bd6bc6e0ed3a8fcb535ca4de3a84325903ac"
CONTENT = Content(sha256=_LINES, size=200, files=(_LINES,))


LOST = Gap(
    host_id=HOST,
    cause="lost_from_spool",
    first=1_800_000_000_001,
    last=1_800_000_000_001,
    after_us=1_800_000_040_000_000,
    recorded_us=1_800_000_045_000_000,
)
RESTARTED = Run(first=1_800_000_065_000, after=1_800_000_000_003)


def test_what_an_agent_knew_of_its_log_is_read(tree: Tree) -> None:
    node = Node.there(tree("agent") / "node1", number=1)
    path = state_path(str(node.root / "state" / "archive" / "agent"))
    assert Book(host_id=HOST, path=path).load() == BookState(
        account=Account(
            reckoned=1_800_000_065_000,
            open={
                1_800_000_000_002: KnownSegment(SegmentName(id=1_800_000_000_002, version=7), archived=True),
                1_800_000_000_003: KnownSegment(SegmentName(id=1_800_000_000_003, version=7), archived=True),
                1_800_000_065_000: KnownSegment(SegmentName(id=1_800_000_065_000, version=7)),
            },
            sighted_us=1_800_000_066_000_000,
            marks={
                1_800_000_000_001: 1_800_000_040_000_000,
                1_800_000_000_002: 1_800_000_045_000_000,
                1_800_000_065_000: 1_800_000_066_000_000,
            },
        ),
        gaps=(LOST,),
        runs=(RESTARTED,),
        covered_from_us=1_800_000_045_000_000,
        covered_us=1_800_000_040_000_000,
        last_gap=1_800_000_000_001,
    )
    assert Book(host_id=host_id(2), path=path).load() == BookState()


def test_an_agent_that_was_killed_goes_on_from_what_it_had_shipped(tree: Tree, bucket: Bucket) -> None:
    root, store, clock = tree("agent"), bucket("agent"), Clock(1_800_000_100_000_000)
    before = {info.key for info in store.list("commitlogs/")}
    agent = object.__new__(Archived)
    agent.node, agent.store, agent.clock = Node.there(root / "node1", number=1), store, clock
    agent.config = _agent_config(agent.node)
    agent.start_agent()
    agent.cycle()
    (log,) = load_logs(store)
    assert before < {info.key for info in store.list("commitlogs/")}
    assert log.gaps == (LOST,)
    assert log.runs == (Run(first=1_800_000_000_000, after=0), RESTARTED)
    before_gap, since = chains(log)
    assert [(each.segment.id, each.end) for each in before_gap.segments] == [
        (1_800_000_000_000, 852),
        (1_800_000_000_001, 852),
    ]
    assert [(each.segment.id, each.end) for each in since.segments] == [
        (1_800_000_000_002, 228),
        (1_800_000_000_003, 20),
        (1_800_000_065_000, 378),
    ]
    assert (before_gap.until_us, since.until_us) == (1_800_000_040_000_000, 1_800_000_105_000_000)
    assert not list((root / "node1" / "commitlog" / ".revive" / "spool").iterdir())


def _agent_config(node: Node) -> AgentConfig:
    return AgentConfig(
        node_name="node1",
        host_id=HOST,
        commitlog_directory=str(node.root / "commitlog"),
        archive_root=str(node.root / "commitlog" / ".revive"),
        state_directory=str(node.root / "state" / "archive"),
        repository=PLAIN,
        cluster_id=CLUSTER_ID,
        piece_bytes=300,
        spool_max_bytes=1_000_000,
    )


def test_the_settings_of_an_agent_are_read_with_their_secrets(tree: Tree) -> None:
    node = Node.there(tree("archiving") / "node1", number=1)
    home = node.root / "state" / "archive"
    assert load_config(str(home / "agent.json")) == (
        AgentConfig(
            node_name="node1",
            host_id=HOST,
            commitlog_directory=str(node.root / "commitlog"),
            archive_root=str(node.root / "commitlog" / ".revive"),
            state_directory=str(home),
            repository=RepositorySettings(bucket="b", access_key_id="AKIA", secret_access_key="s3cr3t-of-the-store"),
            cluster_id=CLUSTER_ID,
            cql=CqlSettings(
                address="127.0.0.1", username="reader", password="s3cr3t-of-the-role", only_this_address=True
            ),
        )
    )
    assert (pathlib.Path(node.root.parent) / "programs" / "archive_segment.conf").read_text() == (
        f"root={node.root}/commitlog/.revive\npolicy=block\nmax_bytes=0\n"
    )


def test_what_an_agent_said_of_itself_is_read(tree: Tree) -> None:
    home = tree("archiving") / "node1" / "state" / "archive"
    assert read_agent_status(str(home)) == AgentStatus(
        pid=77,
        node_name="node1",
        host_id=HOST,
        running=True,
        written_us=1_800_000_000_000_000,
        covered_from_us=1_799_999_999_999_991,
        covered_until_us=1_799_999_999_999_995,
        published_us=1_799_999_999_999_996,
        pending_since_us=1_799_999_999_999_997,
        clock_stepped_us=1_799_999_999_999_992,
        last_gap=1_800_000_000_007,
        gaps_to_tell=2,
        spool_bytes=4096,
        spool_segments=1,
        spool_limit_bytes=1_000_000,
        spool_policy="drop_and_record_gap",
        interval_seconds=2.5,
        failing="ship",
        error_code="store",
        error="The store is away.",
        failing_since_us=1_799_999_999_999_998,
    )
