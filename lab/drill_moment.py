# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill to a moment: a cluster that archives its log is lost under load, and rebuilt to a random microsecond.

``make drill-moment`` runs it. As in the other drill everything is real, and it ends well only if the rebuilt cluster
holds exactly what clients wrote with timestamps up to that microsecond.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import random
import re
import signal
import sys
import time
import typing as t
from pathlib import Path

from lab.archiving import Agents, prepare_archiving
from lab.checker import CheckResult, check
from lab.cluster import Cluster
from lab.drill import addresses_seen, clear
from lab.errors import LabError
from lab.inventory import Repository, write_inventory
from lab.playbook import PlaybookRun, run_playbook
from lab.processes import wait_until
from lab.s3 import S3Server
from lab.truth import moment_text, now_us, read_truth
from lab.writer import Writer, load

_CHECKOUT = Path(__file__).parent.parent
_BUCKET = "certificate-backups"
_PREFIX = "production"
_BASE = "drill_base"
#: What had its timestamp when coverage ended may have been acknowledged after that, and is lost with the cluster.
_IN_FLIGHT_US = 1_000_000
_REACHED = re.compile(r"Moment asked for (?P<asked>\S+), reached (?P<reached>\S+): (?P<seconds>[0-9.]+) s before it")
_REPLAYED = re.compile(
    r"(?P<replayed>\d+) updates replayed in \S+; besides those later than the moment, [^\"]*left out"
)


@dataclasses.dataclass(frozen=True)
class MomentDrillSettings:
    """What is lost and rebuilt.

    :param interval_seconds: at which agents ship.
    """

    root: Path
    version: str = "5.0.8"
    nodes: int = 3
    certificates: int = 5_000
    writes_per_second: float = 50.0
    interval_seconds: float = 5.0


@dataclasses.dataclass(frozen=True)
class MomentDrillReport:
    """What the drill saw.

    :param reached: the point that the restore's own report says it reached, ``behind_seconds`` before ``asked``.
    :param archive_behind_seconds: from the moment up to which the archive covered all nodes to the disaster.
    :param recovery_seconds: from the start of the restore's playbook to its end.
    """

    version: str
    writes_acknowledged: int
    asked: str
    reached: str
    behind_seconds: float
    replayed: str
    archive_behind_seconds: float
    recovery_seconds: float
    check: CheckResult
    old_addresses_seen: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        return [
            f"Cassandra {self.version}; {self.writes_acknowledged} acknowledged writes in the truth file",
            f"point asked for: {self.asked}, chosen at random",
            f"point reached:   {self.reached}, {self.behind_seconds:.6f} s before it (RPO)",
            f"the archive was {self.archive_behind_seconds:.1f} s behind at the disaster: nothing newer can be had",
            f"rebuilt on new nodes in {self.recovery_seconds:.0f} s (RTO); {self.replayed}",
            f"row by row at ALL, exactly what has a timestamp up to the point: {self.check.summary()}",
            f"old addresses in peers and gossip: {', '.join(self.old_addresses_seen) or 'none'}",
        ]


def run_moment_drill(settings: MomentDrillSettings, *, show: t.TextIO) -> MomentDrillReport:
    """Run the drill.

    :raises LabError: at the first point that does not hold; what was started is ended.
    """
    with contextlib.ExitStack() as ending:
        return _MomentDrill(settings=settings, show=show, ending=ending).run()


class _MomentDrill:
    """One run of the drill; ``ending`` ends whatever it started."""

    def __init__(self, *, settings: MomentDrillSettings, show: t.TextIO, ending: contextlib.ExitStack) -> None:
        self._settings = settings
        self._show = show
        self._root = settings.root
        self._ending = ending
        self._began = time.monotonic()
        self._truth_path = self._root / "truth.jsonl"

    def run(self) -> MomentDrillReport:
        """Go through all of it."""
        self._say("starting an S3 server")
        server = S3Server.start(root=self._root)
        self._ending.callback(server.destroy)
        server.create_bucket(_BUCKET)
        self._repository = Repository(server=server, bucket=_BUCKET, prefix=_PREFIX)
        old, agents = self._start_archiving_cluster()
        writer = Writer.start(
            root=self._root,
            cluster=old,
            truth_path=self._truth_path,
            writes_per_second=self._settings.writes_per_second,
        )
        self._ending.callback(writer.kill)
        self._say("the base, while clients write")
        self._play("backup", old, backup_tag=_BASE)
        base_us = now_us()
        self._let_it_write()
        covered_us, lost_us = self._lose(old, agents=agents, writer=writer)
        moment_us = random.SystemRandom().randrange(base_us, covered_us - _IN_FLIGHT_US)
        new = self._cluster("new", cluster_name="Certificates rebuilt")
        self._say(f"rebuilding on new nodes to {moment_text(moment_us)}, from the bucket alone")
        restored = self._play("disaster_recovery", new, restore_point=moment_text(moment_us), target_cluster="true")
        report = self._report(old, new, restored=restored, moment_us=moment_us, behind_us=lost_us - covered_us)
        self._judge(report)
        return report

    def _start_archiving_cluster(self) -> tuple[Cluster, Agents]:
        old = self._cluster("old", cluster_name="Certificates")
        prepare_archiving(old)
        self._say(f"starting {self._settings.nodes} nodes of Cassandra {self._settings.version} that archive their log")
        old.start()
        self._say(f"loading {self._settings.certificates} certificates, and a first backup, which makes the repository")
        load(cluster=old, truth_path=self._truth_path, certificates=self._settings.certificates)
        self._play("backup", old, backup_tag="drill_first")
        agents = Agents.start(
            cluster=old, repository=self._repository, interval_seconds=self._settings.interval_seconds
        )
        self._ending.callback(agents.kill)
        agents.wait_until_covered(now_us())
        return old, agents

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

    def _play(self, name: str, cluster: Cluster, **variables: t.Any) -> PlaybookRun:
        inventory = write_inventory(
            path=self._root / f"inventory-{cluster.name}.yml", clusters=[cluster], repository=self._repository
        )
        run = run_playbook(
            name, inventory=inventory, directory=self._root / "ansible", variables=variables, show=self._show
        )
        if run.exit_status != 0:
            raise LabError(f"the playbook {name} failed, see above")
        return run

    def _let_it_write(self) -> None:
        size = self._truth_path.stat().st_size
        self._say("waiting for more writes")
        wait_until(
            lambda: self._truth_path.stat().st_size > size + 200_000,
            timeout_seconds=300,
            what="more writes in the truth file",
        )

    def _lose(self, old: Cluster, *, agents: Agents, writer: Writer) -> tuple[int, int]:
        """Return up to when the archive covers all nodes, and when they were lost."""
        self._say("the disaster: kill -9 of all nodes and agents, their disks destroyed, while clients write")
        covered_us, lost_us = agents.covered_until_us(), now_us()
        old.kill()
        agents.kill()
        old.wipe()
        writer.kill()
        return covered_us, lost_us

    def _report(
        self, old: Cluster, new: Cluster, *, restored: PlaybookRun, moment_us: int, behind_us: int
    ) -> MomentDrillReport:
        self._say("comparing every row with the truth file, at CONSISTENCY ALL")
        truth = read_truth(self._truth_path)
        with new.session(credentials=old.application) as session:
            result = check(session, truth, until_us=moment_us, exact=True)
        reached, replayed = _REACHED.search(restored.output), _REPLAYED.search(restored.output)
        if reached is None or replayed is None:
            raise LabError("the restore's report does not say which point it reached and what it replayed")
        return MomentDrillReport(
            version=self._settings.version,
            writes_acknowledged=sum(write.acknowledged_us is not None for write in truth),
            asked=reached["asked"],
            reached=reached["reached"],
            behind_seconds=float(reached["seconds"]),
            replayed=replayed[0],
            archive_behind_seconds=behind_us / 1e6,
            recovery_seconds=restored.seconds,
            check=result,
            old_addresses_seen=addresses_seen(new, old_addresses=[node.address for node in old.nodes]),
        )

    def _judge(self, report: MomentDrillReport) -> None:
        self._say("the drill's report")
        for line in report.lines():
            print(line, file=self._show)
        if not report.check.ok:
            raise LabError("the restored rows are not those of the truth file up to the point")
        if report.asked != report.reached:
            raise LabError("the restore did not reach the point that was asked for")
        if report.old_addresses_seen:
            raise LabError("the new cluster knows addresses of the old one")

    def _say(self, what: str) -> None:
        print(f"\n==== {time.monotonic() - self._began:5.0f} s  {what}", file=self._show, flush=True)


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Run the drill from the command line; 0 if every point held."""
    parser = argparse.ArgumentParser(prog="python -m lab.drill_moment", description=__doc__)
    parser.add_argument("--root", type=Path, default=_CHECKOUT / ".lab" / "drill-moment", help="emptied at the start")
    parser.add_argument("--version", default="5.0.8", help="of Cassandra (default: %(default)s)")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--certificates", type=int, default=5_000)
    parser.add_argument("--interval-seconds", type=float, default=5.0, help="at which agents ship")
    options = parser.parse_args(arguments)
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(143))
    clear(options.root)
    settings = MomentDrillSettings(
        root=options.root.resolve(),
        version=options.version,
        nodes=options.nodes,
        certificates=options.certificates,
        interval_seconds=options.interval_seconds,
    )
    began_us = now_us()
    try:
        run_moment_drill(settings, show=sys.stdout)
    except LabError as error:
        print(f"\nThe drill FAILED: {error}", file=sys.stderr)
        return 1
    print(f"\nThe drill went well, in {(now_us() - began_us) / 1e6:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
