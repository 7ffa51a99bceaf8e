# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The object store in memory and on a server in this process."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import typing as t
import uuid

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import (
    open_memory_store,
    open_store,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
    StoreDeniedError,
    StoreError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from tests.unit.plugins.module_utils._adapters.object_store_contract import MIB, ObjectStoreContract, pieces

SECRET = "a-secret-that-must-not-be-seen"


@pytest.fixture(scope="module")
def endpoint_url() -> t.Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def settings(endpoint_url: str) -> RepositorySettings:
    bucket = f"bucket-{uuid.uuid4()}"
    _client(endpoint_url).create_bucket(Bucket=bucket)
    return RepositorySettings(
        bucket=bucket,
        prefix="clusters/one/",
        endpoint_url=endpoint_url,
        region="us-east-1",
        access_key_id="key",
        secret_access_key=SECRET,
    )


def _client(endpoint_url: str) -> t.Any:
    return boto3.client(
        "s3", endpoint_url=endpoint_url, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )


class TestInMemory(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return open_memory_store(prefix="clusters/one/")


class TestOnMoto(ObjectStoreContract):
    many = 20  # a put takes it 10 ms; real pages are for the real server

    @pytest.fixture
    def store(self, settings: RepositorySettings) -> ObjectStore:
        return open_store(settings)

    def test_a_failed_stream_leaves_no_parts_behind(self, store: ObjectStore, settings: RepositorySettings) -> None:
        def failing() -> t.Iterator[bytes]:
            yield from pieces(20 * MIB)
            raise LookupError

        with pytest.raises(LookupError):
            store.put_stream("failed", failing(), size=64 * MIB)
        assert not _client(settings.endpoint_url or "").list_multipart_uploads(Bucket=settings.bucket).get("Uploads")

    def test_keys_are_below_the_prefix_in_the_bucket(self, store: ObjectStore, settings: RepositorySettings) -> None:
        store.put("a", b"")
        found = _client(settings.endpoint_url or "").list_objects_v2(Bucket=settings.bucket)["Contents"]
        assert [entry["Key"] for entry in found] == ["clusters/one/a"]
        assert store.location == f"s3://{settings.bucket}/clusters/one/"


class TestThroughBoto3OnMoto(TestOnMoto):
    @pytest.fixture
    def settings(self, settings: RepositorySettings) -> RepositorySettings:
        return dataclasses.replace(settings, checksums="content_md5")


@pytest.mark.parametrize("checksums", ["sha256", "content_md5"])
def test_objects_are_kept_as_they_were_asked_for(settings: RepositorySettings, checksums: str) -> None:
    asked = {"server_side_encryption": "aws:kms", "kms_key_id": "a-key", "kms_bucket_key": True}
    store = open_store(dataclasses.replace(settings, checksums=checksums, storage_class="STANDARD_IA", **asked))
    store.put("small", b"x")
    store.put_stream("large", pieces(20 * MIB), size=20 * MIB)
    for key in ("small", "large"):
        head = _client(settings.endpoint_url or "").head_object(Bucket=settings.bucket, Key=f"clusters/one/{key}")
        assert (head["ServerSideEncryption"], head["StorageClass"]) == ("aws:kms", "STANDARD_IA")
        assert head["SSEKMSKeyId"].endswith("a-key")
    # Of what is put together from parts, moto forgets it.
    assert _client(settings.endpoint_url or "").head_object(Bucket=settings.bucket, Key="clusters/one/small")[
        "BucketKeyEnabled"
    ]


def _settings(endpoint_url: str, **changes: t.Any) -> RepositorySettings:
    values = {"bucket": "no-such-bucket", "access_key_id": "key", "secret_access_key": SECRET, **changes}
    return RepositorySettings(endpoint_url=endpoint_url, **values)


def test_a_bucket_that_is_not_there_is_said_so(endpoint_url: str) -> None:
    store = open_store(_settings(endpoint_url))
    for action in (
        lambda: store.put("a", b""),
        lambda: store.get("a"),
        lambda: list(store.list("")),
        lambda: store.put_stream("a", pieces(20 * MIB), size=None),
    ):
        with pytest.raises(StoreError, match="no such bucket") as caught:
            action()
        assert caught.value.next_step
        assert SECRET not in repr(caught.value.to_result())


def test_a_store_that_does_not_answer_is_an_error_that_says_where() -> None:
    store = open_store(_settings("http://127.0.0.1:9", bucket="b"), retry_seconds=1)
    with pytest.raises(StoreError, match="s3://b/a") as caught:
        store.put("a", b"")
    assert SECRET not in str(caught.value)


def test_a_profile_that_is_not_there_is_denied(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StoreDeniedError, match="nobody"):
        open_store(RepositorySettings(bucket="b", profile="nobody"))


def test_a_profile_gives_the_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, settings: RepositorySettings
) -> None:
    file = tmp_path / "credentials"
    file.write_text("[backup]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    store = open_store(RepositorySettings(bucket=settings.bucket, endpoint_url=settings.endpoint_url, profile="backup"))
    store.put("a", b"content")
    assert store.get("a") == b"content"


def test_a_ca_bundle_without_certificates_is_named_and_changes_nothing(
    endpoint_url: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    bundle = tmp_path / "empty.pem"
    bundle.write_text("no certificate")
    with pytest.raises(LocalFilesError, match=r"empty\.pem"):
        open_store(_settings(endpoint_url, ca_bundle=str(bundle)))
    assert "SSL_CERT_FILE" not in os.environ


def test_a_ca_bundle_that_cannot_be_read_is_named(endpoint_url: str) -> None:
    with pytest.raises(LocalFilesError, match="/no/such/bundle"):
        open_store(_settings(endpoint_url, ca_bundle="/no/such/bundle"))


def test_settings_do_not_show_secrets(settings: RepositorySettings) -> None:
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
