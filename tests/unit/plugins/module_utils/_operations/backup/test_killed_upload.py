# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An upload whose process is killed between objects goes on in the next, on a store that outlives it."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import typing as t

import boto3
from moto.server import ThreadedMotoServer

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import TransferSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.publish import publish_backup
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup.upload import upload_snapshot
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import ensure_repository
from tests.unit.plugins.module_utils._operations.node_on_disk import CountingProgress, DiskNode, ticking

TAG = "backup_1"


def upload(root: pathlib.Path, settings: RepositorySettings, *, progress: CountingProgress) -> t.Any:
    store = open_store(settings)
    node = object.__new__(DiskNode)
    node.root, node.number, node.directories, node.cluster_name = root, 1, 1, "lab"
    marker = ensure_repository(
        store, cluster_name="lab", host_ids=[node.identity.host_id], check_mode=False, now_us=1
    ).marker
    outcome = upload_snapshot(
        node.settings,
        store,
        marker=marker,
        settings=settings,
        tag=TAG,
        transfer=TransferSettings(workers=2),
        progress=progress,
        now=ticking(),
    )
    return outcome, marker


class Killing(CountingProgress):
    """Kills its own process as the kernel would, after so many objects."""

    def __init__(self, *, after: int) -> None:
        super().__init__()
        self._after = after

    def advance(self, *, transferred_bytes: int = 0, files: int = 0) -> None:
        super().advance(transferred_bytes=transferred_bytes, files=files)
        if files:
            self._after -= 1
        if self._after <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def objects(store: ObjectStore) -> dict[str, int]:
    return {entry.key: entry.size for entry in store.list("data/")}


def test_an_upload_that_was_killed_twice_ends_as_if_it_had_not(tmp_path: pathlib.Path) -> None:
    node = DiskNode(tmp_path / "node")
    for generation in range(12):
        node.sstable(node.table("certificates"), generation)
    node.snapshot(TAG)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        settings = RepositorySettings(
            bucket="bucket", endpoint_url=f"http://{host}:{port}", access_key_id="k", secret_access_key="s"
        )
        boto3.client(
            "s3",
            endpoint_url=settings.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="k",
            aws_secret_access_key="s",
        ).create_bucket(Bucket="bucket")
        store = open_store(settings)
        counts = [0]
        for after in (5, 12):
            request = json.dumps({"root": str(node.root), "after": after, "settings": dataclasses.asdict(settings)})
            killed = subprocess.run(
                [sys.executable, "-c", f"from {__name__} import main; main()"],
                input=request.encode(),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                check=False,
            )
            assert killed.returncode == -signal.SIGKILL
            counts.append(len(objects(store)))
        assert 0 < counts[1] < counts[2] < 24
        outcome, marker = upload(node.root, settings, progress=CountingProgress())
        assert outcome.changed
        assert len(objects(store)) == outcome.totals.objects == outcome.totals.new_objects == 24
        published = publish_backup(
            store,
            marker=marker,
            tag=TAG,
            node_summaries=[outcome.summary],
            began_us=1,
            keyspaces=(),
            tables_asked=(),
            tool_version="1",
            now=ticking(),
        )
        assert published.changed
        assert published.manifest.totals == outcome.totals
    finally:
        server.stop()


def main() -> None:
    """The process that is killed."""
    request = json.load(sys.stdin)
    settings = RepositorySettings(**{**request["settings"], "recipients": ()})
    upload(pathlib.Path(request["root"]), settings, progress=Killing(after=request["after"]))


if __name__ == "__main__":
    main()
