# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovery to a moment from a base and plain copies of segments, on real nodes; no agent and no store is needed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from cassandra import ConsistencyLevel

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql_wire import CqlWire
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_instance import (
    StagingInstance,
    StagingSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.chain import SegmentChain
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import (
    parse_header,
    parse_segment_name,
    valid_end,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import (
    CommitLogPosition,
    NodeIdentity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replay_log import parse_replay
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.versions import schema_replay_list
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import piece_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Piece
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    NodeManifestHeader,
    SnapshotRecord,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import FETCH, FetchHeader
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import NEW_CLUSTER
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import (
    DEFAULT_RESERVE,
    parse_reserve,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import SourceIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import InstanceOptions, NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.laying_down import (
    lay_down,
    note_laid_down,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.records import fetch_journal_path
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.recovery import stage_moment
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.staged_record import is_staged
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.staging import (
    FetchedBase,
    StagedMoment,
    recover_to_moment,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.switch import switch_node
from lab.cluster import Cluster
from lab.distribution import CASSANDRA_4_1, CASSANDRA_5_0, series_of
from lab.kept_log import archive_into
from lab.leftovers import destroy_at_the_end
from lab.node import Node
from lab.processes import ProcessIdentity, wait_until
from tests.lab.segments import cut_at_last_marker, renumber
from tests.lab.staging_history import History, Truth, install, live_through, tables_of

pytestmark = pytest.mark.lab


@dataclasses.dataclass(frozen=True)
class Source:
    """A node that is gone, and what there is of it."""

    cluster: Cluster
    directory: Path
    history: History

    @property
    def node(self) -> Node:
        """The only one of the cluster, stopped."""
        return self.cluster.nodes[0]

    @property
    def identity(self) -> SourceIdentity:
        """Whose log it is."""
        return SourceIdentity(
            cluster_name=self.cluster.cluster_name,
            datacenter=self.cluster.datacenter,
            rack=self.node.rack,
            release_version=self.cluster.version,
        )

    def settings(self, directory: Path) -> StagingSettings:
        """Of an instance beside the node."""
        return StagingSettings(
            directory=str(directory),
            conf_directory=str(self.node.conf_directory),
            launch_command=(str(self.node.command_path(name="cassandra")), "-f"),
            heap_mib=448,
        )

    def recover(
        self, directory: Path, *, moment_us: int | None, segments: t.Sequence[Path] | None = None
    ) -> StagedMoment:
        """As a restore does."""
        return recover_to_moment(
            settings=self.settings(directory),
            identity=self.identity,
            base=self.history.base,
            segments=[str(path) for path in (segments or self.history.segments)],
            moment_us=moment_us,
        )

    def tables(
        self, directory: Path, *, moment_us: int | None = None, segments: t.Sequence[Path] | None = None
    ) -> t.Mapping[str, t.Sequence[str]]:
        """The names of tables that the log alone knows at a moment, by keyspace: the first of a recovery's starts."""
        instance = StagingInstance(self.settings(directory), identity=self.identity)
        instance.prepare()
        instance.place_segments([str(path) for path in (segments or self.history.segments)])
        found: dict[str, list[str]] = {}
        with (
            instance.running(replay=schema_replay_list(self.cluster.version), moment_us=moment_us) as log,
            CqlWire(address=instance.paths.address, port=instance.paths.native_port) as cql,
        ):
            assert parse_replay(log).replayed > 0
            for row in cql.select_json("SELECT JSON keyspace_name, table_name FROM system_schema.tables"):
                found.setdefault(row["keyspace_name"], []).append(row["table_name"])
        return found


@pytest.fixture(scope="module", params=[CASSANDRA_5_0, CASSANDRA_4_1], ids=series_of)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Source]:
    directory = tmp_path_factory.mktemp("staging")
    cluster = Cluster.create(root=directory / "lab", name="source", version=request.param, nodes=1)
    with contextlib.ExitStack() as ending:
        destroy_at_the_end(cluster, ending)
        archive_into(cluster.nodes[0], directory / "archive")
        cluster.start()
        history = live_through(
            cluster,
            archive=directory / "archive",
            base_directory=directory / "base",
            segments_directory=directory / "segments",
        )
        cluster.stop()
        yield Source(cluster=cluster, directory=directory, history=history)


def test_the_node_is_as_it_was_at_the_moment(source: Source, tmp_path: Path) -> None:
    staged = source.recover(tmp_path / "staging", moment_us=source.history.moment_us)
    new = _copy_of(source.history.base, into=tmp_path / "new")
    laid = lay_down(staged=staged, base=new)

    assert lay_down(staged=staged, base=new).linked == laid.linked, "a second run finds it done"
    # One that was truncated just before the base may count as truncated since: what followed is in the log as well.
    emptied = {Path(path).name.split("-")[0] for path in laid.truncated}
    assert emptied - {"truncated_before"} == {"truncated", "truncated_flushed"}
    assert {Path(path).name.split("-")[0] for path in laid.dropped} == {"dropped", "remade"}
    assert laid.indexes_to_rebuild == ()
    assert staged.later_schema == 20, "rows with the column and the field that were added after the moment"
    source.node.wipe()
    install(source.node, directories=new.directories)
    assert _tables_once_started(source) == source.history.truth


def test_a_node_takes_its_part_in_a_restore(source: Source, tmp_path: Path) -> None:
    """From pieces in a store and a fetched base, through the switch, to a node that serves what was there."""
    restore_id = "base-to-a-moment"
    node = NodeSettings(
        name=source.node.name,
        nodetool_command=(str(source.node.command_path(name="nodetool")),),
        config_file=str(source.node.conf_directory / "cassandra.yaml"),
        state_directory=str(tmp_path / "state"),
    )
    source.node.wipe()
    base = source.history.base
    fetched = dataclasses.replace(
        base, directories=tuple(str(place / ".revive" / restore_id / "new") for place in source.node.data_directories)
    )
    for copied, target in zip(base.directories, fetched.directories):
        shutil.copytree(copied, target)
    journal = Path(fetch_journal_path(node, restore_id=restore_id))
    journal.parent.mkdir(parents=True)
    places = tuple(str(place) for place in source.node.data_directories)
    header = FetchHeader(restore_id, "base", "h", "0" * 64, restore_auth=True, places=places)
    journal.write_bytes(FETCH.encode(header))
    note_laid_down(journal_path=str(journal), base=fetched)
    store = _Store()
    stage = functools.partial(
        stage_moment,
        node,
        t.cast(t.Any, store),
        restore_id=restore_id,
        source=_manifest_header(source),
        segments=[store.ship(path) for path in source.history.segments if parse_header(path.read_bytes())],
        moment_us=source.history.moment_us,
        restore_auth=True,
        release_version=source.cluster.version,
        options=InstanceOptions(launch_command=source.settings(tmp_path).launch_command, heap_mib=448),
        reserve=parse_reserve(DEFAULT_RESERVE),
    )

    outcome = stage()
    assert outcome.changed
    assert (outcome.truncated_tables >= 2, outcome.dropped_tables, outcome.later_schema) == (True, 2, 20)
    assert not stage().changed
    assert is_staged(node, restore_id=restore_id)
    switch_node(
        node,
        restore_id=restore_id,
        mode=NEW_CLUSTER,
        tokens=tuple(str(number * 10**18) for number in range(-4, 4)),
        restore_auth=True,
        owner=None,
        group=None,
        is_running=lambda: False,
    )
    assert _tables_once_started(source) == source.history.truth


def test_without_a_moment_all_that_was_shipped_is_there(source: Source, tmp_path: Path) -> None:
    staged = source.recover(tmp_path / "staging", moment_us=None)
    assert "late.created" in {str(each.table) for each in staged.tables}
    assert staged.later_schema == 0
    assert len(_rows(source, tmp_path / "staging", table="late.created")) == 10


def test_the_cut_is_exact_to_the_microsecond(source: Source, tmp_path: Path) -> None:
    times = sorted(int(row.rpartition(", ")[2][:-1]) for row in source.history.truth['app."created"'])
    source.recover(tmp_path / "at", moment_us=times[5])
    assert len(_rows(source, tmp_path / "at", table="app.created")) == 6
    source.recover(tmp_path / "before", moment_us=times[5] - 1)
    assert len(_rows(source, tmp_path / "before", table="app.created")) == 5


def test_segments_cut_at_their_last_sync_marker_are_whole(source: Source, tmp_path: Path) -> None:
    segments = [cut_at_last_marker(path, into=tmp_path) for path in source.history.segments]
    assert sum(path.stat().st_size for path in segments) < sum(path.stat().st_size for path in source.history.segments)
    assert source.tables(tmp_path / "staging", segments=segments)["late"] == ["created"]


def test_a_clock_that_is_behind_the_source_loses_nothing(source: Source, tmp_path: Path) -> None:
    ahead = (int(time.time()) + 86_400) * 1000
    segments = [
        renumber(path, number=ahead + number, into=tmp_path) for number, path in enumerate(source.history.segments)
    ]
    assert source.tables(tmp_path / "staging", segments=segments)["late"] == ["created"]


@pytest.mark.parametrize("which", ["first", "last"])
def test_a_damaged_segment_is_an_error(source: Source, tmp_path: Path, which: str) -> None:
    segments = [cut_at_last_marker(path, into=tmp_path) for path in source.history.segments]
    segments = [path for path in segments if path.stat().st_size > 1000]
    data = bytearray((damaged := segments[0 if which == "first" else -1]).read_bytes())
    at = data.find(b"base" if which == "first" else b"late")
    assert at > 0
    data[at : at + 4] = b"\xff\xff\xff\xff"
    damaged.write_bytes(data)
    # Of the last file Cassandra itself forgives that, taking it for one that was being written.
    with pytest.raises(NodeError, match=damaged.name):
        source.tables(tmp_path / "staging", segments=segments)


def test_an_instance_ends_with_whoever_started_it(source: Source, tmp_path: Path) -> None:
    wait = functools.partial(wait_until, timeout_seconds=60)
    script = tmp_path / "starts.py"
    settings = source.settings(tmp_path / "staging")
    script.write_text(_STARTS_AND_WAITS.format(settings=settings, identity=source.identity))
    with subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": ":".join(sys.path)}) as parent:
        try:
            record = tmp_path / "staging" / "process"
            wait(lambda: record.exists() and bool(record.read_text()), what="the record of the instance's process")
            pid = int(record.read_text().split()[0])
            wait(lambda: b"java" in Path(f"/proc/{pid}/cmdline").read_bytes(), what="the instance to be Java")
        finally:
            parent.send_signal(signal.SIGKILL)
    wait(lambda: ProcessIdentity.of(pid=pid) is None, what="the instance to end with whoever started it")
    # What is left is no obstacle.
    StagingInstance(settings, identity=source.identity).prepare()


_STARTS_AND_WAITS = """
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.staging_instance import (
    StagingInstance,
    StagingSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.space import (
    DEFAULT_RESERVE,
    parse_reserve,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import SourceIdentity

instance = StagingInstance({settings!r}, identity={identity!r})
instance.prepare()
with instance.running(replay=(), moment_us=None):
    pass
"""


class _Store:
    """Pieces in memory."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def ship(self, path: Path) -> SegmentChain:
        """A segment up to its last sync marker, in two pieces."""
        name = parse_segment_name(path.name)
        assert name is not None
        data = path.read_bytes()
        end = valid_end(lambda offset, size: data[offset : offset + size], length=len(data))
        pieces = []
        for start, stop in ((0, end // 2), (end // 2, end)):
            sha256 = hashlib.sha256(data[start:stop]).hexdigest()
            pieces.append(Piece(name, start, stop, 1, 1, final=stop == end, sha256=sha256))
            self._objects[piece_key("h", pieces[-1])] = data[start:stop]
        return SegmentChain(segment=name, pieces=tuple(pieces), end=end, whole=True)

    def get_stream(self, key: str) -> t.Iterator[bytes]:
        """As an object store does."""
        yield self._objects[key]


def _manifest_header(source: Source) -> NodeManifestHeader:
    identity = NodeIdentity(
        host_id="h",
        name=source.node.name,
        address=source.node.address,
        datacenter=source.cluster.datacenter,
        rack=source.node.rack,
        tokens=(),
        release_version=source.cluster.version,
        partitioner="org.apache.cassandra.dht.Murmur3Partitioner",
        cluster_name=source.cluster.cluster_name,
    )
    base = source.history.base
    record = SnapshotRecord(
        tag="base",
        began_us=base.snapshot_began_us,
        ended_us=base.snapshot_began_us,
        node=identity,
        commit_log=CommitLogPosition(
            segments=(), active_segment=base.active_segment, active_position=base.active_position
        ),
        keyspaces=(),
        tables=(),
    )
    return NodeManifestHeader(tag="base", cluster_id="c", node=identity, snapshot=record, data_directories=2)


def _rows(source: Source, directory: Path, *, table: str) -> t.Sequence[t.Mapping[str, t.Any]]:
    """What a recovery has left in its instance's own table."""
    instance = StagingInstance(source.settings(directory), identity=source.identity)
    instance.place_segments(())
    with (
        instance.running(replay=(), moment_us=None),
        CqlWire(address=instance.paths.address, port=instance.paths.native_port) as cql,
    ):
        return cql.select_json(f"SELECT JSON * FROM {table}")


def _tables_once_started(source: Source) -> Truth:
    source.cluster.start()
    with source.cluster.session(consistency=ConsistencyLevel.ONE) as session:
        found = tables_of(session)
    source.cluster.stop()
    return found


def _copy_of(base: FetchedBase, *, into: Path) -> FetchedBase:
    directories = []
    for number, source in enumerate(base.directories):
        shutil.copytree(source, into / str(number))
        directories.append(str(into / str(number)))
    return dataclasses.replace(base, directories=tuple(directories))
