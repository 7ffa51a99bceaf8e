# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give a node its tokens in its ``cassandra.yaml``, and put back what was there.

Changes are made in the text, at the marks of the values that change, so everything else that an operator wrote stays
as it was to the byte. The new text is then parsed again and compared.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_text
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import local_error, sync_directory
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.mounts import mount_points_in
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.yaml_settings import (
    Span,
    YamlSettings,
    parse_settings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    LocalFilesError,
)

_NAMES = ("initial_token", "num_tokens", "auto_bootstrap")
#: What may stand behind a value on its line, and the end of the line.
_REST_OF_LINE = re.compile(r"[^\n]*(?:\n|\Z)")


def set_ring_position(path: str, *, tokens: t.Sequence[str], check_mode: bool, backup_path: str | None = None) -> bool:
    """Give a node its tokens before its first start: ``initial_token``, ``num_tokens`` and ``auto_bootstrap: false``.

    Comments, order and everything else stay as they are. The file is replaced at once and keeps owner and mode.

    :param backup_path: where the original is kept for :func:`put_back`, with its owner and mode; by default beside the
        file. A copy that is there already stays: it is the original of a run that did not end.
    :returns: whether the file has changed, or would.
    :raises InputError: if there are no tokens, or one is not a decimal number.
    :raises LocalFilesError: if the file cannot be read, changed or replaced.
    :raises DependencyError: if PyYAML is missing.
    """
    if not tokens or not all(token.lstrip("-").isdigit() for token in tokens):
        raise InputError("Tokens have to be decimal numbers.", subject=path, next_step="Take them from the backup.")
    text = read_text(path)
    before = parse_settings(text, path=path)
    wanted = (tuple(tokens), len(tokens), False)
    written = (f'"{",".join(tokens)}"', str(len(tokens)), "false")
    values = {
        name: value
        for name, value, there, needed in zip(_NAMES, written, _ring_position(before), wanted)
        if there != needed
    }
    if not values:
        return False
    new_text = _with_values(text, values=values, settings=before)
    _check(new_text, path=path, before=before, ring_position=wanted)
    if not check_mode:
        _keep_original(path, backup_path=backup_path or default_backup_path(path))
        _replace(path, text=new_text)
    return True


def check_changeable(path: str) -> None:
    """Refuse a file that :func:`set_ring_position` could not change, before anything depends on it.

    :raises LocalFilesError: if it is written in a way that cannot be changed safely, or it cannot be replaced.
    :raises DependencyError: if PyYAML is missing.
    """
    set_ring_position(path, tokens=("0", "1"), check_mode=True)
    target = os.path.realpath(path)
    if not os.access(os.path.dirname(target), os.R_OK | os.W_OK | os.X_OK):
        raise LocalFilesError(
            f"{path} cannot be replaced by this user.",
            subject=path,
            next_step="Run as the user that Cassandra runs as, or as root (become).",
        )
    if mount_points_in(target):
        raise LocalFilesError(
            f"{path} is a mount point and cannot be replaced.",
            subject=path,
            next_step="Mount its directory instead, or have a file there that is not mounted.",
        )


def settle(path: str, *, tokens: t.Sequence[str], check_mode: bool, backup_path: str | None = None) -> bool:
    """Take out again what :func:`set_ring_position` put in, once the node is up and has its tokens in its own tables.

    ``num_tokens`` stays, and ``initial_token`` where the original had one: they are true, and have to fit together.
    Left in, ``auto_bootstrap: false`` would have whoever copies the file join without the data. Nothing is done where
    somebody has changed these settings since, or the original is not kept any more.

    :param tokens: that were set.
    :returns: whether the file has changed, or would.
    :raises LocalFilesError: if the file or the kept original cannot be read, or the file cannot be changed.
    """
    kept = backup_path or default_backup_path(path)
    if not os.path.exists(kept):
        return False
    text, original_text = read_text(path), read_text(kept)
    before, original = parse_settings(text, path=path), parse_settings(original_text, path=kept)
    had, number, bootstraps = _ring_position(before)
    names = []
    if had == tuple(tokens) and original.text("initial_token") is None:
        names.append("initial_token")
        had = None
    if not bootstraps and original.flag("auto_bootstrap", default=True):
        names.append("auto_bootstrap")
        bootstraps = True
    if not names:
        return False
    parts = [_as_it_was(name, text=text, settings=before, original=original, was=original_text) for name in names]
    new_text = _replaced(text, parts)
    _check(new_text, path=path, before=before, ring_position=(had, number, bootstraps))
    if not check_mode:
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
    original = read_text(kept)
    changed = not os.path.exists(path) or read_text(path) != original
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


def _ring_position(settings: YamlSettings) -> tuple[tuple[str, ...] | None, int | None, bool]:
    tokens = settings.text("initial_token")
    return (
        None if tokens is None else tuple(token.strip() for token in tokens.split(",")),
        settings.number("num_tokens"),
        settings.flag("auto_bootstrap", default=True),
    )


def _check(
    text: str, *, path: str, before: YamlSettings, ring_position: tuple[tuple[str, ...] | None, int | None, bool]
) -> None:
    """:raises LocalFilesError: unless the new text says what it should, and everything else that it said before."""
    with contextlib.suppress(LocalFilesError):
        after = parse_settings(text, path=path)
        if _ring_position(after) == ring_position and after.others(_NAMES) == before.others(_NAMES):
            return
    raise LocalFilesError(
        f"{path} cannot be changed safely the way it is written.",
        subject=path,
        next_step="Write num_tokens, initial_token and auto_bootstrap each on a line of its own, without & and *.",
    )


def _with_values(text: str, *, values: t.Mapping[str, str], settings: YamlSettings) -> str:
    """The text with each value in place of what is there, the last time that it is, else on a new line.

    New lines follow that of ``num_tokens``, or end the file.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    parts: list[tuple[int, int, str]] = []
    added: list[str] = []
    place = settings.span("num_tokens")
    rest = _REST_OF_LINE.match(text, _end_of(place, text)) if place else None
    at = rest.end() if rest else settings.end
    for name, value in values.items():
        span = settings.span(name)
        if span is None:
            added.append(f"{' ' * settings.indent}{name}: {value}{newline}")
        else:
            end = _end_of(span, text)
            parts.append((span.start, end, value if end > span.start else f" {value}"))
    if added:
        begun = at > 0 and text[at - 1] != "\n"
        parts.append((at, at, (newline if begun else "") + "".join(added)))
    return _replaced(text, parts)


def _as_it_was(
    name: str, *, text: str, settings: YamlSettings, original: YamlSettings, was: str
) -> tuple[int, int, str]:
    """What to replace for a setting to be as in the original, which it may not be in."""
    span, old = settings.span(name), original.span(name)
    if span is None:
        raise ValueError(f"{name} is not there")
    end = _end_of(span, text)
    if old is not None:
        return span.start, end, was[old.start : _end_of(old, was)]
    key = settings.key_start(name)
    line = text.rfind("\n", 0, key) + 1
    rest = _REST_OF_LINE.match(text, end)
    if rest is not None and not text[line:key].strip() and not rest[0].strip():
        return line, rest.end(), ""
    return key, end, ""


def _end_of(span: Span, text: str) -> int:
    """Where a value ends: a block (``|``, ``>``) is said to end where the next line begins."""
    return span.start + len(text[span.start : span.end].rstrip())


def _replaced(text: str, parts: t.Iterable[tuple[int, int, str]]) -> str:
    for start, end, value in sorted(parts, reverse=True):
        text = text[:start] + value + text[end:]
    return text


def _keep_original(path: str, *, backup_path: str) -> None:
    if not os.path.exists(backup_path):
        _replace(backup_path, text=read_text(path), model=path)


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
