# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's nodetool."""

from __future__ import annotations

import os
import re
import subprocess

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import programs
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import jmx
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.nodetool_output import last_useful_line
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    NodeError,
    NodeSilentError,
    NodeStartingError,
    NodeUnreachableError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import NodeSettings

_JAVA_OPTIONS = "JDK_JAVA_OPTIONS"

# That it failed to connect is no reason: nodetool says so, too, of a node that runs and does not let it in.
_NOT_THERE = re.compile(
    r"Connection re(fused|set)|ConnectException|NoRouteToHost|UnknownHost|SocketTimeout|NoSuchObject|NameNotFound"
    r"|EOFException|ServiceUnavailable|CommunicationException|InstanceNotFoundException|Operation not supported: ",
    re.IGNORECASE,
)
# JMX answers a few seconds before the node does.
_NOT_YET = re.compile(r"Server is not initialized yet", re.IGNORECASE)


class Nodetool:
    """Runs nodetool, always with an argument list, never through a shell."""

    def __init__(self, settings: NodeSettings) -> None:
        self._settings = settings
        login: tuple[str, ...] = ()
        if settings.jmx_username:
            login += ("-u", settings.jmx_username)
        if settings.jmx_password_file:
            login += ("-pwf", settings.jmx_password_file)
        self._command = (*settings.nodetool_command, *login)

    def _environment(self) -> dict[str, str]:
        """English, and names of clusters as they are: in the locale C, Java prints "Caf?". And how TLS is used."""
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        path = self._settings.jmx_ssl_properties_file
        if path:
            _check_properties(path)
            given = environment.get(_JAVA_OPTIONS)
            environment[_JAVA_OPTIONS] = f"{given} {jmx.java_options(path)}" if given else jmx.java_options(path)
        return environment

    def run(self, *arguments: str) -> str:
        """What the command printed.

        :raises NodeStartingError: if the node has just been started.
        :raises NodeUnreachableError: if nothing answers there.
        :raises NodeSilentError: if it does not answer in time.
        :raises NodeError: if nodetool cannot be run, was not let in, or failed.
        :raises InputError: if the file that says how TLS is used cannot be used.
        """
        node, name = self._settings.name, arguments[0] if arguments else ""
        try:
            done = programs.run(
                [*self._command, *arguments],
                timeout_seconds=self._settings.timeout_seconds,
                environment=self._environment(),
            )
        except subprocess.TimeoutExpired:
            raise NodeSilentError(
                f"nodetool {name} on node {node} did not finish within {self._settings.timeout_seconds} s.",
                subject=node,
                next_step="Check the node's load and its log, and end a Cassandra that hangs; or allow more time with "
                f"{option('nodetool_timeout_seconds')}.",
            ) from None
        except OSError as error:
            raise NodeError(
                f"{self._command[0]} cannot be run on node {node}: {error.strerror}.",
                subject=node,
                next_step="Give the full path of nodetool on that node.",
            ) from error
        output = done.stdout.decode("utf-8", "replace")
        if done.returncode == 0:
            return output
        raise self._failure(name, done.stderr.decode("utf-8", "replace") + "\n" + output, code=done.returncode)

    def _failure(self, name: str, printed: str, *, code: int) -> NodeError:
        node, why = self._settings.name, last_useful_line(printed)
        message = f"nodetool {name} on node {node} failed: {why.rstrip('.')}."
        advice = jmx.refusal_advice(
            printed, tls=bool(self._settings.jmx_ssl_properties_file), password_file=self._settings.jmx_password_file
        )
        if advice:
            return NodeError(message, subject=node, next_step=advice)
        if _NOT_YET.search(printed):
            return NodeStartingError(message, subject=node, next_step="Wait until Cassandra has started.")
        if _NOT_THERE.search(printed):
            return NodeUnreachableError(
                message, subject=node, next_step="Check that Cassandra runs there and that its JMX port answers."
            )
        return NodeError(message, subject=node, next_step=f"nodetool's exit code was {code}; see also Cassandra's log.")


def _check_properties(path: str) -> None:
    """What Java would say about them does not name the option."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            stores = jmx.stores_in(file.read(), path=path)
        for store in stores:
            with open(store, "rb"):
                pass
    except OSError as error:
        raise InputError(
            f"{error.filename} cannot be read: {error.strerror}.",
            subject=str(error.filename),
            next_step=f"{option('jmx_ssl_properties_file')} has to be a file on the node that names files on the node.",
        ) from error
