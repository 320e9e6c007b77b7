"""Worked examples are made of the registry's own schemas, and fit them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agx.plan.tools import Registry, ToolInfo
from agx.prompts.made_examples import MOST_CHARS, made_examples
from agx.risk.context import PlanContext
from agx.rules.check import check_tasks
from tests.grammar.walks import functions
from tests.plan.helpers import function_registry


def tools_of(**schemas: dict[str, Any]) -> PlanContext:
    """Return a context with functions by name, each with these properties."""
    tools = [ToolInfo(name, schema={"properties": properties}) for name, properties in schemas.items()]
    return PlanContext(tools=Registry.of(tools))


def test_there_is_an_example_of_two_calls_and_one_of_a_single_call() -> None:
    two, single = made_examples(PlanContext(tools=function_registry()), at_most=8)
    assert two.instruction == (
        'Use get_weather with city second, then write_note with text third and task 3 and tags ["third"].'
    )
    assert [task.command for task in two.tasks] == ["get_weather", "write_note"]
    assert two.tasks[0].arguments == {"city": "second"}
    assert single.instruction == "Use get_weather with city first."
    assert single.tasks[0].arguments == {"city": "first"}


def test_a_single_tool_is_called_twice() -> None:
    two, _ = made_examples(tools_of(f={"n": {"type": "integer"}}), at_most=8)
    assert [task.arguments for task in two.tasks] == [{"n": 2}, {"n": 3}]


def test_values_are_those_that_the_schema_names() -> None:
    least = {"type": "integer", "minimum": 7}
    context = tools_of(f={"unit": {"enum": ["C", "F"]}, "kind": {"const": "x"}, "n": least})
    (single,) = made_examples(context, at_most=1)
    assert single.tasks[0].arguments == {"unit": "C", "kind": "x", "n": 7}


def test_a_tool_without_arguments_is_called_by_name() -> None:
    (single,) = made_examples(tools_of(stop={}), at_most=1)
    assert (single.instruction, single.tasks[0].arguments) == ("Use stop.", {})


def test_a_plan_of_one_task_is_shown_no_example_of_two() -> None:
    context = PlanContext(tools=function_registry(), max_tasks=1)
    assert [len(example.tasks) for example in made_examples(context, at_most=8)] == [1]


def test_none_are_made_where_none_are_asked_for() -> None:
    assert made_examples(PlanContext(tools=function_registry()), at_most=0) == ()


def test_a_forbidden_tool_is_in_no_example() -> None:
    context = PlanContext(tools=function_registry(), forbidden=frozenset({"get_weather"}))
    examples = made_examples(context, at_most=8)
    assert {task.command for example in examples for task in example.tasks} == {"write_note"}
    assert all("get_weather" not in example.instruction for example in examples)


@pytest.mark.parametrize(
    "properties",
    [
        {"code": {"type": "string", "pattern": "^[0-9]{9}$"}},
        {"n": {"type": "integer", "maximum": 0}},
        {f"a_long_name_of_a_parameter_{number}": {"type": "string"} for number in range(MOST_CHARS // 30)},
    ],
    ids=["a pattern", "a bound", "long"],
)
def test_a_tool_whose_call_would_not_fit_has_no_example(properties: dict[str, Any]) -> None:
    assert made_examples(tools_of(f=properties), at_most=8) == ()


@pytest.mark.parametrize("seed", range(20))
def test_examples_of_any_schemas_are_valid_plans_with_the_registrys_names_only(seed: int) -> None:
    registry = Registry.of(functions(6, seed=seed))
    for example in made_examples(PlanContext(tools=registry), at_most=8):
        assert [each for each in check_tasks(example.tasks, registry) if each.severity == "error"] == []
        assert len(json.dumps(example.plan_text)) <= 2 * MOST_CHARS
        for task in example.tasks:
            schema = registry.tools[task.command].schema or {}
            assert set(task.arguments or {}) <= set(schema["properties"])


@pytest.mark.parametrize("least", [float("inf"), float("nan")])
def test_a_minimum_that_no_number_reaches_is_no_error(least: float) -> None:
    context = tools_of(f={"n": {"type": "integer", "minimum": least}}, g={"n": {"type": "integer"}})
    commands = {task.command for example in made_examples(context, at_most=8) for task in example.tasks}
    assert "g" in commands


def test_a_whole_number_is_not_below_a_broken_minimum() -> None:
    _, single = made_examples(tools_of(f={"n": {"type": "integer", "minimum": 7.5}}), at_most=8)
    assert single.tasks[0].arguments == {"n": 8}
