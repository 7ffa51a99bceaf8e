# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials from everywhere, and that they end in the middle of an upload."""

from __future__ import annotations

import collections
import pathlib
import re
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import store_credentials
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError, StoreDeniedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from tests.unit.plugins.module_utils._adapters.credential_server import Issuer, credential_server
from tests.unit.plugins.module_utils._adapters.object_store_contract import MIB, pieces
from tests.unit.plugins.module_utils._adapters.strict_store import Request, StrictStore, strict_store

ROLE = "arn:aws:iam::1:role/backup"
#: For how many requests a key is good.
USES = 2


class World(t.NamedTuple):
    """A store that takes each temporary key for a few requests, and who issues them."""

    server: StrictStore
    endpoint_url: str
    issuer: Issuer
    issuer_url: str
    directory: pathlib.Path

    def open(self, **given: t.Any) -> ObjectStore:
        """The store as these options open it."""
        return open_store(
            RepositorySettings(bucket="b", endpoint_url=self.endpoint_url, region="us-east-1", **given), retry_seconds=2
        )

    def file(self, name: str, text: str) -> str:
        """A file with a text; its path."""
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def used_keys(self) -> set[str]:
        """The access keys that were used."""
        return {_key(request) for request in self.server.requests}


def _key(request: Request) -> str:
    found = re.search(r"Credential=([^/]+)/", request.headers.get("authorization", ""))
    return found[1] if found else ""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> t.Iterator[World]:
    uses: collections.Counter[str] = collections.Counter()

    def refuse(request: Request) -> tuple[int, str, str] | None:
        key = _key(request)
        uses[key] += 1
        if key.startswith("ASIA"):
            if request.headers.get("x-amz-security-token") != f"token-{key[4:]}":
                return 403, "InvalidToken", "The provided token is malformed or otherwise invalid."
            if uses[key] > USES:
                return 400, "ExpiredToken", "The provided token has expired."
        if key == "OLD":
            return 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
        return None

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with strict_store(refuse) as (server, url), credential_server() as (issuer, issuer_url):
        yield World(server, url, issuer, issuer_url, tmp_path)


def _instance(world: World, patch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    patch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    patch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", world.issuer_url)
    return {}


def _container(world: World, patch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    patch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{world.issuer_url}/container")
    return {}


def _role(world: World, patch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    return {
        "access_key_id": "AKIA",
        "secret_access_key": "s",
        "role_arn": ROLE,
        "role_external_id": "of-theirs",
        "sts_endpoint_url": world.issuer_url,
    }


def _role_of_a_profile(world: World, patch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    file = world.file("credentials", "[backup]\naws_access_key_id = AKIA\naws_secret_access_key = s\n")
    return {
        "shared_credentials_file": file,
        "profile": "backup",
        "role_arn": ROLE,
        "sts_endpoint_url": world.issuer_url,
    }


def _web_identity(world: World, patch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    return {
        "web_identity_token_file": world.file("token", "a-signed-token"),
        "role_arn": ROLE,
        "role_session_name": "of-n1",
        "sts_endpoint_url": world.issuer_url,
    }


SOURCES = [_container, _role, _role_of_a_profile, _web_identity]


@pytest.mark.parametrize("checksums", ["sha256", "content_md5"])
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__.strip("_"))
def test_credentials_that_end_in_the_middle_of_an_upload_are_renewed_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, source: t.Callable[..., dict[str, t.Any]], checksums: str
) -> None:
    store = world.open(checksums=checksums, **source(world, monkeypatch))
    for number in range(4):
        store.put(f"small/{number}", b"x")
    assert store.put_stream("large", pieces(20 * MIB), size=20 * MIB) == 20 * MIB
    assert store.get("small/0") == b"x"
    assert world.server.objects["/b/large"] == b"".join(pieces(20 * MIB))
    assert len(world.used_keys()) > len(world.server.requests) // USES - 1
    assert all(key.startswith("ASIA") for key in world.used_keys())


def test_an_instance_that_has_a_role_needs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of these boto3 uses the last for some minutes more where no others are to be had, so it asks only once here."""
    store = world.open(**_instance(world, monkeypatch))
    store.put("a", b"x")
    assert world.used_keys() == {"ASIA1"}
    assert world.server.requests[0].headers["x-amz-security-token"] == "token-1"


def test_a_role_is_asked_for_as_its_trust_policy_wants(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.open(**_role(world, monkeypatch))
    world.open(**_web_identity(world, monkeypatch))
    by_keys, by_token = world.issuer.asked[0], world.issuer.asked[-1]
    assert (by_keys["Action"], by_keys["RoleArn"], by_keys["ExternalId"]) == ("AssumeRole", ROLE, "of-theirs")
    assert by_keys["RoleSessionName"].startswith("revive-cassandra-")
    assert by_token["Action"] == "AssumeRoleWithWebIdentity"
    assert (by_token["WebIdentityToken"], by_token["RoleSessionName"]) == ("a-signed-token", "of-n1")


def test_a_role_is_assumed_through_the_proxy_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {**_role(world, monkeypatch), "sts_endpoint_url": "http://sts.example.com"}
    world.open(**given, proxy_url=world.issuer_url)
    assert world.issuer.asked


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        (_role, "AccessDenied", "sts:AssumeRole on it"),
        (_role, "ExpiredToken", "Renew the credentials with which it is assumed"),
        (_web_identity, "AccessDenied", "sts:AssumeRoleWithWebIdentity"),
        (_web_identity, "InvalidIdentityToken", "trusts who issued the token"),
        (_web_identity, "ExpiredTokenException", "Renew the token in"),
    ],
)
def test_a_role_that_may_not_be_assumed_is_told_before_anything_is_sent(
    world: World, monkeypatch: pytest.MonkeyPatch, source: t.Callable[..., dict[str, t.Any]], code: str, said: str
) -> None:
    world.issuer.refusal = (403, code)
    with pytest.raises(StoreDeniedError, match=ROLE) as caught:
        world.open(**source(world, monkeypatch))
    assert said in str(caught.value)
    assert code in str(caught.value)
    assert world.server.requests == []


@pytest.mark.parametrize("checksums", ["sha256", "content_md5"])
def test_what_can_no_longer_be_renewed_is_told_as_that(
    world: World, monkeypatch: pytest.MonkeyPatch, checksums: str
) -> None:
    store = world.open(checksums=checksums, **_role(world, monkeypatch))
    store.put("a", b"x")
    world.issuer.refusal = (403, "AccessDenied")
    with pytest.raises(StoreDeniedError, match=f"The role {ROLE} cannot be assumed"):
        store.put("b", b"x")
    world.issuer.refusal = None
    store.put("b", b"x")


def test_keys_that_somebody_renews_in_a_file_are_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_credentials, "_LOOK_AGAIN_SECONDS", 0)
    text = "[default]\naws_access_key_id = {}\naws_secret_access_key = s\n"
    file = world.file("credentials", text.format("FIRST"))
    store = world.open(shared_credentials_file=file)
    store.put("a", b"x")
    world.file("credentials", text.format("SECOND"))
    store.put("b", b"x")
    world.file("credentials", "half-writ")
    store.put("c", b"x")
    assert [_key(request) for request in world.server.requests] == ["FIRST", "SECOND", "SECOND"]


def test_a_file_that_is_named_wins_over_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OLD")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    file = world.file("credentials", "[default]\naws_access_key_id = AKIA\naws_secret_access_key = s\n")
    world.open(shared_credentials_file=file).put("a", b"x")
    assert world.used_keys() == {"AKIA"}


@pytest.mark.parametrize("name", ["shared_credentials_file", "web_identity_token_file"])
def test_a_file_that_is_not_there_is_named(world: World, name: str) -> None:
    with pytest.raises(LocalFilesError, match="/no/such/file"):
        world.open(**{name: "/no/such/file", "role_arn": ROLE})


def test_given_keys_that_have_expired_are_told_as_that_with_what_is_renewed(world: World) -> None:
    store = world.open(access_key_id="ASIA7", secret_access_key="s", session_token="token-7")
    for number in range(USES):
        store.put(str(number), b"x")
    with pytest.raises(StoreDeniedError, match="the credentials have expired") as caught:
        store.put("x", b"x")
    assert "repository.role_arn" in str(caught.value)
