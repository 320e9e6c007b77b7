"""The examples of a prompt: the nearest last, no plan twice, nothing that is not allowed, within a budget."""

from __future__ import annotations

from typing import Any

import pytest

from agx.plan.limits import TaskLimits
from agx.plan.tools import Registry, ToolInfo
from agx.prompts.chosen_examples import (
    CHARS_PER_EXAMPLE,
    ExampleSource,
    chosen_examples,
    foreign_tools,
)
from agx.prompts.examples import Example, ExampleBank, core_examples
from agx.risk.context import PlanContext
from agx.shell.pipeline_text import pipeline_text
from agx.unix.registry import unix_registry
from tests.plan.helpers import function_registry, task

COUNT = Example("count the lines of a file", (task("wc", "-l", "a"),))
COUNT_AGAIN = Example("count the lines of a file a", (task("wc", "-l", "a"),))
COUNT_OTHERWISE = Example("Count the lines of a file", (task("grep", "-c", "", "a"),))
PIPED = Example(
    "count the lines that differ", (task("sort", "-u", "a"), task("wc", "-l", number=2, input_from_task=1))
)
REMOVE = Example("remove a file", (task("rm", "a"),))
REMOVE_WITHIN = Example("remove each file", (task("find", ".", "-exec", "rm", "{}", ";"),))
SAVE = Example("save the lines of a file", (task("cat", "a", save_to="b"),))
LONG = Example("print a long line of a file", (task("echo", "x" * CHARS_PER_EXAMPLE),))
ALL = (COUNT, COUNT_AGAIN, COUNT_OTHERWISE, PIPED, REMOVE, REMOVE_WITHIN, SAVE, LONG)
INSTRUCTION = "count the lines of a file"


def chosen(
    *examples: Example, context: PlanContext | None = None, instruction: str = INSTRUCTION, at_most: int = 8
) -> tuple[Example, ...]:
    """Return the nearest of a bank of these examples."""
    source = ExampleSource((), ExampleBank([example.as_line() for example in examples]))
    return chosen_examples(instruction, context or PlanContext(), at_most=at_most, source=source).nearest


def test_the_nearest_comes_last_and_no_more_than_asked_for() -> None:
    assert chosen(REMOVE, COUNT, PIPED)[-1] == COUNT
    assert chosen(REMOVE, COUNT, PIPED, at_most=1) == (COUNT,)
    assert chosen(REMOVE, COUNT, PIPED, at_most=0) == ()


def test_no_plan_and_no_instruction_comes_twice() -> None:
    assert chosen(COUNT, COUNT_AGAIN) == (COUNT,)
    assert chosen(COUNT, COUNT_OTHERWISE) == (COUNT,)


@pytest.mark.parametrize(
    ("context", "left_out"),
    [
        (PlanContext(forbidden=frozenset({"rm"})), {REMOVE, REMOVE_WITHIN}),
        (PlanContext(max_risk="read"), {REMOVE, REMOVE_WITHIN, SAVE}),
        (PlanContext(max_risk="write"), {REMOVE, REMOVE_WITHIN}),
        (PlanContext(offered=("wc", "rm", "find")), {PIPED, SAVE}),
        (PlanContext(max_tasks=1), {PIPED}),
        (PlanContext(limits=TaskLimits(max_args=2)), {REMOVE_WITHIN}),
    ],
    ids=["forbidden", "reading only", "writing too", "offered", "tasks", "limits"],
)
def test_an_example_that_could_not_be_planned_is_left_out(
    context: PlanContext, left_out: set[Example]
) -> None:
    """Names are not to leak, in arguments either."""
    every = (COUNT, PIPED, REMOVE, REMOVE_WITHIN, SAVE)
    assert set(every) - set(chosen(*every, context=context)) == left_out


@pytest.mark.parametrize("forbidden", ["find", "grep", "awk", "rm", "tar", "xargs"])
def test_no_shipped_example_shows_a_forbidden_tool(forbidden: str) -> None:
    context = PlanContext(forbidden=frozenset({forbidden}))
    examples = chosen_examples(f"use {forbidden} on all files", context, at_most=32)
    assert examples
    assert forbidden not in {task.command for example in examples for task in example.tasks}


def test_a_long_example_does_not_crowd_the_prompt() -> None:
    assert LONG not in chosen(*ALL, at_most=1, instruction=LONG.instruction)
    assert chosen(*ALL, at_most=2, instruction=LONG.instruction)[-1] == LONG
    found = chosen_examples("find all files that are large", PlanContext(), at_most=8).nearest
    assert sum(len(each.as_line()) for each in found) <= 8 * (CHARS_PER_EXAMPLE + 1)


def test_examples_take_a_third_of_a_small_context_at_most() -> None:
    found = chosen_examples("find all text files", PlanContext(), at_most=32, context_length=300)
    assert not found.core
    assert 0 < sum(len(each.as_line()) for each in found) <= 300 + len(found)


@pytest.mark.parametrize(
    "registry",
    [
        function_registry(),
        Registry.of([*unix_registry(), *function_registry()]),
        Registry.of([ToolInfo("wc", schema={"type": "object"})]),
        Registry.of([ToolInfo("wc"), ToolInfo("frobnicate")]),
    ],
    ids=["functions", "mixed", "a function of a command's name", "an unknown command"],
)
def test_there_are_none_for_tools_that_the_bank_does_not_know(registry: Registry) -> None:
    assert chosen(*ALL, context=PlanContext(tools=registry)) == ()


def test_a_part_of_the_built_in_registry_has_examples() -> None:
    registry = Registry.of([ToolInfo("wc"), ToolInfo("cat")])
    assert set(chosen(*ALL, context=PlanContext(tools=registry))) == {COUNT, SAVE}


def test_the_core_is_shown_whatever_the_instruction_as_far_as_it_is_allowed() -> None:
    def core(**context: Any) -> tuple[Example, ...]:
        found = (chosen_examples(text, PlanContext(**context), at_most=2) for text in ("list files", "date"))
        one, other = (each.core for each in found)
        assert one == other
        return one

    assert core() == core_examples()
    reading = core(max_risk="read")
    assert 0 < len(reading) < len(core_examples())
    assert not {"rm", "chmod", "chown", "kill"} & {task.command for each in reading for task in each.tasks}
    assert all(task.command != "find" for each in core(forbidden=frozenset({"find"})) for task in each.tasks)


def test_the_nearest_do_not_repeat_the_core() -> None:
    source = ExampleSource((COUNT,), ExampleBank([each.as_line() for each in (COUNT_AGAIN, PIPED)]))
    found = chosen_examples(INSTRUCTION, PlanContext(), at_most=8, source=source)
    assert (found.core, found.nearest) == ((COUNT,), (PIPED,))


def test_every_example_of_the_core_has_a_form_in_the_dialect_shell() -> None:
    assert all(pipeline_text(each.tasks) for each in core_examples())


def test_foreign_tools_are_functions_and_unknown_commands() -> None:
    assert foreign_tools(unix_registry()) == []
    tools = [ToolInfo("wc"), ToolInfo("cat", schema={}), ToolInfo("frobnicate")]
    assert foreign_tools(Registry.of(tools)) == ["cat", "frobnicate"]
