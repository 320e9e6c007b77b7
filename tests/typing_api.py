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
    Chunk,
    Finding,
    GeneratedPlan,
    Health,
    ModelBackend,
    ModelRole,
    Parameters,
    Plan,
    PlanContext,
    PlanInvalid,
    PlanMetadata,
    Planner,
    PlannerConfig,
    Registry,
    ScriptedBackend,
    Task,
    TaskChange,
    ToolInfo,
    load_registry,
    plan_sync,
    registry_of,
    registry_of_functions,
    tool_from_function,
)


async def plans(path: Path) -> None:
    """Every method of the planner, and what it gives."""
    config = PlannerConfig(
        backend=BackendKind.AUTO,
        role=ModelRole.BOTH,
        echo_model="agx-nano",
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
