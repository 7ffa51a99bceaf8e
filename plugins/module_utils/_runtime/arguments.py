# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that modules share, in groups, and the settings that they become.

Each group has a documentation fragment of the same name in ``plugins/doc_fragments``; a test holds them together.
"""

from __future__ import annotations

import dataclasses
import platform
import shlex
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.recipients import check_recipients
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import (
    check_allowed_signers,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import (
    CqlSettings,
    InstanceOptions,
    NodeSettings,
    TransferSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.store_options import check_store_options

Params = t.Mapping[str, t.Any]
_Constraints = tuple[tuple[t.Any, ...], ...]


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Options with the constraints among them, in the forms that ``AnsibleModule`` takes."""

    options: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    required_if: _Constraints = ()
    required_together: _Constraints = ()
    required_one_of: _Constraints = ()
    mutually_exclusive: _Constraints = ()

    def __add__(self, other: Arguments) -> Arguments:
        """Both groups' options and constraints; an option has one meaning, so the groups may share none."""
        shared = sorted(set(self.options) & set(other.options))
        if shared:
            raise ValueError(f"options in two groups: {', '.join(shared)}")
        return Arguments(
            options={**self.options, **other.options},
            required_if=self.required_if + other.required_if,
            required_together=self.required_together + other.required_together,
            required_one_of=self.required_one_of + other.required_one_of,
            mutually_exclusive=self.mutually_exclusive + other.mutually_exclusive,
        )

    def to_module_arguments(self) -> dict[str, t.Any]:
        """Keyword arguments for ``AnsibleModule``."""
        return {
            "argument_spec": dict(self.options),
            "required_if": [list(rule) for rule in self.required_if],
            "required_together": [list(rule) for rule in self.required_together],
            "required_one_of": [list(rule) for rule in self.required_one_of],
            "mutually_exclusive": [list(rule) for rule in self.mutually_exclusive],
        }


def shared_arguments(*, repository_required: bool) -> Arguments:
    """What every module takes, whether it uses it or not, so it can be set once for the whole action group."""
    return node_arguments() + repository_arguments(required=repository_required)


def repository_arguments(*, required: bool = True) -> Arguments:
    """Where the repository is; one option, so it is set once for all modules."""
    return Arguments(
        options={
            "repository": {
                "type": "dict",
                "required": required,
                "options": {
                    "bucket": {"type": "str", "required": True},
                    "prefix": {"type": "str", "default": ""},
                    "endpoint_url": {"type": "str"},
                    "region": {"type": "str"},
                    "access_key_id": {"type": "str", "no_log": False},
                    "secret_access_key": {"type": "str", "no_log": True},
                    "session_token": {"type": "str", "no_log": True},
                    "profile": {"type": "str"},
                    "ca_bundle": {"type": "path"},
                    "virtual_hosted_style": {"type": "bool", "default": False},
                    "recipients": {"type": "list", "elements": "str", "default": []},
                    "identity_file": {"type": "path"},
                    "allowed_signers": {"type": "str"},
                    "moved_from": {"type": "str"},
                    "server_side_encryption": {"type": "str", "choices": ["AES256", "aws:kms", "aws:kms:dsse"]},
                    "kms_key_id": {"type": "str", "no_log": False},
                    "kms_bucket_key": {"type": "bool", "default": False, "no_log": False},
                    "storage_class": {"type": "str"},
                    "checksums": {"type": "str", "default": "sha256", "choices": ["sha256", "none", "content_md5"]},
                    "requester_pays": {"type": "bool", "default": False},
                    "proxy_url": {"type": "str", "no_log": True},
                    "shared_credentials_file": {"type": "path"},
                    "role_arn": {"type": "str"},
                    "role_session_name": {"type": "str"},
                    "role_external_id": {"type": "str"},
                    "web_identity_token_file": {"type": "path", "no_log": False},
                    "sts_endpoint_url": {"type": "str"},
                },
                "required_together": [["access_key_id", "secret_access_key"]],
                "mutually_exclusive": [["access_key_id", "profile"]],
            }
        }
    )


def node_arguments() -> Arguments:
    """How to reach the node on which the module runs."""
    return Arguments(
        options={
            "node_name": {"type": "str"},
            "nodetool_command": {"type": "str", "default": "nodetool"},
            "nodetool_timeout_seconds": {"type": "int", "default": 600},
            "config_file": {"type": "path", "default": "/etc/cassandra/cassandra.yaml"},
            "state_directory": {"type": "path", "default": "/var/lib/revive-cassandra"},
            "jmx_username": {"type": "str"},
            "jmx_password_file": {"type": "path", "no_log": False},
            "jmx_ssl_properties_file": {"type": "path"},
            "release_version": {"type": "str"},
            "listen_address": {"type": "str"},
            **_lease_options(),
        }
    )


def _lease_options() -> dict[str, t.Any]:
    """For which play the module works on the node, and whose lease it takes over."""
    return {
        "lease": {
            "type": "dict",
            "options": {
                "id": {"type": "str", "required": True},
                "operation": {"type": "str", "required": True},
                "works_on": {"type": "str", "default": ""},
                "started_by": {"type": "str", "default": ""},
                "job": {"type": "str", "default": ""},
                "controller": {"type": "dict"},
                "lease_minutes": {"type": "int", "default": 120},
                "ended": {"type": "list", "elements": "str", "default": []},
                "gives_back": {"type": "bool", "default": False},
            },
        },
        "take_over_lease": {"type": "list", "elements": "str", "default": []},
    }


def transfer_arguments() -> Arguments:
    """How hard a transfer may work, and where it says how far it is."""
    return Arguments(
        options={
            "workers": {"type": "int", "default": 4},
            "max_bytes_per_second": {"type": "int"},
            "progress_file": {"type": "path"},
        }
    )


def staging_arguments() -> Arguments:
    """How the instances run that replay a commit log."""
    return Arguments(
        options={
            "staging_command": {"type": "str", "default": "cassandra -f"},
            "staging_address": {"type": "str", "default": "127.0.0.254"},
            "staging_heap_mib": {"type": "int", "default": 1024},
            "staging_nice": {"type": "int", "default": 10},
        }
    )


def cql_arguments(*, required: bool = True) -> Arguments:
    """How to speak CQL to the node."""
    return Arguments(
        options={
            "native_address": {"type": "str", "required": required},
            "native_port": {"type": "int", "default": 9042},
            "cql_username": {"type": "str"},
            "cql_password": {"type": "str", "no_log": True},
            "cql_consistency": {
                "type": "str",
                "default": "LOCAL_QUORUM",
                "choices": ["ONE", "LOCAL_ONE", "TWO", "THREE", "QUORUM", "LOCAL_QUORUM", "EACH_QUORUM", "ALL"],
            },
            "cql_timeout_seconds": {"type": "int", "default": 60},
            "cql_ca_certificates": {"type": "path"},
            "cql_client_certificate": {"type": "path"},
            "cql_client_key": {"type": "path", "no_log": False},
            "cql_verify_hostname": {"type": "bool", "default": True},
        },
        required_together=(("cql_username", "cql_password"), ("cql_client_certificate", "cql_client_key")),
    )


def repository_settings(params: Params) -> RepositorySettings:
    """The repository that the options name.

    :raises InputError: if there is none, bucket or prefix cannot be one, a recipient is no public key, or its options
        do not fit together.
    """
    if not params["repository"]:
        raise InputError(
            "No repository is given.", subject="repository", next_step=f"Give {option('repository.bucket')}."
        )
    value = {**params["repository"]}
    prefix = (value.pop("prefix") or "").strip("/")
    if not value["bucket"] or "/" in value["bucket"]:
        raise InputError(
            f"{value['bucket']!r} is not a bucket.",
            subject="repository.bucket",
            next_step="Give the bucket's name alone, without a scheme; a path in it goes into "
            f"{option('repository.prefix')}.",
        )
    # One that is given and empty is a mistake, not leave to take anything.
    signers = value.pop("allowed_signers", None)
    settings = RepositorySettings(
        **{**value, "recipients": check_recipients(value["recipients"] or ())},
        prefix=f"{prefix}/" if prefix else "",
        allowed_signers="" if signers is None else check_allowed_signers(signers),
    )
    check_store_options(settings)
    return settings


def node_settings(params: Params) -> NodeSettings:
    """The node that the options describe.

    :raises InputError: if the command is empty or badly quoted.
    """
    return NodeSettings(
        name=params["node_name"] or platform.node(),
        nodetool_command=_command(params, "nodetool_command"),
        config_file=params["config_file"],
        state_directory=params["state_directory"],
        jmx_username=params["jmx_username"],
        jmx_password_file=params["jmx_password_file"],
        jmx_ssl_properties_file=params["jmx_ssl_properties_file"],
        timeout_seconds=params["nodetool_timeout_seconds"],
        release_version=params["release_version"],
        listen_address=params["listen_address"],
    )


def transfer_settings(params: Params) -> TransferSettings:
    """How hard the options let a transfer work.

    :raises InputError: for numbers that let nothing happen.
    """
    for name in ("workers", "max_bytes_per_second"):
        if params[name] is not None and params[name] < 1:
            raise InputError(
                f"{option(name)} is {params[name]}.", subject=name, next_step="Give at least 1, or leave it out."
            )
    return TransferSettings(workers=params["workers"], max_bytes_per_second=params["max_bytes_per_second"])


def staging_options(params: Params) -> InstanceOptions:
    """How the options let staging instances run.

    :raises InputError: for a command that is empty or badly quoted, or numbers that cannot be.
    """
    for name, least, most in (("staging_heap_mib", 64, 1 << 20), ("staging_nice", 0, 19)):
        if not least <= params[name] <= most:
            raise InputError(
                f"{option(name)} is {params[name]}.", subject=name, next_step=f"Give a number from {least} to {most}."
            )
    return InstanceOptions(
        launch_command=_command(params, "staging_command"),
        address=params["staging_address"],
        heap_mib=params["staging_heap_mib"],
        nice=params["staging_nice"],
    )


def _command(params: Params, name: str) -> tuple[str, ...]:
    """A program with its fixed arguments."""
    try:
        command = tuple(shlex.split(params[name]))
    except ValueError as error:
        raise InputError(f"The command in {option(name)} cannot be read: {error}.", subject=name) from error
    if not command:
        raise InputError(f"{option(name)} is empty.", subject=name, next_step="Leave it out or name a program.")
    return command


def cql_settings(params: Params) -> CqlSettings:
    """How the options speak CQL."""
    return CqlSettings(
        address=params["native_address"],
        port=params["native_port"],
        username=params["cql_username"],
        password=params["cql_password"],
        consistency=params["cql_consistency"],
        timeout_seconds=params["cql_timeout_seconds"],
        ca_certificates=params["cql_ca_certificates"],
        client_certificate=params["cql_client_certificate"],
        client_key=params["cql_client_key"],
        verify_hostname=params["cql_verify_hostname"],
    )
