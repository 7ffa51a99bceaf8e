# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill of tables: a bad deploy drops one table and damages another, and both come back as they were before it.

``make drill-table`` runs it. The cluster serves and is written to throughout. It ends well only if both tables hold
what clients had written up to the microsecond before the deploy, and what they have written since the restore, and if
the other tables have every write and their writers saw no error.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import typing as t

from cassandra import ConsistencyLevel

from lab.archiving import wait_until_covered
from lab.checker import CheckResult, Replaced, check
from lab.cluster import Cluster
from lab.drill_frame import DrillFrame, FrameSettings, argument_parser, run_to_its_end
from lab.emptied import replaced
from lab.errors import LabError
from lab.schema import AUDIT_LOG, CERTIFICATES, ISSUANCE_COUNTERS, KEYSPACE, OCSP_RESPONSES
from lab.truth import moment_text, now_us, read_truth

_BASE = "before_the_deploy"
_CERTIFICATES = 5_000
_DAMAGED = 500
_MORE_TRUTH_BYTES = 100_000
_FETCHED = re.compile(r"[0-9.]+ \w+ fetched, [0-9.]+ \w+ imported")
_OTHERS = (AUDIT_LOG, ISSUANCE_COUNTERS)


_SHOWN_FAILURES = 10


@dataclasses.dataclass(frozen=True)
class TableDrillReport:
    """What the drill saw.

    :param fetched: what the restore's own report says was fetched and imported.
    :param backup_bytes: of the whole backup that the restore began with.
    :param recovery_seconds: from the start of the restore's playbook to its end.
    :param failed: writes to all but the dropped table that were not acknowledged, each with its seconds from the
        restore's beginning; those of before the deploy, when nodes are restarted, are told and no fault of the restore.
    """

    version: str
    writes_acknowledged: int
    moment: str
    damaged_rows: int
    fetched: str
    backup_bytes: int
    recovery_seconds: float
    damaged: CheckResult
    dropped: CheckResult
    others: CheckResult
    failed: tuple[tuple[str, float], ...]
    deploy_seconds: float

    @property
    def ok(self) -> bool:
        """Whether every point held."""
        return self.damaged.ok and self.dropped.ok and self.others.ok and not self._failed_since

    @property
    def _failed_since(self) -> list[tuple[str, float]]:
        return [each for each in self.failed if each[1] >= self.deploy_seconds]

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        since = len(self._failed_since)
        return [
            f"Cassandra {self.version}; {self.writes_acknowledged} acknowledged writes in the truth file",
            f"the deploy dropped {OCSP_RESPONSES.name} and damaged {self.damaged_rows} rows of {CERTIFICATES.name}",
            f"both as of {self.moment}, the microsecond before, in {self.recovery_seconds:.0f} s while clients wrote",
            f"{self.fetched}; the whole backup has {self.backup_bytes / 2**20:.1f} MiB",
            f"{CERTIFICATES.name}, row by row at ALL: {self.damaged.summary()}",
            f"{OCSP_RESPONSES.name}, row by row at ALL: {self.dropped.summary()}",
            f"all other tables, everything that was ever written: {self.others.summary()}",
            f"writes to all other tables that failed since the deploy: {since}; before it: {len(self.failed) - since}",
            *(f"  {table}, {seconds:+.1f} s from the restore" for table, seconds in self.failed[:_SHOWN_FAILURES]),
        ]


def run_table_drill(settings: FrameSettings, *, show: t.TextIO) -> TableDrillReport:
    """Run the drill.

    :raises LabError: at the first point that does not hold; what was started is ended.
    """
    with DrillFrame(settings, show=show) as drill:
        report = _run(drill)
        drill.report(report.lines())
    if not report.ok:
        raise LabError("not everything is as it should be, see above")
    return report


def _run(drill: DrillFrame) -> TableDrillReport:
    cluster = drill.start_old_cluster()
    writer = drill.start_writer(cluster)
    drill.say("turning archiving on, while clients write")
    drill.play("enable_archiving", cluster)
    drill.say("the backup, while clients write")
    drill.play("backup", cluster, backup_tag=_BASE)
    drill.let_it_write(more_bytes=_MORE_TRUTH_BYTES)

    moment_us = now_us()
    drill.say(
        f"the deploy, right after {moment_text(moment_us)}: one table dropped, {_DAMAGED} rows of another damaged"
    )
    dropped_us = _deploy(cluster)
    drill.let_it_write(more_bytes=_MORE_TRUTH_BYTES)
    wait_until_covered(cluster, moment_us)

    drill.say("both tables back as of the moment before, while clients write")
    began_us = now_us()
    restored = drill.play(
        "restore_tables",
        cluster,
        restore_point=moment_text(moment_us),
        restore_tables=f"{KEYSPACE}.{CERTIFICATES.name},{KEYSPACE}.{OCSP_RESPONSES.name}",
        restore_mode="replace",
    )
    drill.let_it_write(more_bytes=_MORE_TRUTH_BYTES)
    writer.stop()
    drill.say("comparing every row with the truth file, at CONSISTENCY ALL")
    truth = read_truth(drill.truth_path)
    fetched = _FETCHED.search(restored.output)
    emptied = replaced(cluster, CERTIFICATES, from_us=moment_us, until_us=moment_us)
    with cluster.session(consistency=ConsistencyLevel.ALL) as session:
        damaged = check(session, truth, tables=[CERTIFICATES], replaced=emptied)
        made = Replaced(
            snapshot_began_us=moment_us,
            snapshot_ended_us=moment_us,
            emptied_from_us=dropped_us,
            emptied_until_us=_made_us(session),
        )
        dropped = check(session, truth, tables=[OCSP_RESPONSES], replaced=made)
        others = check(session, truth, tables=_OTHERS)
    elsewhere = {table.name for table in _OTHERS} | {CERTIFICATES.name}
    return TableDrillReport(
        version=drill.settings.version,
        writes_acknowledged=sum(write.acknowledged_us is not None for write in truth),
        moment=moment_text(moment_us),
        damaged_rows=_DAMAGED,
        fetched=fetched[0] if fetched else "the report does not say what was fetched",
        backup_bytes=int(drill.manifest(_BASE)["totals"]["size"]),
        recovery_seconds=restored.seconds,
        damaged=damaged,
        dropped=dropped,
        others=others,
        deploy_seconds=(moment_us - began_us) / 1e6,
        failed=tuple(
            (write.table, (write.timestamp_us - began_us) / 1e6)
            for write in truth
            if write.acknowledged_us is None and write.table in elsewhere
        ),
    )


def _deploy(cluster: Cluster) -> int:
    """What nobody wanted; when it began to drop."""
    with cluster.session(consistency=ConsistencyLevel.QUORUM) as session:
        rows = session.execute(f"SELECT serial FROM {CERTIFICATES.cql_name} LIMIT {_DAMAGED}")
        spoil = session.prepare(f"UPDATE {CERTIFICATES.cql_name} SET status = '', subject = null WHERE serial = ?")
        delete = session.prepare(f"DELETE FROM {CERTIFICATES.cql_name} WHERE serial = ?")
        for number, row in enumerate(list(rows)):
            session.execute(delete if number % 5 == 0 else spoil, (row.serial,))
        dropped_us = now_us()
        session.execute(f"DROP TABLE {OCSP_RESPONSES.cql_name}")
    return dropped_us


def _made_us(session: t.Any) -> int:
    """When the dropped table was made again."""
    row = session.execute(
        "SELECT writetime(id) FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s",
        (KEYSPACE, OCSP_RESPONSES.name),
    ).one()
    return int(row[0])


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Run the drill from the command line; 0 if every point held."""
    options = argument_parser(name="drill_table", description=__doc__, certificates=_CERTIFICATES).parse_args(arguments)
    settings = FrameSettings(
        root=options.root.resolve(), version=options.version, nodes=options.nodes, certificates=options.certificates
    )
    return run_to_its_end(lambda: run_table_drill(settings, show=sys.stdout), root=settings.root)


if __name__ == "__main__":
    sys.exit(main())
