"""Echo, Delta and both of them, from the model's file to the plan: health, plans, speed and memory."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import pytest

from agx.backends.base import Health
from agx.models.catalog import load_catalog
from agx.plan.tools import Registry, ToolInfo
from agx.planning.planner import Planner
from agx.planning.roles import ModelRole
from agx.requests import LoadOptions
from agx.risk.context import GeneratedPlan, PlanContext
from agx.rules.check import read_plan
from tests.integration.cases import (
    DELTA_MODEL,
    ECHO_MODEL,
    TARGETS,
    Case,
    Target,
    free_gpu_bytes,
    peak_memory_bytes,
)

# Each with commands that a plan for it may begin with.
INSTRUCTIONS = {
    "list all rust files and count lines": {"find", "ls", "wc", "grep", "fd", "cat"},
    "show the ten largest files in this folder": {"du", "find", "ls"},
    "count the words in notes.txt": {"wc", "cat"},
    "sort names.txt and drop duplicates": {"sort", "cat"},
    "find python files modified in the last 7 days": {"find"},
    "show how much disk space is free": {"df"},
    "search for TODO in all files below src": {"grep", "find", "rg"},
    "list running processes sorted by memory": {"ps", "top"},
    "print the first 20 lines of log.txt": {"head", "sed", "cat"},
    "compress the folder logs into logs.tar.gz": {"tar"},
}
MIN_SENSIBLE = 6  # of ten first commands
DRAFT = '{"plan": ["cat main.rs", "uniq"]}'
TO_REFINE = "count the lines of all rust files"
WEATHER = ToolInfo(
    name="get_weather",
    description="Give the weather of a city",
    schema={
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}},
        "required": ["city"],
        "additionalProperties": False,
    },
)


def check_plan(generated: GeneratedPlan, planner: Planner, *, role: ModelRole) -> None:
    """Check what holds of every plan: it can be read again, and says what it was made with."""
    again, _ = read_plan(generated.plan.to_dict(), planner.registry)
    assert again.tasks == generated.tasks
    assert generated.tasks
    metadata = generated.metadata
    assert (metadata.backend, metadata.role) == ("llamacpp", role.value)
    assert min(metadata.prompt_tokens, metadata.completion_tokens, metadata.latency_ms) > 0
    assert all(finding.severity != "error" for finding in generated.findings)


async def opened_health(planner: Planner) -> Health:
    """Load the model, so that no plan waits for it."""
    health = await planner.health_check()
    assert health.ok, health.detail
    return health


def check_costs(
    plans: list[GeneratedPlan], target: Target, *, health: Health, used_gpu_bytes: int | None
) -> None:
    """Compare with the target: the slowest plan, the speed of all together, and the memory."""
    slowest = max(generated.metadata.latency_ms for generated in plans) / 1000
    tokens = sum(generated.metadata.completion_tokens for generated in plans)
    speed = tokens * 1000 / sum(generated.metadata.timings_ms["decode"] for generated in plans)
    memory = peak_memory_bytes(health.facts["pid"]) if used_gpu_bytes is None else used_gpu_bytes
    said = f"slowest plan {slowest:.2f} s, {speed:.1f} tokens a second, {(memory or 0) / 1e9:.2f} GB"
    print(f"{health.detail}: {said}")  # noqa: T201  pytest -s shows the figures
    assert slowest < target.latency_secs, said
    assert speed > (target.tokens_per_sec or 0), said
    assert memory is None or memory < target.memory_bytes, said


async def test_a_model_is_healthy_and_says_what_it_is(case: Case) -> None:
    async with case.planner(ModelRole.ECHO) as planner:
        facts = (await opened_health(planner)).facts
    with case.echo.open("rb") as file:
        assert facts["sha256"] == hashlib.file_digest(file, "sha256").hexdigest()
    assert facts["context_length"] > 0
    assert facts["architecture"]
    assert facts["device"] in {"cpu", "cuda", "metal"}


async def test_echo_plans_ten_instructions(case: Case) -> None:
    """With a real model within the README's latency, speed and memory, and mostly with a fitting command."""
    free_before = free_gpu_bytes() if case.is_real else 0
    async with case.planner(ModelRole.ECHO) as planner:
        health = await opened_health(planner)
        plans = [await case.plan(planner, instruction) for instruction in INSTRUCTIONS]
        for instruction, generated in zip(INSTRUCTIONS, plans, strict=True):
            check_plan(generated, planner, role=ModelRole.ECHO)
            assert generated.plan.instruction == instruction
            assert generated.metadata.model_sha256 == health.facts["sha256"]
            assert generated.changes is None
        memory = peak_memory_bytes(health.facts["pid"])
        assert memory is None or memory > case.echo.stat().st_size / 2
        if case.is_real:
            on_gpu = health.facts["device"] != "cpu"
            used = free_before - free_gpu_bytes() if on_gpu else None
            check_costs(plans, TARGETS[ModelRole.ECHO, on_gpu], health=health, used_gpu_bytes=used)
            sensible = [
                generated.tasks[0].command in commands
                for generated, commands in zip(plans, INSTRUCTIONS.values(), strict=True)
            ]
            assert sum(sensible) >= MIN_SENSIBLE, [generated.tasks[0].command for generated in plans]


async def test_delta_refines_a_draft(case: Case) -> None:
    """The draft's second task is useless, which the rules say and Delta reads."""
    free_before = free_gpu_bytes() if case.is_real else 0
    alone = replace(case, echo=case.delta)
    async with alone.planner(ModelRole.DELTA) as planner:
        health = await opened_health(planner)
        generated = await alone.refine(planner, DRAFT, TO_REFINE)
        check_plan(generated, planner, role=ModelRole.DELTA)
        assert generated.plan.instruction == TO_REFINE
        assert generated.changes is not None
        assert generated.changes or case.is_real, "a random model keeps nothing as it is"
        if case.is_real:
            on_gpu = health.facts["device"] != "cpu"
            used = free_before - free_gpu_bytes() if on_gpu else None
            check_costs([generated], TARGETS[ModelRole.DELTA, on_gpu], health=health, used_gpu_bytes=used)


async def test_both_roles_work_together(case: Case) -> None:
    """Two models in two workers at once; what Delta gives is the plan, and says what it changed."""
    async with case.planner(ModelRole.BOTH) as planner:
        generated = await case.plan(planner, "list all rust files and count lines")
        assert repr(planner).count(".gguf") == 2 or case.echo == case.delta
        check_plan(generated, planner, role=ModelRole.DELTA)
    assert generated.changes is not None
    with case.delta.open("rb") as file:
        assert generated.metadata.model_sha256 == hashlib.file_digest(file, "sha256").hexdigest()


async def test_a_model_plans_with_functions(case: Case) -> None:
    async with case.planner(ModelRole.ECHO, registry=Registry.of([WEATHER])) as planner:
        context = PlanContext(max_tasks=1 if case.is_real else 3)
        generated = await case.plan(planner, "what is the weather in Paris?", context=context)
        check_plan(generated, planner, role=ModelRole.ECHO)
    assert {task.command for task in generated.tasks} == {"get_weather"}
    if case.is_real:
        assert "Paris" in str(generated.tasks[0].arguments)


@pytest.mark.gpu
@pytest.mark.skipif(
    os.environ.get("AGX_DEVICE", "auto") in {"auto", "cpu"}, reason="set AGX_DEVICE to cuda or metal"
)
async def test_it_runs_on_the_device_that_was_asked_for(case: Case) -> None:
    device = os.environ["AGX_DEVICE"]
    on_device = replace(case, load=LoadOptions(device))
    async with on_device.planner(ModelRole.ECHO) as planner:
        generated = await on_device.plan(planner, "list files")
    assert generated.metadata.device == device


def test_the_models_that_a_skip_names_are_in_the_catalogue() -> None:
    catalogue = load_catalog()
    assert "echo" in catalogue[ECHO_MODEL].good_for
    assert "delta" in catalogue[DELTA_MODEL].good_for
