# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tables an operator means, and whether what is asked for can be meant. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import schema as cql
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.names import SYSTEM_KEYSPACES, TableRef
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    PlanRefusedError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.near import did_you_mean
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.tables.model import (
    BESIDE,
    MODES,
    Contents,
    Selection,
)

_WILD = re.compile(r"[*?\[]")


def choose_tables(contents: Contents, *, selection: Selection) -> tuple[TableRef, ...]:
    """The tables that are meant. Views are not among them: they are made from their tables.

    :raises PlanRefusedError: if a pattern means nothing, or a table that Cassandra keeps for itself.
    """
    there = [each.table for each in contents.tables if not _is_view(each.table, schema=contents.schema)]
    chosen = tuple(sorted(filter(selection.wants, there)))
    reasons: list[ReviveError] = list(unnamed_reasons(selection, example=there[0] if there else None))
    reasons += [
        InputError(
            f"{contents.title} has no {pattern} that users made.",
            subject=pattern.split(" ", 1)[1],
            next_step=f"{_did_you_mean(pattern, contents)}It has "
            f"{_names(contents, keyspaces=pattern.startswith('keyspace'))}.",
        )
        for pattern in selection.unmatched(there)
    ]
    for name in sorted({f"{each.keyspace}.{each.table}" for each in chosen}):
        same = [each for each in chosen if f"{each.keyspace}.{each.table}" == name]
        if len(same) > 1:
            reasons.append(
                NodeError(
                    f"{contents.title} has {len(same)} tables {name}: it was dropped and made again "
                    "while the snapshots were taken.",
                    subject=name,
                    next_step="Choose another backup.",
                )
            )
    if reasons:
        raise PlanRefusedError(reasons)
    return chosen


def holds(manifest: ClusterManifest, *, selection: Selection, there: bool = False) -> bool:
    """Whether a backup was asked for all that is selected, so what it lacks was not there.

    :param there: whether each pattern has to mean some table that is in it, too.
    """
    for pattern in selection.patterns:
        keyspace, _dot, table = pattern.replace('"', "").partition(".")
        if _WILD.search(keyspace):
            known = manifest.whole
        else:
            known = manifest.holds(keyspace, "" if _WILD.search(table) else table)
        if not known:
            return False
    return not there or not selection.unmatched(each.table for each in manifest.tables)


def unnamed_reasons(selection: Selection, *, example: TableRef | None) -> t.Iterator[ReviveError]:
    """Whether a table was named at all.

    :param example: of a table that there is.
    """
    if not selection.patterns:
        yield InputError(
            "No table was named.",
            subject="tables",
            next_step=f"Give {option('tables')}, such as {example or 'keyspace.table'}, or {option('keyspaces')}.",
        )


def selection_reasons(selection: Selection) -> t.Iterator[ReviveError]:
    """What does not go together in what the operator asks for, and names that cannot be."""
    if selection.mode not in MODES:
        yield InputError(
            f"{selection.mode!r} is not a mode.", subject="mode", next_step=f"Choose one of {', '.join(MODES)}."
        )
    if selection.mode != BESIDE and (selection.into_keyspace or selection.suffix):
        yield InputError(
            f"With {option('mode', selection.mode)} the data goes into the table that it came from.",
            subject="into_keyspace",
            next_step=f"Leave out {option('into_keyspace')} and {option('suffix')}, or choose "
            f"{option('mode', BESIDE)}.",
        )
    if (selection.datacenters or selection.replication) and not selection.reshape:
        yield InputError(
            "Each node gets what one node had, so keyspaces have to be replicated as they were.",
            subject="replication",
            next_step=f"Pass {option('reshape', 'true')} too, or leave out {option('datacenters')} and "
            f"{option('replication')}.",
        )
    for name, text in (("into_keyspace", selection.into_keyspace), ("suffix", selection.suffix or "")):
        if not re.fullmatch(r"\w{0,48}", text, re.ASCII):
            yield InputError(
                f"{text!r} cannot be a part of a name.", subject=name, next_step="Use letters, digits and '_'."
            )
    if selection.into_keyspace in SYSTEM_KEYSPACES:
        yield InputError(
            f"{selection.into_keyspace} is Cassandra's own.", subject="into_keyspace", next_step="Give another one."
        )


def _is_view(table: TableRef, *, schema: cql.Schema) -> bool:
    return schema.find(cql.VIEW, table.keyspace, table.table) is not None


def unmatched_texts(contents: Contents, *, selection: Selection) -> tuple[str, ...]:
    """What is asked for and is not in a backup that a moment begins with, each with what may have been meant."""
    return tuple(
        f"{pattern}. {_did_you_mean(pattern, contents)}".strip()
        for pattern in selection.unmatched(each.table for each in contents.tables)
    )


def _did_you_mean(pattern: str, contents: Contents) -> str:
    kind, _blank, name = pattern.partition(" ")
    return did_you_mean(name.replace('"', ""), _known(contents, keyspaces=kind == "keyspace"))


def _names(contents: Contents, *, keyspaces: bool) -> str:
    names = _known(contents, keyspaces=keyspaces)
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "none"


def _known(contents: Contents, *, keyspaces: bool) -> list[str]:
    """What users could have meant, by the schema where that is known; what is staged is only what was asked for."""
    known = {(each.table.keyspace, each.table.table) for each in contents.tables}
    known |= {(each.keyspace, each.name) for each in contents.schema.objects if each.kind == cql.TABLE}
    return sorted(
        {
            keyspace if keyspaces else f"{keyspace}.{table}"
            for keyspace, table in known
            if keyspace not in SYSTEM_KEYSPACES and contents.schema.find(cql.VIEW, keyspace, table) is None
        }
    )
