# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: a cluster with certificates is backed up twice, lost altogether, and rebuilt from the bucket alone.

``make drill`` runs it. Everything is real: Cassandra, the S3 server, Ansible, the writer that goes on throughout. It
ends well only if every point that it prints holds.

With ``--encrypted`` the commit log is archived too, all data is encrypted before it leaves a node, and the cluster is
rebuilt to a moment after the second backup. The identity is in no file until the old nodes are gone.

With ``--missing-node`` the last node is down from before the second backup on, which has to say that it is degraded.
The node that takes its place gets everything from the others, before anything is counted.
"""

from __future__ import annotations

import dataclasses
import random
import sys
import typing as t
from pathlib import Path

from cassandra import ConsistencyLevel

from lab.age_keys import AgeKeys
from lab.archiving import covered_until_us, ship_now
from lab.checker import CheckResult, check
from lab.cluster import Cluster
from lab.drill_frame import DrillFrame, FrameSettings, addresses_seen, argument_parser, run_to_its_end
from lab.errors import LabError
from lab.playbook import PlaybookRun
from lab.truth import Write, moment_text, now_us, read_truth

FIRST = "drill_first"
SECOND = "drill_second"
_CERTIFICATES = 20_000
#: What had its timestamp when coverage ended may have been acknowledged after that, and is lost with the cluster.
_IN_FLIGHT_US = 1_000_000


@dataclasses.dataclass(frozen=True)
class DrillReport:
    """What the drill saw.

    :param first_backup: totals of the first backup's manifest; ``second_backup`` those of the second.
    :param restore_point: what the cluster was rebuilt to.
    :param recovery_seconds: from the start of the restore's playbook to its end.
    :param alone: what the node has that took the place of the missing one.
    """

    version: str
    writes_acknowledged: int
    first_backup: t.Mapping[str, int]
    second_backup: t.Mapping[str, int]
    backup_seconds: tuple[float, float]
    restore_point: str
    recovery_seconds: float
    check: CheckResult
    old_addresses_seen: tuple[str, ...]
    alone: CheckResult | None = None

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        return [
            f"Cassandra {self.version}; {self.writes_acknowledged} acknowledged writes in the truth file",
            f"first backup: {_totals(self.first_backup)}, {self.backup_seconds[0]:.0f} s",
            f"second backup: {_totals(self.second_backup)}, {self.backup_seconds[1]:.0f} s",
            f"rebuilt on new nodes to {self.restore_point} in {self.recovery_seconds:.0f} s",
            *([f"row by row at ONE, on the node that had no data: {self.alone.summary()}"] if self.alone else []),
            f"row by row at ALL: {self.check.summary()}",
            f"old addresses in peers and gossip: {', '.join(self.old_addresses_seen) or 'none'}",
        ]


def run_drill(settings: FrameSettings, *, show: t.TextIO) -> DrillReport:
    """Run the drill.

    :raises LabError: at the first point that does not hold; what was started is ended.
    """
    with DrillFrame(settings, show=show) as drill:
        report = _run(drill)
        drill.report(report.lines())
    if not report.check.ok or (report.alone and not report.alone.ok):
        raise LabError("the restored rows are not those of the truth file")
    if report.old_addresses_seen:
        raise LabError("the new cluster knows addresses of the old one")
    return report


def _run(drill: DrillFrame) -> DrillReport:
    old = drill.start_old_cluster(archiving=drill.settings.encrypted)
    writer = drill.start_writer(old)
    if drill.settings.encrypted:
        drill.say("turning archiving on, encrypted, while clients write")
        drill.play("enable_archiving", old)
    drill.say("the first backup, while clients write")
    first = drill.play("backup", old, backup_tag=FIRST)
    drill.let_it_write(more_bytes=100_000)
    second = _second_backup(drill, old)
    first_totals, manifest = drill.manifest(FIRST)["totals"], drill.manifest(SECOND)
    _require_second_backup_to_share(first_totals, manifest["totals"])
    until_us = min(node["snapshot_began_us"] for node in manifest["nodes"])
    point = "latest"
    if drill.settings.encrypted:
        until_us = _moment_after_backup(drill, old)
        point = moment_text(until_us)
    drill.lose(old, writer=writer)

    new = drill.new_cluster(old)
    _require_encrypted(drill)
    if drill.keys is not None:
        _require_refusal_without_identity(drill, new, restore_point=point)
    if drill.repository.signing is not None:
        _require_refusal_of_a_changed_manifest(drill, new)
    drill.say(f"rebuilding on new nodes to {point}, from the bucket alone")
    restored = drill.play("disaster_recovery", new, restore_point=point, target_cluster="true")
    truth = read_truth(drill.truth_path)
    alone = _what_the_last_has(drill, new, truth=truth, until_us=until_us) if drill.settings.missing_node else None
    drill.say("comparing every row with the truth file, at CONSISTENCY ALL")
    with new.session(credentials=old.application) as session:
        result = check(session, truth, until_us=until_us, exact=drill.settings.encrypted)
    return DrillReport(
        version=drill.settings.version,
        writes_acknowledged=sum(write.acknowledged_us is not None for write in truth),
        first_backup=first_totals,
        second_backup=manifest["totals"],
        backup_seconds=(first.seconds, second.seconds),
        restore_point=point,
        recovery_seconds=restored.seconds,
        check=result,
        alone=alone,
        old_addresses_seen=addresses_seen(new, old_addresses=[node.address for node in old.nodes]),
    )


def _second_backup(drill: DrillFrame, old: Cluster) -> PlaybookRun:
    """The backup that the cluster is rebuilt from; without the last node, if that is asked for."""
    if not drill.settings.missing_node:
        drill.say("the second backup, while clients write")
        return drill.play("backup", old, backup_tag=SECOND, backup_count_rows="true")
    last = old.nodes[-1]
    drill.say(f"kill -9 of {last.name}; the others go on, and clients write at QUORUM")
    last.kill()
    drill.say("a backup of all nodes or of none, which has to be refused")
    drill.require_refused("backup", old, saying=last.name, backup_tag="drill_none", backup_missing_nodes="none")
    drill.let_it_write(more_bytes=50_000)
    drill.say(f"the second backup, while clients write, without {last.name}")
    second = drill.require_refused(
        "backup", old, saying=f"DEGRADED: taken without {last.name}", backup_tag=SECOND, backup_count_rows="true"
    )
    missing = [each["name"] for each in drill.manifest(SECOND)["degraded"]["missing"]]
    if missing != [last.name]:
        raise LabError(f"the manifest says that {missing} are missing")
    return second


def _what_the_last_has(drill: DrillFrame, new: Cluster, *, truth: t.Sequence[Write], until_us: int) -> CheckResult:
    """Compare what the node has that came back without data; it coordinates, and asks itself first."""
    last = new.nodes[-1]
    drill.say(f"comparing every row with the truth file, at CONSISTENCY ONE, on {last.name}")
    with new.session(nodes=[last]) as session:
        return check(session, truth, until_us=until_us, indexes=False, consistency=ConsistencyLevel.ONE)


def _moment_after_backup(drill: DrillFrame, old: Cluster) -> int:
    """A random moment that only the archived log leads to."""
    backed_up_us = now_us()
    drill.let_it_write(more_bytes=50_000)
    drill.say("shipping the commit log")
    ship_now(old)
    return random.SystemRandom().randrange(backed_up_us, covered_until_us(old) - _IN_FLIGHT_US)


def _require_encrypted(drill: DrillFrame) -> None:
    """Hold the bucket to what it should show: data and commit log are encrypted, or nothing is."""
    keys = [key for key in drill.keys_in_bucket() if key.startswith("data/") or "/segments/" in key]
    encrypted = [key for key in keys if key.endswith(".age")]
    if not keys or len(encrypted) != (len(keys) if drill.settings.encrypted else 0):
        raise LabError(f"{len(encrypted)} of {len(keys)} objects with data are encrypted")


def _require_refusal_without_identity(drill: DrillFrame, new: Cluster, *, restore_point: str) -> None:
    """Have the plan refused as long as one node has the identity of somebody else; then give all the right one."""
    last = new.nodes[-1].name
    AgeKeys.make().write(Path(drill.bring_identity(new)[last]))
    drill.say(f"planning, while {last} has a wrong identity")
    drill.require_refused(
        "disaster_recovery", new, saying=f"on {last} does not open", restore_point=restore_point, target_cluster="true"
    )
    _require_nothing_fetched(new)
    drill.bring_identity(new)


def _require_refusal_of_a_changed_manifest(drill: DrillFrame, new: Cluster) -> None:
    """Have a backup refused as long as its manifest has another byte than was signed; then put that right."""
    client = drill.repository.server.client()
    place = {"Bucket": drill.repository.bucket, "Key": f"{drill.repository.prefix}/backups/{SECOND}/manifest.json"}
    signed = client.get_object(**place)["Body"].read()
    client.put_object(**place, Body=signed.replace(b"certificate", b"certificatf", 1))
    drill.say("planning, while one byte of the manifest is not what was signed")
    drill.require_refused(
        "disaster_recovery", new, saying="is not signed, or was changed", restore_point=SECOND, target_cluster="true"
    )
    _require_nothing_fetched(new)
    client.put_object(**place, Body=signed)


def _require_nothing_fetched(new: Cluster) -> None:
    if any(any(node.directory.rglob(".revive")) for node in new.nodes):
        raise LabError("something was fetched although the plan was refused")


def _require_second_backup_to_share(first: t.Mapping[str, int], second: t.Mapping[str, int]) -> None:
    """Hold the second backup to what it should have uploaded: something, and not what was there."""
    shared = second["stored_size"] - second["new_stored_size"]
    if not 0 < second["new_stored_size"] < second["stored_size"] or shared < first["stored_size"] // 10:
        raise LabError(
            f"the second backup uploaded {second['new_stored_size']} of {second['stored_size']} bytes, "
            f"with {first['stored_size']} bytes there before"
        )


def _totals(totals: t.Mapping[str, int]) -> str:
    return (
        f"{_mib(totals['size'])} in {totals['files']} files; uploaded {_mib(totals['new_stored_size'])} "
        f"of {_mib(totals['stored_size'])}, {totals['new_objects']} of {totals['objects']} objects"
    )


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Run the drill from the command line; 0 if every point held."""
    parser = argument_parser(name="drill", description=__doc__, certificates=_CERTIFICATES)
    parser.add_argument("--encrypted", action="store_true", help="archive, encrypt, sign, and rebuild to a moment")
    parser.add_argument("--missing-node", action="store_true", help="have a node down when the last backup is taken")
    options = parser.parse_args(arguments)
    settings = FrameSettings(
        root=options.root.resolve(),
        version=options.version,
        nodes=options.nodes,
        certificates=options.certificates,
        encrypted=options.encrypted,
        missing_node=options.missing_node,
        signed=options.encrypted,
    )
    return run_to_its_end(lambda: run_drill(settings, show=sys.stdout), root=settings.root)


if __name__ == "__main__":
    sys.exit(main())
