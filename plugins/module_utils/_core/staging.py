# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a throw-away Cassandra is told to replay, what its log says about it, and what follows from that. Pure.

A staging instance has directories, ports and a configuration of its own. Segments lie in its commit-log directory
before it starts: Cassandra takes the limit above which it skips segments in silence from the newest file there, so that
a clock that is behind the source's does no harm, and no command has to be started for each file.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.names import split_component

#: The tables of ``system_schema`` that every version from 4.0 has; 4.x wants each by its name.
SCHEMA_TABLES = (
    "aggregates",
    "columns",
    "dropped_columns",
    "functions",
    "indexes",
    "keyspaces",
    "tables",
    "triggers",
    "types",
    "views",
)
#: Cassandra's start script is handed its options in one string, which Linux limits to 128 KiB.
MAX_REPLAY_LIST_CHARACTERS = 100_000
#: Oldest releases that are known to take a restore point to the microsecond; older ones drop the fraction in silence.
_MICROSECONDS_SINCE = {(4, 0): 19, (4, 1): 9, (5, 0): 5}

#: Settings of the node that the instance must not share, that would open something to others, that were sized for
#: another heap, or that would forbid what is only done in the instance.
_DROPPED_SETTINGS = re.compile(
    r"(?:allocate_tokens_for_|alter_table_enabled|ddl_enabled|maximum_replication_factor|minimum_replication_factor"
    r"|page_size_|simplestrategy_enabled|audit_logging|broadcast_|cidr_|client_encryption|counter_cache_|cdc_|file_cache_"
    r"|full_query_logging|heap_dump|initial_token|internode_authenticator|jmx_|key_cache_|listen_|local_system_"
    r"|memtable_allocation_type|memtable_heap_space|memtable_offheap_space|memtable_cleanup|native_transport_port_ssl"
    r"|network_authorizer|networking_cache_|num_tokens|role_manager|row_cache_|rpc_|server_encryption|ssl_storage_port"
    r"|startup_checks)"
)
_Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class SourceIdentity:
    """Whose log it is.

    :param release_version: of the Cassandra that replays it, which has to be the one that wrote it or newer.
    :param partitioner: empty for Cassandra's default.
    """

    cluster_name: str
    datacenter: str
    rack: str
    release_version: str
    partitioner: str = ""


@dataclasses.dataclass(frozen=True)
class InstancePlaces:
    """Where a staging instance lies and listens: directories below ``directory``, an address, three ports."""

    directory: str
    address: str
    storage_port: int
    native_port: int
    jmx_port: int

    @property
    def conf(self) -> str:
        """Of the copied configuration."""
        return f"{self.directory}/conf"

    @property
    def data(self) -> str:
        """The one data directory."""
        return f"{self.directory}/data"

    @property
    def commitlog(self) -> str:
        """Of segments to be replayed; Cassandra deletes them there when it has."""
        return f"{self.directory}/commitlog"

    @property
    def logs(self) -> str:
        """Of ``system.log`` and ``stdout.log``."""
        return f"{self.directory}/logs"

    @property
    def temporary(self) -> str:
        """Where Cassandra puts mutations that it cannot read."""
        return f"{self.directory}/tmp"

    @property
    def others(self) -> tuple[str, ...]:
        """Hints, caches and change data, all of which stay empty."""
        return tuple(f"{self.directory}/{name}" for name in ("hints", "saved_caches", "cdc_raw"))


@dataclasses.dataclass(frozen=True)
class Truncation:
    """What ``system.local`` remembers of a table's last TRUNCATE.

    :param segment: id of the commit-log segment; what lies before ``position`` in the log is not replayed.
    :param at_ms: milliseconds since the epoch, by the node's clock.
    """

    table_id: str
    segment: int
    position: int
    at_ms: int


@dataclasses.dataclass(frozen=True)
class ReplayReport:
    """What a start's log says about its replay.

    :param files: segments that were read.
    :param replayed: updates applied, as Cassandra counts them: one for each table that a mutation touches. What was
        later than the moment is not among them and is not counted anywhere.
    :param unknown: mutations skipped for a table that the schema does not have, by the table's id, 32 digits.
    :param unreadable: mutations that could not be read with the schema, by the file they were saved to.
    :param milliseconds: that it took, flush included.
    """

    files: int
    replayed: int
    unknown: t.Mapping[str, int]
    unreadable: tuple[str, ...]
    milliseconds: int


def staging_settings(
    node_settings: t.Mapping[str, t.Any], *, places: InstancePlaces, identity: SourceIdentity
) -> _Json:
    """The instance's ``cassandra.yaml``: the node's, with everything of its own that must be its own.

    What decides about formats stays (segment size, compression, encryption, SSTable format, memtables by name).
    """
    kept = {name: value for name, value in node_settings.items() if not _DROPPED_SETTINGS.match(name)}
    hints, caches, cdc = places.others
    own: _Json = {
        "cluster_name": identity.cluster_name,
        "num_tokens": 1,
        "listen_address": places.address,
        "rpc_address": places.address,
        "storage_port": places.storage_port,
        "native_transport_port": places.native_port,
        "start_native_transport": True,
        "endpoint_snitch": "GossipingPropertyFileSnitch",
        "data_file_directories": [places.data],
        "commitlog_directory": places.commitlog,
        "hints_directory": hints,
        "saved_caches_directory": caches,
        "cdc_raw_directory": cdc,
        "cdc_enabled": False,
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"{places.address}:{places.storage_port}"}],
            }
        ],
        "authenticator": "AllowAllAuthenticator",
        "authorizer": "AllowAllAuthorizer",
        "auto_bootstrap": False,
        "auto_snapshot": False,
        "snapshot_before_compaction": False,
        "incremental_backups": False,
        "hinted_handoff_enabled": False,
        # Anything wrong ends the process, so that nothing is taken for done that is not.
        "disk_failure_policy": "die",
        "commit_failure_policy": "die",
    }
    if identity.partitioner:
        own["partitioner"] = identity.partitioner
    return {**kept, **own}


def settings_text(settings: t.Mapping[str, t.Any]) -> str:
    """A ``cassandra.yaml``. JSON is YAML."""
    return json.dumps(settings, indent=1) + "\n"


def archiving_properties(moment_us: int | None) -> str:
    """``commitlog_archiving.properties`` of an instance: nothing is archived or fetched; only cut, if at all."""
    lines = ["archive_command=", "restore_command=", "restore_directories="]
    lines += [f"restore_point_in_time={'' if moment_us is None else format_restore_point(moment_us)}"]
    lines += ["precision=MICROSECONDS"]
    return "\n".join(lines) + "\n"


def format_restore_point(moment_us: int) -> str:
    """A moment as Cassandra's ``restore_point_in_time`` wants it: ``yyyy:MM:dd HH:mm:ss.SSSSSS`` in UTC."""
    seconds, microseconds = divmod(moment_us, 1_000_000)
    whole = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return f"{whole:%Y:%m:%d %H:%M:%S}.{microseconds:06d}"


def check_precision(*, release_version: str, moment_us: int) -> None:
    """Refuse a moment that this Cassandra would round down to its second, in silence (CASSANDRA-19448).

    :raises InputError: if it would.
    """
    numbers = [int(number) for number in re.findall(r"\d+", release_version)[:3]]
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    least = _MICROSECONDS_SINCE.get((major, minor))
    exact = patch >= least if least is not None else (major, minor) > (5, 0)
    if not exact and moment_us % 1_000_000:
        raise InputError(
            f"Cassandra {release_version} knows restore points to the second only.",
            subject=format_restore_point(moment_us),
            next_step=f"Give a whole second, or update to {major}.{minor}.{least}."
            if least
            else "Give a whole second.",
        )


def jvm_options(
    *,
    places: InstancePlaces,
    replay: t.Sequence[str],
    heap_mib: int,
    tolerate_unreadable: bool = False,
    owns_all: bool = False,
) -> tuple[str, ...]:
    """Options of an instance's JVM; each later than the node's own, so that it counts.

    Never compacted: a compaction without the base's SSTables would drop tombstones that those need. No default
    superuser is made either, which would happen in a ``system_auth`` that looks empty.

    :param owns_all: whether it joins a ring of its own, in which every row is its; otherwise tables cannot be read.
    :param replay: ``keyspace`` (from 5.0) or ``keyspace.table``; nothing only where there are no segments.
    :raises InputError: if the list is longer than can be handed over.
    """
    replay_list = ",".join(replay)
    if len(replay_list) > MAX_REPLAY_LIST_CHARACTERS:
        raise InputError(
            f"{len(replay)} tables are more than one staging instance can be told to replay.",
            subject="replayList",
            next_step="Restore fewer keyspaces at a time.",
        )
    properties: _Json = {
        "cassandra.config": f"file://{places.conf}/cassandra.yaml",
        "logback.configurationFile": f"file://{places.conf}/logback.xml",
        "cassandra.logdir": places.logs,
        "cassandra.storagedir": places.directory,
        "cassandra.jmx.local.port": places.jmx_port,
        "cassandra.join_ring": str(owns_all).lower(),
        "cassandra.start_native_transport": "true",
        "cassandra.load_ring_state": "false",
        "cassandra.ignore_dc": "true",
        "cassandra.ignore_rack": "true",
        "cassandra.autocompaction_on_startup_enabled": "false",
        "cassandra.superuser_setup_delay_ms": 10**12,
        "cassandra.skip_wait_for_gossip_to_settle": 0,
        "java.io.tmpdir": places.temporary,
    }
    if owns_all:
        # Nobody else is there to be waited for.
        properties["cassandra.ring_delay_ms"] = 0
    if replay_list:
        properties["cassandra.replayList"] = replay_list
    if tolerate_unreadable:
        properties["cassandra.commitlog.ignorereplayerrors"] = "true"
    return (
        f"-Xms{heap_mib}m",
        f"-Xmx{heap_mib}m",
        f"-XX:MaxDirectMemorySize={heap_mib}m",
        "-XX:+ExitOnOutOfMemoryError",
        *(f"-D{name}={value}" for name, value in properties.items()),
    )


def schema_replay_list(release_version: str) -> tuple[str, ...]:
    """What the first pass replays: the schema, and ``system.local`` for what was truncated."""
    if _series(release_version) >= (5, 0):
        return ("system_schema", "system.local")
    return (*(f"system_schema.{table}" for table in SCHEMA_TABLES), "system.local")


def data_replay_list(
    *, release_version: str, tables: t.Iterable[tuple[str, str]], whole_keyspaces: bool = True
) -> tuple[str, ...]:
    """What the second pass replays: these tables, each ``(keyspace, name)``.

    :param whole_keyspaces: whether they are all that their keyspaces have, which then need not be named one by one.
    """
    if whole_keyspaces and _series(release_version) >= (5, 0):
        return tuple(sorted({keyspace for keyspace, _name in tables}))
    return tuple(sorted(f"{keyspace}.{name}" for keyspace, name in tables))


def parse_truncations(truncated_at: t.Mapping[str, str] | None) -> tuple[Truncation, ...]:
    """``system.local.truncated_at`` as ``SELECT JSON`` gives it: ``{table id: "0x..."}``.

    A value is segment id (8 bytes), position (4) and milliseconds (8) (``SystemKeyspace.truncationAsMapEntry``).

    :raises NodeError: if it is something else.
    """
    found: list[Truncation] = []
    for table_id, text in (truncated_at or {}).items():
        raw = bytes.fromhex(text[2:])
        if len(raw) != 20:
            raise NodeError(f"The record of a truncation of {table_id} cannot be read.", subject=table_id)
        found.append(
            Truncation(
                table_id=table_id.replace("-", ""),
                segment=int.from_bytes(raw[:8], "big", signed=True),
                position=int.from_bytes(raw[8:12], "big", signed=True),
                at_ms=int.from_bytes(raw[12:], "big", signed=True),
            )
        )
    return tuple(sorted(found, key=lambda each: each.table_id))


def truncated_since(truncation: Truncation, *, snapshot_began_us: int, segment: int, position: int) -> bool:
    """Whether a table was truncated after its base's snapshot, whose SSTables then are not to be laid down.

    By time or by place in the log. The place alone would not do: of a table that had nothing in memory it is that of
    the last flush, which may be before the base. To err on the side of "after" loses nothing, since all that was
    written since the base began is in the log.

    :param segment: the active segment when the snapshot began, ``position`` the valid bytes in it.
    """
    if truncation.at_ms * 1000 + 999 >= snapshot_began_us:
        return True
    return segment > 0 and (truncation.segment, truncation.position) >= (segment, position)


def check_one_schema(schemas: t.Mapping[str, str], *, moment_us: int | None) -> None:
    """Refuse a moment at which the nodes' schemas differ, in the middle of a schema change.

    :param schemas: by node, what stands for its schema.
    :raises NodeError: if there are several.
    """
    groups: dict[str, list[str]] = {}
    for node, schema in sorted(schemas.items()):
        groups.setdefault(schema, []).append(node)
    if len(groups) > 1:
        differing = "; ".join(", ".join(nodes) for nodes in sorted(groups.values(), key=len))
        when = "where their logs end" if moment_us is None else f"at {format_restore_point(moment_us)} UTC"
        raise NodeError(
            f"The nodes' schemas differ {when}: {differing}.",
            subject=min(groups.values(), key=len)[0],
            next_step="A schema change was on its way. Choose a moment a few seconds earlier or later.",
        )


_REPLAYING = re.compile(r" - Replaying (?P<files>\S.*CommitLog-\S+\.log)$", re.MULTILINE)
_COMPLETE = re.compile(r" - Log replay complete, (?P<replayed>\d+) replayed mutations(?: in (?P<ms>\d+) ms)?")
_NOTHING = re.compile(r" - No commitlog files found; skipping replay")
_UNKNOWN = re.compile(
    r" - Skipped (?P<count>\d+) mutations from unknown \(probably removed\) CF with id (?P<id>[0-9a-f-]{36})"
)
_IGNORED = re.compile(r" - Ignoring commit log replay error")
_SAVED = re.compile(r"Unexpected error deserializing mutation; saved to (?P<path>\S+?)\.\s")


def replay_is_over(log: str) -> bool:
    """Whether the log says that there is nothing left to replay."""
    return bool(_COMPLETE.search(log) or _NOTHING.search(log))


def cannot_read_a_mutation(log: str) -> bool:
    """Whether a start failed for a mutation that does not fit the schema, as one written after a later ALTER."""
    return bool(_SAVED.search(log))


def parse_replay(log: str) -> ReplayReport:
    """What the log of one start says about its replay.

    :raises NodeError: if the replay did not come to its end, or passed over an error that is not explained.
    """
    complete, nothing = _COMPLETE.search(log), _NOTHING.search(log)
    if not complete and not nothing:
        raise NodeError(
            "The staging instance did not come to the end of the commit log.", next_step=decisive_lines(log)
        )
    saved = tuple(match["path"] for match in _SAVED.finditer(log))
    ignored = len(_IGNORED.findall(log))
    if ignored != len(saved):
        raise NodeError(
            f"The staging instance passed over {ignored} errors in the commit log and explained {len(saved)}.",
            next_step=decisive_lines(log),
        )
    replaying = _REPLAYING.search(log)
    return ReplayReport(
        files=len(replaying["files"].split(",")) if replaying else 0,
        replayed=int(complete["replayed"]) if complete else 0,
        unknown={match["id"].replace("-", ""): int(match["count"]) for match in _UNKNOWN.finditer(log)},
        unreadable=saved,
        milliseconds=int(complete["ms"] or 0) if complete else 0,
    )


_DECISIVE = re.compile(
    r"^(?:ERROR|FATAL)|Exception|Exiting|CommitLogReplay|Unsupported|Unable to|Error:|Cannot", re.MULTILINE
)


def decisive_lines(log: str, *, limit: int = 12) -> str:
    """The lines of a log that say why a start failed; its last lines if none does."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.startswith("\tat ")]
    telling = [line for line in lines if _DECISIVE.search(line) and not line.startswith(("INFO", "DEBUG", "WARN"))]
    chosen = list(dict.fromkeys(telling))[:limit] or lines[-limit:]
    return "\n".join(line[:1000] for line in chosen)


# 2015-09-22T00:00:00Z, from which timestamps in messages are counted (EncodingStats.TIMESTAMP_EPOCH).
_TIMESTAMP_EPOCH_US = 1_442_880_000_000_000


@dataclasses.dataclass(frozen=True)
class MutationHead:
    """What can be read of a mutation without its schema: of its first update, all of whose cells are at or after
    ``first_timestamp_us``."""

    updates: int
    table_id: str
    first_timestamp_us: int


def parse_mutation_head(data: bytes) -> MutationHead:
    """The head of a mutation as the commit log holds it (``Mutation.MutationSerializer``, ``PartitionUpdate`` of 4.0 to
    5.0: count, table id, key, flags, then the statistics that cells are encoded against, the least timestamp first).

    :raises NodeError: if there is less, or an update of another kind.
    """
    try:
        updates, at = _vint(data, 0)
        table_id = data[at : at + 16].hex()
        key_length, at = _vint(data, at + 16)
        flags = data[at + key_length]
        is_empty = bool(flags & 0x01)
        delta, _end = _vint(data, at + key_length + 1)
    except IndexError as error:
        raise NodeError("A mutation that could not be replayed cannot be read either.") from error
    if is_empty or len(table_id) != 32:
        raise NodeError("A mutation that could not be replayed holds nothing to judge it by.", subject=table_id)
    return MutationHead(updates=updates, table_id=table_id, first_timestamp_us=_TIMESTAMP_EPOCH_US + _signed(delta))


def _vint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned variable-length integer and where it ends: as many ones as bytes follow, then the value."""
    first = data[at]
    extra = 8 - (first ^ 0xFF).bit_length()
    value = first & (0xFF >> extra)
    for byte in data[at + 1 : at + 1 + extra]:
        value = (value << 8) | byte
    if at + 1 + extra > len(data):
        raise IndexError
    return value, at + 1 + extra


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _series(release_version: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", release_version)
    if not match:
        raise InputError(f"{release_version!r} is no version of Cassandra.", subject=release_version)
    return int(match[1]), int(match[2])


def without_agents(text: str) -> str:
    """A JVM's start settings without what the node opens to others: agents, debuggers and remote JMX.

    A second JVM with the same agent would find its port taken and not start. Cassandra's own agent, jamm, stays.
    """
    return "".join(
        f"# not in a staging instance: {line}" if _is_agent(line) else line for line in text.splitlines(keepends=True)
    )


def renumbered(names: t.Iterable[str], *, taken: t.Iterable[str]) -> dict[str, str]:
    """New names for files of SSTables that come to others: each its own to its new one.

    Generations are numbers that every Cassandra counts anew, or ids that are unique; only numbers change. All files of
    an SSTable keep the same one.

    :param taken: names of the files that are there.
    """
    used = [number for number in (_generation(name) for name in taken) if number is not None]
    following = max(used, default=0) + 1
    numbers: dict[tuple[str, int], int] = {}
    result: dict[str, str] = {}
    for name in sorted(names):
        generation, parts = _generation(name), split_component(name)
        if generation is None or parts is None:
            result[name] = name
            continue
        version, _old, kind = parts[0].split("-", 2)
        number = numbers.setdefault((f"{version}-{kind}", generation), following + len(numbers))
        result[name] = f"{version}-{number}-{kind}-{parts[1]}"
    return result


def _generation(name: str) -> int | None:
    parts = split_component(name)
    generation = parts[0].split("-", 2)[1] if parts else ""
    return int(generation) if generation.isdigit() else None


_SETS_OPTIONS = ("-", "JVM_OPTS=", "export JVM_OPTS=", "JVM_EXTRA_OPTS=")
_AGENT = re.compile(
    r"-javaagent:(?!\S*jamm)|-agentlib:|-agentpath:|-Xrunjdwp|jmxremote\.port|cassandra\.jmx\.remote\.port"
)


def _is_agent(line: str) -> bool:
    stripped = line.strip()
    return bool(_AGENT.search(stripped)) and stripped.startswith(_SETS_OPTIONS)
