# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The codecs on byte streams: zstandard and age.

The one file that imports zstandard and pyrage. What is written here opens with the plain ``zstd`` and ``age`` tools.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.libraries import unusable
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    IdentityError,
    InputError,
    LocalFilesError,
    ObjectCorruptError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import AGE, ZSTD, Codecs

_ZSTD_LEVEL = 3
_QUEUE_CHUNKS = 4
_PIECE_BYTES = 1024 * 1024


def encode(chunks: t.Iterable[bytes], codecs: Codecs, *, recipients: t.Sequence[str] = ()) -> t.Iterator[bytes]:
    """The bytes as they are to be stored.

    :param recipients: age or SSH public keys, any of which opens the result; needed when ``codecs`` encrypt.
    :raises InputError: if a recipient is not a public key, or there is none.
    :raises DependencyError: if a library that is needed is missing.
    """
    stream = iter(chunks)
    for name in codecs.names:
        if name == ZSTD:
            stream = _compress(stream)
        elif name == AGE:
            stream = _encrypt(stream, recipients=recipients)
    return stream


def decode(
    chunks: t.Iterable[bytes], codecs: Codecs, *, identity_file: str | None = None, what: str = "the object"
) -> t.Iterator[bytes]:
    """The bytes as they were.

    :param identity_file: age identities, one a line, or an SSH private key; needed when ``codecs`` encrypt.
    :param what: it is, for messages: a key, or words.
    :raises IdentityError: if no identity opens it, or none was given.
    :raises LocalFilesError: if the identity file cannot be read.
    :raises ObjectCorruptError: if the bytes are not what the codecs make, or end too early.
    :raises DependencyError: if a library that is needed is missing.
    """
    stream = iter(chunks)
    for name in reversed(codecs.names):
        if name == ZSTD:
            stream = _decompress(stream)
        elif name == AGE:
            stream = _decrypt(stream, identity_file=identity_file, what=what)
    return stream


def public_keys(identity_file: str) -> tuple[str, ...]:
    """The age public keys of the identities in a file; of an SSH key there is none.

    :raises IdentityError: if it holds something else.
    :raises LocalFilesError: if it cannot be read.
    :raises DependencyError: if a library that is needed is missing.
    """
    identities = _identities(_import_pyrage(), identity_file)
    return tuple(str(each.to_public()) for each in identities if hasattr(each, "to_public"))


def _compress(chunks: t.Iterator[bytes]) -> t.Iterator[bytes]:
    zstandard = _import_zstandard()
    compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compressobj()
    for chunk in chunks:
        data = compressor.compress(chunk)
        if data:
            yield data
    yield compressor.flush()


def _decompress(chunks: t.Iterator[bytes]) -> t.Iterator[bytes]:
    zstandard = _import_zstandard()
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    for chunk in chunks:
        # A small piece at a time: zeros can expand without limit, except for the window.
        for start in range(0, len(chunk), _PIECE_BYTES):
            try:
                data = decompressor.decompress(chunk[start : start + _PIECE_BYTES])
            except zstandard.ZstdError as error:
                raise ObjectCorruptError(f"The compressed bytes are damaged: {error}.") from error
            if data:
                yield data
    if not decompressor.eof:
        raise ObjectCorruptError("The compressed bytes end too early.")


def _encrypt(chunks: t.Iterator[bytes], *, recipients: t.Sequence[str]) -> t.Iterator[bytes]:
    pyrage = _import_pyrage()
    keys = [_recipient(pyrage, text) for text in recipients]
    if not keys:
        raise InputError("There is nobody to encrypt for.", subject="recipients", next_step="Give an age public key.")
    return _through_thread(chunks, lambda reader, writer: pyrage.encrypt_io(reader, writer, keys))


def _decrypt(chunks: t.Iterator[bytes], *, identity_file: str | None, what: str) -> t.Iterator[bytes]:
    pyrage = _import_pyrage()
    if not identity_file:
        raise IdentityError(
            f"There is no identity to open {what} with, which is encrypted.",
            subject="identity_file",
            next_step=f"Give the file with the age identity as {option('repository.identity_file')}.",
        )
    identities = _identities(pyrage, identity_file)

    def work(reader: _Reader, writer: _Writer) -> None:
        try:
            pyrage.decrypt_io(reader, writer, identities)
        except pyrage.DecryptError as error:
            if "no matching keys" in str(error).lower():
                raise IdentityError(
                    f"No identity in {identity_file} opens {what}.",
                    subject=identity_file,
                    next_step="Give the identity whose public key was among the recipients of the backup.",
                ) from error
            raise ObjectCorruptError(f"The encrypted bytes are damaged: {error}.") from error
        except OSError as error:
            raise ObjectCorruptError(f"The encrypted bytes are damaged: {error}.") from error

    return _through_thread(chunks, work)


class _StoppedError(Exception):
    """The consumer is gone."""


class _Reader:
    """A file that reads from an iterator."""

    def __init__(self, chunks: t.Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            try:
                self._rest = memoryview(next(self._chunks))
            except StopIteration:
                return b""
            except BaseException as error:
                self.error = error
                raise
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return bytes(taken)


class _Writer:
    """A file whose writes are collected and handed to another thread, a few at a time."""

    def __init__(self, handed: queue.Queue[bytes | None], stopped: threading.Event) -> None:
        self._handed = handed
        self._stopped = stopped
        self._gathered = bytearray()

    def write(self, data: bytes) -> int:
        self._gathered += data
        if len(self._gathered) >= _PIECE_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._gathered:
            self.hand(bytes(self._gathered))
            self._gathered.clear()

    def hand(self, item: bytes | None) -> None:
        while not self._stopped.is_set():
            try:
                self._handed.put(item, timeout=0.2)
            except queue.Full:
                continue
            return
        raise _StoppedError


def _through_thread(
    chunks: t.Iterator[bytes], work: t.Callable[[_Reader, _Writer], None]
) -> t.Generator[bytes, None, None]:
    """What ``work`` writes when it reads ``chunks``, in a thread that ends with this iterator, however it ends."""
    handed: queue.Queue[bytes | None] = queue.Queue(maxsize=_QUEUE_CHUNKS)
    stopped = threading.Event()
    reader, writer = _Reader(chunks), _Writer(handed, stopped)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work(reader, writer)
            writer.flush()
        except BaseException as error:
            failed.append(reader.error or error)
        with contextlib.suppress(_StoppedError):
            writer.hand(None)

    thread = threading.Thread(target=run, name="revive-codec", daemon=True)
    thread.start()
    try:
        while True:
            item = handed.get()
            if item is None:
                break
            yield item
    finally:
        stopped.set()
        thread.join()
    if failed:
        raise failed[0]


def _recipient(pyrage: t.Any, text: str) -> t.Any:
    kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(text.strip())
    except Exception as error:
        raise InputError(
            f"{text!r} is not an age recipient: {error}.",
            subject="recipients",
            next_step="Give public keys that begin with age1, as age-keygen prints them.",
        ) from error


def _identities(pyrage: t.Any, identity_file: str) -> list[t.Any]:
    try:
        with open(identity_file, "rb") as file:
            text = file.read()
    except OSError as error:
        raise LocalFilesError(
            f"The identity file {identity_file} cannot be read: {error.strerror}.", subject=identity_file
        ) from error
    try:
        if text.lstrip().startswith(b"-----BEGIN"):
            return [pyrage.ssh.Identity.from_buffer(text)]
        lines = [line.strip() for line in text.decode().splitlines()]
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except Exception as error:
        # Not the library's words: they could repeat part of the identity.
        raise IdentityError(
            f"{identity_file} has something that is not an age identity.",
            subject=identity_file,
            next_step="Give a file that age-keygen made.",
        ) from error
    if not identities:
        raise IdentityError(
            f"{identity_file} has no identity.", subject=identity_file, next_step="Give a file that age-keygen made."
        )
    return identities


def _import_zstandard() -> t.Any:
    try:
        import zstandard
    except Exception as error:
        raise unusable("zstandard", error) from error
    return zstandard


def _import_pyrage() -> t.Any:
    try:
        import pyrage
    except Exception as error:
        raise unusable("pyrage", error) from error
    return pyrage
