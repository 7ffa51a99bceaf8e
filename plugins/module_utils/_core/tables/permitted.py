# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's settings and a role's rights let be made and dropped, so it is known before anything is. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import (
    quoted,
    shown_name,
    tokens_of,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import SchemaObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import TableRestore

VIEWS, SASI, INDEXES = "materialized_views_enabled", "sasi_indexes_enabled", "secondary_indexes_enabled"
EMPTYING = "drop_truncate_table_enabled"
FUNCTIONS, SCRIPTS = "user_defined_functions_enabled", "scripted_user_defined_functions_enabled"
MASKS = "dynamic_data_masking_enabled"
#: Each setting that matters, what Cassandra 4.0 calls it, and what it is where nobody has set it.
_SETTINGS = {
    VIEWS: ("enable_materialized_views", False),
    SASI: ("enable_sasi_indexes", False),
    INDEXES: ("", True),
    FUNCTIONS: ("enable_user_defined_functions", False),
    SCRIPTS: ("enable_scripted_user_defined_functions", False),
    MASKS: ("", False),
    EMPTYING: ("", True),
}
#: Those that hold for roles that are no superusers.
_GUARDRAILS = frozenset((INDEXES, EMPTYING))


@dataclasses.dataclass(frozen=True)
class Rights:
    """What a role may do.

    :param granted: resource and permission, as ``LIST ALL PERMISSIONS`` shows them: ``<table shop.orders>``, ``ALTER``.
    """

    role: str
    is_superuser: bool
    granted: frozenset[tuple[str, str]] = frozenset()

    def has(self, permission: str, *resources: str) -> bool:
        """Whether it has a permission on one of these, each without its brackets."""
        return self.is_superuser or any((f"<{each}>", permission) in self.granted for each in resources)


@dataclasses.dataclass(frozen=True)
class Permitted:
    """What may be done in CQL on the node that does it.

    :param settings: of the node, by their newest names; ``None`` if nobody could read them.
    :param rights: of the role that is used; ``None`` where nobody is asked for rights, or where they cannot be read.
    :param triggers: keyspace, table and name of each trigger.
    :param at_us: when it was asked, in microseconds since the epoch; 0 if nobody was.
    :param owed: statements of views that earlier restores have dropped, or were about to drop.
    """

    settings: t.Mapping[str, bool] | None
    rights: Rights | None = None
    owed: tuple[str, ...] = ()
    at_us: int = 0
    triggers: tuple[tuple[str, str, str], ...] = ()

    def triggers_of(self, keyspace: str, table: str) -> tuple[str, ...]:
        """The names of a table's triggers."""
        return tuple(name for *where, name in self.triggers if where == [keyspace, table])

    def why_not(self, item: SchemaObject) -> str:
        """Why the node would refuse to make a view, an index, a function or an aggregate; empty if it would not."""
        names = {cql.VIEW: VIEWS, cql.INDEX: INDEXES, cql.FUNCTION: FUNCTIONS, cql.AGGREGATE: FUNCTIONS}
        off = self.why_off(names[item.kind]) if item.kind in names else ""
        if not off and is_sasi(item):
            off = self.why_off(SASI)
        if not off and _is_script(item):
            off = self.why_off(SCRIPTS)
        return off

    def why_off(self, name: str) -> str:
        """Why a setting forbids what it is about; empty if it does not."""
        if name in _GUARDRAILS and (self.rights is None or self.rights.is_superuser):
            return ""
        if self.settings is None:
            return f"nobody could read {name}" if name not in _GUARDRAILS else ""
        return "" if self.settings.get(name, True) else f"{name} is false"


#: Where nobody has asked a node.
ANYTHING = Permitted(settings={})


def settings_of(found: t.Mapping[str, t.Any]) -> dict[str, bool]:
    """The settings that matter, from all that a node or its ``cassandra.yaml`` has, under older names too."""
    return {
        name: str(next((found[each] for each in (name, older) if found.get(each) is not None), default)).lower()
        == "true"
        for name, (older, default) in _SETTINGS.items()
    }


def is_sasi(item: SchemaObject) -> bool:
    """Whether an index is a SASI index."""
    return item.kind == cql.INDEX and any(
        token.kind == "string" and token.text.strip("'").endswith("SASIIndex")
        for token in tokens_of(item.statements[0])
    )


def _is_script(item: SchemaObject) -> bool:
    """Whether it is a function in another language than Java."""
    tokens = tokens_of(item.statements[0]) if item.kind == cql.FUNCTION else []
    return any(one.is_word("LANGUAGE") and not other.is_word("JAVA") for one, other in zip(tokens, tokens[1:]))


def missing_rights(
    permitted: Permitted,
    *,
    before: t.Sequence[str],
    tables: t.Sequence[TableRestore],
    views: t.Sequence[str],
    now: cql.Schema,
) -> t.Iterator[ReviveError]:
    """What the role that is used may not do of all that a restore takes, each with the statement that grants it.

    Who makes a keyspace or a table has every right on it.
    """
    rights = permitted.rights
    if rights is None or rights.is_superuser:
        return
    wanted: dict[tuple[str, str], str] = {}
    made = cql.parse_schema([";\n".join(before)]).objects
    for item in made:
        if item.kind == cql.KEYSPACE and now.find(cql.KEYSPACE, item.keyspace) is None:
            wanted["CREATE", "ALL KEYSPACES"] = f"make the keyspace {item.keyspace}"
    for item in made:
        if item.kind != cql.KEYSPACE and now.find(cql.KEYSPACE, item.keyspace) is not None:
            is_function = item.kind in (cql.FUNCTION, cql.AGGREGATE)
            where = ("ALL FUNCTIONS IN KEYSPACE" if is_function else "KEYSPACE", item.keyspace, "")
            _want(wanted, rights, "CREATE", where, what=f"make {shown_name(item.keyspace, item.name)}")
    for table in tables:
        if not table.is_new:
            where = ("TABLE", table.keyspace, table.table)
            _want(wanted, rights, "SELECT", where, what=f"count the rows of {table}")
            if table.replaces:
                _want(wanted, rights, "MODIFY", where, what=f"empty {table}")
    for view in cql.parse_schema(views).objects:
        where = ("TABLE", view.keyspace, view.table)
        _want(wanted, rights, "ALTER", where, what=f"drop and make the view {shown_name(view.keyspace, view.name)}")
    if ("CREATE", "ALL KEYSPACES") in wanted and rights.has("CREATE", "all keyspaces"):
        del wanted["CREATE", "ALL KEYSPACES"]
    for (permission, resource), what in wanted.items():
        yield NodeError(
            f"The role {rights.role} may not {what}: it lacks {permission} on {resource}.",
            subject=rights.role,
            next_step=f"Have a superuser run: GRANT {permission} ON {resource} TO {quoted(rights.role)}; or give "
            "another role.",
        )
    off = permitted.why_off(EMPTYING)
    emptied = [str(table) for table in tables if table.replaces]
    if off and emptied:
        yield NodeError(
            f"{', '.join(emptied)} cannot be emptied: {off}.",
            subject=emptied[0],
            next_step=f"Set {EMPTYING} to true on the node for the time of the restore, or give a superuser's role.",
        )


def _want(
    wanted: dict[tuple[str, str], str], rights: Rights, permission: str, where: tuple[str, str, str], *, what: str
) -> None:
    """Note that a permission on a keyspace or a table is lacking, if it is."""
    kind, keyspace, table = where
    above: tuple[str, ...] = (f"all tables in {keyspace}", f"keyspace {keyspace}", "all keyspaces")
    if kind.startswith("ALL FUNCTIONS"):
        above = (f"all functions in {keyspace}", "all functions")
    names = (f"table {keyspace}.{table}", *above) if table else above
    if not rights.has(permission, *names):
        resource = shown_name(keyspace, table) if table else quoted(keyspace)
        wanted.setdefault((permission, f"{kind} {resource}"), what)
