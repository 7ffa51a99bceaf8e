# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing and checking with ``ssh-keygen``, which nodes have: no cryptography of ours, and no further library.

It is what an auditor checks with, too, so there are no two opinions of what a signature is.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import tempfile
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import programs
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    DependencyError,
    LocalFilesError,
    SignatureError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import (
    ALLOWED,
    NAMESPACE,
    Signer,
)

PROGRAM = "ssh-keygen"
_SECONDS = 60.0
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: How releases before 8.2 say that they cannot do it.
_TOO_OLD = ("unsupported operation", "unknown option", "illegal option", "invalid option")


def sign(text: bytes, *, key_file: str) -> bytes:
    """The signature of a text, as ``ssh-keygen -Y sign`` makes it. Who calls sees nothing of the key but its path.

    :param key_file: a private key without a passphrase, that only its owner may read.
    :raises LocalFilesError: if it is none, or others may read it.
    :raises DependencyError: if there is no ``ssh-keygen`` that can sign.
    """
    _check_key_file(key_file)
    done = _run(["-q", "-Y", "sign", "-f", key_file, "-n", NAMESPACE], given=text)
    if done.returncode or not done.stdout:
        raise LocalFilesError(
            f"{PROGRAM} cannot sign with {key_file}: {_last_line(done)}.",
            subject=key_file,
            next_step=f"Give in {option('signing_key')} a key without passphrase: ssh-keygen -t ed25519 -N '' -f FILE.",
        )
    return done.stdout


def verify(text: bytes, signature: bytes, *, claimed: Signer, allowed_signers: str, subject: str) -> str:
    """Who has signed a text, by the name that the allowed signers give the key.

    :param claimed: whose the signature says it is, for messages.
    :param subject: what was signed, for messages.
    :raises SignatureError: if it was none of them, or this is not what was signed.
    :raises DependencyError: if there is no ``ssh-keygen`` that can check.
    """
    with tempfile.TemporaryDirectory(prefix="revive-") as directory:
        signers, signed = os.path.join(directory, "allowed_signers"), os.path.join(directory, "signature")
        for path, content in ((signers, allowed_signers.encode()), (signed, signature)):
            with open(path, "wb") as file:
                file.write(content)
        found = _run(["-Y", "find-principals", "-s", signed, "-f", signers])
        names = found.stdout.decode("utf-8", "replace").splitlines() if found.returncode == 0 else []
        names = [name for name in names if name and not name.startswith("!")]
        if not names:
            raise SignatureError(
                f"{subject} is signed by {claimed.fingerprint}, which is none of those in {option(ALLOWED)} that may "
                f"sign now ({_last_line(found)}).",
                subject=subject,
                next_step="Choose a backup that one of them has signed. If this key is a good one, add it to "
                f"{option(ALLOWED)}.",
            )
        why = ""
        for name in names:
            checked = _run(["-Y", "verify", "-f", signers, "-I", name, "-n", NAMESPACE, "-s", signed], given=text)
            if checked.returncode == 0:
                return name
            why = why or _last_line(checked)
    raise SignatureError(
        f"{subject} is not what {names[0]} ({claimed.fingerprint}) has signed: {why}.",
        subject=subject,
        next_step="Somebody has changed it, or its signature. Bring both back from a copy of the repository, or choose "
        "another backup.",
    )


def _check_key_file(path: str) -> None:
    """:raises LocalFilesError: if it is no private key, or others may read it."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        with open(path, "rb") as file:
            first = file.readline(200)
    except OSError as error:
        raise LocalFilesError(
            f"The signing key {path} cannot be read: {error.strerror}.",
            subject=path,
            next_step="It has to be on the node that makes the backup visible, which is the first of the play.",
        ) from error
    if mode & _OTHERS:
        raise LocalFilesError(
            f"The signing key {path} has mode {mode:04o}: others than its owner may read it.",
            subject=path,
            next_step=f"chmod 600 {path}; if somebody may have read it, make another pair.",
        )
    if b"PRIVATE KEY" not in first:
        raise LocalFilesError(
            f"{path} is not a private key.",
            subject=path,
            next_step=f"Give in {option('signing_key')} the file without .pub that ssh-keygen -t ed25519 has made.",
        )


def _run(arguments: t.Sequence[str], *, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # Nobody is there to be asked for a passphrase, and messages are looked at in English.
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    try:
        done = programs.run([PROGRAM, *arguments], timeout_seconds=_SECONDS, environment=environment, given=given)
    except subprocess.TimeoutExpired as error:
        raise LocalFilesError(
            f"{PROGRAM} was not through within {_SECONDS:.0f} s.", subject=PROGRAM, next_step="Try again."
        ) from error
    except OSError as error:
        raise _unusable(str(error.strerror)) from error
    if done.returncode and any(words in done.stderr.decode("utf-8", "replace").lower() for words in _TOO_OLD):
        raise _unusable("it is older than OpenSSH 8.2")
    return done


def _unusable(why: str) -> DependencyError:
    return DependencyError(
        f"{PROGRAM}, which signs backups and checks signatures, cannot be used on this machine: {why}.",
        subject=PROGRAM,
        next_step="Install OpenSSH's client there, 8.2 or newer; its package is openssh-client or openssh-clients.",
    )


def _last_line(done: subprocess.CompletedProcess[bytes]) -> str:
    with contextlib.suppress(IndexError):
        return done.stderr.decode("utf-8", "replace").strip().splitlines()[-1].rstrip(".")
    return f"it ended with {done.returncode}"
