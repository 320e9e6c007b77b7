"""Python functions as tools: real functions of many kinds, and those that cannot be called by JSON."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypedDict

import pytest
import typing_extensions
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from agx.app.registries import registry_of_functions, tool_from_function
from agx.errors import RegistryInvalid
from tests.tools import functions_elsewhere as elsewhere


class Colour(Enum):
    """What a thing looks like."""

    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    """A place."""

    x: int
    y: int = 0


class Options(typing_extensions.TypedDict, total=False):
    """What may be said."""

    deep: bool


class Tree(BaseModel):
    """A model that holds itself."""

    name: str = Field(min_length=1)
    kids: list[Tree] = []


Endless = list["Endless"] | str
Named = typing_extensions.TypeAliasType("Named", "list[Named] | str")


class Plain:
    """No type that JSON could carry."""


def plain_types(
    text: str, count: int, share: float, *, flag: bool, nothing: None = None, anything: Any = 1
) -> tuple[Any, ...]:
    """Return what it was given."""
    return text, count, share, flag, nothing, anything


def containers(
    names: list[str],
    pair: tuple[int, str],
    table: dict[str, list[int]],
    bare: list[Any],
    more: tuple[int, ...] = (),
) -> tuple[Any, ...]:
    """Return what it was given."""
    return names, pair, table, bare, more


def choices(
    unit: Literal["C", "F", 3], colour: Colour = Colour.RED, limit: int | None = None, either: int | str = 1
) -> tuple[Any, ...]:
    """Return what it was given."""
    return unit, colour, limit, either


def structures(
    point: Point,
    options: Options,
    tree: Tree,
    on: date,
    *,
    where: Path = Path("x"),
    colours: tuple[Colour, ...] = (),
) -> tuple[Any, ...]:
    """Return what it was given."""
    return point, options, tree, on, where, colours


def described(
    percent: Annotated[int, Field(ge=0, le=100, description="its own words")],
    other: str = Field(default="x", max_length=3),
) -> str:
    """Say it.

    Args:
        percent: other words
        other: the other one
    """
    return f"{percent} {other}"


def properties(tool: Any) -> Any:
    """Return the parameters of a tool by name."""
    return tool.schema["properties"]


def test_a_tool_has_name_description_schema_and_function() -> None:
    tool = tool_from_function(plain_types, risk=["reads"], category="own")
    assert (tool.name, tool.description, tool.risk, tool.category) == (
        "plain_types",
        "Return what it was given.",
        ("reads",),
        "own",
    )
    assert tool.schema == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "text": {"type": "string"},
            "count": {"type": "integer"},
            "share": {"type": "number"},
            "flag": {"type": "boolean"},
            "nothing": {"default": None, "type": "null"},
            "anything": {"default": 1},
        },
        "required": ["text", "count", "share", "flag"],
    }
    assert tool.call is not None
    assert tool.call(text="a", count=1, share=0.5, flag=True) == ("a", 1, 0.5, True, None, 1)


@pytest.mark.parametrize(
    ("function", "arguments", "result"),
    [
        (
            containers,
            {"names": ["a"], "pair": [1, "b"], "table": {"k": [1]}, "bare": [None], "more": [1, 2]},
            (["a"], (1, "b"), {"k": [1]}, [None], (1, 2)),
        ),
        (choices, {"unit": 3, "colour": "blue", "either": "x"}, (3, Colour.BLUE, None, "x")),
        (choices, {"unit": "C", "limit": 5}, ("C", Colour.RED, 5, 1)),
        (
            structures,
            {
                "point": {"x": 1},
                "options": {"deep": True},
                "tree": {"name": "a", "kids": [{"name": "b"}]},
                "on": "2024-02-29",
                "where": "/tmp",
                "colours": ["red"],
            },
            (
                Point(1),
                {"deep": True},
                Tree(name="a", kids=[Tree(name="b")]),
                date(2024, 2, 29),
                Path("/tmp"),
                (Colour.RED,),
            ),
        ),
        (described, {"percent": 5}, "5 x"),
        (elsewhere.dig, {"at": {"depth": 2}, "twice": True}, 4),
        (elsewhere.Digger().dig, {"at": {"depth": 2}}, 2),
        (partial(elsewhere.dig, twice=True), {"at": {"depth": 3}}, 6),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_arguments_as_json_has_them_become_what_the_hints_say(
    function: Callable[..., Any], arguments: dict[str, Any], result: Any
) -> None:
    """They fit the schema, cross JSON, and arrive as the function expects them."""
    tool = tool_from_function(function)
    assert tool.schema is not None
    assert tool.call is not None
    Draft202012Validator(tool.schema).validate(arguments)
    assert tool.call(**json.loads(json.dumps(arguments))) == result


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (containers, {"names": [1], "pair": [1, "b"], "table": {}, "bare": []}),
        (containers, {"names": [], "pair": [1], "table": {}, "bare": []}),
        (choices, {"unit": "K"}),
        (choices, {"unit": "C", "colour": "green"}),
        (choices, {"unit": "C", "colours": []}),
        (structures, {"point": {}, "options": {}, "tree": {"name": "a"}, "on": "2024-02-29"}),
        (structures, {"point": {"x": 1}, "options": {}, "tree": {"name": ""}, "on": "2024-02-29"}),
        (described, {"percent": 101}),
        (described, {"percent": 1, "other": "long"}),
        (described, {}),
    ],
)
def test_what_the_hints_do_not_allow_the_schema_does_not_either(
    function: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    tool = tool_from_function(function)
    assert tool.schema is not None
    assert tool.call is not None
    assert not Draft202012Validator(tool.schema).is_valid(arguments)
    with pytest.raises(ValueError, match="validation error"):
        tool.call(**arguments)


def test_a_type_that_holds_itself_is_read_where_it_has_a_name() -> None:
    def takes(a: Named) -> Any:
        return a

    takes.__annotations__["a"] = Named
    tool = tool_from_function(takes)
    assert tool.schema is not None
    assert tool.call is not None
    Draft202012Validator(tool.schema).validate({"a": [["x"], "y"]})
    assert tool.call(a=[["x"], "y"]) == [["x"], "y"]


def test_hints_are_resolved_where_the_function_stands() -> None:
    """The module that makes the tool has a `Finding` of its own, and another one here."""
    tool = tool_from_function(elsewhere.dig)
    assert tool.schema is not None
    assert list(tool.schema["$defs"]["Finding"]["properties"]) == ["depth"]


def test_descriptions_of_parameters_come_from_field_or_docstring() -> None:
    parameters = properties(tool_from_function(described))
    assert parameters["percent"]["description"] == "its own words"
    assert parameters["other"]["description"] == "the other one"


def test_a_name_and_a_description_can_be_given() -> None:
    tool = tool_from_function(elsewhere.Digger(), name="digger", description="Dig\u200b.")
    assert (tool.name, tool.description) == ("digger", "Dig.")
    assert tool.call is not None
    assert tool.call(depth="3") == 3


def test_a_decorated_function_is_seen_through() -> None:
    @wraps(elsewhere.dig)
    def wrapper(*args: Any, **kwargs: Any) -> int:
        return elsewhere.dig(*args, **kwargs) + 1

    tool = tool_from_function(wrapper)
    assert tool.call is not None
    assert list(properties(tool)) == ["at", "twice"]
    assert tool.call(at={"depth": 1}) == 2


async def test_a_coroutine_function_gives_a_coroutine() -> None:
    async def later(seconds: float) -> float:
        await asyncio.sleep(0)
        return seconds

    tool = tool_from_function(later)
    assert tool.call is not None
    assert inspect.iscoroutinefunction(tool.call)
    assert await tool.call(seconds=1) == 1.0


def test_what_a_function_raises_comes_out() -> None:
    def broken() -> None:
        raise OSError("broken")

    tool = tool_from_function(broken)
    assert tool.schema == {"type": "object", "additionalProperties": False, "properties": {}}
    assert tool.call is not None
    with pytest.raises(OSError, match="broken"):
        tool.call()


def no_hint(a, b: int) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001 - that is the point
def star(*a: int) -> None: ...
def stars(**k: int) -> None: ...
def by_place(a: int, /) -> None: ...
def plain_class(ok: int, a: Plain) -> None: ...
def function(a: Callable[[], int]) -> None: ...
def half(a: int | Callable[[], int]) -> None: ...
def iterator(a: Iterator[int]) -> None: ...
def a_class(a: type[int]) -> None: ...
def unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - that is the point
def not_a_number(a: float = float("nan")) -> None: ...
def hidden(a: Annotated[int, Field(alias="a\u200b")]) -> None: ...
def endless(a: Endless) -> None: ...


class Shape(Protocol):
    """What something can do."""

    def area(self) -> float:
        """Return the area."""


def protocol(a: Shape) -> None: ...


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (no_hint, "no_hint cannot be a tool: its parameter a has no type hint"),
        (star, "star cannot be a tool: its parameter *a takes any number of values"),
        (stars, "stars cannot be a tool: its parameter **k takes values of any name"),
        (by_place, "by_place cannot be a tool: its parameter a cannot be given by name"),
        (plain_class, "plain_class cannot be a tool: the type of its parameter a cannot be given in JSON"),
        (protocol, "the type of its parameter a cannot be given in JSON"),
        (function, "the type of its parameter a cannot be given in JSON"),
        (half, "the type of its parameter a cannot be given in JSON"),
        (iterator, "the type of its parameter a cannot be given in JSON"),
        (a_class, "its parameter a cannot be given in JSON: a class (int) is no value of JSON"),
        (unknown, "a type hint cannot be resolved: name 'Nowhere' is not defined"),
        (elsewhere.unresolvable, "a type hint cannot be resolved: name 'Decimal' is not defined"),
        (not_a_number, "not_a_number, /properties/a/default: nan is no number that a program could use"),
        (hidden, r"part of the name 'a\u200b' cannot be seen"),
        (endless, "endless cannot be a tool: a type hint holds itself"),
        (lambda: 1, "it has no name of its own"),
        (elsewhere.Digger(), "it has no name of its own"),
        (elsewhere.Digger.dig, "its parameter self has no type hint"),
        (Plain, "Plain cannot be a tool: it is a class"),
        (dict, "dict cannot be a tool: it is a class"),
        (max, "max cannot be a tool: its signature cannot be read"),
        (print, "its parameter *args takes any number of values"),
        (5, "5 cannot be a tool: it is no function"),
        ("ls", "'ls' cannot be a tool: it is no function"),
    ],
    ids=lambda case: getattr(case, "__name__", case),
)
def test_what_json_cannot_call_is_refused(bad: Any, message: str) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        tool_from_function(bad)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("risk", [[], ["harmless"], "read", [5]], ids=str)
def test_a_risk_that_is_none_is_refused(risk: Any) -> None:
    with pytest.raises(RegistryInvalid, match="its risk is none of reads"):
        tool_from_function(described, risk=risk)


def test_functions_make_a_registry() -> None:
    registry = registry_of_functions([described, elsewhere.dig], risk=["writes", "reads"])
    assert list(registry.tools) == ["described", "dig"]
    assert {tool.risk for tool in registry} == {("reads", "writes")}
    with pytest.raises(RegistryInvalid, match="twice"):
        registry_of_functions([described, described])


def test_what_is_taken_out_of_descriptions_is_told() -> None:
    def greet(name: str) -> str:
        return name

    greet.__doc__ = "Greet\u200b somebody.\n\nArgs:\n    name: who\x1b it is"
    registry = registry_of_functions([greet, described])
    assert registry.tools["greet"].description == "Greet somebody."
    assert properties(registry.tools["greet"])["name"]["description"] == "who it is"
    assert [warning.partition(": 1 invisible")[0] for warning in registry.warnings] == [
        "the registry: greet, /properties/name/description",
        "the registry: greet",
    ]
    assert tool_from_function(greet, category="a\u200bb").category == "ab"


def test_a_typed_dict_that_pydantic_cannot_read_is_refused_with_its_advice() -> None:
    """Python 3.11's own; later ones are read."""

    class Old(TypedDict):
        a: int

    def takes(a: Old) -> None:
        """Take one."""

    takes.__annotations__["a"] = Old
    try:
        tool = tool_from_function(takes)
    except RegistryInvalid as error:
        advice = error.message
    else:
        advice = "" if list(properties(tool)) == ["a"] else "lost"
    assert advice == "" or "typing_extensions.TypedDict" in advice


def distinct(numbers: set[int]) -> int:
    """Sum numbers that differ."""
    return sum(numbers)


def test_what_a_constraint_cannot_hold_of_a_type_is_a_warning() -> None:
    registry = registry_of_functions([distinct])
    assert registry.tools["distinct"].left_out == ("/properties/numbers/uniqueItems",)
    (warning,) = registry.warnings
    assert "not fully held to `uniqueItems`" in warning
