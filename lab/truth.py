# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truth: what clients wrote, kept outside Cassandra, to be compared with what a restore brought back.

A file of JSON lines, only ever appended to. Each write is there before it is sent, ``{"attempt": ID, ...}``, and again
when Cassandra has acknowledged it, ``{"acknowledged": ID, "at_us": ...}``. A write that was attempted only may or may
not have happened. All times are microseconds since 1970, of this machine's clock, which the nodes share.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import secrets
import threading
import time
import typing as t
import uuid
from pathlib import Path

from lab.processes import wait_until

INSERT = "insert"
DELETE = "delete"
APPEND = "append"
INCREMENT = "increment"
_GROWN_TIMEOUT_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Write:
    """One write.

    ``timestamp_us`` is the write's own timestamp in Cassandra, set with USING TIMESTAMP, so WRITETIME must be equal;
    counters cannot have one: for an increment it is the moment just before it was sent.
    """

    operation: str
    table: str
    key: tuple[t.Any, ...]
    timestamp_us: int
    value_hash: str | None = None
    element: str | None = None
    amount: int | None = None
    expires_us: int | None = None
    acknowledged_us: int | None = None


class TruthFile:
    """The writing side. Several may append to the same file, from several processes; thread-safe."""

    def __init__(self, path: Path) -> None:
        """Open the file for appending; it is created if it is not there."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._writer = secrets.token_hex(4)
        self._attempts = 0
        self._acknowledged = 0
        self._clock_us = 0
        self._lock = threading.Lock()

    @property
    def attempts(self) -> int:
        """Return how many writes this object has recorded."""
        return self._attempts

    @property
    def acknowledged(self) -> int:
        """Return how many of them were acknowledged."""
        return self._acknowledged

    def next_timestamp_us(self) -> int:
        """Return a timestamp for a write: the time, but never the same twice, and never backwards."""
        with self._lock:
            self._clock_us = max(self._clock_us + 1, now_us())
            return self._clock_us

    def attempt(self, *writes: Write) -> list[str]:
        """Record writes that are about to be sent, and return their ids."""
        with self._lock:
            ids = [f"{self._writer}-{number}" for number in range(self._attempts, self._attempts + len(writes))]
            self._attempts += len(writes)
        self._append([{"attempt": one_id, **_to_json(write=write)} for one_id, write in zip(ids, writes)])
        return ids

    def acknowledge(self, *ids: str, at_us: int | None = None) -> None:
        """Record that Cassandra has acknowledged writes."""
        with self._lock:
            self._acknowledged += len(ids)
        moment = now_us() if at_us is None else at_us
        self._append([{"acknowledged": one_id, "at_us": moment} for one_id in ids])

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _append(self, records: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        # One call of write(), to a file opened for appending: lines of several processes do not mix.
        text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
        os.write(self._descriptor, text.encode())


def read_truth(path: Path) -> tuple[Write, ...]:
    """Return all writes of a truth file, in the order of their timestamps.

    A last line without its end, left by a process that was killed, is skipped: an attempt that was not recorded was not
    sent either.
    """
    attempts: dict[str, dict[str, t.Any]] = {}
    acknowledged: dict[str, int] = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                break
            record = json.loads(line)
            if "attempt" in record:
                attempts[record.pop("attempt")] = record
            else:
                acknowledged[record["acknowledged"]] = record["at_us"]
    writes = (
        Write(**{**record, "key": tuple(record["key"])}, acknowledged_us=acknowledged.get(one_id))
        for one_id, record in attempts.items()
    )
    return tuple(sorted(writes, key=lambda write: write.timestamp_us))


def wait_until_grown(path: Path, *, more_bytes: int) -> None:
    """Return when clients have written so much more into a truth file.

    :raises LabError: they have not in five minutes.
    """
    size = path.stat().st_size
    wait_until(
        lambda: path.stat().st_size > size + more_bytes,
        timeout_seconds=_GROWN_TIMEOUT_SECONDS,
        what=f"more writes in {path.name}",
    )


def now_us() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


def moment_text(moment_us: int) -> str:
    """Return a moment as an operator writes it: ISO 8601 in UTC, to the microsecond."""
    seconds, microseconds = divmod(moment_us, 1_000_000)
    whole = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{microseconds:06d}Z"


def hash_of_values(values: t.Iterable[t.Any]) -> str:
    """Return 32 hexadecimal digits that are equal exactly if the values of a row's columns are.

    The same for what is written and for what the driver returns: types are told apart, tuples and lists are not, times
    count as milliseconds.
    """
    text = json.dumps([canonical(value) for value in values], separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def canonical(value: t.Any) -> t.Any:
    """Return a CQL value as JSON knows values: what the truth file holds of keys and hashes of the rest.

    :raises TypeError: the type does not occur in the lab's tables.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, bytes):
        return {"blob": value.hex()}
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return {"ms": round(aware.timestamp() * 1000)}
    if isinstance(value, uuid.UUID):
        return {"uuid": str(value)}
    if isinstance(value, (tuple, list)):
        return [canonical(element) for element in value]
    raise TypeError(f"no canonical form for {type(value).__name__}")


def canonical_key(values: t.Iterable[t.Any]) -> tuple[t.Any, ...]:
    """Return a row's key as the truth file and dictionaries can hold it."""
    return tuple(json.dumps(canonical(value), separators=(",", ":")) for value in values)


def _to_json(*, write: Write) -> dict[str, t.Any]:
    fields = dataclasses.asdict(write)
    return {name: value for name, value in fields.items() if value is not None and name != "acknowledged_us"}
