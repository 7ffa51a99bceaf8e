# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests on hosts share: an S3 server, a cluster that is started once, and a backup of it."""

from __future__ import annotations

import shutil
import typing as t

import pytest

from lab.s3 import S3Server
from lab.systemd_hosts import BUCKET, CONTROLLER, EPHEMERAL, ROWS, Backup, Operator, Service


@pytest.fixture(scope="session")
def operator() -> t.Iterator[Operator]:
    """Return somebody who runs playbooks, with an S3 server on the controller."""
    # What an earlier run left, that was ended in the middle, is another cluster's.
    shutil.rmtree(EPHEMERAL / "lab", ignore_errors=True)
    server = S3Server.start(root=EPHEMERAL / "lab", address=CONTROLLER)
    try:
        server.create_bucket(BUCKET)
        yield Operator(server)
    finally:
        server.destroy()


@pytest.fixture(scope="session")
def service() -> Service:
    """Return the cluster, which serves rows."""
    service = Service()
    service.start()
    service.script("write", "0", str(ROWS))
    return service


@pytest.fixture(scope="session")
def backup(operator: Operator, service: Service) -> Backup:
    """Return a backup of the cluster."""
    rows = service.rows()
    run = operator.play("backup", backup_tag="first").require_success()
    return Backup(tag="first", run=run, rows=rows)
