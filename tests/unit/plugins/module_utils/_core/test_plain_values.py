# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import (
    PlainValueError,
    build,
    plain,
    written_as,
    written_flat,
)

Color = t.Literal["red", "green"]


@dataclasses.dataclass(frozen=True)
class Wheel:
    """What can be in another."""

    size: int
    air: float = 2.5


@dataclasses.dataclass(frozen=True)
class Plate:
    """What stands beside the others."""

    text: str
    id: str


class Engine:
    """What has a form of its own."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Engine) and other.text == self.text

    __hash__ = None  # type: ignore[assignment]

    def to_plain(self) -> str:
        """Its text."""
        return self.text

    @classmethod
    def from_plain(cls, value: t.Any) -> Engine:
        """From its text."""
        if not isinstance(value, str):
            raise PlainValueError(f"{value!r} is not an engine")
        return cls(value)


@dataclasses.dataclass(frozen=True)
class Car:
    """All that there can be in a dataclass."""

    plate: Plate = dataclasses.field(metadata=written_flat(id="plate_id"))
    wheels: tuple[Wheel, ...]
    engine: Engine = dataclasses.field(metadata=written_as("motor"))
    color: Color
    doors: t.Mapping[str, Wheel]
    pair: tuple[int, str]
    spare: Wheel | None = None
    notes: tuple[str, ...] = dataclasses.field(default_factory=lambda: ("new",))
    is_sold: bool = False
    extra: t.Any = None


CAR = Car(
    plate=Plate(text="B", id="7"),
    wheels=(Wheel(1), Wheel(2, 3.0)),
    engine=Engine("V8"),
    color="red",
    doors={"left": Wheel(3)},
    pair=(1, "a"),
    spare=Wheel(4),
)
PLAIN: dict[str, t.Any] = {
    "text": "B",
    "plate_id": "7",
    "wheels": [{"size": 1, "air": 2.5}, {"size": 2, "air": 3.0}],
    "motor": "V8",
    "color": "red",
    "doors": {"left": {"size": 3, "air": 2.5}},
    "pair": [1, "a"],
    "spare": {"size": 4, "air": 2.5},
    "notes": ["new"],
    "is_sold": False,
    "extra": None,
}


def test_a_dataclass_is_made_plain_and_built_again() -> None:
    assert plain(CAR) == PLAIN
    assert build(Car, PLAIN) == CAR


def test_fields_that_are_missing_have_their_defaults_and_others_are_passed_over() -> None:
    older = {name: value for name, value in PLAIN.items() if name not in ("spare", "notes", "is_sold", "extra")}
    assert build(Car, {**older, "color_of_tomorrow": 1}) == dataclasses.replace(CAR, spare=None)
    assert build(Car, {**PLAIN, "spare": None}).spare is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"wheels": [{"size": 1}, {"size": "2"}]}, "wheels[1].size: '2' is not a whole number"),
        ({"wheels": {"size": 1}}, "wheels: {'size': 1} is not a list"),
        ({"wheels": [{}]}, "wheels[0].size: it is missing"),
        ({"wheels": [7]}, "wheels[0]: 7 is not a mapping"),
        ({"spare": {"size": True}}, "spare.size: True is not a whole number"),
        ({"doors": {"left": {"size": 1, "air": "much"}}}, "doors.left.air: 'much' is not a number"),
        ({"doors": [1]}, "doors: [1] is not a mapping"),
        ({"color": "blue"}, "color: 'blue' is not one of red, green"),
        ({"motor": 8}, "motor: 8 is not an engine"),
        ({"text": None}, "text: None is not a text"),
        ({"plate_id": 7}, "plate_id: 7 is not a text"),
        ({"pair": [1]}, "pair: [1] is not a list of 2"),
        ({"is_sold": 1}, "is_sold: 1 is not true or false"),
    ],
)
def test_what_is_wrong_is_said_with_where_it_is(change: dict[str, t.Any], says: str) -> None:
    with pytest.raises(PlainValueError) as caught:
        build(Car, {**PLAIN, **change})
    assert str(caught.value) == says


@pytest.mark.parametrize("missing", ["text", "plate_id", "motor", "pair"])
def test_what_is_missing_is_named(missing: str) -> None:
    value = {name: each for name, each in PLAIN.items() if name != missing}
    with pytest.raises(PlainValueError, match=f"^{missing}: it is missing$"):
        build(Car, value)


def test_what_is_no_mapping_is_nothing_that_a_dataclass_is_built_from() -> None:
    for value in ([], "text", None, 7):
        with pytest.raises(PlainValueError, match="is not a mapping"):
            build(Car, value)


def test_a_whole_number_is_a_number_too() -> None:
    assert build(Wheel, {"size": 1, "air": 2}) == Wheel(1, 2)


def test_sets_and_mappings_are_made_plain_too() -> None:
    assert plain({"a": {1}, 2: (Wheel(1),)}) == {"a": [1], "2": [{"size": 1, "air": 2.5}]}
