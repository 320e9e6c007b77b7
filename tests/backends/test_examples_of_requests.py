"""What the request of a plan shows of examples: turns before the instruction, for general models only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agx.backends.plan_requests import Draft, PlanOptions
from agx.backends.plans import Prepared, generate_plan, prepare
from agx.backends.scripted import ScriptedBackend
from agx.errors import UsageError
from agx.prompts.chosen_examples import NO_EXAMPLES
from agx.prompts.examples import core_examples
from agx.prompts.messages import written_plan
from agx.requests import ChatRole
from agx.risk.context import PlanContext
from agx.rules.check import read_draft
from agx.unix.registry import unix_registry
from tests.plan.helpers import function_registry, task

INSTRUCTION = "list all rust files and count lines"
PLAN = '{"tasks":[{"command":"ls","args":[]}]}'


async def prepared(
    context: PlanContext | None = None,
    *,
    examples: Any = 8,
    instruction: str = INSTRUCTION,
    planner_tools: str | None = None,
    draft: Draft | None = None,
) -> Prepared:
    backend = ScriptedBackend([], planner_tools=planner_tools)
    options = PlanOptions(examples=examples)
    return await prepare(backend, instruction, context or PlanContext(), options=options, draft=draft)


def roles(each: Prepared) -> list[ChatRole]:
    return [message.role for message in each.request.messages]


async def test_examples_are_turns_between_the_system_text_and_the_instruction() -> None:
    made = await prepared(examples=2)
    assert roles(made) == ["system", *["user", "assistant"] * len(made.examples), "user"]
    contents = [message.content for message in made.request.messages]
    assert contents[-1] == INSTRUCTION
    assert len(made.examples.nearest) == 2
    turns = [(each.instruction, written_plan(each.tasks)) for each in made.examples]
    assert contents[1:-1] == [text for turn in turns for text in turn]
    assert all(json.loads(text)["tasks"] for text in contents[2:-1:2])


async def test_what_comes_before_the_nearest_is_the_same_for_every_instruction() -> None:
    one = (await prepared(examples=2)).request
    other = (await prepared(examples=2, instruction="delete all empty folders")).request
    num_static = one.num_static_messages
    assert num_static == other.num_static_messages == 1 + 2 * len(core_examples())
    assert one.messages[:num_static] == other.messages[:num_static]
    assert one.messages[num_static] != other.messages[num_static]


@pytest.mark.parametrize(
    "context",
    [
        PlanContext(input_summary="one line of text"),
        PlanContext(existing_tasks=(task("ls"),)),
        PlanContext(offered=("find", "wc")),
    ],
    ids=["input", "existing tasks", "tools chosen for the instruction"],
)
async def test_a_prompt_that_is_of_this_instruction_is_not_worth_being_kept(context: PlanContext) -> None:
    """What is kept reaches the disk, where the content of somebody's files has no place."""
    assert (await prepared(context)).request.num_static_messages == 0


async def test_the_system_text_is_short_beside_examples_and_the_same_for_every_instruction() -> None:
    """No abstract example to copy, and no list of names that the constraint holds anyway."""
    text = (await prepared()).request.messages[0].content
    assert '{"' not in text
    assert "xargs" not in text
    assert "at most 10 tasks" in text
    assert len(text) < 300
    assert "xargs" in (await prepared(examples=0)).request.messages[0].content


async def test_few_tools_are_described_beside_examples_too() -> None:
    made = await prepared(PlanContext(offered=("find", "wc", "xargs")))
    assert "- xargs:" in made.request.messages[0].content
    assert made.examples


async def test_delta_reads_them_before_its_draft() -> None:
    plan, findings = read_draft(PLAN, unix_registry(), instruction=INSTRUCTION)
    made = await prepared(examples=1, draft=Draft(plan, findings))
    assert roles(made) == ["system", *["user", "assistant"] * (len(made.examples) + 1), "user"]
    assert made.request.messages[-2].content == PLAN
    assert made.request.draft == PLAN


@pytest.mark.parametrize(
    "given",
    [
        {"examples": 0},
        {"planner_tools": "unix"},
        {"context": PlanContext(tools=function_registry())},
    ],
    ids=["none asked for", "a model made for its tools", "functions"],
)
async def test_there_may_be_none(given: dict[str, Any]) -> None:
    made = await prepared(**given)
    assert (roles(made), made.examples) == (["system", "user"], NO_EXAMPLES)


@pytest.mark.parametrize("number", [-1, 33, True, 1.5, None])
async def test_a_number_that_cannot_be_is_refused(number: Any) -> None:
    with pytest.raises(UsageError, match="the number of examples cannot be") as caught:
        await prepared(examples=number)
    assert "0 to 32" in caught.value.hint


async def test_a_plan_says_how_many_its_model_was_shown() -> None:
    generated = await generate_plan(ScriptedBackend([PLAN]), INSTRUCTION, options=PlanOptions(examples=3))
    assert generated.metadata.parameters["examples"] == 3
    without = await generate_plan(ScriptedBackend([PLAN]), INSTRUCTION, options=PlanOptions(examples=0))
    assert "examples" not in without.metadata.parameters
