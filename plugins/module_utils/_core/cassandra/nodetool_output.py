# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nodetool prints, as values. Pure; tested on recorded outputs of Cassandra 4.0, 4.1 and 5.0."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.versions import SUPPORTED_SERIES
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_STATUS_LINE = re.compile(
    rf"(?P<state>[UD?][NLJMS?]?)\s+(?P<address>\S+)\s.*?\s(?P<host_id>{_UUID})\s+(?P<rest>\S.*)\Z"
)
_UNREACHABLE = "UNREACHABLE"


@dataclasses.dataclass(frozen=True)
class NodeInfo:
    """``nodetool info -T``.

    :param generation: a number that changes with every start; 0 while the node does not gossip.
    :param tokens: decimal, in the order printed.
    :param uptime_seconds: how long the process has run, rounded down; ``None`` if it does not say.
    :param load_bytes: about what its tables use on disk; ``None`` if it does not say.
    """

    host_id: str
    datacenter: str
    rack: str
    gossip_active: bool
    native_transport_active: bool
    generation: int
    tokens: tuple[str, ...]
    uptime_seconds: int | None = None
    load_bytes: int | None = None


@dataclasses.dataclass(frozen=True)
class ClusterDescription:
    """``nodetool describecluster``.

    :param schema_versions: by version, the addresses that have it, without those that do not answer.
    :param unreachable: addresses that do not answer.
    :param database_versions: by release, the addresses that run it.
    :param keyspaces: all that the schema has, also those without tables; not the virtual ones.
    """

    name: str
    partitioner: str
    schema_versions: t.Mapping[str, tuple[str, ...]]
    unreachable: tuple[str, ...]
    database_versions: t.Mapping[str, tuple[str, ...]]
    keyspaces: frozenset[str] = frozenset()

    def release_of(self, address: str) -> str | None:
        """The release that a node runs, by its address without a port; ``None`` if it is not listed."""
        for release, addresses in self.database_versions.items():
            if any(listed.rpartition(":")[0].strip("[]") == address for listed in addresses):
                return release
        return None


@dataclasses.dataclass(frozen=True)
class NodeStatus:
    """A line of ``nodetool status``.

    :param state: two letters: up or down, then normal, leaving, joining or moving; ``UN`` is good.
    """

    state: str
    address: str
    host_id: str
    datacenter: str
    rack: str


_KEYSPACE_LINE = re.compile(r"^\s+(\w+) -> Replication class:", re.MULTILINE)


def parse_version(output: str) -> str:
    """``nodetool version``: such as ``5.0.8``.

    :raises NodeError: if the output is something else.
    """
    for line in output.splitlines():
        name, _colon, value = line.partition(":")
        if name.strip() == "ReleaseVersion" and value.strip():
            return value.strip()
    raise _unexpected("version", output)


def parse_info(output: str) -> NodeInfo:
    """``nodetool info -T``.

    :raises NodeError: if the output is something else.
    """
    values: dict[str, str] = {}
    tokens: list[str] = []
    for line in output.splitlines():
        name, colon, value = line.partition(":")
        if not colon:
            continue
        if name.strip() == "Token":
            if re.fullmatch(r"-?[0-9a-f]+", value.strip()):
                tokens.append(value.strip())
        else:
            values.setdefault(name.strip(), value.strip())
    try:
        return NodeInfo(
            host_id=values["ID"],
            datacenter=values["Data Center"],
            rack=values["Rack"],
            gossip_active=values["Gossip active"] == "true",
            native_transport_active=values["Native Transport active"] == "true",
            generation=int(values["Generation No"]),
            tokens=tuple(tokens),
            uptime_seconds=int(values["Uptime (seconds)"]) if "Uptime (seconds)" in values else None,
            load_bytes=_bytes(values.get("Load", "")),
        )
    except (KeyError, ValueError) as error:
        raise _unexpected("info", output) from error


def _bytes(text: str) -> int | None:
    """A size as nodetool prints it, such as ``135.71 KiB``; ``None`` if it is something else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) (bytes|KiB|MiB|GiB|TiB)", text)
    return int(float(match[1]) * 1024 ** ("bytes", "KiB", "MiB", "GiB", "TiB").index(match[2])) if match else None


def parse_describecluster(output: str) -> ClusterDescription:
    """``nodetool describecluster``.

    :raises NodeError: if the output is something else.
    """
    values: dict[str, str] = {}
    groups: dict[str, dict[str, tuple[str, ...]]] = {"Schema versions": {}, "Database versions": {}}
    group: dict[str, tuple[str, ...]] | None = None
    for line in output.splitlines():
        text = line.strip()
        if not text:
            continue
        listed = re.fullmatch(r"(\S+): \[(.*)\]", text)
        if listed and group is not None:
            group[listed[1]] = tuple(address.strip() for address in listed[2].split(",") if address.strip())
            continue
        name, colon, value = text.partition(":")
        group = groups.get(name) if colon and not value.strip() else None
        if colon and value.strip():
            values.setdefault(name, value.strip())
    if "Name" not in values or "Partitioner" not in values:
        raise _unexpected("describecluster", output)
    schemas = dict(groups["Schema versions"])
    unreachable = schemas.pop(_UNREACHABLE, ())
    return ClusterDescription(
        name=values["Name"],
        partitioner=values["Partitioner"],
        schema_versions=schemas,
        unreachable=unreachable,
        database_versions=groups["Database versions"],
        keyspaces=frozenset(_KEYSPACE_LINE.findall(output)),
    )


def parse_status(output: str) -> tuple[NodeStatus, ...]:
    """``nodetool status``, in the order printed.

    :raises NodeError: if no node is in the output.
    """
    nodes: list[NodeStatus] = []
    datacenter = ""
    token_behind_id = False
    for line in output.splitlines():
        if line.startswith("Datacenter:"):
            datacenter = line.partition(":")[2].strip()
        elif line.startswith("--"):
            # Without virtual nodes the only token stands between host id and rack.
            columns = line.split()
            token_behind_id = "Token" in columns and "Tokens" not in columns
        else:
            match = _STATUS_LINE.match(line.strip())
            if match:
                rest = match["rest"].strip()
                rack = rest.partition(" ")[2].strip() if token_behind_id else rest
                nodes.append(
                    NodeStatus(
                        state=match["state"],
                        address=match["address"],
                        host_id=match["host_id"],
                        datacenter=datacenter,
                        rack=rack,
                    )
                )
    if not nodes:
        raise _unexpected("status", output)
    return tuple(nodes)


def parse_tablestats(output: str) -> t.Mapping[str, frozenset[str]]:
    """``nodetool tablestats``: the names of the tables of each keyspace; an index is not a table."""
    tables: dict[str, set[str]] = {}
    keyspace = ""
    for line in output.splitlines():
        name, colon, value = line.strip().partition(":")
        if not colon:
            continue
        if name.strip() == "Keyspace":
            keyspace = value.strip()
            tables.setdefault(keyspace, set())
        elif name.strip() == "Table" and keyspace:
            tables[keyspace].add(value.strip())
    return {name: frozenset(names) for name, names in tables.items()}


_RANGE = re.compile(r"TokenRange\(start_token:(-?\d+), end_token:(-?\d+), endpoints:\[([^\]]*)\]")


def parse_describering(output: str) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
    """``nodetool describering``: each range of the ring, after the first token up to the second, and the addresses
    of its replicas.

    :raises NodeError: for anything else.
    """
    found = tuple(
        (int(match[1]), int(match[2]), tuple(each.strip() for each in match[3].split(",") if each.strip()))
        for match in _RANGE.finditer(output)
    )
    if not found:
        raise _unexpected("describering", output)
    return found


def last_useful_line(text: str) -> str:
    """The line of a failed nodetool's output that says why; there are notes and stack traces around it."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [
        line for line in lines if line and not line.startswith(("at ", "-- StackTrace --", "See 'nodetool help", "..."))
    ]
    telling = [line for line in lines if re.match(r"(error|nodetool):", line)]
    causes = [line for line in lines if line.startswith("Caused by:")]
    plain = [line for line in lines if not re.match(r"(WARN|INFO|DEBUG|WARNING|NOTE|OpenJDK|Picked up)\b", line)]
    for candidates in (telling[:1], causes[-1:], plain[-1:], lines[-1:]):
        if candidates:
            return re.sub(r"\A(error|nodetool):\s*", "", candidates[0])[:500]
    return "it printed nothing"


def _unexpected(command: str, output: str) -> NodeError:
    return NodeError(
        f"nodetool {command} printed something unexpected: {last_useful_line(output)!r}.",
        subject="nodetool",
        next_step=f"Check that the command is nodetool of Cassandra {', '.join(SUPPORTED_SERIES)}.",
    )
