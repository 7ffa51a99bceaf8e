# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a transfer is: its state, its text form between node and controller, and the line that people read. Pure."""

from __future__ import annotations

import dataclasses
import json

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_duration, format_size

RATE_WINDOW_SECONDS = 20.0
SAMPLE_SECONDS = 1.0
STALLED_AFTER_SECONDS = 8.0
#: What has no figures yet and is soon over, so nobody is shown it.
PREPARING = "preparing"


@dataclasses.dataclass(frozen=True)
class ProgressState:
    """What a transfer has done at a moment; moments are seconds on a monotonic clock.

    :param samples: moments with the bytes done by then, none older than the window over which the rate is taken.
    """

    activity: str
    total_bytes: int
    total_files: int
    samples: tuple[tuple[float, int], ...]
    done_bytes: int = 0
    done_files: int = 0

    def advanced(self, *, now: float, transferred_bytes: int, files: int) -> ProgressState:
        """The state after some more bytes and files."""
        done_bytes = self.done_bytes + transferred_bytes
        samples = self.samples
        if now - samples[-1][0] >= SAMPLE_SECONDS:
            kept = tuple(sample for sample in samples if now - sample[0] <= RATE_WINDOW_SECONDS)
            samples = (*(kept or samples[-1:]), (now, done_bytes))
        return dataclasses.replace(self, done_bytes=done_bytes, done_files=self.done_files + files, samples=samples)

    def bytes_per_second(self, *, now: float) -> float | None:
        """The rate over the window; ``None`` while there is nothing to take it from."""
        began, bytes_then = self.samples[0]
        elapsed = now - began
        return (self.done_bytes - bytes_then) / elapsed if elapsed >= SAMPLE_SECONDS else None


@dataclasses.dataclass(frozen=True)
class ProgressReport:
    """What a node reports about a transfer.

    :param bytes_per_second: ``None`` while it is not known.
    :param seconds_left: at that rate; ``None`` while it is not known.
    :param pid: of the process that does the transfer.
    """

    activity: str
    done_bytes: int
    total_bytes: int
    done_files: int
    total_files: int
    bytes_per_second: float | None
    seconds_left: float | None
    pid: int


def begin(*, now: float, activity: str, total_bytes: int, total_files: int) -> ProgressState:
    """The state of a transfer that has done nothing yet."""
    return ProgressState(activity=activity, total_bytes=total_bytes, total_files=total_files, samples=((now, 0),))


def report(state: ProgressState, *, now: float, pid: int) -> ProgressReport:
    """What to report about a transfer now."""
    rate = state.bytes_per_second(now=now)
    left = max(state.total_bytes - state.done_bytes, 0)
    return ProgressReport(
        activity=state.activity,
        done_bytes=state.done_bytes,
        total_bytes=state.total_bytes,
        done_files=state.done_files,
        total_files=state.total_files,
        bytes_per_second=rate,
        seconds_left=left / rate if rate else None,
        pid=pid,
    )


def encode_report(value: ProgressReport) -> bytes:
    """A report as one line of JSON."""
    return json.dumps(dataclasses.asdict(value), separators=(",", ":")).encode() + b"\n"


def decode_report(text: str) -> ProgressReport | None:
    """The report in a text; ``None`` if there is none, because it has not been written yet."""
    try:
        value = json.loads(text)
        return ProgressReport(**{field.name: value[field.name] for field in dataclasses.fields(ProgressReport)})
    except (ValueError, TypeError, KeyError):
        return None


def render(value: ProgressReport, *, unchanged_seconds: float = 0.0) -> str:
    """The line that people read.

    What has no files, such as a Cassandra that starts, is told with how long it has taken.

    :param unchanged_seconds: how long the reader has seen the same bytes; a stalled transfer has no rate.
    """
    if not value.total_files:
        return f"{value.activity}, {format_duration(unchanged_seconds)} so far"
    parts = [
        f"{value.activity} {format_size(value.done_bytes)} of {format_size(value.total_bytes)}",
        f"{value.done_files} of {value.total_files} files",
    ]
    if value.done_bytes >= value.total_bytes and value.done_files >= value.total_files:
        parts.append("finishing")
    elif unchanged_seconds >= STALLED_AFTER_SECONDS:
        parts.append(f"nothing moved for {format_duration(unchanged_seconds)}")
    elif value.bytes_per_second is not None:
        parts.append(f"{format_size(value.bytes_per_second)}/s")
        if value.seconds_left is not None:
            parts.append(f"{format_duration(value.seconds_left)} left")
    return ", ".join(parts)
