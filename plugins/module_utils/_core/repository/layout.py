# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie in a repository: keys, relative to its prefix. Pure.

No key is another key's directory, and no part of a key is longer than 255 bytes, so stores which keep keys as
files take them too.
"""

from __future__ import annotations

import functools
import re

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import SegmentName
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import Gap, Piece, Run

MARKER_KEY = "repository.json"
BACKUPS_PREFIX = "backups/"
DATA_PREFIX = "data/"
COMMIT_LOGS_PREFIX = "commitlogs/"
IMPORTS_PREFIX = "imports/"
#: Written twice to find out whether a store honours conditional puts; holds nothing else.
PROBE_KEY = "probe/conditional-put"

_PIECE = re.compile(
    r"commitlogs/(?P<host_id>[0-9a-f-]{36})/segments/CommitLog-(?P<version>\d+)-(?P<id>\d+)\.log/"
    r"(?P<start>\d{10})-(?P<end>\d{10})-(?P<read_us>\d{16})-(?P<covered_us>\d{16})-(?P<kind>open|final)"
    r"-(?P<sha256>[0-9a-f]{64})(?P<suffix>[.a-z]*)\Z",
    re.ASCII,
)
_RUN = re.compile(r"commitlogs/(?P<host_id>[0-9a-f-]{36})/runs/(?P<first>\d+)-after-(?P<after>\d+)\.json\Z", re.ASCII)
_GAP = re.compile(
    r"commitlogs/(?P<host_id>[0-9a-f-]{36})/gaps/(?P<first>\d+)-(?P<last>\d+)-(?P<recorded_us>\d+)\.json\Z", re.ASCII
)
_IMPORT = re.compile(r"imports/(?P<at_us>\d{16})-(?P<host_id>[0-9a-f-]{36})\.json\Z", re.ASCII)
_LOOK = re.compile(r"imports/(?P<at_us>\d{16})-(?P<host_id>[0-9a-f-]{36})-look\.json\Z", re.ASCII)
_NODE_MANIFEST = re.compile(r"backups/(?P<tag>[^/]+)/nodes/(?P<host_id>[0-9a-f-]{36})\.jsonl(?P<suffix>[.a-z]*)\Z")
_CLUSTER_MANIFEST = re.compile(r"backups/(?P<tag>[^/]+)/manifest\.json\Z")
_SIGNATURE = re.compile(r"backups/(?P<tag>[^/]+)/signatures/[0-9a-f]{64}\.sig\Z")


def table_prefix(table: TableRef) -> str:
    """The prefix of all objects of one table."""
    return f"{DATA_PREFIX}{table.keyspace}/{table.directory}/"


def data_key(table: TableRef, *, sha256: str, codecs: Codecs) -> str:
    """The key of an object by the SHA-256 (hexadecimal) of its content before any codec."""
    return f"{table_prefix(table)}{sha256}{codecs.suffix}"


def backup_prefix(tag: str) -> str:
    """The prefix of all manifests of one backup."""
    return f"{BACKUPS_PREFIX}{tag}/"


def node_manifest_key(tag: str, *, host_id: str, codecs: Codecs) -> str:
    """The key of one node's manifest."""
    return f"{backup_prefix(tag)}nodes/{host_id}.jsonl{codecs.suffix}"


def cluster_manifest_key(tag: str) -> str:
    """The key of the manifest that makes a backup visible."""
    return f"{backup_prefix(tag)}manifest.json"


def signature_key(tag: str, *, sha256: str) -> str:
    """The key of a signature of a cluster's manifest, by the SHA-256 of the text that was signed.

    So none is ever replaced, and one that was stored before a manifest that never came belongs to no other.
    """
    return f"{backup_prefix(tag)}signatures/{sha256}.sig"


def parse_signature_key(key: str) -> str | None:
    """The tag of a signature's key; ``None`` for another key."""
    match = _SIGNATURE.match(key)
    return match["tag"] if match else None


def parse_node_manifest_key(key: str) -> tuple[str, str, Codecs] | None:
    """Tag, host id and codecs of a node manifest's key; ``None`` for another key."""
    match = _NODE_MANIFEST.match(key)
    return (match["tag"], match["host_id"], Codecs.from_suffix(match["suffix"])) if match else None


def parse_cluster_manifest_key(key: str) -> str | None:
    """The tag of a cluster manifest's key; ``None`` for another key."""
    match = _CLUSTER_MANIFEST.match(key)
    return match["tag"] if match else None


def commit_log_prefix(host_id: str) -> str:
    """The prefix of everything about one node's commit log."""
    return f"{COMMIT_LOGS_PREFIX}{host_id}/"


def ledger_key(host_id: str) -> str:
    """The key of the head of a node's ledger, the one that is overwritten."""
    return f"{commit_log_prefix(host_id)}ledger.json"


def piece_key(host_id: str, piece: Piece) -> str:
    """The key of a piece, which says everything about it."""
    kind = "final" if piece.final else "open"
    return (
        f"{commit_log_prefix(host_id)}segments/{piece.segment}/{piece.start:010d}-{piece.end:010d}"
        f"-{piece.read_us:016d}-{piece.covered_us:016d}-{kind}-{piece.sha256}{piece.codecs.suffix}"
    )


def parse_piece_key(key: str, *, stored_size: int = 0) -> tuple[str, Piece] | None:
    """The host id and the piece of a key; ``None`` for another key."""
    match = _PIECE.match(key)
    if match is None:
        return None
    host_id, version, segment_id, start, end, read_us, covered_us, kind, sha256, suffix = match.groups()
    return host_id, Piece(
        segment=SegmentName(id=int(segment_id), version=int(version)),
        start=int(start),
        end=int(end),
        read_us=int(read_us),
        covered_us=int(covered_us),
        final=kind == "final",
        sha256=sha256,
        codecs=_codecs(suffix),
        stored_size=stored_size,
    )


def run_key(host_id: str, run: Run) -> str:
    """The key of the record that a run begins here, with nothing missing before it."""
    return f"{commit_log_prefix(host_id)}runs/{run.first}-after-{run.after}.json"


def parse_run_key(key: str) -> tuple[str, Run] | None:
    """The host id and the run of a key; ``None`` for another key."""
    match = _RUN.match(key)
    return (match["host_id"], Run(first=int(match["first"]), after=int(match["after"]))) if match else None


def gap_key(gap: Gap) -> str:
    """The key of a gap's record."""
    return f"{commit_log_prefix(gap.host_id)}gaps/{gap.first}-{gap.last}-{gap.recorded_us}.json"


def parse_gap_key(key: str) -> tuple[int, int] | None:
    """The first and the last segment of a gap by its record's key; ``None`` for another key."""
    match = _GAP.match(key)
    return (int(match["first"]), int(match["last"])) if match else None


def parse_gap_time(key: str) -> int | None:
    """When a gap was recorded by its record's key; ``None`` for another key."""
    match = _GAP.match(key)
    return int(match["recorded_us"]) if match else None


def gap_probe_key(host_id: str) -> str:
    """The key of an empty object that shows whether gaps of a node may be recorded; it is none itself."""
    return f"{commit_log_prefix(host_id)}gaps/probe"


def schema_record_key(host_id: str, *, recorded_us: int, codecs: Codecs) -> str:
    """The key of a node's schema at a moment; keys are in the order of time."""
    return f"{commit_log_prefix(host_id)}schema/{recorded_us:016d}.json{codecs.suffix}"


def import_key(*, at_us: int, host_id: str, look: bool = False) -> str:
    """The key of the record that a node was given tables of a backup at a time.

    :param look: whether all of them were made for that, beside what there was, so no other table is concerned.
    """
    return f"{IMPORTS_PREFIX}{at_us:016d}-{host_id}{'-look' if look else ''}.json"


def import_probe_key(host_id: str) -> str:
    """The key of an empty object that shows whether a node may record imports; it is no such record."""
    return f"{IMPORTS_PREFIX}probe-{host_id}"


def parse_import_key(key: str) -> int | None:
    """When a node was given tables of a backup; ``None`` for another key, a look's too."""
    match = _IMPORT.match(key)
    return int(match["at_us"]) if match else None


def parse_look_key(key: str) -> tuple[int, str] | None:
    """When a node was given tables to look at, and its host id; ``None`` for another key."""
    match = _LOOK.match(key)
    return (int(match["at_us"]), match["host_id"]) if match else None


@functools.lru_cache(maxsize=16)
def _codecs(suffix: str) -> Codecs:
    return Codecs.from_suffix(suffix)
