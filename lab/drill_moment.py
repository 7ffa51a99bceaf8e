# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill to a moment: a cluster that archives its log is lost under load, and rebuilt to a random microsecond.

``make drill-moment`` runs it. As in the other drill everything is real, and it ends well only if the rebuilt cluster
holds exactly what clients wrote with timestamps up to that microsecond.
"""

from __future__ import annotations

import dataclasses
import random
import re
import sys
import typing as t

from lab.archiving import covered_until_us
from lab.checker import CheckResult, check
from lab.drill_frame import DrillFrame, FrameSettings, addresses_seen, argument_parser, run_to_its_end
from lab.errors import LabError
from lab.truth import moment_text, now_us, read_truth

_BASE = "drill_base"
_CERTIFICATES = 5_000
#: What had its timestamp when coverage ended may have been acknowledged after that, and is lost with the cluster.
_IN_FLIGHT_US = 1_000_000
REACHED = re.compile(r"Moment asked for (?P<asked>\S+), reached (?P<reached>\S+): (?P<seconds>[0-9.]+) s before it")
REPLAYED = re.compile(r"\d+ updates replayed in [^\"]+ of a later schema")


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


def run_moment_drill(settings: FrameSettings, *, interval_seconds: float, show: t.TextIO) -> MomentDrillReport:
    """Run the drill.

    :param interval_seconds: at which agents ship.
    :raises LabError: at the first point that does not hold; what was started is ended.
    """
    with DrillFrame(settings, show=show) as drill:
        report = _run(drill, interval_seconds=interval_seconds)
        drill.report(report.lines())
    if not report.check.ok:
        raise LabError("the restored rows are not those of the truth file up to the point")
    if report.asked != report.reached:
        raise LabError("the restore did not reach the point that was asked for")
    if report.old_addresses_seen:
        raise LabError("the new cluster knows addresses of the old one")
    return report


def _run(drill: DrillFrame, *, interval_seconds: float) -> MomentDrillReport:
    old = drill.start_old_cluster()
    writer = drill.start_writer(old)
    drill.say("turning archiving on, while clients write")
    drill.play("enable_archiving", old, archive_interval_seconds=interval_seconds)
    drill.say("the base, while clients write")
    drill.play("backup", old, backup_tag=_BASE)
    base_us = now_us()
    drill.let_it_write(more_bytes=200_000)
    covered_us, lost_us = covered_until_us(old), now_us()
    drill.lose(old, writer=writer)
    moment_us = random.SystemRandom().randrange(base_us, covered_us - _IN_FLIGHT_US)

    new = drill.new_cluster(old)
    drill.say(f"rebuilding on new nodes to {moment_text(moment_us)}, from the bucket alone")
    restored = drill.play("disaster_recovery", new, restore_point=moment_text(moment_us), target_cluster="true")
    drill.say("comparing every row with the truth file, at CONSISTENCY ALL")
    truth = read_truth(drill.truth_path)
    with new.session(credentials=old.application) as session:
        result = check(session, truth, until_us=moment_us, exact=True)
    reached, replayed = REACHED.search(restored.output), REPLAYED.search(restored.output)
    if reached is None or replayed is None:
        raise LabError("the restore's report does not say which point it reached and what it replayed")
    return MomentDrillReport(
        version=drill.settings.version,
        writes_acknowledged=sum(write.acknowledged_us is not None for write in truth),
        asked=reached["asked"],
        reached=reached["reached"],
        behind_seconds=float(reached["seconds"]),
        replayed=replayed[0],
        archive_behind_seconds=(lost_us - covered_us) / 1e6,
        recovery_seconds=restored.seconds,
        check=result,
        old_addresses_seen=addresses_seen(new, old_addresses=[node.address for node in old.nodes]),
    )


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Run the drill from the command line; 0 if every point held."""
    parser = argument_parser(name="drill_moment", description=__doc__, certificates=_CERTIFICATES)
    parser.add_argument("--interval-seconds", type=float, default=5.0, help="at which agents ship")
    options = parser.parse_args(arguments)
    settings = FrameSettings(
        root=options.root.resolve(), version=options.version, nodes=options.nodes, certificates=options.certificates
    )
    return run_to_its_end(
        lambda: run_moment_drill(settings, interval_seconds=options.interval_seconds, show=sys.stdout),
        root=settings.root,
    )


if __name__ == "__main__":
    sys.exit(main())
