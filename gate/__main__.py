# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m gate``: all of the gate, its lab groups, or some groups; ``make`` calls it."""

from __future__ import annotations

import argparse
import os
import sys
import typing as t
from pathlib import Path

from gate import variables
from gate.groups import GROUPS, Group, groups_named
from gate.runner import EndedError, Outcome, Part, Room, run_parts

_LOGS = Path(".cache") / "gate"
_LAB, _CHECKS = "lab", "checks"
# Alone, a group keeps one and a half processors busy; two of them and a check fill each other's pauses.
_LAB_LANES = os.cpu_count() or 1
_NODE_MIB = 850
# For the checks, and for what else runs on the machine.
_SPARE_MIB = 3_000
_CHECKS_MINUTES = {"sanity": 5.0, "unit": 2.0, "lint": 2.0, "core": 0.3}


def main(arguments: t.Sequence[str]) -> int:
    """Do what is asked for; 0 if all of it passed."""
    options = _parser().parse_args(arguments)
    if options.what == "list":
        _list()
        return 0
    if options.what == "variables":
        variables.write(Path.cwd())
        return 0
    if options.what == "group":
        try:
            groups = groups_named(options.groups.split(","))
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        command = _pytest(groups, *options.pytest)
        os.execv(command[0], command)
    return run(_lab_parts() if options.what == "lab" else [*_check_parts(), *_lab_parts()])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gate", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("test", help="all of the gate")
    what.add_parser("lab", help="the gate's lab groups, beside each other")
    what.add_parser("list", help="the groups that the gate leaves out")
    what.add_parser("variables", help=f"write {variables.PAGE} from the roles' argument specs")
    group = what.add_parser("group", help="some groups, in one pytest")
    group.add_argument("groups", help="names with commas between, or gate")
    group.add_argument("pytest", nargs=argparse.REMAINDER, help="more arguments for pytest")
    return parser


def _list() -> None:
    """Print the groups that are not of the gate."""
    for group in GROUPS:
        if not group.gate:
            print(f"  {group.name:<18} {group.minutes:3.0f} min  {group.proves}")
    print("\nmake test-slow GROUP=NAME runs one.")


def run(parts: t.Sequence[Part]) -> int:
    """Run parts beside each other and show those that fail; 0 if none does."""
    room = Room(lanes={_LAB: _LAB_LANES, _CHECKS: 1}, nodes=_room_for_nodes())
    print(f"\n== {len(parts)} parts, beside each other; their output is in {_LOGS}", flush=True)
    try:
        outcomes = run_parts(parts, room=room, directory=_LOGS, ended=_show)
    except EndedError as error:
        print(error, file=sys.stderr)
        return 128 + error.signal_number
    failed = [outcome.part.name for outcome in outcomes if outcome.exit_status != 0]
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


def _show(outcome: Outcome) -> None:
    if outcome.exit_status != 0:
        print(f"\n---- all that {outcome.part.name} printed:", flush=True)
        sys.stdout.write(outcome.log.read_text(encoding="utf-8", errors="replace"))
        print(f"---- end of what {outcome.part.name} printed")
    print(f"{outcome.part.name:<20} {outcome.verdict:<12} {outcome.seconds:5.0f} s", flush=True)


def _check_parts() -> list[Part]:
    """What needs no cluster. Each notes its time itself."""
    return [
        Part(
            name=name,
            command=("make", "--no-print-directory", name),
            lane=_CHECKS,
            minutes=minutes,
        )
        for name, minutes in _CHECKS_MINUTES.items()
    ]


def _lab_parts() -> list[Part]:
    return [
        Part(
            name=group.name,
            command=("tools/timed", group.name, *_pytest((group,), "-o", f"cache_dir=.cache/pytest-{group.name}")),
            lane=_LAB,
            nodes=group.nodes,
            minutes=group.minutes,
        )
        for group in groups_named(["gate"])
    ]


def _pytest(groups: t.Sequence[Group], *arguments: str) -> tuple[str, ...]:
    names = ",".join(group.name for group in groups)
    pytest = str(Path(sys.executable).with_name("pytest"))
    # With what tests print that pass: the figures that they have seen.
    return (pytest, "--timeout=1800", "--durations=0", "-raP", f"--groups={names}", "tests/lab", *arguments)


def _room_for_nodes() -> int:
    """How many nodes of Cassandra the memory has room for that is free now."""
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        name, _colon, value = line.partition(":")
        if name == "MemAvailable":
            return max(0, int(value.split()[0]) // 1024 - _SPARE_MIB) // _NODE_MIB
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
