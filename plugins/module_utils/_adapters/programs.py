# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other programs that run on a node: nodetool, and Cassandra itself.

Not by Ansible's ``run_command``, which ansible-test asks for: it has no time limit, cannot leave a program running, and
needs an ``AnsibleModule``, which the agent has not.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import typing as t

_END_SECONDS = 5.0


def run(
    command: t.Sequence[str],
    *,
    timeout_seconds: float,
    environment: t.Mapping[str, str] | None = None,
    given: bytes | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; what it printed and how it ended.

    :param given: its input; it has none by default.
    :raises OSError: if it cannot be run.
    :raises subprocess.TimeoutExpired: if it was not through in time; it has been killed, with all that it had started.
    """
    process = subprocess.Popen(  # pylint: disable=ansible-bad-function
        command,
        stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        # nodetool is a script that starts Java: who ends it has to end both.
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(given, timeout=timeout_seconds)
    except BaseException:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        # What left the group may hold the pipes for ever.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_END_SECONDS)
        raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def start(
    command: t.Sequence[str],
    *,
    directory: str,
    environment: t.Mapping[str, str],
    output: t.BinaryIO,
    user: tuple[int, int] | None,
    prepare: t.Callable[[], None],
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, and leave it running.

    :param user: the ids of the user and of the group that it runs as; this process's own if ``None``.
    :param prepare: what the child does before it becomes the program.
    :raises OSError: if it cannot be started.
    """
    return subprocess.Popen(  # pylint: disable=ansible-bad-function
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=directory,
        env=environment,
        start_new_session=True,
        preexec_fn=prepare,
        user=user[0] if user else None,
        group=user[1] if user else None,
        extra_groups=[] if user else None,
    )
