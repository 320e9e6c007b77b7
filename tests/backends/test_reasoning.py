"""Thoughts above the seam: streamed as such, counted, recorded, and never part of a plan."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan, stream_plan
from agx.backends.scripted import ScriptedBackend, ScriptedReply
from agx.backends.specs import Attachments, LlamaCppSpec
from agx.models.chat_templates import chat_template
from agx.planning.config import PlannerConfig
from agx.planning.planner import Planner
from agx.requests import Chunk, GenerationRequest, LoadOptions, Message, Parameters
from agx.risk.context import GeneratedPlan, PlanContext
from tests.plan.helpers import function_registry
from tests.tiny_gguf import ASSISTANT, TinyModel, write_tiny_gguf

TEXT = '{"tasks":[{"command":"ls","args":[]}]}'
THOUGHTS = 'Should it be {"tasks":[]}? No: they want files.'
OPENS = (
    "{%- for m in messages -%}<|{{ m.role }}|>{{ m.content }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}" + ASSISTANT + "{{ '<think>\n' }}{%- endif -%}"
)
WORD = {"enum": ["ab", "cd"]}


@pytest.fixture(scope="session")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model whose template opens its thoughts."""
    model = TinyModel(planner_tools=None, chat_template=OPENS, merges=False, context_length=8192, seed=1)
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "thinker.gguf", model)


@pytest.fixture(scope="session")
def untold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model without a chat template."""
    model = TinyModel(planner_tools=None, chat_template=None)
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "untold.gguf", model)


@pytest.fixture
async def backend(thinker: Path) -> AsyncIterator[LlamaCppBackend]:
    backend = LlamaCppBackend(LlamaCppSpec(thinker, load=LoadOptions(device="cpu", threads=1)))
    yield backend
    await backend.aclose()


def asking(budget: int | None, *, max_tokens: int = 512) -> GenerationRequest:
    return GenerationRequest(
        (Message("user", "hi"),),
        schema=WORD,
        parameters=Parameters(max_tokens=max_tokens),
        seed=4,
        reasoning_tokens=budget,
    )


def recorded(planned: GeneratedPlan) -> Mapping[str, object]:
    assert planned.plan.metadata is not None
    return planned.plan.metadata.parameters


async def test_thoughts_come_first_and_are_told_apart(backend: LlamaCppBackend) -> None:
    chunks = [chunk async for chunk in backend.generate(asking(40))]
    kinds = [chunk.is_reasoning for chunk in chunks]
    assert kinds == sorted(kinds, reverse=True)
    assert any(kinds)
    assert "".join(chunk.text for chunk in chunks if not chunk.is_reasoning) in {'"ab"', '"cd"'}
    usage = chunks[-1].usage
    assert usage is not None
    assert 0 < usage.reasoning_tokens < usage.completion_tokens
    assert usage.reasoning_tokens <= 40 + len("\n</think>\n\n")


async def test_closing_the_stream_inside_thoughts_stops_them(backend: LlamaCppBackend) -> None:
    async with asyncio.timeout(60), aclosing(backend.generate(asking(8000))) as chunks:
        async for chunk in chunks:
            assert chunk.is_reasoning
            break
    (last,) = [chunk async for chunk in backend.generate(asking(0)) if chunk.finish_reason]
    assert last.finish_reason == "stop"


async def test_the_prompt_of_a_dry_run_is_the_one_that_is_sent(backend: LlamaCppBackend) -> None:
    for budget, end in ((40, "<think>\n"), (0, "<think>\n\n</think>\n\n")):
        request = asking(budget)
        prompt, num_tokens = await backend.render(request)
        assert prompt == f"<|user|>hi{ASSISTANT}{end}"
        (usage,) = [chunk.usage async for chunk in backend.generate(request) if chunk.usage]
        assert usage.prompt_tokens == num_tokens


async def test_a_model_without_a_template_is_told_of_once(
    untold: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    backend = LlamaCppBackend(
        LlamaCppSpec(untold, load=LoadOptions(device="cpu", threads=1)), Attachments(on_warning=told.append)
    )
    request = asking(0, max_tokens=8)
    assert (await backend.render(request))[0].startswith("<|im_start|>user\nhi")
    await backend.model_facts()
    await backend.model_facts()
    await backend.aclose()
    (sentence,) = told
    assert f"{untold} has no chat template" in sentence
    planner = Planner(PlannerConfig(load=LoadOptions(device="cpu", threads=1), echo_model=str(untold)))
    async with planner:
        with caplog.at_level(logging.WARNING):
            assert (await planner.health_check()).ok
    assert "has no chat template" in caplog.text


async def test_what_a_template_loses_of_these_tools_and_lacks_is_told_once(tmp_path: Path) -> None:
    """By a dry run and by a generation; the system text lists the tools."""
    lossy = "{% if tools %}{{ tools[0].function.name }}{{ tools[0].function.description }}{% for p in "
    lossy += "tools[0].function.parameters.properties %}{{ p }}{% endfor %}{% endif %}"
    source = lossy + "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    source += "\n{% if x %}{{ x|no }}{% endif %}"
    path = write_tiny_gguf(tmp_path / "lossy.gguf", TinyModel(chat_template=source, planner_tools=None))
    told: list[str] = []
    backend = LlamaCppBackend(
        LlamaCppSpec(path, load=LoadOptions(device="cpu", threads=1)), Attachments(on_warning=told.append)
    )
    schema = {"type": "object", "properties": {"unit": {"enum": ["C", "F"]}}}
    function = {"name": "weather", "description": "Tell.", "parameters": schema}
    request = replace(
        asking(0, max_tokens=4),
        messages=(Message("system", "Plan.\n\nTools: weather\n\n"), Message("user", "hi")),
        tools=({"type": "function", "function": function},),
        tools_text="Tools: weather\n\n",
    )
    prompt, _ = await backend.render(request)
    assert prompt.startswith("<system>Plan.\n\nTools: weather")
    assert [chunk async for chunk in backend.generate(request)]
    await backend.aclose()
    lacks, loses = told
    assert "uses what AGX does not have: the filter 'no' (line 2)" in lacks
    assert "leaves out parts of these tools ('C', 'F')" in loses


async def test_a_template_that_is_given_is_used_and_recorded(untold: Path) -> None:
    given = chat_template("llama3")
    backend = LlamaCppBackend(
        LlamaCppSpec(untold, load=LoadOptions(device="cpu", threads=1, chat_template=given))
    )
    prompt, _ = await backend.render(asking(0))
    facts = await backend.model_facts()
    await backend.aclose()
    assert prompt.endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")
    assert facts.warnings == ()
    assert facts.chat_template_sha256 is not None


async def test_thoughts_are_no_part_of_a_plan() -> None:
    backend = ScriptedBackend([ScriptedReply(TEXT, thoughts=THOUGHTS)])
    items = [item async for item in stream_plan(backend, "list files", PlanContext())]
    generated = items[-1]
    assert isinstance(generated, GeneratedPlan)
    assert generated.text == TEXT
    chunks = [item for item in items if isinstance(item, Chunk)]
    assert "".join(chunk.text for chunk in chunks if chunk.is_reasoning) == THOUGHTS


async def test_the_budget_goes_with_the_request_and_into_the_record() -> None:
    backend = ScriptedBackend([TEXT, TEXT])
    planned = await generate_plan(backend, "list files", options=PlanOptions(reasoning_tokens=7))
    assert backend.requests[0].reasoning_tokens == 7
    assert recorded(planned)["think"] == 7
    planned = await generate_plan(backend, "list files")
    assert backend.requests[1].reasoning_tokens is None
    assert "think" not in recorded(planned)


async def test_a_planner_hands_on_what_may_be_thought() -> None:
    backend = ScriptedBackend([TEXT] * 2)
    async with Planner(PlannerConfig(think=300), backend=backend) as planner:
        await planner.plan("list files")
    assert backend.requests[0].reasoning_tokens == 300


async def test_functions_go_with_the_request_and_commands_do_not() -> None:
    call = json.dumps({"tasks": [{"command": "get_weather", "arguments": {"city": "Oslo"}}]})
    backend = ScriptedBackend([TEXT, call])
    await generate_plan(backend, "list files")
    await generate_plan(backend, "weather in Oslo", PlanContext(tools=function_registry()))
    commands, functions = backend.requests
    assert (commands.tools, commands.tools_text) == ((), "")
    assert [tool["function"]["name"] for tool in functions.tools] == ["get_weather", "write_note"]
    assert functions.messages[0].content.count(functions.tools_text) == 1
