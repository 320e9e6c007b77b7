"""Whatever the grammar of the native dialect ends is a list of calls, and a valid plan within the limits."""

from __future__ import annotations

from random import Random

import pytest

from agx.errors import UsageError
from agx.grammar.constraint import Constraint, ConstraintCompiler
from agx.grammar.native_dialect import can_write, native_grammar
from agx.grammar.plan_schema import PlanLimits
from agx.plan.tools import Registry, ToolInfo
from agx.rules.check import read_draft
from agx.toolcalls.formats import FORMATS, Call, CallFormat, format_named
from agx.toolcalls.reading import plan_of_calls
from tests.grammar.walks import byte_compiler, functions, random_walk
from tests.plan.helpers import function_registry

HERMES = format_named("hermes")
LLAMA = format_named("llama3")
CALL = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
WEATHER = f"<tool_call>\n{CALL}\n</tool_call>"
NOTE = '<tool_call>\n{"name": "write_note", "arguments": {"text": "a", "tags": ["x", "y"]}}\n</tool_call>'


@pytest.fixture(scope="module")
def bytewise() -> ConstraintCompiler:
    return byte_compiler()


def constraint(
    bytewise: ConstraintCompiler, call_format: CallFormat = HERMES, *, max_tasks: int = 3
) -> Constraint:
    grammar = native_grammar(function_registry(), PlanLimits(max_tasks=max_tasks), call_format)
    return bytewise.compile_grammar(grammar)


def ends(held: Constraint, text: str) -> bool:
    """Return whether a text can be written, and can end there."""
    return all(held.accept(byte) for byte in text.encode()) and held.is_accepting


@pytest.mark.parametrize(
    "text",
    [
        WEATHER,
        f"{WEATHER}\n{NOTE}",
        f"{WEATHER}\n{WEATHER}\n{NOTE}",
        f"[{CALL}]",
        f"[{CALL}, {CALL}]",
        f"{WEATHER}\n" + NOTE.replace('"a"', '{"task": 1}'),
    ],
)
def test_calls_in_each_frame_can_be_written(bytewise: ConstraintCompiler, text: str) -> None:
    assert ends(constraint(bytewise), text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no call"),
        ("I cannot do that.", "text"),
        ("[]", "an empty list"),
        (f"{WEATHER}\n", "an open end"),
        (f"{WEATHER}\n{WEATHER}\n{WEATHER}\n{WEATHER}", "more tasks than allowed"),
        (WEATHER.replace("get_weather", "get_time"), "a tool that is not offered"),
        (WEATHER.replace("city", "town"), "an argument that the tool lacks"),
        (WEATHER.replace('"Rome"', "7"), "a value of another type"),
        (WEATHER.replace('{"city": "Rome"}', "{}"), "a missing argument"),
        (WEATHER.replace('"Rome"', '{"task": 1}'), "the output of a task that is not an earlier one"),
        (f"{WEATHER}\n" + WEATHER.replace('"Rome"', '{"task": 2}'), "its own output"),
        (WEATHER.replace('"arguments"', '"parameters"'), "the key of another format"),
    ],
)
def test_nothing_else_can_be_written(bytewise: ConstraintCompiler, text: str, what: str) -> None:
    assert not ends(constraint(bytewise), text), what


def test_the_calls_of_llama_have_keys_of_their_own(bytewise: ConstraintCompiler) -> None:
    one = '{"name": "get_weather", "parameters": {"city": "Rome"}}'
    assert ends(constraint(bytewise, LLAMA), one)
    assert ends(constraint(bytewise, LLAMA), f"{one}; {one}")
    assert not ends(constraint(bytewise, LLAMA), f"{one}\n{one}")


def test_a_forbidden_tool_is_not_in_the_grammar() -> None:
    tools = function_registry()
    allowed = Registry.of(tool for tool in tools if tool.name != "write_note")
    assert "write_note" in native_grammar(tools, PlanLimits(), HERMES)
    assert "write_note" not in native_grammar(allowed, PlanLimits(), HERMES)


def test_commands_have_no_form() -> None:
    mixed = Registry.of([ToolInfo("ls"), *function_registry()])
    assert can_write(function_registry())
    assert not can_write(mixed)
    with pytest.raises(UsageError, match="functions only"):
        native_grammar(mixed, PlanLimits(), HERMES)


@pytest.mark.parametrize("call_format", FORMATS, ids=lambda each: each.name)
@pytest.mark.parametrize("seed", range(12))
def test_every_text_that_the_grammar_ends_is_a_valid_plan(
    bytewise: ConstraintCompiler, call_format: CallFormat, seed: int
) -> None:
    tools = Registry.of(functions(1 + seed % 5, seed=seed))
    compiled = bytewise.compile_grammar(native_grammar(tools, PlanLimits(max_tasks=4), call_format))
    text = random_walk(compiled, Random(seed))
    plan, findings = read_draft(plan_of_calls(text), tools, max_tasks=4)
    assert 1 <= len(plan.tasks) <= 4
    assert {task.command for task in plan.tasks} <= {tool.name for tool in tools}
    assert [finding for finding in findings if finding.severity == "error"] == []


@pytest.mark.parametrize("call_format", FORMATS, ids=lambda each: each.name)
def test_what_is_written_of_calls_can_be_written_by_the_model(
    bytewise: ConstraintCompiler, call_format: CallFormat
) -> None:
    """So a draft that Delta reads is one that it can repeat."""
    calls: list[Call] = [
        ("get_weather", {"city": "Ås"}),
        ("write_note", {"text": {"task": 1}, "tags": ["a", "b"]}),
    ]
    assert ends(constraint(bytewise, call_format), call_format.written(calls))
    assert plan_of_calls(call_format.written(calls)) == {
        "tasks": [{"command": name, "arguments": arguments} for name, arguments in calls]
    }
