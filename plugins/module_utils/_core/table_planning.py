# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether and how some tables of a backup can be brought into a cluster that serves: a decision from facts. Pure.

Each node imports the files that the node with the same tokens had, so every range arrives once for each replica.

To a moment it is planned twice. What has to be fetched and replayed is known from the backup and the logs; which tables
there were at the moment, and how they were made, is known when that has been done, before any table is touched.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import json
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    PlanRefusedError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.model import (
    ClusterManifest,
    NodeSummary,
    TableSummary,
    Totals,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.moment_planning import MomentPlan, moment_reasons
from ansible_collections.revive.cassandra.plugins.module_utils._core.names import (
    SYSTEM_KEYSPACES,
    TableRef,
    parse_table_directory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import build, plain
from ansible_collections.revive.cassandra.plugins.module_utils._core.planning import (
    SPACE_MARGIN,
    assignment_for,
    group_reasons,
    newer_warnings,
    pending_reasons,
    space_reasons,
    version_reasons,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore_model import (
    Pair,
    RestorePlan,
    TableSize,
    TargetNode,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore_point import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.schema import SchemaObject

BESIDE = "beside"
REPLACE = "replace"
MERGE = "merge"
MODES = (BESIDE, REPLACE, MERGE)
#: The longest name that every supported Cassandra takes for a table or an index.
MAX_NAME_LENGTH = 48
#: What the comment of a table begins with that a restore has made and not completed.
UNFINISHED = "Being restored by revive.cassandra: "

_Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Selection:
    """What an operator asked for.

    :param mode: ``BESIDE`` for new tables, ``REPLACE`` for the data instead of what is there, ``MERGE`` for over it.
    :param keyspaces: patterns of keyspaces, all of whose tables are meant, and ``tables`` of ``keyspace.table``; ``*``,
        ``?`` and ``[...]`` as in file names.
    :param into_keyspace: where new tables go; empty for the keyspace that each was in.
    :param suffix: behind the names of new tables; ``None`` for one that tells the restore point, or for none where
        ``into_keyspace`` is another keyspace.
    """

    keyspaces: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    mode: str = BESIDE
    into_keyspace: str = ""
    suffix: str | None = None

    def wants(self, table: TableRef) -> bool:
        """Whether a table is meant; never one that Cassandra keeps for itself."""
        return table.keyspace not in SYSTEM_KEYSPACES and any(_matches(each, table) for each in self._patterns())

    @property
    def patterns(self) -> tuple[str, ...]:
        """All of them, as ``keyspace.table``."""
        return (*(f"{each}.*" for each in self.keyspaces), *self.tables)

    def unmatched(self, tables: t.Iterable[TableRef]) -> tuple[str, ...]:
        """The patterns that mean none of these tables, each with its kind before it."""
        known = [table for table in tables if table.keyspace not in SYSTEM_KEYSPACES]
        return tuple(
            f"{'keyspace' if each.whole else 'table'} {each.text}"
            for each in self._patterns()
            if not any(_matches(each, table) for table in known)
        )

    def _patterns(self) -> tuple[_Pattern, ...]:
        return (
            *(_Pattern(text, whole=True) for text in self.keyspaces),
            *(_Pattern(text, whole=False) for text in self.tables),
        )


@dataclasses.dataclass(frozen=True)
class _Pattern:
    text: str
    whole: bool


def _matches(pattern: _Pattern, table: TableRef) -> bool:
    name = table.keyspace if pattern.whole else f"{table.keyspace}.{table.table}"
    return fnmatch.fnmatchcase(name, pattern.text.replace('"', ""))


@dataclasses.dataclass(frozen=True)
class Contents:
    """What tables are restored from: a backup, or what the nodes have made of one for a moment.

    :param name: as it is called in messages, ``the backup ...`` or ``the moment ...``.
    :param as_of_us: what was written by then is in it.
    :param schema: as it was then.
    :param tables: all of them that users had made, or those that were staged, with what they have on all nodes.
    :param sizes: by host id of the backup's nodes, of what is chosen.
    :param directory_sizes: alike, by data directory; nothing where all of it is on the nodes already.
    """

    name: str
    as_of_us: int
    schema: cql.Schema
    tables: tuple[TableSummary, ...]
    sizes: t.Mapping[str, Totals]
    directory_sizes: t.Mapping[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class StagedTables:
    """What one node has made of a backup for a moment.

    :param name: of the node, as the plan calls it.
    :param sizes: of the tables that were asked for.
    """

    name: str
    schema_cql: tuple[str, ...]
    sizes: tuple[TableSize, ...]

    @classmethod
    def from_result(cls, name: str, value: t.Mapping[str, t.Any]) -> StagedTables:
        """From what staging returned on a node.

        :raises InputError: if the values are something else.
        """
        try:
            sizes = tuple(build(TableSize, each) for each in value["sizes"])
            return cls(name=name, schema_cql=tuple(value["schema_cql"]), sizes=sizes)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"This is not what {name} has staged: {type(error).__name__}: {error}.",
                subject=name,
                next_step="Give what staging returned on each node.",
            ) from error


@dataclasses.dataclass(frozen=True)
class TableRestore:
    """One table: whose data goes where.

    :param source: ``<keyspace>/<table>-<id>``, as the backup has it.
    :param is_new: whether the restore makes the table that it goes into.
    :param replaces: whether what that table holds is put aside first.
    :param rows: in the backup, as they were counted; ``None`` if they were not.
    :param files: on all nodes together, with ``size`` bytes.
    """

    source: str
    source_keyspace: str
    source_table: str
    keyspace: str
    table: str
    is_new: bool
    replaces: bool
    rows: int | None
    files: int
    size: int

    def __str__(self) -> str:
        return cql.shown_name(self.keyspace, self.table)


@dataclasses.dataclass(frozen=True)
class TablesPlan:
    """A restore of tables that can go well, as far as can be seen beforehand.

    :param restore: who fetches what.
    :param selection: what was asked for.
    :param fetched: ``<keyspace>/<table>-<id>`` of what is fetched of the backup; Cassandra's schema too for a moment.
    :param tables: none before the moment has been staged.
    :param before_cql: statements that make what is missing, before anything is imported.
    :param after_cql: statements that complete what was made, once everything is imported.
    :param indexes: ``keyspace.table.index`` to be rebuilt on every node, since an import passes them by.
    """

    restore: RestorePlan
    selection: Selection
    fetched: tuple[str, ...]
    tables: tuple[TableRestore, ...] = ()
    before_cql: tuple[str, ...] = ()
    after_cql: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()

    @property
    def as_of_us(self) -> int:
        """What was written by then comes back."""
        moment = self.restore.moment
        return moment.moment_us if moment else self.restore.snapshot_began_us

    def to_result(self) -> _Json:
        """The plan as plain values."""
        return t.cast(_Json, plain(self))

    @classmethod
    def from_result(cls, value: t.Mapping[str, t.Any]) -> TablesPlan:
        """The plan from :meth:`to_result`.

        :raises InputError: if the values are something else.
        """
        try:
            selection = value["selection"]
            patterns = {name: tuple(selection[name]) for name in ("keyspaces", "tables")}
            return cls(
                restore=RestorePlan.from_result(value["restore"]),
                selection=build(Selection, {**selection, **patterns}),
                fetched=tuple(value["fetched"]),
                tables=tuple(build(TableRestore, each) for each in value["tables"]),
                before_cql=tuple(value["before_cql"]),
                after_cql=tuple(value["after_cql"]),
                indexes=tuple(value["indexes"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"This is no plan of a restore of tables: {type(error).__name__}: {error}.",
                next_step="Give what planning returned.",
            ) from error


def choose_tables(contents: Contents, *, selection: Selection) -> tuple[TableRef, ...]:
    """The tables that are meant. Views are none: they are made from their tables.

    :raises PlanRefusedError: if a pattern means nothing, or a table that Cassandra keeps for itself.
    """
    there = [each.table for each in contents.tables if not _is_view(each.table, schema=contents.schema)]
    chosen = tuple(sorted(filter(selection.wants, there)))
    reasons: list[ReviveError] = list(_unnamed(selection, example=there[0] if there else None))
    reasons += [
        InputError(
            f"{_capital(contents.name)} has no {pattern} that users made.",
            subject=pattern.split(" ", 1)[1],
            next_step=f"It has {_names(contents, keyspaces=pattern.startswith('keyspace'))}.",
        )
        for pattern in selection.unmatched(there)
    ]
    for name in sorted({f"{each.keyspace}.{each.table}" for each in chosen}):
        same = [each for each in chosen if f"{each.keyspace}.{each.table}" == name]
        if len(same) > 1:
            reasons.append(
                NodeError(
                    f"{_capital(contents.name)} has {len(same)} tables {name}: it was made anew while the snapshots "
                    "were taken.",
                    subject=name,
                    next_step="Choose another backup.",
                )
            )
    if reasons:
        raise PlanRefusedError(reasons)
    return chosen


def contents_at(
    moment: MomentPlan, *, restore: RestorePlan, schema: cql.Schema, staged: t.Sequence[StagedTables]
) -> Contents:
    """What all nodes together have staged.

    :param restore: by which it was fetched.
    :raises InputError: if it is not of every node of that.
    """
    by_name = {each.name: each for each in staged}
    sizes: dict[str, Totals] = {}
    tables: dict[str, Totals] = {}
    for assignment in restore.assignments:
        node = by_name.get(assignment.target_name)
        if node is None:
            raise InputError(
                f"{assignment.target_name} has not staged its part.",
                subject=assignment.target_name,
                next_step="Give what staging returned on every node.",
            )
        for each in node.sizes:
            more = Totals(files=each.files, size=each.size)
            tables[each.table] = tables.get(each.table, Totals()) + more
            sizes[assignment.source_host_id] = sizes.get(assignment.source_host_id, Totals()) + more
    summaries = [
        TableSummary(table=table, files=totals.files, size=totals.size)
        for name, totals in sorted(tables.items())
        for table in (parse_table_directory(*name.split("/", 1)),)
        if table is not None
    ]
    return Contents(
        name=f"the moment {format_us(moment.moment_us)}",
        as_of_us=moment.moment_us,
        schema=schema,
        tables=tuple(summaries),
        sizes=sizes,
        directory_sizes={},
    )


def plan_fetch(
    *,
    manifest: ClusterManifest,
    contents: Contents,
    moment: MomentPlan,
    fetched: t.Sequence[str],
    selection: Selection,
    targets: t.Sequence[TargetNode],
    space_margin: float = SPACE_MARGIN,
) -> TablesPlan:
    """Which node fetches and replays what, for a moment.

    :param contents: of the backup that it begins with.
    :param fetched: as of :class:`TablesPlan`.
    :raises PlanRefusedError: with every reason against it.
    """
    nodes = _Nodes(
        manifest=manifest, contents=contents, selection=selection, targets=targets, moment=moment, margin=space_margin
    )
    there = [each.table for each in contents.tables]
    reasons = [*nodes.reasons, *_unnamed(selection, example=there[0] if there else None)]
    if reasons:
        raise PlanRefusedError(reasons)
    warnings = [
        f"The backup {manifest.tag} has no {pattern}. If it was made between that and the moment, it is in the logs."
        for pattern in selection.unmatched(there)
    ]
    return TablesPlan(restore=nodes.plan(warnings=warnings), selection=selection, fetched=tuple(fetched))


def plan_tables(
    *,
    manifest: ClusterManifest,
    contents: Contents,
    chosen: t.Sequence[TableRef],
    fetched: t.Sequence[str],
    now: cql.Schema,
    selection: Selection,
    targets: t.Sequence[TargetNode],
    moment: MomentPlan | None = None,
    space_margin: float = SPACE_MARGIN,
) -> TablesPlan:
    """Which node imports what into which table, and what has to be made for it.

    :param chosen: from :func:`choose_tables`, and ``fetched`` as of :class:`TablesPlan`.
    :param now: the cluster's schema.
    :param moment: that ``contents`` are of; they have been staged then.
    :raises PlanRefusedError: with every reason against it.
    """
    nodes = _Nodes(
        manifest=manifest, contents=contents, selection=selection, targets=targets, moment=moment, margin=space_margin
    )
    making = _Making(contents=contents, now=now, selection=selection, restore_id=nodes.restore_id)
    tables = [making.table(table) for table in chosen]
    reasons = [*nodes.reasons, *making.reasons, *_twice(tables)]
    if reasons:
        raise PlanRefusedError(list({str(reason): reason for reason in reasons}.values()))
    return TablesPlan(
        restore=nodes.plan(warnings=making.warnings),
        selection=selection,
        fetched=tuple(fetched),
        tables=tuple(tables),
        before_cql=tuple(dict.fromkeys(making.before)),
        after_cql=tuple(dict.fromkeys(making.after)),
        indexes=tuple(dict.fromkeys(making.indexes)),
    )


class _Nodes:
    """Which node gets what another had, and what speaks against it."""

    def __init__(
        self,
        *,
        manifest: ClusterManifest,
        contents: Contents,
        selection: Selection,
        targets: t.Sequence[TargetNode],
        moment: MomentPlan | None,
        margin: float,
    ) -> None:
        self.restore_id = restore_id_of(manifest, selection=selection, moment=moment)
        self.reasons: list[ReviveError] = [*_selection_reasons(selection), *group_reasons(targets)]
        self._manifest, self._moment, self._mode = manifest, moment, selection.mode
        self._target_cluster_name = targets[0].cluster_name if targets else ""
        pairs, pair_reasons = _pairs(manifest, targets=targets)
        self.reasons += pair_reasons
        self._pairs: list[Pair] = []
        for source, target in pairs:
            host_id = source.node.host_id
            part = dataclasses.replace(
                source,
                totals=contents.sizes.get(host_id, Totals()),
                data_directory_sizes=contents.directory_sizes.get(host_id, ()),
            )
            self._pairs.append((part, target))
            # What is staged already needs no more room.
            work_bytes = moment.work_bytes(host_id) if moment and contents.directory_sizes else 0
            self.reasons += space_reasons(target, source=part, margin=margin, work_bytes=work_bytes)
            self.reasons += pending_reasons(target, restore_id=self.restore_id)
            self.reasons += version_reasons(target, sources=[summary.node for summary in manifest.nodes])
            if moment:
                self.reasons += moment_reasons(moment, manifest=manifest, release_version=target.release_version or "")

    def plan(self, *, warnings: t.Sequence[str]) -> RestorePlan:
        """Who fetches what."""
        manifest = self._manifest
        assignments = tuple(assignment_for(source, target=target) for source, target in self._pairs)
        return RestorePlan(
            restore_id=self.restore_id,
            tag=manifest.tag,
            mode=self._mode,
            restore_auth=False,
            cluster_id=manifest.cluster_id,
            source_cluster_name=manifest.cluster_name,
            target_cluster_name=self._target_cluster_name,
            snapshot_began_us=manifest.snapshot_began_us,
            snapshot_ended_us=manifest.snapshot_ended_us,
            assignments=tuple(sorted(assignments, key=lambda each: each.target_name)),
            warnings=(*warnings, *newer_warnings(self._pairs)),
            files=sum(each.files for each in assignments),
            size=sum(each.size for each in assignments),
            stored_size=sum(each.stored_size for each in assignments),
            moment=self._moment,
        )


def restore_id_of(manifest: ClusterManifest, *, selection: Selection, moment: MomentPlan | None = None) -> str:
    """The name of a restore: the same for the same backup and moment and the same words of the operator."""
    words = json.dumps([manifest.cluster_id, dataclasses.asdict(selection)], sort_keys=True)
    what = f"{manifest.tag}-{moment.label}" if moment else manifest.tag
    return f"{what}-{selection.mode}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"


def table_comment(restore_id: str) -> str:
    """The comment that a new table has until its restore is complete, as CQL writes it."""
    return _text(f"{UNFINISHED}{restore_id}")


class _Making:
    """What has to be made for each table, and why it cannot."""

    def __init__(
        self,
        *,
        contents: Contents,
        now: cql.Schema,
        selection: Selection,
        restore_id: str,
    ) -> None:
        self._contents, self._then, self._now = contents, contents.schema, now
        self._selection, self._restore_id = selection, restore_id
        self._summaries = {summary.table: summary for summary in contents.tables}
        self.before: list[str] = []
        self.after: list[str] = []
        self.indexes: list[str] = []
        self.warnings: list[str] = []
        self.reasons: list[ReviveError] = []

    def table(self, source: TableRef) -> TableRestore:
        """Where one table goes; what speaks against it is in ``reasons`` then."""
        keyspace = self._selection.into_keyspace or source.keyspace
        name = _with_suffix(source.table, self._suffix(elsewhere=keyspace != source.keyspace))
        then = self._then.find(cql.TABLE, source.keyspace, source.table)
        there = self._now.find(cql.TABLE, keyspace, name)
        is_new = self._selection.mode == BESIDE or there is None or self._is_ours(there)
        if then is None:
            self.reasons.append(
                NodeError(
                    f"{_capital(self._contents.name)} does not say how "
                    f"{cql.shown_name(source.keyspace, source.table)} was made.",
                    subject=str(source),
                    next_step="Restore to a new cluster, or choose another backup.",
                )
            )
        else:
            self._check_keyspace(source.keyspace, keyspace)
            if is_new:
                self._make(then, keyspace=keyspace, name=name, there=there)
            elif there is not None:
                self._take(then, there=there)
        summary = self._summaries[source]
        return TableRestore(
            source=f"{source.keyspace}/{source.directory}",
            source_keyspace=source.keyspace,
            source_table=source.table,
            keyspace=keyspace,
            table=name,
            is_new=is_new,
            replaces=self._selection.mode == REPLACE and not is_new,
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
        """The keyspace has to be replicated as it was: each node gets what one node had."""
        then, now = self._then.find(cql.KEYSPACE, source), self._now.find(cql.KEYSPACE, target)
        if now is not None and then is None:
            return
        if now is None and then is None:
            self.reasons.append(
                NodeError(
                    f"There is no keyspace {target}, and {self._contents.name} does not say how {source} was made.",
                    subject=target,
                    next_step=f"Make the keyspace {target} with the replication that {source} had, then run it again.",
                )
            )
        elif now is None and then is not None:
            self.before += cql.renamed(then, keyspace=target).statements
        elif now is not None and then is not None and _replication(then) != _replication(now):
            self.reasons.append(
                NodeError(
                    f"The keyspace {target} is replicated otherwise than {source} was: {_replication(now)} instead of "
                    f"{_replication(then)}.",
                    subject=target,
                    next_step="Restore into a keyspace that is replicated as it was (into_keyspace), or make it so.",
                )
            )

    def _make(self, then: SchemaObject, *, keyspace: str, name: str, there: SchemaObject | None) -> None:
        """A new table, as the old one was; without indexes and compactions until it has its data."""
        properties = cql.table_properties(then)
        final = properties.get("comment", "''")
        if there is not None and not self._is_ours(there):
            self.reasons.append(
                InputError(
                    f"There is a table {cql.shown_name(keyspace, name)} already.",
                    subject=f"{keyspace}.{name}",
                    next_step="Give another suffix or keyspace for what is restored, or drop that table if it is not "
                    "needed.",
                )
            )
            return
        self._check_types(then, keyspace=keyspace)
        compaction = properties.get("compaction")
        changes = {"comment": table_comment(self._restore_id)}
        changed_back = {"comment": final}
        if compaction:
            changes["compaction"] = f"{compaction.rstrip()[:-1]}, 'enabled': 'false'}}"
            changed_back["compaction"] = compaction
        made = cql.renamed(cql.with_properties(then, changes), keyspace=keyspace, name=name)
        self.before += made.statements
        settings = " AND ".join(f"{key} = {text}" for key, text in changed_back.items())
        self.after.append(f"ALTER TABLE {cql.full_name(keyspace, name)} WITH {settings}")
        for index in self._then.of_table(cql.INDEX, then.keyspace, then.name):
            suffix = name[len(then.name) :] if name.startswith(then.name) else name[-25:]
            free = self._now.find(cql.INDEX, keyspace, index.name) is None and keyspace != then.keyspace
            kept = index.name if not suffix or free else _with_suffix(index.name, suffix)
            self.after += cql.renamed(index, keyspace=keyspace, name=kept, table=name).statements
        if self._selection.mode != BESIDE:
            self.warnings.append(
                f"{cql.shown_name(keyspace, name)} is gone, and what roles had been granted on it went with it: grant "
                "it again."
            )
        views = self._then.of_table(cql.VIEW, then.keyspace, then.name)
        if views:
            self.warnings.append(
                f"{cql.shown_name(keyspace, name)} comes without the views {', '.join(view.name for view in views)}."
            )

    def _is_ours(self, table: SchemaObject) -> bool:
        """Whether this restore has made the table, and was broken off."""
        return UNFINISHED + self._restore_id in cql.table_properties(table).get("comment", "")

    def _take(self, then: SchemaObject, *, there: SchemaObject) -> None:
        """A table that is there, if the data fits it."""
        shown = cql.shown_name(there.keyspace, there.name)
        differences = list(cql.table_differences(then, there))
        for each in self._used_types(then):
            other = self._now.find(cql.TYPE, there.keyspace, each.name)
            if other is not None:
                differences += [f"its type {each.name}: {reason}" for reason in cql.type_differences(each, other)]
        if differences:
            self.reasons.append(
                NodeError(
                    f"{shown} is another table than in {self._contents.name}: {'; '.join(differences)}.",
                    subject=shown,
                    next_step=f"Restore it with mode {BESIDE}, which makes a table as it was.",
                )
            )
        views = self._now.of_table(cql.VIEW, there.keyspace, there.name)
        if views:
            self.reasons.append(
                NodeError(
                    f"{shown} has the views {', '.join(view.name for view in views)}, which an import would pass by.",
                    subject=shown,
                    next_step=f"Restore it with mode {BESIDE}.",
                )
            )
        self.indexes += [
            f"{there.keyspace}.{there.name}.{index.name}"
            for index in self._now.of_table(cql.INDEX, there.keyspace, there.name)
        ]
        if any(column.type == "counter" for column in cql.columns_of(there)):
            self.warnings.append(
                f"{shown} counts. Of each counter the newest state stays, so that what is counted while it is restored "
                "may be lost. Stop its writers."
            )
        if cql.table_properties(there).get("allow_auto_snapshot") == "false" and self._selection.mode == REPLACE:
            self.warnings.append(
                f"{shown} has allow_auto_snapshot = false: what is written between the snapshot and its truncation, "
                "some seconds later, is kept nowhere."
            )
        if self._selection.mode == REPLACE:
            self.warnings.append(
                f"{shown} is emptied. It holds then what it held at {format_us(self._contents.as_of_us)}, and "
                f"what is written to it meanwhile. What it holds now is kept in the snapshots {self._restore_id}-*."
            )
            return
        self.warnings.append(
            f"{shown} keeps the newest of each cell: what was changed or deleted after "
            f"{format_us(self._contents.as_of_us)} stays as it is now, and a row that was deleted since does "
            f"not come back. With mode {BESIDE} it does, in a table of its own."
        )

    def _used_types(self, table: SchemaObject) -> list[SchemaObject]:
        """The types that a table's columns are made of, those first that others are made of."""
        types = {each.name: each for each in self._then.types_of(table.keyspace)}
        wanted: set[str] = set()
        open_texts = [column.type for column in cql.columns_of(table)]
        while open_texts:
            text = open_texts.pop()
            for name in types:
                if name not in wanted and re.search(rf'(?<![\w"])"?{re.escape(name)}"?(?![\w"])', text):
                    wanted.add(name)
                    open_texts += [kind for _field, kind in cql.type_fields(types[name])]
        return [each for each in self._then.types_of(table.keyspace) if each.name in wanted]

    def _check_types(self, then: SchemaObject, *, keyspace: str) -> None:
        for each in self._used_types(then):
            there = self._now.find(cql.TYPE, keyspace, each.name)
            if there is None:
                self.before += cql.renamed(each, keyspace=keyspace).statements
                continue
            differences = cql.type_differences(each, there)
            if differences:
                self.reasons.append(
                    NodeError(
                        f"The type {cql.shown_name(keyspace, each.name)} is another than in {self._contents.name}: "
                        f"{'; '.join(differences)}.",
                        subject=f"{keyspace}.{each.name}",
                        next_step="Restore into another keyspace (into_keyspace), which gets the type as it was.",
                    )
                )


def _is_view(table: TableRef, *, schema: cql.Schema) -> bool:
    return schema.find(cql.VIEW, table.keyspace, table.table) is not None


def _unnamed(selection: Selection, *, example: TableRef | None) -> t.Iterator[ReviveError]:
    if not selection.keyspaces and not selection.tables:
        yield InputError(
            "No table was named.",
            subject="tables",
            next_step=f"Give tables such as {example or 'keyspace.table'}, or keyspaces.",
        )


def _names(contents: Contents, *, keyspaces: bool) -> str:
    """What users could have meant, by the schema where that is known; what is staged is only what was asked for."""
    known = {(each.table.keyspace, each.table.table) for each in contents.tables}
    known |= {(each.keyspace, each.name) for each in contents.schema.objects if each.kind == cql.TABLE}
    names = sorted(
        {
            keyspace if keyspaces else f"{keyspace}.{table}"
            for keyspace, table in known
            if keyspace not in SYSTEM_KEYSPACES and contents.schema.find(cql.VIEW, keyspace, table) is None
        }
    )
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "none"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _selection_reasons(selection: Selection) -> t.Iterator[ReviveError]:
    if selection.mode not in MODES:
        yield InputError(
            f"{selection.mode!r} is no mode.", subject="mode", next_step=f"Choose one of {', '.join(MODES)}."
        )
    if selection.mode != BESIDE and (selection.into_keyspace or selection.suffix):
        yield InputError(
            f"With mode {selection.mode} the data goes into the table that it is of.",
            subject="into_keyspace",
            next_step=f"Leave into_keyspace and suffix out, or choose mode {BESIDE}.",
        )
    for option, text in (("into_keyspace", selection.into_keyspace), ("suffix", selection.suffix or "")):
        if not re.fullmatch(r"\w{0,48}", text, re.ASCII):
            yield InputError(
                f"{text!r} cannot be a part of a name.", subject=option, next_step="Use letters, digits and '_'."
            )
    if selection.into_keyspace in SYSTEM_KEYSPACES:
        yield InputError(
            f"{selection.into_keyspace} is Cassandra's own.", subject="into_keyspace", next_step="Give another one."
        )


def _pairs(manifest: ClusterManifest, *, targets: t.Sequence[TargetNode]) -> tuple[list[Pair], list[ReviveError]]:
    """Each node of the backup with the node that has its tokens now."""
    by_tokens: dict[frozenset[str], NodeSummary] = {frozenset(each.node.tokens): each for each in manifest.nodes}
    pairs: list[Pair] = []
    reasons: list[ReviveError] = []
    for target in targets:
        if not target.running or target.identity is None or target.identity_stale:
            reasons.append(
                NodeError(
                    f"{target.name} does not run.",
                    subject=target.name,
                    next_step="Start it: every node has to import its part.",
                )
            )
            continue
        source = by_tokens.pop(frozenset(target.identity.tokens), None)
        if source is None:
            reasons.append(_other_shape(f"{target.name} has tokens that no node of the backup had.", target.name))
        else:
            pairs.append((source, target))
    known = {source.node.host_id for source, _target in pairs}
    missing = [each.node.name for each in manifest.nodes if each.node.host_id not in known]
    if missing and len(pairs) == len(targets):
        reasons.append(_other_shape(f"No node has the tokens of {', '.join(missing)} of the backup.", missing[0]))
    return pairs, reasons


def _other_shape(message: str, subject: str) -> ReviveError:
    return NodeError(
        message,
        subject=subject,
        next_step="Name every node of the cluster in the inventory. To a cluster of another shape tables cannot be "
        "restored yet; restore the whole backup to a new cluster of the same shape instead.",
    )


def _twice(tables: t.Sequence[TableRestore]) -> t.Iterator[ReviveError]:
    names = [str(table) for table in tables]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield InputError(
            f"Two tables would both become {name}.",
            subject=name,
            next_step="Restore them one after the other, with different suffixes.",
        )


def _with_suffix(name: str, suffix: str) -> str:
    """Both together, the name cut where they would be too long."""
    return name + suffix if not suffix else name[: max(1, MAX_NAME_LENGTH - len(suffix))] + suffix


def _replication(keyspace: SchemaObject) -> str:
    """How a keyspace is replicated, in one form for the same."""
    match = re.search(r"replication\s*=\s*\{(?P<map>[^}]*)\}", keyspace.statements[0], re.IGNORECASE)
    pairs = re.findall(r"'([^']*)'\s*:\s*'?([^',}]*)'?", match["map"]) if match else []
    return ", ".join(f"{key} {value.strip().rsplit('.', 1)[-1]}" for key, value in sorted(pairs))


def _text(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
