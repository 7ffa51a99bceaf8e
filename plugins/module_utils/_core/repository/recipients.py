# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The public keys that a repository is encrypted for, looked at before anything is done with them. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError

_SSH_KINDS = ("ssh-ed25519", "ssh-rsa")
#: Of Bech32 (BIP 173), in which age writes its keys.
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_PREFIX, _KEY_LENGTH = "age", 62


def check_recipients(texts: t.Iterable[str]) -> tuple[str, ...]:
    """Public keys of age or SSH as they can be used, each once.

    :raises InputError: for what is none. It is repeated only if it looks like one: it may be a private key.
    """
    found = (text.strip() for text in texts)
    return tuple(dict.fromkeys(_checked(text, number) for number, text in enumerate(found, start=1) if text))


def _checked(text: str, number: int) -> str:
    if text.upper().startswith("AGE-SECRET-KEY-") or "PRIVATE KEY" in text:
        raise InputError(
            f"Recipient {number} is a private key.",
            subject="repository.recipients",
            next_step="Give its public key, which age-keygen -y prints. Whoever can read where the private key was "
            "written, such as an inventory or a log, can read what is encrypted for it: make another pair.",
        )
    kind, _blank, key = text.partition(" ")
    if kind in _SSH_KINDS and key.strip():
        # Without its comment.
        return f"{kind} {key.split()[0]}"
    if not text.startswith(f"{_PREFIX}1"):
        raise InputError(
            f"Recipient {number} is not the public key of an age identity.",
            subject="repository.recipients",
            next_step="Give public keys that begin with age1, as age-keygen prints them.",
        )
    if not _is_whole(text):
        raise InputError(
            f"{text!r} is not the public key of an age identity: it was cut, or a letter is wrong.",
            subject="repository.recipients",
            next_step="Copy it again, as age-keygen prints it.",
        )
    return text


def _is_whole(text: str) -> bool:
    """Whether a key has its length and its check sum is right."""
    data = [_ALPHABET.find(letter) for letter in text[len(_PREFIX) + 1 :]]
    if len(text) != _KEY_LENGTH or -1 in data:
        return False
    check = 1
    for value in [*(ord(letter) >> 5 for letter in _PREFIX), 0, *(ord(letter) & 31 for letter in _PREFIX), *data]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, part in enumerate(_GENERATOR):
            check ^= part if top >> bit & 1 else 0
    return check == 1
