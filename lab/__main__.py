# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line: ``python -m lab``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
import typing as t
from pathlib import Path

from cassandra import ConsistencyLevel

from lab.checker import check
from lab.cluster import Cluster
from lab.distribution import CASSANDRA_5_0, VERSIONS
from lab.errors import LabError
from lab.inventory import Repository, write_inventory
from lab.node import Node
from lab.s3 import S3Server
from lab.truth import read_truth
from lab.writer import Writer, keep_writing, load, set_up_schema

_CHECKOUT = Path(__file__).parent.parent


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 done, 1 the lab could not, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    options.root.mkdir(parents=True, exist_ok=True)
    (options.root / ".gitignore").write_text("*\n", encoding="utf-8")
    try:
        return int(options.run(options) or 0)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab", description="Real Cassandra clusters and a real S3 server on this machine."
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=_CHECKOUT / ".lab",
        help="directory of the lab's state (default: .lab in the checkout)",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(
        name: str, run: t.Callable[[argparse.Namespace], int | None], help_text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_text, description=help_text)
        added.set_defaults(run=run)
        return added

    up = command("up", _up, "create a cluster if there is none of that name, start it, wait until it serves")
    _add_cluster(up)
    up.add_argument(
        "--version", default=CASSANDRA_5_0, help=f"of Cassandra: {', '.join(VERSIONS)} (default: %(default)s)"
    )
    up.add_argument("--nodes", type=int, default=3, help="default: %(default)s")
    up.add_argument("--cluster-name", help="what Cassandra calls it (default: the lab's name for it)")
    up.add_argument("--num-tokens", type=int, default=8, help="per node (default: %(default)s)")
    up.add_argument("--racks", nargs="+", metavar="RACK", help="one per node (default: r1 r2 r3 r1 ...)")
    up.add_argument("--datacenters", nargs="+", metavar="DC", help="one per node (default: dc1 for all)")
    up.add_argument("--hardened", action="store_true", help="with certificates for everybody and a password for JMX")
    up.add_argument("--no-start", action="store_true", help="lay it out only, as new and empty machines")

    down = command("down", _down, "end everything of this lab; clusters and data stay, unless --destroy")
    down.add_argument("--cluster", help="only this cluster, and not the S3 server")
    down.add_argument("--destroy", action="store_true", help="remove clusters, buckets and data too")

    status = command("status", _status, "list clusters, nodes and S3 servers; exit status 1 if something is down")
    status.add_argument("--json", action="store_true", help="as JSON, without passwords")

    for name, action, help_text in (
        ("start", Node.start, "start nodes and wait until they accept CQL connections"),
        ("stop", Node.stop, "stop nodes gracefully"),
        ("kill", Node.kill, "end nodes with SIGKILL, as a crash does"),
        (
            "wipe",
            Node.wipe,
            "empty the data, commit-log, hint and cache directories of stopped nodes, as new disks would be",
        ),
    ):
        nodes = command(name, _on_nodes, help_text)
        nodes.set_defaults(action=action)
        _add_cluster(nodes)
        nodes.add_argument("nodes", nargs="*", metavar="NODE", help="such as n1 (default: all)")

    nodetool = command("nodetool", _nodetool, "run Cassandra's nodetool against one node")
    nodetool.add_argument("node", help="such as lab-n1: the cluster's name and the node's number")
    nodetool.add_argument("arguments", nargs=argparse.REMAINDER, help="nodetool's own")

    s3 = command("s3", _s3, "start an S3 server if it does not run, and say how to reach it")
    s3.add_argument("--name", default="s3", help="of the server, where there are several (default: %(default)s)")
    s3.add_argument("--bucket", action="append", default=[], help="to create, if it is not there; can be repeated")
    s3.add_argument("--show-secret", action="store_true", help="print the secret key too")

    inventory = command("inventory", _inventory, "write an Ansible inventory of clusters of this lab")
    inventory.add_argument("clusters", nargs="+", metavar="CLUSTER")
    inventory.add_argument("--output", type=Path, help="default: inventory.yml in the lab's directory")
    inventory.add_argument("--s3", default="s3", help="name of the S3 server (default: %(default)s)")
    inventory.add_argument("--bucket", default="backups", help="default: %(default)s")
    inventory.add_argument("--prefix", default="lab", help="of the backups in the bucket (default: %(default)s)")
    write = command("write", _write, "load certificates, or keep writing in the background; keeps a truth file")
    _add_cluster(write)
    write.add_argument("--truth", type=Path, help="to append to (default: writers/CLUSTER/truth.jsonl in the lab)")
    write.add_argument("--load", type=int, metavar="CERTIFICATES", help="write so many, fast, and return")
    write.add_argument("--no-counting", action="store_true", help="leave counters alone")
    write.add_argument("--rate", type=float, default=50.0, help="writes per second (default: %(default)s)")
    write.add_argument("--stop", action="store_true", help="stop the writer in the background")
    write.add_argument(
        "--foreground", action="store_true", help="keep writing in this process, until SIGTERM or ctrl-C"
    )

    checking = command(
        "check", _check, "compare a cluster with a truth file, row by row, at ALL; exit status 1 if it differs"
    )
    _add_cluster(checking)
    checking.add_argument("--truth", type=Path, help="default: that of the cluster's writer")
    checking.add_argument("--until-us", type=int, metavar="MICROSECONDS", help="since 1970: the restored moment")
    checking.add_argument(
        "--exact", action="store_true", help="restored to that moment, not from a snapshot begun then"
    )
    return parser


def _add_cluster(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cluster", default="lab", help="the lab's name for the cluster (default: %(default)s)")


def _up(options: argparse.Namespace) -> None:
    if options.cluster in Cluster.names(options.root):
        cluster = Cluster.load(options.root, options.cluster)
    else:
        cluster = Cluster.create(
            root=options.root,
            name=options.cluster,
            version=options.version,
            nodes=options.nodes,
            cluster_name=options.cluster_name,
            num_tokens=options.num_tokens,
            racks=options.racks,
            datacenters=options.datacenters,
            hardened=options.hardened,
        )
        aside = Writer.set_aside(root=options.root, name=cluster.name)
        if aside:
            print(f"{cluster.name}: the truth of the earlier cluster of that name is now {aside}")
    if options.no_start:
        print(f"{cluster.name}: Cassandra {cluster.version} on {len(cluster.nodes)} nodes, not started")
        return
    began = time.monotonic()
    cluster.start()
    addresses = ", ".join(node.address for node in cluster.nodes)
    print(f"{cluster.name}: Cassandra {cluster.version} serves on {addresses} ({time.monotonic() - began:.0f} s)")


def _down(options: argparse.Namespace) -> None:
    for name in Writer.names(options.root):
        if options.cluster in (None, name):
            Writer.load(options.root, name).stop()
    names = [options.cluster] if options.cluster else Cluster.names(options.root)
    for name in names:
        cluster = Cluster.load(options.root, name)
        if options.destroy:
            cluster.destroy()
        else:
            cluster.stop()
        print(f"{name}: {'destroyed' if options.destroy else 'stopped'}")
    if options.cluster:
        return
    if options.destroy:
        for name in Writer.names(options.root):
            Writer.load(options.root, name).destroy()
    for name in S3Server.names(options.root):
        server = S3Server.load(options.root, name)
        if options.destroy:
            server.destroy()
        else:
            server.stop()
        print(f"{name}: {'destroyed' if options.destroy else 'stopped'}")


def _status(options: argparse.Namespace) -> int:
    clusters = [Cluster.load(options.root, name) for name in Cluster.names(options.root)]
    servers = [S3Server.load(options.root, name) for name in S3Server.names(options.root)]
    report = {
        "clusters": [
            {
                "name": cluster.name,
                "version": cluster.version,
                "cluster_name": cluster.cluster_name,
                "nodes": [
                    {
                        "name": node.name,
                        "address": node.address,
                        "datacenter": node.datacenter,
                        "rack": node.rack,
                        "jmx_port": node.jmx_port,
                        "pid": node.pid,
                        "serves": node.is_serving(),
                        "directory": str(node.directory),
                    }
                    for node in cluster.nodes
                ],
            }
            for cluster in clusters
        ],
        "s3": [{"name": one.directory.name, "endpoint_url": one.endpoint_url, "pid": one.pid} for one in servers],
    }
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        _print_status(report=report)
    everything_runs = all(node.is_serving() for cluster in clusters for node in cluster.nodes)
    return 0 if everything_runs and all(server.is_running() for server in servers) else 1


def _print_status(*, report: t.Mapping[str, t.Any]) -> None:
    for cluster in report["clusters"]:
        print(f"{cluster['name']}: Cassandra {cluster['version']}, cluster name {cluster['cluster_name']!r}")
        for node in cluster["nodes"]:
            state = "serves" if node["serves"] else "starting" if node["pid"] else "down"
            place = f"{node['datacenter']:<6} {node['rack']:<6}"
            print(f"  {node['name']:<12} {node['address']:<14} {place} {state:<9} {node['directory']}")
    for server in report["s3"]:
        print(f"{server['name']}: {server['endpoint_url']} {'serves' if server['pid'] else 'down'}")
    if not report["clusters"] and not report["s3"]:
        print("nothing here")


def _on_nodes(options: argparse.Namespace) -> None:
    cluster = Cluster.load(options.root, options.cluster)
    wanted = [_node(cluster=cluster, name=name) for name in options.nodes] or cluster.nodes
    for node in wanted:
        options.action(node)


def _nodetool(options: argparse.Namespace) -> None:
    cluster = Cluster.load(options.root, options.node.partition("-")[0])
    print(_node(cluster=cluster, name=options.node).nodetool(*options.arguments), end="")


def _node(*, cluster: Cluster, name: str) -> Node:
    for node in cluster.nodes:
        if name in (node.name, node.directory.name):
            return node
    raise LabError(f"{cluster.name} has no node {name!r}; it has {', '.join(node.name for node in cluster.nodes)}")


def _s3(options: argparse.Namespace) -> None:
    server = S3Server.start(root=options.root, name=options.name)
    for bucket in options.bucket:
        server.create_bucket(bucket)
    print(f"endpoint {server.endpoint_url}\nregion {server.region}\naccess key id {server.access_key_id}")
    print(f"secret access key {server.secret_access_key if options.show_secret else '(--show-secret)'}")


def _write(options: argparse.Namespace) -> None:
    if options.stop:
        print(Writer.load(options.root, options.cluster).stop())
        return
    cluster = Cluster.load(options.root, options.cluster)
    truth_path = _truth_path(options)
    if options.load is not None:
        began = time.monotonic()
        rows = load(cluster=cluster, truth_path=truth_path, certificates=options.load)
        print(f"{rows} writes, {options.load} of them certificates, in {time.monotonic() - began:.0f} s; {truth_path}")
    elif options.foreground:
        _write_in_foreground(
            cluster=cluster, truth_path=truth_path, rate=options.rate, counting=not options.no_counting
        )
    else:
        set_up_schema(cluster=cluster)
        writer = Writer.start(root=options.root, cluster=cluster, truth_path=truth_path, writes_per_second=options.rate)
        print(f"writing to {cluster.name}: process {writer.pid}, truth in {writer.truth_path}")


def _truth_path(options: argparse.Namespace) -> Path:
    if options.truth:
        return Path(options.truth)
    if options.cluster in Writer.names(options.root):
        return Writer.load(options.root, options.cluster).truth_path
    return Path(options.root, "writers", options.cluster) / "truth.jsonl"


def _write_in_foreground(*, cluster: Cluster, truth_path: Path, rate: float, counting: bool) -> None:
    stop = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda _number, _frame: stop.set())
    attempted, acknowledged = keep_writing(
        cluster=cluster,
        truth_path=truth_path,
        writes_per_second=rate,
        stop=stop,
        consistency=ConsistencyLevel.LOCAL_QUORUM,
        counting=counting,
    )
    print(f"{attempted} writes attempted, {acknowledged} acknowledged")


def _check(options: argparse.Namespace) -> int:
    cluster = Cluster.load(options.root, options.cluster)
    path = _truth_path(options)
    if not path.exists():
        raise LabError(f"there is no truth file {path}")
    with cluster.session() as session:
        result = check(session, read_truth(path), until_us=options.until_us, exact=options.exact)
    print(result.summary())
    return 0 if result.ok else 1


def _inventory(options: argparse.Namespace) -> None:
    server = S3Server.start(root=options.root, name=options.s3)
    server.create_bucket(options.bucket)
    path = write_inventory(
        path=options.output or options.root / "inventory.yml",
        clusters=[Cluster.load(options.root, name) for name in options.clusters],
        repository=Repository(server=server, bucket=options.bucket, prefix=options.prefix),
    )
    print(path)


if __name__ == "__main__":
    sys.exit(main())
