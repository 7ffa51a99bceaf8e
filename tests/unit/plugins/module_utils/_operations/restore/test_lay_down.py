# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laying down what an instance made beside the fetched base."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import hard_links
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replay_log import ReplayReport
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.journal import (
    FETCH,
    FetchComplete,
    FetchedFile,
    FetchHeader,
    read_fetch_journal,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore import laying_down
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.laying_down import (
    lay_down,
    note_laid_down,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.staging import (
    FetchedBase,
    StagedMoment,
    StagedTable,
)

KEPT = TableRef("app", "kept", "1" * 32)
TRUNCATED = TableRef("app", "truncated", "2" * 32)
DROPPED = TableRef("app", "remade", "3" * 32)
REMADE = TableRef("app", "remade", "4" * 32)
SCHEMA = TableRef("system_schema", "tables", "5" * 32)
_REPLAY = ReplayReport(files=1, replayed=1, unknown={}, unreadable=(), milliseconds=1)


class Area:
    """A fetched base on two disks and an instance's directory."""

    def __init__(self, root: Path) -> None:
        self.instance = root / "disk0" / "staging"
        self.news = (root / "disk0" / "new", root / "disk1" / "new")
        self.base = FetchedBase(
            directories=tuple(map(str, self.news)), snapshot_began_us=1, active_segment=1, active_position=1
        )
        for new in self.news:
            new.mkdir(parents=True)

    def put(self, root: Path, table: TableRef, *names: str, text: str) -> None:
        directory = root / table.keyspace / table.directory
        for name in names:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text)

    def moment(self, *tables: tuple[TableRef, bool], indexes: t.Sequence[tuple[str, str, str]] = ()) -> StagedMoment:
        data = self.instance / "data"
        return StagedMoment(
            moment_us=5,
            tables=tuple(
                StagedTable(table, keep, str(data / table.keyspace / table.directory)) for table, keep in tables
            ),
            schema=str(self.instance / "schema"),
            schema_sha256="",
            schema_cql=(),
            truncations=(),
            indexes=tuple(indexes),
            schema_replay=_REPLAY,
            data_replay=_REPLAY,
            later_schema=0,
            schema_seconds=0.0,
            data_seconds=0.0,
        )

    def files(self) -> dict[str, str]:
        return {
            str(path.relative_to(new.parent.parent)): path.read_text()
            for new in self.news
            for path in sorted(new.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def area(tmp_path: Path) -> Area:
    area = Area(tmp_path)
    area.put(area.news[0], KEPT, "nb-1-big-Data.db", "nb-1-big-TOC.txt", text="base")
    area.put(area.news[1], KEPT, "nb-4-big-Data.db", text="base")
    area.put(area.news[1], TRUNCATED, "nb-1-big-Data.db", text="base")
    area.put(area.news[0], DROPPED, "nb-1-big-Data.db", text="base")
    area.put(area.news[0], SCHEMA, "nb-1-big-Data.db", "nb-2-big-Data.db", text="base")
    data = area.instance / "data"
    area.put(data, KEPT, "nb-1-big-Data.db", "nb-1-big-TOC.txt", ".i/nb-1-big-Data.db", text="new")
    area.put(data, TRUNCATED, "nb-1-big-Data.db", text="new")
    (area.instance / "schema" / SCHEMA.directory).mkdir(parents=True)
    (area.instance / "schema" / SCHEMA.directory / "nb-1-big-Data.db").write_text("schema at the moment")
    return area


def test_what_was_written_since_lies_beside_the_base_and_nothing_else_is_there(area: Area) -> None:
    laid = lay_down(staged=area.moment((KEPT, True), (TRUNCATED, False), (REMADE, True)), base=area.base)
    app, schema = "new/app", f"new/system_schema/{SCHEMA.directory}"
    assert area.files() == {
        f"disk0/{app}/{KEPT.directory}/.i/nb-1-big-Data.db": "new",
        f"disk0/{app}/{KEPT.directory}/nb-1-big-Data.db": "base",
        f"disk0/{app}/{KEPT.directory}/nb-1-big-TOC.txt": "base",
        f"disk0/{app}/{KEPT.directory}/nb-5-big-Data.db": "new",
        f"disk0/{app}/{KEPT.directory}/nb-5-big-TOC.txt": "new",
        f"disk1/{app}/{KEPT.directory}/nb-4-big-Data.db": "base",
        f"disk0/{app}/{TRUNCATED.directory}/nb-1-big-Data.db": "new",
        f"disk0/{schema}/nb-1-big-Data.db": "schema at the moment",
    }
    assert (area.news[0] / "app" / REMADE.directory).is_dir(), "a table without data has its directory"
    assert [Path(path).name for path in laid.dropped] == [DROPPED.directory]
    assert [Path(path).name for path in laid.truncated] == [TRUNCATED.directory]


def test_a_run_that_was_cut_short_goes_on(area: Area, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = area.moment((KEPT, True), (TRUNCATED, False))
    whole = hard_links.link
    calls: list[str] = []

    def stops_at_the_third(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise KeyboardInterrupt
        whole(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(laying_down, "link", stops_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            lay_down(staged=moment, base=area.base)
    lay_down(staged=moment, base=area.base)
    once = area.files()
    lay_down(staged=moment, base=area.base)
    assert area.files() == once
    assert sum(text == "new" for text in once.values()) == 4


def test_indexes_that_the_base_was_written_without_are_named(area: Area) -> None:
    index = ("app", "kept", "i")
    assert lay_down(staged=area.moment((KEPT, True), indexes=[index]), base=area.base).indexes_to_rebuild == (index,)


def test_an_index_that_the_base_has_on_one_of_its_disks_is_there(area: Area) -> None:
    area.put(area.news[1], KEPT, ".i/nb-3-big-Data.db", text="base")
    moment = area.moment((KEPT, True), indexes=[("app", "kept", "i")])
    assert lay_down(staged=moment, base=area.base).indexes_to_rebuild == ()


def test_indexes_of_a_truncated_table_are_whole(area: Area) -> None:
    moment = area.moment((TRUNCATED, False), indexes=[("app", "truncated", "i")])
    assert lay_down(staged=moment, base=area.base).indexes_to_rebuild == ()


def test_the_journal_of_the_fetch_names_what_is_staged_now(area: Area, tmp_path: Path) -> None:
    header = FetchHeader("id", "tag", "host", "0" * 64, restore_auth=True, places=("/a", "/b"))
    found = (area.news[0] / "app" / KEPT.directory / "nb-1-big-Data.db").stat()
    kept = FetchedFile(
        place=0,
        path=f"app/{KEPT.directory}/nb-1-big-Data.db",
        size=found.st_size,
        sha256="known",
        inode=found.st_ino,
        mtime_ns=found.st_mtime_ns,
    )
    journal = tmp_path / "id.jsonl"
    journal.write_bytes(FETCH.encode(header) + FETCH.encode(kept))
    lay_down(staged=area.moment((KEPT, True)), base=area.base)

    note_laid_down(journal_path=str(journal), base=area.base)
    first, *files, last = read_fetch_journal(journal.read_bytes().splitlines(keepends=True))
    assert first == header
    assert kept in files
    assert isinstance(last, FetchComplete)
    assert last.files == len(files) == len(area.files())
