# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who a node is: what it says itself, and what is remembered for when it is down.

Each question to nodetool starts a Java machine, which takes seconds on a busy node. What cannot have changed while one
process has been running is asked of that process once.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import read_if_there, write_atomically
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import (
    NodeInfo,
    parse_describecluster,
    parse_info,
    parse_status,
    parse_version,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.document import Document
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    LocalFilesError,
    ManifestError,
    NodeStartingError,
    NodeUnreachableError,
    NotInRingError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings

_FILE = "node.json"


@dataclasses.dataclass(frozen=True)
class _Note:
    """What is kept on the node.

    :param generation: of the process that said it; 0 if that is not known.
    """

    identity: NodeIdentity
    generation: int = 0


_NOTE = Document("node-identity", _Note, bare=dict)


def read_identity(node: NodeSettings) -> NodeIdentity:
    """Who the node says it is; and remember that.

    :raises NodeUnreachableError: if it does not answer.
    :raises NotInRingError: if it is not part of its ring.
    """
    return read_process(node)[0]


def read_process(node: NodeSettings) -> tuple[NodeIdentity, NodeInfo]:
    """Who the node is, as :func:`read_identity`, and what its process says about itself."""
    info = parse_info(Nodetool(node).run("info", "-T"))
    note = _read_note(node)
    if note is not None and _is_of(note, info):
        return dataclasses.replace(note.identity, name=node.name), info
    identity = _ask_all(node, info)
    # Reading may be all that a user is allowed to.
    with contextlib.suppress(LocalFilesError):
        _write_note(node, _Note(identity=identity, generation=info.generation))
    return identity, info


def remembered_identity(node: NodeSettings) -> NodeIdentity | None:
    """Who the node was when it was last asked; ``None`` if it never was, or the note is damaged."""
    note = _read_note(node)
    return note.identity if note is not None else None


def is_running(node: NodeSettings) -> bool:
    """Whether the node answers nodetool, or has just been started and will.

    :raises NodeError: if nodetool cannot be run, or is refused.
    """
    try:
        Nodetool(node).run("version")
    except NodeStartingError:
        return True
    except NodeUnreachableError:
        return False
    return True


def known_identity(node: NodeSettings) -> tuple[bool, NodeIdentity | None]:
    """Whether the node runs, and who it is: what it says, or what it said when it was last asked.

    One question answers both.
    """
    running, identity, _info = known_process(node)
    return running, identity


def known_process(node: NodeSettings) -> tuple[bool, NodeIdentity | None, NodeInfo | None]:
    """What :func:`known_identity` returns, and what the process says about itself."""
    try:
        identity, info = read_process(node)
    except NodeStartingError:
        return True, remembered_identity(node), None
    except NodeUnreachableError:
        return False, remembered_identity(node), None
    except NotInRingError:
        # A node that runs outside its ring is not one of those that were backed up.
        return True, None, None
    return True, identity, info


def _is_of(note: _Note, info: NodeInfo) -> bool:
    """Whether the running process is the one that the note is about, and says what can be compared."""
    known = note.identity
    return (
        # Cassandra takes a new one, never the same again, each time it starts to gossip.
        0 < note.generation == info.generation
        and info.gossip_active
        and (known.host_id, known.datacenter, known.rack) == (info.host_id, info.datacenter, info.rack)
        and known.tokens == info.tokens
    )


def _ask_all(node: NodeSettings, info: NodeInfo) -> NodeIdentity:
    nodetool = Nodetool(node)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        cluster_output, status_output = pool.map(nodetool.run, ("describecluster", "status"))
    cluster = parse_describecluster(cluster_output)
    itself = [status for status in parse_status(status_output) if status.host_id == info.host_id]
    if not itself or not info.tokens:
        raise NotInRingError(
            f"Node {node.name} ({info.host_id}) is not a member of its ring.",
            subject=node.name,
            next_step="Wait until nodetool status shows it as UN.",
        )
    address = itself[0].address
    return NodeIdentity(
        host_id=info.host_id,
        name=node.name,
        address=address,
        datacenter=info.datacenter,
        rack=info.rack,
        tokens=info.tokens,
        release_version=cluster.release_of(address) or parse_version(nodetool.run("version")),
        partitioner=cluster.partitioner,
        cluster_name=cluster.name,
    )


def _write_note(node: NodeSettings, note: _Note) -> None:
    path = os.path.join(node.state_directory, _FILE)
    body = _NOTE.encode(note)
    if read_if_there(path) != body:
        write_atomically(path, body)


def _read_note(node: NodeSettings) -> _Note | None:
    path = os.path.join(node.state_directory, _FILE)
    text = read_if_there(path)
    with contextlib.suppress(ManifestError):
        return None if text is None else _NOTE.decode(text, subject=path)
    return None
