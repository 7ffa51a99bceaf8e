# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m bench [NAME] [OPTIONS]``: one measurement, or all of them."""

from __future__ import annotations

import sys

from bench import log_planning, replay, table, transfer

BENCHES = {"transfer": transfer.main, "log-planning": log_planning.main, "replay": replay.main, "table": table.main}


def main(arguments: list[str]) -> int:
    """Run what is asked for; all of it without options if nothing is."""
    if not arguments:
        return max(bench([]) for bench in BENCHES.values())
    if arguments[0] not in BENCHES:
        raise SystemExit(f"there is no bench {arguments[0]}; there are: {', '.join(BENCHES)}")
    return BENCHES[arguments[0]](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
