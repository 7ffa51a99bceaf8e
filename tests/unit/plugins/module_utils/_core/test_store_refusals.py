# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals as stores word them, and what an operator reads."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import StoreDeniedError, StoreError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.store_refusals import (
    LOOK,
    READ,
    WRITE,
    Refusal,
    store_error,
)

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1a2b"
DENIED = 'User: arn:aws:iam::1:user/n is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::b/x" '
NO_KMS = f"User: arn:aws:iam::1:user/n is not authorized to perform: kms:GenerateDataKey on resource: {KEY} because"
KMS = {"server_side_encryption": "aws:kms", "kms_key_id": KEY}


def told(
    status: int, code: str | None, text: str = "", *, right: str = WRITE, doing: str = "store", **given: t.Any
) -> StoreError:
    """The error for one answer."""
    refusal = Refusal(
        doing=doing,
        right=right,
        subject="s3://b/x",
        status=status,
        code=code,
        text=text,
        brief=f"it answered {status} {code}",
        denied=status in (401, 403),
        missing=status == 404,
    )
    return store_error(refusal, RepositorySettings(bucket="b", **given))


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        (DENIED + "with an explicit deny in a resource-based policy", {}, "give repository.server_side_encryption"),
        (DENIED + "with an explicit deny in a resource control policy", {}, "A policy denies it"),
        ("Access Denied", {}, "may demand server-side encryption: give repository.server_side_encryption"),
        ("Access Denied", KMS, "another encryption or key"),
    ],
)
def test_a_denied_put_says_that_encryption_may_be_demanded(text: str, given: dict[str, t.Any], said: str) -> None:
    error = told(403, "AccessDenied", text, **given)
    assert isinstance(error, StoreDeniedError)
    assert said in str(error)
    assert "s3:PutObject" in str(error)
    assert "user/n" not in str(error), "the server's text is not repeated"


def test_a_denied_read_says_nothing_of_encryption() -> None:
    error = told(403, "AccessDenied", "Access Denied", right=READ, doing="read")
    assert "encryption" not in str(error)
    assert "s3:GetObject" in str(error)


def test_a_right_on_the_key_that_is_missing_is_named_with_the_key() -> None:
    error = told(403, "AccessDenied", NO_KMS, **KMS)
    assert isinstance(error, StoreDeniedError)
    assert f"the KMS key {KEY} may not be used: kms:GenerateDataKey is missing" in str(error)
    assert "kms:GenerateDataKey and kms:Decrypt" in error.next_step


def test_who_only_reads_is_told_of_decrypt_alone() -> None:
    error = told(403, "AccessDenied", NO_KMS.replace("GenerateDataKey", "Decrypt"), right=READ, doing="read")
    assert "kms:Decrypt is missing" in str(error)
    assert "GenerateDataKey" not in str(error)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("KMS.DisabledException", "is disabled"),
        ("KMS.NotFoundException", "is not there"),
        ("KMS.KMSInvalidStateException", "is being deleted"),
    ],
)
def test_the_state_of_a_key_is_told(code: str, said: str) -> None:
    error = told(400, code, f"Key '{KEY}' ...", **KMS)
    assert f"the KMS key {KEY} {said}" in str(error)
    assert "repository.kms_key_id" in error.next_step


def test_expired_credentials_are_told_as_that() -> None:
    error = told(400, "ExpiredToken", "The provided token has expired.", access_key_id="AKIA")
    assert isinstance(error, StoreDeniedError)
    assert "the credentials have expired" in str(error)
    assert "repository.profile" in error.next_step
    assert "Renew them where they come from" in str(told(400, "ExpiredToken"))


def test_a_look_that_gets_no_reason_says_what_it_may_be() -> None:
    error = told(400, None, right=READ, doing=LOOK)
    assert isinstance(error, StoreDeniedError)
    assert "expired" in str(error)


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (400, "InvalidStorageClass", "The storage class you specified is not valid"),
        (400, "InvalidStorageClass", "Invalid storage class."),
        (400, "InvalidArgument", "Unsupported header x-amz-storage-class"),
    ],
)
def test_a_storage_class_that_the_store_does_not_have_is_named(status: int, code: str, text: str) -> None:
    error = told(status, code, text, storage_class="STANDARD_IA")
    assert "does not take the storage class STANDARD_IA" in str(error)
    assert "repository.storage_class" in error.next_step


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (501, "NotImplemented", "Server side encryption specified but KMS is not configured"),
        (400, "InvalidArgument", "The encryption method specified is not supported x-amz-server-side-encryption"),
    ],
)
def test_an_encryption_that_the_store_does_not_have_is_named(status: int, code: str, text: str) -> None:
    error = told(status, code, text, server_side_encryption="aws:kms")
    assert "does not encrypt with aws:kms" in str(error)
    assert "repository.server_side_encryption" in error.next_step


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (400, "InvalidArgument", "Unsupported header 'x-amz-checksum-algorithm' received for this API call."),
        (400, "InvalidArgument", "Unsupported header 'x-amz-sdk-checksum-algorithm' received for this API call."),
        (501, "NotImplemented", "Header 'x-amz-checksum-algorithm' with value 'SHA256' not implemented"),
        (501, "NotImplemented", "STREAMING-UNSIGNED-PAYLOAD-TRAILER not implemented"),
    ],
)
def test_a_store_that_does_not_take_checksums_is_told_apart(status: int, code: str, text: str) -> None:
    error = told(status, code, text, server_side_encryption="AES256")
    assert "does not take x-amz-checksum headers" in str(error)
    assert "repository.checksums=none" in str(error)


OBJECT_LOCK = (
    "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
)


@pytest.mark.parametrize(
    ("checksums", "said"),
    [
        ("sha256", "Give repository.checksums=content_md5."),
        (
            "none",
            "Give repository.checksums=sha256, or where the store does not know that, repository.checksums=content",
        ),
    ],
)
def test_a_store_that_demands_a_digest_says_which_to_give(checksums: str, said: str) -> None:
    error = told(400, "InvalidRequest", OBJECT_LOCK, checksums=checksums)
    assert "demands a checksum" in str(error)
    assert said in str(error)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("BadDigest", "The Content-MD5 or checksum value that you specified did not match what the server received."),
        ("XAmzContentSHA256Mismatch", "The Content-SHA256 you specified did not match what we received"),
    ],
)
def test_bytes_that_changed_on_the_way_are_no_matter_of_a_header(code: str, text: str) -> None:
    error = told(400, code, text)
    assert "what arrived is not what was sent" in str(error)
    assert "Try again" in error.next_step
    assert "x-amz-checksum" not in str(told(400, code, text, checksums="none"))


def test_a_header_that_is_not_implemented_names_what_was_asked_for() -> None:
    text = "A header you provided implies functionality that is not implemented"
    error = told(501, "NotImplemented", text, server_side_encryption="AES256", storage_class="STANDARD_IA")
    assert "repository.server_side_encryption" in error.next_step
    assert "repository.storage_class" in error.next_step
    assert "repository.checksums=none" in str(error)


def test_an_object_that_was_archived_has_to_be_thawed() -> None:
    text = "The operation is not valid for the object's storage class"
    error = told(403, "InvalidObjectState", text, right=READ, doing="read", storage_class="STANDARD_IA")
    assert "thawed" in str(error)
    assert not isinstance(error, StoreDeniedError)
