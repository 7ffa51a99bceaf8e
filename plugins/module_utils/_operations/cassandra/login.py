# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a node lets in who will work over CQL: tried before anything is touched."""

from __future__ import annotations

import dataclasses

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cql import check_files, connect
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    NodeUnreachableError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings

# Readable for every role that may log in.
_QUESTION = "SELECT host_id FROM system.local"


@dataclasses.dataclass(frozen=True)
class Login:
    """How it went.

    :param tried: whether the node was asked. One that does not run cannot be: then the driver, the certificates and the
        key were looked at.
    :param problem: why it did not succeed, with options marked; empty if it did.
    :param code: of the error that it was; empty if there was none.
    """

    tried: bool
    problem: str = ""
    code: str = ""


def try_login(cql: CqlSettings, *, running: bool, address: str, port: int) -> Login:
    """Log in to this node, and only to it, over CQL.

    :param running: whether it runs.
    :param address: its own, and ``port`` too, for settings without them.
    """
    own = dataclasses.replace(
        cql,
        address=cql.address or address,
        port=cql.port or port,
        consistency="LOCAL_ONE",
        only_this_address=True,
    )
    try:
        if not running:
            check_files(own)
            return Login(tried=False)
        _ask(own)
    except ReviveError as error:
        return Login(tried=running, problem=error.marked, code=error.code)
    return Login(tried=True)


def _ask(cql: CqlSettings) -> None:
    """Twice, if need be: a node that is busy for a moment is none that lets nobody in."""
    try:
        with connect(cql) as session:
            session.rows(_QUESTION)
    except NodeUnreachableError:
        with connect(cql) as session:
            session.rows(_QUESTION)
