# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A history on one node with everything that a replay can get wrong, and what the node held at a moment of it."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
import typing as t
from pathlib import Path

from cassandra import ConsistencyLevel
from cassandra.cluster import Session

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.commit_log_files import read_position
from ansible_collections.revive.cassandra.plugins.module_utils._operations.restore.staging import FetchedBase
from lab.cluster import Cluster
from lab.kept_log import keep_segments, keep_snapshot
from lab.node import Node
from lab.truth import now_us

Truth = t.Mapping[str, t.Sequence[str]]


@dataclasses.dataclass(frozen=True)
class History:
    """What is left of a node after its history: a base, segments, and what it held at ``moment_us``."""

    base: FetchedBase
    segments: tuple[Path, ...]
    moment_us: int
    truth: Truth


def live_through(cluster: Cluster, *, archive: Path, base_directory: Path, segments_directory: Path) -> History:
    """Fill tables, take a base, live on, note a moment with what is there, live on, and copy the log."""
    (node,) = cluster.nodes
    with cluster.session(consistency=ConsistencyLevel.ONE) as session:
        before_base(session)
        position = read_position(str(node.commitlog_directory))
        began_us = now_us()
        node.nodetool("snapshot", "-t", "base")
        directories = keep_snapshot(node, tag="base", into=base_directory)
        until_moment(session)
        time.sleep(0.05)
        moment_us = now_us()
        time.sleep(0.05)
        truth = tables_of(session)
        after_moment(session)
    # Sync markers in the active segment's file advance every 100 ms.
    time.sleep(0.5)
    return History(
        base=FetchedBase(
            directories=directories,
            snapshot_began_us=began_us,
            active_segment=position.active_segment,
            active_position=position.active_position,
        ),
        segments=keep_segments([archive, node.commitlog_directory], into=segments_directory),
        moment_us=moment_us,
        truth=truth,
    )


def tables_of(session: Session) -> Truth:
    """All rows of all tables of the history's keyspaces with their write times, and the schema that goes with them."""
    found: dict[str, list[str]] = {}
    described = session.execute("SELECT keyspace_name, table_name, id FROM system_schema.tables")
    for row in sorted(described):
        if row.keyspace_name not in ("app", "later", "late"):
            continue
        name = f'{row.keyspace_name}."{row.table_name}"'
        columns = list(
            session.execute(
                "SELECT column_name, kind, type FROM system_schema.columns"
                " WHERE keyspace_name = %s AND table_name = %s",
                (row.keyspace_name, row.table_name),
            )
        )
        found[f"{name} {row.id}"] = sorted(f"{each.column_name} {each.kind} {each.type}" for each in columns)
        times = [
            f'writetime("{each.column_name}")'
            for each in columns
            if each.kind == "regular" and each.type != "counter" and "<" not in each.type
        ]
        selected = ", ".join([*(f'"{each.column_name}"' for each in columns), *times])
        found[name] = sorted(repr(tuple(each)) for each in session.execute(f"SELECT {selected} FROM {name}"))
    found["types"] = sorted(map(repr, map(tuple, session.execute("SELECT * FROM system_schema.types"))))
    found["indexes"] = sorted(map(repr, map(tuple, session.execute("SELECT * FROM system_schema.indexes"))))
    found["roles"] = sorted(row.role for row in session.execute("SELECT role FROM system_auth.roles"))
    found["by index"] = sorted(map(repr, map(tuple, session.execute("SELECT k FROM app.indexed WHERE v = 'blue'"))))
    return found


def before_base(session: Session, *, replicas: int = 1) -> None:
    """What there is when the base is taken."""
    _create_keyspace(session, "app", replicas=replicas)
    session.execute("CREATE TYPE app.address (street text)")
    for name, columns in {
        "kept": "k int PRIMARY KEY, v text",
        '"MixedCase"': 'k int PRIMARY KEY, "V" text',
        "altered": "k int PRIMARY KEY, v text, gone text",
        "altered_later": "k int PRIMARY KEY, v text, gone_later text",
        "remade": "k int PRIMARY KEY, v text",
        "dropped": "k int PRIMARY KEY, v text",
        "dropped_later": "k int PRIMARY KEY, v text",
        "truncated": "k int PRIMARY KEY, v text",
        "truncated_flushed": "k int PRIMARY KEY, v text",
        "truncated_later": "k int PRIMARY KEY, v text",
        "truncated_before": "k int PRIMARY KEY, v text",
        "counted": "k int PRIMARY KEY, c counter",
        "listed": "k int PRIMARY KEY, l list<int>, s set<text>",
        "deleted": "p int, c int, v text, PRIMARY KEY (p, c)",
        "typed": "k int PRIMARY KEY, a frozen<address>",
        "indexed": "k int PRIMARY KEY, v text",
    }.items():
        session.execute(f"CREATE TABLE app.{name} ({columns})")
    session.execute("CREATE INDEX indexed_v ON app.indexed (v)")
    for k in range(20):
        for name in ("kept", "remade", "dropped", "dropped_later"):
            session.execute(f"INSERT INTO app.{name} (k, v) VALUES (%s, 'base')", (k,))
        for name in ("truncated", "truncated_flushed", "truncated_later", "truncated_before"):
            session.execute(f"INSERT INTO app.{name} (k, v) VALUES (%s, 'base')", (k,))
        session.execute('INSERT INTO app."MixedCase" (k, "V") VALUES (%s, \'base\')', (k,))
        session.execute("INSERT INTO app.altered (k, v, gone) VALUES (%s, 'base', 'base')", (k,))
        session.execute("INSERT INTO app.altered_later (k, v, gone_later) VALUES (%s, 'base', 'base')", (k,))
        session.execute("UPDATE app.counted SET c = c + 5 WHERE k = %s", (k,))
        session.execute("INSERT INTO app.listed (k, l, s) VALUES (%s, [1, 2], {'base'})", (k,))
        session.execute("INSERT INTO app.typed (k, a) VALUES (%s, {street: 'base'})", (k,))
        session.execute("INSERT INTO app.indexed (k, v) VALUES (%s, 'red')", (k,))
        for c in range(5):
            session.execute("INSERT INTO app.deleted (p, c, v) VALUES (%s, %s, 'base')", (k, c))
    session.execute("TRUNCATE app.truncated_before")
    session.execute("INSERT INTO app.truncated_before (k, v) VALUES (1, 'after the truncation, before the base')")


def until_moment(session: Session, *, replicas: int = 1) -> None:
    """What happens between the base and the moment."""
    _create_keyspace(session, "later", replicas=replicas)
    session.execute("CREATE TABLE later.created (k int PRIMARY KEY, v text)")
    session.execute("CREATE TABLE app.created (k int PRIMARY KEY, v text)")
    session.execute("ALTER TABLE app.altered ADD n int")
    session.execute("ALTER TABLE app.altered DROP gone")
    session.execute("DROP TABLE app.remade")
    session.execute("CREATE TABLE app.remade (k int PRIMARY KEY, w int)")
    session.execute("DROP TABLE app.dropped")
    # In memory when it is truncated; the other one has been flushed by the snapshot.
    session.execute("INSERT INTO app.truncated (k, v) VALUES (100, 'before the truncation')")
    session.execute("TRUNCATE app.truncated")
    session.execute("TRUNCATE app.truncated_flushed")
    session.execute("CREATE ROLE made_later WITH LOGIN = true")
    for k in range(10):
        session.execute("INSERT INTO later.created (k, v) VALUES (%s, 'new')", (k,))
        session.execute("INSERT INTO app.created (k, v) VALUES (%s, 'new')", (k,))
        session.execute("UPDATE app.altered SET n = 7, v = 'new' WHERE k = %s", (k,))
        session.execute("UPDATE app.altered_later SET gone_later = 'new' WHERE k = %s", (k,))
        session.execute("INSERT INTO app.remade (k, w) VALUES (%s, 3)", (k,))
        session.execute("INSERT INTO app.truncated (k, v) VALUES (%s, 'new')", (k,))
        session.execute("INSERT INTO app.truncated_flushed (k, v) VALUES (%s, 'new')", (k,))
        session.execute("INSERT INTO app.truncated_later (k, v) VALUES (%s, 'new')", (50 + k,))
        session.execute("INSERT INTO app.dropped_later (k, v) VALUES (%s, 'new')", (50 + k,))
        session.execute('INSERT INTO app."MixedCase" (k, "V") VALUES (%s, \'new\')', (k,))
        session.execute("UPDATE app.counted SET c = c + 2 WHERE k = %s", (k,))
        session.execute("UPDATE app.listed SET l = l + [3], s = s + {'new'} WHERE k = %s", (k,))
        session.execute("DELETE FROM app.deleted WHERE p = %s", (k,))
        session.execute("DELETE FROM app.deleted WHERE p = %s AND c = 2", (10 + k,))
        session.execute("INSERT INTO app.kept (k, v) VALUES (%s, 'expires') USING TTL 1", (k,))
        session.execute("INSERT INTO app.kept (k, v) VALUES (%s, 'lives') USING TTL 86400", (100 + k,))
        session.execute("INSERT INTO app.indexed (k, v) VALUES (%s, 'blue')", (k,))
    session.execute("INSERT INTO app.deleted (p, c, v) VALUES (1, 1, 'again')")
    session.execute("UPDATE app.kept SET v = 'lwt' WHERE k = 15 IF v = 'base'")
    time.sleep(2.5)


def after_moment(session: Session, *, replicas: int = 1) -> None:
    """What happens after the moment, and must not be there."""
    _create_keyspace(session, "late", replicas=replicas)
    session.execute("CREATE TABLE late.created (k int PRIMARY KEY, v text)")
    session.execute("ALTER TABLE app.altered_later ADD added_later int")
    session.execute("ALTER TABLE app.altered_later DROP gone_later")
    session.execute("ALTER TYPE app.address ADD zip text")
    session.execute("DROP TABLE app.dropped_later")
    session.execute("TRUNCATE app.truncated_later")
    session.execute("DROP ROLE made_later")
    for k in range(10):
        session.execute("INSERT INTO late.created (k, v) VALUES (%s, 'late')", (k,))
        session.execute("INSERT INTO app.kept (k, v) VALUES (%s, 'late')", (k,))
        session.execute("UPDATE app.altered_later SET added_later = 1 WHERE k = %s", (k,))
        session.execute("UPDATE app.counted SET c = c + 1000 WHERE k = %s", (k,))
        session.execute("UPDATE app.listed SET l = l + [4] WHERE k = %s", (k,))
        session.execute("INSERT INTO app.typed (k, a) VALUES (%s, {street: 'late', zip: 'late'})", (k,))
        session.execute("DELETE FROM app.deleted WHERE p = %s", (10 + k,))
        session.execute("INSERT INTO app.indexed (k, v) VALUES (%s, 'late')", (k,))
        session.execute("INSERT INTO app.truncated (k, v) VALUES (%s, 'late')", (k,))


def _create_keyspace(session: Session, name: str, *, replicas: int) -> None:
    session.execute(
        f"CREATE KEYSPACE {name} WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': {replicas}}}"
    )


def install(node: Node, *, directories: t.Sequence[str]) -> None:
    """Give a wiped node what was laid down."""
    for source, target in zip(directories, node.data_directories):
        for keyspace in os.listdir(source):
            shutil.move(os.path.join(source, keyspace), os.path.join(target, keyspace))
