#!/usr/bin/python
# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cassandra_table_count_info
version_added: 0.1.0
short_description: Count the rows of tables, and read their schema
description:
  - Counts the rows of each table over CQL, and reads the statements that make the schema.
  - Counting reads all of a table. It pages through the ring in small steps, so no request is large.
author:
  - the revive.cassandra authors (!UNKNOWN)
extends_documentation_fragment:
  - revive.cassandra._attributes
  - revive.cassandra._attributes.info
  - revive.cassandra._node
  - revive.cassandra._repository.unused
  - revive.cassandra._cql
  - revive.cassandra._cql.address
options:
  keyspaces:
    description: The keyspaces to count; all but Cassandra's own by default.
    type: list
    elements: str
    default: []
  tables:
    description: The tables to count, each as V(keyspace.table), instead of whole keyspaces.
    type: list
    elements: str
    default: []
  count:
    description: Whether the rows are counted; otherwise only the schema is read.
    type: bool
    default: true
  max_seconds:
    description:
      - How long counting may take, all tables together. Each has its share of it, and what one does not need is for the
        others.
      - Of a table that there was no time to count, the rows are estimated from the parts of the ring that were counted.
      - What has been asked by then is still waited for. Without it, all is counted.
    type: int
  partial:
    description: Whether a table that cannot be read is told, and the others are counted, instead of failing.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Count the rows of one keyspace
  revive.cassandra.cassandra_table_count_info:
    native_address: 10.0.0.11
    cql_username: backup
    cql_password: "{{ vault_cql_password }}"
    keyspaces:
      - certificate_manager
  register: counts
"""

RETURN = r"""
tables:
  description: The tables with their rows.
  returned: success
  type: list
  elements: dict
  contains:
    keyspace:
      description: The table's keyspace.
      type: str
      returned: always
      sample: certificate_manager
    table:
      description: The table's name.
      type: str
      returned: always
      sample: certificates
    rows:
      description: How many rows it has; none if there was no time to count all, or the table could not be read.
      type: int
      returned: always
      sample: 20000
    estimated_rows:
      description: About how many it has, from the part of it that there was time to count; none if all was, or nothing.
      type: int
      returned: always
      sample: 20100
    problem:
      description: Why it could not be read; empty if it could. Only with O(partial).
      type: str
      returned: always
      sample: ""
    seconds:
      description: How long counting took.
      type: float
      returned: always
      sample: 1.2
    counted_us:
      description: When the count ended, in microseconds since the epoch.
      type: int
      returned: always
      sample: 1795372931000000
schema_tables:
  description: The tables and views in it that are not Cassandra's own, as their directories are named.
  returned: success
  type: list
  elements: str
  sample: [certificate_manager/certificates-5f0c1d3e0f4711f0a3c1b5d2e4f6a8c0]
members:
  description: The members of the ring, as the node that was asked knows them.
  returned: success
  type: list
  elements: dict
  contains:
    address:
      description: The address under which the other nodes reach it.
      type: str
      returned: always
      sample: 10.0.0.11
    host_id:
      description: Its host id.
      type: str
      returned: always
      sample: 2f1c5a0e-7d31-4c57-9a8e-0d4b6f8f3a11
    datacenter:
      description: Its datacenter.
      type: str
      returned: always
      sample: dc1
    rack:
      description: Its rack.
      type: str
      returned: always
      sample: r1
    tokens:
      description: Its tokens.
      type: list
      elements: str
      returned: always
      sample: ["-9033170543462357142"]
    schema_version:
      description: The version of the schema that it has; empty if that is not known yet.
      type: str
      returned: always
      sample: 5f0c1d3e-0f47-31f0-a3c1-b5d2e4f6a8c0
schema_cql:
  description: The statements that make the schema, in order.
  returned: success
  type: list
  elements: str
  sample: ["CREATE KEYSPACE certificate_manager ..."]
error:
  description: What went wrong, if the module failed for a known reason.
  returned: failure
  type: dict
  contains:
    code:
      description: A stable word to branch on, such as V(node_unreachable).
      type: str
      returned: always
      sample: node_unreachable
    message:
      description: What happened.
      type: str
      returned: always
      sample: 10.0.0.11 does not answer on port 9042.
    subject:
      description: The node, object, file or option concerned; empty when there is none.
      type: str
      returned: always
      sample: 10.0.0.11
    next_step:
      description: What to do now.
      type: str
      returned: always
      sample: Check address and port.
    marked:
      description:
        - Message and next step, with options marked as in documentation, between two control characters.
        - A role turns it into the words of its own variables.
      type: str
      returned: always
      sample: Nothing has been touched.
"""

from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra import counting
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.arguments import (
    Arguments,
    cql_arguments,
    shared_arguments,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.entry import Call, Result, plain, run

ARGUMENTS = (
    shared_arguments(repository_required=False)
    + cql_arguments()
    + Arguments(
        options={
            "keyspaces": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "tables": {"type": "list", "elements": "str", "default": []},
            "count": {"type": "bool", "default": True},
            "max_seconds": {"type": "int"},
            "partial": {"type": "bool", "default": False},
        },
        mutually_exclusive=(("keyspaces", "tables"),),
    )
)


def read(call: Call) -> Result:
    """Read the schema, and count."""
    seen = counting.read_tables(
        call.cql(),
        tables=call.params["tables"] or None,
        keyspaces=call.params["keyspaces"] or None,
        count=call.params["count"],
        limits=counting.Limits(seconds=call.params["max_seconds"], partial=call.params["partial"]),
    )
    return {
        "changed": False,
        "tables": plain(seen.counts),
        "schema_cql": list(seen.schema),
        "schema_tables": counting.tables_of(seen.schema),
        "members": plain(seen.members),
    }


def main() -> None:
    """Run the module."""
    run(ARGUMENTS, read)


if __name__ == "__main__":
    main()
