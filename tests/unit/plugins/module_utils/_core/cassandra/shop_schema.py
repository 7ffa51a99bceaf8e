# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A schema of a shop, as Cassandra describes it: an object of each kind, with what is hard to read."""

from __future__ import annotations

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema

AUDIT = """CREATE TABLE shop."AuditLog" (
    "Day" text,
    "Sequence" bigint,
    extra map<text, frozen<list<int>>>,
    who frozen<"Person"> static,
    old int,
    gone text,
    PRIMARY KEY (("Day"), "Sequence")
) WITH ID = 0da138a0-e6fd-11f1-8426-4d7eca3dfb9d
    AND CLUSTERING ORDER BY ("Sequence" DESC)
    AND comment = 'it''s; AND ours'
    AND compaction = {'class': 'X', 'min_threshold': '4'}
    AND gc_grace_seconds = 864000;
ALTER TABLE shop."AuditLog" DROP gone USING TIMESTAMP 17;
ALTER TABLE shop."AuditLog" DROP old USING TIMESTAMP 18;
ALTER TABLE shop."AuditLog" ADD old bigint;"""

#: A table with COMPACT STORAGE, which Cassandra describes in a comment.
SESSIONS = """/*
Warning: Table legacy.sessions omitted because it has constructs not compatible with CQL (was created via legacy API).
Approximate structure, for reference:
(this should not be used to reproduce this schema)

CREATE TABLE legacy.sessions (
    key blob,
    value blob,
    PRIMARY KEY (key)
) WITH COMPACT STORAGE
    AND ID = 06dd4f00-ecec-11f1-8fa9-494fbe0e64b9
    AND CLUSTERING ORDER BY (column1 ASC)
    AND comment = '';
*/"""

TEXTS = (
    "/* Warning: a virtual table\nCREATE TABLE system_views.x (a int PRIMARY KEY); */",
    "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '1'};",
    'CREATE TYPE shop."Person" (\n    name text,\n    born date\n);',
    AUDIT,
    "CREATE TABLE shop.orders (id uuid PRIMARY KEY, v vector<float, 3>, n int) WITH ID = 0da138a0-e6fd-11f1;",
    "CREATE INDEX orders_n ON shop.orders (n);",
    "CREATE CUSTOM INDEX sai ON shop.orders (v) USING 'sai' WITH OPTIONS = {'a': 'ON b'};",
    "CREATE MATERIALIZED VIEW shop.by_n AS SELECT * FROM shop.orders WHERE n IS NOT NULL PRIMARY KEY (n, id);",
    "CREATE FUNCTION shop.f (a int) RETURNS NULL ON NULL INPUT RETURNS int LANGUAGE java AS $$ return a; /* ; */ $$;",
)


def described_shop() -> schema.Schema:
    """The schema."""
    return schema.parse_schema(TEXTS)


def find_in_shop(kind: str, name: str) -> schema.SchemaObject:
    """What is there of a kind under a name."""
    found = described_shop().find(kind, "shop", name)
    assert found is not None
    return found
