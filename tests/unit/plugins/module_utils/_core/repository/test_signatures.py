# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a signature, and which text names signers."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, SignatureError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.layout import (
    parse_cluster_manifest_key,
    parse_node_manifest_key,
    parse_signature_key,
    signature_key,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import (
    check_allowed_signers,
    moment_warnings,
    read_signature,
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJFFsTVrn9VDe5RksQftHHB1xd6t5LSnZclg+Yfchnjc"


def _field(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _signature(namespace: bytes = b"revive.cassandra", *, version: int = 1, cut: int | None = None) -> bytes:
    blob = b"SSHSIG" + version.to_bytes(4, "big") + _field(base64.b64decode(KEY.split()[1])) + _field(namespace)
    text = base64.b64encode(blob[:cut])
    return b"-----BEGIN SSH SIGNATURE-----\n" + text[:70] + b"\n" + text[70:] + b"\n-----END SSH SIGNATURE-----\n"


def test_the_fingerprint_is_the_one_that_ssh_keygen_shows() -> None:
    signer = read_signature(_signature(), subject="s")
    assert signer.fingerprint == "SHA256:FFG9LTmh7nEPktd0J4LLmCIjrN0AUPZVaWe9D8gmxoY"
    assert not signer.checked


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"-----BEGIN SSH SIGNATURE-----\n*\n-----END SSH SIGNATURE-----",
        _signature(version=2),
        _signature(cut=40),
        _signature(b"git"),
    ],
)
def test_what_is_no_signature_of_a_backup_is_refused(text: bytes) -> None:
    with pytest.raises(SignatureError, match=r"^s is ") as refused:
        read_signature(text, subject="s")
    assert refused.value.next_step


def test_signers_are_a_text_of_ssh_keygens_form() -> None:
    options = 'b,*@c namespaces="revive.cassandra",valid-after="20260101"'
    assert (
        check_allowed_signers(f"# us\n\n a {KEY} comment\n{options} {KEY}\n") == f"a {KEY} comment\n{options} {KEY}\n"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no signer"),
        ("\n# nobody\n", "names no signer"),
        (f"# us\n{KEY}\n", "Line 2"),
        (f"a {KEY}\n/root/allowed_signers\n", "Line 2"),
        ("a -----BEGIN OPENSSH PRIVATE KEY-----", "has a private key"),
    ],
)
def test_a_text_that_names_no_signer_is_no_leave_to_take_anything(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        check_allowed_signers(text)


def test_a_signature_has_a_key_of_its_own_beside_the_manifest() -> None:
    key = signature_key("b1", sha256="0" * 64)
    assert parse_signature_key(key) == "b1"
    assert parse_cluster_manifest_key(key) is parse_node_manifest_key(key) is None
    assert parse_signature_key("backups/b1/manifest.json") is None


def test_who_asks_for_signatures_is_told_that_logs_have_none() -> None:
    assert moment_warnings(allowed_signers="") == ()
    assert "commit logs" in moment_warnings(allowed_signers="a k")[0]
