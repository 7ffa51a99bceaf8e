# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of Cassandra on a host of its own, with everything where a package of Cassandra puts it.

``python -m lab.packaged_node`` is how Molecule's hosts get theirs. Hosts read the jars and Java from :data:`JARS` and
:data:`JAVA_HOME`.
"""

from __future__ import annotations

import argparse
import sys
import typing as t
from pathlib import Path

from lab.distribution import CASSANDRA_5_0, Distribution, ensure_distribution
from lab.errors import LabError
from lab.node_files import NodeLayout, NodeSettings, configuration_files

JARS = Path("/usr/share/cassandra/lib")
JAVA_HOME = Path("/opt/java")
HEAP_MIB = 400


class PackagedLayout(NodeLayout):
    """The directories that a package of Cassandra uses."""

    def __init__(self) -> None:
        """Data lies in ``/var/lib/cassandra/data``."""
        super().__init__(directory=Path("/var/lib/cassandra"), data_directory_count=1)

    @property
    def conf_directory(self) -> Path:
        """Return the directory of ``cassandra.yaml``."""
        return Path("/etc/cassandra")

    @property
    def log_path(self) -> Path:
        """Return Cassandra's own log."""
        return Path("/var/log/cassandra/system.log")

    @property
    def process_path(self) -> Path:
        """Return a path beside which nodetool may keep its history."""
        return Path("/tmp/cassandra")


def write_configuration(*, directory: Path, version: str, address: str, rack: str, seeds: t.Sequence[str]) -> None:
    """Write what belongs into ``/etc/cassandra`` of the host with this address."""
    fetched = ensure_distribution(version=version)
    settings = NodeSettings(
        cluster_name="Hosts",
        datacenter="dc1",
        rack=rack,
        address=address,
        native_port=9042,
        storage_port=7000,
        jmx_port=7199,
        seeds=tuple(seeds),
        num_tokens=8,
        heap_mib=HEAP_MIB,
    )
    files = configuration_files(layout=PackagedLayout(), settings=settings, distribution=_on_host(fetched=fetched))
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    (directory / "version").write_text(f"{version}\n", encoding="utf-8")


def binds(*, version: str) -> str:
    """Return what a host has to see of this machine, as ``tools/hosts`` takes it.

    Debian's Java has links into ``/etc``.
    """
    fetched = ensure_distribution(version=version)
    home = fetched.java.parent.parent
    pairs = [(fetched.jars[0].parent, JARS), (home, JAVA_HOME)]
    pairs += [(path, path) for path in sorted(Path("/etc").glob("java-17-*"))]
    return " ".join(f"{here}:{there}" for here, there in pairs)


def _on_host(*, fetched: Distribution) -> Distribution:
    java = JAVA_HOME / "bin" / "java"
    # The snitch looks for its properties on the class path.
    return Distribution(
        version=fetched.version,
        jars=(*(JARS / jar.name for jar in fetched.jars), PackagedLayout().conf_directory),
        java=java,
        java_release=fetched.java_release,
        nodetool_java=java,
    )


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Print the binds, or write a host's configuration."""
    parser = argparse.ArgumentParser(prog="python -m lab.packaged_node", description=__doc__)
    parser.add_argument("--version", default=CASSANDRA_5_0)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("binds", help="print what hosts have to see of this machine")
    write = commands.add_parser("write", help="write what belongs into /etc/cassandra of one host")
    write.add_argument("--directory", type=Path, required=True)
    write.add_argument("--address", required=True)
    write.add_argument("--rack", required=True)
    write.add_argument("--seeds", required=True, help="addresses, separated by commas")
    options = parser.parse_args(arguments)
    try:
        if options.command == "binds":
            print(binds(version=options.version))
        else:
            write_configuration(
                directory=options.directory,
                version=options.version,
                address=options.address,
                rack=options.rack,
                seeds=options.seeds.split(","),
            )
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
