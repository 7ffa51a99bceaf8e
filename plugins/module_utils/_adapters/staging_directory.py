# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A staging instance on disk: its directory, its segments, and the configuration that it is started with.

The configuration is the node's own, changed: it listens on loopback, and shares no directory with the node. Cassandra's
own script is told where it is by ``CASSANDRA_CONF``; ``CASSANDRA_INCLUDE`` names a fragment of shell that says it
again, since packages' own fragments set it to theirs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import pwd
import re
import shutil
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.cassandra_yaml import read_settings
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.files import local_error, names_in
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.archiving_properties import (
    archiving_properties,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.commit_log import parse_segment_name
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError, LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.restore.staging import (
    InstancePaths,
    SourceIdentity,
    settings_text,
    staging_settings,
    without_agents,
)

_LOGBACK = """\
<configuration>
  <appender name="SYSTEM" class="ch.qos.logback.core.FileAppender">
    <file>{logs}/system.log</file>
    <encoder><pattern>%-5level [%thread] %date{{ISO8601}} %F:%L - %msg%n%ex{{full}}</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="SYSTEM"/></root>
</configuration>
"""
# Cassandra's script reads an include instead of the installed one, whose class path is still needed.
_INCLUDE = """\
unset CASSANDRA_INCLUDE
for include in "$(dirname "$0")/cassandra.in.sh" "$HOME/.cassandra.in.sh" /usr/share/cassandra/cassandra.in.sh \\
    /usr/local/share/cassandra/cassandra.in.sh /opt/cassandra/cassandra.in.sh; do
    if [ -r "$include" ]; then
        . "$include"
        break
    fi
done
CASSANDRA_CONF={conf}
CASSANDRA_LOG_DIR={logs}
cassandra_storagedir={directory}
CLASSPATH="{conf}:$CLASSPATH"
"""
_UNSUITABLE = re.compile(r"[^A-Za-z0-9/._+=@-]")
#: How we know our directory.
_MARK = ".revive-staging"


class StagingDirectory:
    """The directory of a staging instance: made from scratch, given segments, and a configuration for each start.

    :ivar paths: where everything is in it, and the ports that the configuration names.
    """

    def __init__(self, directory: str, *, conf_directory: str, address: str, identity: SourceIdentity) -> None:
        """
        :param conf_directory: the node's own configuration, which is copied.
        :raises InputError: for a directory that Cassandra's script cannot quote.
        """
        if _UNSUITABLE.search(directory) or not os.path.isabs(directory):
            raise InputError(
                f"{directory!r} cannot hold a staging instance.",
                subject=directory,
                next_step="Use an absolute path without blanks, quotes and other special characters.",
            )
        self._conf_directory = conf_directory
        self._identity = identity
        self.paths = InstancePaths(directory=directory, address=address, storage_port=0, native_port=0, jmx_port=0)

    def check_ours(self) -> None:
        """Refuse a directory that holds what is not ours.

        :raises LocalFilesError: if something else is there.
        """
        directory = self.paths.directory
        if os.path.lexists(directory) and names_in(directory) and not os.path.exists(os.path.join(directory, _MARK)):
            raise LocalFilesError(
                f"{directory} is not empty, and not a staging instance's.",
                subject=directory,
                next_step="Give a directory that nothing else uses.",
            )

    def make(self) -> None:
        """Make it from scratch, empty except for the configuration; what an earlier instance left there goes.

        :raises LocalFilesError: if something else is there, or that fails.
        """
        directory = self.paths.directory
        self.check_ours()
        if os.path.lexists(directory):
            shutil.rmtree(directory)
        try:
            os.makedirs(directory, mode=0o700)
            with open(os.path.join(directory, _MARK), "wb"):
                pass
            for each in (self.paths.data, self.paths.commitlog, self.paths.logs, self.paths.temporary):
                os.mkdir(each, 0o700)
            for each in self.paths.others:
                os.mkdir(each, 0o700)
            shutil.copytree(self._conf_directory, self.paths.conf)
        except (OSError, shutil.Error) as error:
            raise LocalFilesError(f"Cannot prepare {directory}: {error}", subject=directory) from error

    def use_ports(self, *, storage: int, native: int, jmx: int) -> None:
        """Have the next configuration name other ports."""
        self.paths = dataclasses.replace(self.paths, storage_port=storage, native_port=native, jmx_port=jmx)

    def place_segments(self, segments: t.Sequence[str]) -> None:
        """Link the segments into the commit log directory; other files there are removed. The originals stay.

        :raises InputError: if a file is not named like a segment, or two have the same id.
        :raises LocalFilesError: if that fails.
        """
        for name in names_in(self.paths.commitlog):
            os.unlink(os.path.join(self.paths.commitlog, name))
        seen: dict[int, str] = {}
        for path in segments:
            segment = parse_segment_name(os.path.basename(path))
            if segment is None or segment.id in seen:
                what = f"and {seen[segment.id]} are the same segment" if segment else "is not a commit log segment"
                raise InputError(
                    f"{path} {what}.",
                    subject=path,
                    next_step="Give each segment once, the most complete copy of it.",
                )
            seen[segment.id] = path
            _link_or_copy(path, os.path.join(self.paths.commitlog, os.path.basename(path)))

    def configure(self, *, moment_us: int | None) -> None:
        """Write a configuration over the copy of the node's own.

        :param moment_us: later mutations are not replayed; ``None`` for all.
        :raises LocalFilesError: if that fails.
        """
        conf = self.paths.conf
        node = read_settings(os.path.join(self._conf_directory, "cassandra.yaml"))
        texts = {
            "cassandra.yaml": settings_text(staging_settings(node, paths=self.paths, identity=self._identity)),
            "cassandra-rackdc.properties": f"dc={self._identity.datacenter}\nrack={self._identity.rack}\n",
            "commitlog_archiving.properties": archiving_properties(moment_us),
            "logback.xml": _LOGBACK.format(logs=self.paths.logs),
            "revive.in.sh": _INCLUDE.format(conf=conf, logs=self.paths.logs, directory=self.paths.directory),
        }
        for name in names_in(conf):
            path = os.path.join(conf, name)
            if name == "cassandra-env.sh" or (name.startswith("jvm") and name.endswith(".options")):
                with open(path, encoding="utf-8") as file:
                    texts[name] = without_agents(file.read())
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(conf, "cassandra-topology.properties"))
        for name, text in texts.items():
            path = os.path.join(conf, name)
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                raise local_error(error, doing="write", path=path) from error

    def give_to(self, user: pwd.struct_passwd) -> None:
        """Give all of it to the user, with the segments that are linked from elsewhere."""
        for parent, _directories, files in os.walk(self.paths.directory):
            os.chown(parent, user.pw_uid, user.pw_gid)
            for name in files:
                os.chown(os.path.join(parent, name), user.pw_uid, user.pw_gid, follow_symlinks=False)

    def clear_logs(self) -> None:
        """Remove what the last start logged."""
        for name in names_in(self.paths.logs):
            os.unlink(os.path.join(self.paths.logs, name))

    def log(self) -> str:
        """What the last start logged."""
        path = os.path.join(self.paths.logs, "system.log")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def log_size(self) -> int:
        """How long that is, in bytes; -1 if there is none yet."""
        try:
            return os.stat(os.path.join(self.paths.logs, "system.log")).st_size
        except FileNotFoundError:
            return -1

    def said(self) -> str:
        """What the last start logged, and what it wrote to its standard output."""
        said = self.log()
        with (
            contextlib.suppress(OSError),
            open(os.path.join(self.paths.logs, "stdout.log"), encoding="utf-8", errors="replace") as file,
        ):
            said += "\n" + file.read()
        return said


def _link_or_copy(source: str, target: str) -> None:
    try:
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                raise
            shutil.copyfile(source, target)
    except OSError as error:
        raise local_error(error, doing="link", path=source) from error
