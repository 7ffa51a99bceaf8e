# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ship now: ask a node's agent, and wait until what was written before is in the repository."""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import clock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import read_if_there, write_atomically
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import is_locked
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_status import (
    AGENT_LOCK,
    SHIP_NOW_FILE,
    STATUS,
    STATUS_FILE,
    AgentStatus,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import NodeError
from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us

_POLL_SECONDS = 0.1
_ASK_AGAIN_SECONDS = 0.5
#: An agent that has said nothing for this long is not running.
_SILENT_SECONDS = 30.0


@dataclasses.dataclass(frozen=True)
class ShipOutcome:
    """What was shipped.

    :param asked_us: everything written before is covered.
    """

    asked_us: int
    covered_until_us: int
    waited_seconds: float


def read_agent_status(state_directory: str) -> AgentStatus | None:
    """What a node's agent said last; ``None`` if there never was one.

    :raises LocalFilesError: if it cannot be read.
    :raises ManifestError: if it is something else.
    """
    path = os.path.join(state_directory, "agent", STATUS_FILE)
    body = read_if_there(path)
    return STATUS.decode(body, subject=path) if body else None


def ship_now(
    *,
    node: str,
    state_directory: str,
    timeout_seconds: float,
    now_us: t.Callable[[], int] = clock.now_us,
    sleep: t.Callable[[float], None] = time.sleep,
) -> ShipOutcome:
    """Have everything that was written before this call shipped, and wait for it.

    :param node: the node's name, for messages.
    :param state_directory: the agent's.
    :raises NodeError: if it is not covered in time; with what the agent says, or that it is not running.
    :raises LocalFilesError: if the agent cannot be asked.
    """
    asked_us = now_us()
    began = time.monotonic()
    asked_again = began
    _ask(state_directory)
    while True:
        status = read_agent_status(state_directory)
        waited = time.monotonic() - began
        if status is not None and status.covered_until_us >= asked_us:
            return ShipOutcome(asked_us=asked_us, covered_until_us=status.covered_until_us, waited_seconds=waited)
        silent = _is_silent(status, state_directory=state_directory, now_us=now_us())
        if waited >= timeout_seconds or (silent and waited >= min(timeout_seconds, _SILENT_SECONDS)):
            raise _not_covered(node, status, asked_us=asked_us, waited=waited, silent=silent)
        if time.monotonic() - asked_again >= _ASK_AGAIN_SECONDS:
            _ask(state_directory)
            asked_again = time.monotonic()
        sleep(_POLL_SECONDS)


def _is_silent(status: AgentStatus | None, *, state_directory: str, now_us: int) -> bool:
    """Whether there is no agent that could answer. One that restarts is given some time."""
    if status is None or not status.running or not is_locked(state_directory, name=AGENT_LOCK):
        return True
    return now_us - status.written_us > _SILENT_SECONDS * 1_000_000


def _ask(state_directory: str) -> None:
    write_atomically(os.path.join(state_directory, "agent", SHIP_NOW_FILE), b"", durable=False)


def _not_covered(node: str, status: AgentStatus | None, *, asked_us: int, waited: float, silent: bool) -> NodeError:
    message = f"What was written on node {node} before {format_us(asked_us)} is not covered after {waited:.0f} s"
    if status is None or silent:
        return NodeError(
            f"{message}: its agent is not running.",
            subject=node,
            next_step="Start the agent (unit revive-commitlog-agent), or run the playbook enable_archiving.",
        )
    if status.failing:
        return NodeError(f"{message}: its agent cannot {status.failing}: {status.error}", subject=node)
    covered = format_us(status.covered_until_us) if status.covered_until_us else "never"
    why = "bytes in its log are waiting for a sync marker" if status.pending_since_us else "it is still shipping"
    return NodeError(f"{message}: {why}; covered until {covered}.", subject=node, next_step="Allow more time.")
