# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core import figures, progress

MIB = 1024 * 1024


def state_after(*steps: tuple[float, int, int]) -> progress.ProgressState:
    """A state that began at second 0 and advanced at given seconds by bytes and files."""
    state = progress.begin(now=0.0, activity="uploading", total_bytes=1000 * MIB, total_files=100)
    for now, transferred_bytes, files in steps:
        state = state.advanced(now=now, transferred_bytes=transferred_bytes, files=files)
    return state


def test_a_line_says_bytes_files_rate_and_time_left() -> None:
    report = progress.ProgressReport(
        activity="uploading",
        done_bytes=432_327_885,
        total_bytes=2_040_109_465,
        done_files=340,
        total_files=1201,
        bytes_per_second=92_379_545.6,
        seconds_left=17.4,
        pid=1,
    )

    assert progress.render(report) == ("uploading 412.3 MiB of 1.9 GiB, 340 of 1201 files, 88.1 MiB/s, 0:17 left")


def test_the_rate_is_of_the_last_seconds_and_not_of_all_the_time() -> None:
    slow_then_fast = [(float(second), MIB, 0) for second in range(1, 60)]
    slow_then_fast += [(float(second), 10 * MIB, 0) for second in range(60, 90)]
    state = state_after(*slow_then_fast)

    assert state.bytes_per_second(now=89.0) == pytest.approx(10 * MIB, rel=0.1)


def test_no_more_samples_are_kept_than_the_window_has_seconds() -> None:
    state = state_after(*[(number / 10, 1, 0) for number in range(1, 10_000)])

    assert len(state.samples) <= progress.RATE_WINDOW_SECONDS + 2


def test_there_is_no_rate_before_the_first_second() -> None:
    report = progress.report(state_after((0.5, MIB, 1)), now=0.5, pid=1)

    assert report.bytes_per_second is None
    assert progress.render(report) == "uploading 1.0 MiB of 1000.0 MiB, 1 of 100 files"


def test_what_stands_still_says_so_instead_of_a_rate() -> None:
    report = progress.report(state_after((5.0, 50 * MIB, 5)), now=5.0, pid=1)

    assert progress.render(report, unchanged_seconds=65).endswith("5 of 100 files, nothing moved for 1:05")


def test_what_has_moved_all_its_bytes_is_finishing() -> None:
    report = progress.report(state_after((5.0, 1000 * MIB, 100)), now=5.0, pid=1)

    assert progress.render(report).endswith("100 of 100 files, finishing")


def test_what_has_no_figures_says_how_long_it_has_taken() -> None:
    report = progress.report(
        progress.begin(now=0.0, activity="starting a Cassandra", total_bytes=0, total_files=0), now=21.0, pid=1
    )
    assert progress.render(report, unchanged_seconds=21.2) == "starting a Cassandra, 0:21 so far"


def test_a_rate_of_nothing_promises_no_end() -> None:
    report = progress.report(state_after((5.0, 0, 0)), now=5.0, pid=1)

    assert report.seconds_left is None
    assert progress.render(report).endswith("0 B/s")


def test_a_report_comes_back_from_its_text() -> None:
    report = progress.report(state_after((5.0, 50 * MIB, 5)), now=5.0, pid=4711)

    assert progress.decode_report(progress.encode_report(report).decode()) == report


@pytest.mark.parametrize("text", ["", "{", "null", '{"activity": "x"}', "cat: no such file"])
def test_a_text_that_is_no_report_is_none(text: str) -> None:
    assert progress.decode_report(text) is None


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536 * MIB, "1.5 GiB"), (2**60, "1024.0 PiB")]
)
def test_sizes_have_binary_units(size: int, text: str) -> None:
    assert figures.format_size(size) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (17.4, "0:17"), (59.6, "1:00"), (3723, "1:02:03")])
def test_durations_read_like_a_clock(seconds: float, text: str) -> None:
    assert figures.format_duration(seconds) == text
