# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What drills have in common: a store, a cluster that clients write to, its loss, new nodes, and a command line."""

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

from lab.age_keys import AgeKeys
from lab.archiving import prepare_archiving
from lab.cluster import Cluster
from lab.distribution import CASSANDRA_5_0
from lab.errors import LabError
from lab.inventory import Repository, write_inventory
from lab.leftovers import destroy_all
from lab.playbook import PlaybookRun, run_playbook
from lab.s3 import S3Server
from lab.signing_key import SigningKey
from lab.truth import wait_until_grown
from lab.writer import Writer, load

_CHECKOUT = Path(__file__).parent.parent
_BUCKET = "certificate-backups"
_PREFIX = "production"


@dataclasses.dataclass(frozen=True)
class FrameSettings:
    """What is lost and rebuilt.

    :param root: the directory of all of it, empty.
    :param certificates: loaded before the first backup; the writer adds more.
    :param encrypted: whether all data is encrypted before it leaves a node.
    :param missing_node: whether the last node is down when the last backup is taken.
    :param hardened: whether both clusters are, as :mod:`lab.hardening` says.
    :param signed: whether backups are signed, and nothing else is restored.
    """

    root: Path
    version: str = CASSANDRA_5_0
    nodes: int = 3
    certificates: int = 20_000
    writes_per_second: float = 50.0
    encrypted: bool = False
    missing_node: bool = False
    hardened: bool = False
    signed: bool = False


class DrillFrame:
    """One run of a drill. What it starts is ended when its block is left.

    :ivar truth_path: what clients write down of each write.
    :ivar repository: the bucket, empty at first.
    :ivar keys: that it is encrypted for, if it is.
    """

    def __init__(self, settings: FrameSettings, *, show: t.TextIO) -> None:
        self.settings = settings
        self.show = show
        self.truth_path = settings.root / "truth.jsonl"
        self.keys = AgeKeys.make() if settings.encrypted else None
        self._identity_files: dict[str, str] = {}
        self._began = time.monotonic()
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> t.Self:
        self.say("starting an S3 server")
        with contextlib.ExitStack() as ending:
            server = S3Server.start(root=self.settings.root)
            ending.callback(server.destroy)
            server.create_bucket(_BUCKET)
            recipients = (self.keys.recipient,) if self.keys else ()
            signing = SigningKey.make(self.settings.root / "signing-key") if self.settings.signed else None
            self.repository = Repository(
                server=server, bucket=_BUCKET, prefix=_PREFIX, recipients=recipients, signing=signing
            )
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.close()

    def say(self, what: str) -> None:
        """Show what comes next, and how long all has taken so far."""
        print(f"\n==== {time.monotonic() - self._began:5.0f} s  {what}", file=self.show, flush=True)

    def start_old_cluster(self, *, archiving: bool = False) -> Cluster:
        """The cluster that will be lost, serving and loaded.

        :param archiving: whether it needs no restart when archiving is turned on.
        """
        old = self._cluster("old", cluster_name="Certificates")
        if archiving:
            prepare_archiving(old)
        self.say(f"starting {self.settings.nodes} nodes of Cassandra {self.settings.version}")
        old.start()
        self.say(f"loading {self.settings.certificates} certificates")
        load(cluster=old, truth_path=self.truth_path, certificates=self.settings.certificates)
        return old

    def start_writer(self, cluster: Cluster) -> Writer:
        """Clients that write to all nodes, and keep what was acknowledged, until they are ended."""
        writer = Writer.start(
            root=self.settings.root,
            cluster=cluster,
            truth_path=self.truth_path,
            writes_per_second=self.settings.writes_per_second,
        )
        self._ending.callback(writer.kill)
        return writer

    def let_it_write(self, *, more_bytes: int) -> None:
        """Return when the truth file has grown."""
        self.say("waiting for more writes")
        wait_until_grown(self.truth_path, more_bytes=more_bytes)

    def play(self, name: str, cluster: Cluster, **variables: t.Any) -> PlaybookRun:
        """Run a playbook of the collection on a cluster.

        :raises LabError: it failed.
        """
        run = self._play(name, cluster, variables)
        if run.exit_status != 0:
            raise LabError(f"the playbook {name} failed, see above")
        return run

    def require_refused(self, name: str, cluster: Cluster, *, saying: str, **variables: t.Any) -> PlaybookRun:
        """Run a playbook that has to fail, and say why.

        :raises LabError: it did not.
        """
        run = self._play(name, cluster, variables)
        if run.exit_status == 0 or saying not in run.output:
            raise LabError(f"the playbook {name} was not refused with {saying!r}, see above")
        return run

    def _play(self, name: str, cluster: Cluster, variables: t.Mapping[str, t.Any]) -> PlaybookRun:
        return run_playbook(
            name,
            inventory=write_inventory(
                path=self.settings.root / f"inventory-{cluster.name}.yml",
                clusters=[cluster],
                repository=self.repository,
                identity_files=self._identity_files,
            ),
            directory=self.settings.root / "ansible",
            variables=variables,
            show=self.show,
        )

    def bring_identity(self, cluster: Cluster) -> dict[str, str]:
        """Put the identity on nodes, where playbooks find it from now on; the paths by the nodes' names."""
        if self.keys is not None:
            self._identity_files = self.keys.give_to(cluster)
        return self._identity_files

    def lose(self, old: Cluster, *, writer: Writer) -> None:
        """End all nodes, and their agents, at once, while clients write; their disks go too."""
        self.say("the disaster: kill -9 of all nodes, their disks destroyed, while clients write")
        old.lose()
        writer.kill()

    def new_cluster(self, old: Cluster) -> Cluster:
        """Nodes that were never started, with other addresses and another cluster name."""
        new = self._cluster("new", cluster_name="Certificates rebuilt")
        shared = {node.address for node in old.nodes} & {node.address for node in new.nodes}
        if shared:
            raise LabError(f"the new nodes have addresses of the old ones: {', '.join(sorted(shared))}")
        return new

    def manifest(self, tag: str) -> dict[str, t.Any]:
        """The manifest of a backup, as it is in the bucket."""
        client = self.repository.server.client()
        body = client.get_object(Bucket=_BUCKET, Key=f"{_PREFIX}/backups/{tag}/manifest.json")["Body"]
        return t.cast("dict[str, t.Any]", json.loads(body.read()))

    def keys_in_bucket(self) -> list[str]:
        """All keys of the repository, without its prefix."""
        pages = self.repository.server.client().get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=_BUCKET, Prefix=f"{_PREFIX}/")
        return [entry["Key"][len(_PREFIX) + 1 :] for page in found for entry in page.get("Contents", ())]

    def report(self, lines: t.Sequence[str]) -> None:
        """Show a report."""
        self.say("the drill's report")
        print(*lines, sep="\n", file=self.show)

    def _cluster(self, name: str, *, cluster_name: str) -> Cluster:
        cluster = Cluster.create(
            root=self.settings.root,
            name=name,
            version=self.settings.version,
            nodes=self.settings.nodes,
            cluster_name=cluster_name,
            hardened=self.settings.hardened,
        )
        self._ending.callback(cluster.destroy)
        return cluster


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


def argument_parser(*, name: str, description: str | None, certificates: int) -> argparse.ArgumentParser:
    """The options that every drill has."""
    parser = argparse.ArgumentParser(prog=f"python -m lab.{name}", description=description)
    root = _CHECKOUT / ".lab" / name.replace("_", "-")
    parser.add_argument("--root", type=Path, default=root, help="emptied at the start")
    parser.add_argument("--version", default=CASSANDRA_5_0, help="of Cassandra (default: %(default)s)")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--certificates", type=int, default=certificates)
    return parser


def run_to_its_end(drill: t.Callable[[], object], *, root: Path) -> int:
    """Run a drill in an empty directory from the command line; 0 if every point held."""
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(143))
    _clear(root)
    began = time.monotonic()
    try:
        drill()
    except LabError as error:
        print(f"\nThe drill FAILED: {error}", file=sys.stderr)
        return 1
    print(f"\nThe drill went well, in {time.monotonic() - began:.0f} s.")
    return 0


def _clear(root: Path) -> None:
    """End what an earlier run that was killed left there, and empty the directory."""
    destroy_all(root)
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
