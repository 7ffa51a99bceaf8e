# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dataclasses as plain values and back, for JSON and for Ansible. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

_Built = t.TypeVar("_Built")


def plain(value: t.Any) -> t.Any:
    """A value as Ansible takes it: dataclasses as dictionaries, tuples as lists, down to the leaves."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, t.Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    return value


def build(kind: type[_Built], value: t.Mapping[str, t.Any]) -> _Built:
    """A dataclass from its fields; unknown ones are ignored, so versions may differ.

    :raises KeyError: if a field is missing.
    """
    return kind(**{field.name: value[field.name] for field in dataclasses.fields(kind)})  # type: ignore[arg-type]
