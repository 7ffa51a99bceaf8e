# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's hosts as an operator has them: playbooks from the controller, commands over ssh and sudo.

For tests that Molecule runs: it says in the environment where everything is.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import time
import typing as t
from pathlib import Path

import testinfra
from testinfra.host import Host

from lab.addresses import is_listening
from lab.playbook import PlaybookRun
from lab.processes import wait_until
from lab.s3 import S3Server
from lab.state_files import write_private

NAMES = ("n1", "n2", "n3")
CONTROLLER = "198.51.100.1"
BUCKET = "cassandra-backups"
USER, PASSWORD = "revive", "only-for-these-hosts"
ROWS = 2000

_CHECKOUT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
_SSH = f"-i {os.environ['HOSTS_SSH_KEY']} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
_PYTHON = "/opt/revive-cassandra/venv/bin/python"


def address(name: str) -> str:
    """Return a host's address."""
    return f"198.51.100.1{NAMES.index(name) + 1}"


def on(name: str) -> Host:
    """Return a host; commands run as root, by way of ssh and sudo."""
    return testinfra.get_host(f"ssh://deploy@{address(name)}", ssh_extra_args=_SSH, sudo=True)


@contextlib.contextmanager
def frozen(name: str) -> t.Iterator[None]:
    """Let a host hang: its addresses are there, and nothing answers."""
    _hosts("pause", name)
    try:
        yield
    finally:
        _hosts("unpause", name)


def _hosts(*words: str) -> None:
    subprocess.run([_CHECKOUT / "tools" / "hosts", *words], check=True, stdin=subprocess.DEVNULL)


class Operator:
    """Runs the collection's playbooks against the hosts, with the repository's variables in a file."""

    def __init__(self, server: S3Server) -> None:
        """Use this server's bucket."""
        self.server = server
        self._variables = {
            "backup_endpoint_url": server.endpoint_url,
            "backup_bucket": BUCKET,
            "backup_prefix": "hosts",
            "backup_region": server.region,
            "backup_access_key_id": server.access_key_id,
            "backup_secret_access_key": server.secret_access_key,
        }

    def play(self, name: str, *, freeze: tuple[str, str] | None = None, **variables: t.Any) -> PlaybookRun:
        """Run ``revive.cassandra.<name>``, or the playbook in a file, to its end.

        :param freeze: a task's name and a host, which hangs from the moment that the task begins, until the end.
        """
        path = EPHEMERAL / "variables.json"
        write_private(path=path, text=json.dumps({**self._variables, **variables}))
        command = [
            "ansible-playbook",
            "-i",
            os.environ["MOLECULE_INVENTORY_FILE"],
            "-e",
            f"@{path}",
            name if name.endswith(".yml") else f"revive.cassandra.{name}",
        ]
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false", "PYTHONUNBUFFERED": "1"}
        began = time.monotonic()
        lines: list[str] = []
        with contextlib.ExitStack() as ending:
            process = ending.enter_context(
                subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
            ending.callback(process.kill)
            for line in process.stdout or ():
                print(line, end="")
                lines.append(line)
                if freeze and line.startswith("TASK [") and f": {freeze[0]}]" in line:
                    ending.enter_context(frozen(freeze[1]))
                    freeze = None
            status = process.wait()
        assert freeze is None, f"no task {freeze[0]!r}"
        return PlaybookRun(name=name, exit_status=status, output="".join(lines), seconds=time.monotonic() - began)


class Service:
    """Cassandra on the three hosts."""

    def rows(
        self, *, consistency: str = "ALL", at: str = "n1", user: str = USER, password: str = PASSWORD
    ) -> dict[str, t.Any]:
        """Return how many rows each table has, and a digest of them, as that host reads them."""
        found = json.loads(self.script("read", consistency, at=at, user=user, password=password))
        found.pop("seconds")
        return dict(found)

    def wait_for_rows(self, rows: dict[str, t.Any], *, consistency: str) -> None:
        """Return when these are read. A node that hangs is asked until the others have noticed."""

        def are_there() -> bool:
            try:
                return self.rows(consistency=consistency) == rows
            except AssertionError as error:
                print(error)
                return False

        wait_until(are_there, timeout_seconds=240, what=f"the rows to be read at {consistency}")

    def script(self, *words: str, at: str = "n1", user: str = USER, password: str = PASSWORD) -> str:
        """Run ``files/rows.py`` on a host, with the node's own environment."""
        command = shlex.join([_PYTHON, "/opt/rows.py", address(at), user, password, *words])
        return str(on(at).check_output(command))

    def processes(self) -> dict[str, str]:
        """Return the process id of each host's unit and since when it runs: the same only if it was not restarted."""
        return {
            name: on(name).check_output(
                "systemctl show cassandra -p MainPID -p ActiveEnterTimestampMonotonic -p ActiveState"
            )
            for name in NAMES
        }

    def snapshots(self) -> dict[str, list[str]]:
        """Return the directories of snapshots that there are on each host."""
        return {
            name: on(name)
            .check_output("find /var/lib/cassandra/data -mindepth 4 -maxdepth 4 -path '*/snapshots/*'")
            .split()
            for name in NAMES
        }

    def start(self) -> None:
        """Start the seeds, then the third; make the users and the tables."""
        for group in (NAMES[:2], NAMES[2:]):
            for name in group:
                on(name).check_output("systemctl start cassandra")
            for name in group:
                self._wait_for_cql(name)
        wait_until(self._is_whole, timeout_seconds=180, what="three nodes to be up and normal")
        wait_until(self._is_set_up, timeout_seconds=120, what="Cassandra to have its first user")

    def _wait_for_cql(self, name: str) -> None:
        wait_until(
            lambda: is_listening(address=address(name), port=9042),
            timeout_seconds=240,
            what=f"{name} to accept CQL connections",
        )

    def _is_whole(self) -> bool:
        return all(on(name).run("nodetool status").stdout.count("\nUN ") == len(NAMES) for name in NAMES)

    def _is_set_up(self) -> bool:
        try:
            self.script("set-up", USER, PASSWORD, user="cassandra", password="cassandra")
        except AssertionError as error:
            print(error)
            return False
        return True


def require_rights() -> None:
    """Require all of Cassandra to be Cassandra's own, and its directories to be closed to others."""
    for name in NAMES:
        outside = "-path '*/.revive' -prune -o"
        strangers = on(name).check_output(
            f"find /var/lib/cassandra {outside} '(' -not -user cassandra -o -not -group cassandra ')' -print"
        )
        assert not strangers, f"not Cassandra's own on {name}: {strangers}"
        others = on(name).check_output(f"find /var/lib/cassandra/data {outside} -type d -not -perm 0750 -print")
        assert not others, f"directories on {name} that are not 0750: {others}"


class Backup(t.NamedTuple):
    """A backup's tag and run, and the rows that were there."""

    tag: str
    run: PlaybookRun
    rows: dict[str, t.Any]
