# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A repository of any release is listed, planned and fetched from, and its logs reach as far as they did."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import typing as t

import pyrage
import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.windows import Window, restorable_windows
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import (
    CommitLogPosition,
    NodeIdentity,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.collection import COLLECTION_VERSION
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import IdentityError, PlanRefusedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.contents import ContentsCounts
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import (
    SCHEMA_RECORD,
    Gap,
    LedgerHead,
    OpenSegment,
    Run,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import read_node_manifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    BackedUpObject,
    ClusterManifest,
    FileEntry,
    NodeManifestFooter,
    NodeManifestHeader,
    NodeSummary,
    RepositoryMarker,
    SnapshotRecord,
    StoredObject,
    TableEntry,
    TableSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.moment import planned_segments
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.bases import bases_of
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.logs import load_logs
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import list_backups
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import open_repository
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.fetch_log import fetch_segments
from tests.unit.formats.cluster import CLUSTER_ID, RECIPIENT, TAG, UNFINISHED
from tests.unit.formats.conftest import NOW, Bucket
from tests.unit.formats.trees import contents
from tests.unit.formats.writing import MOMENT, fetch, plan, targets
from tests.unit.plugins.module_utils._operations.node_on_disk import TABLE_ID, host_id

ONE, TWO = host_id(1), host_id(2)


@dataclasses.dataclass(frozen=True)
class Repository:
    """One that was kept.

    :param suffix: of what is compressed, as ``object_suffix`` of what is not.
    :param manifest_suffix: of node manifests, which releases up to 0.1.0 encrypted, too.
    :param recipients: that node manifests name.
    """

    store: ObjectStore
    identity_file: str | None
    suffix: str
    object_suffix: str
    manifest_suffix: str = ".zst"
    recipients: tuple[str, ...] = ()


@pytest.fixture(params=["repository", "encrypted"])
def repository(
    request: pytest.FixtureRequest,
    bucket: Bucket,
    kept: t.Callable[[str], pathlib.Path],
    tmp_path: pathlib.Path,
    release: str,
) -> Repository:
    if request.param == "repository":
        return Repository(bucket("repository"), identity_file=None, suffix=".zst", object_suffix="")
    identity = tmp_path / "identity"
    identity.write_bytes(contents(kept("encrypted"))["identity"])
    return Repository(
        bucket("encrypted"),
        identity_file=str(identity),
        suffix=".zst.age",
        object_suffix=".age",
        manifest_suffix=".zst.age" if release == "0.1.0" else ".zst",
        recipients=() if release == "0.1.0" else (RECIPIENT,),
    )


def _identity(number: int) -> NodeIdentity:
    return NodeIdentity(
        host_id=host_id(number),
        name=f"node{number}",
        address=f"127.0.0.{number}",
        datacenter="dc1",
        rack=f"rack{number}",
        tokens=(str(-100 * number), str(200 * number)),
        release_version="5.0.8",
        partitioner="org.apache.cassandra.dht.Murmur3Partitioner",
        cluster_name="lab",
    )


POSITIONS = {
    ONE: CommitLogPosition((1_800_000_110_000, 1_800_000_110_001), 1_800_000_110_000, 436),
    TWO: CommitLogPosition((1_800_000_070_000, 1_800_000_070_001), 1_800_000_070_000, 852),
}


def test_the_marker_says_whose_it_is(repository: Repository) -> None:
    assert open_repository(repository.store) == RepositoryMarker(
        cluster_id=CLUSTER_ID,
        cluster_name="lab",
        host_ids=(ONE, TWO),
        created_us=1_800_000_000_000_000,
        conditional_puts=True,
    )


def test_backups_are_listed_with_what_they_hold(repository: Repository) -> None:
    complete, begun = list_backups(repository.store)
    assert (begun.tag, begun.complete, begun.node_host_ids) == (UNFINISHED, False, (ONE,))
    assert (complete.tag, complete.node_host_ids, complete.problem) == (TAG, (ONE, TWO), "")
    assert complete.manifest is not None
    assert repository.identity_file or complete.manifest.totals.stored_size == STORED_SIZE
    assert _without_sizes(complete.manifest) == ClusterManifest(
        tag=TAG,
        cluster_id=CLUSTER_ID,
        cluster_name="lab",
        began_us=1_800_000_130_001_000,
        completed_us=1_800_000_131_008_000,
        keyspaces=(),
        tables_asked=(),
        nodes=(
            NodeSummary(
                node=_identity(1),
                manifest_key=f"backups/{TAG}/nodes/{ONE}.jsonl{repository.manifest_suffix}",
                manifest_sha256="",
                manifest_size=0,
                totals=Totals(files=36, size=5370, objects=12, new_objects=12),
                data_directory_sizes=(4475, 895),
                snapshot_began_us=1_800_000_130_002_000,
                snapshot_ended_us=1_800_000_131_002_000,
                upload_began_us=1_800_000_131_004_000,
                upload_ended_us=1_800_000_131_005_000,
                commit_log=POSITIONS[ONE],
                recipients=repository.recipients,
            ),
            NodeSummary(
                node=_identity(2),
                manifest_key=f"backups/{TAG}/nodes/{TWO}.jsonl{repository.manifest_suffix}",
                manifest_sha256="",
                manifest_size=0,
                totals=Totals(files=30, size=4475, objects=10, new_objects=10),
                data_directory_sizes=(4475,),
                snapshot_began_us=1_800_000_130_003_000,
                snapshot_ended_us=1_800_000_131_003_000,
                upload_began_us=1_800_000_131_006_000,
                upload_ended_us=1_800_000_131_007_000,
                commit_log=POSITIONS[TWO],
                recipients=repository.recipients,
            ),
        ),
        tables=(
            _table("shop", "empty", files=0, size=0),
            _table("shop", "lines", files=12, size=1790),
            dataclasses.replace(
                _table("shop", "orders", files=18, size=2685), rows=42, rows_counted_us=1_800_000_130_001_007
            ),
            _table("system", "local", files=12, size=1790),
            _table("system_auth", "roles", files=12, size=1790),
            _table("system_schema", "tables", files=12, size=1790),
        ),
        totals=Totals(files=66, size=9845, objects=22, new_objects=22),
        schema_cql=("CREATE KEYSPACE shop;", "CREATE TABLE shop.orders (k int);"),
        tool_version="0.1.0",
    )


#: Of all objects of the plain backup.
STORED_SIZE = 64_152


def _table(keyspace: str, table: str, *, files: int, size: int) -> TableSummary:
    return TableSummary(table=TableRef(keyspace, table, TABLE_ID), files=files, size=size)


def _without_sizes(manifest: ClusterManifest) -> ClusterManifest:
    """Without what encryption makes another each time; a fetch compares it."""
    nodes = tuple(
        dataclasses.replace(
            node,
            manifest_sha256="",
            manifest_size=0,
            totals=dataclasses.replace(node.totals, stored_size=0, new_stored_size=0),
        )
        for node in manifest.nodes
    )
    totals = dataclasses.replace(manifest.totals, stored_size=0, new_stored_size=0)
    return dataclasses.replace(manifest, nodes=nodes, totals=totals)


def test_a_nodes_manifest_has_every_file(repository: Repository, release: str) -> None:
    key = f"backups/{TAG}/nodes/{TWO}.jsonl{repository.manifest_suffix}"
    codecs = Codecs.from_suffix(repository.manifest_suffix)
    text = b"".join(decode(repository.store.get_stream(key), codecs, identity_file=repository.identity_file))
    records = list(read_node_manifest(text.splitlines(keepends=True), subject=key))
    record = SnapshotRecord(
        tag=TAG,
        began_us=1_800_000_130_003_000,
        ended_us=1_800_000_131_003_000,
        node=_identity(2),
        commit_log=POSITIONS[TWO],
        keyspaces=(),
        tables=(),
        contents=None if release == "0.1.0" else ContentsCounts(tables=6, files=30, size=4475),
    )
    assert records[0] == NodeManifestHeader(TAG, CLUSTER_ID, _identity(2), record, data_directories=1)
    assert records[1] == TableEntry(TableRef("shop", "empty", TABLE_ID), "CREATE TABLE shop.empty (k int);")
    assert [type(each) for each in records].count(TableEntry) == 6
    objects = [each for each in records if isinstance(each, BackedUpObject)]
    assert [(each.table.table, each.packed, len(each.files)) for each in objects] == [
        (table, packed, count)
        for table in ("lines", "orders", "local", "roles", "tables")
        for packed, count in ((False, 1), (True, 5))
    ]
    data, pack = objects[:2]
    stored = repository.store.head(data.stored.key)
    assert stored is not None
    prefix = f"data/shop/lines-{TABLE_ID}/"
    assert data == BackedUpObject(
        table=TableRef("shop", "lines", TABLE_ID),
        data_directory=0,
        stored=StoredObject(
            key=f"{prefix}{LINES_DATA}{repository.object_suffix}",
            sha256=LINES_DATA,
            size=200,
            stored_size=stored.size,
            codecs=Codecs.from_suffix(repository.object_suffix),
        ),
        packed=False,
        files=(FileEntry("nb-7-big-Data.db", 200, LINES_DATA),),
    )
    assert pack.stored.key == f"{prefix}{LINES_PACK}{repository.object_suffix}"
    assert [(file.path, file.size) for file in pack.files] == [
        ("nb-7-big-CompressionInfo.db", 43),
        ("nb-7-big-Filter.db", 90),
        ("nb-7-big-Rows.db", 0),
        ("nb-7-big-Statistics.db", 470),
        ("nb-7-big-TOC.txt", 92),
    ]
    last = records[-1]
    assert isinstance(last, NodeManifestFooter)
    assert (last.totals.files, last.tables, last.upload_ended_us) == (30, 6, 1_800_000_131_007_000)


LINES_DATA = "1c35212ce27bf68d0c2c1b6f3c0c5e7f780f2aa0f453bc9138d4b30af38b3888"
LINES_PACK = "20c914ca7c2f0dc5e0391cf943c83355200906b8385182f7b0a972441599fd4d"


def test_the_logs_reach_as_far_as_they_did(repository: Repository) -> None:
    (base,) = bases_of(repository.store)
    assert (base.tag, base.ended_us, base.positions) == (TAG, 1_800_000_131_003_000, POSITIONS)
    assert base.imported_us == 1_800_000_254_008_000
    (window,) = restorable_windows([base], load_logs(repository.store))
    assert (window.from_us, window.until_us) == (1_800_000_131_003_000, 1_800_000_254_007_999)
    (before,) = restorable_windows([dataclasses.replace(base, imported_us=None)], load_logs(repository.store))
    assert before == Window(TAG, 1_800_000_131_003_000, 1_800_000_269_008_000, limited_by="node1", ended_by="")


def test_what_is_written_down_about_a_log_is_read(repository: Repository, release: str) -> None:
    # Early agents wrote the version of the format.
    agent_version = COLLECTION_VERSION if release == NOW else "1"
    first, second = load_logs(repository.store)
    assert first.runs == (Run(1_800_000_000_000, 0), Run(1_800_000_110_000, 1_800_000_000_003))
    assert second.runs == (Run(1_800_000_000_000, 0), Run(1_800_000_070_000, 1_800_000_000_002))
    lost, restored = first.gaps
    assert lost == Gap(
        host_id=ONE,
        cause="lost_from_spool",
        first=1_800_000_000_000,
        last=1_800_000_000_000,
        after_us=1_800_000_025_000_000,
        recorded_us=1_800_000_035_000_000,
    )
    assert restored == Gap(
        host_id=ONE,
        cause="restored",
        first=1_800_000_090_000,
        last=1_800_000_090_000,
        after_us=0,
        recorded_us=1_800_000_090_000_000,
        detail="backup_0-in-place-0123abcd",
    )
    assert (len(first.pieces), len(second.pieces), second.gaps) == (30, 30, ())
    assert second.head == LedgerHead(
        host_id=TWO,
        node_name="node2",
        agent_version=agent_version,
        interval_seconds=5.0,
        written_us=1_800_000_274_008_000,
        covered_from_us=1_800_000_010_000_000,
        covered_until_us=1_800_000_274_008_000,
        last_segment=1_800_000_070_004,
        open_segments=(OpenSegment(SegmentName(id=1_800_000_070_004, version=7), shipped=436),),
        spool_limit_bytes=1_000_000,
    )
    assert first.head == LedgerHead(
        host_id=ONE,
        node_name="node1",
        agent_version=agent_version,
        interval_seconds=5.0,
        written_us=1_800_000_269_008_000,
        covered_from_us=1_800_000_035_000_000,
        covered_until_us=1_800_000_269_008_000,
        last_segment=1_800_000_110_003,
        open_segments=(OpenSegment(SegmentName(id=1_800_000_110_003, version=7), shipped=852),),
        last_gap=1_800_000_000_000,
        spool_limit_bytes=1_000_000,
    )


def test_the_schema_that_an_agent_recorded_is_read(repository: Repository) -> None:
    (info,) = repository.store.list(f"commitlogs/{ONE}/schema/")
    assert info.key.endswith(f"/1800000251008000.json{repository.suffix}")
    body = decode(
        repository.store.get_stream(info.key),
        Codecs.from_suffix(repository.suffix),
        identity_file=repository.identity_file,
    )
    record = SCHEMA_RECORD.decode(b"".join(body), subject=info.key)
    assert (record.host_id, record.recorded_us) == (ONE, 1_800_000_251_008_000)
    assert record.statements == ("CREATE KEYSPACE shop;", "CREATE TABLE;")
    assert record.table_ids == {"shop.orders": TABLE_ID}
    assert record.truncated_at == {TABLE_ID: bytes(range(20)).hex()}
    assert record.digest == hashlib.sha256("\n".join(record.statements).encode()).hexdigest()


def test_a_restore_is_planned_and_fetched_to_the_end(repository: Repository, tmp_path: pathlib.Path) -> None:
    nodes = targets(tmp_path / "targets")
    planned = plan(repository.store, nodes, point="latest", identity_file=repository.identity_file)
    assert (planned.tag, planned.files, planned.size) == (TAG, 66, 9845)
    for node, files, digest in zip(nodes, (30, 24), FETCHED):
        outcome = fetch(node, repository.store, planned, identity_file=repository.identity_file)
        assert (outcome.changed, outcome.files) == (True, files)
        assert _digest(node.data_directories, below=f".revive/{planned.restore_id}/new") == digest


@pytest.mark.parametrize("point", ["latest", MOMENT])
def test_an_encrypted_backup_is_refused_without_its_identity(
    repository: Repository, tmp_path: pathlib.Path, point: str
) -> None:
    nodes = targets(tmp_path / "targets")
    if repository.identity_file is None:
        assert plan(repository.store, nodes, point=point).trials == ()
        return
    with pytest.raises(PlanRefusedError) as caught:
        plan(repository.store, nodes, point=point)
    (reason,) = caught.value.reasons
    assert isinstance(reason, IdentityError)
    assert "The data of node1, node2 is encrypted" in str(reason)
    pathlib.Path(repository.identity_file).write_text(f"{IDENTITY_OF_OTHERS}\n")
    with pytest.raises(PlanRefusedError, match=f"{repository.identity_file} on this host does not open"):
        plan(repository.store, nodes, point=point, identity_file=repository.identity_file)


IDENTITY_OF_OTHERS = pyrage.x25519.Identity.generate()
FETCHED = (
    "7e1b87373e949a91d7c7841ebe0c2e8bf98365bf1f66561a0f120cf7a0e019e3",
    "e8cc140db6a6d0912df9ddb0928b077676e8ca0bbe612405f200dd7ebcc179c8",
)


def _digest(directories: list[pathlib.Path], *, below: str) -> str:
    """Of names, places and contents of all files."""
    digest = hashlib.sha256()
    for directory in directories:
        for path in sorted((directory / below).rglob("*")):
            if path.is_file():
                digest.update(f"{directory.name}/{path.relative_to(directory / below)}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def test_a_moment_is_planned_and_its_log_fetched(repository: Repository, tmp_path: pathlib.Path) -> None:
    planned = plan(
        repository.store, targets(tmp_path / "targets"), point=MOMENT, identity_file=repository.identity_file
    )
    assert planned.moment is not None
    assert planned.moment.moment_us == 1_800_000_200_000_001
    for log, part, wanted in zip(load_logs(repository.store), planned.moment.parts, SEGMENTS):
        assert part.source_host_id == log.host_id
        paths = fetch_segments(
            repository.store,
            host_id=log.host_id,
            segments=planned_segments(dataclasses.replace(planned.moment, parts=(part,)), log=log),
            directory=str(tmp_path / log.name),
            identity_file=repository.identity_file,
        )
        bodies = [pathlib.Path(path).read_bytes() for path in paths]
        digest = hashlib.sha256(b"".join(bodies)).hexdigest()
        assert ([pathlib.Path(path).name for path in paths], list(map(len, bodies)), digest) == wanted


SEGMENTS = (
    (
        [f"CommitLog-7-{1_800_000_110_000 + number}.log" for number in range(4)],
        [852] * 4,
        "921a75f37b555a91105ce3e91d18ab133e16803bf695bb878f58346c2bf9e361",
    ),
    (
        [f"CommitLog-7-{1_800_000_070_000 + number}.log" for number in range(5)],
        [852] * 4 + [436],
        "5e9c841f9ba82db9eadc964034fc6d2a47f9c3c9600fcfc7b142d24ce383641f",
    ),
)
