"""The plan's schema, read by a validator and by the constraint: both say the same of every text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from agx.errors import ConstraintFailed
from agx.grammar.constraint import ConstraintCompiler
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.plan.tools import ToolInfo
from agx.unix.registry import unix_registry

LIMITS = PlanLimits(max_tasks=3, max_args=3, max_arg_chars=8, max_path_chars=6, max_text_parts=2)
TOOLS = (ToolInfo("find"), ToolInfo("wc"), ToolInfo("["))
WEATHER = ToolInfo(
    "get_weather",
    schema={
        "type": "object",
        "properties": {"city": {"$ref": "#/$defs/city"}, "days": {"type": "integer"}},
        "required": ["city"],
        "additionalProperties": False,
        "$defs": {"city": {"enum": ["Oslo", "Rome"]}},
    },
)
FORECAST = ToolInfo(
    "forecast",
    schema={
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["city"],
    },
)
CLOCK = ToolInfo("clock", schema={"type": "object", "additionalProperties": False})
COMMANDS = plan_schema(TOOLS, LIMITS)
FUNCTIONS = plan_schema((WEATHER, FORECAST, CLOCK), LIMITS)
MIXED = plan_schema((TOOLS[0], WEATHER), LIMITS)


def one(*args: Any, **more: Any) -> str:
    return plan({"command": "find", "args": list(args)} | more)


def plan(*tasks: dict[str, Any]) -> str:
    return json.dumps({"tasks": list(tasks)}, separators=(",", ":"), ensure_ascii=False)


def later(**more: Any) -> str:
    """Write a plan with a second task."""
    return plan({"command": "find", "args": []}, {"command": "wc", "args": []} | more)


WC: dict[str, Any] = {"command": "wc", "args": []}
GOOD = {
    "no arguments": one(),
    "literals": one(".", "-name", "*.rs"),
    "an empty literal": one(""),
    "as long as may be": one("12345678"),
    "counted in characters": one("é€😀éééé"),
    "quotes and backslashes": one('a"b\\c'),
    "every value": one({"glob": "*.txt"}, {"env": "HOME"}, {"text": [{"env": "HOME"}, "/x"]}),
    "saved": one(save_to="a.txt"),
    "a tool that is a sign": plan({"command": "[", "args": ["-f"]}),
    "input": later(input_from_task=1),
    "input and saved": later(input_from_task=1, save_to="a"),
    "an output": later(args=[{"task": 1}]),
    "an output by words": later(args=[{"task": 1, "split": True}]),
    "an output in a text": later(args=[{"text": ["x", {"task": 1}]}]),
    "the limit of tasks": plan(WC, WC, WC | {"input_from_task": 2}),
    "the limit of arguments": one("a", "b", "c"),
}
BAD = {
    "no tasks": plan(),
    "too many tasks": plan(WC, WC, WC, WC),
    "an unknown tool": plan({"command": "rm", "args": []}),
    "a longer name": plan({"command": "finder", "args": []}),
    "no args": plan({"command": "wc"}),
    "too many arguments": one("a", "b", "c", "d"),
    "too long": one("123456789"),
    "a line break": one("a\nb"),
    "a tab": one("a\tb"),
    "a NUL": one("a\0b"),
    "DEL": one("a\x7fb"),
    "C1": one("a\x85b"),
    "an empty pattern": one({"glob": ""}),
    "an empty path": one(save_to=""),
    "a path too long": one(save_to="1234567"),
    "no variable": one({"env": "1A"}),
    "an empty text": one({"text": []}),
    "a text too long": one({"text": ["a", "b", "c"]}),
    "a text in a text": one({"text": [{"text": ["a"]}]}),
    "two meanings": one({"glob": "a", "env": "A"}),
    "a number": one(1),
    "a list": one(["a"]),
    "an unknown key": one(timeout=3),
    "the first task's input": one(input_from_task=1),
    "the first task's output": one({"task": 1}),
    "its own input": later(input_from_task=2),
    "its own output": later(args=[{"task": 2}]),
    "its own output in a text": later(args=[{"text": [{"task": 2}]}]),
    "task 0": later(input_from_task=0),
    "split that is false": later(args=[{"task": 1, "split": False}]),
    "an unknown key on top": '{"tasks":[],"note":1}',
    "no object": "[]",
}
# The constraint writes one form of each value; a validator does not see the form.
OTHER_FORMS = {
    "white space": '{"tasks": [{"command":"wc","args":[]}]}',
    "another order": '{"tasks":[{"args":[],"command":"wc"}]}',
    "an escaped letter": '{"tasks":[{"command":"wc","args":["\\u0061"]}]}',
    "an escaped solidus": '{"tasks":[{"command":"wc","args":["\\/"]}]}',
}
ESCAPED = {
    "an escaped line break": '{"tasks":[{"command":"wc","args":["a\\nb"]}]}',
    "an escaped control character": '{"tasks":[{"command":"wc","args":["a\\u0007b"]}]}',
    "a lone surrogate": '{"tasks":[{"command":"wc","args":["\\ud800"]}]}',
}

Accepts = Callable[[dict[str, Any], str], bool]


@pytest.fixture
def accepts(compiler: ConstraintCompiler, tokenise: Callable[[str], list[int]]) -> Accepts:
    """Tell whether the constraint lets a text be written, whole."""

    def check(schema: dict[str, Any], text: str) -> bool:
        constraint = compiler.compile(schema)
        return all(constraint.accept(token) for token in tokenise(text)) and constraint.is_accepting

    return check


def is_valid(schema: dict[str, Any], text: str) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(json.loads(text))


@pytest.mark.parametrize("schema", [COMMANDS, FUNCTIONS, MIXED], ids=["commands", "functions", "mixed"])
def test_it_is_a_json_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_what_a_plan_may_be(accepts: Accepts, text: str) -> None:
    assert accepts(COMMANDS, text)
    assert is_valid(COMMANDS, text)


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_what_a_plan_may_not_be(accepts: Accepts, text: str) -> None:
    assert not accepts(COMMANDS, text)
    assert not is_valid(COMMANDS, text)


@pytest.mark.parametrize("text", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_only_one_form_is_written(accepts: Accepts, text: str) -> None:
    assert not accepts(COMMANDS, text)
    assert is_valid(COMMANDS, text)


@pytest.mark.parametrize("text", ESCAPED.values(), ids=ESCAPED.keys())
def test_no_control_character_comes_in_by_an_escape(accepts: Accepts, text: str) -> None:
    assert not accepts(COMMANDS, text)


def forecast(city: Any, days: list[Any] | None = None) -> dict[str, Any]:
    return {"command": "forecast", "arguments": {"city": city} | ({} if days is None else {"days": days})}


WEATHER_TASK = {"command": "get_weather", "arguments": {"city": "Oslo", "days": 2}}
FUNCTION_CASES = {
    "a call": (plan(WEATHER_TASK), True),
    "optional left out": (plan({"command": "get_weather", "arguments": {"city": "Rome"}}), True),
    "no arguments": (plan({"command": "clock", "arguments": {}}), True),
    "input from a call": (
        plan(WEATHER_TASK, {"command": "clock", "arguments": {}, "input_from_task": 1}),
        True,
    ),
    "an output": (plan(WEATHER_TASK, forecast({"task": 1})), True),
    "an output in a list": (plan(WEATHER_TASK, WEATHER_TASK, forecast("Oslo", [1, {"task": 2}])), True),
    "the first task's output": (plan(forecast({"task": 1})), False),
    "its own output": (plan(WEATHER_TASK, forecast({"task": 2})), False),
    "a later task's output": (plan(WEATHER_TASK, forecast({"task": 3}), WEATHER_TASK), False),
    "a later task's output in a list": (plan(WEATHER_TASK, forecast("Oslo", [{"task": 2}])), False),
    "output by words": (plan(WEATHER_TASK, forecast({"task": 1, "split": True})), False),
    "its own input": (plan(WEATHER_TASK, WEATHER_TASK | {"input_from_task": 2}), False),
    "all arguments as an output": (
        plan(WEATHER_TASK, {"command": "forecast", "arguments": {"task": 1}}),
        False,
    ),
    "a name that the tool lacks": (plan({"command": "forecast", "arguments": {"city": "a", "x": 1}}), False),
    "another tool's arguments": (plan({"command": "clock", "arguments": {"city": "Oslo"}}), False),
    "no such city": (plan({"command": "get_weather", "arguments": {"city": "Bonn"}}), False),
    "args": (plan({"command": "clock", "args": []}), False),
}


@pytest.mark.parametrize(("text", "good"), FUNCTION_CASES.values(), ids=FUNCTION_CASES.keys())
def test_tools_with_a_schema_take_arguments_by_it(accepts: Accepts, text: str, *, good: bool) -> None:
    assert accepts(FUNCTIONS, text) is good
    assert is_valid(FUNCTIONS, text) is good


def test_commands_and_functions_stand_in_one_plan(accepts: Accepts) -> None:
    text = plan(WEATHER_TASK, {"command": "find", "args": ["."], "input_from_task": 1})
    assert accepts(MIXED, text)
    assert is_valid(MIXED, text)


def test_commands_may_be_allowed_no_arguments(accepts: Accepts) -> None:
    schema = plan_schema(TOOLS, PlanLimits(max_tasks=2, max_args=0))
    assert accepts(schema, later(input_from_task=1))
    assert is_valid(schema, later(input_from_task=1))
    assert not accepts(schema, one("a"))
    assert not is_valid(schema, one("a"))


def test_a_schema_that_cannot_be_compiled_names_its_tool(compiler: ConstraintCompiler) -> None:
    odd = ToolInfo(
        "odd_one", schema={"type": "object", "properties": {"x": {"pattern": r"^\p{Block=Greek}$"}}}
    )
    with pytest.raises(ConstraintFailed, match=r"odd_one.*regex"):
        compiler.compile(plan_schema((*TOOLS, WEATHER, odd), LIMITS))


def test_the_unix_registry_is_in_the_schema(accepts: Accepts) -> None:
    registry = unix_registry()
    schema = plan_schema(tuple(registry), PlanLimits())
    for tool in registry:
        assert accepts(schema, plan({"command": tool.name, "args": []})), tool.name
    text = plan(*[{"command": "find", "args": ["x" * 512] * 32, "save_to": "y" * 256}] * 10)
    assert accepts(schema, text)
    assert is_valid(schema, text)
