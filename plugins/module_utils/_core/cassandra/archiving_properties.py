# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``commitlog_archiving.properties``: the text that Cassandra reads once, at its start. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError

FILE_NAME = "commitlog_archiving.properties"
#: With these a node replays an archive when it starts; on a node that serves, they delete what is written later.
RESTORE_KEYS = ("restore_command", "restore_directories", "restore_point_in_time", "snapshot_commitlog_position")
_SCRIPT_NAME = "archive_segment"


@dataclasses.dataclass(frozen=True)
class ArchivingChange:
    """The file as it is to be.

    :param removed_restore_settings: settings of a restore that were still in it and were removed.
    """

    text: str
    removed_restore_settings: tuple[str, ...]


def read_properties(text: str) -> dict[str, str]:
    """The settings of a properties file that are not empty; continued lines do not occur in it."""
    found = {}
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.lstrip().startswith(("#", "!")) and value.strip():
            found[key.strip()] = value.strip()
    return found


def archive_command(script_path: str) -> str:
    """The command that Cassandra runs for a segment; it is split at blanks and has no quoting.

    :raises InputError: if the path cannot be written in it.
    """
    if any(character in script_path for character in " \t\"'%\\") or not script_path.startswith("/"):
        raise InputError(
            f"{script_path!r} cannot be in Cassandra's archive_command.",
            subject=script_path,
            next_step="Give an absolute path without blanks, quotes, '%' and backslashes.",
        )
    return f"{script_path} %path %name"


def with_archiving(text: str, *, command: str | None, replace_command: bool = False) -> ArchivingChange:
    """The file with archiving on or off; comments and everything that is not ours stay.

    :param command: ``None`` to turn archiving off, which leaves another tool's command alone.
    :param replace_command: whether a command that is not ours may be replaced.
    :raises InputError: if the file has a command that is not ours.
    """
    before = read_properties(text)
    present = before.get("archive_command", "")
    ours = not present or present.split()[0].endswith(f"/{_SCRIPT_NAME}")
    if not ours and command is None:
        command = present
    elif not ours and not replace_command:
        raise InputError(
            f"The node already archives with another command: {present}",
            subject=FILE_NAME,
            next_step="Turn that off first, or allow it to be replaced.",
        )
    removed_restore_settings = tuple(key for key in RESTORE_KEYS if key in before)
    wanted = {"archive_command": command or "", **dict.fromkeys(removed_restore_settings, "")}
    return ArchivingChange(text=_with_values(text, wanted), removed_restore_settings=removed_restore_settings)


def _with_values(text: str, wanted: t.Mapping[str, str]) -> str:
    lines: list[str] = []
    written: set[str] = set()
    for line in text.splitlines():
        key = line.partition("=")[0].strip()
        if "=" not in line or key not in wanted:
            lines.append(line)
        elif key not in written:
            lines.append(f"{key}={wanted[key]}")
            written.add(key)
    lines += [f"{key}={value}" for key, value in wanted.items() if key not in written and (value or text)]
    return "".join(f"{line}\n" for line in lines)


def archiving_properties(moment_us: int | None) -> str:
    """``commitlog_archiving.properties`` of an instance: nothing is archived or fetched, only cut, if at all."""
    lines = ["archive_command=", "restore_command=", "restore_directories="]
    lines += [f"restore_point_in_time={'' if moment_us is None else format_restore_point(moment_us)}"]
    lines += ["precision=MICROSECONDS"]
    return "\n".join(lines) + "\n"


def format_restore_point(moment_us: int) -> str:
    """A moment as Cassandra's ``restore_point_in_time`` wants it: ``yyyy:MM:dd HH:mm:ss.SSSSSS`` in UTC."""
    seconds, microseconds = divmod(moment_us, 1_000_000)
    whole = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return f"{whole:%Y:%m:%d %H:%M:%S}.{microseconds:06d}"
