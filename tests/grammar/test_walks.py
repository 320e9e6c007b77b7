"""Whatever the constraint lets be written is a valid plan, by our reader and by `jsonschema`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agx.app.registries import registry_of
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.plan.references import references
from agx.plan.tools import Registry, ToolInfo
from agx.rules.check import read_draft
from agx.unix.registry import unix_registry
from tests.grammar.walks import BFCL, byte_compiler, functions, random_text

LIMITS = PlanLimits(max_tasks=4, max_args=3, max_arg_chars=6, max_path_chars=6, max_text_parts=2)
# A schema cannot say that what goes to a file is not to be read, nor does a constraint remember which names
# were written where any may be.
MAY_BREAK = frozenset({"empty-reference", "repeated-key"})
COMMANDS = tuple(unix_registry())[:20]


def texts(tools: Sequence[ToolInfo], number: int, *, limits: PlanLimits = LIMITS) -> list[str]:
    schema, compiler = plan_schema(tools, limits), byte_compiler()
    return [random_text(compiler, schema, Random(seed)) for seed in range(number)]


def check(tools: Sequence[ToolInfo], written: Sequence[str], *, limits: PlanLimits = LIMITS) -> None:
    """Check each text by the schema it was written under, and as a plan of these tools."""
    registry = Registry.of(tools)
    validator = Draft202012Validator(plan_schema(tools, limits))
    for text in written:
        validator.validate(json.loads(text))
        plan, findings = read_draft(text, registry, max_tasks=limits.max_tasks)
        errors = [finding for finding in findings if finding.severity == "error"]
        assert [error for error in errors if error.rule not in MAY_BREAK] == [], text
        for task in plan.tasks:
            named = [*references(task), *([task.input_from_task] if task.input_from_task else [])]
            assert all(1 <= number < task.task_number for number in named), text


@pytest.mark.parametrize(("num_tools", "num_texts"), [(1, 40), (30, 100), (300, 25)], ids=["1", "30", "300"])
def test_plans_of_functions(num_tools: int, num_texts: int) -> None:
    tools = functions(num_tools, seed=1)
    written = texts(tools, num_texts)
    check(tools, written)
    assert len(set(written)) > num_texts * 0.5, "they are hardly random"


def test_plans_of_commands_and_functions() -> None:
    tools = (*COMMANDS, *functions(20, seed=2))
    written = texts(tools, 100)
    check(tools, written)
    named = {task["command"] for text in written for task in json.loads(text)["tasks"]}
    assert len(named) > 20


def test_outputs_stand_in_arguments_at_any_depth_and_never_in_the_first_task() -> None:
    tools = functions(30, seed=3)
    tasks = [json.loads(text)["tasks"] for text in texts(tools, 150)]
    assert not any('"task"' in json.dumps(plan[0]) for plan in tasks)
    found = [depth for plan in tasks for task in plan[1:] for depth in depths(task["arguments"])]
    assert len(found) > 30
    assert {1, 2} <= set(found)


def depths(value: Any, depth: int = 0) -> list[int]:
    """Return how deep each `{"task": n}` stands in a value."""
    if isinstance(value, dict):
        if value.keys() == {"task"}:
            return [depth]
        value = list(value.values())
    return [found for each in value for found in depths(each, depth + 1)] if isinstance(value, list) else []


@pytest.mark.skipif(not BFCL.exists(), reason="the data is not here")
def test_plans_of_the_functions_of_bfcl() -> None:
    """Every fiftieth registry, two texts each."""
    lines = BFCL.read_text(encoding="utf-8").splitlines()
    for line in lines[::50]:
        tools = tuple(registry_of(json.loads(line)))
        check(tools, texts(tools, 2))


@pytest.mark.skipif(not BFCL.exists(), reason="the data is not here")
def test_every_registry_of_bfcl_compiles() -> None:
    compiler = byte_compiler()
    for line in BFCL.read_text(encoding="utf-8").splitlines():
        tools = tuple(registry_of(json.loads(line)))
        assert not compiler.compile(plan_schema(tools, PlanLimits())).is_finished


@pytest.mark.parametrize("max_tasks", [1, 2, 10, 20, 64])
@pytest.mark.parametrize("num_tools", [1, 30, 300])
def test_registries_of_any_size_compile_for_plans_of_any_length(num_tools: int, max_tasks: int) -> None:
    tools = (*unix_registry(), *functions(num_tools))
    assert not byte_compiler().compile(plan_schema(tools, PlanLimits(max_tasks=max_tasks))).is_finished


def test_the_tools_stand_in_the_schema_once_however_many_tasks_there_are() -> None:
    tools = functions(50)
    short, long = (len(json.dumps(plan_schema(tools, PlanLimits(max_tasks=number)))) for number in (2, 64))
    assert long - short < 20_000
