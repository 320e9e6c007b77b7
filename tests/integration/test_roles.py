"""Echo, Delta and both of them, from the model's file to the plan, with models of any size."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

import pytest

from agx.errors import PlanInvalid, PlanTruncated
from agx.plan.tools import Registry
from agx.planning.config import ModelRole
from agx.planning.planner import Planner
from agx.requests import LoadOptions
from agx.risk.context import GeneratedPlan, PlanContext
from tests.integration.cases import WEATHER, Case, check_plan, opened_health, peak_memory_bytes
from tests.integration.instructions import DRAFT, INSTRUCTIONS, TO_REFINE

MIN_PLANS = 8  # of ten, from a real model: the smallest one may repeat itself until its tokens end


async def test_a_model_is_healthy_and_says_what_it_is(case: Case) -> None:
    async with case.planner(ModelRole.ECHO) as planner:
        facts = (await opened_health(planner)).facts
    with case.echo.open("rb") as file:
        assert facts["sha256"] == hashlib.file_digest(file, "sha256").hexdigest()
    assert facts["context_length"] > 0
    assert facts["architecture"]
    assert facts["device"] in {"cpu", "cuda", "metal"}


async def test_echo_plans_ten_instructions(case: Case) -> None:
    """A plan that does not end, or is refused, is an error that has the text and says what to do."""
    async with case.planner(ModelRole.ECHO) as planner:
        health = await opened_health(planner)
        outcomes = {
            instruction: await planned_or_refused(case, planner, instruction) for instruction in INSTRUCTIONS
        }
        memory = peak_memory_bytes(health.facts["pid"])
    for instruction, outcome in outcomes.items():
        if isinstance(outcome, GeneratedPlan):
            check_plan(outcome, case.registry, role=ModelRole.ECHO, max_tasks=case.context.task_limit)
            assert outcome.plan.instruction == instruction
            assert outcome.metadata.model_sha256 == health.facts["sha256"]
            assert outcome.changes is None
        else:
            assert outcome.text
            assert outcome.hint
    num_plans = sum(isinstance(outcome, GeneratedPlan) for outcome in outcomes.values())
    assert num_plans >= (MIN_PLANS if case.is_real else len(INSTRUCTIONS))
    assert memory is None or memory > case.echo.stat().st_size / 2


async def planned_or_refused(
    case: Case, planner: Planner, instruction: str
) -> GeneratedPlan | PlanTruncated | PlanInvalid:
    """Return the plan, or the error of one that is cut off or not valid."""
    try:
        return await case.plan(planner, instruction)
    except (PlanTruncated, PlanInvalid) as error:
        return error


async def test_delta_refines_a_draft(case: Case) -> None:
    """The draft's second task is useless, which the rules say and Delta reads."""
    alone = replace(case, echo=case.delta)
    async with alone.planner(ModelRole.DELTA) as planner:
        generated = await alone.refine(planner, DRAFT, TO_REFINE)
    check_plan(generated, case.registry, role=ModelRole.DELTA, max_tasks=case.context.task_limit)
    assert generated.plan.instruction == TO_REFINE
    assert generated.changes is not None
    assert generated.changes or case.is_real, "a random model keeps nothing as it is"


async def test_both_roles_work_together(case: Case) -> None:
    """Each role has its model in a worker; what Delta gives is the plan, and says what it changed."""
    async with case.planner(ModelRole.BOTH) as planner:
        generated = await case.plan(planner, "list all rust files and count lines")
        assert repr(planner).count(".gguf") == (1 if case.echo == case.delta else 2)
    check_plan(generated, case.registry, role=ModelRole.DELTA, max_tasks=case.context.task_limit)
    assert generated.changes is not None
    with case.delta.open("rb") as file:
        assert generated.metadata.model_sha256 == hashlib.file_digest(file, "sha256").hexdigest()


async def test_a_model_plans_with_functions(case: Case) -> None:
    functions = Registry.of([WEATHER])
    async with case.planner(ModelRole.ECHO, registry=functions) as planner:
        context = PlanContext(max_tasks=1 if case.is_real else 3)
        generated = await case.plan(planner, "what is the weather in Paris?", context=context)
    check_plan(generated, functions, role=ModelRole.ECHO)
    assert {task.command for task in generated.tasks} == {"get_weather"}


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
