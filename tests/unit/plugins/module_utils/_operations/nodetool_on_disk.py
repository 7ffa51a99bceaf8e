# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for nodetool of a node that is only a disk: makes and clears snapshots with hard links.

Called as ``nodetool_on_disk.py ROOT VERSION RECORDED ARGUMENT...``; notes every call in ROOT/calls.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys


def tables(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in root.glob("data*/*/*") if path.is_dir())


def snapshot(root: pathlib.Path, arguments: list[str]) -> None:
    tag = arguments[arguments.index("-t") + 1]
    keyspaces = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    asked = [table for table in tables(root) if not keyspaces or table.parent.name in keyspaces]
    tag_made = asked[:1] if (root / "fail-in-snapshot").exists() else asked
    for table in tag_made:
        target = table / "snapshots" / tag
        if target.exists():
            sys.exit(f"error: Snapshot {tag} already exists.\n-- StackTrace --\n\tat x.y(Z.java)")
        target.mkdir(parents=True)
        for source in table.iterdir():
            if source.is_file():
                os.link(source, target / source.name)
        files = [source.name for source in target.glob("*-Data.db")]
        if (root / "hide-data").exists():
            (target / files[0]).unlink()
        (target / "manifest.json").write_text(json.dumps({"files": files}))
    if len(tag_made) < len(asked):
        sys.exit("error: No space left on device\n-- StackTrace --\njava.io.IOException\n\tat x.y(Z.java)")


def main() -> None:
    root, version, recorded = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    arguments = sys.argv[4:]
    with (root / "calls").open("a") as calls:
        calls.write(" ".join(arguments) + "\n")
    if (root / "down").exists():
        sys.exit("nodetool: Failed to connect to '127.0.0.1:7199' - ConnectException: 'Connection refused'.")
    if arguments[0] == "snapshot":
        snapshot(root, arguments)
    elif arguments[0] == "clearsnapshot":
        for path in root.glob(f"data*/*/*/snapshots/{arguments[arguments.index('-t') + 1]}"):
            shutil.rmtree(path)
            if (root / "fail-in-clear").exists():
                sys.exit("error: interrupted\n-- StackTrace --\n\tat x.y(Z.java)")
    elif arguments[0] == "tablestats":
        for table in tables(root):
            print(f"Keyspace : {table.parent.name}\n\t\tTable: {table.name.partition('-')[0]}")
    else:
        print((recorded / version / f"{arguments[0]}.txt").read_text().rstrip())
        if arguments[0] == "describecluster":
            for keyspace in sorted({path.name for path in root.glob("data*/*")}):
                print(f"\t{keyspace} -> Replication class: SimpleStrategy {{replication_factor=1}}")


if __name__ == "__main__":
    main()
