# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair of age keys, as an operator makes one with ``age-keygen``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyrage

from lab.cluster import Cluster
from lab.state_files import write_private


@dataclasses.dataclass(frozen=True)
class AgeKeys:
    """The public key, which nodes may know, and the identity, which is in no file until nodes have to restore."""

    recipient: str
    identity: str = dataclasses.field(repr=False)

    @classmethod
    def make(cls) -> AgeKeys:
        """Make a pair."""
        identity = pyrage.x25519.Identity.generate()
        return cls(recipient=str(identity.to_public()), identity=str(identity))

    def give_to(self, cluster: Cluster) -> dict[str, str]:
        """Put the identity on each node; the paths by the nodes' names."""
        paths = {node.name: node.directory / "age-identity" for node in cluster.nodes}
        for path in paths.values():
            self.write(path)
        return {name: str(path) for name, path in paths.items()}

    def write(self, path: Path) -> None:
        """Write the identity as age-keygen does, readable by its owner only."""
        write_private(path=path, text=f"# public key: {self.recipient}\n{self.identity}\n")
