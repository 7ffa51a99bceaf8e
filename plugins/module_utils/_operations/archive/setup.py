# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All files that make a node archive its commit log: Cassandra's settings, the spool, the agent's files."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.archive_directory import SPOOL
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import (
    read_commit_log_mode,
    read_config,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import (
    local_error,
    names_in,
    read_if_there,
    write_atomically,
)
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.locks import is_locked
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import (
    SECRETS,
    AgentConfig,
    encode_config,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_status import AGENT_LOCK
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import NodeIdentity
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    RepositoryError,
    WrongClusterError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore, RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings, NodeSettings
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.archiving import (
    ArchivingSettings,
    agent_home,
    archive_root,
    configure_archiving,
    own,
    remove_archive,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.cassandra.identity import known_identity
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.marker import (
    check_cluster,
    open_repository,
)

#: Below the agent's directory. The first names the others.
CONFIG_FILE, STORE_FILE, CQL_FILE = "agent.json", "store.json", "cql.json"
#: What the role puts beside the script that Cassandra runs: the agent itself.
PROGRAMS = ("agent.pyz", "run_agent")


@dataclasses.dataclass(frozen=True)
class AgentOptions:
    """How the agent works.

    :param cql: to record the schema by; ``None`` for no record.
    """

    interval_seconds: float = 5.0
    max_bytes_per_second: int | None = None
    cql: CqlSettings | None = None


@dataclasses.dataclass(frozen=True)
class FileChange:
    """A file's text, without secrets."""

    path: str
    before: str
    after: str


@dataclasses.dataclass(frozen=True)
class SetUp:
    """What was changed on a node, or would be.

    :param restart_needed: whether Cassandra has to be restarted, since it reads its file only then.
    :param agent_changed: whether the agent has to be restarted to notice.
    :param removed_restore_settings: settings of a restore that were found and removed.
    :param kept_spool: a directory that is left because it has segments that nobody has shipped; ``None`` if all is
        as it should be.
    :param agent_running: whether an agent is running now.
    """

    changed: bool
    restart_needed: bool
    agent_changed: bool
    removed_restore_settings: tuple[str, ...]
    agent_config_file: str
    commitlog_directory: str
    spool_directory: str
    files: tuple[FileChange, ...]
    kept_spool: str | None = None
    agent_running: bool = False


def set_up_archiving(
    node: NodeSettings,
    store: ObjectStore,
    repository: RepositorySettings,
    settings: ArchivingSettings,
    agent: AgentOptions,
    *,
    host_ids: t.Sequence[str] = (),
    identity: NodeIdentity | None = None,
    started_us: int | None = None,
    check_mode: bool,
) -> SetUp:
    """Have a node archive its commit log to a repository, once Cassandra and the agent have restarted with it.

    The repository is read first, from the node itself: an agent that cannot get in would fill the spool.

    :param host_ids: of the cluster's other nodes, to recognise a node that joined after the last backup.
    :param identity: who the node said it is a moment ago, and ``started_us`` since when it runs; ``None`` to ask it.
    :raises RepositoryError: if there is none yet, except in check mode.
    :raises WrongClusterError: if it is another cluster's.
    :raises NodeError: if the node has never said who it is.
    :raises InputError: if an option cannot be used, or another tool archives already.
    :raises StoreError: if the store refuses the node.
    :raises LocalFilesError: if a file or directory cannot be read or written.
    """
    if agent.interval_seconds < 0.1:
        raise InputError(f"An interval of {agent.interval_seconds} s is too short.", subject="interval_seconds")
    identity = identity or _identity(node)
    cluster_id = _cluster_id(store, identity, host_ids=host_ids, check_mode=check_mode)
    archiving = configure_archiving(node, settings, present=True, check_mode=check_mode, started_us=started_us)
    config = read_config(node.config_file)
    mode = read_commit_log_mode(node.config_file)
    root = archive_root(settings, commitlog_directory=config.commitlog_directory)
    home = agent_home(node)
    wanted = AgentConfig(
        node_name=node.name,
        host_id=identity.host_id,
        commitlog_directory=config.commitlog_directory,
        archive_root=root,
        state_directory=home,
        repository=dataclasses.replace(repository, identity_file=None, allowed_signers="", moved_from=None),
        cluster_id=cluster_id,
        interval_seconds=agent.interval_seconds,
        buffered=mode.buffered,
        sync_period_seconds=mode.sync_period_seconds,
        max_bytes_per_second=agent.max_bytes_per_second,
        spool_max_bytes=settings.spool_max_bytes,
        spool_policy=settings.spool_policy,
        cql=dataclasses.replace(agent.cql, only_this_address=True) if agent.cql else None,
    )
    files = _agent_files(wanted, home=home)
    programs = [os.path.join(os.path.dirname(settings.script_path), name) for name in PROGRAMS]
    before = read_if_there(os.path.join(home, CONFIG_FILE))
    made = _make_home(node, settings.owner, check_mode=check_mode)
    # Each of them, whatever the first says.
    written = [_put(path, body, owner=settings.owner, check_mode=check_mode) for path, body in files.items()]
    return SetUp(
        changed=archiving.changed or made or any(written),
        restart_needed=archiving.restart_needed,
        agent_changed=any(written) or _agent_is_older(home, [*files, *programs]),
        removed_restore_settings=archiving.removed_restore_settings,
        agent_config_file=os.path.join(home, CONFIG_FILE),
        commitlog_directory=config.commitlog_directory,
        spool_directory=root,
        files=(
            FileChange(archiving.path, archiving.before, archiving.after),
            FileChange(os.path.join(home, CONFIG_FILE), _text(before), _text(files[os.path.join(home, CONFIG_FILE)])),
        ),
        agent_running=is_locked(home, name=AGENT_LOCK),
    )


def take_down_archiving(node: NodeSettings, settings: ArchivingSettings, *, check_mode: bool) -> SetUp:
    """Have a node stop archiving its commit log.

    While Cassandra still runs with the command, or an agent runs, what they need stays; called again after
    that, this removes it, except segments that nobody has shipped.

    :raises LocalFilesError: if a file or directory cannot be read, written or removed.
    """
    archiving = configure_archiving(node, settings, present=False, check_mode=check_mode)
    config = read_config(node.config_file)
    root = archive_root(settings, commitlog_directory=config.commitlog_directory)
    home = agent_home(node)
    removed = False
    if not archiving.restart_needed and not is_locked(home, name=AGENT_LOCK):
        removed = remove_archive(root, check_mode=check_mode)
        removed = _remove_home(home, check_mode=check_mode) or removed
    return SetUp(
        changed=archiving.changed or removed,
        restart_needed=archiving.restart_needed,
        agent_changed=False,
        removed_restore_settings=archiving.removed_restore_settings,
        agent_config_file=os.path.join(home, CONFIG_FILE),
        commitlog_directory=config.commitlog_directory,
        spool_directory=root,
        files=(FileChange(archiving.path, archiving.before, archiving.after),),
        kept_spool=root if names_in(os.path.join(root, SPOOL)) else None,
        agent_running=is_locked(home, name=AGENT_LOCK),
    )


def _identity(node: NodeSettings) -> NodeIdentity:
    _running, identity = known_identity(node)
    if identity is None:
        raise NodeError(
            f"Who node {node.name} is cannot be found out: it is down, and has never been asked.",
            subject=node.name,
            next_step="Start Cassandra there, then try again.",
        )
    return identity


def _cluster_id(store: ObjectStore, identity: NodeIdentity, *, host_ids: t.Sequence[str], check_mode: bool) -> str:
    try:
        marker = open_repository(store)
        check_cluster(store, marker, cluster_name=identity.cluster_name, host_ids=[identity.host_id, *host_ids])
    except WrongClusterError:
        raise
    except RepositoryError:
        if not check_mode:
            raise
        # It will be there by then.
        return ""
    return marker.cluster_id


def _agent_files(config: AgentConfig, *, home: str) -> dict[str, bytes | None]:
    """What belongs in the agent's directory, secrets in files of their own; ``None`` for what should not be there."""
    secrets = {name: getattr(config.repository, name) for name in SECRETS if getattr(config.repository, name)}
    password = config.cql.password if config.cql else None
    store_file, cql_file = os.path.join(home, STORE_FILE), os.path.join(home, CQL_FILE)
    body = encode_config(
        config,
        credentials_file=store_file if secrets else None,
        cql_credentials_file=cql_file if password else None,
    )
    return {
        # What the first names is there before it.
        store_file: _json(secrets) if secrets else None,
        cql_file: _json({"password": password}) if password else None,
        os.path.join(home, CONFIG_FILE): body,
    }


def _agent_is_older(home: str, paths: t.Iterable[str]) -> bool:
    """Whether the running agent started before its files were last changed: a run was broken off in between."""
    if not is_locked(home, name=AGENT_LOCK):
        return False
    changed = [os.stat(path).st_mtime for path in paths if os.path.exists(path)]
    # It writes to its lock when it starts, and then never again.
    return max(changed, default=0.0) > os.stat(os.path.join(home, "locks", AGENT_LOCK)).st_mtime


def _json(value: t.Mapping[str, t.Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _text(body: bytes | None) -> str:
    return (body or b"").decode("utf-8", "replace")


def _make_home(node: NodeSettings, owner: tuple[str, str] | None, *, check_mode: bool) -> bool:
    """The agent's directory, only for its user, below one that everybody may pass through but not list."""
    home = agent_home(node)
    try:
        passable = stat.S_IMODE(os.stat(node.state_directory).st_mode) & 0o011 == 0o011
    except FileNotFoundError:
        passable = False
    if os.path.isdir(home) and passable:
        return False
    if not check_mode:
        try:
            os.makedirs(home, mode=0o700, exist_ok=True)
            mode = stat.S_IMODE(os.stat(node.state_directory).st_mode)
            os.chmod(node.state_directory, mode | 0o011)
        except OSError as error:
            raise local_error(error, doing="make the directory", path=home) from error
        own(home, owner)
    return True


def _remove_home(home: str, *, check_mode: bool) -> bool:
    if not os.path.isdir(home):
        return False
    if not check_mode:
        try:
            shutil.rmtree(home)
        except OSError as error:
            raise local_error(error, doing="remove", path=home) from error
    return True


def _put(path: str, body: bytes | None, *, owner: tuple[str, str] | None, check_mode: bool) -> bool:
    """Write a file that only its user can read, or remove it; whether anything changed."""
    before = read_if_there(path)
    if before == body:
        return False
    if check_mode:
        return True
    if body is None:
        os.unlink(path)
        return True
    write_atomically(path, body)
    own(path, owner)
    return True
