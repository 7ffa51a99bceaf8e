# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that has fetched tables, as its disk shows it, without Cassandra: what a restore of tables stands on."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore import journal
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.model import Assignment
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import Selection, TablesPlan
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables import importing, keeping, snapshots
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.part import TablePart
from tests.unit.plugins.module_utils._core.restore.plans import restore_plan, table_restore
from tests.unit.plugins.module_utils._operations.node_on_disk import TABLE_ID, DiskNode

CQL = CqlSettings(address="127.0.0.1")
RESTORE_ID = "t-replace-0123abcd"
SAVED_MS = 1_700_000_000_000


def _assignment(source: str) -> Assignment:
    return Assignment(
        target_name="node1",
        source_host_id=source,
        source_name=source,
        source_address="10.0.0.1",
        target_address="10.0.0.1",
        datacenter="dc1",
        rack="r1",
        tokens=("1",),
        files=1,
        size=1,
        stored_size=1,
        is_seed=True,
        manifest_key="k",
        manifest_sha256="0",
        manifest_size=1,
    )


class World:
    """A node with fetched tables, a nodetool that does what Cassandra does to files, and what CQL would say."""

    def __init__(self, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.disk = DiskNode(root / "node", directories=2)
        self.disk.be_remembered()
        self.calls: list[tuple[str, ...]] = []
        self.fails = ""
        self.names_directory = self.has_foreign_keys = False
        self.ring = (1,)
        self.compacts = self.copies = False
        self.truncated_ms = 0
        self.statements: list[str] = []
        self.now_ms = SAVED_MS
        for module in (importing, keeping, snapshots):
            monkeypatch.setattr(module, "Nodetool", lambda _settings: self)
        for module in (importing, keeping):
            monkeypatch.setattr(module, "now_us", lambda: self.now_ms * 1000)
        (root / "node" / "state" / "restores").mkdir(parents=True)
        self.be_fetched(RESTORE_ID)

    def be_fetched(self, restore_id: str) -> None:
        journal_path = self.disk.root / "state" / "restores" / f"{restore_id}.jsonl"
        header = journal.FetchHeader(
            restore_id=restore_id,
            tag="t",
            source_host_id="h",
            manifest_sha256="0",
            restore_auth=False,
            places=tuple(map(str, self.disk.data_directories)),
            tables=(f"shop/orders-{TABLE_ID}",),
        )
        complete = journal.FetchComplete(files=1, size=1, tables=1)
        journal_path.write_bytes(journal.FETCH.encode(header) + journal.FETCH.encode(complete))
        for place in self.disk.data_directories:
            staged = self.staged(place, restore_id)
            staged.mkdir(parents=True)
            for name in ("Data.db", "TOC.txt", "Filter.db"):
                (staged / f"nb-1-big-{name}").write_text(f"{place}{restore_id[len(RESTORE_ID) :]} {name}")
            (staged / "nb-1-big-SAI+aa+old_index+Meta.db").write_text("of another index")

    def staged(self, place: pathlib.Path, restore_id: str = RESTORE_ID) -> pathlib.Path:
        return place / ".revive" / restore_id / "new" / "shop" / f"orders-{TABLE_ID}"

    def part(
        self, *, is_new: bool = True, indexes: tuple[str, ...] = (), sources: tuple[str, ...] = ("n1",)
    ) -> TablePart:
        table = table_restore("orders", is_new=is_new, table_id=TABLE_ID)
        restore = restore_plan(restore_id=RESTORE_ID, assignments=tuple(map(_assignment, sources)))
        selection = Selection(reshape=len(sources) > 1)
        plan = TablesPlan(restore=restore, selection=selection, fetched=(), tables=(table,), indexes=indexes)
        return TablePart(node=self.disk.settings, plan=plan)

    def run(self, *words: str) -> str:
        """As nodetool: an import moves what it is given into the table's directory."""
        self.calls.append(words)
        if words[0] == self.fails:
            raise NodeError(
                f"nodetool {words[0]} on node n1 failed: {words[-1] if self.names_directory else 'refused'}."
            )
        if words[0] == "describering":
            return "".join(
                f"TokenRange(start_token:0, end_token:{token}, endpoints:[127.0.0.1], rpc_endpoints:[127.0.0.1])\n"
                for token in self.ring
            )
        if words[0] == "import" and self.has_foreign_keys and "--no-tokens" not in words:
            raise NodeError(f"nodetool import on node n1 failed: {words[-1]}.")
        if words[0] == "import":
            table = self.disk.table("orders", keyspace="shop")
            directories = [pathlib.Path(word) for word in words if word.startswith("/")]
            for number, directory in enumerate(directories):
                for path in directory.iterdir():
                    if self.compacts:
                        path.unlink()
                        continue
                    if self.copies:
                        shutil.copy(path, f"{path}.copy")
                        os.replace(f"{path}.copy", path)
                    shutil.move(str(path), table / path.name.replace("-1-", f"-{number + len(self.calls) * 10}-"))
        return ""

    @contextlib.contextmanager
    def connect(self, _settings: CqlSettings) -> t.Iterator[World]:
        yield self

    def rows(self, statement: str, _parameters: t.Sequence[t.Any] = ()) -> list[tuple[t.Any, ...]]:
        self.statements.append(statement)
        if "FROM system_schema.tables" in statement:
            return [("shop", "orders", "the-id")]
        if "truncated_at" in statement:
            return [({"the-id": bytes(12) + self.truncated_ms.to_bytes(8, "big")},)]
        return []

    def live(self) -> set[str]:
        return {path.read_text() for path in self.disk.table("orders", keyspace="shop").iterdir() if path.is_file()}
