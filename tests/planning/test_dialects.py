"""Planning in the dialects shell and native: the same promises, whatever the text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agx.backends.plan_requests import PlanOptions
from agx.backends.scripted import Reply, ScriptedBackend
from agx.errors import PlanInvalid, UsageError
from agx.plan.dialects import DialectChoice
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner
from agx.prompts.examples import core_examples
from agx.requests import Chunk
from agx.risk.context import GeneratedPlan, PlanContext
from agx.shell.parse import parse_shell
from tests.plan.helpers import function_registry

INSTRUCTION = "count the distinct names in names.txt"
PIPELINE = "cat names.txt | sort | uniq -c"
CALLS = """\
<tool_call>
{"name": "get_weather", "arguments": {"city": "Rome"}}
</tool_call>
<tool_call>
{"name": "write_note", "arguments": {"text": {"task": 1}}}
</tool_call>"""
ONE_CALL = CALLS[: CALLS.index("\n<tool_call>")]
BOTH = PlannerConfig(role=ModelRole.BOTH, examples=0)


def general(*replies: Reply) -> ScriptedBackend:
    """Return a general model that can be held to a grammar, and writes these replies."""
    return ScriptedBackend(replies, takes_grammar=True)


def calling(*replies: Reply) -> ScriptedBackend:
    """Return the same of a model whose template teaches tool calls."""
    return ScriptedBackend(replies, takes_grammar=True, call_format="hermes")


def tasks_of(generated: GeneratedPlan) -> list[dict[str, Any]]:
    return [task.written() for task in generated.tasks]


async def test_a_general_model_writes_a_pipeline_which_becomes_tasks() -> None:
    backend = general(PIPELINE)
    generated = await Planner(backend=backend).plan(INSTRUCTION)
    assert tasks_of(generated) == [
        {"command": "cat", "args": ["names.txt"]},
        {"command": "sort", "args": [], "input_from_task": 1},
        {"command": "uniq", "args": ["-c"], "input_from_task": 2},
    ]
    assert (generated.text, generated.plan.instruction) == (PIPELINE, INSTRUCTION)
    assert generated.metadata.parameters["dialect"] == "shell"
    assert all(task.risk == ("reads",) for task in generated.tasks)
    (request,) = backend.requests
    assert request.schema is None
    assert request.grammar is not None
    assert request.messages[-1].content == INSTRUCTION


async def test_the_embedded_planner_and_functions_keep_json() -> None:
    text = json.dumps({"tasks": [{"command": "ls", "args": []}]})
    embedded = ScriptedBackend([text], planner_tools="unix", takes_grammar=True)
    generated = await Planner(backend=embedded).plan(INSTRUCTION)
    assert "dialect" not in generated.metadata.parameters
    call = json.dumps({"tasks": [{"command": "get_weather", "arguments": {"city": "Rome"}}]})
    backend = general(call)
    await Planner(backend=backend, registry=function_registry()).plan("the weather in Rome")
    assert all(one.grammar is None for one in (*embedded.requests, *backend.requests))


async def test_the_dialect_can_be_asked_for_by_config_and_by_options() -> None:
    text = json.dumps({"tasks": [{"command": "ls", "args": []}]})
    backend = general(text, text, "ls")
    planner = Planner(PlannerConfig(dialect="json"), backend=backend)
    await planner.plan(INSTRUCTION)
    await planner.plan(INSTRUCTION, options=PlanOptions())
    await planner.plan(INSTRUCTION, options=PlanOptions(dialect="shell"))
    assert [request.grammar is None for request in backend.requests] == [True, True, False]


async def test_chunks_are_the_shell_text() -> None:
    items = [item async for item in Planner(backend=general(PIPELINE)).stream(INSTRUCTION)]
    assert "".join(item.text for item in items if isinstance(item, Chunk)) == PIPELINE
    assert isinstance(items[-1], GeneratedPlan)


@pytest.mark.parametrize(
    "text",
    ["ls && pwd", "ls | frobnicate", "for f in *; do rm $f; done", '{"tasks":[{"command":"ls","args":[]}]}'],
)
async def test_what_is_no_valid_pipeline_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(PlanInvalid) as caught:
        await Planner(backend=general(text)).plan(INSTRUCTION)
    assert caught.value.text == text
    assert caught.value.details["dialect"] == "shell"


async def test_policy_and_limits_hold() -> None:
    context = PlanContext(forbidden=frozenset({"rm"}), max_tasks=2)
    for text in ("ls | xargs rm", "rm a", "ls | sort | wc"):
        with pytest.raises(PlanInvalid):
            await Planner(backend=general(text)).plan(INSTRUCTION, context)


async def test_what_is_left_out_is_said() -> None:
    generated = await Planner(backend=general("find / -name x 2>/dev/null")).plan(INSTRUCTION)
    assert [finding.rule for finding in generated.findings] == ["missing-name", "error-output"]


async def test_both_roles_write_and_read_pipelines() -> None:
    backend = general("cat names.txt | uniq -c", PIPELINE)
    generated = await Planner(BOTH, backend=backend).plan(INSTRUCTION)
    assert [task.command for task in generated.tasks] == ["cat", "sort", "uniq"]
    assert generated.changes
    delta = backend.requests[1]
    assert [message.role for message in delta.messages] == ["system", "user", "assistant", "user"]
    assert delta.messages[2].content == delta.draft == "cat names.txt | uniq -c"
    assert "task 2: uniq drops only neighbouring duplicates" in delta.messages[3].content


async def test_a_draft_that_breaks_a_rule_is_refined_as_what_it_was_written_as() -> None:
    backend = general("cat names.txt | frobnicate", PIPELINE)
    await Planner(BOTH, backend=backend).plan(INSTRUCTION)
    assert backend.requests[1].draft == "cat names.txt | frobnicate"


@pytest.mark.parametrize("dialect", ["auto", "shell"])
async def test_a_draft_that_is_not_one_pipeline_is_refined_as_json(dialect: DialectChoice) -> None:
    text = json.dumps({"tasks": [{"command": "ls", "args": []}, {"command": "pwd", "args": []}]})
    backend = general(text)
    generated = await Planner(PlannerConfig(dialect=dialect), backend=backend).refine(text, INSTRUCTION)
    assert backend.requests[0].grammar is None
    assert [task.command for task in generated.tasks] == ["ls", "pwd"]


async def test_examples_are_pipelines_as_well() -> None:
    backend = general(PIPELINE)
    await Planner(PlannerConfig(examples=4), backend=backend).plan(INSTRUCTION)
    shown = [message.content for message in backend.requests[0].messages if message.role == "assistant"]
    assert len(shown) == len(core_examples()) + 4
    assert all(parse_shell(text) for text in shown)


async def test_the_shell_dialect_is_refused_for_functions_before_anything_is_loaded() -> None:
    backend = general()
    planner = Planner(PlannerConfig(dialect="shell"), backend=backend, registry=function_registry())
    with pytest.raises(UsageError, match="commands only"):
        await planner.plan("the weather in Rome")
    assert backend.requests == []


async def test_a_dry_run_shows_dialect_and_grammar() -> None:
    preview = await Planner(backend=general()).prompt(INSTRUCTION)
    assert (preview.dialect, preview.schema) == ("shell", {})
    assert preview.grammar is not None
    assert preview.grammar.startswith("start: ")
    assert preview.prompt.endswith(INSTRUCTION)


async def test_a_model_that_calls_tools_writes_calls_which_become_tasks() -> None:
    backend = calling(CALLS)
    generated = await Planner(backend=backend, registry=function_registry()).plan("note the weather in Rome")
    assert tasks_of(generated) == [
        {"command": "get_weather", "arguments": {"city": "Rome"}},
        {"command": "write_note", "arguments": {"text": {"task": 1}}},
    ]
    assert generated.text == CALLS
    assert generated.metadata.parameters["dialect"] == "native"
    (request,) = backend.requests
    assert request.schema is None
    assert request.grammar is not None
    assert [tool["function"]["name"] for tool in request.tools] == ["get_weather", "write_note"]
    assert request.messages[0].content == request.tools_text


@pytest.mark.parametrize(
    "text",
    ["No.", ONE_CALL.replace("get_weather", "get_time"), ONE_CALL[:-20], ONE_CALL.replace('"Rome"', "7")],
)
async def test_what_are_no_valid_calls_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(PlanInvalid) as caught:
        await Planner(backend=calling(text, text), registry=function_registry()).plan("the weather in Rome")
    assert caught.value.text == text
    assert caught.value.details["dialect"] == "native"


async def test_policy_and_limits_hold_for_calls() -> None:
    for context in (PlanContext(forbidden=frozenset({"write_note"})), PlanContext(max_tasks=1)):
        with pytest.raises(PlanInvalid):
            await Planner(backend=calling(CALLS), registry=function_registry()).plan("note it", context)


async def test_both_roles_write_and_read_calls() -> None:
    backend = calling(ONE_CALL, CALLS)
    generated = await Planner(BOTH, backend=backend, registry=function_registry()).plan("note the weather")
    assert [task.command for task in generated.tasks] == ["get_weather", "write_note"]
    assert generated.changes
    delta = backend.requests[1]
    assert delta.messages[2].content == delta.draft == ONE_CALL
    assert "found" not in delta.messages[3].content


async def test_broken_calls_are_refined_as_what_they_were_written_as() -> None:
    wrong = ONE_CALL.replace("get_weather", "get_time")
    backend = calling(wrong, CALLS)
    await Planner(BOTH, backend=backend, registry=function_registry()).plan("note the weather")
    assert backend.requests[1].draft == wrong


async def test_a_dry_run_shows_the_grammar_of_calls() -> None:
    preview = await Planner(backend=calling(), registry=function_registry()).prompt("the weather in Rome")
    assert (preview.dialect, preview.schema) == ("native", {})
    assert preview.grammar is not None
    assert "get_weather" in preview.grammar
