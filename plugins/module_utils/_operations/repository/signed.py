# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest of a complete backup as it lies in the repository, with who has signed it.

Nobody reads one in another way: where the repository says whose signatures count, none gets past that is not signed by
one of them, or that is another backup than its key says.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import ssh_signatures
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    ManifestError,
    ObjectMissingError,
    SignatureError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    cluster_manifest_key,
    signature_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import ClusterManifest
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import (
    ALLOWED,
    Signer,
    read_signature,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import open_repository


class SignedManifest(t.NamedTuple):
    """A manifest, and who has signed it; ``None`` if nobody has."""

    manifest: ClusterManifest
    signer: Signer | None


def read_manifest(
    store: ObjectStore, tag: str, *, cluster_id: str | None = None, may_be_signed: bool = True
) -> SignedManifest:
    """The manifest of a backup that is complete.

    Of what is signed it holds the hashes of the nodes' manifests, which hold those of every file: nothing that is
    restored is anything else than what was signed.

    :param cluster_id: of the repository, where it is known; read where it is needed.
    :param may_be_signed: whether there may be a signature; a listing tells.
    :raises ObjectMissingError: if there is none.
    :raises ManifestError: if it cannot be read, or is of another backup.
    :raises SignatureError: if it is not signed by one of those who count.
    """
    key = cluster_manifest_key(tag)
    subject = f"{store.location}{key}"
    text = store.get(key)
    signer = _signer(store, tag, text, subject=subject) if may_be_signed or store.allowed_signers else None
    manifest = CLUSTER_MANIFEST.decode(text, subject=subject)
    if manifest.tag != tag or not manifest.nodes:
        raise ManifestError(
            f"{subject} is the manifest of {manifest.tag}, with {len(manifest.nodes)} nodes.",
            subject=tag,
            next_step="Bring the object back from a copy of the repository.",
        )
    if store.allowed_signers:
        _check_repository(store, manifest, cluster_id or open_repository(store).cluster_id, subject=subject)
    return SignedManifest(manifest, signer)


def store_manifest(store: ObjectStore, manifest: ClusterManifest, *, signing_key: str | None) -> SignedManifest | None:
    """Make a backup visible, signed if there is a key; ``None`` if there is one of that tag.

    The signature comes first and is of these very bytes, so there is no moment at which one is seen without it.

    :raises ReviveError: as of :func:`check_signing_key`; then nothing has been stored.
    """
    text = CLUSTER_MANIFEST.encode(manifest)
    made = _sign(store, text, signing_key=signing_key)
    if made:
        store.put_new(signature_key(manifest.tag, sha256=_sha256(text)), made[0])
    if not store.put_new(cluster_manifest_key(manifest.tag), text):
        return None
    return SignedManifest(manifest, made[1] if made else None)


def check_signing_key(store: ObjectStore, *, signing_key: str | None) -> None:
    """Try whether what is published would be signed as it has to be, before anything else is done.

    :raises LocalFilesError, DependencyError: if the key cannot sign, as of :func:`ssh_signatures.sign`.
    :raises SignatureError: if it is not one of those whose signatures count here.
    :raises InputError: if there has to be one and is none.
    """
    _sign(store, b"", signing_key=signing_key)


def _sign(store: ObjectStore, text: bytes, *, signing_key: str | None) -> tuple[bytes, Signer] | None:
    """The signature of a text, and whose it is; ``None`` without a key."""
    if not signing_key:
        if not store.allowed_signers:
            return None
        raise InputError(
            f"{option(ALLOWED)} is given and {option('signing_key')} is not: the backup would not be signed, and so "
            "could not be restored.",
            subject="signing_key",
            next_step=f"Give {option('signing_key')}, or leave out {option(ALLOWED)}.",
        )
    signature = ssh_signatures.sign(text, key_file=signing_key)
    signer = read_signature(signature, subject=f"What {signing_key} has made")
    if not store.allowed_signers:
        return signature, signer
    try:
        return signature, _checked(store, text, signature, claimed=signer, subject=signing_key)
    except SignatureError as error:
        raise SignatureError(
            f"The backup would be signed with {signing_key}, {signer.fingerprint}, and so could not be restored: that "
            f"is none of those in {option(ALLOWED)} that may sign now.",
            subject="signing_key",
            next_step=f"Add its public key to {option(ALLOWED)}, or give the key of one who may in "
            f"{option('signing_key')}.",
        ) from error


def _signer(store: ObjectStore, tag: str, text: bytes, *, subject: str) -> Signer | None:
    key = signature_key(tag, sha256=_sha256(text))
    try:
        signature = store.get(key)
    except ObjectMissingError:
        if not store.allowed_signers:
            return None
        raise SignatureError(
            f"{subject} is not signed, or was changed since: there is no {key}.",
            subject=subject,
            next_step=f"Choose a backup that one of those in {option(ALLOWED)} has signed; without "
            f"{option(ALLOWED)} signatures are shown and not asked for.",
        ) from None
    try:
        claimed = read_signature(signature, subject=f"{store.location}{key}")
    except SignatureError:
        if store.allowed_signers:
            raise
        return None
    if not store.allowed_signers:
        return claimed
    return _checked(store, text, signature, claimed=claimed, subject=subject)


def _checked(store: ObjectStore, text: bytes, signature: bytes, *, claimed: Signer, subject: str) -> Signer:
    principal = ssh_signatures.verify(
        text, signature, claimed=claimed, allowed_signers=store.allowed_signers, subject=subject
    )
    return dataclasses.replace(claimed, principal=principal)


def _check_repository(store: ObjectStore, manifest: ClusterManifest, cluster_id: str, *, subject: str) -> None:
    if manifest.cluster_id != cluster_id:
        raise SignatureError(
            f"{subject} is signed, but as a backup of another repository, that of cluster {manifest.cluster_name!r} "
            f"with id {manifest.cluster_id}; {store.location} has {cluster_id}.",
            subject=subject,
            next_step="Somebody has copied it here. Choose another backup, and find out who may write there.",
        )


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
