# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Codecs on streams: there and back, with the formats' own tools, and when something is wrong."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import threading
import typing as t

import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.codecs import decode, encode, public_keys
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    IdentityError,
    InputError,
    LocalFilesError,
    ObjectCorruptError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.codec import (
    PLAIN,
    Codecs,
    may_be_stored_as,
)

MIB = 1024 * 1024
ALL = [PLAIN, Codecs(("zstd",)), Codecs(("age",)), Codecs(("zstd", "age"))]


@pytest.fixture(scope="module")
def identity_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("age") / "identity"
    path.write_text(f"# made for a test\n{pyrage.x25519.Identity.generate()}\n")
    return str(path)


@pytest.fixture(scope="module")
def recipients(identity_file: str) -> list[str]:
    line = pathlib.Path(identity_file).read_text().splitlines()[1]
    other = pyrage.x25519.Identity.generate()
    return [str(other.to_public()), str(pyrage.x25519.Identity.from_str(line).to_public())]


@pytest.mark.parametrize("codecs", ALL, ids=lambda codecs: codecs.suffix or "plain")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(chunks=st.lists(st.binary(max_size=5000), max_size=6))
def test_what_was_encoded_decodes(
    codecs: Codecs, chunks: list[bytes], recipients: list[str], identity_file: str
) -> None:
    stored = b"".join(encode(iter(chunks), codecs, recipients=recipients))
    assert b"".join(decode(iter((stored,)), codecs, identity_file=identity_file)) == b"".join(chunks)
    assert may_be_stored_as(codecs, size=len(b"".join(chunks)), stored_size=len(stored))


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 3 * MIB])
def test_the_stored_size_of_encrypted_content_is_in_its_bounds(size: int, recipients: list[str]) -> None:
    codecs = Codecs(("age",))
    stored = sum(len(chunk) for chunk in encode(iter((bytes(size),)), codecs, recipients=recipients))
    assert may_be_stored_as(codecs, size=size, stored_size=stored)
    assert not may_be_stored_as(codecs, size=size + 65536, stored_size=stored)
    assert not may_be_stored_as(codecs, size=size, stored_size=size)


@pytest.mark.parametrize("content", [b"", b"x", bytes(3 * MIB), os.urandom(3 * MIB)], ids=["0", "1", "zeros", "random"])
@pytest.mark.parametrize("codecs", [Codecs(("zstd",)), Codecs(("zstd", "age"))], ids=lambda codecs: codecs.suffix)
def test_the_stored_size_of_compressed_content_is_in_its_bounds(
    codecs: Codecs, content: bytes, recipients: list[str]
) -> None:
    stored = sum(len(chunk) for chunk in encode(iter((content,)), codecs, recipients=recipients))
    assert may_be_stored_as(codecs, size=len(content), stored_size=stored)
    assert not may_be_stored_as(codecs, size=len(content), stored_size=5)
    assert not may_be_stored_as(codecs, size=len(content), stored_size=2 * len(content) + 70_000)


def test_the_public_keys_of_a_file_are_told(identity_file: str, recipients: list[str]) -> None:
    assert public_keys(identity_file) == (recipients[1],)


@pytest.mark.parametrize("codecs", ALL, ids=lambda codecs: codecs.suffix or "plain")
def test_streams_are_not_gathered(codecs: Codecs, recipients: list[str], identity_file: str) -> None:
    taken = 0

    def chunks() -> t.Iterator[bytes]:
        nonlocal taken
        for number in range(64):
            taken += 1
            yield bytes([number]) * MIB

    encoded = encode(chunks(), codecs, recipients=recipients)
    next(encoded)
    assert taken <= 12 or codecs.compressed, "what zeros compress to fits into one chunk"
    stored = list(encode(chunks(), codecs, recipients=recipients))
    decoded = decode(iter(stored), codecs, identity_file=identity_file)
    assert max(len(chunk) for chunk in decoded) <= 64 * MIB


@pytest.mark.parametrize("codecs", ALL, ids=lambda codecs: codecs.suffix or "plain")
def test_an_error_of_the_source_goes_on_and_no_thread_stays(codecs: Codecs, recipients: list[str]) -> None:
    def failing() -> t.Iterator[bytes]:
        yield bytes(5 * MIB)
        raise LookupError("the file changed")

    with pytest.raises(LookupError, match="the file changed"):
        list(encode(failing(), codecs, recipients=recipients))
    assert not _codec_threads()


def test_a_consumer_that_goes_away_leaves_no_thread(recipients: list[str]) -> None:
    stream = t.cast(
        "t.Generator[bytes, None, None]",
        encode((bytes(MIB) for _number in range(1000)), Codecs(("age",)), recipients=recipients),
    )
    next(stream)
    assert _codec_threads()
    stream.close()
    assert not _codec_threads()


def _codec_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "revive-codec"]


@pytest.mark.parametrize("codecs", ALL[1:], ids=lambda codecs: codecs.suffix)
def test_bytes_that_are_damaged_or_cut_are_not_decoded(
    codecs: Codecs, recipients: list[str], identity_file: str
) -> None:
    stored = b"".join(encode(iter((b"some content" * 9999,)), codecs, recipients=recipients))
    damaged = stored[:-20] + b"\0" * 20
    for wrong in (damaged, stored[:-1], stored[: len(stored) // 2], b"", b"something else"):
        with pytest.raises(ObjectCorruptError):
            list(decode(iter((wrong,)), codecs, identity_file=identity_file))


def test_what_is_missing_or_wrong_about_keys_is_said(
    recipients: list[str], identity_file: str, tmp_path: pathlib.Path
) -> None:
    age = Codecs(("age",))
    stored = b"".join(encode(iter((b"content",)), age, recipients=recipients))
    with pytest.raises(InputError, match="nobody"):
        list(encode(iter((b"",)), age))
    with pytest.raises(InputError, match="not an age recipient"):
        list(encode(iter((b"",)), age, recipients=["age1nonsense"]))
    with pytest.raises(IdentityError, match="no identity to open"):
        list(decode(iter((stored,)), age))
    with pytest.raises(LocalFilesError, match="/no/such"):
        list(decode(iter((stored,)), age, identity_file="/no/such"))
    other = tmp_path / "other"
    other.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    with pytest.raises(IdentityError, match=r"No identity in .* opens the object data/x"):
        list(decode(iter((stored,)), age, identity_file=str(other), what="the object data/x"))
    other.write_text("AGE-SECRET-KEY-1NONSENSE\n")
    with pytest.raises(InputError) as caught:
        list(decode(iter((stored,)), age, identity_file=str(other)))
    assert "NONSENSE" not in str(caught.value)


@pytest.mark.skipif(not (shutil.which("age") and shutil.which("zstd")), reason="the tools age and zstd are not here")
def test_the_plain_tools_open_what_was_stored(
    recipients: list[str], identity_file: str, tmp_path: pathlib.Path
) -> None:
    content = b"some content" * 99999
    file = tmp_path / "object.zst.age"
    file.write_bytes(b"".join(encode(iter((content,)), Codecs(("zstd", "age")), recipients=recipients)))
    opened = subprocess.run(["age", "--decrypt", "-i", identity_file, str(file)], check=True, capture_output=True)
    plain = subprocess.run(["zstd", "--decompress"], check=True, capture_output=True, input=opened.stdout)
    assert plain.stdout == content
