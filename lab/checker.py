# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a cluster with the truth, row by row, at CONSISTENCY ALL.

What has to be there depends on the moment that was restored, ``until_us``:

- restored from a snapshot, the moment is the one at which the snapshot began. Writes acknowledged by then must be
  there; any other write may be, since snapshots of several nodes are not of one moment.
- restored to a moment, ``exact``: acknowledged writes with a timestamp up to the moment must be there, writes with a
  later one must not.
- nothing was restored, ``until_us`` is None: every acknowledged write must be there.

Never acknowledged writes may be there or not, unless ``exact`` excludes them. What nobody ever wrote must not be there.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from cassandra import ConsistencyLevel
from cassandra.query import SimpleStatement

from lab.schema import CERTIFICATES, TABLES, Table, has_sai
from lab.truth import APPEND, DELETE, INCREMENT, INSERT, Write, canonical_key, hash_of_values, now_us

_PAGE_ROWS = 1000
_SAMPLE = 10
# How far from its computed end a row with a time to live may vanish: Cassandra counts in seconds, from its own receipt.
_EXPIRY_MARGIN_US = 30_000_000

_KINDS = {"missing": "missing", "different": "different", "unexpected": "unexpected", "index": "wrong in an index"}

Key = tuple[t.Any, ...]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One row that is not as it should be."""

    table: str
    key: Key
    detail: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.table} {' '.join(map(str, self.key))}: {self.detail}"


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """What a comparison found. ``missing``: rows or list elements that should be there. ``different``: another value or
    another write timestamp. ``unexpected``: never written, deleted, or written after the moment. ``index``: rows that
    an index has and the table has not, or the other way round.
    """

    rows_required: int
    rows_found: int
    missing: tuple[Finding, ...]
    different: tuple[Finding, ...]
    unexpected: tuple[Finding, ...]
    index: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Tell whether everything is as the truth says."""
        return not (self.missing or self.different or self.unexpected or self.index)

    def summary(self) -> str:
        """Return the counts and a sample of what was found."""
        lines = [
            f"{self.rows_found} rows found, {self.rows_required} required; "
            + ", ".join(f"{len(getattr(self, name))} {words}" for name, words in _KINDS.items())
        ]
        for name in _KINDS:
            findings = getattr(self, name)
            lines += [f"  {name}: {finding}" for finding in findings[:_SAMPLE]]
            if len(findings) > _SAMPLE:
                lines.append(f"  {name}: and {len(findings) - _SAMPLE} more")
        return "\n".join(lines)


def check(
    session: t.Any,
    truth: t.Sequence[Write],
    *,
    until_us: int | None = None,
    exact: bool = False,
    indexes: bool = True,
    tables: t.Sequence[Table] = TABLES,
    replaced: Replaced | None = None,
    consistency: int = ConsistencyLevel.ALL,
) -> CheckResult:
    """Read every table of the lab once, at ALL, and compare it with the truth.

    :param session: of the driver.
    :param truth: all writes, as :func:`lab.truth.read_truth` returns them.
    :param until_us: the moment that the cluster was restored to; None if it was not.
    :param exact: restored to the moment itself, not from a snapshot that began then.
    :param indexes: compare what the indexes find, too.
    :param tables: the only ones that are read; each may be in another keyspace.
    :param replaced: what they held was replaced while clients wrote, instead of ``until_us``.
    :param consistency: at another level, of rows that one node is to have; indexes are read at ALL.
    :raises cassandra.Unavailable: a node is down.
    """
    rule: _Rule | Replaced = replaced or _Rule(until_us=until_us, exact=exact)
    findings = _Findings()
    for table in tables:
        writes = [write for write in truth if write.table == table.name]
        rows = _read(session=session, table=table, consistency=consistency)
        if table.counter_column:
            _compare_counters(rows=rows, writes=writes, rule=rule, findings=findings)
        else:
            _compare_rows(rows=rows, writes=writes, rule=rule, findings=findings, table=table)
        if table.appended_column:
            _compare_lists(rows=rows, writes=writes, rule=rule, findings=findings, table=table)
        if table.name == CERTIFICATES.name and indexes:
            _compare_indexes(session=session, rows=rows, findings=findings, table=table)
    return CheckResult(
        rows_required=findings.rows_required,
        rows_found=findings.rows_found,
        missing=tuple(findings.missing),
        different=tuple(findings.different),
        unexpected=tuple(findings.unexpected),
        index=tuple(findings.index),
    )


@dataclasses.dataclass(frozen=True)
class _Rule:
    """Decides which writes have to be there and which can be."""

    until_us: int | None
    exact: bool

    def requires(self, write: Write) -> bool:
        """Tell whether a row without this write, or a later one, is wrong."""
        if write.acknowledged_us is None:
            return False
        if self.until_us is None:
            return True
        # The server stamps a counter's increment between the two.
        by_timestamp = self.exact and write.operation != INCREMENT
        return (write.timestamp_us if by_timestamp else write.acknowledged_us) <= self.until_us

    def allows(self, write: Write) -> bool:
        """Tell whether a row with this write can be right."""
        return not self.exact or self.until_us is None or write.timestamp_us <= self.until_us


@dataclasses.dataclass(frozen=True)
class Replaced:
    """A table was made what it had been, and clients went on writing to it.

    :param snapshot_began_us: what was acknowledged by then is in the backup, and what is later than
        ``snapshot_ended_us`` is not.
    :param emptied_from_us: what was acknowledged by then is gone, unless the backup has it; what was sent after
        ``emptied_until_us`` is there.
    """

    snapshot_began_us: int
    snapshot_ended_us: int
    emptied_from_us: int
    emptied_until_us: int

    def requires(self, write: Write) -> bool:
        """Tell whether a row without this write, or a later one, is wrong."""
        acknowledged_us = write.acknowledged_us
        if acknowledged_us is None:
            return False
        return acknowledged_us <= self.snapshot_began_us or write.timestamp_us >= self.emptied_until_us

    def allows(self, write: Write) -> bool:
        """Tell whether a row with this write can be right."""
        acknowledged_us = write.acknowledged_us
        went = acknowledged_us is not None and acknowledged_us <= self.emptied_from_us
        return write.timestamp_us <= self.snapshot_ended_us or not went


@dataclasses.dataclass
class _Findings:
    rows_required: int = 0
    rows_found: int = 0
    missing: list[Finding] = dataclasses.field(default_factory=list)
    different: list[Finding] = dataclasses.field(default_factory=list)
    unexpected: list[Finding] = dataclasses.field(default_factory=list)
    index: list[Finding] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class _Row:
    value_hash: str | None
    timestamp_us: int | None
    appended: tuple[str, ...]
    count: int
    values: t.Mapping[str, t.Any]


def _read(*, session: t.Any, table: Table, consistency: int = ConsistencyLevel.ALL) -> dict[Key, _Row]:
    """Return all rows of a table by their key."""
    columns = [*table.key_columns, *table.value_columns]
    columns += [column for column in (table.appended_column, table.counter_column) if column]
    selected = [f'"{column}"' for column in columns]
    if table.value_columns:
        selected.append(f'WRITETIME("{table.value_columns[0]}") AS write_timestamp_us')
    query = f"SELECT {', '.join(selected)} FROM {table.cql_name}"
    statement = SimpleStatement(query, consistency_level=consistency, fetch_size=_PAGE_ROWS)
    return {
        canonical_key(row[column] for column in table.key_columns): _row(table=table, row=row)
        for row in _dictionaries(session=session, statement=statement)
    }


def _row(*, table: Table, row: t.Mapping[str, t.Any]) -> _Row:
    timestamp_us = row.get("write_timestamp_us")
    has_values = any(row[column] is not None for column in table.value_columns)
    return _Row(
        value_hash=hash_of_values(row[column] for column in table.value_columns) if has_values else None,
        timestamp_us=timestamp_us,
        appended=tuple(row[table.appended_column] or ()) if table.appended_column else (),
        count=row[table.counter_column] or 0 if table.counter_column else 0,
        values=row,
    )


def _dictionaries(*, session: t.Any, statement: t.Any) -> t.Iterator[t.Mapping[str, t.Any]]:
    """Yield rows as dictionaries, with the names of the columns as they are."""
    result = session.execute(statement)
    names = result.column_names
    while True:
        for row in result.current_rows:
            yield dict(zip(names, row))
        if not result.has_more_pages:
            return
        result.fetch_next_page()


def _compare_rows(
    *, rows: t.Mapping[Key, _Row], writes: t.Sequence[Write], rule: _Rule | Replaced, findings: _Findings, table: Table
) -> None:
    by_key: dict[Key, list[Write]] = collections.defaultdict(list)
    for write in writes:
        if write.operation in (INSERT, DELETE):
            by_key[write.key].append(write)
    checked_us = now_us()
    findings.rows_found += len(rows)
    for key in by_key.keys() | rows.keys():
        outcomes = _outcomes(writes=by_key.get(key, []), rule=rule, checked_us=checked_us)
        findings.rows_required += None not in outcomes
        row = rows.get(key)
        found = None if row is None or row.value_hash is None else (row.value_hash, row.timestamp_us)
        if found in outcomes:
            continue
        finding = Finding(table=table.name, key=key, detail=_difference(found=found, outcomes=outcomes))
        if found is None:
            findings.missing.append(finding)
        elif outcomes == {None}:
            findings.unexpected.append(finding)
        else:
            findings.different.append(finding)


_Outcome = t.Optional[tuple[t.Optional[str], t.Optional[int]]]


def _outcomes(*, writes: t.Sequence[Write], rule: _Rule | Replaced, checked_us: int) -> set[_Outcome]:
    """Return the states a row can rightly be in: hash and write timestamp, or None for no row.

    Every write replaces the whole row or deletes it, so the row is as the newest write left it: the newest that is
    required, or any later one that is allowed.
    """
    required = [write for write in writes if rule.requires(write)]
    newest = max(required, key=lambda write: write.timestamp_us, default=None)
    since_us = -1 if newest is None else newest.timestamp_us
    possible = [write for write in writes if write.timestamp_us > since_us and rule.allows(write)]
    outcomes: set[_Outcome] = set() if newest is not None else {None}
    for write in [*([] if newest is None else [newest]), *possible]:
        is_gone = write.operation == DELETE
        if not is_gone and (write.expires_us is None or checked_us < write.expires_us + _EXPIRY_MARGIN_US):
            outcomes.add((write.value_hash, write.timestamp_us))
        if is_gone or (write.expires_us is not None and checked_us > write.expires_us - _EXPIRY_MARGIN_US):
            outcomes.add(None)
    return outcomes


def _difference(*, found: _Outcome, outcomes: set[_Outcome]) -> str:
    if found is None:
        expected = max(timestamp_us or 0 for _hash, timestamp_us in filter(None, outcomes))
        return f"not there; written at {expected} us"
    if outcomes == {None}:
        return f"there, written at {found[1]} us, and should not be"
    if any(outcome is not None and outcome[0] == found[0] for outcome in outcomes):
        return f"same values, but written at {found[1]} us"
    return f"other values, written at {found[1]} us"


def _compare_lists(
    *, rows: t.Mapping[Key, _Row], writes: t.Sequence[Write], rule: _Rule | Replaced, findings: _Findings, table: Table
) -> None:
    """Compare lists that only grow, as multisets: concurrent appends have no order that a client could know."""
    appends: dict[Key, list[Write]] = collections.defaultdict(list)
    for write in writes:
        if write.operation == APPEND:
            appends[write.key].append(write)
    for key in appends.keys() | {key for key, row in rows.items() if row.appended}:
        row = rows.get(key)
        found = collections.Counter(row.appended if row else ())
        for write in appends.get(key, []):
            is_there = found.pop(write.element or "", 0)
            if not is_there and rule.requires(write):
                findings.missing.append(Finding(table.name, key, f"element {write.element!r} of its list"))
            elif is_there and not rule.allows(write):
                findings.unexpected.append(Finding(table.name, key, f"later element {write.element!r} of its list"))
            elif is_there > 1:
                findings.unexpected.append(Finding(table.name, key, f"element {write.element!r} {is_there} times"))
        for element in found:
            findings.unexpected.append(Finding(table.name, key, f"element {element!r}, which nobody appended"))


def _compare_counters(
    *, rows: t.Mapping[Key, _Row], writes: t.Sequence[Write], rule: _Rule | Replaced, findings: _Findings
) -> None:
    least: collections.Counter[Key] = collections.Counter()
    most: collections.Counter[Key] = collections.Counter()
    for write in writes:
        least[write.key] += (write.amount or 0) * rule.requires(write)
        most[write.key] += (write.amount or 0) * rule.allows(write)
    findings.rows_found += len(rows)
    findings.rows_required += sum(count > 0 for count in least.values())
    for key in rows.keys() | most.keys():
        count = rows[key].count if key in rows else 0
        name = writes[0].table if writes else "counters"
        detail = f"counts {count}, should be {least[key]} to {most[key]}"
        if count < least[key]:
            (findings.different if key in rows else findings.missing).append(Finding(name, key, detail))
        elif count > most[key]:
            findings.unexpected.append(Finding(name, key, detail))


def _compare_indexes(*, session: t.Any, rows: t.Mapping[Key, _Row], findings: _Findings, table: Table) -> None:
    """Compare what queries through the indexes return with the table: all states, and a sample of subjects."""
    in_table: dict[str, set[str]] = collections.defaultdict(set)
    for row in rows.values():
        in_table[row.values["status"]].add(row.values["serial"])
    in_table.pop(None, None)  # type: ignore[call-overload]
    for status, serials in in_table.items():
        found = _serials_by_index(session=session, table=table, column="status", value=status)
        for serial in found ^ serials:
            where = "missing from the index" if serial in serials else "only in the index"
            findings.index.append(Finding("certificates_status", (serial,), f"{where}, as {status!r}"))
    if not has_sai(session=session):
        return
    for row in list(rows.values())[:: max(1, len(rows) // 50)]:
        subject = row.values["subject"]
        if subject is not None and row.values["serial"] not in _serials_by_index(
            session=session, table=table, column="subject", value=subject
        ):
            findings.index.append(Finding("certificates_subject", (row.values["serial"],), "missing from the index"))


def _serials_by_index(*, session: t.Any, table: Table, column: str, value: str) -> set[str]:
    query = f"SELECT serial FROM {table.cql_name} WHERE {column} = %s"
    statement = SimpleStatement(query, consistency_level=ConsistencyLevel.ALL, fetch_size=_PAGE_ROWS)
    return {row.serial for row in session.execute(statement, (value,))}
