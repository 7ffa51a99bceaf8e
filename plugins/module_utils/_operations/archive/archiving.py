# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archiving on a node: Cassandra's settings for it, the spool, the agent's configuration, and its state."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import time

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.archive_directory import (
    ARCHIVED,
    DROPPED,
    SPOOL,
    ArchiveDirectory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_config
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    local_error,
    names_in,
    read_if_there,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import is_locked
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_status import AGENT_LOCK, AgentStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.archiving_properties import (
    FILE_NAME,
    archive_command,
    with_archiving,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeUnreachableError
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.ship import read_agent_status

POLICIES = ("block", "drop_and_record_gap")
CONF_NAME = "archive_segment.conf"
_UPTIME = re.compile(r"^Uptime \(seconds\)\s*:\s*(\d+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class ArchivingSettings:
    """How a node should archive.

    :param script_path: of ``archive_segment``, which the role installs; its settings lie beside it.
    :param owner: user and group that Cassandra and the agent run as; ``None`` leaves files to whoever makes them.
    :param spool_directory: ``None`` for ``.revive`` below the commit log, on the same file system by construction.
    :param replace_command: whether another tool's ``archive_command`` may be replaced.
    """

    script_path: str
    owner: tuple[str, str] | None = None
    spool_directory: str | None = None
    spool_max_bytes: int = 0
    spool_policy: str = "block"
    replace_command: bool = False


@dataclasses.dataclass(frozen=True)
class ArchivingOutcome:
    """What was changed, or would be.

    :param restart_needed: whether the running node started before the file was changed to what it is now.
    :param removed_restore_settings: settings of a restore that were found and removed. On a node that serves they
        delete, at its next start, what is written after the restore.
    :param before: the properties file's text, as ``after``.
    """

    changed: bool
    restart_needed: bool
    removed_restore_settings: tuple[str, ...]
    path: str
    before: str
    after: str


def configure_archiving(
    node: NodeSettings,
    settings: ArchivingSettings,
    *,
    present: bool,
    check_mode: bool,
    started_us: int | None = None,
) -> ArchivingOutcome:
    """Have Cassandra archive its commit log, or stop that.

    Settings of a restore that were left behind are removed in both cases.

    :param started_us: when the process that ran a moment ago was started; ``None`` to ask for it. One that was started
        since has read the same or later: at worst it is restarted for nothing.
    :raises InputError: if a path or the policy cannot be used, or another tool archives already.
    :raises LocalFilesError: if a file or directory cannot be read or written.
    """
    if settings.spool_policy not in POLICIES:
        raise InputError(
            f"{settings.spool_policy!r} is not a policy.", subject="spool_policy", next_step=", ".join(POLICIES)
        )
    config = read_config(node.config_file)
    root = archive_root(settings, commitlog_directory=config.commitlog_directory)
    command = archive_command(settings.script_path) if present else None
    path = os.path.join(os.path.dirname(os.path.realpath(node.config_file)), FILE_NAME)
    before = (read_if_there(path) or b"").decode("utf-8", "replace")
    change = with_archiving(before, command=command, replace_command=settings.replace_command)
    conf_path = os.path.join(os.path.dirname(settings.script_path), CONF_NAME)
    conf = f"root={root}\npolicy={settings.spool_policy}\nmax_bytes={settings.spool_max_bytes}\n" if present else ""
    changed = change.text != before
    if not check_mode and changed:
        _write(path, change.text, mode=0o644, like=node.config_file)
    # The script's settings come before the restart that uses them, and go only after one that no longer does.
    changed = _set_conf(conf_path, conf, check_mode=check_mode) or changed
    if present:
        changed = _make_directories(root, settings.owner, check_mode=check_mode) or changed
    return ArchivingOutcome(
        changed=changed,
        restart_needed=change.text != before or _is_newer_than_the_node(path, node, started_us=started_us),
        removed_restore_settings=change.removed_restore_settings,
        path=path,
        before=before,
        after=change.text,
    )


def archive_root(settings: ArchivingSettings, *, commitlog_directory: str) -> str:
    """Where the spool and its records lie.

    :raises InputError: if it is not an absolute path, or the script's settings cannot hold it.
    """
    root = settings.spool_directory or os.path.join(commitlog_directory, ".revive")
    if not os.path.isabs(root) or "\n" in root:
        raise InputError(f"{root!r} cannot be the spool directory.", subject="spool_directory")
    return os.path.normpath(root)


@dataclasses.dataclass(frozen=True)
class NodeAgent:
    """The state of a node's agent, as the node sees it.

    :param running: whether its process is there.
    :param status: what it said last; ``None`` if there never was one.
    :param spool_bytes: on disk, now.
    """

    running: bool
    status: AgentStatus | None
    spool_bytes: int
    spool_segments: int


def agent_home(node: NodeSettings) -> str:
    """The agent's own directory: it runs as Cassandra's user, who must not see what lies beside it."""
    return os.path.join(node.state_directory, "archive")


def read_node_agent(node: NodeSettings, *, spool_directory: str | None) -> NodeAgent:
    """The state of the node's agent and its spool.

    :raises LocalFilesError: if they cannot be read.
    :raises ManifestError: if what the agent left cannot be understood.
    """
    config = read_config(node.config_file)
    settings = ArchivingSettings(script_path="", spool_directory=spool_directory)
    root = archive_root(settings, commitlog_directory=config.commitlog_directory)
    size, count = ArchiveDirectory(log_directory=config.commitlog_directory, root=root).usage()
    home = agent_home(node)
    return NodeAgent(
        running=is_locked(home, name=AGENT_LOCK),
        status=read_agent_status(home),
        spool_bytes=size,
        spool_segments=count,
    )


def remove_archive(root: str, *, check_mode: bool) -> bool:
    """Remove what archiving made below ``root``, except segments that nobody has shipped; whether there was anything.

    :raises LocalFilesError: if it cannot be removed.
    """
    ours = [path for path in (os.path.join(root, part) for part in (SPOOL, ARCHIVED, DROPPED)) if os.path.isdir(path)]
    if not ours or names_in(os.path.join(root, SPOOL)):
        return False
    if not check_mode:
        try:
            for path in ours:
                shutil.rmtree(path)
            if not names_in(root):
                os.rmdir(root)
        except OSError as error:
            raise local_error(error, doing="remove", path=root) from error
    return True


def _set_conf(path: str, text: str, *, check_mode: bool) -> bool:
    before = read_if_there(path)
    if not text:
        # A node that still runs with the command needs it. It goes with the script, which the role removes later.
        return False
    if before == text.encode():
        return False
    if not check_mode:
        _write(path, text, mode=0o644, like=os.path.dirname(path))
    return True


def _make_directories(root: str, owner: tuple[str, str] | None, *, check_mode: bool) -> bool:
    wanted = [root, *(os.path.join(root, part) for part in (SPOOL, ARCHIVED, DROPPED))]
    missing = [path for path in wanted if not os.path.isdir(path)]
    if not check_mode:
        for path in missing:
            try:
                os.makedirs(path, mode=0o750)
            except OSError as error:
                raise local_error(error, doing="make the directory", path=path) from error
            own(path, owner)
    return bool(missing)


def own(path: str, owner: tuple[str, str] | None) -> None:
    """Give a file to a user and group, if this user may.

    :raises InputError: if there is no such user or group.
    """
    if owner is None or os.geteuid() != 0:
        return
    try:
        shutil.chown(path, *owner)
    except (LookupError, OSError) as error:
        raise InputError(f"{path} cannot be given to {':'.join(owner)}: {error}.", subject=path) from error


def _write(path: str, text: str, *, mode: int, like: str) -> None:
    """Replace a file that Cassandra reads, with the owner of ``like``."""
    try:
        write_atomically(path, text.encode())
        os.chmod(path, mode)
        if os.geteuid() == 0:
            status = os.stat(like)
            os.chown(path, status.st_uid, status.st_gid)
    except OSError as error:
        raise local_error(error, doing="write", path=path) from error


def _is_newer_than_the_node(path: str, node: NodeSettings, *, started_us: int | None) -> bool:
    """Whether the node has read a text other than the current one: it reads the file once, when it starts."""
    try:
        changed = os.stat(path).st_mtime
        started = started_us / 1e6 if started_us is not None else _started(node)
    except (NodeUnreachableError, FileNotFoundError):
        # It will read the file when it starts.
        return False
    return started is not None and changed > started


def _started(node: NodeSettings) -> float | None:
    """When the node's process was started, in seconds since the epoch; ``None`` if it does not say."""
    match = _UPTIME.search(Nodetool(node).run("info"))
    return time.time() - int(match[1]) if match else None
