"""A class made by the fast decorator does what the same class does that is made by the standard one."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, astuple, field, fields, replace
from typing import Any, ClassVar

import pytest

from agx.util import frozen

OURS = frozen.dataclass
STANDARD = dataclasses.dataclass


def made(dataclass: Callable[..., Any]) -> list[type[Any]]:
    """Return classes of every shape that AGX has, made with this decorator."""

    @dataclass(frozen=True, slots=True)
    class Nothing:
        """No fields."""

    @dataclass(frozen=True, slots=True)
    class One:
        """One field."""

        number: int

    @dataclass(frozen=True, slots=True)
    class Many:
        """Defaults, factories, and fields that are not shown or not compared."""

        KIND: ClassVar[str] = "many"
        number: int
        text: str = field(repr=False)
        names: tuple[str, ...] = ()
        unseen: int = field(default=3, compare=False)
        facts: dict[str, int] = field(default_factory=dict, hash=False)

        @property
        def doubled(self) -> int:
            return 2 * self.number

    @dataclass(frozen=True, slots=True)
    class Checked:
        """A check, and methods of its own."""

        number: int = 1
        others: list[int] = field(default_factory=lambda: [1, 2], compare=False)

        def __post_init__(self) -> None:
            if self.number < 0:
                raise ValueError(self.number)

        def __repr__(self) -> str:
            return f"<{self.number}>"

        def __hash__(self) -> int:
            return 7

    @dataclass(frozen=True, slots=True)
    class Longer(One):
        """A field more than its base."""

        more: str = "x"

    return [Nothing, One, Many, Checked, Longer]


ARGUMENTS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "Nothing": [((), {})],
    "One": [((1,), {}), ((), {"number": 2})],
    "Many": [
        ((1, "a"), {}),
        ((1, "a"), {"unseen": 4}),
        ((1, "a", ("b",)), {"facts": {"c": 1}}),
        ((2,), {"text": "a"}),
    ],
    "Checked": [((), {}), ((2, [3]), {}), ((), {"others": []})],
    "Longer": [((1,), {}), ((1, "y"), {}), ((), {"more": "z", "number": 1})],
}
PAIRS = [
    pytest.param(ours, standard, id=ours.__name__)
    for ours, standard in zip(made(OURS), made(STANDARD), strict=True)
]


def values(cls: type[Any]) -> list[Any]:
    return [cls(*arguments, **named) for arguments, named in ARGUMENTS[cls.__name__]]


@pytest.mark.parametrize(("ours", "standard"), PAIRS)
def test_values_show_compare_and_hash_as_the_standard_ones(ours: type[Any], standard: type[Any]) -> None:
    mine, theirs = values(ours), values(standard)
    assert list(map(repr, mine)) == [repr(each) for each in theirs]
    assert [one == other for one in mine for other in mine] == [
        one == other for one in theirs for other in theirs
    ]
    assert list(map(hash, mine)) == list(map(hash, theirs))
    assert mine[0] != theirs[0]
    assert mine[0].__eq__(object()) is NotImplemented


@pytest.mark.parametrize(("ours", "standard"), PAIRS)
def test_the_functions_for_dataclasses_take_them(ours: type[Any], standard: type[Any]) -> None:
    mine, theirs = values(ours), values(standard)
    assert list(map(asdict, mine)) == list(map(asdict, theirs))
    assert list(map(astuple, mine)) == list(map(astuple, theirs))
    assert [each.name for each in fields(ours)] == [each.name for each in fields(standard)]
    assert ours.__match_args__ == standard.__match_args__
    assert ours.__slots__ == standard.__slots__
    assert all(replace(each) == each and copy.deepcopy(each) == copy.copy(each) == each for each in mine)


@pytest.mark.parametrize(("ours", "standard"), PAIRS)
def test_they_are_made_with_the_same_arguments(ours: type[Any], standard: type[Any]) -> None:
    assert str(inspect.signature(ours)) == str(inspect.signature(standard))
    assert inspect.get_annotations(ours.__init__) == inspect.get_annotations(standard.__init__)
    for cls in (ours, standard):
        with pytest.raises(TypeError, match="unexpected keyword"):
            cls(nonsense=1)


@pytest.mark.parametrize(("ours", "standard"), PAIRS[1:])
def test_they_cannot_be_changed(ours: type[Any], standard: type[Any]) -> None:
    for value in (values(ours)[0], values(standard)[0]):
        with pytest.raises(FrozenInstanceError):
            value.number = 3
        with pytest.raises(FrozenInstanceError):
            del value.number


def test_what_a_class_checks_is_checked() -> None:
    checked = made(OURS)[3]
    with pytest.raises(ValueError, match="-1"):
        checked(-1)


@frozen.dataclass(frozen=True, slots=True)
class Kept:
    """A class that pickle finds."""

    number: int
    names: list[str] = field(default_factory=list)


def test_they_can_be_pickled() -> None:
    value = Kept(3, ["a"])
    assert pickle.loads(pickle.dumps(value)) == value
