# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking a node what it lets be made, and what the role that is used may do, before anything is touched."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_settings
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.clock import now_us
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import Cql, connect
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import quoted
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
    NodeError,
    NodeUnreachableError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings, NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.permitted import (
    Permitted,
    Rights,
    settings_of,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.tables.views import kept_views

_Connect = t.Callable[[CqlSettings], t.ContextManager[Cql]]


def read_permitted(cql: CqlSettings, *, node: NodeSettings, connect: _Connect = connect) -> Permitted:
    """What the node that statements are sent to lets be made, as it runs, and the rights of the role that sends them.

    A role that is no superuser may not read the settings unless somebody granted it; then ``cassandra.yaml`` tells.

    :raises NodeUnreachableError: if it does not answer.
    :raises LocalFilesError: if what earlier restores wrote down cannot be read.
    """
    with connect(dataclasses.replace(cql, only_this_address=True, consistency="ONE")) as session:
        found = _rows(session, "SELECT name, value FROM system_views.settings")
        rights = _rights(session, cql.username) if cql.username else None
        triggers = _rows(session, "SELECT keyspace_name, table_name, trigger_name FROM system_schema.triggers")
    settings: dict[str, bool] | None = None
    if found:
        settings = settings_of({str(name): value for name, value in found})
    else:
        with contextlib.suppress(LocalFilesError):
            settings = settings_of(read_settings(node.config_file))
    return Permitted(
        settings=settings,
        rights=rights,
        owed=kept_views(node),
        at_us=now_us(),
        triggers=tuple((str(keyspace), str(table), str(name)) for keyspace, table, name in triggers or ()),
    )


def _rights(session: Cql, role: str) -> Rights | None:
    """``None`` where everybody may do everything, or where nobody tells."""
    roles = _rows(session, f"LIST ROLES OF {quoted(role)}")
    granted = _rows(session, f"LIST ALL PERMISSIONS OF {quoted(role)}")
    if roles is None or granted is None:
        return None
    return Rights(
        role=role,
        is_superuser=any(row[1] for row in roles),
        granted=frozenset((str(row[2]), str(row[3])) for row in granted),
    )


def _rows(session: Cql, statement: str) -> list[tuple[t.Any, ...]] | None:
    """What it answers; ``None`` if it refuses.

    :raises NodeUnreachableError: if it does not answer.
    """
    try:
        return session.rows(statement)
    except NodeUnreachableError:
        raise
    except NodeError:
        return None
