# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for nodetool of a node that is only a disk and takes part in an import.

Called as ``nodetool_moving_files.py ROOT ARGUMENT...``; notes every call in ROOT/calls. A table that is named in
ROOT/refused is not imported.
"""

from __future__ import annotations

import pathlib
import shutil
import sys


def take(root: pathlib.Path, keyspace: str, table: str, sources: list[str]) -> None:
    refused = root / "refused"
    if refused.exists() and refused.read_text() == table:
        sys.exit("error: refused\n-- StackTrace --\n\tat x.y(Z.java)")
    (target,) = (root / "data0" / keyspace).glob(f"{table}-*")
    generation = sum(1 for _path in target.iterdir()) * 100
    for number, source in enumerate(sources, start=1):
        for path in sorted(pathlib.Path(source).iterdir()):
            kind, _generation, rest = path.name.split("-", 2)
            shutil.move(str(path), target / f"{kind}-{generation + number}-{rest}")


def main() -> None:
    root, arguments = pathlib.Path(sys.argv[1]), sys.argv[2:]
    with (root / "calls").open("a") as calls:
        calls.write(" ".join(arguments) + "\n")
    if arguments[0] == "import":
        take(root, arguments[1], arguments[2], arguments[3:])
    elif arguments[0] in ("info", "version"):
        sys.exit("nodetool: Failed to connect to '127.0.0.1:7199' - ConnectException: 'Connection refused'.")


if __name__ == "__main__":
    main()
