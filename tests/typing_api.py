"""How programs use the public names, for the type checker: nothing here is run.

`scripts/check` holds this file against mypy's strict rules, so a public type that got lost, became
`Any` or changed is found there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, assert_type

from agx import (
    AgxError,
    BackendKind,
    Case,
    Chunk,
    Finding,
    GeneratedPlan,
    Health,
    LoadOptions,
    ModelBackend,
    ModelCard,
    ModelChoice,
    ModelRole,
    Parameters,
    Plan,
    PlanContext,
    PlanInvalid,
    PlanMetadata,
    Planner,
    PlannerConfig,
    PlanStore,
    Registry,
    Report,
    RunResult,
    ScriptedBackend,
    ShellReading,
    StoredPlan,
    Task,
    TaskChange,
    ToolInfo,
    create_backend,
    embedded_model,
    evaluate_planner,
    insert_tasks,
    load_cases,
    load_registry,
    merge_registries,
    parse_shell,
    plan_json,
    plan_shell,
    plan_sync,
    read_card,
    read_plan,
    read_shell,
    registry_of,
    registry_of_functions,
    run_plan,
    specify,
    tool_from_function,
    tools_on_path,
    unix_registry,
    with_risk,
)


async def plans(path: Path) -> None:
    """Every method of the planner, and what it returns."""
    config = PlannerConfig(
        backend=BackendKind.AUTO,
        role=ModelRole.BOTH,
        echo_model="agx-nano",
        load=LoadOptions(device="cpu"),
        parameters=Parameters(temperature=0.5),
        seed=7,
        timeout_secs=1.5,
    )
    async with Planner(config, registry=load_registry(path)) as planner:
        assert_type(planner, Planner)
        generated = await planner.plan("list files", PlanContext(input_summary="text", max_tasks=3))
        assert_type(generated, GeneratedPlan)
        assert_type(await planner.refine(generated.plan), GeneratedPlan)
        assert_type(await planner.refine({"plan": ["sort"]}, "sort"), GeneratedPlan)
        assert_type(await planner.refine("text", "sort"), GeneratedPlan)
        assert_type(await planner.health_check(), Health)
        async for item in planner.stream("list files"):
            assert_type(item, Chunk | GeneratedPlan)
        stream: AsyncIterator[Chunk | GeneratedPlan] = planner.stream_refined(["sort"], "sort")
        await anext(stream)


def parts(generated: GeneratedPlan) -> None:
    """What a generated plan holds."""
    assert_type(generated.plan, Plan)
    assert_type(generated.tasks, tuple[Task, ...])
    assert_type(generated.metadata, PlanMetadata)
    assert_type(generated.metadata.seed, int | None)
    assert_type(generated.findings, tuple[Finding, ...])
    assert_type(generated.changes, tuple[TaskChange, ...] | None)
    assert_type(generated.plan.to_dict(), dict[str, Any])
    assert_type(generated.tasks[0].command, str)


def tools() -> Registry:
    """Registries of data and of Python functions."""
    tool = tool_from_function(tools, name="mine", risk=("reads",))
    assert_type(tool, ToolInfo)
    assert_type(registry_of([{"name": "sort"}], source="mine").warnings, tuple[str, ...])
    assert_type(registry_of_functions([tools, replaceable]), Registry)
    return Registry.of([tool])


def synchronous() -> str:
    """A script, with its errors."""
    registry = Registry.of([ToolInfo("greet", "greets", schema={"type": "object"})])
    try:
        return plan_sync("greet", registry=registry).plan.instruction
    except PlanInvalid as error:
        assert_type(error.findings, tuple[Mapping[str, Any], ...])
        return error.text
    except AgxError as error:
        assert_type(error.exit_code, int)
        assert_type(error.retryable, bool)
        return error.hint


def replaceable() -> ModelBackend:
    """A backend that ships in the package speaks the protocol."""
    return ScriptedBackend(["{}"])


def texts() -> Plan:
    """Plans from shell text and back, edited and checked."""
    reading = read_shell("sort a | uniq")
    assert_type(reading, ShellReading)
    assert_type(reading.findings, tuple[Finding, ...])
    plan = with_risk(parse_shell("sort a | uniq"), unix_registry())
    assert_type(insert_tasks(plan.tasks, reading.plan.tasks), tuple[Task, ...])
    assert_type(plan_json(plan) + plan_shell(plan), str)
    read, findings = read_plan(plan_json(plan), merge_registries(unix_registry(), tools_on_path(tools())))
    assert_type(findings, tuple[Finding, ...])
    return read


async def kept_and_measured(folder: Path) -> ModelBackend:
    """What is done with plans and models besides planning."""
    assert_type(PlanStore(folder).get("01"), StoredPlan)
    assert_type(await run_plan(texts()), RunResult)
    assert_type(load_cases(folder / "cases.jsonl"), list[Case])
    assert_type(await evaluate_planner(Planner(), load_cases(folder / "cases.jsonl")), Report)
    assert_type(read_card(embedded_model()), ModelCard)
    return create_backend(specify(ModelChoice("agx-nano")))
