# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Class data archives: Java's parsed classes, kept in a file, which saves about a quarter of every start.

Made once per version from a node that starts and stops, and from one nodetool. Where that fails, there is no archive
and Java starts without one: ``-Xshare:auto`` says so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
import signal
import subprocess
import tempfile
import typing as t
from pathlib import Path

from lab.addresses import Network, is_listening, release_network, reserve_network
from lab.cache import made_once
from lab.distribution import Distribution
from lab.errors import LabError
from lab.node_files import NodeLayout, NodeSettings, nodetool_options, server_options, write_node
from lab.processes import ProcessIdentity, wait_until

# To be changed with the files made here.
_FORMAT = b"server and nodetool"
_DAEMON = "org.apache.cassandra.service.CassandraDaemon"
_FIRST_THAT_ARCHIVES_AT_EXIT = 13
_NODETOOL = "org.apache.cassandra.tools.NodeTool"


def ensure_class_data_archives(*, distribution: Distribution) -> Path:
    """Return the directory of ``server.jsa`` and ``nodetool.jsa`` of this version; either may be missing."""
    return made_once(
        name=f"class-data/{distribution.version}-{_identity(distribution=distribution)}",
        make=lambda directory: _make_archives(distribution=distribution, into=directory),
    )


def _identity(*, distribution: Distribution) -> str:
    """Return what changes with the Java and the jars that an archive is for: Java ignores archives of any other."""
    releases = [
        java.parent.parent.joinpath("release").read_bytes() for java in (distribution.java, distribution.nodetool_java)
    ]
    jars = "\n".join(map(str, distribution.jars)).encode()
    return hashlib.sha256(b"".join(releases) + jars + _FORMAT).hexdigest()[:12]


def _make_archives(*, distribution: Distribution, into: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="revive-lab-") as name:
        scratch = Path(name)
        network = reserve_network(owner=scratch)
        try:
            _Maker(distribution=distribution, network=network, scratch=scratch, into=into).make()
        except (LabError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or b""
            (into / "failure.txt").write_text(f"{error}\n{said.decode(errors='replace')}", encoding="utf-8")
        finally:
            release_network(network=network, owner=scratch)


@dataclasses.dataclass(frozen=True)
class _Maker:
    """One node of its own, run for the classes it loads."""

    distribution: Distribution
    network: Network
    scratch: Path
    into: Path

    def make(self) -> None:
        layout = NodeLayout(directory=self.scratch, data_directory_count=1)
        # A class path with a directory in it cannot be archived, so there is no file for a better snitch.
        settings = NodeSettings(
            cluster_name="class data",
            datacenter="datacenter1",
            rack="rack1",
            address=self.network.address(node=1),
            native_port=9042,
            storage_port=7000,
            jmx_port=self.network.jmx_port(node=1),
            seeds=(self.network.address(node=1),),
            num_tokens=8,
            heap_mib=448,
            snitch="SimpleSnitch",
        )
        write_node(
            layout=layout, settings=settings, distribution=self.distribution, class_data_archives=self.scratch / "none"
        )
        server = server_options(layout=layout, settings=settings, distribution=self.distribution, archive=None)
        nodetool = nodetool_options(layout=layout, distribution=self.distribution, archive=None)
        record = self._recording(name="nodetool", java_release=17)
        words = (*nodetool, record, _NODETOOL, "-p", str(settings.jmx_port), "status")
        record = self._recording(name="server", java_release=self.distribution.java_release)
        with self._running(words=(*server, record, _DAEMON), settings=settings):
            subprocess.run([self.distribution.nodetool_java, *words], check=True, capture_output=True)
        if self.distribution.java_release < _FIRST_THAT_ARCHIVES_AT_EXIT:
            self._dump(name="server", options=server)
        for archive in self.scratch.glob("*.jsa"):
            shutil.move(archive, self.into)

    @contextlib.contextmanager
    def _running(self, *, words: t.Sequence[str], settings: NodeSettings) -> t.Iterator[None]:
        process = subprocess.Popen(
            [self.distribution.java, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        identity = ProcessIdentity.of(pid=process.pid)
        try:
            wait_until(
                lambda: process.poll() is not None or is_listening(address=settings.address, port=settings.native_port),
                timeout_seconds=180,
                what="a first node, to record its classes",
            )
            yield
            process.terminate()
            process.wait(timeout=120)
        finally:
            if identity is not None and identity.is_running():
                process.send_signal(signal.SIGKILL)
            process.wait()

    def _recording(self, *, name: str, java_release: int) -> str:
        if java_release < _FIRST_THAT_ARCHIVES_AT_EXIT:
            return f"-XX:DumpLoadedClassList={self.scratch / name}.classes"
        return f"-XX:ArchiveClassesAtExit={self.scratch / name}.jsa"

    def _dump(self, *, name: str, options: t.Sequence[str]) -> None:
        words = [word for word in options if not word.startswith("-Xshare")]
        subprocess.run(
            [
                self.distribution.java,
                "-Xshare:dump",
                f"-XX:SharedClassListFile={self.scratch / name}.classes",
                f"-XX:SharedArchiveFile={self.scratch / name}.jsa",
                *words,
            ],
            check=True,
            capture_output=True,
        )
