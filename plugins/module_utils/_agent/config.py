# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the agent's configuration: a JSON file that only its user may read; secrets are in another one."""

from __future__ import annotations

import json
import os
import stat
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.archive.agent_settings import SECRETS, AgentConfig
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import CqlSettings


def load_config(path: str) -> AgentConfig:
    """What the file says.

    :raises LocalFilesError: if it, or the file with secrets that it names, cannot be read or is open to others.
    :raises InputError: if it says something impossible.
    """
    value = _read_private_json(path)
    try:
        repository = dict(value.pop("repository"))
        secrets_file = repository.pop("credentials_file", None)
        if secrets_file:
            secrets = _read_private_json(secrets_file)
            repository.update({name: secrets[name] for name in SECRETS if secrets.get(name)})
        repository["recipients"] = tuple(repository.get("recipients") or ())
        cql = value.pop("cql", None)
        return AgentConfig(
            **value,
            repository=RepositorySettings(**repository),
            cql=_cql(dict(cql)) if cql else None,
        )
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path} cannot be used: {error}.", subject=path, next_step="Run enable_archiving again."
        ) from error


def _cql(value: dict[str, t.Any]) -> CqlSettings:
    secrets_file = value.pop("credentials_file", None)
    if secrets_file:
        value["password"] = _read_private_json(secrets_file)["password"]
    return CqlSettings(**value)


def _read_private_json(path: str) -> dict[str, t.Any]:
    try:
        with open(path, "rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise LocalFilesError(
                    f"{path} can be read by others.", subject=path, next_step=f"Set its mode: chmod 0600 {path}"
                )
            value = json.load(file)
    except OSError as error:
        raise LocalFilesError(f"{path} cannot be read: {error.strerror}.", subject=path) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.", subject=path) from error
    if not isinstance(value, dict):
        raise InputError(f"{path} has no settings.", subject=path)
    return value
