# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an object store's refusal means for who runs this: what is wrong, and which option mends it. Pure.

Codes and texts are those that stores really send: AWS, MinIO, Backblaze B2, Cloudflare R2 and others. The server's text
is read here, and never shown: it may repeat signed data.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    ObjectMissingError,
    StoreDeniedError,
    StoreError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings

WRITE = "s3:PutObject"
READ = "s3:GetObject"
#: What a request does that gets an answer without a text.
LOOK = "look for"

_WRONG_KEY = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"})
_CHANGED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})
#: What stores answer to a header that they do not know or do not like.
_UNLIKED = frozenset({400, 403, 501})
_KMS_RIGHT = re.compile(r"perform:? (kms:[A-Za-z*]+)")
_KMS_STATES = {
    "KMS.DisabledException": ("is disabled", "Enable it"),
    "KMS.NotFoundException": ("is not there", "Check its name, and that it is in the bucket's region"),
    "KMS.KMSInvalidStateException": ("is being deleted, or has no key material", "Cancel its deletion"),
}


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A request and what came of it.

    :param doing: a verb, such as ``store`` or ``read``.
    :param right: what the request needs, as S3 says it.
    :param subject: the object or prefix, as a location.
    :param text: the server's own words, without the object's name; read, never shown.
    :param brief: what may be shown if nothing else is known.
    """

    doing: str
    right: str
    subject: str
    status: int | None
    code: str | None
    text: str
    brief: str
    denied: bool = False
    missing: bool = False

    @property
    def said(self) -> str:
        """What the store answered, short."""
        return str(self.code or self.status or "no reason given")

    def says(self, *words: str) -> bool:
        """Whether one of these is in what the store said."""
        text = self.text.lower()
        return any(word in text for word in words)


class _Meaning(t.NamedTuple):
    kind: type[StoreError]
    what: str
    next_step: str


def store_error(refusal: Refusal, settings: RepositorySettings) -> StoreError:
    """The error that an operator needs."""
    meaning = next(
        (found for each in _MEANINGS if (found := each(refusal, settings)) is not None),
        None,
    ) or _Meaning(
        StoreError,
        refusal.brief,
        "Check that the endpoint answers from this machine, then try again; what is done stays done.",
    )
    message = f"Cannot {refusal.doing} {refusal.subject}: {meaning.what}."
    if meaning.kind is ObjectMissingError:
        message = f"{refusal.subject} is not there."
    return meaning.kind(message, subject=refusal.subject, next_step=meaning.next_step)


def role_refused(settings: RepositorySettings, *, code: str) -> StoreDeniedError:
    """The error for a role that may not be assumed.

    :param code: what STS answered.
    """
    role = settings.role_arn or "the role"
    if code in _EXPIRED and settings.web_identity_token_file:
        next_step = f"Renew the token in {settings.web_identity_token_file}; it is read again each time."
    elif code in _EXPIRED:
        next_step = "Renew the credentials with which it is assumed."
    elif code in ("InvalidIdentityToken", "IDPRejectedClaim", "IDPCommunicationError"):
        next_step = (
            f"Check that the role trusts who issued the token in {option('repository.web_identity_token_file')}."
        )
    else:
        right = "sts:AssumeRoleWithWebIdentity" if settings.web_identity_token_file else "sts:AssumeRole"
        next_step = (
            f"Check that the credentials are right and allowed {right} on it, and that its trust policy names them"
        )
        if not settings.web_identity_token_file:
            next_step += f", with {option('repository.role_external_id')} if it asks for one"
        next_step += "."
    return StoreDeniedError(
        f"The role {role} cannot be assumed ({code or 'no reason given'}).",
        subject=role,
        next_step=next_step,
    )


def _no_bucket(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if refusal.code != "NoSuchBucket":
        return None
    return _Meaning(StoreError, "there is no such bucket", "Check bucket, region and endpoint, or make the bucket.")


def _wrong_clock(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if refusal.code != "RequestTimeTooSkewed":
        return None
    return _Meaning(StoreDeniedError, "this machine's clock differs from the store's", "Set the clock.")


def _proxy(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    name = re.sub(r"//[^@/]*@", "//", settings.proxy_url or "").rstrip("/")
    proxy = f"the proxy {name}" if name else "the proxy that the environment names"
    if refusal.status == 407 or refusal.says("proxyauthrequired", "proxy authentication required"):
        return _Meaning(
            StoreDeniedError,
            f"{proxy} asks for a user and a password, or refuses them",
            f"Give them in {option('repository.proxy_url')}, before the name: http://user:password@...",
        )
    if refusal.says("tunnelunsuccessful", "tunnel connection failed"):
        return _Meaning(
            StoreError, f"{proxy} does not let it through", "Have the proxy allow the store's address, then try again."
        )
    if name and refusal.status is None and not refusal.denied:
        return _Meaning(
            StoreError,
            refusal.brief,
            f"Check that {proxy} answers from this machine, and the endpoint from there; then try again; what is done "
            "stays done.",
        )
    return None


def _expired(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if refusal.code not in _EXPIRED:
        return None
    if settings.access_key_id:
        next_step = (
            "Give new ones, or some that are renewed while this works: a profile "
            f"({option('repository.profile')}), a role ({option('repository.role_arn')}), or the instance's own."
        )
    else:
        next_step = "Renew them where they come from, then try again; what is done stays done."
    return _Meaning(StoreDeniedError, f"the credentials have expired ({refusal.said})", next_step)


def _no_reason(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    # To a HEAD no store can say more.
    if refusal.doing != LOOK or refusal.status != 400:
        return None
    return _Meaning(
        StoreDeniedError,
        "the store answered 400 and may not say why, as with credentials that have expired or another region",
        f"Renew the credentials, and check {option('repository.region')}.",
    )


def _kms(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    right = _KMS_RIGHT.search(refusal.text)
    code = refusal.code or ""
    if not code.startswith("KMS.") and not (refusal.denied and right):
        return None
    key = f"the KMS key {settings.kms_key_id}" if settings.kms_key_id else "the bucket's KMS key"
    if code in _KMS_STATES:
        state, mend = _KMS_STATES[code]
        other = f", or give another {option('repository.kms_key_id')}" if settings.kms_key_id else ""
        return _Meaning(StoreError, f"{key} {state} ({code})", f"{mend}{other}.")
    needed = "kms:Decrypt" if refusal.right == READ else "kms:GenerateDataKey and kms:Decrypt"
    return _Meaning(
        StoreDeniedError,
        f"{key} may not be used: {right[1] if right else needed} is missing ({refusal.said})",
        f"Allow these credentials {needed} on that key, in the key's policy and in their own.",
    )


def _archived(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if refusal.code != "InvalidObjectState":
        return None
    return _Meaning(
        StoreError,
        "it is in an archive tier and has to be thawed first (InvalidObjectState)",
        "Have the store restore it, wait until it can be read, and keep lifecycle rules from archiving this prefix.",
    )


def _changed_on_the_way(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if refusal.right != WRITE or refusal.code not in _CHANGED:
        return None
    unknown = ""
    if settings.checksums == "sha256":
        none = option("repository.checksums", "none")
        unknown = f" A store that does not know x-amz-checksum may say that, too: give {none}."
    return _Meaning(
        StoreError,
        f"what arrived is not what was sent ({refusal.said})",
        f"Try again. If it stays, something between, such as a proxy, changes what is sent.{unknown}",
    )


def _checksums(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if refusal.right != WRITE:
        return None
    if _dislikes(refusal, "content-md5") or refusal.code == "MissingContentMD5":
        if settings.checksums == "content_md5":
            return None
        known = f"{option('repository.checksums', 'sha256')}, or where the store does not know that, "
        return _Meaning(
            StoreError,
            f"the store demands a checksum such as Content-MD5 ({refusal.said})",
            f"Give {known if settings.checksums == 'none' else ''}{option('repository.checksums', 'content_md5')}.",
        )
    if settings.checksums != "sha256" or not _dislikes(refusal, "checksum", "x-amz-trailer", "streaming-"):
        return None
    return _Meaning(
        StoreError,
        f"the store does not take x-amz-checksum headers ({refusal.said})",
        f"Give {option('repository.checksums', 'none')}.",
    )


def _storage_class(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if not settings.storage_class or refusal.right != WRITE:
        return None
    if refusal.code != "InvalidStorageClass" and not _dislikes(refusal, "storage class", "storage-class"):
        return None
    return _Meaning(
        StoreError,
        f"the store does not take the storage class {settings.storage_class} ({refusal.said})",
        f"Give a class that it has, or leave out {option('repository.storage_class')}.",
    )


def _encryption(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    words = ("server side encryption", "server-side-encryption", "server-side encryption", "serversideencryption")
    if not settings.server_side_encryption or refusal.right != WRITE or not _dislikes(refusal, *words):
        return None
    return _Meaning(
        StoreError,
        f"the store does not encrypt with {settings.server_side_encryption} ({refusal.said})",
        f"Give what it has, or leave out {option('repository.server_side_encryption')}.",
    )


def _unknown_header(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if refusal.right != WRITE or not (refusal.status == 501 or refusal.code == "NotImplemented"):
        return None
    asked = [
        option(f"repository.{name}") for name in ("server_side_encryption", "storage_class") if getattr(settings, name)
    ]
    if settings.checksums == "sha256":
        asked.append(f"checksums, with {option('repository.checksums', 'none')}")
    if not asked:
        return None
    return _Meaning(
        StoreError,
        f"the store does not have what is asked of it ({refusal.said})",
        f"Leave out what it does not have: {', '.join(asked)}.",
    )


def _denied(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if not refusal.denied:
        return None
    what = f"the store refused it ({refusal.said})"
    if refusal.code in _WRONG_KEY or refusal.status == 401:
        return _Meaning(StoreDeniedError, what, "Check access key, secret and session token.")
    next_step = f"Check the credentials, and that they are allowed {refusal.right} there."
    if refusal.right == WRITE and refusal.status == 403:
        next_step += f" {_what_policies_demand(refusal, settings)}"
    return _Meaning(StoreDeniedError, what, next_step)


def _what_policies_demand(refusal: Refusal, settings: RepositorySettings) -> str:
    """A policy that denies does not say why: what it asks for most is encryption."""
    who = "A policy denies it, which" if refusal.says("explicit deny") else "The bucket's policy"
    encryption, key = option("repository.server_side_encryption"), option("repository.kms_key_id")
    if settings.server_side_encryption:
        return f"{who} may demand another encryption or key: check {encryption} and {key}."
    return f"{who} may demand server-side encryption: give {encryption}, and {key} if it names a key."


def _missing(refusal: Refusal, settings: RepositorySettings) -> _Meaning | None:
    if not refusal.missing:
        return None
    return _Meaning(ObjectMissingError, "", "Check bucket and prefix; if they are right, the object was deleted.")


def _dislikes(refusal: Refusal, *words: str) -> bool:
    return refusal.status in _UNLIKED and refusal.says(*words)


#: The first that knows the refusal says what it means.
_MEANINGS: tuple[t.Callable[[Refusal, RepositorySettings], _Meaning | None], ...] = (
    _no_bucket,
    _wrong_clock,
    _proxy,
    _expired,
    _no_reason,
    _kms,
    _archived,
    _changed_on_the_way,
    _checksums,
    _storage_class,
    _encryption,
    _unknown_header,
    _denied,
    _missing,
)
