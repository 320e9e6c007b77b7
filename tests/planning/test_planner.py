"""The planner above the seam: roles, drafts, errors and limits, with a backend that plays a script."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from agx.backends.base import BackendKind
from agx.backends.plan_requests import PlanOptions
from agx.backends.scripted import Reply, ScriptedBackend, ScriptedReply
from agx.errors import (
    BackendError,
    BackendUnreachable,
    DeadlineExceeded,
    ModelMismatch,
    PlanInvalid,
    PlanTruncated,
    Unsupported,
    UsageError,
)
from agx.plan.tools import Registry, ToolInfo
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner
from agx.prompts.chosen_examples import MAX_EXAMPLES
from agx.prompts.examples import core_examples
from agx.prompts.messages import NOTHING_FOUND
from agx.requests import Chunk, Parameters, Range
from agx.risk.context import GeneratedPlan, PlanContext
from agx.rules.check import read_draft
from agx.settings.table import BY_NAME
from agx.unix.registry import unix_registry

INSTRUCTION = "count the distinct names in names.txt"
BOTH = PlannerConfig(role=ModelRole.BOTH)


def written(*tasks: dict[str, Any]) -> str:
    """Return the text of a model that writes these tasks."""
    return json.dumps({"tasks": tasks}, separators=(",", ":"))


CAT = {"command": "cat", "args": ["names.txt"]}
SORT = {"command": "sort", "args": [], "input_from_task": 1}
UNIQ = {"command": "uniq", "args": ["-c"], "input_from_task": 2}
DRAFT = written(CAT, UNIQ | {"input_from_task": 1})
REFINED = written(CAT, SORT, UNIQ)
UNKNOWN_TOOL = written(CAT, {"command": "frobnicate", "args": [], "input_from_task": 1})


def planner_of(*replies: Reply, config: PlannerConfig | None = None, **more: Any) -> Planner:
    """Return a planner whose model writes these replies, one a request."""
    return Planner(config, backend=ScriptedBackend(replies), **more)


def commands(generated: GeneratedPlan) -> list[str]:
    return [task.command for task in generated.tasks]


async def test_a_plan_comes_with_what_produced_it() -> None:
    backend = ScriptedBackend([REFINED], model_name="played")
    async with Planner(PlannerConfig(seed=7), backend=backend) as planner:
        generated = await planner.plan(INSTRUCTION)
    assert commands(generated) == ["cat", "sort", "uniq"]
    assert generated.text == REFINED
    assert generated.changes is None
    assert generated.plan.instruction == INSTRUCTION
    assert all(task.risk == ("reads",) for task in generated.tasks)
    metadata = generated.metadata
    assert (metadata.backend, metadata.model, metadata.role) == ("scripted", "played", "echo")
    assert (metadata.model_sha256, metadata.seed, metadata.fell_back_from) == (None, 7, None)
    assert metadata.parameters["max_tokens"] == 512
    assert min(metadata.prompt_tokens, metadata.completion_tokens, metadata.latency_ms) > 0


async def test_a_stream_is_chunks_and_then_the_plan() -> None:
    items = [item async for item in planner_of(REFINED).stream(INSTRUCTION)]
    *chunks, generated = items
    assert isinstance(generated, GeneratedPlan)
    assert all(isinstance(chunk, Chunk) for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, Chunk)) == generated.text


async def test_both_drafts_and_refines_and_tells_the_changes_task_by_task() -> None:
    backend = ScriptedBackend([DRAFT, REFINED])
    generated = await Planner(replace(BOTH, examples=0), backend=backend).plan(INSTRUCTION)
    assert generated.metadata.role == "delta"
    assert generated.changes is not None
    assert [(change.kind, change.after and change.after.command) for change in generated.changes] == [
        ("added", "sort"),
        ("changed", "uniq"),
    ]
    assert generated.changes[1].before is not None
    assert generated.changes[1].before.command == "uniq"
    drafted, refined = (request.messages for request in backend.requests)
    assert [message.role for message in drafted] == ["system", "user"]
    assert [message.role for message in refined] == ["system", "user", "assistant", "user"]
    assert refined[1].content == INSTRUCTION
    assert refined[2].content == DRAFT
    assert "task 2: uniq drops only neighbouring duplicates" in refined[3].content


async def test_a_preview_names_the_examples_in_the_prompt() -> None:
    shown = await planner_of(config=PlannerConfig(examples=3)).prompt(INSTRUCTION)
    assert len(shown.examples) == len(core_examples()) + 3
    places = [shown.prompt.index(f"user: {text}") for text in (*shown.examples, INSTRUCTION)]
    assert places == sorted(places)
    assert (await planner_of(config=PlannerConfig(examples=0)).prompt(INSTRUCTION)).examples == ()


async def test_options_of_one_plan_leave_the_examples_to_the_configuration() -> None:
    planner = planner_of(REFINED, config=PlannerConfig(examples=2))
    generated = await planner.plan(INSTRUCTION, options=PlanOptions(seed=1))
    assert generated.metadata.parameters["examples"] == 2


def test_the_setting_has_the_default_and_range_that_plans_have() -> None:
    setting = BY_NAME["examples"]
    assert (setting.default, setting.range) == (PlannerConfig().examples, Range(0, MAX_EXAMPLES))


async def test_both_streams_the_chunks_of_each_and_one_plan() -> None:
    items = [item async for item in planner_of(DRAFT, REFINED, config=BOTH).stream(INSTRUCTION)]
    ends = [item.finish_reason for item in items if isinstance(item, Chunk) and item.finish_reason]
    assert ends == ["stop", "stop"]
    assert [type(item) for item in items].count(GeneratedPlan) == 1


async def test_a_draft_that_delta_keeps_has_no_changes() -> None:
    generated = await planner_of(REFINED, REFINED, config=BOTH).plan(INSTRUCTION)
    assert generated.changes == ()


async def test_both_lets_delta_mend_a_draft_with_errors() -> None:
    """What the rules find in Echo's draft is an error only when it is still there afterwards."""
    backend = ScriptedBackend([UNKNOWN_TOOL, REFINED])
    generated = await Planner(BOTH, backend=backend).plan(INSTRUCTION)
    assert commands(generated) == ["cat", "sort", "uniq"]
    assert "there is no tool named 'frobnicate'" in backend.requests[1].messages[-1].content


@pytest.mark.parametrize("draft", ["nothing", '{"tasks":[]}'])
async def test_both_ends_with_a_draft_that_is_no_plan(draft: str) -> None:
    with pytest.raises(PlanInvalid):
        await planner_of(draft, REFINED, config=BOTH).plan(INSTRUCTION)


_PLAN = read_draft(DRAFT, unix_registry(), instruction=INSTRUCTION)[0]
_SHORT = [{"cmd": "cat", "args": ["names.txt"]}, {"cmd": "uniq", "args": ["-c"]}]


@pytest.mark.parametrize(
    "draft",
    [
        _PLAN,
        _PLAN.to_dict(),
        json.dumps(_PLAN.to_dict()),
        DRAFT,
        f"Here it is:\n```json\n{DRAFT}\n```\n",
        {"plan": _SHORT},
        {"plan": ["cat names.txt", "uniq -c"]},
        [CAT, {"command": "uniq", "args": ["-c"], "input_from_step": 1}],
    ],
    ids=["plan", "dict", "json", "written", "fenced", "short", "shorter", "list"],
)
async def test_refines_a_draft_in_every_form(draft: Any) -> None:
    backend = ScriptedBackend([REFINED])
    generated = await Planner(backend=backend).refine(draft, INSTRUCTION)
    assert commands(generated) == ["cat", "sort", "uniq"]
    assert generated.metadata.role == "delta"
    assert len(generated.changes or ()) == 2
    assert json.loads(backend.requests[0].messages[-2].content) == json.loads(DRAFT)


async def test_a_plan_brings_its_instruction_and_another_may_be_given() -> None:
    planner = planner_of(REFINED, REFINED)
    assert (await planner.refine(_PLAN)).plan.instruction == INSTRUCTION
    assert (await planner.refine(_PLAN, "count them")).plan.instruction == "count them"


async def test_a_draft_without_an_instruction_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="does not say what it is for") as caught:
        await planner_of(REFINED).refine({"plan": ["sort"]})
    assert caught.value.hint


async def test_delta_mends_a_draft_with_an_unknown_tool() -> None:
    backend = ScriptedBackend([REFINED])
    generated = await Planner(backend=backend).refine(UNKNOWN_TOOL, INSTRUCTION)
    assert "frobnicate" in backend.requests[0].messages[-1].content
    assert commands(generated) == ["cat", "sort", "uniq"]


async def test_a_model_that_was_trained_for_it_reads_that_nothing_was_found() -> None:
    backend = ScriptedBackend([REFINED], planner_tools="unix")
    await Planner(backend=backend).refine(REFINED, INSTRUCTION)
    assert backend.requests[0].messages[-1].content == NOTHING_FOUND


def _turns(backend: ScriptedBackend) -> list[tuple[str, str]]:
    """Return the turns behind the system text, without what Delta is told to mind."""
    messages = backend.requests[0].messages[1:]
    return [(turn.role, turn.content.partition("\n\nMind ")[0]) for turn in messages]


async def test_a_draft_stands_outside_the_prompt_where_the_backend_follows_it() -> None:
    """A small model that reads a draft repeats it."""
    backend = ScriptedBackend([REFINED], follows_drafts=True)
    await Planner(PlannerConfig(examples=0), backend=backend).refine(DRAFT, INSTRUCTION)
    assert _turns(backend) == [("user", INSTRUCTION)]
    assert backend.requests[0].draft == DRAFT
    assert "uniq drops only neighbouring duplicates" in backend.requests[0].messages[-1].content


async def test_a_draft_for_another_instruction_is_shown_before_this_one() -> None:
    backend = ScriptedBackend([REFINED], follows_drafts=True)
    await Planner(PlannerConfig(examples=0), backend=backend).refine(_PLAN, "now count them")
    assert _turns(backend) == [("user", INSTRUCTION), ("assistant", DRAFT), ("user", "now count them")]


@pytest.mark.parametrize("draft", ["no plan", [], 5, None, {"plan": ["sort"] * 65}])
async def test_a_draft_that_is_no_plan_is_refused_before_anything_is_generated(draft: Any) -> None:
    backend = ScriptedBackend([REFINED])
    with pytest.raises(PlanInvalid) as caught:
        await Planner(backend=backend).refine(draft, INSTRUCTION)
    assert caught.value.hint
    assert backend.requests == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (UNKNOWN_TOOL, "unknown-tool"),
        (written(SORT), "bad-reference"),
        (written(CAT | {"save_to": "a"}, SORT), "empty-reference"),
        (written(*[CAT] * 11), "too-many-tasks"),
        (written({"command": "cat", "arguments": {"file": "a"}}), "arguments"),
        (written({"command": "cat", "args": ["a" * 513]}), "limits"),
        (written({"command": "cat", "args": [{"glob": ""}]}), "form"),
    ],
)
async def test_a_plan_with_an_error_is_not_returned(text: str, rule: str) -> None:
    """Echo's text, and Delta's when the error is still there: both end with findings and the text."""
    for planning in (planner_of(text).plan(INSTRUCTION), planner_of(text).refine(DRAFT, INSTRUCTION)):
        with pytest.raises(PlanInvalid) as caught:
            await planning
        assert rule in {finding["rule"] for finding in caught.value.findings}
        assert caught.value.text == text
        assert caught.value.exit_code == 3


@pytest.mark.parametrize("text", ["", "sorry", '{"tasks":', "[]", "null", '{"tasks":"none"}', '"a"'])
async def test_a_text_that_is_no_plan_is_invalid(text: str) -> None:
    with pytest.raises(PlanInvalid) as caught:
        await planner_of(text).plan(INSTRUCTION)
    assert caught.value.text == text


@pytest.mark.parametrize("text", ["", '{"tasks":[{"comm', REFINED])
async def test_a_text_that_was_cut_off_is_never_closed(text: str) -> None:
    """A complete plan at the very end of the budget is still cut off: more may have followed."""
    with pytest.raises(PlanTruncated, match="512 tokens") as caught:
        await planner_of(ScriptedReply(text, "length")).plan(INSTRUCTION)
    assert (caught.value.text, caught.value.exit_code) == (text, 3)


async def test_a_generation_that_was_cancelled_elsewhere_is_an_error() -> None:
    with pytest.raises(BackendError) as caught:
        await planner_of(ScriptedReply(REFINED, "cancelled")).plan(INSTRUCTION)
    assert caught.value.retryable


async def test_an_error_of_the_backend_comes_through_and_the_next_plan_works() -> None:
    planner = planner_of(BackendUnreachable("gone"), REFINED)
    with pytest.raises(BackendUnreachable, match="gone"):
        await planner.plan(INSTRUCTION)
    assert commands(await planner.plan(INSTRUCTION)) == ["cat", "sort", "uniq"]


@pytest.mark.parametrize("instruction", ["", " \n\t", "bad \udcff", None, b"bytes", 5])
async def test_an_instruction_that_says_nothing_is_a_usage_error(instruction: Any) -> None:
    backend = ScriptedBackend([REFINED])
    for call in (Planner(backend=backend).plan, Planner(BOTH, backend=backend).plan):
        with pytest.raises(UsageError) as caught:
            await call(instruction)
        assert caught.value.hint
    assert backend.requests == []


@pytest.mark.parametrize("max_tasks", [-1, 0, 65, 10**9])
async def test_a_number_of_tasks_that_no_plan_has_is_a_usage_error(max_tasks: int) -> None:
    with pytest.raises(UsageError, match="max_tasks cannot be"):
        await planner_of(REFINED, config=PlannerConfig(max_tasks=max_tasks)).plan(INSTRUCTION)


async def test_max_tasks_bounds_schema_and_plan() -> None:
    backend = ScriptedBackend([REFINED])
    with pytest.raises(PlanInvalid, match="3 tasks; 2 are allowed"):
        await Planner(PlannerConfig(max_tasks=2), backend=backend).plan(INSTRUCTION)
    schema = backend.requests[0].schema
    assert isinstance(schema, dict)
    assert schema["properties"]["tasks"]["maxItems"] == 2


async def test_a_context_brings_its_own_tools_limits_and_input() -> None:
    backend = ScriptedBackend([written(CAT)])
    tools = Registry.of([ToolInfo("cat", "prints files")])
    context = PlanContext(tools=tools, input_summary="text, 3 lines", max_tasks=1)
    generated = await Planner(backend=backend).plan(INSTRUCTION, context)
    assert commands(generated) == ["cat"]
    system = backend.requests[0].messages[0].content
    assert "- cat: prints files" in system
    assert "text, 3 lines" in system
    assert "at most 1 tasks" in system


async def test_a_model_for_unix_tools_refuses_others() -> None:
    backend = ScriptedBackend([REFINED], planner_tools="unix")
    foreign = Registry.of([*unix_registry(), ToolInfo("get_weather", schema={"type": "object"})])
    with pytest.raises(ModelMismatch, match="'get_weather'") as caught:
        await Planner(registry=foreign, backend=backend).plan(INSTRUCTION)
    assert (caught.value.exit_code, caught.value.details["tools"]) == (4, ["get_weather"])
    assert "--model" in caught.value.hint
    assert backend.requests == []


async def test_a_model_for_unix_tools_plans_with_some_of_them() -> None:
    backend = ScriptedBackend([REFINED], planner_tools="unix")
    subset = Registry.of(tool for tool in unix_registry() if tool.name in {"cat", "sort", "uniq"})
    assert len((await Planner(registry=subset, backend=backend).plan(INSTRUCTION)).tasks) == 3


async def test_a_general_model_plans_with_any_tools() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    registry = Registry.of([ToolInfo("get_weather", schema=schema, risk=("network",))])
    text = written({"command": "get_weather", "arguments": {"city": "Rome"}})
    generated = await planner_of(text, registry=registry).plan("the weather in Rome")
    assert generated.tasks[0].arguments == {"city": "Rome"}
    assert generated.tasks[0].risk == ("network",)


async def test_the_role_delta_needs_a_draft() -> None:
    planner = planner_of(REFINED, config=PlannerConfig(role=ModelRole.DELTA))
    with pytest.raises(UsageError, match="needs a draft"):
        await planner.plan(INSTRUCTION)
    assert (await planner.refine(DRAFT, INSTRUCTION)).metadata.role == "delta"


async def test_options_take_the_place_of_the_configs() -> None:
    backend = ScriptedBackend([REFINED, REFINED])
    planner = Planner(PlannerConfig(seed=1, timeout_secs=5), backend=backend)
    options = PlanOptions(Parameters(temperature=0.5), seed=9)
    await planner.plan(INSTRUCTION, options=options)
    await planner.refine(DRAFT, INSTRUCTION, options=options)
    for request in backend.requests:
        assert (request.parameters.temperature, request.seed, request.deadline_secs) == (0.5, 9, None)


async def test_the_time_limit_is_a_typed_error() -> None:
    planner = planner_of(ScriptedReply(REFINED, chunk_delay_secs=5), config=PlannerConfig(timeout_secs=0.05))
    with pytest.raises(DeadlineExceeded) as caught:
        await planner.plan(INSTRUCTION)
    assert (caught.value.exit_code, caught.value.retryable) == (6, True)


@pytest.mark.parametrize("timeout_secs", [float("nan"), float("inf"), -1.0])
async def test_a_time_limit_that_is_no_time_is_a_usage_error(timeout_secs: float) -> None:
    with pytest.raises(UsageError, match="time limit"):
        await planner_of(REFINED, config=PlannerConfig(timeout_secs=timeout_secs)).plan(INSTRUCTION)


@pytest.mark.parametrize("config", [None, BOTH], ids=["echo", "both"])
async def test_cancelling_the_caller_stops_the_generation(config: PlannerConfig | None) -> None:
    backend = ScriptedBackend([ScriptedReply(REFINED, chunk_delay_secs=5)])
    task = asyncio.create_task(Planner(config, backend=backend).plan(INSTRUCTION))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert backend.stopped == 1


@pytest.mark.parametrize("config", [None, BOTH], ids=["echo", "both"])
async def test_leaving_a_stream_stops_the_generation_at_once(config: PlannerConfig | None) -> None:
    backend = ScriptedBackend([REFINED])
    async with aclosing(Planner(config, backend=backend).stream(INSTRUCTION)) as items:
        await anext(items)
    assert backend.stopped == 1


async def test_leaving_the_stream_of_a_refinement_stops_it_at_once() -> None:
    backend = ScriptedBackend([REFINED])
    async with aclosing(Planner(backend=backend).stream_refined(DRAFT, INSTRUCTION)) as items:
        await anext(items)
    assert backend.stopped == 1


async def test_a_prompt_is_shown_and_nothing_is_generated() -> None:
    backend = ScriptedBackend([])
    planner = Planner(PlannerConfig(parameters=Parameters(top_k=3)), backend=backend)
    shown = await planner.prompt(INSTRUCTION)
    assert INSTRUCTION in shown.prompt
    assert shown.prompt_tokens > 0
    assert "tasks" in shown.schema["properties"]
    assert shown.parameters.top_k == 3
    refined = await planner.prompt(None, draft=_PLAN)
    assert "neighbouring duplicates" in refined.prompt
    for instruction in (None, " "):
        with pytest.raises(UsageError):
            await planner.prompt(instruction)
    assert backend.requests == []


async def test_a_closed_planner_refuses_and_leaves_the_given_backend_open() -> None:
    backend = ScriptedBackend([REFINED])
    planner = Planner(backend=backend)
    async with planner:
        assert "open" in repr(planner)
    await planner.aclose()
    assert repr(planner) == "<Planner of the role echo, closed>"
    for call in (planner.plan(INSTRUCTION), planner.refine(_PLAN), planner.prompt(INSTRUCTION)):
        with pytest.raises(UsageError, match="closed"):
            await call
    health = await planner.health_check()
    assert not health.ok
    assert "closed" in health.detail
    assert not backend.is_closed


async def test_a_backend_that_no_setting_opens_is_unsupported() -> None:
    kind = BackendKind.SCRIPTED
    async with Planner(PlannerConfig(backend=kind)) as planner:
        with pytest.raises(Unsupported, match=kind.value):
            await planner.plan(INSTRUCTION)
        health = await planner.health_check()
    assert not health.ok
    assert kind.value in health.detail


async def test_plans_at_once_do_not_mix() -> None:
    def reply(request: Any) -> str:
        return written({"command": "echo", "args": [request.messages[-1].content]})

    planner = planner_of(*[reply] * 8)
    plans = await asyncio.gather(*(planner.plan(f"say {number}") for number in range(8)))
    assert [plan.tasks[0].args for plan in plans] == [(f"say {number}",) for number in range(8)]
    assert len({plan.plan.plan_id for plan in plans}) == 8


async def test_a_context_without_tools_or_limit_has_the_planners() -> None:
    registry = Registry.of([ToolInfo("cat"), ToolInfo("sort")])
    backend = ScriptedBackend(['{"tasks":[{"command":"cat","args":["a"]}]}'])
    async with Planner(PlannerConfig(max_tasks=2), registry=registry, backend=backend) as planner:
        await planner.plan("show a", PlanContext(input_summary="text"))
    (request,) = backend.requests
    assert isinstance(request.schema, dict)
    assert request.schema["$defs"]["calls"]["$defs"]["command"] == {"enum": ["cat", "sort"]}
    assert request.schema["properties"]["tasks"]["maxItems"] == 2
