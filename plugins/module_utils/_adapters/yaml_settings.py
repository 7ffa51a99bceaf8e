# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a YAML file, read as Cassandra reads them, and where in the text each stands.

The only file that imports PyYAML, which reads YAML 1.1 as Cassandra's SnakeYAML does. As there, of a setting that is
there twice the last one counts, and what a value is depends on what its setting wants, not on how it looks: ``no`` is
a cluster's name and a switch that is off, ``"16"`` is a number, ``010`` is eight. Seen so with the loaders of Cassandra
4.0.19, 4.1.10 and 5.0.9. What they refuse is refused here with the line and the setting.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.libraries import unusable
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option

try:
    import yaml as _yaml
except Exception as _error:  # whatever it is, the library cannot be used
    _IMPORT_ERROR: str | None = f"{type(_error).__name__}: {_error}"
else:
    _IMPORT_ERROR = None

_STANDARD = "tag:yaml.org,2002:"
_FLAGS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_NUMBERS = (
    (re.compile(r"[-+]?0b([01]+)\Z"), 2),
    (re.compile(r"[-+]?0x([0-9a-fA-F]+)\Z"), 16),
    (re.compile(r"[-+]?0([0-7]+)\Z"), 8),
    (re.compile(r"[-+]?(0|[1-9][0-9]*)\Z"), 10),
)
_SEXAGESIMAL = re.compile(r"[-+]?[1-9][0-9]*(:[0-5]?[0-9])+\Z")
_MAX_NUMBER = 2**31 - 1
_MAX_SHOWN = 60


@dataclasses.dataclass(frozen=True)
class Span:
    """Where a value stands in the text: from one character up to another. An empty value takes none."""

    start: int
    end: int


class YamlSettings:
    """The settings of one mapping: the whole file, or a group in it.

    :ivar path: of the file.
    """

    def __init__(self, node: t.Any, *, path: str, inside: str = "") -> None:
        """
        :param node: PyYAML's, of the mapping; ``None`` for a group that is not there.
        :param inside: the group's name and a dot.
        """
        self.path = path
        self._node = node
        self._inside = inside
        # Of a name that is there twice, the last.
        self._values: dict[str, t.Any] = {key.value: value for key, value in (node.value if node else ())}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    @property
    def names(self) -> tuple[str, ...]:
        """All settings that are there, each once; also those without a value."""
        return tuple(self._values)

    def has(self, name: str) -> bool:
        """Whether a setting has a value, and not an empty list."""
        node = self._values.get(name)
        return node is not None and not _is_null(node) and bool(node.value)

    def text(self, name: str) -> str | None:
        """A setting that is a text; ``None`` if it is not there or has no value.

        :raises LocalFilesError: if it is a list or a group.
        """
        node = self._values.get(name)
        if node is None or _is_null(node):
            return None
        return self._scalar(name, node)

    def needed_text(self, name: str, *, default: str) -> str:
        """A text that Cassandra does not let be empty.

        :raises LocalFilesError: if it is there without a value.
        """
        if name not in self:
            return default
        value = self.text(name)
        if value is None:
            raise self.wrong(name, "has no value")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """A setting that is on or off.

        :raises LocalFilesError: if it is neither, or has no value.
        """
        if name not in self:
            return default
        flag = _FLAGS.get(self.needed_text(name, default="").lower())
        if flag is None:
            raise self.wrong(name, "is neither true nor false")
        return flag

    def number(self, name: str) -> int | None:
        """A setting that is a whole number; ``None`` if it is not there or has no value.

        :raises LocalFilesError: if it is not a number, or one that does not fit into 32 bits.
        """
        text = self.text(name)
        if text is None:
            return None
        number = _number(text)
        if number is None or abs(number) > _MAX_NUMBER:
            raise self.wrong(name, "is not a whole number")
        return number

    def port(self, name: str, *, default: int) -> int:
        """A setting that is a port.

        :raises LocalFilesError: if it is not, or has no value.
        """
        if name not in self:
            return default
        self.needed_text(name, default="")
        number = self.number(name)
        if number is None or not 0 <= number < 2**16:
            raise self.wrong(name, "is not a port")
        return number

    def texts(self, name: str) -> tuple[str, ...]:
        """A setting that is a list of texts; empty if it is not there or has no value.

        :raises LocalFilesError: if it is something else, or one of them has no value.
        """
        node = self._values.get(name)
        if node is None or _is_null(node):
            return ()
        if node.id != "sequence":
            raise self.wrong(name, "is not a list: write each entry on a line of its own, after a dash")
        if any(_is_null(item) for item in node.value):
            raise self.wrong(name, "has an entry without a value")
        return tuple(self._scalar(name, item) for item in node.value)

    def group(self, name: str) -> YamlSettings:
        """The settings in a group; none if it is not there or has no value.

        :raises LocalFilesError: if it is not a group.
        """
        node = self._values.get(name)
        if node is None or _is_null(node):
            return YamlSettings(None, path=self.path)
        if node.id != "mapping":
            raise self.wrong(name, "is not a group of settings")
        return YamlSettings(node, path=self.path, inside=f"{self._inside}{name}.")

    def groups(self, name: str) -> tuple[YamlSettings, ...]:
        """The groups in a list; none if it is something else."""
        node = self._values.get(name)
        items = node.value if node is not None and node.id == "sequence" else ()
        return tuple(
            YamlSettings(item, path=self.path, inside=f"{self._inside}{name}.")
            for item in items
            if item.id == "mapping"
        )

    def plain(self) -> dict[str, t.Any]:
        """Everything as plain values, which read again as the same text: a number only if it is written like one."""
        return {name: _plain(node) for name, node in self._values.items()}

    def others(self, names: t.Container[str]) -> list[tuple[str, t.Any]]:
        """All settings except some, in the order of the text and as often as they are there, to be compared."""
        return [(key.value, _plain(value)) for key, value in self._node.value if key.value not in names]

    def span(self, name: str) -> Span | None:
        """Where the value of a setting stands, without the comment behind it; ``None`` if it is not there.

        :raises LocalFilesError: if it is a list or a group.
        """
        node = self._values.get(name)
        if node is None:
            return None
        self._scalar(name, node)
        return Span(node.start_mark.index, node.end_mark.index)

    def key_start(self, name: str) -> int:
        """Where the name of a setting that is there begins."""
        return [int(key.start_mark.index) for key, _value in self._node.value if key.value == name][-1]

    @property
    def end(self) -> int:
        """Where the text after the last setting begins, or comments after it end."""
        return int(self._node.end_mark.index)

    @property
    def indent(self) -> int:
        """How many blanks stand before each setting."""
        return int(self._node.start_mark.column)

    def wrong(self, name: str, what: str) -> LocalFilesError:
        """The error that the value of a setting cannot be used; ``what`` follows it."""
        node = self._values[name]
        shown = ""
        if node.id == "scalar" and not _is_null(node):
            shown = f" {node.value[:_MAX_SHOWN]}"
        variables = "$" in shown and "{" in shown
        return LocalFilesError(
            f"{self.path}, line {node.start_mark.line + 1}: {self._inside}{name}{shown} {what}.",
            subject=self.path,
            next_step=f"Cassandra replaces no variables. Give in {option('config_file')} the file that it reads."
            if variables
            else "Cassandra itself would not start with it. Correct it, or see that this is the file that it reads.",
        )

    def _scalar(self, name: str, node: t.Any) -> str:
        if node.id != "scalar":
            raise self.wrong(name, "is a list or a group, where one value is wanted")
        if not node.tag.startswith(_STANDARD) or node.tag == f"{_STANDARD}binary":
            raise self.wrong(name, f"has the tag {node.tag.replace(_STANDARD, '!!')}, which is not understood here")
        return str(node.value)


def parse_settings(text: str, *, path: str) -> YamlSettings:
    """What a text sets.

    :raises LocalFilesError: if it is not YAML, or has no settings.
    :raises DependencyError: if PyYAML is missing.
    """
    if _IMPORT_ERROR is not None:
        raise unusable("PyYAML", _IMPORT_ERROR)
    try:
        loader = _yaml.SafeLoader(text)
        try:
            node: t.Any = loader.get_single_node()
            _flatten(loader, node, above=())
        finally:
            loader.dispose()
    except _yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}," if mark is not None else ""
        raise LocalFilesError(
            f"{path}{where} is not valid YAML: {error.problem or error.context}.",
            subject=path,
            next_step="Cassandra itself would not start with it. Correct that line; blanks indent, never tabs.",
        ) from error
    except (_yaml.YAMLError, RecursionError) as error:
        raise LocalFilesError(f"{path} is not valid YAML: {error}", subject=path) from error
    if node is None or node.id != "mapping":
        raise LocalFilesError(
            f"{path} is not a cassandra.yaml: it has no settings.",
            subject=path,
            next_step=f"Give in {option('config_file')} the file that Cassandra reads.",
        )
    return YamlSettings(node, path=path)


def _flatten(loader: t.Any, node: t.Any, *, above: tuple[t.Any, ...]) -> None:
    """Resolve merge keys (``<<``), and refuse what has itself inside, or a name that is not a text."""
    if node is None or node.id == "scalar":
        return
    if any(node is each for each in above):
        raise _yaml.constructor.ConstructorError(None, None, "it has itself inside", node.start_mark)
    if node.id == "mapping":
        loader.flatten_mapping(node)
        for key, value in node.value:
            if key.id != "scalar":
                raise _yaml.constructor.ConstructorError(None, None, "a name is not a text", key.start_mark)
            _flatten(loader, value, above=(*above, node))
    else:
        for item in node.value:
            _flatten(loader, item, above=(*above, node))


def _is_null(node: t.Any) -> bool:
    return bool(node.tag == f"{_STANDARD}null")


def _plain(node: t.Any) -> t.Any:
    if node.id == "mapping":
        return {key.value: _plain(value) for key, value in node.value}
    if node.id == "sequence":
        return [_plain(item) for item in node.value]
    if _is_null(node):
        return None
    text = str(node.value)
    if node.tag == f"{_STANDARD}bool" and text in ("true", "false"):
        return text == "true"
    if node.tag == f"{_STANDARD}int" and re.match(r"-?(0|[1-9][0-9]*)\Z", text):
        return int(text)
    if node.tag == f"{_STANDARD}float" and re.match(r"-?(0|[1-9][0-9]*)\.[0-9]+\Z", text) and repr(float(text)) == text:
        return float(text)
    return text


def _number(text: str) -> int | None:
    """As SnakeYAML reads whole numbers, quoted or not."""
    text = text.replace("_", "")
    sign = -1 if text.startswith("-") else 1
    if _SEXAGESIMAL.match(text):
        return sign * functools.reduce(lambda total, part: total * 60 + int(part), text.lstrip("+-").split(":"), 0)
    for pattern, base in _NUMBERS:
        match = pattern.match(text)
        if match:
            return sign * int(match[1], base)
    return None
