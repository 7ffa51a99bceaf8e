# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible inventory of clusters of the lab."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

from lab.cluster import Cluster, Credentials
from lab.node import Node
from lab.node_venv import ensure_node_venv
from lab.s3 import S3Server
from lab.signing_key import SigningKey
from lab.state_files import write_private


@dataclasses.dataclass(frozen=True)
class Repository:
    """Where a cluster's backups go.

    :ivar recipients: the public keys that they are encrypted for.
    :ivar signing: who signs them; whoever restores asks for just that.
    """

    server: S3Server
    bucket: str
    prefix: str
    recipients: tuple[str, ...] = ()
    signing: SigningKey | None = None


def write_inventory(
    *,
    path: Path,
    clusters: t.Sequence[Cluster],
    repository: Repository | None = None,
    credentials: Credentials | None = None,
    identity_files: t.Mapping[str, str] | None = None,
) -> Path:
    """Write an inventory of clusters, readable by its owner only, and return its path.

    Group ``cassandra_nodes`` holds the hosts of all clusters, by a group per cluster; hosts are named as nodes are.

    :param repository: of all these clusters; without one, the variables ``backup_*`` are left to the caller.
    :param credentials: the role that Ansible logs in with, each cluster's superuser by default.
    :param identity_files: with age identities, on the nodes that have one, by name.
    """
    identities = {name: {"restore_identity_file": path} for name, path in (identity_files or {}).items()}
    inventory = {
        "cassandra_nodes": {
            "vars": {**_python(), **_repository_variables(repository=repository)},
            "children": {
                cluster.name: {
                    "vars": _cluster_variables(cluster=cluster, credentials=credentials or cluster.superuser),
                    "hosts": {
                        node.name: {**node_variables(node=node), **identities.get(node.name, {})}
                        for node in cluster.nodes
                    },
                }
                for cluster in clusters
            },
        }
    }
    write_private(path=path, text=_yaml(value=inventory))
    return path


def node_variables(*, node: Node) -> dict[str, t.Any]:
    """Return the host variables of a node, by the names that the roles use."""
    return {
        "cassandra_nodetool_command": str(node.command_path(name="nodetool")),
        "cassandra_start_command": str(node.command_path(name="start")),
        "cassandra_stop_command": str(node.command_path(name="stop")),
        "cassandra_config_file": str(node.conf_directory / "cassandra.yaml"),
        "cassandra_user": node.directory.owner(),
        "cassandra_group": node.directory.group(),
        "cassandra_native_address": node.address,
        "cassandra_native_port": node.native_port,
        "cassandra_state_directory": str(node.directory / "revive"),
        "archive_directory": str(node.directory / "archive"),
        "archive_agent_start_command": str(node.command_path(name="start_agent")),
        "archive_agent_stop_command": str(node.command_path(name="stop_agent")),
        # All staging instances of a lab share one machine: each has an address of its own, and a small heap.
        "restore_staging_address": node.staging_address,
        "restore_staging_command": f"{node.command_path(name='cassandra')} -f",
        "restore_staging_heap_mib": 384,
    }


def _python() -> dict[str, t.Any]:
    return {
        "ansible_connection": "local",
        "ansible_pipelining": True,
        "ansible_python_interpreter": str(ensure_node_venv() / "bin" / "python"),
    }


def _cluster_variables(*, cluster: Cluster, credentials: Credentials) -> dict[str, str]:
    return {
        "cassandra_cql_username": credentials.username,
        "cassandra_cql_password": credentials.password,
        # For nodes that do not run yet, and that have no command "cassandra -v" in their path.
        "cassandra_release_version": cluster.version,
        **(cluster.hardening.inventory_variables() if cluster.hardening else {}),
    }


def _repository_variables(*, repository: Repository | None) -> dict[str, t.Any]:
    if repository is None:
        return {}
    recipients = {"backup_recipients": list(repository.recipients)} if repository.recipients else {}
    signing = {}
    if repository.signing:
        signing["backup_signing_key"] = str(repository.signing.path)
        signing["restore_allowed_signers"] = repository.signing.allowed_signers
    return {
        **recipients,
        **signing,
        "backup_endpoint_url": repository.server.endpoint_url,
        "backup_bucket": repository.bucket,
        "backup_prefix": repository.prefix,
        "backup_region": repository.server.region,
        "backup_access_key_id": repository.server.access_key_id,
        "backup_secret_access_key": repository.server.secret_access_key,
    }


def _yaml(*, value: t.Mapping[str, t.Any], depth: int = 0) -> str:
    """Return nested mappings as YAML in block style; scalars are written as JSON, which YAML reads the same."""
    lines = []
    for key, inner in value.items():
        indent = "  " * depth
        if isinstance(inner, t.Mapping):
            lines.append(f"{indent}{key}:\n{_yaml(value=inner, depth=depth + 1)}")
        else:
            lines.append(f"{indent}{key}: {json.dumps(inner)}\n")
    return "".join(lines)
