# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent to stores that demand or refuse a header, and what is said when it is not what they want."""

from __future__ import annotations

import typing as t

import obstore
import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import StoreDeniedError, StoreError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from tests.unit.plugins.module_utils._adapters.object_store_contract import MIB, pieces
from tests.unit.plugins.module_utils._adapters.strict_store import Refuse, Request, StrictStore, strict_store

Refusal = t.Optional[tuple[int, str, str]]
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1a2b"


class Opened(t.NamedTuple):
    """A store of ours, and the server behind it."""

    store: ObjectStore
    server: StrictStore


@pytest.fixture
def opened() -> t.Iterator[t.Callable[..., Opened]]:
    with _Servers() as servers:
        yield servers.open


class _Servers:
    def __enter__(self) -> _Servers:
        self._entered: list[t.Any] = []
        return self

    def __exit__(self, *details: object) -> None:
        for each in self._entered:
            each.__exit__(None, None, None)

    def open(self, refuse: Refuse = lambda request: None, **given: t.Any) -> Opened:
        entered = strict_store(refuse)
        server, url = entered.__enter__()
        self._entered.append(entered)
        if "through_proxy" in given:
            given["proxy_url"] = given.pop("through_proxy") + url.partition("://")[2]
        settings = RepositorySettings(
            bucket="b",
            **{
                "prefix": "p/",
                "endpoint_url": url,
                "region": "eu-central-1",
                "access_key_id": "AK",
                "secret_access_key": "SK",
                **given,
            },
        )
        return Opened(open_store(settings, retry_seconds=2), server)


def write_all(store: ObjectStore) -> None:
    """In each of the ways that there are; the last is put together from parts."""
    store.put("small", b"x")
    assert store.put_new("new", b"x")
    assert not store.put_new("new", b"y")
    assert store.refuses_second_put("probe")
    assert store.put_stream("large", pieces(20 * MIB), size=20 * MIB) == 20 * MIB


def demands_encryption(request: Request) -> Refusal:
    """A bucket policy that denies every object that does not ask for encryption."""
    if request.stores and not request.headers.get("x-amz-server-side-encryption"):
        return 403, "AccessDenied", "not authorized, with an explicit deny in a resource-based policy"
    return None


ENCRYPTIONS = [
    ({"server_side_encryption": "AES256"}, {"": "AES256"}),
    ({"server_side_encryption": "aws:kms"}, {"": "aws:kms"}),
    (
        {"server_side_encryption": "aws:kms", "kms_key_id": KEY, "kms_bucket_key": True},
        {"": "aws:kms", "-aws-kms-key-id": KEY, "-bucket-key-enabled": "true"},
    ),
]


@pytest.mark.parametrize(("given", "sent"), ENCRYPTIONS)
def test_every_object_asks_for_its_encryption(
    opened: t.Callable[..., Opened], given: dict[str, t.Any], sent: dict[str, str]
) -> None:
    store, server = opened(demands_encryption, **given)
    write_all(store)
    for request in server.requests:
        name = "x-amz-server-side-encryption"
        found = {key[len(name) :]: value for key, value in request.headers.items() if key.startswith(name)}
        assert found == (sent if request.stores else {}), request
    assert server.objects["/b/p/large"] == b"".join(pieces(20 * MIB))


def test_without_it_the_refusal_says_which_option_to_give(opened: t.Callable[..., Opened]) -> None:
    store, _server = opened(demands_encryption)
    for write in (
        lambda: store.put("x", b"x"),
        lambda: store.put_new("x", b"x"),
        lambda: store.put_stream("x", pieces(20 * MIB), size=20 * MIB),
    ):
        with pytest.raises(StoreDeniedError, match=r"give repository\.server_side_encryption"):
            write()


def test_every_object_has_its_storage_class_and_nothing_else_does(opened: t.Callable[..., Opened]) -> None:
    store, server = opened(storage_class="INTELLIGENT_TIERING")
    write_all(store)
    assert store.get("small") == b"x"
    for request in server.requests:
        assert request.headers.get("x-amz-storage-class") == ("INTELLIGENT_TIERING" if request.stores else None)
        assert "x-amz-meta-storage-class" not in request.headers


def test_a_storage_class_that_the_store_does_not_have_is_told_back(opened: t.Callable[..., Opened]) -> None:
    def refuse(request: Request) -> Refusal:
        if request.headers.get("x-amz-storage-class") == "COLD":
            return 400, "InvalidStorageClass", "The storage class you specified is not valid"
        return None

    store, _server = opened(refuse, storage_class="COLD")
    with pytest.raises(StoreError, match="storage class COLD") as caught:
        store.put("x", b"x")
    assert "repository.storage_class" in str(caught.value)


def refuses_checksums(request: Request) -> Refusal:
    """As Backblaze B2 does; and what is sent in the middle, as newer clients of AWS do, is refused as R2 did."""
    if any(name.startswith(("x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer")) for name in request.headers):
        return 400, "InvalidArgument", "Unsupported header 'x-amz-checksum-algorithm' received for this API call."
    if "aws-chunked" in request.headers.get("content-encoding", "") or (
        request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    ):
        return 501, "NotImplemented", "STREAMING-UNSIGNED-PAYLOAD-TRAILER not implemented"
    return None


def demands_md5(request: Request) -> Refusal:
    """Refuses those, too, and wants the older one for every body that becomes part of an object."""
    if request.method == "PUT" and "content-md5" not in request.headers:
        return 400, "InvalidRequest", "Content-MD5 HTTP header is required for Put Object requests with Object Lock"
    return refuses_checksums(request)


@pytest.mark.parametrize(("refuse", "checksums"), [(refuses_checksums, "none"), (demands_md5, "content_md5")])
def test_a_store_that_refuses_checksums_is_written_to_in_its_dialect(
    opened: t.Callable[..., Opened], refuse: Refuse, checksums: str
) -> None:
    store, server = opened(
        refuse, checksums=checksums, server_side_encryption="AES256", storage_class="STANDARD_IA", requester_pays=True
    )
    write_all(store)
    assert store.get("new") == b"x"
    assert server.objects["/b/p/large"] == b"".join(pieces(20 * MIB))
    for request in server.requests:
        assert request.headers.get("x-amz-server-side-encryption") == ("AES256" if request.stores else None)
        assert request.headers.get("x-amz-storage-class") == ("STANDARD_IA" if request.stores else None)
        assert request.headers["x-amz-request-payer"] == "requester"
        # The body is signed, so it is covered where there is no checksum.
        assert len(request.headers["x-amz-content-sha256"]) == 64


@pytest.mark.parametrize(
    ("refuse", "given", "to_give"),
    [
        (refuses_checksums, "sha256", "none"),
        (demands_md5, "none", "content_md5"),
    ],
)
def test_a_refused_checksum_says_what_to_give_instead(
    opened: t.Callable[..., Opened], refuse: Refuse, given: str, to_give: str
) -> None:
    store, server = opened(refuse, checksums=given)
    for write in (
        lambda: store.put("x", b"x"),
        lambda: store.put_new("x", b"x"),
        lambda: store.put_stream("x", pieces(20 * MIB), size=20 * MIB),
    ):
        with pytest.raises(StoreError, match=rf"repository\.checksums={to_give}"):
            write()
    assert server.objects == {}
    assert server.unfinished == []


@pytest.mark.parametrize("after", [0, 3 * MIB, 20 * MIB])
def test_of_a_stream_that_fails_nothing_is_left_with_md5(opened: t.Callable[..., Opened], after: int) -> None:
    def failing() -> t.Iterator[bytes]:
        yield from pieces(after)
        raise LookupError("the file changed")

    store, server = opened(demands_md5, checksums="content_md5")
    with pytest.raises(LookupError, match="the file changed"):
        store.put_stream("failed", failing(), size=64 * MIB)
    assert server.objects == {}
    assert server.unfinished == []


def test_a_storage_class_is_sent_by_boto3_where_obstore_would_make_metadata_of_it(
    opened: t.Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Releases before 0.10 store it as ``x-amz-meta-storage-class``; Python 3.9 has no others."""
    monkeypatch.setattr(obstore, "__version__", "0.9.4")
    store, server = opened(storage_class="STANDARD_IA", server_side_encryption="aws:kms", kms_key_id=KEY)
    write_all(store)
    for request in server.requests:
        if request.stores:
            assert request.headers["x-amz-storage-class"] == "STANDARD_IA"
            assert request.headers["x-amz-server-side-encryption-aws-kms-key-id"] == KEY
            assert "Boto" in request.headers["user-agent"]
        if request.method == "PUT":
            assert "x-amz-checksum-sha256" in request.headers


def test_what_boto3_is_refused_is_told_as_any_refusal(opened: t.Callable[..., Opened]) -> None:
    store, _server = opened(demands_encryption, checksums="content_md5")
    with pytest.raises(StoreDeniedError, match=r"give repository\.server_side_encryption"):
        store.put("x", b"x")
    with pytest.raises(StoreDeniedError, match=r"give repository\.server_side_encryption"):
        store.put_stream("x", pieces(20 * MIB), size=20 * MIB)


PASSWORD = "the-password-of-the-proxy"


@pytest.mark.parametrize("checksums", ["sha256", "content_md5"])
def test_requests_go_through_the_proxy_that_is_given_whatever_the_environment_says(
    opened: t.Callable[..., Opened], monkeypatch: pytest.MonkeyPatch, checksums: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "store.example.com")
    store, server = opened(
        checksums=checksums, endpoint_url="http://store.example.com", through_proxy=f"http://user:{PASSWORD}@"
    )
    write_all(store)
    assert store.get("small") == b"x"
    assert {request.path.partition("/b/")[0] for request in server.requests} == {"http://store.example.com"}
    assert all(request.headers["proxy-authorization"].startswith("Basic ") for request in server.requests)


@pytest.mark.parametrize("checksums", ["sha256", "content_md5"])
@pytest.mark.parametrize(
    ("status", "said"),
    [(407, "asks for a user and a password"), (403, "does not let it through")],
)
def test_what_the_proxy_refuses_is_told_as_that_without_its_password(
    opened: t.Callable[..., Opened], checksums: str, status: int, said: str
) -> None:
    store, _server = opened(
        lambda request: (status, "", "") if request.method == "CONNECT" else None,
        checksums=checksums,
        endpoint_url="https://store.example.com",
        through_proxy=f"http://user:{PASSWORD}@",
    )
    with pytest.raises(StoreError, match=said) as caught:
        store.put("x", b"x")
    assert "the proxy http://127.0.0.1:" in str(caught.value)
    assert PASSWORD not in repr(caught.value.to_result())


@pytest.mark.parametrize("checksums", ["sha256", "content_md5"])
def test_a_proxy_that_is_down_is_named(opened: t.Callable[..., Opened], checksums: str) -> None:
    store, _server = opened(checksums=checksums, proxy_url=f"http://user:{PASSWORD}@127.0.0.1:9")
    with pytest.raises(StoreError, match=r"the proxy http://127\.0\.0\.1:9 answers") as caught:
        store.put("x", b"x")
    assert PASSWORD not in repr(caught.value.to_result())
