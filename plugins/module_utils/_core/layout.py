# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie in a repository: keys, relative to its prefix. Pure.

No key is another key's directory, and no part of a key is longer than 255 bytes, so that stores which keep keys as
files take them too.
"""

from __future__ import annotations

import re

from ansible_collections.revive.cassandra.plugins.module_utils._core.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.names import TableRef

MARKER_KEY = "repository.json"
BACKUPS_PREFIX = "backups/"
DATA_PREFIX = "data/"
#: Written twice to find out whether a store honours conditional puts; holds nothing else.
PROBE_KEY = "probe/conditional-put"

_NODE_MANIFEST = re.compile(r"backups/(?P<tag>[^/]+)/nodes/(?P<host_id>[0-9a-f-]{36})\.jsonl(?P<suffix>[.a-z]*)\Z")
_CLUSTER_MANIFEST = re.compile(r"backups/(?P<tag>[^/]+)/manifest\.json\Z")


def table_prefix(table: TableRef) -> str:
    """Below which all objects of one table lie."""
    return f"{DATA_PREFIX}{table.keyspace}/{table.directory}/"


def data_key(table: TableRef, *, sha256: str, codecs: Codecs) -> str:
    """The key of an object by the SHA-256 (hexadecimal) of its content before any codec."""
    return f"{table_prefix(table)}{sha256}{codecs.suffix}"


def backup_prefix(tag: str) -> str:
    """Below which all manifests of one backup lie."""
    return f"{BACKUPS_PREFIX}{tag}/"


def node_manifest_key(tag: str, *, host_id: str, codecs: Codecs) -> str:
    """The key of one node's manifest."""
    return f"{backup_prefix(tag)}nodes/{host_id}.jsonl{codecs.suffix}"


def cluster_manifest_key(tag: str) -> str:
    """The key of the manifest that makes a backup visible."""
    return f"{backup_prefix(tag)}manifest.json"


def parse_node_manifest_key(key: str) -> tuple[str, str, Codecs] | None:
    """Tag, host id and codecs of a node manifest's key; ``None`` for another key."""
    match = _NODE_MANIFEST.match(key)
    return (match["tag"], match["host_id"], Codecs.from_suffix(match["suffix"])) if match else None


def parse_cluster_manifest_key(key: str) -> str | None:
    """The tag of a cluster manifest's key; ``None`` for another key."""
    match = _CLUSTER_MANIFEST.match(key)
    return match["tag"] if match else None
