# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The object store behind the port ``_core.ports.ObjectStore``: obstore, on S3 or in memory.

The one file that imports obstore.
Holds for obstore 0.8.2 (the last for Python 3.9) to 0.12.
"""

from __future__ import annotations

import datetime
import os
import random
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.boto_puts import BotoPuts
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.libraries import unusable
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.store_answers import (
    code_of,
    read_refusal,
    says_it_has_no_conditions,
    says_it_is_there,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.store_credentials import (
    Credentials,
    find_credentials,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
    ObjectMissingError,
    StoreDeniedError,
    StoreError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectInfo,
    ObjectStore,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.store_refusals import (
    LOOK,
    READ,
    WRITE,
    store_error,
)

#: A stream is sent in parts of this size, so a worker holds only a few of them.
PART_BYTES = 8 * 1024 * 1024
#: S3 takes 10,000 parts; objects that would need more get larger ones.
MAX_PARTS = 9_000
#: Parts of one stream in flight at once.
PARTS_IN_FLIGHT = 2
_READ_BYTES = 4 * 1024 * 1024
_READ_ATTEMPTS = 6
_MIB = 1024 * 1024


def open_store(settings: RepositorySettings, *, retry_seconds: int = 180) -> ObjectStore:
    """The repository's store.

    :param retry_seconds: how long one request is retried when the store is busy or down.
    :raises DependencyError: if obstore is missing, or boto3 if it has to find the credentials.
    :raises StoreDeniedError: if there are no credentials.
    :raises LocalFilesError: if the CA bundle cannot be read.
    """
    obstore = _import_obstore()
    credentials = find_credentials(settings)
    config = {"region": credentials.region, **_config(settings)}
    client_options: dict[str, t.Any] = {"timeout": "300s", "connect_timeout": "10s"}
    if settings.endpoint_url:
        config["endpoint"] = _endpoint(settings)
        client_options["allow_http"] = settings.endpoint_url.startswith("http://")
    if settings.proxy_url:
        client_options["proxy_url"] = settings.proxy_url
    retry_config = {"max_retries": 12, "retry_timeout": datetime.timedelta(seconds=retry_seconds)}

    def build(options: dict[str, t.Any]) -> t.Any:
        return obstore.store.S3Store(
            settings.bucket,
            config=config,
            client_options=options,
            retry_config=retry_config,
            credential_provider=credentials,
        )

    if settings.ca_bundle:
        backend = _build_with_ca(build, client_options, ca_bundle=settings.ca_bundle)
    else:
        backend = build(client_options)
    puts: _Puts = _ObstorePuts(obstore, backend, settings)
    if settings.checksums == "content_md5" or (settings.storage_class and not _knows_storage_classes(obstore)):
        puts = BotoPuts(credentials.open_client(retry_seconds=retry_seconds), settings)
    return _ObstoreStore(
        obstore, backend, location=f"s3://{settings.bucket}/", settings=settings, puts=puts, credentials=credentials
    )


def open_memory_store(*, prefix: str = "", allowed_signers: str = "") -> ObjectStore:
    """A store in memory behind the same class, for tests.

    :raises DependencyError: if obstore is missing.
    """
    obstore = _import_obstore()
    settings = RepositorySettings(bucket="memory", prefix=prefix, allowed_signers=allowed_signers)
    backend = obstore.store.MemoryStore()
    puts = _ObstorePuts(obstore, backend, settings)
    return _ObstoreStore(obstore, backend, location="memory://", settings=settings, puts=puts)


class _ObstoreStore:
    """The port on an obstore back end."""

    def __init__(
        self,
        obstore: t.Any,
        backend: t.Any,
        *,
        location: str,
        settings: RepositorySettings,
        puts: _Puts,
        credentials: Credentials | None = None,
    ) -> None:
        self._obstore = obstore
        self._backend = backend
        self._location = location
        self._prefix = settings.prefix
        self._settings = settings
        self._puts = puts
        self._credentials = credentials

    @property
    def location(self) -> str:
        return self._location + self._prefix

    @property
    def allowed_signers(self) -> str:
        return self._settings.allowed_signers

    def put(self, key: str, body: bytes) -> None:
        try:
            self._puts.put(self._prefix + key, body)
        except Exception as error:
            raise self._error(error, doing="store", right=WRITE, key=key) from None

    def put_new(self, key: str, body: bytes) -> bool:
        # Look first, for stores that ignore If-None-Match; where it counts, the condition closes the gap.
        if self.head(key) is not None:
            return False
        return self._put_if_absent(key, body)

    def refuses_second_put(self, key: str) -> bool:
        body = b"Two puts to this key found out whether the store keeps the first.\n"
        self._put_if_absent(key, body)
        return not self._put_if_absent(key, body)

    def _put_if_absent(self, key: str, body: bytes) -> bool:
        try:
            self._puts.put(self._prefix + key, body, new=True)
        except Exception as error:
            if says_it_is_there(error):
                return False
            if says_it_has_no_conditions(error):
                self.put(key, body)
                return True
            raise self._error(error, doing="store", right=WRITE, key=key) from None
        return True

    def put_stream(self, key: str, chunks: t.Iterator[bytes], *, size: int | None) -> int:
        part_bytes = _part_bytes(size)
        source = _CountedChunks(chunks)
        head = source.take(part_bytes)
        if source.ended:
            self.put(key, head)
            return source.count
        try:
            self._puts.put_parts(self._prefix + key, source.after(head), part_bytes=part_bytes)
        except Exception as error:
            # The upload was given up when the iterator raised.
            if source.error is not None:
                raise source.error from None
            raise self._error(error, doing="store", right=WRITE, key=key) from None
        return source.count

    def get(self, key: str) -> bytes:
        return b"".join(self.get_stream(key))

    def get_stream(self, key: str) -> t.Iterator[bytes]:
        offset, failures = 0, 0
        total: int | None = None
        while total is None or offset < total:
            try:
                options = {"range": {"offset": offset}} if offset else None
                result = self._obstore.get(self._backend, self._prefix + key, options=options)
                total = int(result.meta["size"])
                for chunk in result.stream(min_chunk_size=_READ_BYTES):
                    data = memoryview(chunk)
                    offset += len(data)
                    failures = 0
                    for start in range(0, len(data), _READ_BYTES):
                        yield bytes(data[start : start + _READ_BYTES])
                if offset < total:
                    raise EOFError(f"the answer ended after {offset} of {total} bytes")
            except Exception as error:
                failed = self._error(error, doing="read", right=READ, key=key)
                failures += 1
                if isinstance(failed, (ObjectMissingError, StoreDeniedError)) or failures >= _READ_ATTEMPTS:
                    raise failed from None
                # obstore retries the beginning itself; this is for a connection that was cut in the middle.
                time.sleep(random.uniform(0, min(10.0, 0.2 * 2**failures)))

    def head(self, key: str) -> ObjectInfo | None:
        try:
            meta = self._obstore.head(self._backend, self._prefix + key)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._error(error, doing=LOOK, right=READ, key=key) from None
        return _info(meta, key=key)

    def list(self, prefix: str) -> t.Iterator[ObjectInfo]:
        whole = self._prefix + prefix
        try:
            for batch in self._obstore.list(self._backend, prefix=whole or None, chunk_size=1000):
                for meta in batch:
                    if meta["path"].startswith(whole):
                        yield _info(meta, key=meta["path"][len(self._prefix) :])
        except FileNotFoundError as error:
            if code_of(error) == "NoSuchBucket":
                raise self._error(error, doing="list", right="s3:ListBucket", key=prefix) from None
        except Exception as error:
            raise self._error(error, doing="list", right="s3:ListBucket", key=prefix) from None

    def _error(self, error: Exception, *, doing: str, right: str, key: str) -> StoreError:
        if isinstance(error, StoreDeniedError):
            return error
        if self._credentials and self._credentials.failure and type(error).__name__ == "UnauthenticatedError":
            return self._credentials.failure
        refusal = read_refusal(error, doing=doing, right=right, subject=f"{self._location}{self._prefix}{key}")
        return store_error(refusal, self._settings)


class _Puts(t.Protocol):
    """How objects are sent: by obstore, or where it cannot, by boto3."""

    def put(self, path: str, body: bytes, *, new: bool = False) -> None:
        """One object in one request; if ``new``, on the condition that none is there."""

    def put_parts(self, path: str, chunks: t.Iterator[bytes], *, part_bytes: int) -> None:
        """One object in parts of this size; none of them is left if it fails."""


class _ObstorePuts:
    """Puts as obstore does them."""

    def __init__(self, obstore: t.Any, backend: t.Any, settings: RepositorySettings) -> None:
        self._obstore = obstore
        self._backend = backend
        self._attributes = {"Storage-Class": settings.storage_class} if settings.storage_class else None

    def put(self, path: str, body: bytes, *, new: bool = False) -> None:
        """See :class:`_Puts`."""
        mode = "create" if new else "overwrite"
        self._obstore.put(self._backend, path, body, mode=mode, attributes=self._attributes, use_multipart=False)

    def put_parts(self, path: str, chunks: t.Iterator[bytes], *, part_bytes: int) -> None:
        """See :class:`_Puts`."""
        self._obstore.put(
            self._backend,
            path,
            chunks,
            attributes=self._attributes,
            use_multipart=True,
            chunk_size=part_bytes,
            max_concurrency=PARTS_IN_FLIGHT,
        )


class _CountedChunks:
    """An iterator's bytes, counted; keeps the error that it raised."""

    def __init__(self, chunks: t.Iterator[bytes]) -> None:
        self._chunks = chunks
        self.count = 0
        self.ended = False
        self.error: BaseException | None = None

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
        except StopIteration:
            self.ended = True
            raise
        except BaseException as error:
            self.error = error
            raise
        self.count += len(chunk)
        return chunk

    def __iter__(self) -> t.Iterator[bytes]:
        return self

    def take(self, least: int) -> bytes:
        """The beginning: all chunks, or the first that have ``least`` bytes or more together."""
        taken: list[bytes] = []
        size = 0
        for chunk in self:
            taken.append(chunk)
            size += len(chunk)
            if size >= least:
                break
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def after(self, head: bytes) -> t.Iterator[bytes]:
        """``head``, then the rest."""
        yield head
        del head
        yield from self


def _info(meta: t.Mapping[str, t.Any], *, key: str) -> ObjectInfo:
    return ObjectInfo(key=key, size=int(meta["size"]), modified_us=round(meta["last_modified"].timestamp() * 1_000_000))


def _part_bytes(size: int | None) -> int:
    """Bytes of a part, so an object of ``size`` does not need too many; if the size is unknown, up to 140 GiB."""
    if size is None:
        return 2 * PART_BYTES
    return max(PART_BYTES, -(-size // MAX_PARTS // _MIB) * _MIB)


def _config(settings: RepositorySettings) -> dict[str, t.Any]:
    """What obstore calls the settings that are sent with requests."""
    config: dict[str, t.Any] = {"virtual_hosted_style_request": settings.virtual_hosted_style}
    if settings.checksums == "sha256":
        config["checksum_algorithm"] = "SHA256"
    if settings.requester_pays:
        config["request_payer"] = True
    if settings.server_side_encryption:
        config["aws_server_side_encryption"] = settings.server_side_encryption
    if settings.kms_key_id:
        config["aws_sse_kms_key_id"] = settings.kms_key_id
    if settings.kms_bucket_key:
        config["aws_sse_bucket_key_enabled"] = True
    return config


def _knows_storage_classes(obstore: t.Any) -> bool:
    """Releases before 0.10 make metadata of it, without a word."""
    return tuple(int(part) for part in obstore.__version__.split(".")[:2]) >= (0, 10)


def _endpoint(settings: RepositorySettings) -> str:
    """The endpoint's URL; with the bucket in its host name where that is wanted."""
    url = (settings.endpoint_url or "").rstrip("/")
    if settings.virtual_hosted_style:
        scheme, _separator, host = url.partition("://")
        if not host.startswith(f"{settings.bucket}."):
            return f"{scheme}://{settings.bucket}.{host}"
    return url


def _build_with_ca(
    build: t.Callable[[dict[str, t.Any]], t.Any], client_options: dict[str, t.Any], *, ca_bundle: str
) -> t.Any:
    try:
        with open(ca_bundle, "rb") as file:
            certificates = file.read()
    except OSError as error:
        raise LocalFilesError(
            f"The CA bundle {ca_bundle} cannot be read: {error.strerror}.",
            subject=ca_bundle,
            next_step="Give a PEM file that this machine has.",
        ) from error
    try:
        return build({**client_options, "root_certificate": certificates})
    except ValueError as error:
        if "Invalid key" not in str(error):
            raise LocalFilesError(
                f"The CA bundle {ca_bundle} cannot be used: {str(error).rstrip('.')}.",
                subject=ca_bundle,
                next_step="Give a PEM file with the certificates of the authorities to trust.",
            ) from error
        # Releases without that option, all that Python 3.9 has, look where OpenSSL would.
        os.environ["SSL_CERT_FILE"] = ca_bundle
        return build(client_options)


def _import_obstore() -> t.Any:
    try:
        import obstore
        import obstore.store
    except Exception as error:
        raise unusable("obstore", error) from error
    return obstore
