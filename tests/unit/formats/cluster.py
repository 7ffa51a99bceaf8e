# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small cluster on disk, always the same: nodes, their backups and their archived commit logs.

Clocks, ids and contents never change; only what is compressed or encrypted may have other bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import sys
import tempfile
import typing as t
import unittest.mock
import uuid

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.archive_directory import ArchiveDirectory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.commit_log_files import read_position
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._agent.book import Book, state_path
from ansible_collections.revive.cassandra.plugins.module_utils._agent.schema_recorder import SchemaRecorder
from ansible_collections.revive.cassandra.plugins.module_utils._agent.shipper import Shipper
from ansible_collections.revive.cassandra.plugins.module_utils._agent.watcher import Watcher
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import AgentConfig
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import RepositoryMarker
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import (
    CqlSettings,
    NodeSettings,
    TransferSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import (
    record_import,
    record_restore,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.publish import publish_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.snapshot import record_snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.upload import (
    UploadOutcome,
    upload_snapshot,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from tests.unit.plugins.module_utils._agent.simulated_log import SimulatedLog
from tests.unit.plugins.module_utils._operations import node_on_disk
from tests.unit.plugins.module_utils._operations.node_on_disk import CountingProgress, DiskNode

START_US = 1_800_000_000_000_000
CLUSTER_ID = "c0ffee00-1111-4222-8333-444444444444"
TAG = "backup_20270115_080100"
UNFINISHED = "backup_20270115_080200"
#: For tests alone: nothing that anybody keeps is encrypted for it.
RECIPIENT = "age1pfnldkzamhfgd7ydktjuhk8v3yypm7af3dzw6z6hvvwwm5wzmfmsyqzpwk"
IDENTITY = "AGE-SECRET-KEY-1FYV5UNF48XPC4QN034CZT28UW8LVW4QE6Y3VFVNN8M5M84X60MZS7JYLC0"
CQL = CqlSettings(address="127.0.0.1")
_SMALL = {"CompressionInfo.db": 43, "Filter.db": 90, "Statistics.db": 470, "TOC.txt": 92, "Rows.db": 0}
_NODETOOL = pathlib.Path(__file__).parent / "nodetool_moving_files.py"


class Clock:
    """What all nodes go by."""

    def __init__(self, now_us: int = START_US) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us

    def ticking(self) -> int:
        """It goes on by a millisecond whenever it is read."""
        self.now_us += 1_000
        return self.now_us

    def sleep(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)


@dataclasses.dataclass
class Node(DiskNode):
    """A node with tokens of its own, and a nodetool that says that it is down, or moves files as an import does."""

    @property
    def identity(self) -> NodeIdentity:
        return dataclasses.replace(super().identity, tokens=(str(-100 * self.number), str(200 * self.number)))

    @property
    def settings(self) -> NodeSettings:
        command = (sys.executable, str(_NODETOOL), str(self.root))
        return dataclasses.replace(super().settings, nodetool_command=command)

    def __post_init__(self) -> None:
        super().__post_init__()
        config = self.root / "cassandra.yaml"
        config.write_text(config.read_text().replace("partitioner: x", f"partitioner: {self.identity.partitioner}"))

    def sstable(self, table: pathlib.Path, generation: int, *, data_bytes: int = 200, folder: str = "") -> None:
        with unittest.mock.patch.dict(node_on_disk.SMALL_COMPONENTS, _SMALL):
            super().sstable(table, generation, data_bytes=data_bytes, folder=folder)

    def sstables(self) -> Node:
        """What the cluster holds of this node."""
        for generation, directory in enumerate(range(self.directories), start=1):
            self.sstable(self.table("orders", keyspace="shop", directory=directory), generation)
        self.sstable(self.table("lines", keyspace="shop"), 7)
        self.table("empty", keyspace="shop")
        self.sstable(self.table("tables", keyspace="system_schema"), 3)
        self.sstable(self.table("roles", keyspace="system_auth"), 4)
        return self.own()

    def own(self) -> Node:
        """What tells a node who it is."""
        self.sstable(self.table("local", keyspace="system"), 5)
        return self

    def record_snapshot(self, tag: str, *, began_us: int) -> None:
        """Take a snapshot as the operation does, at a time."""
        self.began_us = began_us
        taken = dataclasses.replace(
            self.snapshot(tag, record=False), commit_log=read_position(str(self.root / "commitlog"))
        )
        record_snapshot(self.settings, taken, directories=list(map(str, self.data_directories)))

    @classmethod
    def there(cls, root: pathlib.Path, *, number: int, directories: int = 1) -> Node:
        """A node that was laid out."""
        node = object.__new__(cls)
        node.root, node.number, node.directories, node.cluster_name = root, number, directories, "lab"
        return node


class Archived:
    """A node's commit log and the agent that ships it."""

    def __init__(
        self, node: Node, store: ObjectStore, clock: Clock, *, settings: RepositorySettings, compress: bool = True
    ) -> None:
        self.node, self.store, self.clock = node, store, clock
        self.log = SimulatedLog(node.root, segment_bytes=1024, seed=node.number)
        self.config = AgentConfig(
            node_name=node.settings.name,
            host_id=node.identity.host_id,
            commitlog_directory=str(self.log.directory),
            archive_root=str(self.log.root),
            state_directory=str(node.root / "state" / "archive"),
            repository=settings,
            cluster_id=CLUSTER_ID,
            piece_bytes=300,
            compress=compress,
            spool_max_bytes=1_000_000,
        )
        self.start_agent()

    def start_agent(self) -> None:
        """Start a process that knows what is on disk."""
        config, clock = self.config, self.clock
        files = ArchiveDirectory(log_directory=config.commitlog_directory, root=config.archive_root)
        self.book = Book(host_id=config.host_id, path=state_path(config.agent_directory))
        self.book.load()
        self.shipper = Shipper(config, store=self.store, book=self.book, files=files, clock=clock, sleep=clock.sleep)
        self.watcher = Watcher(config, book=self.book, files=files, clock=clock, monotonic=lambda: clock() / 1e6)

    def start(self) -> None:
        self.log.start(now_ms=self.clock() // 1000)

    def cycle(self) -> None:
        """Let five seconds pass, look, and ship."""
        self.clock.sleep(5)
        self.watcher.look()
        self.shipper.cycle()


class Session:
    """What CQL says of a node's schema."""

    def __init__(self, host_id: str) -> None:
        self._host_id = host_id

    @contextlib.contextmanager
    def connect(self, _settings: CqlSettings) -> t.Iterator[t.Any]:
        yield self

    def rows(self, statement: str, _parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        if "schema_version" in statement:
            return [(self._host_id, "5c4e3a00-0000-4000-8000-000000000001", {node_on_disk.TABLE_ID: bytes(range(20))})]
        if "system_schema" in statement:
            return [("shop", "orders", node_on_disk.TABLE_ID)]
        return [("shop", "keyspace", "shop", "CREATE KEYSPACE shop;"), ("shop", "table", "orders", "CREATE TABLE;")]


PLAIN = RepositorySettings(bucket="b")


def settings_of(root: pathlib.Path, *, encrypted: bool) -> RepositorySettings:
    """How nodes open a repository, which need no identity; that is in a file below ``root``."""
    if not encrypted:
        return PLAIN
    path = root / "identity"
    path.write_text(f"{IDENTITY}\n")
    return RepositorySettings(bucket="b", recipients=(RECIPIENT,))


def make_repository(store: ObjectStore, nodes: t.Sequence[Node]) -> RepositoryMarker:
    """An empty repository of the cluster."""
    with unittest.mock.patch.object(uuid, "uuid4", return_value=uuid.UUID(CLUSTER_ID)):
        return ensure_repository(
            store,
            cluster_name="lab",
            host_ids=[node.identity.host_id for node in nodes],
            check_mode=False,
            now_us=START_US,
        ).marker


def upload(
    node: Node,
    store: ObjectStore,
    *,
    marker: RepositoryMarker,
    tag: str,
    clock: Clock,
    settings: RepositorySettings,
    progress: CountingProgress | None = None,
) -> UploadOutcome:
    """A node's upload."""
    return upload_snapshot(
        node.settings,
        store,
        marker=marker,
        settings=settings,
        tag=tag,
        transfer=TransferSettings(workers=1),
        progress=progress or CountingProgress(),
        now=clock.ticking,
    )


def write_repository(root: pathlib.Path, *, encrypted: bool) -> None:
    """A cluster of two nodes whose logs are archived, with a complete backup, one that was only begun, gaps, a restart,
    a restore in place, a record of the schema, and an import near the end."""
    with tempfile.TemporaryDirectory() as directory:
        store = _back_up_cluster(pathlib.Path(directory), settings=settings_of(root, encrypted=encrypted))
    dump(store, root / "bucket")


def _back_up_cluster(disks: pathlib.Path, *, settings: RepositorySettings) -> ObjectStore:
    clock, store = Clock(), open_memory_store()
    nodes = [Node(disks / "node1", number=1, directories=2).sstables(), Node(disks / "node2", number=2).sstables()]
    marker = make_repository(store, nodes)
    first, second = logs = [
        Archived(node, store, clock, settings=settings, compress=node.number == 1) for node in nodes
    ]
    for each in logs:
        each.start()
    _live(logs, cycles=3)
    _lose_a_segment(first)
    _live(logs, cycles=2)
    second.log.stop()
    clock.sleep(20)
    second.start()
    _live(logs, cycles=2)
    record_restore(store, host_id=first.config.host_id, restored_us=clock(), restore_id="backup_0-in-place-0123abcd")
    first.log.stop()
    clock.sleep(20)
    first.start()
    _live(logs, cycles=2)
    _back_up(nodes, store, marker=marker, clock=clock, settings=settings)
    _live(logs, cycles=12)
    session = Session(first.config.host_id)
    SchemaRecorder(first.config, CQL, store=store, clock=clock, connect_to=session.connect).look()
    clock.sleep(3)
    record_import(store, host_id=second.config.host_id, at_us=clock(), detail="t-beside-0123abcd")
    _live(logs, cycles=2)
    nodes[0].record_snapshot(UNFINISHED, began_us=clock())
    upload(nodes[0], store, marker=marker, tag=UNFINISHED, clock=clock, settings=settings)
    return store


def _back_up(
    nodes: t.Sequence[Node],
    store: ObjectStore,
    *,
    marker: RepositoryMarker,
    clock: Clock,
    settings: RepositorySettings,
) -> None:
    began_us = clock.ticking()
    for node in nodes:
        node.record_snapshot(TAG, began_us=clock.ticking())
    clock.sleep(1)
    uploaded = [upload(node, store, marker=marker, tag=TAG, clock=clock, settings=settings) for node in nodes]
    publish_backup(
        store,
        marker=marker,
        tag=TAG,
        node_summaries=[each.summary for each in uploaded],
        began_us=began_us,
        keyspaces=(),
        tables_asked=(),
        schema_cql=("CREATE KEYSPACE shop;", "CREATE TABLE shop.orders (k int);"),
        row_counts={"shop.orders": (42, began_us + 7)},
        tool_version="0.1.0",
        now=clock.ticking,
    )


def _live(logs: t.Sequence[Archived], *, cycles: int) -> None:
    for _turn in range(cycles):
        for each in logs:
            each.log.write(200, now_us=each.clock())
            each.cycle()


def _lose_a_segment(archived: Archived) -> None:
    """One is archived, and goes from the spool before the agent has shipped it."""
    before = archived.log.active
    while archived.log.active == before:
        archived.log.write(200, now_us=archived.clock())
    (archived.log.root / "spool" / str(before)).unlink()


def dump(store: ObjectStore, directory: pathlib.Path) -> None:
    """All objects, as files."""
    for info in store.list(""):
        path = directory / info.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.get(info.key))


def load(directory: pathlib.Path) -> ObjectStore:
    """A store with the objects that were kept."""
    store = open_memory_store()
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            store.put(str(path.relative_to(directory)), path.read_bytes())
    return store
