# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be made for the tables of a restore, and why some of it cannot: the schema then and now. Pure."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.cql_text import shown_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import AUTH_KEYSPACE, TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.replication import (
    adapted,
    replication_of,
    with_replication,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema import SchemaObject
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.schema_rewriting import (
    renamed,
    with_properties,
    without_id,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.table_definitions import (
    table_differences,
    table_properties,
    type_differences,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeError, ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.expired import (
    expired_warning,
    gc_grace_seconds,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.deleted import age_seconds, merged
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.legacy import (
    differences_of,
    has_counters,
    told_besides,
    unmakeable,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    BESIDE,
    REPLACE,
    UNFINISHED,
    Contents,
    Selection,
    TableRestore,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.needs import KeyspaceParts, used_types
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.new_names import NewNames, suffixed
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.permitted import (
    ANYTHING,
    VIEWS,
    Permitted,
)

_NOT_COMPACTED = "'enabled': 'false'"


def is_compacted(table: SchemaObject) -> bool:
    """Whether Cassandra compacts it."""
    return _NOT_COMPACTED not in table_properties(table).get("compaction", "")


def table_comment(restore_id: str) -> str:
    """The comment that a new table has until its restore is complete, as CQL writes it."""
    return _text(f"{UNFINISHED}{restore_id}")


def is_being_restored(table: SchemaObject, *, restore_id: str) -> bool:
    """Whether a restore has made the table and is not through with it."""
    return f"{UNFINISHED}{restore_id}" in table_properties(table).get("comment", "")


class Making:
    """What has to be made for each table, and why it cannot."""

    def __init__(
        self,
        *,
        contents: Contents,
        now: cql.Schema,
        selection: Selection,
        restore_id: str,
        nodes: t.Mapping[str, int],
        permitted: Permitted = ANYTHING,
    ) -> None:
        """
        :param nodes: how many the cluster has in each datacenter.
        :param permitted: what may be made in it.
        """
        self._contents, self._then, self._now = contents, contents.schema, now
        self._selection, self._restore_id, self._nodes = selection, restore_id, nodes
        self._permitted, self._names = permitted, NewNames(now)
        self._summaries = {summary.table: summary for summary in contents.tables}
        self.before: list[str] = []
        self.after: list[str] = []
        self.indexes: list[str] = []
        self.views: list[str] = []
        self.warnings: list[str] = []
        self.reasons: list[ReviveError] = []
        self._parts = KeyspaceParts(
            contents,
            now=now,
            permitted=permitted,
            before=self.before,
            reasons=self.reasons,
            warnings=self.warnings,
        )

    def table(self, source: TableRef) -> TableRestore | None:
        """Where one table goes; what speaks against it is in ``reasons`` then.

        :returns: ``None`` for a table that cannot be restored and was meant by a pattern only: the others go on.
        """
        if source.keyspace == AUTH_KEYSPACE:
            return self._roles(source)
        keyspace = self._selection.into_keyspace or source.keyspace
        name = suffixed(source.table, self._suffix(elsewhere=keyspace != source.keyspace))
        then = self._then.find(cql.TABLE, source.keyspace, source.table)
        there = self._now.find(cql.TABLE, keyspace, name)
        is_new = (
            self._selection.mode == BESIDE or there is None or is_being_restored(there, restore_id=self._restore_id)
        )
        against = unmakeable(then, source, is_new=is_new, title=self._contents.title)
        if against is not None and not self._selection.names(source):
            self.warnings.append(f"{against} It is left out; the other tables go on. {against.next_step}")
            return None
        if against is not None:
            self.reasons.append(against)
        elif then is not None:
            self._check_keyspace(source.keyspace, keyspace)
            if is_new:
                self._make(then, keyspace=keyspace, name=name, there=there)
            elif there is not None:
                self._take(then, there=there)
            self._warn(then, keyspace=keyspace, name=name, is_new=is_new)
        replaces = self._selection.mode == REPLACE and not is_new
        restored = self._restore(source, keyspace=keyspace, name=name, is_new=is_new, replaces=replaces)
        if then is None or not is_new:
            return dataclasses.replace(restored, is_compact=then is not None and then.is_compact)
        properties = table_properties(then)
        compaction = properties.get("compaction", "")
        return dataclasses.replace(
            restored,
            compaction="" if _NOT_COMPACTED in compaction else compaction,
            comment=properties.get("comment", "''"),
        )

    def _warn(self, then: SchemaObject, *, keyspace: str, name: str, is_new: bool) -> None:
        """What an operator should know of a table besides."""
        shown, age = shown_name(keyspace, name), age_seconds(self._contents.as_of_us, at_us=self._permitted.at_us)
        if (is_new or self._selection.mode == REPLACE) and age > gc_grace_seconds(then):
            self.warnings.append(expired_warning([shown], age_seconds=age))
        triggers = self._permitted.triggers_of(then.keyspace, then.name)
        self.warnings += told_besides(then, shown=shown, triggers=triggers, is_new=is_new)

    def _roles(self, source: TableRef) -> TableRestore:
        """A table of roles goes over the one that there is, whatever the mode is: without roles nobody gets in."""
        then = self._then.find(cql.TABLE, source.keyspace, source.table)
        there = self._now.find(cql.TABLE, source.keyspace, source.table)
        differences = list(table_differences(then, there)) if then and there else []
        if there is None or differences:
            self.reasons.append(
                NodeError(
                    f"The table {source} is not here as it is in {self._contents.name}"
                    f"{': ' if differences else ''}{'; '.join(differences)}.",
                    subject=str(source),
                    next_step=f"Leave the roles out ({option('roles', 'false')}), and make them by hand.",
                )
            )
        self.warnings.append(
            "Roles, passwords and permissions go over those that are there, and of each the newest stays. If the role "
            "that logs in here gets another password that way, run the same again with that password."
        )
        return self._restore(source, keyspace=source.keyspace, name=source.table, is_new=False, replaces=False)

    def _restore(self, source: TableRef, *, keyspace: str, name: str, is_new: bool, replaces: bool) -> TableRestore:
        summary = self._summaries[source]
        return TableRestore(
            source=f"{source.keyspace}/{source.directory}",
            source_keyspace=source.keyspace,
            source_table=source.table,
            keyspace=keyspace,
            table=name,
            is_new=is_new,
            replaces=replaces,
            rows=summary.rows,
            files=summary.files,
            size=summary.size,
        )

    def _suffix(self, *, elsewhere: bool) -> str:
        if self._selection.suffix is not None:
            return self._selection.suffix
        if self._selection.mode != BESIDE or elsewhere:
            return ""
        return "_restored_" + re.sub(r"\D", "", format_us(self._contents.as_of_us))[:14]

    def _check_keyspace(self, source: str, target: str) -> None:
        then, now = self._then.find(cql.KEYSPACE, source), self._now.find(cql.KEYSPACE, target)
        if now is None and then is None:
            self.reasons.append(
                NodeError(
                    f"There is no keyspace {target}, and {self._contents.name} does not say how {source} was made.",
                    subject=target,
                    next_step=f"Make the keyspace {target}, replicated as {source} was, then run it again.",
                )
            )
        elif now is None and then is not None:
            self.before += self._replicated(renamed(then, keyspace=target)).statements
            if target == source:
                self._parts.make_all(source)
        elif now is not None and then is not None and not self._selection.reshape:
            # Each node gets what one node had.
            was, is_now = replication_of(then), replication_of(now)
            if was != is_now:
                self.reasons.append(
                    NodeError(
                        f"The keyspace {target} is not replicated as {source} was: {is_now} instead of {was}.",
                        subject=target,
                        next_step=f"Restore into a keyspace that is replicated as it was ({option('into_keyspace')}), "
                        f"or pass {option('reshape', 'true')}.",
                    )
                )

    def _replicated(self, keyspace: SchemaObject) -> SchemaObject:
        """A keyspace that is made, as it can be replicated here."""
        if not self._selection.reshape:
            return keyspace
        found = adapted(
            keyspace,
            nodes=self._nodes,
            datacenters=dict(self._selection.datacenters),
            replication=dict(self._selection.replication),
        )
        self.reasons += found.reasons
        self.warnings += found.warnings
        return with_replication(keyspace, found.replication)

    def _make(self, then: SchemaObject, *, keyspace: str, name: str, there: SchemaObject | None) -> None:
        """A new table, as the old one was; without indexes and compactions until it has its data."""
        properties = table_properties(then)
        if there is not None and not is_being_restored(there, restore_id=self._restore_id):
            self.reasons.append(
                InputError(
                    f"There is already a table {shown_name(keyspace, name)}.",
                    subject=f"{keyspace}.{name}",
                    next_step=f"Give another {option('suffix')} or {option('into_keyspace')}, or drop that table if "
                    "nobody needs it.",
                )
            )
            return
        owner = self._names.owner(cql.TABLE, keyspace, name, table=name)
        if owner:
            self.reasons.append(
                InputError(
                    f"The table {shown_name(keyspace, name)} cannot be made: {owner}.",
                    subject=f"{keyspace}.{name}",
                    next_step=f"Give another {option('suffix')} or {option('into_keyspace')}.",
                )
            )
            return
        self._parts.make_for(then, keyspace=keyspace)
        compaction = properties.get("compaction", "")
        changes = {"comment": table_comment(self._restore_id)}
        if compaction and _NOT_COMPACTED not in compaction:
            changes["compaction"] = f"{compaction.rstrip()[:-1]}, {_NOT_COMPACTED}}}"
        made = renamed(with_properties(then, changes), keyspace=keyspace, name=name)
        self.before += made.statements
        self._names.take(cql.TABLE, keyspace, name, of=shown_name(then.keyspace, then.name))
        # Views too are made when the data is there, or the import would pass them by.
        for kind in (cql.INDEX, cql.VIEW):
            for each in self._then.of_table(kind, then.keyspace, then.name):
                self._complete(each, keyspace=keyspace, table=name)
        if self._selection.mode != BESIDE:
            self.warnings.append(
                f"{shown_name(keyspace, name)} was dropped, and the permissions on it with it. It comes back "
                "without them: grant them again."
            )

    def _complete(self, like: SchemaObject, *, keyspace: str, table: str) -> None:
        """An index or a view of a new table, or a word about it: without it the rows are there as well."""
        suffix = self._suffix(elsewhere=keyspace != like.keyspace)
        name = self._names.choose(like, keyspace=keyspace, table=table, suffix=suffix)
        if isinstance(name, ReviveError):
            self.reasons.append(name)
            return
        made = renamed(without_id(like), keyspace=keyspace, name=name, table=table)
        off = self._permitted.why_not(made)
        if not off:
            self.after += made.statements
            return
        self.warnings.append(
            f"{shown_name(made.keyspace, made.table)} gets no {made.kind} {made.name}, which "
            f"{shown_name(like.keyspace, like.table)} had as {like.name}: {off}. Once it may be made: "
            f"{' '.join('; '.join(made.statements).split())}"
        )

    def _take(self, then: SchemaObject, *, there: SchemaObject) -> None:
        """A table that is there, if the data fits it."""
        shown = shown_name(there.keyspace, there.name)
        differences = list(differences_of(then, there))
        for each in used_types(self._then, then) if not then.is_compact else ():
            other = self._now.find(cql.TYPE, there.keyspace, each.name)
            if other is not None:
                differences += [f"its type {each.name}: {reason}" for reason in type_differences(each, other)]
        if differences:
            self.reasons.append(
                NodeError(
                    f"{shown} differs from the table in {self._contents.name}: {'; '.join(differences)}.",
                    subject=shown,
                    next_step=f"Restore it with {option('mode', BESIDE)}, which makes a table as it was.",
                )
            )
        self._take_views(there, shown=shown)
        self.indexes += [
            f"{there.keyspace}.{there.name}.{index.name}"
            for index in self._now.of_table(cql.INDEX, there.keyspace, there.name)
        ]
        if has_counters(there):
            self.warnings.append(
                f"{shown} has counters. Of each the newest state stays, so what is counted during the restore may be "
                "lost. Stop its writers."
            )
        if table_properties(there).get("allow_auto_snapshot") == "false" and self._selection.mode == REPLACE:
            self.warnings.append(
                f"{shown} has allow_auto_snapshot = false: what is written between the snapshot and its truncation, "
                "some seconds later, is lost."
            )
        if self._selection.mode == REPLACE:
            self.warnings.append(
                f"{shown} is emptied. It then holds what it held at {format_us(self._contents.as_of_us)}, and what is "
                f"written to it from now on. What it holds now is kept in the snapshots {self._restore_id}-*."
            )
            return
        said = merged(
            there,
            as_of_us=self._contents.as_of_us,
            at_us=self._permitted.at_us,
            past_gc_grace=self._selection.past_gc_grace,
        )
        if isinstance(said, ReviveError):
            self.reasons.append(said)
        else:
            self.warnings.append(said)

    def _take_views(self, there: SchemaObject, *, shown: str) -> None:
        """The views of a table that is there, which are dropped and made again if they can be."""
        views = self._now.of_table(cql.VIEW, there.keyspace, there.name)
        for view in views:
            off = self._permitted.why_not(view)
            if off:
                self.reasons.append(
                    NodeError(
                        f"An import passes the view {shown_name(view.keyspace, view.name)} of {shown} by, so it would "
                        f"have to be dropped and made again, and it cannot be made: {off}.",
                        subject=str(view),
                        next_step=f"Set {VIEWS} to true on the node that is asked, for the time of the restore, and "
                        f"start it again. Or restore with {option('mode', BESIDE)}, which drops nothing.",
                    )
                )
        if views:
            self.views += [statement for view in views for statement in without_id(view).statements]
            self.warnings.append(
                f"{shown} has the views {', '.join(view.name for view in views)}, which an import does not fill. They "
                "are dropped, and made again once everything is imported. Until they are built, reads of them fail or "
                "miss rows. Permissions that were granted on a view itself go with it: grant them again."
            )

    def tell_of_the_rest(self, tables: t.Sequence[TableRestore]) -> None:
        """Say what the keyspaces of new tables had beside tables, and do not get."""
        for source, target in dict.fromkeys((each.source_keyspace, each.keyspace) for each in tables if each.is_new):
            self._parts.tell_of_the_rest(source, target=target)

    def take_up(self, owed: t.Sequence[str]) -> None:
        """Have views made again that an earlier restore has dropped and not made."""
        for view in cql.parse_schema(owed).objects:
            if view.kind != cql.VIEW or self._now.find(cql.VIEW, view.keyspace, view.name) is not None:
                continue
            if self._now.find(cql.TABLE, view.keyspace, view.table) is None:
                continue
            shown, off = shown_name(view.keyspace, view.name), self._permitted.why_not(view)
            self.warnings.append(
                f"The view {shown} was dropped by an earlier restore, and not made again. "
                + (f"It cannot be made now either: {off}. Once it may be made: " if off else "It is made again: ")
                + " ".join("; ".join(view.statements).split())
            )
            if not off:
                self.views += view.statements


def _text(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
