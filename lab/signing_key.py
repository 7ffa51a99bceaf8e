# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of keys that signs backups, as an operator makes it with ``ssh-keygen``."""

from __future__ import annotations

import dataclasses
import subprocess
import typing as t
from pathlib import Path

#: What a drill's signer is called.
SIGNER = "drill@example.com"


@dataclasses.dataclass(frozen=True)
class SigningKey:
    """A private key in a file, on the node that publishes, and the signers that whoever restores allows."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> t.Self:
        """Make a pair."""
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return cls(path)

    @property
    def allowed_signers(self) -> str:
        """The text that names this key, and no other."""
        return f"{SIGNER} {self.path.with_suffix('.pub').read_text().strip()}"
