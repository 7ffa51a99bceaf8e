# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archiving on a node: Cassandra's settings for it, the spool, the agent's configuration; and how it stands."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import time
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.archive_directory import (
    ARCHIVED,
    DROPPED,
    SPOOL,
    ArchiveDirectory,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import (
    read_commit_log_mode,
    read_config,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    local_error,
    read_if_there,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.nodetool import Nodetool
from ansible_collections.revive.cassandra.plugins.module_utils._core.agent_settings import AgentConfig, encode_config
from ansible_collections.revive.cassandra.plugins.module_utils._core.agent_status import AgentStatus
from ansible_collections.revive.cassandra.plugins.module_utils._core.archiving_properties import (
    FILE_NAME,
    archive_command,
    with_archiving,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, NodeUnreachableError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ledger import Gap
from ansible_collections.revive.cassandra.plugins.module_utils._core.log_chain import (
    Base,
    NodeLog,
    Window,
    chains,
    node_windows,
    restorable_windows,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings, NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.ship import read_agent_status

POLICIES = ("block", "drop_and_record_gap")
CONF_NAME = "archive_segment.conf"
_UPTIME = re.compile(r"^Uptime \(seconds\)\s*:\s*(\d+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class ArchivingSettings:
    """How a node is to archive.

    :param script_path: of ``archive_segment``, which the role installs; its settings lie beside it.
    :param owner: user and group that Cassandra and the agent run as; ``None`` leaves what is made to who makes it.
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

    :param restart_needed: whether the running node has started before the file became what it is now.
    :param leftovers: settings of a restore that were found and removed. On a node that serves they delete what is
        written after the restore at its next start.
    :param before: the properties file's text, as ``after``.
    """

    changed: bool
    restart_needed: bool
    leftovers: tuple[str, ...]
    path: str
    before: str
    after: str


@dataclasses.dataclass(frozen=True)
class NodeArchive:
    """How a node's archive stands, as the repository says.

    :param lag_seconds: since when what is written is not covered; ``None`` if nothing ever was.
    """

    host_id: str
    name: str
    covered_until_us: int
    lag_seconds: float | None
    gaps: tuple[Gap, ...]
    windows: tuple[Window, ...]
    segments: int
    pieces: int
    stored_size: int
    spool_bytes: int
    spool_limit_bytes: int


@dataclasses.dataclass(frozen=True)
class ClusterArchive:
    """How the cluster's archive stands.

    :param windows: moments to which all nodes can be restored, for each base, oldest first.
    """

    nodes: tuple[NodeArchive, ...]
    windows: tuple[Window, ...]


def configure_archiving(
    node: NodeSettings, settings: ArchivingSettings, *, present: bool, check_mode: bool
) -> ArchivingOutcome:
    """Have Cassandra archive its commit log, or no longer.

    Settings of a restore that were left behind are removed in both cases.

    :raises InputError: if a path or the policy cannot be used, or another tool archives already.
    :raises LocalFilesError: if a file or directory cannot be read or written.
    """
    if settings.spool_policy not in POLICIES:
        raise InputError(
            f"{settings.spool_policy!r} is no policy.", subject="spool_policy", next_step=", ".join(POLICIES)
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
    # The script's settings before a restart makes use of them, and gone only after it no longer does.
    changed = _set_conf(conf_path, conf, check_mode=check_mode) or changed
    if present:
        changed = _make_directories(root, settings.owner, check_mode=check_mode) or changed
    return ArchivingOutcome(
        changed=changed,
        restart_needed=change.text != before or _is_newer_than_the_node(path, node),
        leftovers=change.leftovers,
        path=path,
        before=before,
        after=change.text,
    )


def archive_root(settings: ArchivingSettings, *, commitlog_directory: str) -> str:
    """Where the spool and its records lie.

    :raises InputError: if it is no absolute path, or one that the script's settings cannot hold.
    """
    root = settings.spool_directory or os.path.join(commitlog_directory, ".revive")
    if not os.path.isabs(root) or "\n" in root:
        raise InputError(f"{root!r} cannot be the spool's directory.", subject="spool_directory")
    return os.path.normpath(root)


def configure_agent(
    node: NodeSettings,
    settings: ArchivingSettings,
    repository: RepositorySettings,
    *,
    path: str,
    host_id: str,
    cluster_id: str,
    interval_seconds: float,
    credentials_file: str | None,
    cql: CqlSettings | None = None,
    cql_credentials_file: str | None = None,
    max_bytes_per_second: int | None = None,
    check_mode: bool,
) -> bool:
    """Write the agent's configuration, readable by its user only; whether it changed, so that the agent be restarted.

    :param credentials_file: a JSON file of mode 0600 with the store's keys; ``None`` where the node has a role.
    :raises LocalFilesError: if a file cannot be read or written.
    """
    config = read_config(node.config_file)
    mode = read_commit_log_mode(node.config_file)
    wanted = AgentConfig(
        node_name=node.name,
        host_id=host_id,
        commitlog_directory=config.commitlog_directory,
        archive_root=archive_root(settings, commitlog_directory=config.commitlog_directory),
        state_directory=node.state_directory,
        repository=repository,
        cluster_id=cluster_id,
        interval_seconds=interval_seconds,
        buffered=mode.buffered,
        sync_period_seconds=mode.sync_period_seconds,
        max_bytes_per_second=max_bytes_per_second,
        spool_max_bytes=settings.spool_max_bytes,
        spool_policy=settings.spool_policy,
        cql=cql,
    )
    body = encode_config(wanted, credentials_file=credentials_file, cql_credentials_file=cql_credentials_file)
    if read_if_there(path) == body:
        return False
    if not check_mode:
        write_atomically(path, body)
        _own(path, settings.owner)
    return True


def archiving_info(logs: t.Sequence[NodeLog], bases: t.Sequence[Base], *, now_us: int | None = None) -> ClusterArchive:
    """The restorable windows, gaps, lag and sizes, per node and for the cluster."""
    now = now_us if now_us is not None else time.time_ns() // 1000
    nodes = []
    for log in logs:
        found = chains(log)
        until_us = found[-1].until_us if found else 0
        nodes.append(
            NodeArchive(
                host_id=log.host_id,
                name=log.name,
                covered_until_us=until_us,
                lag_seconds=(now - until_us) / 1_000_000 if until_us else None,
                gaps=log.gaps,
                windows=node_windows(bases, log),
                segments=sum(len(chain.segments) for chain in found),
                pieces=len(log.pieces),
                stored_size=sum(piece.stored_size for piece in log.pieces),
                spool_bytes=log.head.spool_bytes if log.head else 0,
                spool_limit_bytes=log.head.spool_limit_bytes if log.head else 0,
            )
        )
    return ClusterArchive(nodes=tuple(nodes), windows=restorable_windows(bases, logs))


def node_archive_status(node: NodeSettings, settings: ArchivingSettings) -> tuple[AgentStatus | None, int]:
    """What the node's agent says, and the spool's bytes as they are now.

    :raises LocalFilesError: if they cannot be read.
    """
    config = read_config(node.config_file)
    root = archive_root(settings, commitlog_directory=config.commitlog_directory)
    files = ArchiveDirectory(log_directory=config.commitlog_directory, root=root)
    return read_agent_status(node.state_directory), files.usage()[0]


def _set_conf(path: str, text: str, *, check_mode: bool) -> bool:
    before = read_if_there(path)
    if not text:
        # A node that still runs with the command needs it: it goes with the script, which the role removes later.
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
            _own(path, owner)
    return bool(missing)


def _own(path: str, owner: tuple[str, str] | None) -> None:
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


def _is_newer_than_the_node(path: str, node: NodeSettings) -> bool:
    """Whether the node has read another text than what is there: it reads the file once, when it starts."""
    try:
        match = _UPTIME.search(Nodetool(node).run("info"))
        changed = os.stat(path).st_mtime
    except (NodeUnreachableError, FileNotFoundError):
        # It will read what is there when it starts.
        return False
    return match is not None and changed > time.time() - int(match[1])
