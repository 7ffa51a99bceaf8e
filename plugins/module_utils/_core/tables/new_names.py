# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names for what a restore makes: distinct also where they have to be cut, and never one that is taken. Pure."""

from __future__ import annotations

import hashlib

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import SchemaObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import BESIDE, MAX_NAME_LENGTH

_DIGITS = 8


def suffixed(name: str, suffix: str) -> str:
    """Both together. What would be too long is cut, and has a digest of the whole that tells it from others."""
    whole = name + suffix
    if not suffix or len(whole) <= MAX_NAME_LENGTH:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_DIGITS]
    room = MAX_NAME_LENGTH - len(suffix) - _DIGITS - 1
    if room < 1:
        return f"{whole[: MAX_NAME_LENGTH - _DIGITS - 1]}_{digest}"
    return f"{name[:room]}_{digest}{suffix}"


class NewNames:
    """Names that are taken in the cluster, and by what a restore makes."""

    def __init__(self, now: cql.Schema) -> None:
        self._now = now
        self._made: dict[tuple[str, str, str], str] = {}

    def owner(self, kind: str, keyspace: str, name: str, *, table: str) -> str:
        """What has the name, as messages say it; empty if nothing has, or if it is of this table already.

        Tables and views share their names. Cassandra 5.0.9 takes the making of a table that is called as a view is, and
        never starts again.

        :param table: that an index or a view is to be of; for a table its own name.
        """
        alike = (cql.INDEX,) if kind == cql.INDEX else (cql.TABLE, cql.VIEW)
        for each in alike:
            there = self._now.find(each, keyspace, name)
            if there is not None and (each, there.table or there.name) != (kind, table):
                of = f", of {shown_name(keyspace, there.table)}" if there.table else ""
                return f"there is {'an' if each == cql.INDEX else 'a'} {each} of that name{of}"
        keys = [(each, keyspace, name) for each in alike]
        made = next((self._made[key] for key in keys if key in self._made), "")
        return f"this restore makes another one of that name, of {made}" if made else ""

    def take(self, kind: str, keyspace: str, name: str, *, of: str) -> None:
        """Note that a restore makes it, and of what."""
        self._made[kind, keyspace, name] = of

    def choose(self, like: SchemaObject, *, keyspace: str, table: str, suffix: str) -> str | InputError:
        """The name of an index or a view of a new table, or why it has none.

        :param table: the new table.
        :param suffix: of new names; in another keyspace the name stays as it was if it is free there.
        """
        names = [suffixed(like.name, suffix)]
        if keyspace != like.keyspace:
            names.insert(0, like.name)
        owners = {name: self.owner(like.kind, keyspace, name, table=table) for name in names}
        free = next((name for name, owner in owners.items() if not owner), None)
        if free is None:
            beside = "" if suffix else f" (with {option('mode', BESIDE)})"
            return InputError(
                f"The {like.kind} {shown_name(like.keyspace, like.name)} cannot be made of "
                f"{shown_name(keyspace, table)} under the name {names[-1]}: {owners[names[-1]]}.",
                subject=f"{keyspace}.{names[-1]}",
                next_step=f"Give another {option('suffix')}, which new tables, indexes and views get"
                f"{beside}, or drop what has that name if nobody needs it.",
            )
        self.take(like.kind, keyspace, free, of=shown_name(like.keyspace, like.table))
        return free
