# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's ``cassandra.yaml`` says about directories, addresses, names and tokens."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.yaml_settings import (
    YamlSettings,
    parse_settings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError

_DEFAULT_NATIVE_PORT = 9042
_DEFAULT_STORAGE_PORT = 7000
_DEFAULT_SYNC_PERIOD_SECONDS = 10.0
#: By the way of syncing, and by their names up to 4.0; none of them counts if it is zero.
_SYNC_PERIODS = (
    "commitlog_sync_period",
    "commitlog_sync_period_in_ms",
    "commitlog_sync_group_window",
    "commitlog_sync_group_window_in_ms",
)

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ns|us|µs|ms|s|m|h|d)?\Z")
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclasses.dataclass(frozen=True)
class NodeConfig:
    """What ``cassandra.yaml`` says, as far as backups and restores need it.

    Directories are absolute. What the file leaves out is ``None``, or Cassandra's default if that is a fixed value.

    :param local_system_data_file_directory: where the keyspaces ``system`` and ``system_schema`` lie if not in the
        first data directory.
    :param cdc_raw_directory: ``None`` only where change data capture is off and the file does not say.
    :param num_tokens: ``None`` if the file does not say; Cassandra 4 and 5 then use 1 with ``initial_token``, else 16.
    :param listen_address: ``None`` if the file does not say; empty if it says nothing between quotes, as the others.
    :param seeds: as written, possibly with ports.
    """

    path: str
    data_file_directories: tuple[str, ...]
    local_system_data_file_directory: str | None
    commitlog_directory: str
    hints_directory: str
    saved_caches_directory: str
    cdc_raw_directory: str | None
    cluster_name: str
    num_tokens: int | None
    listen_address: str | None
    listen_interface: str | None
    listen_interface_prefer_ipv6: bool
    broadcast_address: str | None
    rpc_address: str | None
    rpc_interface: str | None
    rpc_interface_prefer_ipv6: bool
    broadcast_rpc_address: str | None
    seeds: tuple[str, ...]
    native_transport_port: int
    storage_port: int
    partitioner: str | None
    cdc_enabled: bool

    @property
    def local_system_directory(self) -> str:
        """Where the keyspaces ``system`` and ``system_schema`` lie."""
        return self.local_system_data_file_directory or self.data_file_directories[0]


def read_config(path: str) -> NodeConfig:
    """What the file says.

    :raises LocalFilesError: if it cannot be read or is not a ``cassandra.yaml``, or if it does not set a directory:
        Cassandra then takes one below its home, which nobody but its start script knows.
    :raises DependencyError: if PyYAML is missing.
    """
    return _config(read_file(path))


def read_settings(path: str) -> dict[str, t.Any]:
    """Everything that the file sets, as plain values, for a configuration that is made from it.

    :raises LocalFilesError: as :func:`read_config`.
    :raises DependencyError: if PyYAML is missing.
    """
    return read_file(path).plain()


def has_snapshots_before_truncations(path: str) -> bool:
    """Whether Cassandra itself takes a snapshot of each table that is truncated.

    :raises LocalFilesError: as :func:`read_config`.
    :raises DependencyError: if PyYAML is missing.
    """
    return read_file(path).flag("auto_snapshot", default=True)


@dataclasses.dataclass(frozen=True)
class CommitLogMode:
    """How a node writes its commit log.

    :param buffered: whether bytes become visible in the file only at each sync: with compression, encryption or
        direct I/O. Otherwise they are there as soon as they are written, and markers every 100 ms.
    """

    buffered: bool
    sync_period_seconds: float


def read_commit_log_mode(path: str) -> CommitLogMode:
    """What the file says about the commit log.

    :raises LocalFilesError: if it cannot be read or is not a ``cassandra.yaml``.
    :raises DependencyError: if PyYAML is missing.
    """
    settings = read_file(path)
    encryption = settings.group("transparent_data_encryption_options")
    periods = (_seconds(settings, name) for name in _SYNC_PERIODS)
    return CommitLogMode(
        buffered=settings.has("commitlog_compression")
        or encryption.flag("enabled", default=False)
        or (settings.text("commitlog_disk_access_mode") or "legacy") not in ("legacy", "mmap"),
        sync_period_seconds=next((period for period in periods if period), _DEFAULT_SYNC_PERIOD_SECONDS),
    )


def _seconds(settings: YamlSettings, name: str) -> float | None:
    """A duration as Cassandra writes it: ``10s``, ``10000ms``, or milliseconds without a unit."""
    text = settings.text(name)
    if text is None:
        return None
    match = _DURATION.match(text)
    if match is None:
        raise settings.wrong(name, "is a duration that cannot be read")
    return float(match["number"]) * _UNIT_SECONDS[match["unit"] or "ms"]


def read_file(path: str) -> YamlSettings:
    """The file's settings.

    :raises LocalFilesError: if it cannot be read, or is not YAML.
    :raises DependencyError: if PyYAML is missing.
    """
    return parse_settings(read_text(path), path=path)


def read_text(path: str) -> str:
    """The file as it is.

    :raises LocalFilesError: if it cannot be read, or is not UTF-8.
    """
    try:
        body = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise LocalFilesError(
            f"{path} cannot be read: {error}", subject=path, next_step="Check the path and who may read it."
        ) from error
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise LocalFilesError(
            f"{path}, line {line}: what stands there is not UTF-8.", subject=path, next_step="Save the file as UTF-8."
        ) from error


def _config(settings: YamlSettings) -> NodeConfig:
    def directory(name: str) -> str:
        return _absolute(settings.text(name), name=name, path=settings.path)

    data_directories = settings.texts("data_file_directories")
    if not data_directories:
        raise _unset("data_file_directories", path=settings.path)
    cdc_enabled = settings.flag("cdc_enabled", default=False)
    return NodeConfig(
        path=settings.path,
        data_file_directories=tuple(
            _absolute(each, name="data_file_directories", path=settings.path) for each in data_directories
        ),
        local_system_data_file_directory=directory("local_system_data_file_directory")
        if settings.text("local_system_data_file_directory")
        else None,
        commitlog_directory=directory("commitlog_directory"),
        hints_directory=directory("hints_directory"),
        saved_caches_directory=directory("saved_caches_directory"),
        cdc_raw_directory=directory("cdc_raw_directory") if cdc_enabled or settings.text("cdc_raw_directory") else None,
        cluster_name=settings.needed_text("cluster_name", default="Test Cluster"),
        num_tokens=settings.number("num_tokens"),
        listen_address=settings.text("listen_address"),
        listen_interface=_interface(settings, "listen"),
        listen_interface_prefer_ipv6=settings.flag("listen_interface_prefer_ipv6", default=False),
        broadcast_address=settings.text("broadcast_address") or None,
        rpc_address=settings.text("rpc_address"),
        rpc_interface=_interface(settings, "rpc"),
        rpc_interface_prefer_ipv6=settings.flag("rpc_interface_prefer_ipv6", default=False),
        broadcast_rpc_address=settings.text("broadcast_rpc_address") or None,
        seeds=_seeds(settings),
        native_transport_port=settings.port("native_transport_port", default=_DEFAULT_NATIVE_PORT),
        storage_port=settings.port("storage_port", default=_DEFAULT_STORAGE_PORT),
        partitioner=settings.text("partitioner") or None,
        cdc_enabled=cdc_enabled,
    )


def _interface(settings: YamlSettings, of: str) -> str | None:
    """:raises LocalFilesError: if an address is there, too; Cassandra does not choose either."""
    interface = settings.text(f"{of}_interface")
    if interface is not None and settings.text(f"{of}_address") is not None:
        raise settings.wrong(f"{of}_interface", f"is set beside {of}_address")
    return interface


def _absolute(value: str | None, *, name: str, path: str) -> str:
    if not value:
        raise _unset(name, path=path)
    directory = value
    if not os.path.isabs(directory):
        raise LocalFilesError(
            f"{name} in {path} is {directory}, which depends on where Cassandra is started.",
            subject=path,
            next_step=f"Write {name} as an absolute path.",
        )
    return os.path.normpath(directory)


def _unset(name: str, *, path: str) -> LocalFilesError:
    return LocalFilesError(
        f"{path} does not set {name}, so it is below Cassandra's home, which only its start script knows.",
        subject=path,
        next_step=f"Set {name} in {path} to the directory that is in use.",
    )


def _seeds(settings: YamlSettings) -> tuple[str, ...]:
    """Seeds of the first provider, which Cassandra allows only one of; other providers than its own need not have any.

    :raises LocalFilesError: if they are not a text with commas.
    """
    for provider in settings.groups("seed_provider")[:1]:
        for parameters in provider.groups("parameters")[:1]:
            written = parameters.text("seeds") or ""
            return tuple(seed.strip() for seed in written.split(",") if seed.strip())
    return ()
