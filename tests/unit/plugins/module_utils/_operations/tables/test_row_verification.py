# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node compares of a table with what it has fetched; that Cassandra reads both is shown on nodes."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import pathlib
import shutil
import types
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings, InstanceOptions
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.row_comparison import TableRows
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import records, recovery
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import row_verification, snapshots
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.part import TablePart
from tests.unit.plugins.module_utils._operations.node_on_disk import TABLE_ID, CountingProgress
from tests.unit.plugins.module_utils._operations.tables.node_with_tables import RESTORE_ID, World

_CQL = CqlSettings(address="10.0.0.1", consistency="QUORUM")
_OPTIONS = InstanceOptions(launch_command=("true",), heap_mib=1, nice=0)
_ORDERS = f"shop/orders-{TABLE_ID}"
_TABLES = "system_schema/tables-afddfb9dbc1e30688056eed6c302ba09"
# Its own range goes over the end of the ring; another one is not its own.
_RING = (
    "TokenRange(start_token:100, end_token:-100, endpoints:[10.0.0.2, 10.0.0.1], rpc_endpoints:[10.0.0.2, 10.0.0.1])\n"
    "TokenRange(start_token:-100, end_token:100, endpoints:[10.0.0.3], rpc_endpoints:[10.0.0.3])\n"
)
_SERVED_ID = "c" * 32
_SCHEMA = (
    "CREATE KEYSPACE shop WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '3'};",
    *(
        f"CREATE TABLE shop.{name} (k int PRIMARY KEY, v text) WITH ID = 5f0c1d3e AND comment = 'ours';"
        for name in ("orders", "orders_then")
    ),
)
_TWIN = "revive_verification_0/t0-7e711e00000040008000000000000000"
_Values = dict[int, tuple[str, int]]


class _Side:
    """A session with the node, or with the instance: there rows by their tokens, each a value and when it was written.

    ``now`` is what the twin of the served table has.
    """

    def __init__(self) -> None:
        self.then: _Values = {}
        self.now: _Values = {}
        self.done: list[str] = []
        self.pages: set[int] = set()
        self.settings: CqlSettings | None = None

    def rows(self, statement: str, parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        self.done.append(statement)
        if statement.startswith("DESCRIBE"):
            return [(text,) for text in _SCHEMA]
        if "system_schema.columns" in statement:
            return [("k", "partition_key", 0, "int"), ("v", "regular", -1, "text")]
        if "system_schema.views" in statement:
            return [("by_v", "orders"), ("of_another", "customers")]
        if "system_schema.indexes" in statement:
            return [("Orders_v",)]
        return [("10.0.0.1",)]

    def stream(self, statement: str, parameters: tuple[t.Any, ...], *, page_rows: int) -> t.Iterator[tuple[t.Any, ...]]:
        self.pages.add(page_rows)
        start, end = parameters
        values = self.now if 'FROM "revive_verification_0"."t0"' in statement else self.then
        for token, (value, at) in sorted(values.items()):
            if start < token <= end:
                row: dict[str, t.Any] = {"k": token, "v": value}
                if "writetime" in statement:
                    row |= {"writetime(v)": at, "system.token(k)": token}
                yield (json.dumps(row),)


class _Instance:
    """A Cassandra that would open the files that lie there."""

    opened: t.ClassVar[dict[str, int]] = {}

    def __init__(self, settings: t.Any, *, identity: t.Any) -> None:
        self.directory = pathlib.Path(settings.directory)
        self.paths = types.SimpleNamespace(
            directory=str(self.directory), data=str(self.directory / "data"), address="127.0.0.254", native_port=20001
        )

    def prepare(self) -> None:
        (self.directory / "data").mkdir(parents=True)

    @contextlib.contextmanager
    def running(self, **_arguments: t.Any) -> t.Iterator[str]:
        data = pathlib.Path(self.paths.data)
        type(self).opened = {
            str(path.relative_to(data)): path.stat().st_nlink for path in data.rglob("*") if path.is_file()
        }
        yield ""


class Case:
    """A node that has fetched a table and imported it."""

    def __init__(self, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World(root, monkeypatch)
        self.instance, self.node = _Side(), _Side()
        self.calls: list[tuple[str, ...]] = []
        for place in self.world.disk.data_directories:
            schema = place / ".revive" / RESTORE_ID / "new" / _TABLES
            schema.mkdir(parents=True)
            (schema / "nb-1-big-Data.db").write_text(f"the schema in {place}")
        monkeypatch.setattr(row_verification, "StagingInstance", _Instance)
        monkeypatch.setattr(row_verification, "Nodetool", lambda _settings: self)
        monkeypatch.setattr(snapshots, "Nodetool", lambda _settings: self)
        monkeypatch.setattr(records, "source_of", lambda *_args, **_named: None)
        monkeypatch.setattr(recovery, "identity_of", lambda *_args, **_named: None)

    def run(self, *words: str) -> str:
        """As nodetool."""
        self.calls.append(words)
        served = [place / "shop" / f"{self.name}-{_SERVED_ID}" / "snapshots" for place in self.paths]
        if words[0] == "snapshot":
            for directory in served:
                (directory / words[2]).mkdir(parents=True)
                for name in ("Data.db", "TOC.txt", "SAI+aa+of_this+Meta.db"):
                    (directory / words[2] / f"nb-7-big-{name}").write_text(f"{directory} {name}")
        if words[0] == "clearsnapshot":
            for directory in served:
                shutil.rmtree(directory / words[2])
        return _RING

    @property
    def paths(self) -> t.Sequence[pathlib.Path]:
        return self.world.disk.data_directories

    @contextlib.contextmanager
    def connect(self, settings: CqlSettings) -> t.Iterator[_Side]:
        side = self.instance if settings.port == 20001 else self.node
        side.settings = settings
        yield side

    def part(self, *, is_new: bool = True, name: str = "orders_then", fetched: str = _TABLES) -> TablePart:
        part = self.world.part(is_new=is_new)
        (table,) = part.plan.tables
        self.name = name
        changed = dataclasses.replace(table, table=name)
        plan: TablesPlan = dataclasses.replace(part.plan, tables=(changed,), fetched=(_ORDERS, fetched))
        return dataclasses.replace(part, plan=plan)

    def forget(self) -> None:
        """What is written down of the restore."""
        for path in (self.world.disk.root / "state" / "restores").glob("*.tables"):
            path.unlink()

    def verify(self, part: TablePart) -> TableRows | None:
        outcome = row_verification.verify_rows(
            part, cql=_CQL, options=_OPTIONS, progress=CountingProgress(), check_mode=False, connect=self.connect
        )
        assert not list(self.world.disk.root.glob("data*/.revive/*/verification"))
        assert not list(self.world.disk.root.glob("data*/*/*/snapshots/*")), "the snapshot was left"
        return outcome.tables[0].rows if outcome.tables else None


@pytest.fixture
def case(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    return Case(tmp_path, monkeypatch)


def test_the_node_s_own_ranges_are_compared_with_all_that_it_fetched(case: Case) -> None:
    case.instance.then = {-200: ("a", 1), -50: ("not this node's", 1), 150: ("b", 1)}
    case.instance.now = {-200: ("a", 1), -50: ("elsewhere", 1), 150: ("b", 1)}

    assert case.verify(case.part()) == TableRows(rows=2, same=2)

    # The files of both data directories, under names of their own, without indexes; Cassandra appends to one of them.
    assert _Instance.opened == {
        f"{_TABLES}/nb-1-big-Data.db": 2,
        f"{_TABLES}/nb-2-big-Data.db": 2,
        f"{_ORDERS}/nb-1-big-Data.db": 2,
        f"{_ORDERS}/nb-1-big-Filter.db": 2,
        f"{_ORDERS}/nb-1-big-TOC.txt": 1,
        f"{_ORDERS}/nb-2-big-Data.db": 2,
        f"{_ORDERS}/nb-2-big-Filter.db": 2,
        f"{_ORDERS}/nb-2-big-TOC.txt": 1,
        f"{_TWIN}/nb-1-big-Data.db": 2,
        f"{_TWIN}/nb-1-big-TOC.txt": 1,
        f"{_TWIN}/nb-2-big-Data.db": 2,
        f"{_TWIN}/nb-2-big-TOC.txt": 1,
    }
    changed = [statement.split(" WITH ")[0] for statement in case.instance.done if not statement.startswith("SELECT")]
    assert changed == [
        'DROP MATERIALIZED VIEW "shop"."by_v"',
        'DROP INDEX "shop"."Orders_v"',
        'ALTER KEYSPACE "shop"',
        'CREATE KEYSPACE IF NOT EXISTS "revive_verification_0"',
        'CREATE TABLE IF NOT EXISTS "revive_verification_0"."t0" (k int PRIMARY KEY, v text)',
    ]
    assert not [statement for statement in case.node.done if not statement.startswith(("SELECT", "DESCRIBE"))]
    assert case.node.settings == dataclasses.replace(_CQL, consistency="ONE", only_this_address=True)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        pytest.param({-200: ("a", 1)}, "of 2 rows 1 are missing, 0 lack cells, and 0 differ", id="missing"),
        pytest.param({-200: ("a", 1), 150: ("c", 0)}, "0 are missing, 0 lack cells, and 1 differ", id="older"),
        pytest.param(
            {-200: ("a", 1), 150: ("c", 1)}, "0 are missing, 0 lack cells, and 1 differ", id="of the same time"
        ),
    ],
)
def test_a_table_of_its_own_that_differs_is_an_error(case: Case, now: _Values, said: str) -> None:
    case.instance.then, case.instance.now = {-200: ("a", 1), 150: ("b", 1)}, now

    with pytest.raises(NodeError, match=said) as caught:
        case.verify(case.part())

    assert "shop.orders_then on node1 does not hold what shop.orders held" in str(caught.value)
    assert "have the tokens 150." in str(caught.value)


def test_where_clients_write_their_doing_is_told_and_what_is_older_is_an_error(case: Case) -> None:
    case.instance.then = {-200: ("a", 7), 150: ("b", 7), 151: ("c", 7)}
    case.instance.now = {-200: ("a", 7), 151: ("written since", 9), 160: ("new", 9)}
    part = _merged(case.part(is_new=False, name="orders"))

    assert case.verify(part) == TableRows(rows=3, same=1, newer=2, missing=1, examples=(150,))

    # What was compared once is not compared again.
    case.instance.now[151] = ("older", 5)
    assert case.verify(part) == TableRows(rows=3, same=1, newer=2, missing=1, examples=(150,))
    case.forget()
    with pytest.raises(NodeError, match="1 are missing, 0 lack cells, and 1 differ"):
        case.verify(part)


@pytest.mark.parametrize("is_new", [False, True])
def test_rows_that_are_gone_from_what_was_only_imported_are_an_error_above_what_clients_may_delete(
    case: Case, *, is_new: bool
) -> None:
    case.instance.then = {150 + number: ("a", 7) for number in range(40)}
    part = case.part(is_new=is_new, name="orders")
    for gone, right in ((3, True), (4, False), (40, False)):
        case.instance.now = dict(list(case.instance.then.items())[gone:])
        case.forget()
        if right:
            found = case.verify(part)
            assert found is not None
            assert (found.rows, found.missing) == (40, gone)
        else:
            with pytest.raises(NodeError, match=rf"of 40 rows {gone} are missing.*more than the 3 that clients"):
                case.verify(part)
    # Over what was there, they may have been deleted at any time since the backup.
    case.forget()
    found = case.verify(_merged(part)) if not is_new else None
    assert is_new or (found is not None and found.missing == 40)


def _merged(part: TablePart) -> TablePart:
    (table,) = part.plan.tables
    return dataclasses.replace(
        part, plan=dataclasses.replace(part.plan, tables=(dataclasses.replace(table, replaces=False),))
    )


def test_a_backup_without_cassandra_s_schema_is_not_compared(case: Case) -> None:
    assert case.verify(case.part(fetched=_ORDERS)) is None
    assert case.instance.settings is None


@pytest.mark.parametrize(
    ("rows", "size", "page_rows"),
    [(1000, 1000, 500), (1000, 2**30, 7), (1, 2**30, 1), (1000, 0, 500), (None, 2**30, 50), (0, 2**30, 50)],
)
def test_a_page_has_fewer_rows_the_larger_they_are(case: Case, rows: int | None, size: int, page_rows: int) -> None:
    case.instance.then = case.instance.now = {150: ("b", 1)}
    part = case.part()
    changed = dataclasses.replace(part.plan.tables[0], rows=rows, size=size)
    part = dataclasses.replace(part, plan=dataclasses.replace(part.plan, tables=(changed,)))

    assert case.verify(part) == TableRows(rows=1, same=1)

    assert case.instance.pages == {page_rows}


def test_files_on_another_file_system_are_linked_by_name(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: str) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    case.instance.then = case.instance.now = {150: ("b", 1)}
    monkeypatch.setattr(os, "link", refuse)

    assert case.verify(case.part()) == TableRows(rows=1, same=1)

    assert _Instance.opened[f"{_ORDERS}/nb-2-big-Data.db"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(dataclasses.replace(_OPTIONS, launch_command=("no-such-cassandra",)), "no program", id="program"),
        pytest.param(dataclasses.replace(_OPTIONS, heap_mib=1 << 40), "of memory are available", id="memory"),
    ],
)
def test_what_could_not_be_compared_is_said_beforehand(case: Case, options: InstanceOptions, said: str) -> None:
    def look(part: TablePart, options: InstanceOptions) -> None:
        progress = CountingProgress()
        done = row_verification.verify_rows(
            part, cql=_CQL, options=options, progress=progress, check_mode=True, connect=case.connect
        )
        assert done.tables == ()

    with pytest.raises(NodeError, match=said):
        look(case.part(), options)
    look(case.part(fetched=_ORDERS), options)
    look(case.part(), _OPTIONS)
