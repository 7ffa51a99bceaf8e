# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signatures of manifests, in the form that ``ssh-keygen -Y sign`` writes: what is in one, and who may sign. Pure.

Whether a signature is right is not decided here but by ``ssh-keygen`` itself, the same program that an auditor uses.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import re

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, SignatureError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option

#: What a signature is for, as ``ssh-keygen -n`` wants it: a key's signatures of other things are none of ours.
NAMESPACE = "revive.cassandra"
#: The option that holds the signers that count, in the form of ssh-keygen(1), ALLOWED SIGNERS.
ALLOWED = "repository.allowed_signers"

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_VERSION = 1
_KEY = re.compile(r"(?:^|\s)(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+\s+AAAA[0-9A-Za-z+/=]+(?:\s|\Z)")


@dataclasses.dataclass(frozen=True)
class Signer:
    """Who has signed a backup.

    :param fingerprint: of the key, as ``ssh-keygen -l`` shows it. What is in a signature proves nothing by itself.
    :param principal: who that is by the signers that count; empty where nobody has checked it.
    """

    fingerprint: str
    principal: str = ""

    @property
    def checked(self) -> bool:
        """Whether the signature was checked against the signers that count."""
        return bool(self.principal)


def read_signature(text: bytes, *, subject: str) -> Signer:
    """Whose a signature says it is; not whether it is right.

    :raises SignatureError: if it is no signature, or one for another purpose.
    """
    try:
        lines = text.decode("ascii").split()
        body = "".join(lines)
        begin, end = "".join(_BEGIN.split()), "".join(_END.split())
        if not body.startswith(begin) or not body.endswith(end):
            raise ValueError("it does not begin and end as one")
        key, namespace = _fields(base64.b64decode(body[len(begin) : -len(end)], validate=True))
    except (ValueError, binascii.Error) as error:
        raise SignatureError(
            f"{subject} is not a signature of ssh-keygen: {error}.",
            subject=subject,
            next_step="Bring the object back from a copy of the repository, or choose another backup.",
        ) from error
    if namespace != NAMESPACE.encode():
        raise SignatureError(
            f"{subject} is a signature for {namespace.decode('utf-8', 'replace')!r}, not for {NAMESPACE!r}.",
            subject=subject,
            next_step="Whoever put it there used a signature that was made for something else: choose another backup.",
        )
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return Signer(fingerprint=f"SHA256:{digest}")


def _fields(blob: bytes) -> tuple[bytes, bytes]:
    """The public key and the namespace of a signature."""
    if blob[:6] != _MAGIC or int.from_bytes(blob[6:10], "big") != _VERSION:
        raise ValueError("its content is something else")
    found: list[bytes] = []
    rest = blob[10:]
    while len(found) < 2:
        length = int.from_bytes(rest[:4], "big")
        if len(rest) < 4 + length:
            raise ValueError("it was cut off")
        found.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    return found[0], found[1]


def check_allowed_signers(text: str) -> str:
    """The signers that count, as ssh-keygen reads them; at least one.

    :raises InputError: if there is none, or a private key is among them.
    """
    if "PRIVATE KEY" in text:
        raise InputError(
            f"{option(ALLOWED)} has a private key in it.",
            subject=ALLOWED,
            next_step="Give public keys. Whoever can read where the private key was written can sign with it: make "
            "another pair.",
        )
    lines = [line.strip() for line in text.splitlines()]
    signers = [line for line in lines if line and not line.startswith("#")]
    wrong = next((number for number, line in enumerate(lines, start=1) if line in signers and not _is_signer(line)), 0)
    if wrong or not signers:
        what = f"Line {wrong} of {option(ALLOWED)} names no signer" if wrong else f"{option(ALLOWED)} names no signer"
        raise InputError(
            f"{what}.",
            subject=ALLOWED,
            next_step="Each line is a name and a public key, such as: backups@example.com ssh-ed25519 AAAA...; see "
            "ALLOWED SIGNERS in ssh-keygen(1).",
        )
    return "\n".join(signers) + "\n"


def _is_signer(line: str) -> bool:
    _name, _blank, rest = line.partition(" ")
    return bool(_KEY.search(rest))


def signed_in_brief(signer: Signer | None) -> str:
    """Who has signed, for a list."""
    if signer is None:
        return "not signed"
    if signer.checked:
        return f"signed by {signer.principal}"
    return f"signed by {signer.fingerprint}, not checked"


def signed_line(signer: Signer | None) -> str:
    """Who has signed, for a plan and a report."""
    if signer is None:
        return "The backup is not signed."
    if signer.checked:
        return f"The backup is signed by {signer.principal} ({signer.fingerprint}), which was checked."
    return f"The backup is signed by {signer.fingerprint}, which was not checked, since {option(ALLOWED)} is not given."


def moment_warnings(*, allowed_signers: str) -> tuple[str, ...]:
    """What whoever asks for signatures has to know of a moment."""
    if not allowed_signers:
        return ()
    warning = (
        "The backup is signed, but the commit logs that are replayed on it are not: what was written after the backup "
        "is only as safe as the rights to write to the bucket."
    )
    return (warning,)
