# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an agent has to know about its node, and the text that it is kept in. Pure."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings

MIB = 1024 * 1024
#: Of a repository's settings, what lies in a file of its own; a proxy's address may have a password in it.
SECRETS = ("access_key_id", "secret_access_key", "session_token", "proxy_url")


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """What the agent has to know about its node.

    :param archive_root: where ``spool``, ``archived`` and ``dropped`` lie.
    :param buffered: whether Cassandra keeps the log's bytes to itself until it syncs: with compression, encryption or
        ``commitlog_disk_access_mode: direct``. Coverage then lags by two of its sync periods.
    :param cluster_id: of the repository, as it was when archiving was set up; another one is refused.
    :param spool_max_bytes: 0 for no limit.
    :param orphan_seconds: for how long a segment must have been quiet, and others in use, before the agent links it
        itself, because the archive script was not called for it or failed.
    :param schema_interval_seconds: between two looks at the schema; 0 for none.
    """

    node_name: str
    host_id: str
    commitlog_directory: str
    archive_root: str
    state_directory: str
    repository: RepositorySettings
    cluster_id: str = ""
    interval_seconds: float = 5.0
    buffered: bool = False
    sync_period_seconds: float = 10.0
    piece_bytes: int = 8 * MIB
    compress: bool = True
    max_bytes_per_second: int | None = None
    spool_max_bytes: int = 0
    spool_policy: str = "block"
    orphan_seconds: float = 30.0
    retry_seconds: int = 20
    max_backoff_seconds: float = 60.0
    cql: CqlSettings | None = None
    schema_interval_seconds: float = 10.0

    @property
    def agent_directory(self) -> str:
        """Where the agent keeps its own state."""
        return f"{self.state_directory}/agent"


def encode_config(config: AgentConfig, *, credentials_file: str | None, cql_credentials_file: str | None) -> bytes:
    """The file's text, without secrets."""
    value: dict[str, t.Any] = dataclasses.asdict(config)
    for name in SECRETS:
        value["repository"].pop(name)
    value["repository"]["credentials_file"] = credentials_file
    if value["cql"]:
        value["cql"].pop("password")
        value["cql"]["credentials_file"] = cql_credentials_file
    return json.dumps(value, indent=1).encode() + b"\n"
