# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records the schema with its ids whenever it changes, and truncations, to check and explain restores."""

from __future__ import annotations

import contextlib
import hashlib
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import encode
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import Cql, connect
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import AgentConfig
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import DESCRIBE_SCHEMA
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import Codecs
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import schema_record_key
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.ledger import (
    SCHEMA_RECORD,
    SchemaRecord,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings

Connect = t.Callable[[CqlSettings], t.ContextManager[Cql]]


class SchemaRecorder:
    """Looks at one node's schema; the session is kept between looks."""

    def __init__(
        self,
        config: AgentConfig,
        settings: CqlSettings,
        *,
        store: ObjectStore,
        clock: t.Callable[[], int],
        connect_to: Connect = connect,
    ) -> None:
        self._config = config
        self._settings = settings
        self._store = store
        self._clock = clock
        self._connect = connect_to
        self._open = contextlib.ExitStack()
        self._session: Cql | None = None
        self._recorded: tuple[str, tuple[tuple[str, str], ...]] | None = None
        self._codecs = Codecs.of(compressed=config.compress, encrypted=bool(config.repository.recipients))

    def look(self) -> bool:
        """Record what changed since the last look; whether anything did.

        :raises NodeError: if the node does not answer, or is not the expected one.
        :raises StoreError: if the store does not accept the record; the next look tries again.
        """
        try:
            return self._look()
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Close the session."""
        self._session = None
        self._open.close()
        self._open = contextlib.ExitStack()

    def _look(self) -> bool:
        if self._session is None:
            self._session = self._open.enter_context(self._connect(self._settings))
        session = self._session
        statement = "SELECT host_id, schema_version, truncated_at FROM system.local WHERE key = 'local'"
        ((host_id, version, truncations),) = session.rows(statement)
        if str(host_id) != self._config.host_id:
            raise NodeError(
                f"The node at {self._settings.address} is {host_id}, not {self._config.host_id}.",
                subject=self._config.node_name,
                next_step="Run enable_archiving again: the node was replaced.",
            )
        truncated_at = {str(table): bytes(value).hex() for table, value in (truncations or {}).items()}
        seen = (str(version), tuple(sorted(truncated_at.items())))
        if seen == self._recorded:
            return False
        self._record(session, truncated_at=truncated_at)
        self._recorded = seen
        return True

    def _record(self, session: Cql, *, truncated_at: dict[str, str]) -> None:
        at_us = self._clock()
        described = session.rows(DESCRIBE_SCHEMA)
        statements = tuple(str(row[-1]) for row in described)
        tables = session.rows("SELECT keyspace_name, table_name, id FROM system_schema.tables")
        record = SchemaRecord(
            host_id=self._config.host_id,
            recorded_us=at_us,
            digest=hashlib.sha256("\n".join(statements).encode()).hexdigest(),
            statements=statements,
            table_ids={f"{keyspace}.{table}": str(table_id) for keyspace, table, table_id in tables},
            truncated_at=truncated_at,
        )
        body = encode(iter([SCHEMA_RECORD.encode(record)]), self._codecs, recipients=self._config.repository.recipients)
        key = schema_record_key(self._config.host_id, recorded_us=at_us, codecs=self._codecs)
        self._store.put_new(key, b"".join(body))
