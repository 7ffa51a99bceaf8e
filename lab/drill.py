# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: a cluster with certificates is backed up twice, lost altogether, and rebuilt from the bucket alone.

``make drill`` runs it. Everything is real: Cassandra, the S3 server, Ansible, the writer that goes on throughout. It
ends well only if every point that it prints holds.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import shutil
import signal
import sys
import time
import typing as t
from pathlib import Path

from lab.checker import CheckResult, check
from lab.cluster import Cluster
from lab.errors import LabError
from lab.inventory import Repository, write_inventory
from lab.playbook import PlaybookRun, run_playbook
from lab.processes import wait_until
from lab.s3 import S3Server
from lab.truth import now_us, read_truth
from lab.writer import Writer, load

_CHECKOUT = Path(__file__).parent.parent
_BUCKET = "certificate-backups"
_PREFIX = "production"
FIRST = "drill_first"
SECOND = "drill_second"


@dataclasses.dataclass(frozen=True)
class DrillSettings:
    """What is lost and rebuilt.

    :param certificates: loaded before the first backup; the writer adds more.
    """

    root: Path
    version: str = "5.0.8"
    nodes: int = 3
    certificates: int = 20_000
    writes_per_second: float = 50.0


@dataclasses.dataclass(frozen=True)
class DrillReport:
    """What the drill saw.

    :param first_backup: totals of the first backup's manifest; ``second_backup`` those of the second.
    :param recovery_seconds: from the start of the restore's playbook to its end.
    """

    version: str
    writes_acknowledged: int
    first_backup: t.Mapping[str, int]
    second_backup: t.Mapping[str, int]
    backup_seconds: tuple[float, float]
    recovery_seconds: float
    check: CheckResult
    old_addresses_seen: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        return [
            f"Cassandra {self.version}; {self.writes_acknowledged} acknowledged writes in the truth file",
            f"first backup: {_totals(self.first_backup)}, {self.backup_seconds[0]:.0f} s",
            f"second backup: {_totals(self.second_backup)}, {self.backup_seconds[1]:.0f} s",
            f"rebuilt on new nodes in {self.recovery_seconds:.0f} s",
            f"row by row at ALL: {self.check.summary()}",
            f"old addresses in peers and gossip: {', '.join(self.old_addresses_seen) or 'none'}",
        ]


def run_drill(settings: DrillSettings, *, show: t.TextIO) -> DrillReport:
    """Run the drill.

    :raises LabError: at the first point that does not hold; what was started is ended.
    """
    with contextlib.ExitStack() as ending:
        return _Drill(settings=settings, show=show, ending=ending).run()


class _Drill:
    """One run of the drill; ``ending`` ends whatever it started."""

    def __init__(self, *, settings: DrillSettings, show: t.TextIO, ending: contextlib.ExitStack) -> None:
        self._settings = settings
        self._show = show
        self._root = settings.root
        self._ending = ending
        self._began = time.monotonic()

    def run(self) -> DrillReport:
        """Go through all of it."""
        self._server = self._start_server()
        old = self._start_old_cluster()
        truth_path = self._root / "truth.jsonl"
        self._say(f"loading {self._settings.certificates} certificates")
        load(cluster=old, truth_path=truth_path, certificates=self._settings.certificates)
        writer = Writer.start(
            root=self._root,
            cluster=old,
            truth_path=truth_path,
            writes_per_second=self._settings.writes_per_second,
        )
        self._ending.callback(writer.kill)
        inventory = self._inventory(old)
        first = self._back_up(inventory, tag=FIRST)
        self._let_it_write(truth_path)
        second = self._back_up(inventory, tag=SECOND)
        manifest = self._manifest(SECOND)
        _require_second_backup_to_share(self._manifest(FIRST)["totals"], manifest["totals"])
        self._lose(old, writer=writer)

        new = self._new_cluster(old)
        restored = self._restore(new)
        truth = read_truth(truth_path)
        self._say("comparing every row with the truth file, at CONSISTENCY ALL")
        until_us = min(node["snapshot_began_us"] for node in manifest["nodes"])
        with new.session(credentials=old.application) as session:
            result = check(session, truth, until_us=until_us)
        report = DrillReport(
            version=self._settings.version,
            writes_acknowledged=sum(write.acknowledged_us is not None for write in truth),
            first_backup=self._manifest(FIRST)["totals"],
            second_backup=manifest["totals"],
            backup_seconds=(first.seconds, second.seconds),
            recovery_seconds=restored.seconds,
            check=result,
            old_addresses_seen=addresses_seen(new, old_addresses=[node.address for node in old.nodes]),
        )
        self._judge(report)
        return report

    def _start_server(self) -> S3Server:
        self._say("starting an S3 server")
        server = S3Server.start(root=self._root)
        self._ending.callback(server.destroy)
        server.create_bucket(_BUCKET)
        return server

    def _start_old_cluster(self) -> Cluster:
        old = self._cluster("old", cluster_name="Certificates")
        self._say(f"starting {self._settings.nodes} nodes of Cassandra {self._settings.version}")
        old.start()
        return old

    def _cluster(self, name: str, *, cluster_name: str) -> Cluster:
        cluster = Cluster.create(
            root=self._root,
            name=name,
            version=self._settings.version,
            nodes=self._settings.nodes,
            cluster_name=cluster_name,
        )
        self._ending.callback(cluster.destroy)
        return cluster

    def _inventory(self, cluster: Cluster) -> Path:
        return write_inventory(
            path=self._root / f"inventory-{cluster.name}.yml",
            clusters=[cluster],
            repository=Repository(server=self._server, bucket=_BUCKET, prefix=_PREFIX),
        )

    def _back_up(self, inventory: Path, *, tag: str) -> PlaybookRun:
        self._say(f"backup {tag}, while clients write")
        return self._play("backup", inventory=inventory, variables={"backup_tag": tag})

    def _play(self, name: str, *, inventory: Path, variables: t.Mapping[str, t.Any]) -> PlaybookRun:
        run = run_playbook(
            name, inventory=inventory, directory=self._root / "ansible", variables=variables, show=self._show
        )
        if run.exit_status != 0:
            raise LabError(f"the playbook {name} failed, see above")
        return run

    def _let_it_write(self, truth_path: Path) -> None:
        """Wait until clients have written some more."""
        size = truth_path.stat().st_size
        self._say("waiting for more writes")
        wait_until(
            lambda: truth_path.stat().st_size > size + 100_000,
            timeout_seconds=300,
            what="more writes in the truth file",
        )

    def _lose(self, old: Cluster, *, writer: Writer) -> None:
        self._say("the disaster: kill -9 of all nodes, their disks destroyed, while clients write")
        old.kill()
        old.wipe()
        writer.kill()

    def _new_cluster(self, old: Cluster) -> Cluster:
        new = self._cluster("new", cluster_name="Certificates rebuilt")
        shared = {node.address for node in old.nodes} & {node.address for node in new.nodes}
        if shared:
            raise LabError(f"the new nodes have addresses of the old ones: {', '.join(sorted(shared))}")
        return new

    def _restore(self, new: Cluster) -> PlaybookRun:
        self._say("rebuilding on new nodes, from the bucket alone")
        return self._play(
            "disaster_recovery",
            inventory=self._inventory(new),
            variables={"restore_point": "latest", "target_cluster": "true"},
        )

    def _manifest(self, tag: str) -> dict[str, t.Any]:
        body = self._server.client().get_object(Bucket=_BUCKET, Key=f"{_PREFIX}/backups/{tag}/manifest.json")["Body"]
        return t.cast("dict[str, t.Any]", json.loads(body.read()))

    def _judge(self, report: DrillReport) -> None:
        self._say("the drill's report")
        for line in report.lines():
            print(line, file=self._show)
        if not report.check.ok:
            raise LabError("the restored rows are not those of the truth file")
        if report.old_addresses_seen:
            raise LabError("the new cluster knows addresses of the old one")

    def _say(self, what: str) -> None:
        print(f"\n==== {time.monotonic() - self._began:5.0f} s  {what}", file=self._show, flush=True)


def _require_second_backup_to_share(first: t.Mapping[str, int], second: t.Mapping[str, int]) -> None:
    """Hold the second backup to what it should have uploaded: something, and not what was there."""
    shared = second["stored_size"] - second["new_stored_size"]
    if not 0 < second["new_stored_size"] < second["stored_size"] or shared < first["stored_size"] // 10:
        raise LabError(
            f"the second backup uploaded {second['new_stored_size']} of {second['stored_size']} bytes, "
            f"with {first['stored_size']} bytes there before"
        )


def addresses_seen(cluster: Cluster, *, old_addresses: t.Sequence[str]) -> tuple[str, ...]:
    """Return the addresses of the old cluster that some node of the new one has in its peers or its gossip."""
    seen: set[str] = set()
    for node in cluster.nodes:
        with cluster.session(nodes=[node]) as session:
            for table in ("system.peers_v2", "system.peers"):
                seen.update(str(row[0]) for row in session.execute(f"SELECT peer FROM {table}"))
        gossip = node.nodetool("gossipinfo")
        seen.update(address for address in old_addresses if f"{address}\n" in gossip or f"{address}:" in gossip)
    return tuple(sorted(seen & set(old_addresses)))


def _totals(totals: t.Mapping[str, int]) -> str:
    return (
        f"{_mib(totals['size'])} in {totals['files']} files; uploaded {_mib(totals['new_stored_size'])} "
        f"of {_mib(totals['stored_size'])}, {totals['new_objects']} of {totals['objects']} objects"
    )


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"


def clear(root: Path) -> None:
    """End what an earlier run that was killed left there, and empty the directory."""
    for name in Writer.names(root):
        Writer.load(root, name).kill()
    for name in Cluster.names(root):
        Cluster.load(root, name).destroy()
    for name in S3Server.names(root):
        S3Server.load(root, name).destroy()
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Run the drill from the command line; 0 if every point held."""
    parser = argparse.ArgumentParser(prog="python -m lab.drill", description=__doc__)
    parser.add_argument("--root", type=Path, default=_CHECKOUT / ".lab" / "drill", help="emptied at the start")
    parser.add_argument("--version", default="5.0.8", help="of Cassandra (default: %(default)s)")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--certificates", type=int, default=20_000)
    options = parser.parse_args(arguments)
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(143))
    clear(options.root)
    settings = DrillSettings(
        root=options.root.resolve(), version=options.version, nodes=options.nodes, certificates=options.certificates
    )
    began_us = now_us()
    try:
        run_drill(settings, show=sys.stdout)
    except LabError as error:
        print(f"\nThe drill FAILED: {error}", file=sys.stderr)
        return 1
    print(f"\nThe drill went well, in {(now_us() - began_us) / 1e6:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
