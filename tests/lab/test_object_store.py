# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The object store on a real S3 server that enforces credentials, checksums and conditions."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t
import uuid

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import StoreDeniedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from lab.s3 import S3Server
from tests.unit.plugins.module_utils._adapters.object_store_contract import MIB, ObjectStoreContract, pieces

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[S3Server]:
    server = S3Server.start(root=pathlib.Path(tmp_path_factory.mktemp("lab")), name="contract")
    yield server
    server.destroy()


@pytest.fixture
def settings(server: S3Server) -> RepositorySettings:
    bucket = f"bucket-{uuid.uuid4()}"
    server.create_bucket(bucket)
    return RepositorySettings(
        bucket=bucket,
        prefix="clusters/one/",
        endpoint_url=server.endpoint_url,
        region=server.region,
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
    )


class TestOnVersitygw(ObjectStoreContract):
    @pytest.fixture
    def store(self, settings: RepositorySettings) -> ObjectStore:
        return open_store(settings)

    def test_a_failed_stream_leaves_no_parts_behind(
        self, store: ObjectStore, server: S3Server, settings: RepositorySettings
    ) -> None:
        def failing() -> t.Iterator[bytes]:
            yield from pieces(20 * MIB)
            raise LookupError

        with pytest.raises(LookupError):
            store.put_stream("failed", failing(), size=64 * MIB)
        assert not server.client().list_multipart_uploads(Bucket=settings.bucket).get("Uploads")

    @pytest.mark.parametrize("size", [7, 20 * MIB])
    def test_the_server_gets_a_sha256_to_check(
        self, store: ObjectStore, server: S3Server, settings: RepositorySettings, size: int
    ) -> None:
        store.put_stream("a", pieces(size), size=size)
        head = server.client().head_object(Bucket=settings.bucket, Key="clusters/one/a", ChecksumMode="ENABLED")
        assert head["ChecksumSHA256"]

    @pytest.mark.parametrize("wrong", [{"secret_access_key": "wrong-wrong"}, {"access_key_id": "NOBODY"}])
    def test_wrong_credentials_are_denied_and_not_repeated(
        self, settings: RepositorySettings, wrong: t.Mapping[str, t.Any]
    ) -> None:
        store = open_store(dataclasses.replace(settings, **wrong))
        for action in (
            lambda: store.put("a", b""),
            lambda: store.put_new("a", b""),
            lambda: store.put_stream("a", pieces(20 * MIB), size=None),
            lambda: store.get("a"),
            lambda: store.head("a"),
            lambda: list(store.list("")),
        ):
            with pytest.raises(StoreDeniedError) as caught:
                action()
            assert caught.value.next_step
            assert "StringToSign" not in str(caught.value)
            assert str(settings.secret_access_key) not in str(caught.value)


@pytest.mark.parametrize("checksums", ["none", "content_md5"])
class TestOtherDialectsOnVersitygw(ObjectStoreContract):
    many = 20  # pages are the business of the one above

    @pytest.fixture
    def store(self, settings: RepositorySettings, checksums: str) -> ObjectStore:
        return open_store(dataclasses.replace(settings, checksums=checksums))
