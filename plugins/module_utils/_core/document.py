# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents that the repository and the nodes keep: JSON with the name of its format and a version. Pure.

What a reader does not know it passes over within a version; what it would not understand is another version.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    ManifestError,
    ReviveError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError, build, plain

_Value = t.TypeVar("_Value")
_Json = dict[str, t.Any]

_OWNER = "revive.cassandra/"
_RECORD = "record"
_HEADER = "header"
_line_of = json.JSONEncoder(separators=(",", ":")).encode


@dataclasses.dataclass(frozen=True)
class Document(t.Generic[_Value]):
    """One kind of document.

    :param name: of its format.
    :param holds: the dataclass that it is the plain form of.
    :param error: what is raised where a text is something else, and ``next_step`` what is said then.
    :param bare: what is built from a text without format, as some were written by 0.1.0; ``None`` where none was.
    """

    name: str
    holds: type[_Value]
    version: int = 1
    error: type[ReviveError] = ManifestError
    next_step: str = ""
    bare: t.Callable[[t.Any], t.Any] | None = None

    def encode(self, value: _Value) -> bytes:
        """The document's text."""
        return json.dumps({**self.envelope, **plain(value)}, indent=1).encode() + b"\n"

    def decode(self, text: bytes, *, subject: str) -> _Value:
        """What a document's text says.

        :raises ReviveError: ``error``, if the text is something else, or of a version that is not known.
        """
        return self.read(self.parse(text, subject=subject), subject=subject)

    @property
    def envelope(self) -> _Json:
        """What says which document it is."""
        return {"format": _OWNER + self.name, "version": self.version}

    def parse(self, text: bytes, *, subject: str) -> t.Any:
        """The JSON of a text; errors as of :meth:`decode`."""
        try:
            return json.loads(text)
        except ValueError as error:
            raise self.unreadable(error, subject=subject) from error

    def read(self, value: t.Any, *, subject: str) -> _Value:
        """What a document's JSON says; errors as of :meth:`decode`."""
        if isinstance(value, dict) and "format" in value:
            self._check(value, subject=subject)
        elif self.bare is not None:
            value = self.bare(value)
        else:
            raise self.error(f"{subject} is not a {_OWNER}{self.name}.", subject=subject, next_step=self.next_step)
        try:
            return build(self.holds, value)
        except (PlainValueError, InputError) as error:
            raise self.unreadable(error, subject=subject) from error

    def unreadable(self, error: Exception, *, subject: str) -> ReviveError:
        """What to raise for a text that is damaged."""
        return self.error(
            f"{subject} cannot be read: {str(error).rstrip('.')}.", subject=subject, next_step=self.next_step
        )

    def _check(self, value: _Json, *, subject: str) -> None:
        if value["format"] != _OWNER + self.name:
            raise self.error(f"{subject} is not a {_OWNER}{self.name}.", subject=subject, next_step=self.next_step)
        if value.get("version") != self.version:
            raise self.error(
                f"{subject} is of version {value.get('version')}, this revive.cassandra reads {self.version}.",
                subject=subject,
                next_step="Use a newer revive.cassandra.",
            )


@dataclasses.dataclass(frozen=True)
class Lines(t.Generic[_Value]):
    """One kind of document that is read and written a record at a time, each on a line of its own.

    :param header: the document that the first line is.
    :param records: the dataclasses of the others, by what the lines call them.
    """

    header: Document[t.Any]
    records: t.Mapping[str, type]

    def encode(self, record: _Value) -> bytes:
        """A record's line, with its end."""
        kind = self._kinds[type(record)]
        envelope = self.header.envelope if kind == _HEADER else {}
        return _line_of({_RECORD: kind, **envelope, **plain(record)}).encode() + b"\n"

    def decode(self, line: bytes, *, subject: str) -> _Value:
        """What a line says; errors as of :meth:`Document.decode`."""
        value = self.header.parse(line, subject=subject)
        kind = str(value.get(_RECORD)) if isinstance(value, dict) else ""
        if kind == _HEADER:
            return t.cast(_Value, self.header.read(value, subject=subject))
        if kind not in self.records:
            raise self.header.unreadable(PlainValueError(f"{kind!r} is no kind of record"), subject=subject)
        try:
            return t.cast(_Value, build(self.records[kind], value))
        except PlainValueError as error:
            raise self.header.unreadable(error, subject=subject) from error

    @functools.cached_property
    def _kinds(self) -> t.Mapping[type, str]:
        return {self.header.holds: _HEADER, **{holds: kind for kind, holds in self.records.items()}}
