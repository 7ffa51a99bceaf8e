# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Cassandra's own log says about the replay of a commit log. Pure."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError


@dataclasses.dataclass(frozen=True)
class ReplayReport:
    """What a start's log says about its replay.

    :param files: segments that were read.
    :param replayed: updates applied, as Cassandra counts them: one for each table that a mutation touches. What was
        later than the moment is not among them and is not counted anywhere.
    :param unknown: mutations skipped for a table that the schema does not have, by the table's id, 32 digits.
    :param unreadable: mutations that could not be read with the schema, by the file they were saved to.
    :param milliseconds: that it took, flush included.
    """

    files: int
    replayed: int
    unknown: t.Mapping[str, int]
    unreadable: tuple[str, ...]
    milliseconds: int


_REPLAYING = re.compile(r" - Replaying (?P<files>\S.*CommitLog-\S+\.log)$", re.MULTILINE)
_COMPLETE = re.compile(r" - Log replay complete, (?P<replayed>\d+) replayed mutations(?: in (?P<ms>\d+) ms)?")
_NOTHING = re.compile(r" - No commitlog files found; skipping replay")
_UNKNOWN = re.compile(
    r" - Skipped (?P<count>\d+) mutations from unknown \(probably removed\) CF with id (?P<id>[0-9a-f-]{36})"
)
_IGNORED = re.compile(r" - Ignoring commit log replay error")
_SAVED = re.compile(r"Unexpected error deserializing mutation; saved to (?P<path>\S+?)\.\s")


def replay_is_over(log: str) -> bool:
    """Whether the log says that there is nothing left to replay."""
    return bool(_COMPLETE.search(log) or _NOTHING.search(log))


def cannot_read_a_mutation(log: str) -> bool:
    """Whether a start failed because a mutation does not fit the schema, such as one written after a later ALTER."""
    return bool(_SAVED.search(log))


def parse_replay(log: str) -> ReplayReport:
    """What the log of one start says about its replay.

    :raises NodeError: if the replay did not finish, or skipped an error that it does not explain.
    """
    complete, nothing = _COMPLETE.search(log), _NOTHING.search(log)
    if not complete and not nothing:
        raise NodeError("The staging instance did not reach the end of the commit log.", next_step=decisive_lines(log))
    saved = tuple(match["path"] for match in _SAVED.finditer(log))
    ignored = len(_IGNORED.findall(log))
    if ignored != len(saved):
        raise NodeError(
            f"The staging instance skipped {ignored} errors in the commit log and explained {len(saved)}.",
            next_step=decisive_lines(log),
        )
    replaying = _REPLAYING.search(log)
    return ReplayReport(
        files=len(replaying["files"].split(",")) if replaying else 0,
        replayed=int(complete["replayed"]) if complete else 0,
        unknown={match["id"].replace("-", ""): int(match["count"]) for match in _UNKNOWN.finditer(log)},
        unreadable=saved,
        milliseconds=int(complete["ms"] or 0) if complete else 0,
    )


_DECISIVE = re.compile(
    r"^(?:ERROR|FATAL)|Exception|Exiting|CommitLogReplay|Unsupported|Unable to|Error:|Cannot", re.MULTILINE
)


def decisive_lines(log: str, *, limit: int = 12) -> str:
    """The lines of a log that say why a start failed; its last lines if none does."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.startswith("\tat ")]
    telling = [line for line in lines if _DECISIVE.search(line) and not line.startswith(("INFO", "DEBUG", "WARN"))]
    chosen = list(dict.fromkeys(telling))[:limit] or lines[-limit:]
    return "\n".join(line[:1000] for line in chosen)
