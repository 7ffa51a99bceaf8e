# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real S3 server: versitygw on a directory.

It refuses wrong credentials, bad checksums and false conditions as AWS does, keeps versions and locks, and is the
fastest of those tried. What it cannot do: a key that is a directory of another (``a`` beside ``a/b``), and path
segments over 255 bytes.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import shutil
import signal
import subprocess
import typing as t
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions

from lab.addresses import can_bind, is_listening, release_port, reserve_port
from lab.cache import made_once, run_tool
from lab.errors import LabError
from lab.processes import ProcessIdentity, wait_until
from lab.state_files import write_private

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"

_LOOPBACK = "127.0.0.1"
_REGION = "us-east-1"


@dataclasses.dataclass(frozen=True)
class S3Server:
    """An S3 server. Made and started with :meth:`start`, found again with :meth:`load`; its data outlives it."""

    directory: Path
    port: int
    region: str
    access_key_id: str
    secret_access_key: str = dataclasses.field(repr=False)
    address: str = _LOOPBACK

    @classmethod
    def start(cls, *, root: Path, name: str = "s3", address: str = _LOOPBACK) -> S3Server:
        """Start a server, or return the one that runs. One that was stopped comes back with its data, at its address.

        :param root: the lab's directory; several servers, known by their ``name``, share it.
        :param address: of this machine, where a new server listens; one that other hosts reach, if they are to use it.
        :raises LabError: it does not come up; with the end of its log.
        """
        known = name in cls.names(root)
        server = cls.load(root, name) if known else cls._create(root=root, name=name, address=address)
        if not server.is_running():
            server._run(binary=ensure_versitygw())
        return server

    @classmethod
    def load(cls, root: Path, name: str = "s3") -> S3Server:
        """Return a server that was started earlier, also by another process; it may be stopped now.

        :raises LabError: there is none of that name.
        """
        directory = root.resolve() / "s3" / name
        try:
            state = json.loads((directory / "server.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise LabError(f"there is no S3 server {name!r} in {root}") from error
        return cls(directory=directory, **state)

    @classmethod
    def names(cls, root: Path) -> tuple[str, ...]:
        """Return the names of the S3 servers in a lab's directory."""
        return tuple(sorted(path.parent.name for path in root.resolve().glob("s3/*/server.json")))

    @classmethod
    def _create(cls, *, root: Path, name: str, address: str) -> S3Server:
        directory = root.resolve() / "s3" / name
        for part in ("buckets", "versions", "users"):
            (directory / part).mkdir(parents=True, exist_ok=True)
        state = {
            "address": address,
            "port": reserve_port(owner=directory, address=address),
            "region": _REGION,
            "access_key_id": f"LAB{secrets.token_hex(8).upper()}",
            "secret_access_key": secrets.token_urlsafe(30),
        }
        write_private(path=directory / "server.json", text=json.dumps(state, indent=2) + "\n")
        return cls.load(root, name)

    @property
    def endpoint_url(self) -> str:
        """Return the URL that clients connect to."""
        return f"http://{self.address}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Return the id of the running process, None if the server is stopped."""
        process = self._process()
        return None if process is None else process.pid

    def is_running(self) -> bool:
        """Tell whether the server's process runs."""
        return self._process() is not None

    def client(self, *, access_key_id: str | None = None, secret_access_key: str | None = None) -> t.Any:
        """Return a boto3 client for this server, with its own credentials or with others."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=access_key_id or self.access_key_id,
            aws_secret_access_key=secret_access_key or self.secret_access_key,
            config=botocore.config.Config(
                s3={"addressing_style": "path"}, proxies={}, retries={"mode": "standard", "total_max_attempts": 3}
            ),
        )

    def create_bucket(self, name: str, *, object_lock: bool = False) -> None:
        """Create a bucket; nothing to do if it is there.

        :param object_lock: with versions, and locks possible.
        """
        client = self.client()
        try:
            client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=object_lock)
        except (client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
            return

    def stop(self) -> None:
        """Stop the server; nothing to do if it is stopped. Its data stays."""
        process = self._process()
        if process is not None:
            process.end(signal_number=signal.SIGTERM, timeout_seconds=30)

    def destroy(self) -> None:
        """Stop the server and remove its data."""
        self.stop()
        shutil.rmtree(self.directory)
        release_port(port=self.port, owner=self.directory)

    def _process(self) -> ProcessIdentity | None:
        process = ProcessIdentity.read(path=self.directory / "process")
        return process if process is not None and process.is_running() else None

    def _run(self, *, binary: Path) -> None:
        if not can_bind(address=self.address, port=self.port):
            raise LabError(f"port {self.port} of the S3 server in {self.directory} is taken by another process")
        log = self.directory / "server.log"
        command: list[str | Path] = [binary, "--quiet", "--iam-dir", self.directory / "users", "posix"]
        command += ["--versioning-dir", self.directory / "versions", self.directory / "buckets"]
        with log.open("ab") as output:
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={
                    **os.environ,
                    "VGW_PORT": f"{self.address}:{self.port}",
                    "VGW_REGION": self.region,
                    "ROOT_ACCESS_KEY_ID": self.access_key_id,
                    "ROOT_SECRET_ACCESS_KEY": self.secret_access_key,
                },
            )
        process = ProcessIdentity.of(pid=started.pid)
        if process is not None:
            process.write(path=self.directory / "process")
        wait_until(
            lambda: started.poll() is not None or is_listening(address=self.address, port=self.port),
            timeout_seconds=60,
            what="the S3 server to listen",
        )
        if started.poll() is not None:
            raise LabError(f"the S3 server ended at once:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


def ensure_versitygw() -> Path:
    """Return the server's binary, built once: the first time takes minutes."""
    name = "versitygw-" + VERSITYGW.rpartition("@")[2]
    return made_once(name=name, make=lambda directory: _build_versitygw(into=directory)) / "versitygw"


def _build_versitygw(*, into: Path) -> None:
    run_tool(command=["go", "install", VERSITYGW], purpose="building the S3 server", environment={"GOBIN": str(into)})
