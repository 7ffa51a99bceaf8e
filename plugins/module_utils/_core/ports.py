# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port to an object store, and the settings that open a repository. Pure.

One contract test says what a store must do, whatever is behind it.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class RepositorySettings:
    """Where a repository is and how to get in.

    Without keys, the usual AWS sources are used: environment, shared credentials file and profile, instance role.
    Which of these fit together is said by ``store_options``.

    :param prefix: ``""`` or a path that ends in ``/``.
    :param endpoint_url: of an S3-compatible store; ``None`` for AWS.
    :param ca_bundle: a file of certificate authorities on the node.
    :param virtual_hosted_style: whether the bucket is part of the host name.
    :param recipients: age public keys; if there are any, what holds data (SSTables, commit log, records of the schema)
        is encrypted for all of them. Manifests and what is known of the log are not.
    :param identity_file: a file on the machine that restores, with age identities to decrypt with. Nothing else
        needs it.
    :param server_side_encryption: what the store shall encrypt objects with, as S3 says it: ``AES256``, ``aws:kms``,
        ``aws:kms:dsse``; ``None`` leaves it to the bucket.
    :param kms_key_id: the key that KMS shall use; ``None`` for the account's own.
    :param kms_bucket_key: whether one data key serves the whole bucket; if not, the bucket says.
    :param storage_class: of all that is stored; ``None`` for the store's own.
    :param checksums: what each put carries for the store to compare: ``sha256`` (``x-amz-checksum-sha256``), ``none``
        or ``content_md5``.
    :param requester_pays: whether these credentials' account pays for the requests.
    :param shared_credentials_file: in the form of ``~/.aws/credentials``, on the node, instead of that one.
    :param role_arn: a role to assume with whatever credentials are given or found, or with the token in
        ``web_identity_token_file``; ``role_session_name`` is for audit logs, ``role_external_id`` what its trust policy
        asks for, ``sts_endpoint_url`` where roles are assumed if not at AWS.
    :param allowed_signers: whose signatures of backups count, as ssh-keygen reads them; empty: nobody is asked for one.
    :param moved_from: an address at which a backup has a node of this cluster, which is elsewhere now.
    :param proxy_url: what requests go through, with a password where it asks for one.
    """

    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = dataclasses.field(default=None, repr=False)
    session_token: str | None = dataclasses.field(default=None, repr=False)
    profile: str | None = None
    ca_bundle: str | None = None
    virtual_hosted_style: bool = False
    recipients: tuple[str, ...] = ()
    identity_file: str | None = None
    server_side_encryption: str | None = None
    kms_key_id: str | None = None
    kms_bucket_key: bool = False
    storage_class: str | None = None
    checksums: str = "sha256"
    requester_pays: bool = False
    shared_credentials_file: str | None = None
    role_arn: str | None = None
    role_session_name: str | None = None
    role_external_id: str | None = None
    web_identity_token_file: str | None = None
    sts_endpoint_url: str | None = None
    allowed_signers: str = ""
    moved_from: str | None = None
    proxy_url: str | None = dataclasses.field(default=None, repr=False)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


@dataclasses.dataclass(frozen=True)
class ObjectInfo:
    """An object as a listing shows it; ``key`` is relative to the repository's prefix.

    :param modified_us: when it was stored last, by the store's clock, in microseconds since the epoch; 0 where nobody
        has asked the store. It is nothing that tells two objects apart.
    """

    key: str
    size: int
    modified_us: int = dataclasses.field(default=0, compare=False)


class ObjectStore(t.Protocol):
    """Objects below one repository's prefix; keys are relative to it.

    ``location`` says where that is, such as ``s3://bucket/prefix/``, for messages.

    Every method retries what may go away by itself (throttling, cut connections, 5xx) with jitter before it raises.

    :raises StoreDeniedError: if credentials or rights are refused; the key or prefix and the right are named.
    :raises StoreError: if the store does not answer, or answers with something else.
    """

    @property
    def location(self) -> str:
        """Where the keys lie, without secrets."""

    @property
    def allowed_signers(self) -> str:
        """Whose signatures of backups count, as ssh-keygen reads them; empty: nobody is asked for one."""

    def put(self, key: str, body: bytes) -> None:
        """Store a small object, replacing what was there."""

    def put_new(self, key: str, body: bytes) -> bool:
        """Store a small object unless the key is taken; whether it was stored.

        Atomic where the store has conditional puts (``If-None-Match``), otherwise by looking first.
        """

    def refuses_second_put(self, key: str) -> bool:
        """Whether the store has conditional puts, found out by two of them to ``key``, which stays there."""

    def put_stream(self, key: str, chunks: t.Iterator[bytes], *, size: int | None) -> int:
        """Store a large object from its chunks, with memory bounded by a few of them; the bytes stored.

        If ``chunks`` raises, nothing becomes visible under the key and the error goes on.
        """

    def get(self, key: str) -> bytes:
        """A whole small object.

        :raises ObjectMissingError: if there is none.
        """

    def get_stream(self, key: str) -> t.Iterator[bytes]:
        """A large object in chunks of bounded size.

        :raises ObjectMissingError: if there is none.
        """

    def head(self, key: str) -> ObjectInfo | None:
        """The object's size, or ``None`` if there is none."""

    def list(self, prefix: str) -> t.Iterator[ObjectInfo]:
        """All objects whose keys begin with ``prefix``, which ends in ``/`` or is empty, in the order of keys."""


class Progress(t.Protocol):
    """Where a long operation says how far it is; safe to call from several threads.

    :raises OperatorGoneError: from ``advance``, when nobody has asked for this operation for a while; the caller lets
        it pass, leaving everything so the same operation can go on from there.
    """

    def begin(self, *, activity: str, total_bytes: int, total_files: int) -> None:
        """Say what begins and how much there is; what an earlier run did counts as done at once."""

    def advance(self, *, transferred_bytes: int = 0, files: int = 0) -> None:
        """Say what has been done since the last call; called at least for each chunk of a few MiB."""
