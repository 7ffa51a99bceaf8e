# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dataclasses as plain values and back, for JSON and for Ansible. Pure.

A dataclass is a dictionary of its fields, down to the leaves, and what is built from one is what the annotations say:
texts, numbers, literals, other dataclasses, tuples, mappings by text, or ``None`` instead. A class with another plain
form has ``to_plain`` and ``from_plain``.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import sys
import typing as t

_Built = t.TypeVar("_Built")
_Turn = t.Callable[[t.Any], t.Any]
#: Of fields, and what they are called in the plain form.
_Names = tuple[tuple[str, str], ...]

_LEAVES: t.Mapping[t.Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a text"),
    int: ((int,), "a whole number"),
    float: ((float, int), "a number"),
    bool: ((bool,), "true or false"),
}
#: To mypy a class has no hash; to Python it has.
_class_of: t.Callable[[t.Any], t.Any] = type
_NAME = "plain name"
_FLAT = "plain flat"
_IF_ANY = "plain if any"


class PlainValueError(ValueError):
    """A plain value that is not what is wanted; its text says where."""

    def __init__(self, says: str, *, path: str = "") -> None:
        super().__init__(f"{path.lstrip('.')}: {says}" if path else says)
        self._says = says
        self._path = path

    def below(self, step: str) -> PlainValueError:
        """The same, seen from what the value is in."""
        return PlainValueError(self._says, path=step + self._path)


def plain(value: t.Any) -> t.Any:
    """A value as Ansible and JSON take it: dataclasses as dictionaries, tuples as lists, down to the leaves."""
    return _writer(_class_of(value))(value)


def build(kind: type[_Built], value: t.Any) -> _Built:
    """A dataclass from its plain form.

    Missing fields get their defaults, and unknown ones are ignored, so versions may differ.

    :raises PlainValueError: if a field without a default is missing, or something is of another type.
    """
    return t.cast(_Built, _reader(t.cast(t.Any, kind))(value))


def written_as(name: str) -> t.Mapping[str, str]:
    """For a field's metadata: what it is called in the plain form."""
    return {_NAME: name}


def written_flat(**names: str) -> t.Mapping[str, _Names]:
    """For a field's metadata: its own fields stand beside the others, some under another name."""
    return {_FLAT: tuple(names.items())}


def written_if_any() -> t.Mapping[str, bool]:
    """For a field's metadata: ``None`` is not written at all, so what has none reads as it did before the field."""
    return {_IF_ANY: True}


@functools.cache
def _writer(kind: t.Any, names: _Names = ()) -> _Turn:
    """How a value of a class is made plain."""
    if hasattr(kind, "to_plain"):
        return t.cast(_Turn, kind.to_plain)
    if dataclasses.is_dataclass(kind):
        return functools.partial(_write, fields=_fields(t.cast(t.Any, kind), names))
    if issubclass(kind, t.Mapping):
        return lambda value: {str(key): plain(inner) for key, inner in value.items()}
    if issubclass(kind, (list, tuple, set, frozenset)):
        return lambda value: [plain(inner) for inner in value]
    return lambda value: value


def _write(value: t.Any, *, fields: tuple[_Field, ...]) -> dict[str, t.Any]:
    written: dict[str, t.Any] = {}
    for field in fields:
        inner = getattr(value, field.name)
        if field.if_any and inner is None:
            continue
        if field.flat is None:
            written[field.key] = _writer(_class_of(inner))(inner)
        else:
            written.update(_writer(_class_of(inner), field.flat)(inner))
    return written


@functools.cache
def _reader(kind: t.Any, names: _Names = ()) -> _Turn:
    """How a value of a class is built."""
    if kind is t.Any:
        return lambda value: value
    if kind in _LEAVES:
        kinds, wanted = _LEAVES[kind]
        return functools.partial(_leaf, kinds=kinds, wanted=wanted)
    if t.get_origin(kind) is t.Literal:
        return functools.partial(_literal, known=t.get_args(kind))
    if hasattr(kind, "from_plain"):
        return t.cast(_Turn, kind.from_plain)
    return _dataclass(kind, _fields(kind, names))


def _dataclass(kind: t.Any, fields: t.Sequence[_Field]) -> _Turn:
    # A manifest has millions of lines: what is as expected costs one look, and only the rest is looked at closely.
    expected = [(field.name, None if field.flat is not None else field.key, field.leaf, field.read) for field in fields]

    def read(value: t.Any) -> t.Any:
        found, key = {}, None
        try:
            for name, key, leaf, read_field in expected:
                inner = value if key is None else value[key]
                found[name] = inner if inner.__class__ is leaf else read_field(inner)
        except PlainValueError as error:
            raise error if key is None else error.below(f".{key}") from None
        except (KeyError, TypeError):
            found = _with_defaults(value, fields)
        return kind(**found)

    return read


def _with_defaults(value: t.Any, fields: t.Sequence[_Field]) -> dict[str, t.Any]:
    """The fields of a value of which some are missing, or that has none."""
    if not isinstance(value, t.Mapping):
        raise _wrong(value, "a mapping")
    found = {}
    for field in fields:
        if field.flat is not None:
            found[field.name] = field.read(value)
        elif field.key in value:
            try:
                found[field.name] = field.read(value[field.key])
            except PlainValueError as error:
                raise error.below(f".{field.key}") from None
        elif field.required:
            raise PlainValueError("it is missing", path=f".{field.key}")
    return found


class _Field(t.NamedTuple):
    """A field of a dataclass.

    :param key: what it is called in the plain form.
    :param flat: if its own fields stand beside the others, what those are called.
    :param leaf: the type that needs no reading; ``None`` if there is none.
    :param if_any: whether ``None`` is not written.
    """

    name: str
    key: str
    required: bool
    flat: _Names | None
    leaf: type | None
    read: _Turn
    if_any: bool


@functools.cache
def _fields(kind: t.Any, names: _Names) -> tuple[_Field, ...]:
    namespace = vars(sys.modules[kind.__module__])
    called = dict(names)
    found = []
    for field in dataclasses.fields(kind):
        node, flat = ast.parse(str(field.type), mode="eval").body, field.metadata.get(_FLAT)
        found.append(
            _Field(
                name=field.name,
                key=called.get(field.name) or field.metadata.get(_NAME, field.name),
                required=field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
                flat=flat,
                leaf=next((leaf for leaf in _LEAVES if leaf.__name__ == field.type), None),
                read=_annotated(node, namespace) if flat is None else _reader(_named(node, namespace), flat),
                if_any=bool(field.metadata.get(_IF_ANY)),
            )
        )
    return tuple(found)


def _annotated(node: ast.expr, namespace: t.Mapping[str, t.Any]) -> _Turn:
    """How to build what an annotation says. Read, not evaluated: Python 3.9 knows no ``X | None``."""
    if isinstance(node, ast.BinOp):
        return _optional(_annotated(node.left, namespace))
    if not isinstance(node, ast.Subscript):
        return _reader(_named(node, namespace))
    of, inner = _named(node.value, namespace), node.slice
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if of is t.Mapping:
        return functools.partial(_mapping, read=_annotated(parts[1], namespace))
    if of is not tuple:
        raise TypeError(f"{ast.dump(node)} cannot be built")
    if isinstance(parts[-1], ast.Constant) and parts[-1].value is ...:
        return functools.partial(_sequence, read=_annotated(parts[0], namespace))
    return functools.partial(_fixed, reads=tuple(_annotated(part, namespace) for part in parts))


def _named(node: ast.expr, namespace: t.Mapping[str, t.Any]) -> t.Any:
    if isinstance(node, ast.Attribute):
        return getattr(_named(node.value, namespace), node.attr)
    if isinstance(node, ast.Name):
        return namespace[node.id] if node.id in namespace else getattr(builtins, node.id)
    raise TypeError(f"{ast.dump(node)} cannot be built")


def _leaf(value: t.Any, *, kinds: tuple[type, ...], wanted: str) -> t.Any:
    # True is an int to Python, and to nobody else.
    if isinstance(value, kinds) and (kinds == (bool,) or not isinstance(value, bool)):
        return value
    raise _wrong(value, wanted)


def _optional(read: _Turn) -> _Turn:
    return lambda value: None if value is None else read(value)


def _literal(value: t.Any, *, known: tuple[t.Any, ...]) -> t.Any:
    if value in known:
        return value
    raise _wrong(value, f"one of {', '.join(map(str, known))}")


def _mapping(value: t.Any, *, read: _Turn) -> t.Mapping[str, t.Any]:
    if not isinstance(value, t.Mapping):
        raise _wrong(value, "a mapping")
    found = {}
    for key, inner in value.items():
        try:
            found[key] = read(inner)
        except PlainValueError as error:
            raise error.below(f".{key}") from None
    return found


def _sequence(value: t.Any, *, read: _Turn) -> tuple[t.Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise _wrong(value, "a list")
    try:
        return tuple([read(inner) for inner in value])
    except PlainValueError:
        for number, inner in enumerate(value):
            try:
                read(inner)
            except PlainValueError as error:
                raise error.below(f"[{number}]") from None
        raise


def _fixed(value: t.Any, *, reads: tuple[_Turn, ...]) -> tuple[t.Any, ...]:
    if not isinstance(value, (list, tuple)) or len(value) != len(reads):
        raise _wrong(value, f"a list of {len(reads)}")
    return tuple(read(inner) for read, inner in zip(reads, value))


def _wrong(value: t.Any, wanted: str) -> PlainValueError:
    return PlainValueError(f"{value!r} is not {wanted}"[:200])
