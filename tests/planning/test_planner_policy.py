"""What a planner may use, from the config to the plan: retrieval, forbidden tools, limits of risk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agx.backends.base import ModelFacts
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.backends.scripted import Reply, ScriptedBackend
from agx.errors import DeadlineExceeded, ModelMismatch, PlanInvalid, UsageError
from agx.plan.schema import Task
from agx.plan.tools import Registry, ToolInfo
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner
from agx.requests import LoadOptions, Parameters
from agx.risk.context import PlanContext
from agx.risk.policy import check
from agx.unix.registry import unix_registry
from tests.tiny_gguf import TinyModel, write_tiny_gguf

MODULE = pytest.mark.asyncio(loop_scope="module")
INSTRUCTION = "paint the wall red"
COLOURS = tuple("red green blue white black brown pink grey cyan teal gold lime navy plum rose".split())
COLOUR: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
PAINTS = Registry.of(
    ToolInfo(f"{verb}_{colour}", f"{verb}s it {colour}", schema=COLOUR, risk=("writes",))
    for verb in ("paint", "print")
    for colour in COLOURS
)
NO_RM = frozenset({"rm"})


def calls(*names: str) -> str:
    return json.dumps({"tasks": [{"command": name, "arguments": {}} for name in names]})


def commands(*tasks: list[str]) -> str:
    return json.dumps({"tasks": [{"command": name, "args": args} for name, *args in tasks]})


def planner_of(*replies: Reply, registry: Registry = PAINTS, **config: Any) -> Planner:
    return Planner(PlannerConfig(**config), registry=registry, backend=ScriptedBackend(replies))


def backend_of(planner: Planner) -> ScriptedBackend:
    assert isinstance(planner._given, ScriptedBackend)
    return planner._given


def in_schema(schema: Any) -> set[str]:
    """Return the tools that a schema lets a model call: what may stand as a `command`, at any place."""
    if isinstance(schema, list):
        return {name for part in schema for name in in_schema(part)}
    if not isinstance(schema, dict):
        return set()
    command = schema.get("command", {})
    named = {command["const"]} if "const" in command else set(command.get("enum", ()))
    return named.union(*(in_schema(part) for part in schema.values()))


async def test_of_many_functions_the_best_are_offered_and_the_plan_says_which() -> None:
    planner = planner_of(calls("paint_red"))
    generated = await planner.plan(INSTRUCTION)
    offered = generated.metadata.tools_offered
    assert offered is not None
    assert len(offered) == 20
    assert {"paint_red", "print_red", "paint_grey"} <= set(offered)
    (request,) = backend_of(planner).requests
    assert in_schema(request.schema) == set(offered)
    listed = [line.split(":")[0] for line in request.messages[0].content.splitlines() if line[:2] == "- "]
    assert listed == [f"- {name}" for name in offered]


@pytest.mark.parametrize(("limit", "number"), [(1, 1), (5, 5), (30, None), (0, None)])
async def test_the_limit_is_the_configs(limit: int, number: int | None) -> None:
    generated = await planner_of(calls("paint_red"), tools_limit=limit).plan(INSTRUCTION)
    offered = generated.metadata.tools_offered
    assert (None if offered is None else len(offered)) == number


async def test_each_model_has_a_limit_of_its_own() -> None:
    planner = planner_of(
        calls("paint_red"), calls("paint_red"), role=ModelRole.BOTH, tools_limit=3, delta_tools_limit=7
    )
    generated = await planner.plan(INSTRUCTION)
    assert [len(in_schema(request.schema)) for request in backend_of(planner).requests] == [3, 7]
    assert len(generated.metadata.tools_offered or ()) == 7


async def test_the_tools_of_a_draft_and_of_existing_tasks_stay() -> None:
    planner = planner_of(calls("print_plum"), calls("print_plum"), tools_limit=3)
    refined = await planner.refine(calls("print_plum", "print_gold"), INSTRUCTION)
    assert set(refined.metadata.tools_offered or ()) == {"print_plum", "print_gold", "paint_red"}
    existing = Task(task_number=1, command="print_plum", arguments={})
    context = PlanContext(existing_tasks=(existing,))
    added = await planner.plan(INSTRUCTION, context)
    assert {"print_plum", "paint_red"} < set(added.metadata.tools_offered or ())


async def test_what_a_context_offers_is_offered() -> None:
    context = PlanContext(offered=("print_lime",))
    planner = planner_of(calls("print_lime"), tools_limit=3)
    assert (await planner.plan(INSTRUCTION, context)).metadata.tools_offered == ("print_lime",)


async def test_a_plan_with_a_tool_that_was_not_offered_is_invalid() -> None:
    with pytest.raises(PlanInvalid, match="print_plum is not among the tools that were offered"):
        await planner_of(calls("print_plum"), tools_limit=2).plan(INSTRUCTION)


async def test_a_prompt_shows_what_would_be_offered() -> None:
    shown = await planner_of(tools_limit=2).prompt(INSTRUCTION)
    assert shown.tools_offered == ("paint_red", "print_red")
    assert in_schema(shown.schema) == {"paint_red", "print_red"}
    assert "paint_red" in shown.prompt
    assert "paint_blue" not in shown.prompt
    refined = await planner_of(tools_limit=2).prompt(INSTRUCTION, draft=calls("paint_blue"))
    assert refined.tools_offered == ("paint_red", "paint_blue")
    assert (await planner_of(tools_limit=0).prompt(INSTRUCTION)).tools_offered is None


async def test_a_model_that_was_trained_for_its_tools_is_offered_all() -> None:
    backend = ScriptedBackend([commands(["cat", "a"])], planner_tools="unix")
    generated = await Planner(PlannerConfig(tools_limit=2), backend=backend).plan("show a")
    assert generated.metadata.tools_offered is None
    assert len(in_schema(backend.requests[0].schema)) == len(unix_registry())


async def test_commands_are_chosen_where_that_is_asked_for() -> None:
    planner = planner_of(commands(["wc", "a"]), registry=unix_registry(), tools_limit=5)
    generated = await planner.plan("count the lines of a")
    assert len(generated.metadata.tools_offered or ()) == 5


async def test_the_time_limit_counts_what_loading_takes_before_tools_are_chosen() -> None:
    class Slow(ScriptedBackend):
        async def model_facts(self) -> ModelFacts:
            await asyncio.sleep(5)
            return await super().model_facts()

    planner = Planner(PlannerConfig(timeout_secs=0.05), registry=PAINTS, backend=Slow([]))
    with pytest.raises(DeadlineExceeded, match="while the model was loaded"):
        await planner.plan(INSTRUCTION)


@pytest.mark.parametrize("instruction", ["", None, 5, "bad \udcff"])
async def test_what_is_no_instruction_is_refused_before_tools_are_chosen(instruction: Any) -> None:
    with pytest.raises(UsageError):
        await planner_of().plan(instruction)


async def test_a_forbidden_tool_is_neither_in_the_prompt_nor_in_the_schema() -> None:
    planner = planner_of(commands(["ls"]), registry=unix_registry(), forbidden=NO_RM)
    generated = await planner.plan("list files")
    (request,) = backend_of(planner).requests
    assert in_schema(request.schema) == {tool.name for tool in unix_registry()} - {"rm"}
    assert " rm " not in request.messages[0].content
    assert generated.metadata.parameters["forbid"] == ["rm"]
    assert "risk" not in generated.metadata.parameters
    assert generated.metadata.tools_offered is None


async def test_the_same_policy_makes_its_schema_once() -> None:
    planner = planner_of(*[commands(["ls"])] * 2, registry=unix_registry(), forbidden=NO_RM, max_risk="write")
    for _ in range(2):
        await planner.plan("list files")
    first, second = backend_of(planner).requests
    assert first.schema is second.schema


@pytest.mark.parametrize(
    ("text", "config", "rule"),
    [
        (commands(["rm", "a"]), {"forbidden": NO_RM}, "forbidden-tool"),
        (commands(["find", ".", "-exec", "rm", "{}", ";"]), {"forbidden": NO_RM}, "forbidden-tool"),
        (commands(["find", ".", "-delete"]), {"max_risk": "write"}, "above-risk"),
        (commands(["mkdir", "a"]), {"max_risk": "read"}, "above-risk"),
    ],
)
async def test_a_plan_against_the_policy_is_invalid(text: str, config: dict[str, Any], rule: str) -> None:
    """Whatever wrote it; the context's policy counts as the config's does, also without a planner."""
    planner = planner_of(text, registry=unix_registry(), **config)
    for planning in (
        planner.plan("clean up"),
        planner_of(text, registry=unix_registry()).plan("clean up", PlanContext(**config)),
        generate_plan(ScriptedBackend([text]), "clean up", PlanContext(**config)),
    ):
        with pytest.raises(PlanInvalid) as caught:
            await planning
        assert [finding["rule"] for finding in caught.value.findings if finding["severity"] == "error"] == [
            rule
        ]
        assert (caught.value.exit_code, caught.value.text) == (3, text)


async def test_delta_is_told_what_its_draft_must_not_do() -> None:
    planner = planner_of(commands(["ls"]), registry=unix_registry(), forbidden=NO_RM)
    await planner.refine(commands(["rm", "a"], ["find", ".", "-exec", "rm", "{}", ";"]), "clean up")
    findings = backend_of(planner).requests[0].messages[-1].content
    assert "task 1: rm is forbidden" in findings
    assert "task 2: it runs rm, which is forbidden" in findings


async def test_both_lets_delta_mend_a_draft_against_the_policy() -> None:
    planner = planner_of(
        commands(["find", ".", "-delete"]),
        commands(["find", "."]),
        registry=unix_registry(),
        role=ModelRole.BOTH,
        max_risk="read",
    )
    assert (await planner.plan("clean up")).tasks[0].args == (".",)


@pytest.mark.parametrize(
    "config", [{"forbidden": frozenset({"paint_redd"})}, {"max_risk": "read"}, {"max_risk": "some"}]
)
async def test_a_policy_that_means_nothing_is_refused_before_anything_is_generated(
    config: dict[str, Any],
) -> None:
    planner = planner_of(calls("paint_red"), **config)
    with pytest.raises(UsageError):
        await planner.plan(INSTRUCTION)
    assert backend_of(planner).requests == []


async def test_a_model_for_unix_tools_plans_where_the_others_are_forbidden() -> None:
    registry = Registry.of([*unix_registry(), ToolInfo("paint", schema=COLOUR)])
    backend = ScriptedBackend([commands(["ls"])] * 2, planner_tools="unix")
    planner = Planner(registry=registry, backend=backend)
    with pytest.raises(ModelMismatch, match="'paint'"):
        await planner.plan("list files")
    without = PlanContext(forbidden=frozenset({"paint"}))
    assert (await planner.plan("list files", without)).tasks[0].command == "ls"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedded() -> AsyncIterator[Planner]:
    """The embedded planner, loaded once for this file."""
    async with Planner(PlannerConfig(load=LoadOptions(device="cpu", threads=1))) as planner:
        yield planner


SAMPLED = [(0.0, 0), (0.7, 1), (0.7, 2), (1.5, 3), (1.5, 4), (4.0, 5), (4.0, 6)]


@MODULE
@pytest.mark.parametrize(("temperature", "seed"), SAMPLED)
async def test_the_embedded_planner_never_writes_a_forbidden_tool(
    embedded: Planner, temperature: float, seed: int
) -> None:
    """Not at any temperature: what hides in arguments is refused, and the tool itself cannot be written."""
    options = PlanOptions(Parameters(temperature=temperature), seed=seed)
    context = PlanContext(forbidden=NO_RM)
    try:
        generated = await embedded.plan("delete all tmp files", context, options=options)
    except PlanInvalid as error:
        tasks = json.loads(error.text)["tasks"]
        assert "rm" not in {task["command"] for task in tasks}
    else:
        assert "rm" not in {task.command for task in generated.tasks}
        assert check(generated.tasks, context) == ()


@MODULE
async def test_the_embedded_planner_would_write_it_otherwise(embedded: Planner) -> None:
    assert (await embedded.plan("remove the file a.txt")).tasks[0].command == "rm"
    context = PlanContext(forbidden=NO_RM)
    assert (await embedded.plan("remove the file a.txt", context)).tasks[0].command != "rm"


@MODULE
async def test_the_embedded_delta_cannot_keep_a_forbidden_tool(embedded: Planner) -> None:
    refined = await embedded.refine({"plan": ["rm a.txt"]}, "remove a.txt", PlanContext(forbidden=NO_RM))
    assert refined.tasks[0].command != "rm"


@MODULE
async def test_the_embedded_planner_keeps_to_reading(embedded: Planner) -> None:
    context = PlanContext(max_risk="read")
    generated = await embedded.plan("count the lines of a.txt", context)
    assert {risk for task in generated.tasks for risk in task.risk} == {"reads"}
    with pytest.raises(PlanInvalid, match="only reading is allowed"):
        await embedded.plan("find and delete all files ending in .tmp", context)


async def test_a_general_model_writes_only_what_it_was_offered(tmp_path: Path) -> None:
    """A model of random weights writes any tool that its grammar allows, and no other."""
    model = write_tiny_gguf(tmp_path / "general.gguf", TinyModel(context_length=8192, planner_tools=None))
    config = PlannerConfig(
        load=LoadOptions(device="cpu", threads=1), echo_model=str(model), tools_limit=2, max_tasks=1
    )
    async with Planner(config, registry=PAINTS) as planner:
        for seed in range(8):
            options = PlanOptions(Parameters(temperature=2.0), seed=seed)
            generated = await planner.plan(INSTRUCTION, options=options)
            assert generated.metadata.tools_offered == ("paint_red", "print_red")
            assert generated.tasks[0].command in {"paint_red", "print_red"}
