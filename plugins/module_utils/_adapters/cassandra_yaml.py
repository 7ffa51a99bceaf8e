# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's ``cassandra.yaml``: what it says about directories, names and tokens, and how to change the tokens.

The only file that imports ruamel.yaml. It only parses; changes are made in the text, line by line, so everything that
an operator wrote stays as it was, and are then parsed again and compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import stat
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import local_error, sync_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.libraries import unusable
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    LocalFilesError,
)

try:
    import ruamel.yaml as _ruamel
except Exception as _error:  # whatever it is, the library cannot be used
    _IMPORT_ERROR: str | None = f"{type(_error).__name__}: {_error}"
else:
    _IMPORT_ERROR = None

#: A comment behind a value of one of our settings, none of which can hold a number sign.
_REMARK = re.compile(r"\s+#[^\n]*")
_DEFAULT_NATIVE_PORT = 9042
_DEFAULT_STORAGE_PORT = 7000


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
    broadcast_address: str | None
    rpc_address: str | None
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
    :raises DependencyError: if ruamel.yaml is missing.
    """
    return _config(_parse(_read_text(path), path=path), path=path)


def read_settings(path: str) -> dict[str, t.Any]:
    """Everything that the file sets, as plain values, for a configuration that is made from it.

    :raises LocalFilesError: as :func:`read_config`.
    :raises DependencyError: if ruamel.yaml is missing.
    """

    def plain(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        if value is None or isinstance(value, bool):
            return value
        for kind in (int, float):
            if isinstance(value, kind):
                return kind(value)
        return str(value)

    return t.cast("dict[str, t.Any]", plain(_parse(_read_text(path), path=path)))


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
    :raises DependencyError: if ruamel.yaml is missing.
    """
    document = _parse(_read_text(path), path=path)
    encryption = document.get("transparent_data_encryption_options") or {}
    access = str(document.get("commitlog_disk_access_mode") or "legacy")
    period = document.get("commitlog_sync_period") or document.get("commitlog_sync_period_in_ms")
    group = document.get("commitlog_sync_group_window") or document.get("commitlog_sync_group_window_in_ms")
    return CommitLogMode(
        buffered=bool(document.get("commitlog_compression"))
        or bool(encryption.get("enabled"))
        or access not in ("legacy", "mmap"),
        sync_period_seconds=_seconds(period or group or 10_000, path=path),
    )


def _seconds(value: t.Any, *, path: str) -> float:
    """A duration as Cassandra writes it: ``10s``, ``10000ms``, or milliseconds without a unit."""
    match = _DURATION.match(str(value))
    if match is None:
        raise LocalFilesError(f"{path} has a duration that cannot be read: {value}.", subject=path)
    return float(match["number"]) * _UNIT_SECONDS[match["unit"] or "ms"]


def set_ring_position(path: str, *, tokens: t.Sequence[str], check_mode: bool, backup_path: str | None = None) -> bool:
    """Give a node its tokens before its first start: ``initial_token``, ``num_tokens`` and ``auto_bootstrap: false``.

    Comments, order and everything else stay as they are. The file is replaced at once and keeps owner and mode.

    :param backup_path: where the original is kept for :func:`put_back`, with its owner and mode; by default beside the
        file. A copy that is there already stays: it is the original of a run that did not end.
    :returns: whether the file has changed, or would.
    :raises InputError: if there are no tokens, or one is not a decimal number.
    :raises LocalFilesError: if the file cannot be read, changed or replaced.
    """
    if not tokens or not all(token.lstrip("-").isdigit() for token in tokens):
        raise InputError("Tokens have to be decimal numbers.", subject=path, next_step="Take them from the backup.")
    text = _read_text(path)
    wanted = {"initial_token": ",".join(tokens), "num_tokens": len(tokens), "auto_bootstrap": False}
    before = _parse(text, path=path)
    if _ring_position(before) == _ring_position(wanted):
        return False
    new_text = _with_values(text, wanted=wanted, document=before)
    after = _parse(new_text, path=path)
    if {**_plain(before), **wanted} != _plain(after):
        raise LocalFilesError(
            f"{path} cannot be changed safely the way it is written.",
            subject=path,
            next_step="Write num_tokens, initial_token and auto_bootstrap each on a line of its own, not indented.",
        )
    if not check_mode:
        _keep_original(path, backup_path=backup_path or default_backup_path(path))
        _replace(path, text=new_text)
    return True


def put_back(path: str, *, backup_path: str | None = None) -> bool:
    """Undo :func:`set_ring_position`: the exact original text again. The kept copy is removed.

    :returns: whether the file has changed; without a kept copy nothing has.
    :raises LocalFilesError: if the file cannot be replaced.
    """
    kept = backup_path or default_backup_path(path)
    for leftover in (f"{os.path.realpath(each)}.revive-new" for each in (path, kept)):
        with contextlib.suppress(OSError):
            os.unlink(leftover)
    if not os.path.exists(kept):
        return False
    original = _read_text(kept)
    changed = not os.path.exists(path) or _read_text(path) != original
    if changed:
        _replace(path, text=original, model=path if os.path.exists(path) else kept)
    os.unlink(kept)
    sync_directory(os.path.dirname(os.path.abspath(kept)))
    return changed


def forget_original(path: str, *, backup_path: str | None = None) -> None:
    """Remove the kept copy, once the change is to stay."""
    kept = backup_path or default_backup_path(path)
    if os.path.exists(kept):
        os.unlink(kept)


def default_backup_path(path: str) -> str:
    """Where the original is kept unless the caller says otherwise."""
    return f"{os.path.realpath(path)}.before-restore"


def _parse(text: str, *, path: str) -> t.Any:
    if _IMPORT_ERROR is not None:
        raise unusable("ruamel.yaml", _IMPORT_ERROR)
    reader = _ruamel.YAML(typ="rt")
    try:
        document = reader.load(text)
    except Exception as error:  # ruamel's errors have no common class across its versions
        raise LocalFilesError(f"{path} is not valid YAML: {error}", subject=path) from error
    if not isinstance(document, dict):
        raise LocalFilesError(f"{path} is not a cassandra.yaml: it has no settings.", subject=path)
    return document


def _plain(document: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The settings as plain values that can be compared; the tokens as one string."""

    def plain(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        if isinstance(value, bool) or value is None:
            return value
        return str(value)

    return {key: plain(value) for key, value in document.items()} | (
        {"num_tokens": int(document["num_tokens"])} if document.get("num_tokens") is not None else {}
    )


def _ring_position(document: t.Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    tokens = document.get("initial_token")
    return (
        None if tokens is None else tuple(token.strip() for token in str(tokens).split(",")),
        document.get("num_tokens"),
        document.get("auto_bootstrap"),
    )


def _with_values(text: str, *, wanted: t.Mapping[str, t.Any], document: t.Any) -> str:
    """The text with each setting on its own line: replaced where it is, else after ``num_tokens`` or at the end."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    added: list[str] = []
    for name, value in wanted.items():
        line = f"{name}: {_scalar(value)}"
        if name in document:
            number = document.lc.key(name)[0]
            remark = _REMARK.search(lines[number])
            lines[number] = f"{line}{remark[0] if remark else ''}\n"
        else:
            added.append(f"{line}\n")
    if added:
        at = document.lc.key("num_tokens")[0] + 1 if "num_tokens" in document else len(lines)
        lines[at:at] = added
    return "".join(lines)


def _scalar(value: t.Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f'"{value}"'


def _config(document: t.Any, *, path: str) -> NodeConfig:
    def directory(name: str) -> str:
        return _absolute(document.get(name), name=name, path=path)

    data = document.get("data_file_directories")
    data_directories = [data] if isinstance(data, str) else list(data or [])
    if not data_directories:
        raise _unset("data_file_directories", path=path)
    cdc_enabled = bool(document.get("cdc_enabled", False))
    local_system = document.get("local_system_data_file_directory")
    return NodeConfig(
        path=path,
        data_file_directories=tuple(
            _absolute(each, name="data_file_directories", path=path) for each in data_directories
        ),
        local_system_data_file_directory=directory("local_system_data_file_directory") if local_system else None,
        commitlog_directory=directory("commitlog_directory"),
        hints_directory=directory("hints_directory"),
        saved_caches_directory=directory("saved_caches_directory"),
        cdc_raw_directory=directory("cdc_raw_directory") if cdc_enabled or document.get("cdc_raw_directory") else None,
        cluster_name=str(document.get("cluster_name") or "Test Cluster"),
        num_tokens=None if document.get("num_tokens") is None else int(document["num_tokens"]),
        listen_address=_text(document.get("listen_address")),
        broadcast_address=_text(document.get("broadcast_address")),
        rpc_address=_text(document.get("rpc_address")),
        broadcast_rpc_address=_text(document.get("broadcast_rpc_address")),
        seeds=_seeds(document.get("seed_provider")),
        native_transport_port=int(document.get("native_transport_port") or _DEFAULT_NATIVE_PORT),
        storage_port=int(document.get("storage_port") or _DEFAULT_STORAGE_PORT),
        partitioner=_text(document.get("partitioner")),
        cdc_enabled=cdc_enabled,
    )


def _text(value: t.Any) -> str | None:
    return None if value is None or str(value) == "" else str(value)


def _absolute(value: t.Any, *, name: str, path: str) -> str:
    if not value:
        raise _unset(name, path=path)
    directory = str(value)
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


def _seeds(provider: t.Any) -> tuple[str, ...]:
    """Seeds of the first provider, which Cassandra allows only one of."""
    try:
        written = str(provider[0]["parameters"][0]["seeds"])
    except (KeyError, IndexError, TypeError):
        return ()
    return tuple(seed.strip() for seed in written.split(",") if seed.strip())


def _read_text(path: str) -> str:
    try:
        return pathlib.Path(path).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LocalFilesError(
            f"{path} cannot be read: {error}", subject=path, next_step="Check the path and who may read it."
        ) from error


def _keep_original(path: str, *, backup_path: str) -> None:
    if not os.path.exists(backup_path):
        _replace(backup_path, text=_read_text(path), model=path)


def _replace(path: str, *, text: str, model: str | None = None) -> None:
    """Put ``text`` under ``path`` at once, with owner, mode and extended attributes of ``model``."""
    target = os.path.realpath(path)
    directory = os.path.dirname(target)
    like = os.path.realpath(model) if model else target
    # Always the same name, so a killed run leaves nothing for good.
    temporary = f"{target}.revive-new"
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
            status = os.stat(like)
            shutil.copystat(like, temporary)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            os.utime(file.fileno())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        sync_directory(directory)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise local_error(error, doing="write", path=path) from error
